/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake of the links against a second one, written out by hand from the Noise specification for this one
 * pattern and sharing no code with src/crypto. Then what a stranger, a liar on the path and a confused caller meet.
 */
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b"

/* ---- The second implementation: libsodium only. ---- */

struct ref {
        uint8_t ck[64], h[64], k[32];
        uint64_t n;
        uint8_t s[32], S[32], e[32], E[32], RS[32], RE[32]; /* secret in small letters, public in capitals */
        uint8_t psk[32];
};

static void ref_hash(uint8_t out[64], const uint8_t *a, size_t an, const uint8_t *b, size_t bn) {
        uint8_t all[2048];
        memcpy(all, a, an);
        memcpy(all + an, b, bn);
        crypto_generichash(out, 64, all, an + bn, NULL, 0);
}

/* HMAC(K, m) = H((K ^ opad) || H((K ^ ipad) || m)), K padded with zeros to 128 bytes. */
static void ref_hmac(uint8_t out[64], const uint8_t key[64], const uint8_t *m, size_t n) {
        uint8_t inner_key[128] = {0}, outer_key[128] = {0}, inner[64];
        memcpy(inner_key, key, 64);
        memcpy(outer_key, key, 64);
        for (int i = 0; i < 128; i++) {
                inner_key[i] ^= 0x36;
                outer_key[i] ^= 0x5c;
        }
        ref_hash(inner, inner_key, 128, m, n);
        ref_hash(out, outer_key, 128, inner, 64);
}

static void ref_hkdf(const uint8_t ck[64], const uint8_t *ikm, size_t n, uint8_t o1[64], uint8_t o2[64],
                     uint8_t o3[64]) {
        uint8_t temp[64], m[65], t1[64], t2[64], t3[64];
        ref_hmac(temp, ck, ikm, n);
        ref_hmac(t1, temp, (const uint8_t *)"\x01", 1);
        memcpy(m, t1, 64);
        m[64] = 2;
        ref_hmac(t2, temp, m, 65);
        memcpy(m, t2, 64);
        m[64] = 3;
        ref_hmac(t3, temp, m, 65);
        memcpy(o1, t1, 64);
        memcpy(o2, t2, 64);
        if (o3)
                memcpy(o3, t3, 64);
}

static void ref_mix_hash(struct ref *r, const uint8_t *p, size_t n) {
        ref_hash(r->h, r->h, 64, p, n);
}

static void ref_mix_key(struct ref *r, const uint8_t ikm[32]) {
        uint8_t k[64];
        ref_hkdf(r->ck, ikm, 32, r->ck, k, NULL);
        memcpy(r->k, k, 32);
        r->n = 0;
}

static void ref_mix_psk(struct ref *r) {
        uint8_t h[64], k[64];
        ref_hkdf(r->ck, r->psk, 32, r->ck, h, k);
        ref_mix_hash(r, h, 64);
        memcpy(r->k, k, 32);
        r->n = 0;
}

static void ref_nonce(uint8_t out[12], uint64_t n) {
        memset(out, 0, 12);
        for (int i = 0; i < 8; i++)
                out[4 + i] = (uint8_t)(n >> (8 * i));
}

static void ref_enc(struct ref *r, const uint8_t *p, size_t n, uint8_t *out) {
        uint8_t nonce[12];
        ref_nonce(nonce, r->n++);
        crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, p, n, r->h, 64, NULL, nonce, r->k);
        ref_mix_hash(r, out, n + 16);
}

static int ref_dec(struct ref *r, const uint8_t *c, size_t n, uint8_t *out) {
        uint8_t nonce[12];
        ref_nonce(nonce, r->n++);
        if (n < 16 || crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, c, n, r->h, 64, nonce, r->k) != 0)
                return -1;
        ref_mix_hash(r, c, n);
        return 0;
}

static void ref_dh(struct ref *r, const uint8_t secret[32], const uint8_t public[32]) {
        uint8_t shared[32];
        assert_int_equal(crypto_scalarmult(shared, secret, public), 0);
        ref_mix_key(r, shared);
}

static void ref_init(struct ref *r, const uint8_t s[32], const uint8_t e[32], const uint8_t psk[32],
                     const uint8_t *prologue, size_t n) {
        memset(r, 0, sizeof(*r));
        memcpy(r->h, NAME, strlen(NAME));
        memcpy(r->ck, r->h, 64);
        memcpy(r->s, s, 32);
        memcpy(r->e, e, 32);
        memcpy(r->psk, psk, 32);
        crypto_scalarmult_base(r->S, s);
        crypto_scalarmult_base(r->E, e);
        ref_mix_hash(r, prologue, n);
}

/* -> psk, e */
static size_t ref_write_1(struct ref *r, const uint8_t *p, size_t n, uint8_t *out) {
        ref_mix_psk(r);
        memcpy(out, r->E, 32);
        ref_mix_hash(r, r->E, 32);
        ref_mix_key(r, r->E);
        ref_enc(r, p, n, out + 32);
        return 32 + n + 16;
}
static int ref_read_1(struct ref *r, const uint8_t *m, size_t n, uint8_t *out) {
        ref_mix_psk(r);
        memcpy(r->RE, m, 32);
        ref_mix_hash(r, r->RE, 32);
        ref_mix_key(r, r->RE);
        return ref_dec(r, m + 32, n - 32, out);
}

/* <- e, ee, s, es */
static size_t ref_write_2(struct ref *r, const uint8_t *p, size_t n, uint8_t *out) {
        memcpy(out, r->E, 32);
        ref_mix_hash(r, r->E, 32);
        ref_mix_key(r, r->E);
        ref_dh(r, r->e, r->RE);
        ref_enc(r, r->S, 32, out + 32);
        ref_dh(r, r->s, r->RE);
        ref_enc(r, p, n, out + 80);
        return 80 + n + 16;
}
static int ref_read_2(struct ref *r, const uint8_t *m, size_t n, uint8_t *out) {
        memcpy(r->RE, m, 32);
        ref_mix_hash(r, r->RE, 32);
        ref_mix_key(r, r->RE);
        ref_dh(r, r->e, r->RE);
        if (ref_dec(r, m + 32, 48, r->RS) != 0)
                return -1;
        ref_dh(r, r->e, r->RS);
        return ref_dec(r, m + 80, n - 80, out);
}

/* -> s, se */
static size_t ref_write_3(struct ref *r, const uint8_t *p, size_t n, uint8_t *out) {
        ref_enc(r, r->S, 32, out);
        ref_dh(r, r->s, r->RE);
        ref_enc(r, p, n, out + 48);
        return 48 + n + 16;
}
static int ref_read_3(struct ref *r, const uint8_t *m, size_t n, uint8_t *out) {
        if (ref_dec(r, m, 48, r->RS) != 0)
                return -1;
        ref_dh(r, r->e, r->RS);
        return ref_dec(r, m + 48, n - 48, out);
}

static void ref_split(const struct ref *r, uint8_t from_initiator[32], uint8_t from_responder[32]) {
        uint8_t k1[64], k2[64];
        ref_hkdf(r->ck, (const uint8_t *)"", 0, k1, k2, NULL);
        memcpy(from_initiator, k1, 32);
        memcpy(from_responder, k2, 32);
}

/* ---- Ours, and a scene for both. ---- */

#include "crypto/noise.h"

#define ROUNDS 60
#define PAYLOAD_MAX 300

static uint64_t seed;

/* The next @n bytes of the run's own stream. */
static void draw(void *ret, size_t n) {
        static uint64_t draws;
        uint8_t key[randombytes_SEEDBYTES] = {0};
        draws++;
        memcpy(key, &seed, sizeof(seed));
        memcpy(key + sizeof(seed), &draws, sizeof(draws));
        randombytes_buf_deterministic(ret, n, key);
}

static size_t draw_size(size_t bound) {
        uint32_t v;
        draw(&v, sizeof(v));
        return v % bound;
}

struct scene {
        struct key s[2], e[2], psk; /* 0: the initiator's */
        uint8_t prologue[64];
        size_t n_prologue;
};

static struct scene scene_new(void) {
        struct scene sc;
        draw(&sc, sizeof(sc));
        sc.n_prologue = draw_size(sizeof(sc.prologue) + 1);
        return sc;
}

static struct noise ours_new(const struct scene *sc, bool initiator) {
        struct box_key s;
        struct noise n;
        box_key_from_secret(&s, &sc->s[!initiator]);
        const struct noise_config cfg = {
                .protocol_name = NAME,
                .initiator = initiator,
                .prologue = span_of(sc->prologue, sc->n_prologue),
                .s = &s,
                .e_secret = &sc->e[!initiator],
                .psk = &sc->psk,
                .n_psk = 1,
        };
        assert_int_equal(noise_init(&n, &cfg), 0);
        return n;
}

static struct ref ref_new(const struct scene *sc, bool initiator) {
        struct ref r;
        ref_init(&r, sc->s[!initiator].b, sc->e[!initiator].b, sc->psk.b, sc->prologue, sc->n_prologue);
        return r;
}

typedef size_t ref_write_fn(struct ref *, const uint8_t *, size_t, uint8_t *);
typedef int ref_read_fn(struct ref *, const uint8_t *, size_t, uint8_t *);

static void ref_to_ours(struct ref *r, ref_write_fn *write, struct noise *n) {
        uint8_t payload[PAYLOAD_MAX], wire[PAYLOAD_MAX + 128];
        _clean_(buf_fini) struct buf got = BUF_NULL;
        size_t size = draw_size(PAYLOAD_MAX);
        draw(payload, sizeof(payload));
        size_t sent = write(r, payload, size, wire);
        assert_int_equal(noise_read(n, span_of(wire, sent), &got), 0);
        assert_true(span_eq(buf_span(&got), span_of(payload, size)));
        assert_memory_equal(r->h, n->h, NOISE_HASH);
}

static void ours_to_ref(struct noise *n, struct ref *r, ref_read_fn *read) {
        uint8_t payload[PAYLOAD_MAX], got[PAYLOAD_MAX];
        _clean_(buf_fini) struct buf wire = BUF_NULL;
        size_t size = draw_size(PAYLOAD_MAX);
        draw(payload, sizeof(payload));
        assert_int_equal(noise_write(n, span_of(payload, size), &wire), 0);
        assert_int_equal(read(r, wire.p, wire.n, got), 0);
        assert_memory_equal(got, payload, size);
        assert_memory_equal(r->h, n->h, NOISE_HASH);
}

/* Both directions' keys, and some messages through them. */
static void same_transport(struct noise *n, const struct ref *r) {
        struct noise_cipher send, recv;
        struct ref key[2] = {0}; /* 0: from the initiator */
        uint8_t h[NOISE_HASH];
        bool initiator = n->initiator;
        ref_split(r, key[0].k, key[1].k);
        assert_int_equal(noise_split(n, &send, &recv, h), 0);
        assert_memory_equal(h, r->h, sizeof(h));
        assert_memory_equal(send.key.b, key[!initiator].k, 32);
        assert_memory_equal(recv.key.b, key[initiator].k, 32);
        for (uint64_t i = 0; i < 4; i++) {
                uint8_t plain[100], expected[116], wire[116], nonce[12];
                draw(plain, sizeof(plain));
                ref_nonce(nonce, i);
                crypto_aead_chacha20poly1305_ietf_encrypt(expected, NULL, plain, sizeof(plain), NULL, 0, NULL, nonce,
                                                          send.key.b);
                assert_true(noise_encrypt(&send, SPAN_NONE, SPAN_OF(plain), wire));
                assert_memory_equal(wire, expected, sizeof(wire));
                crypto_aead_chacha20poly1305_ietf_encrypt(wire, NULL, plain, sizeof(plain), NULL, 0, NULL, nonce,
                                                          recv.key.b);
                assert_true(noise_decrypt(&recv, SPAN_NONE, SPAN_OF(wire), wire)); /* in place */
                assert_memory_equal(wire, plain, sizeof(plain));
        }
}

static void ours_initiates(void **state) {
        (void)state;
        for (int i = 0; i < ROUNDS; i++) {
                struct scene sc = scene_new();
                struct noise n = ours_new(&sc, true);
                struct ref r = ref_new(&sc, false);
                ours_to_ref(&n, &r, ref_read_1);
                ref_to_ours(&r, ref_write_2, &n);
                ours_to_ref(&n, &r, ref_read_3);
                assert_memory_equal(n.rs.b, r.S, 32);
                same_transport(&n, &r);
                noise_fini(&n);
        }
}

static void ours_responds(void **state) {
        (void)state;
        for (int i = 0; i < ROUNDS; i++) {
                struct scene sc = scene_new();
                struct noise n = ours_new(&sc, false);
                struct ref r = ref_new(&sc, true);
                ref_to_ours(&r, ref_write_1, &n);
                ours_to_ref(&n, &r, ref_read_2);
                ref_to_ours(&r, ref_write_3, &n);
                assert_memory_equal(n.rs.b, r.S, 32);
                same_transport(&n, &r);
                noise_fini(&n);
        }
}

/* Refused, nothing appended, and no call afterwards yields a byte. */
static void assert_refused(struct noise *n, struct span message) {
        struct noise_cipher a, b;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        static const struct noise wiped;
        buf_add_str(&out, "kept");
        assert_int_equal(noise_read(n, message, &out), NOISE_E_INPUT);
        assert_int_equal(noise_write(n, SPAN_NONE, &out), NOISE_E_ORDER);
        assert_int_equal(noise_read(n, message, &out), NOISE_E_ORDER);
        assert_int_equal(noise_split(n, &a, &b, NULL), NOISE_E_ORDER);
        assert_true(span_eq(buf_span(&out), SPAN_STR("kept")));
        assert_memory_equal(n, &wiped, sizeof(wiped));
}

static void strangers_get_nothing(void **state) {
        (void)state;
        struct scene sc = scene_new(), other = sc;
        _clean_(buf_fini) struct buf m1 = BUF_NULL;
        struct noise stranger, home = ours_new(&sc, false);

        other.psk.b[31] ^= 1;
        stranger = ours_new(&other, true);
        assert_int_equal(noise_write(&stranger, SPAN_STR("hello"), &m1), 0);
        assert_refused(&home, buf_span(&m1));

        other = sc;
        other.n_prologue = sc.n_prologue / 2 + (sc.n_prologue == 0);
        buf_clear(&m1);
        home = ours_new(&sc, false);
        stranger = ours_new(&other, true);
        assert_int_equal(noise_write(&stranger, SPAN_NONE, &m1), 0);
        assert_refused(&home, buf_span(&m1));

        uint8_t noise[512];
        for (size_t n = 0; n < sizeof(noise); n++) {
                draw(noise, sizeof(noise));
                home = ours_new(&sc, false);
                assert_refused(&home, span_of(noise, n));
        }
}

/* Every bit of @message matters to @reader, and every byte: shorter and longer ones are refused too. */
static void assert_all_mutants_refused(const struct noise *reader, struct span message) {
        uint8_t m[512] = {0};
        assert_true(message.n < sizeof(m));
        for (size_t i = 0; i < message.n; i++) {
                struct noise n = *reader;
                memcpy(m, message.p, message.n);
                m[i] ^= (uint8_t)(1u << draw_size(8));
                assert_refused(&n, span_of(m, message.n));
        }
        memcpy(m, message.p, message.n);
        m[message.n] = 0;
        for (size_t i = 0; i <= message.n + 1; i++) {
                struct noise n = *reader;
                if (i != message.n)
                        assert_refused(&n, span_of(m, i));
        }
}

static void mutants_are_refused(void **state) {
        (void)state;
        struct scene sc = scene_new();
        struct noise side[2] = {ours_new(&sc, true), ours_new(&sc, false)};
        for (int i = 0; i < 3; i++) {
                _clean_(buf_fini) struct buf wire = BUF_NULL;
                _clean_(buf_fini) struct buf got = BUF_NULL;
                struct noise *from = &side[i % 2], *to = &side[(i + 1) % 2];
                assert_int_equal(noise_write(from, i == 1 ? SPAN_NONE : SPAN_STR("payload"), &wire), 0);
                assert_all_mutants_refused(to, buf_span(&wire));
                assert_int_equal(noise_read(to, buf_span(&wire), &got), 0);
        }
        assert_true(side[0].done && side[1].done);
}

static void own_message_is_not_an_answer(void **state) {
        (void)state;
        struct scene sc = scene_new();
        struct noise n = ours_new(&sc, true);
        _clean_(buf_fini) struct buf m1 = BUF_NULL;
        assert_int_equal(noise_write(&n, SPAN_STR("hello"), &m1), 0);
        assert_refused(&n, buf_span(&m1));
}

static void calls_out_of_turn(void **state) {
        (void)state;
        struct scene sc = scene_new();
        struct noise a = ours_new(&sc, true), b = ours_new(&sc, false), before = a;
        struct noise_cipher send, recv;
        _clean_(buf_fini) struct buf wire = BUF_NULL;
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_true(noise_my_turn(&a));
        assert_false(noise_my_turn(&b));
        assert_int_equal(noise_read(&a, SPAN_STR("anything"), &got), NOISE_E_ORDER);
        assert_int_equal(noise_split(&a, &send, &recv, NULL), NOISE_E_ORDER);
        assert_int_equal(noise_write(&b, SPAN_NONE, &wire), NOISE_E_ORDER);
        assert_memory_equal(&a, &before, sizeof(a));
        assert_int_equal(wire.n + got.n, 0);

        for (int i = 0; i < 3; i++) {
                buf_clear(&wire);
                assert_int_equal(noise_write(i % 2 ? &b : &a, SPAN_NONE, &wire), 0);
                assert_int_equal(noise_read(i % 2 ? &a : &b, buf_span(&wire), &got), 0);
        }
        assert_int_equal(noise_write(&b, SPAN_NONE, &wire), NOISE_E_ORDER);
        assert_int_equal(noise_read(&a, buf_span(&wire), &got), NOISE_E_ORDER);
        assert_int_equal(noise_split(&a, &send, &recv, NULL), 0);
        assert_int_equal(noise_split(&a, &send, &recv, NULL), NOISE_E_ORDER);
        struct box_key s1;
        box_key_from_secret(&s1, &sc.s[1]);
        assert_true(key_eq(&a.rs, &s1.pub)); /* stays readable after the split */
        static const struct key zero;
        assert_true(key_eq(&a.s.secret, &zero) && key_eq(&a.e.secret, &zero) && key_eq(&a.psk[0], &zero));
}

static void missing_keys(void **state) {
        (void)state;
        struct scene sc = scene_new();
        struct box_key s;
        struct noise n;
        box_key_from_secret(&s, &sc.s[0]);
        const struct noise_config all = {
                .protocol_name = NAME, .initiator = true, .s = &s, .e_secret = &sc.e[0], .psk = &sc.psk, .n_psk = 1};
        struct noise_config cfg = all;
        cfg.s = NULL;
        assert_int_equal(noise_init(&n, &cfg), NOISE_E_ORDER);
        cfg = all;
        cfg.e_secret = NULL;
        assert_int_equal(noise_init(&n, &cfg), NOISE_E_ORDER);
        cfg = all;
        cfg.n_psk = 0;
        assert_int_equal(noise_init(&n, &cfg), NOISE_E_ORDER);
        cfg = all;
        cfg.protocol_name = "Noise_XX_25519_ChaChaPoly_BLAKE2b"; /* the psk would silently not be used */
        assert_int_equal(noise_init(&n, &cfg), NOISE_E_ORDER);
        cfg = all;
        cfg.protocol_name = "Noise_XKpsk0_25519_ChaChaPoly_BLAKE2b"; /* needs rs */
        assert_int_equal(noise_init(&n, &cfg), NOISE_E_ORDER);
        assert_int_equal(noise_init(&n, &all), 0);
        noise_fini(&n);
}

static void names(void **state) {
        (void)state;
        static const char *const bad[] = {
                "",
                "Noise_",
                "Noise_XX",
                "XX_25519_ChaChaPoly_BLAKE2b",
                "Noise__25519_ChaChaPoly_BLAKE2b",
                "Noise_XX_25519_ChaChaPoly_BLAKE2s",
                "Noise_XX_25519_ChaChaPoly_BLAKE2b ",
                "Noise_XX_448_ChaChaPoly_BLAKE2b",
                "Noise_XX_25519_AESGCM_BLAKE2b",
                "Noise_XY_25519_ChaChaPoly_BLAKE2b",
                "Noise_XX2_25519_ChaChaPoly_BLAKE2b",
                "Noise_xx_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXfallback_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXpsk_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXpsk4_25519_ChaChaPoly_BLAKE2b",
                "Noise_Npsk2_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXpsk0+_25519_ChaChaPoly_BLAKE2b",
                "Noise_XX+psk0_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXpsk0psk1_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXpsk0+psk0_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXpsk3+psk0_25519_ChaChaPoly_BLAKE2b",
                "Noise_XXpsk00_25519_ChaChaPoly_BLAKE2b",
        };
        struct noise_pattern p;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (noise_pattern_parse(&p, bad[i]) != NOISE_E_NAME)
                        fail_msg("%s was taken for a name", bad[i]);

        assert_int_equal(noise_pattern_parse(&p, "Noise_XXpsk0+psk3_25519_ChaChaPoly_BLAKE2b"), 0);
        const uint8_t first[] = {NOISE_TOKEN_PSK, NOISE_TOKEN_E, NOISE_END};
        const uint8_t last[] = {NOISE_TOKEN_S, NOISE_TOKEN_SE, NOISE_TOKEN_PSK, NOISE_END};
        assert_memory_equal(p.tokens[0], first, sizeof(first));
        assert_memory_equal(p.tokens[2], last, sizeof(last));
        assert_true(p.psk && !p.one_way && p.n_messages == 3);
        assert_int_equal(noise_pattern_parse(&p, "Noise_X1X1psk0+psk1+psk2+psk3+psk4_25519_ChaChaPoly_BLAKE2b"), 0);
        assert_int_equal(p.n_messages, 4);
}

static void sizes(void **state) {
        (void)state;
        struct scene sc = scene_new();
        const size_t overhead = 32 + 16, most = NOISE_MESSAGE_MAX - overhead;
        static uint8_t big[NOISE_MESSAGE_MAX + 1];
        struct noise a = ours_new(&sc, true), b = ours_new(&sc, false), before = a;
        _clean_(buf_fini) struct buf wire = BUF_NULL;
        _clean_(buf_fini) struct buf got = BUF_NULL;
        _clean_(buf_fini) struct buf small = BUF_MAX(overhead);
        assert_int_equal(noise_write(&a, span_of(big, most + 1), &wire), ERR_FULL);
        assert_int_equal(noise_write(&a, span_of(big, 1), &small), ERR_NOMEM);
        assert_memory_equal(&a, &before, sizeof(a)); /* neither cost the handshake */
        buf_clear(&small);
        assert_int_equal(noise_write(&a, span_of(big, most), &wire), 0);
        assert_int_equal(wire.n, NOISE_MESSAGE_MAX);
        struct noise again = b;
        assert_int_equal(noise_read(&b, buf_span(&wire), &got), 0);
        assert_int_equal(got.n, most);
        assert_refused(&again, SPAN_OF(big));

        struct noise c = ours_new(&sc, true), d = ours_new(&sc, false);
        assert_int_equal(noise_write(&c, SPAN_NONE, &small), 0); /* exactly fits */
        assert_int_equal(noise_read(&d, buf_span(&small), &small), 0);
        assert_int_equal(small.n, overhead); /* an empty payload needs no room */
}

static void transport_counters(void **state) {
        (void)state;
        struct noise_cipher a = {.has_key = true}, b, none = {0};
        uint8_t wire[2][36], out[36];
        draw(a.key.b, sizeof(a.key.b));
        b = a;
        assert_true(noise_encrypt(&a, SPAN_STR("aad"), SPAN_STR("twenty bytes of text"), wire[0]));
        assert_true(noise_encrypt(&a, SPAN_NONE, SPAN_STR("twenty bytes of text"), wire[1]));
        assert_int_equal(a.n, 2);
        assert_false(noise_decrypt(&b, SPAN_NONE, SPAN_OF(wire[1]), out)); /* not its turn */
        assert_false(noise_decrypt(&b, SPAN_NONE, SPAN_OF(wire[0]), out)); /* not its data */
        assert_false(noise_decrypt(&b, SPAN_STR("aad"), span_of(wire[0], NOISE_TAG - 1), out));
        assert_int_equal(b.n, 0);
        assert_true(noise_decrypt(&b, SPAN_STR("aad"), SPAN_OF(wire[0]), out));
        assert_false(noise_decrypt(&b, SPAN_STR("aad"), SPAN_OF(wire[0]), out)); /* a replay */
        assert_true(noise_decrypt(&b, SPAN_NONE, SPAN_OF(wire[1]), out));
        assert_memory_equal(out, "twenty bytes of text", 20);

        a.n = UINT64_MAX;
        assert_false(noise_encrypt(&a, SPAN_NONE, SPAN_STR("x"), out));
        assert_false(noise_decrypt(&a, SPAN_NONE, SPAN_OF(wire[0]), out));
        assert_false(noise_encrypt(&none, SPAN_NONE, SPAN_STR("x"), out));
        assert_false(noise_decrypt(&none, SPAN_NONE, SPAN_OF(wire[0]), out));
}

/* Of a one-way pattern the other direction has no key. */
static void one_way(void **state) {
        (void)state;
        struct scene sc = scene_new();
        struct box_key s;
        struct noise a, b;
        struct noise_cipher as, ar, bs, br;
        _clean_(buf_fini) struct buf wire = BUF_NULL;
        _clean_(buf_fini) struct buf got = BUF_NULL;
        uint8_t c[17], p[1];
        box_key_from_secret(&s, &sc.s[1]);
        struct noise_config cfg = {.protocol_name = "Noise_N_25519_ChaChaPoly_BLAKE2b",
                                   .initiator = true,
                                   .e_secret = &sc.e[0],
                                   .rs = &s.pub};
        assert_int_equal(noise_init(&a, &cfg), 0);
        cfg = (struct noise_config){.protocol_name = cfg.protocol_name, .s = &s};
        assert_int_equal(noise_init(&b, &cfg), 0);
        assert_int_equal(noise_write(&a, SPAN_STR("p"), &wire), 0);
        assert_int_equal(noise_read(&b, buf_span(&wire), &got), 0);
        assert_int_equal(noise_split(&a, &as, &ar, NULL), 0);
        assert_int_equal(noise_split(&b, &bs, &br, NULL), 0);
        assert_true(noise_encrypt(&as, SPAN_NONE, SPAN_STR("x"), c) && noise_decrypt(&br, SPAN_NONE, SPAN_OF(c), p));
        assert_false(noise_encrypt(&bs, SPAN_NONE, SPAN_STR("x"), c));
        assert_false(ar.has_key);
}

int main(void) {
        const char *given = getenv("PORCHLIGHT_SEED");
        if (sodium_init() < 0)
                return EXIT_FAILURE;
        seed = given ? strtoull(given, NULL, 10) : randombytes_random();
        printf("# PORCHLIGHT_SEED=%llu\n", (unsigned long long)seed);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ours_initiates),
                cmocka_unit_test(ours_responds),
                cmocka_unit_test(strangers_get_nothing),
                cmocka_unit_test(mutants_are_refused),
                cmocka_unit_test(own_message_is_not_an_answer),
                cmocka_unit_test(calls_out_of_turn),
                cmocka_unit_test(missing_keys),
                cmocka_unit_test(names),
                cmocka_unit_test(sizes),
                cmocka_unit_test(transport_counters),
                cmocka_unit_test(one_way),
        };
        return cmocka_run_group_tests_name("noise-xxpsk0", tests, NULL, NULL);
}
