/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault as a program, before a daemon that was taken over: test-vault-attack PROGRAM. A household without a passphrase,
 * which is the hardest case, has granted a clip, and its wrapped key waits. The daemon then says what it likes, as fast as it can:
 * messages it may say, with fields of its own making; receipts, attestations and keys that are nearly right; those of the
 * owner's tools; and plain noise. No key comes, no line is written, and the owner is served afterwards.
 *
 * PORCHLIGHT_ATTACK_MESSAGES: how many, instead of 10 s of them; PORCHLIGHT_ATTACK_SEED: which.
 */
#include "../support/histories.h"
#include "vault-street.h"

#include "base/text.h"
#include "clip/clip.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define QUICK_S 10
#define MS_PER_S 1000

static struct street street;

struct attack {
        struct street_vault sv;
        struct rng rng;
        struct buf grant, receipt, forged, manifest,
                sealed; /* @receipt: the true one, which the daemon does not have */
        struct key clip_key;
        struct hash clip;
        struct buf in; /* of what the vault says */
        uint64_t sent, heard, keys;
};

/* ---- a clip, granted ---- */

static void make_clip(struct attack *a, const struct key *seal) {
        uint8_t salt[CHUNK_SALT] = {8}, camera[32] = {9};
        struct hash zero = {0}, commit;
        rng_bytes(&a->rng, a->clip_key.b, sizeof(a->clip_key.b));
        chunk_commit(&commit, &a->clip_key, salt);
        struct wire_manifest m = {
                .device = SPAN_OF(street.homes[0].device.pub.b),
                .household = SPAN_OF(street.homes[0].key.pub.b),
                .created = street.now,
                .sure = true,
                .camera = SPAN_OF(camera),
                .media = MEDIA_OTHER,
                .size = 5,
                .chunks = 1,
                .salt = SPAN_OF(salt),
                .hashes = SPAN_OF(zero.b),
                .commit = SPAN_OF(commit.b),
        };
        assert_int_equal(clip_sign(CLIP_MANIFEST, &m, &street.mesh, &street.homes[0].device, &a->manifest, &a->clip),
                         0);
        assert_true(chunk_seal_key(&a->sealed, seal, salt, &a->clip_key, &a->rng));
}

static void household_seal(const struct attack *a, struct key *ret) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct keyfile head;
        key_file(&a->sv.w, &file);
        assert_int_equal(keyfile_decode(buf_span(&file), &head), 0);
        *ret = head.seal;
}

/* Times in the ledger are this machine's, so the street lives now. */
static void grant(struct attack *a) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_grant g;
        struct hash grant, receipt;
        text_hex(&id, SPAN_OF(a->clip.b));
        struct wire_o_grant q = {.clip = buf_span(&id), .purpose = SPAN_STR("the stolen bicycle")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("Home AB"));
        say(a->sv.fd, OWNER_O_GRANT, &q);
        sv_tell(&a->sv, street.sides[0], (mesh_wall)time(NULL));
        hear_number(a->sv.w.daemon, &a->sv.d, OWNER_V_WANT_CLIP);
        struct wire_v_clip clip = {.manifest = buf_span(&a->manifest)};
        WIRE_PUT(&clip, V_CLIP, sealed, buf_span(&a->sealed));
        say(a->sv.w.daemon, OWNER_V_CLIP, &clip);
        hear_number(a->sv.fd, &a->sv.a, OWNER_O_SENTENCE);
        sv_go(&a->sv, NULL);
        hear_number(a->sv.fd, &a->sv.a, OWNER_O_SHARED_ROW);
        hear_done(a->sv.fd);
        hear_number(a->sv.w.daemon, &a->sv.d, OWNER_V_GRANT);
        buf_add(&a->grant, a->sv.d.m.v_paper.paper);
        assert_int_equal(clip_read(CLIP_GRANT, buf_span(&a->grant), &street.mesh, &g, &grant), 0);
        struct wire_receipt w = {
                .grant = SPAN_OF(grant.b), .clip = g.clip, .household = g.to, .created = (mesh_wall)time(NULL)};
        assert_int_equal(clip_sign(CLIP_RECEIPT, &w, &street.mesh, &street.homes[1].key, &a->receipt, &receipt), 0);
        w.household = SPAN_OF(street.homes[2].key.pub.b); /* what the daemon can have: another home's */
        assert_int_equal(clip_sign(CLIP_RECEIPT, &w, &street.mesh, &street.homes[2].key, &a->forged, &receipt), 0);
}

static off_t ledger_bytes(const struct attack *a) {
        char path[128];
        struct stat st;
        world_path(&a->sv.w, "vault/ledger", path);
        assert_int_equal(stat(path, &st), 0);
        return st.st_size;
}

/* ---- what it says ---- */

static void flip(struct attack *a, struct buf *b) {
        for (uint64_t n = 1 + rng_below(&a->rng, 3); n-- > 0 && b->n;)
                b->p[rng_below(&a->rng, b->n)] ^= (uint8_t)(1 + rng_below(&a->rng, 255));
}

/* A message whose spans are papers that are there, or noise. */
static void put_nearly(struct attack *a, struct buf *out) {
        static const enum wire_owner papers[] = {OWNER_V_RECEIPT, OWNER_V_ATTEST, OWNER_V_SIGNED, OWNER_V_GRANT,
                                                 OWNER_V_ASKED};
        const struct buf *const have[] = {&a->forged, &a->grant, &a->manifest, &a->receipt};
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        size_t which = (size_t)rng_below(&a->rng, ARRAY_LEN(have));
        buf_add(&paper, buf_span(have[which]));
        if (have[which] == &a->receipt || rng_below(&a->rng, 2)) /* never as it was signed */
                flip(a, &paper);
        if (span_eq(buf_span(&paper), buf_span(&a->receipt)))
                paper.p[paper.n - 1] ^= 1;
        struct wire_v_paper msg = {.paper = buf_span(&paper)};
        frame_put(out, wire_owner_find(papers[rng_below(&a->rng, ARRAY_LEN(papers))]), &msg);
}

static void put_other(struct attack *a, struct buf *out) {
        uint8_t noise[80];
        rng_bytes(&a->rng, noise, sizeof(noise));
        struct wire_v_key key = {.grant = span_of(noise, 32), .blob = SPAN_OF(noise)};
        struct wire_v_clip clip = {.manifest = buf_span(&a->manifest)};
        struct wire_v_result res = {.ok = rng_below(&a->rng, 2)};
        struct wire_v_ops op = {.op = buf_span(&a->grant)};
        struct wire_v_ops_end end = {.time = street.now};
        struct wire_o_go go = {0};
        struct wire_o_chunk chunk = {0};
        WIRE_PUT(&clip, V_CLIP, sealed, buf_span(&a->sealed));
        const struct {
                enum wire_owner number;
                const void *msg;
        } rows[] = {{OWNER_V_KEY, &key},     {OWNER_V_CLIP, &clip}, {OWNER_V_RESULT, &res},  {OWNER_V_OPS, &op},
                    {OWNER_V_OPS_END, &end}, {OWNER_O_GO, &go},     {OWNER_O_CHUNK, &chunk}, {OWNER_V_RELEASE, &key}};
        size_t which = (size_t)rng_below(&a->rng, ARRAY_LEN(rows));
        frame_put(out, wire_owner_find(rows[which].number), rows[which].msg);
}

/* A frame of any bytes: its length is right, or the stream would end with it. */
static void put_noise(struct attack *a, struct buf *out) {
        uint8_t head[4], byte;
        size_t n = 1 + (size_t)rng_below(&a->rng, 200);
        put_be32(head, (uint32_t)n);
        buf_add(out, SPAN_OF(head));
        while (n--) {
                byte = (uint8_t)rng_below(&a->rng, 256);
                buf_add(out, span_of(&byte, 1));
        }
}

/* A right frame with wrong bytes in it. */
static void put_bent(struct attack *a, struct buf *out) {
        size_t at = out->n;
        put_other(a, out);
        struct buf body = {.p = out->p + at + 4, .n = out->n - at - 4};
        flip(a, &body);
}

static void put_one(struct attack *a, struct buf *out) {
        switch (rng_below(&a->rng, 4)) {
        case 0:
                put_noise(a, out);
                return;
        case 1:
                put_other(a, out);
                return;
        case 2:
                put_bent(a, out);
                return;
        default:
                put_nearly(a, out);
                return;
        }
}

/* ---- what it hears ---- */

static void hear_all(struct attack *a) {
        uint8_t bytes[65536];
        struct span body;
        const struct wire_number *row;
        union frame_message m;
        ssize_t n;
        size_t used;
        while ((n = recv(a->sv.w.daemon, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
                buf_add(&a->in, span_of(bytes, (size_t)n));
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
                fail_msg("the vault has ended after %llu messages", (unsigned long long)a->sent);
        size_t at = 0;
        while (frame_take(span_from(buf_span(&a->in), at), &body, &used) == 0) {
                assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
                a->keys += row->number == OWNER_V_RELEASE;
                a->heard++;
                at += used;
        }
        buf_drop(&a->in, at);
}

/* As much as the socket takes; what the vault has no room for waits. */
static void send_some(struct attack *a, struct buf *out) {
        struct pollfd fd = {.fd = a->sv.w.daemon, .events = POLLIN | POLLOUT};
        assert_true(poll(&fd, 1, 20 * MS_PER_S) > 0);
        ssize_t n = send(a->sv.w.daemon, out->p, out->n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
                buf_drop(out, (size_t)n);
        hear_all(a);
}

static void go_on(struct attack *a) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        uint64_t most = number_in("PORCHLIGHT_ATTACK_MESSAGES", UINT64_MAX);
        time_t until = most == UINT64_MAX ? time(NULL) + QUICK_S : 0;
        while (a->sent < most && (!until || time(NULL) < until)) {
                for (int i = 0; i < 64 && a->sent < most; i++, a->sent++)
                        put_one(a, &out);
                while (out.n)
                        send_some(a, &out);
        }
        for (int i = 0; i < 50; i++) { /* what is still to be said */
                hear_all(a);
                world_nap();
        }
}

static void test_attack(void **state) {
        static struct attack a;
        struct key seal;
        uint8_t rng_seed[32] = {0};
        uint64_t seed = number_in("PORCHLIGHT_ATTACK_SEED", 1);
        (void)state;
        put_be64(rng_seed, seed);
        rng_init(&a.rng, rng_seed);
        sv_found(&street, 3);
        sv_init(&a.sv, &street, 0, NULL);
        household_seal(&a, &seal);
        make_clip(&a, &seal);
        grant(&a);
        off_t before = ledger_bytes(&a);
        go_on(&a);
        print_message("# %llu messages of PORCHLIGHT_ATTACK_SEED=%llu, %llu answers\n", (unsigned long long)a.sent,
                      (unsigned long long)seed, (unsigned long long)a.heard);
        assert_int_equal(a.keys, 0);
        assert_true(ledger_bytes(&a) == before);
        assert_true(a.heard > 0);
        struct wire_v_paper msg = {.paper = buf_span(&a.receipt)}; /* the true one, and the key comes */
        say(a.sv.w.daemon, OWNER_V_RECEIPT, &msg);
        do {
                assert_true(hear(a.sv.w.daemon, &a.sv.d));
        } while (a.sv.d.row->number != OWNER_V_RELEASE);
        char path[128];
        close(a.sv.fd);
        answer_fini(&a.sv.a);
        answer_fini(&a.sv.d);
        world_stop(&a.sv.w);
        static const char *const left[] = {"vault/ledger"};
        for (size_t i = 0; i < ARRAY_LEN(left); i++) {
                world_path(&a.sv.w, left[i], path);
                unlink(path);
        }
        struct wire_grant g;
        struct hash id;
        _clean_(buf_fini) struct buf name = BUF_NULL;
        assert_int_equal(clip_read(CLIP_GRANT, buf_span(&a.grant), &street.mesh, &g, &id), 0);
        buf_add_str(&name, "vault/wrapped-");
        text_hex(&name, SPAN_OF(id.b));
        world_path(&a.sv.w, buf_cstr(&name), path);
        assert_int_equal(unlink(path), 0); /* kept until its time is over: the same receipt brings it again */
        world_remove(&a.sv.w);
        struct buf *const bufs[] = {&a.grant, &a.receipt, &a.forged, &a.manifest, &a.sealed, &a.in};
        for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
                buf_fini(bufs[i]);
        street_end(&street);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_attack)};
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
