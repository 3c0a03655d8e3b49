/* SPDX-License-Identifier: Apache-2.0 */
#include "ice/quic.h"

#include "ice/ring.h"

#include <arpa/inet.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <sodium.h>

#define CID_BYTES 8
#define NO_STREAM (-1)
#define BURST 64                              /* datagrams in one turn */
#define FIRST_RTT (100 * NGTCP2_MILLISECONDS) /* guessed, between two homes */
#define SHAKING_MOST (10 * NGTCP2_SECONDS)
#define SWALLOWED (1 * NGTCP2_SECONDS) /* without anything arriving: are the packets too large? */
#define PRIORITY                                                                                                       \
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:"          \
        "%DISABLE_TLS13_COMPAT_MODE"
#define PROTOCOL "porchlight/1" /* ALPN, which RFC 9001 asks for */

struct quic {
        bool client;
        enum quic_state state;
        const struct cert *cert;
        struct hash print;
        quic_send_fn send;
        void *arg;
        ngtcp2_conn *conn; /* the server's is made of the first datagram */
        gnutls_session_t tls;
        ngtcp2_crypto_conn_ref ref;
        int64_t stream;
        struct ring out, in;
        size_t sent; /* of @out: under way, not confirmed */
        uint64_t arrived;
        uint64_t arrived_at; /* or the time since which something is under way */
        size_t most;         /* bytes of a datagram */
        bool finish, finished, over;
        uint64_t now;
};

/* libnice knows the addresses, and may change them; QUIC sees one path that never does. */
static struct sockaddr_in any_end(void) {
        return (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

#define PATH_OF(name)                                                                                                  \
        struct sockaddr_in name##_end = any_end();                                                                     \
        ngtcp2_path name = {.local = {(ngtcp2_sockaddr *)&name##_end, sizeof(name##_end)},                             \
                            .remote = {(ngtcp2_sockaddr *)&name##_end, sizeof(name##_end)}}

static void end(struct quic *q, enum quic_state state) {
        if (q->state <= QUIC_UP)
                q->state = state;
}

/* ---- what ngtcp2 asks and tells ---- */

static void on_random(uint8_t *to, size_t n, _unused_ const ngtcp2_rand_ctx *ctx) {
        randombytes_buf(to, n);
}

static int on_new_id(_unused_ ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t n, _unused_ void *arg) {
        cid->datalen = n;
        randombytes_buf(cid->data, n);
        randombytes_buf(token, NGTCP2_STATELESS_RESET_TOKENLEN);
        return 0;
}

static int on_shaken(ngtcp2_conn *conn, void *arg) {
        struct quic *q = arg;
        if (!cert_shown(q->tls, &q->print)) {
                end(q, QUIC_STRANGER);
                return NGTCP2_ERR_CALLBACK_FAILURE;
        }
        q->state = QUIC_UP;
        return q->client && ngtcp2_conn_open_bidi_stream(conn, &q->stream, NULL) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_stream(_unused_ ngtcp2_conn *conn, int64_t id, void *arg) {
        struct quic *q = arg;
        q->stream = id;
        return 0;
}

/* The window promises that it fits; where it does not, the other side has broken its word. */
static int on_bytes(_unused_ ngtcp2_conn *conn, uint32_t flags, int64_t id, _unused_ uint64_t offset, const uint8_t *p,
                    size_t n, void *arg, _unused_ void *of_stream) {
        struct quic *q = arg;
        if (q->state != QUIC_UP || id != q->stream || ring_put(&q->in, span_of(p, n)) < n)
                return NGTCP2_ERR_CALLBACK_FAILURE;
        q->over |= flags & NGTCP2_STREAM_DATA_FLAG_FIN;
        return 0;
}

static int on_confirmed(_unused_ ngtcp2_conn *conn, _unused_ int64_t id, _unused_ uint64_t offset, uint64_t n,
                        void *arg, _unused_ void *of_stream) {
        struct quic *q = arg;
        ring_drop(&q->out, n);
        q->sent -= n;
        q->arrived += n;
        q->arrived_at = q->now;
        return 0;
}

/* Both directions are at their end, or the other side has broken it off: what came before is still to be fetched. */
static int on_stream_closed(_unused_ ngtcp2_conn *conn, _unused_ uint32_t flags, _unused_ int64_t id,
                            _unused_ uint64_t error, void *arg, _unused_ void *of_stream) {
        struct quic *q = arg;
        q->over = true;
        end(q, QUIC_CLOSED);
        return 0;
}

static const ngtcp2_callbacks callbacks = {
        .client_initial = ngtcp2_crypto_client_initial_cb,
        .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
        .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
        .handshake_completed = on_shaken,
        .encrypt = ngtcp2_crypto_encrypt_cb,
        .decrypt = ngtcp2_crypto_decrypt_cb,
        .hp_mask = ngtcp2_crypto_hp_mask_cb,
        .recv_stream_data = on_bytes,
        .acked_stream_data_offset = on_confirmed,
        .stream_open = on_stream,
        .stream_close = on_stream_closed,
        .recv_retry = ngtcp2_crypto_recv_retry_cb,
        .rand = on_random,
        .get_new_connection_id = on_new_id,
        .update_key = ngtcp2_crypto_update_key_cb,
        .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
        .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
        .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
        .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

/* ---- making it ---- */

static ngtcp2_conn *conn_of(ngtcp2_crypto_conn_ref *ref) {
        return ((struct quic *)ref->user_data)->conn;
}

static bool begin_tls(struct quic *q) {
        const gnutls_datum_t alpn = {(unsigned char *)(uintptr_t)PROTOCOL, sizeof(PROTOCOL) - 1};
        unsigned flags = GNUTLS_NO_END_OF_EARLY_DATA | GNUTLS_NO_AUTO_SEND_TICKET;
        if (gnutls_init(&q->tls, flags | (q->client ? GNUTLS_CLIENT : GNUTLS_SERVER)))
                return false;
        q->ref = (ngtcp2_crypto_conn_ref){.get_conn = conn_of, .user_data = q};
        gnutls_session_set_ptr(q->tls, &q->ref);
        if (!q->client)
                gnutls_certificate_server_set_request(q->tls, GNUTLS_CERT_REQUIRE);
        return gnutls_priority_set_direct(q->tls, PRIORITY, NULL) == 0 &&
               gnutls_credentials_set(q->tls, GNUTLS_CRD_CERTIFICATE, q->cert->with) == 0 &&
               gnutls_alpn_set_protocols(q->tls, &alpn, 1, GNUTLS_ALPN_MANDATORY) == 0 &&
               (q->client ? ngtcp2_crypto_gnutls_configure_client_session(q->tls)
                          : ngtcp2_crypto_gnutls_configure_server_session(q->tls)) == 0;
}

static void id_draw(ngtcp2_cid *ret) {
        ret->datalen = CID_BYTES;
        randombytes_buf(ret->data, CID_BYTES);
}

/* @first: the client's first packet, by which the server goes. */
static bool begin_conn(struct quic *q, const ngtcp2_pkt_hd *first, uint64_t now) {
        ngtcp2_settings s;
        ngtcp2_transport_params p;
        ngtcp2_cid own, other;
        PATH_OF(path);
        ngtcp2_settings_default(&s);
        ngtcp2_transport_params_default(&p);
        s.initial_ts = now;
        s.initial_rtt = FIRST_RTT;
        s.handshake_timeout = SHAKING_MOST;
        s.cc_algo = NGTCP2_CC_ALGO_CUBIC;
        s.max_tx_udp_payload_size = QUIC_DATAGRAM;
        p.initial_max_data = p.initial_max_stream_data_bidi_local = p.initial_max_stream_data_bidi_remote = QUIC_WINDOW;
        p.initial_max_streams_bidi = q->client ? 0 : 1;
        p.disable_active_migration = 1;
        id_draw(&own);
        int e;
        if (first) {
                p.original_dcid = first->dcid;
                e = ngtcp2_conn_server_new(&q->conn, &first->scid, &own, &path, first->version, &callbacks, &s, &p,
                                           NULL, q);
        } else {
                id_draw(&other);
                e = ngtcp2_conn_client_new(&q->conn, &other, &own, &path, NGTCP2_PROTO_VER_V1, &callbacks, &s, &p, NULL,
                                           q);
        }
        if (e)
                return false;
        ngtcp2_conn_set_tls_native_handle(q->conn, q->tls);
        return true;
}

struct quic *quic_new(bool client, const struct cert *cert, const struct hash *print, quic_send_fn send, void *arg,
                      uint64_t now) {
        struct quic *q = calloc(1, sizeof(*q));
        if (!q)
                return NULL;
        *q = (struct quic){.client = client,
                           .cert = cert,
                           .print = *print,
                           .send = send,
                           .arg = arg,
                           .stream = NO_STREAM,
                           .most = QUIC_DATAGRAM,
                           .now = now};
        if (!ring_init(&q->out, QUIC_WINDOW) || !ring_init(&q->in, QUIC_WINDOW) || !begin_tls(q) ||
            (client && !begin_conn(q, NULL, now)))
                return quic_free(q);
        return q;
}

static void say_goodbye(struct quic *q) {
        uint8_t datagram[QUIC_DATAGRAM];
        ngtcp2_connection_close_error none;
        PATH_OF(path);
        ngtcp2_connection_close_error_default(&none);
        ngtcp2_ssize n =
                ngtcp2_conn_write_connection_close(q->conn, &path, NULL, datagram, sizeof(datagram), &none, q->now);
        if (n > 0)
                q->send(q->arg, span_of(datagram, (size_t)n));
}

struct quic *quic_free(struct quic *q) {
        if (!q)
                return NULL;
        if (q->conn && q->state != QUIC_BROKEN)
                say_goodbye(q);
        ngtcp2_conn_del(q->conn);
        if (q->tls)
                gnutls_deinit(q->tls);
        ring_fini(&q->out);
        ring_fini(&q->in);
        free(q);
        return NULL;
}

/* ---- datagrams ---- */

/* Of a connection that hung up nothing is to be heard any more, and to one that broke its word nothing to be said. */
static void judge(struct quic *q, int e) {
        if (e == NGTCP2_ERR_DRAINING || e == NGTCP2_ERR_CLOSING) {
                q->over = true;
                end(q, QUIC_CLOSED);
        } else if (e)
                end(q, QUIC_BROKEN);
}

void quic_receive(struct quic *q, struct span datagram, uint64_t now) {
        ngtcp2_pkt_hd first;
        PATH_OF(path);
        if (q->state > QUIC_UP || !datagram.n)
                return;
        q->now = now;
        if (!q->conn) {
                if (ngtcp2_accept(&first, datagram.p, datagram.n))
                        return; /* not how one begins: from a meeting before this one, or from nobody */
                if (!begin_conn(q, &first, now)) {
                        end(q, QUIC_BROKEN);
                        return;
                }
        }
        judge(q, ngtcp2_conn_read_pkt(q->conn, &path, NULL, datagram.p, datagram.n, now));
        quic_turn(q, now);
}

/* One datagram of what is to be said. Returns its length; 0: there is nothing, or not now. */
static size_t next_datagram(struct quic *q, uint8_t to[QUIC_DATAGRAM], uint64_t now) {
        PATH_OF(path);
        for (;;) {
                struct span there = ring_look(&q->out, q->sent);
                bool last = q->finish && q->sent + there.n == q->out.n;
                bool some = q->stream != NO_STREAM && !q->finished && (there.n || last);
                ngtcp2_vec v = {(uint8_t *)(uintptr_t)there.p, there.n};
                ngtcp2_ssize taken = -1;
                uint32_t flags = some && last ? NGTCP2_WRITE_STREAM_FLAG_FIN : some ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0;
                ngtcp2_ssize n = ngtcp2_conn_writev_stream(q->conn, &path, NULL, to, q->most, &taken, flags,
                                                           some ? q->stream : NO_STREAM, &v, some ? 1 : 0, now);
                if (taken > 0 && !q->sent)
                        q->arrived_at = now;
                if (taken > 0)
                        q->sent += (size_t)taken;
                q->finished |= some && last && taken >= 0 && (size_t)taken == there.n;
                if (n == NGTCP2_ERR_WRITE_MORE)
                        continue;
                if (n == NGTCP2_ERR_STREAM_DATA_BLOCKED || n == NGTCP2_ERR_STREAM_SHUT_WR ||
                    n == NGTCP2_ERR_STREAM_NOT_FOUND)
                        n = ngtcp2_conn_write_pkt(q->conn, &path, NULL, to, q->most, now);
                if (n < 0)
                        judge(q, (int)n);
                return n > 0 ? (size_t)n : 0;
        }
}

void quic_turn(struct quic *q, uint64_t now) {
        uint8_t datagram[QUIC_DATAGRAM];
        if (!q->conn || q->state > QUIC_UP)
                return;
        q->now = now;
        if (q->sent && now - q->arrived_at > SWALLOWED)
                q->most = QUIC_SURE;
        if (now >= ngtcp2_conn_get_expiry(q->conn))
                judge(q, ngtcp2_conn_handle_expiry(q->conn, now));
        for (int i = 0; i < BURST && q->state <= QUIC_UP; i++) {
                size_t n = next_datagram(q, datagram, now);
                if (!n)
                        break;
                q->send(q->arg, span_of(datagram, n));
        }
        ngtcp2_conn_update_pkt_tx_time(q->conn, now);
}

uint64_t quic_deadline(const struct quic *q) {
        return q->conn && q->state <= QUIC_UP ? ngtcp2_conn_get_expiry(q->conn) : QUIC_NEVER;
}

enum quic_state quic_state(const struct quic *q) {
        return q->state;
}

/* ---- bytes ---- */

size_t quic_room(const struct quic *q) {
        return q->finish || q->state > QUIC_UP ? 0 : ring_room(&q->out);
}

size_t quic_put(struct quic *q, struct span bytes) {
        return quic_room(q) ? ring_put(&q->out, bytes) : 0;
}

uint64_t quic_arrived(const struct quic *q) {
        return q->arrived;
}

void quic_finish(struct quic *q) {
        q->finish = true;
}

struct span quic_look(const struct quic *q) {
        return ring_look(&q->in, 0);
}

void quic_drop(struct quic *q, size_t n) {
        ring_drop(&q->in, n);
        if (q->conn && q->state == QUIC_UP) {
                ngtcp2_conn_extend_max_stream_offset(q->conn, q->stream, n);
                ngtcp2_conn_extend_max_offset(q->conn, n);
        }
}

bool quic_over(const struct quic *q) {
        return q->over && !q->in.n;
}
