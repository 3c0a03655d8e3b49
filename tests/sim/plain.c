/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/plain.h"

#include "sim/mix.h"

#include "base/map.h"

#include <sodium.h>
#include <stdlib.h>

#define KEY 32
#define TAG 16

static bool plain;
static struct map known; /* struct answer by what was asked */

struct answer {
        uint8_t name[32], value[KEY];
        int ret;
};

void plain_begin(void) {
        plain = true;
        map_init(&known, (const uint64_t[4]){1, 2, 3, 4});
}

void plain_end(void) {
        if (!plain)
                return;
        MAP_EACH (a, &known, struct answer)
                free(a);
        map_fini(&known);
        plain = false;
}

/* ---- AEADs: the bytes as they are, and a checksum under key, nonce and what goes with it ---- */
struct sealing {
        const uint8_t *key, *nonce, *aad;
        size_t n_nonce, n_aad;
};

static void tag_of(const struct sealing *s, const uint8_t *text, size_t n, uint8_t ret[TAG]) {
        uint64_t h = mix_bytes(mix_bytes(1, span_of(s->key, KEY)), span_of(s->nonce, s->n_nonce));
        h = mix_bytes(mix_bytes(h, span_of(s->aad, s->n_aad)), span_of(text, n));
        put_be64(ret, h);
        put_be64(ret + 8, mix(h, 2));
}

static int seal(const struct sealing *s, uint8_t *out, unsigned long long *ret_n, const uint8_t *text, size_t n) {
        if (n)
                memmove(out, text, n);
        tag_of(s, out, n, out + n);
        if (ret_n)
                *ret_n = n + TAG;
        return 0;
}

static int unseal(const struct sealing *s, uint8_t *out, unsigned long long *ret_n, const uint8_t *text, size_t n) {
        uint8_t tag[TAG];
        if (n < TAG)
                return -1;
        tag_of(s, text, n - TAG, tag);
        if (memcmp(tag, text + n - TAG, TAG) != 0)
                return -1;
        if (n > TAG)
                memmove(out, text, n - TAG);
        if (ret_n)
                *ret_n = n - TAG;
        return 0;
}

/* The two AEADs differ in their nonces. */
#define AEAD(name, nonce_bytes)                                                                                        \
        int __real_##name##_encrypt(unsigned char *, unsigned long long *, const unsigned char *, unsigned long long,  \
                                    const unsigned char *, unsigned long long, const unsigned char *,                  \
                                    const unsigned char *, const unsigned char *);                                     \
        int __wrap_##name##_encrypt(unsigned char *out, unsigned long long *ret_n, const unsigned char *text,          \
                                    unsigned long long n, const unsigned char *aad, unsigned long long n_aad,          \
                                    const unsigned char *none, const unsigned char *nonce, const unsigned char *key);  \
        int __wrap_##name##_encrypt(unsigned char *out, unsigned long long *ret_n, const unsigned char *text,          \
                                    unsigned long long n, const unsigned char *aad, unsigned long long n_aad,          \
                                    const unsigned char *none, const unsigned char *nonce, const unsigned char *key) { \
                if (!plain)                                                                                            \
                        return __real_##name##_encrypt(out, ret_n, text, n, aad, n_aad, none, nonce, key);             \
                return seal(&(struct sealing){key, nonce, aad, nonce_bytes, n_aad}, out, ret_n, text, n);              \
        }                                                                                                              \
        int __real_##name##_decrypt(unsigned char *, unsigned long long *, unsigned char *, const unsigned char *,     \
                                    unsigned long long, const unsigned char *, unsigned long long,                     \
                                    const unsigned char *, const unsigned char *);                                     \
        int __wrap_##name##_decrypt(unsigned char *out, unsigned long long *ret_n, unsigned char *none,                \
                                    const unsigned char *text, unsigned long long n, const unsigned char *aad,         \
                                    unsigned long long n_aad, const unsigned char *nonce, const unsigned char *key);   \
        int __wrap_##name##_decrypt(unsigned char *out, unsigned long long *ret_n, unsigned char *none,                \
                                    const unsigned char *text, unsigned long long n, const unsigned char *aad,         \
                                    unsigned long long n_aad, const unsigned char *nonce, const unsigned char *key) {  \
                if (!plain)                                                                                            \
                        return __real_##name##_decrypt(out, ret_n, none, text, n, aad, n_aad, nonce, key);             \
                return unseal(&(struct sealing){key, nonce, aad, nonce_bytes, n_aad}, out, ret_n, text, n);            \
        }

AEAD(crypto_aead_chacha20poly1305_ietf, 12)
AEAD(crypto_aead_xchacha20poly1305_ietf, 24)

/* ---- X25519: a public key is its secret, what two share is a hash of both ---- */
int __real_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);
int __wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);
int __wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n) {
        if (!plain)
                return __real_crypto_scalarmult_base(q, n);
        memmove(q, n, KEY);
        return 0;
}

int __real_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p) {
        if (!plain)
                return __real_crypto_scalarmult(q, n, p);
        uint64_t a = mix_bytes(1, span_of(n, KEY)), b = mix_bytes(1, span_of(p, KEY)), both = a ^ b;
        for (size_t i = 0; i < KEY; i += 8) {
                both = mix(both, a + b);
                put_be64(q + i, both);
        }
        return 0;
}

/* ---- what is asked again and again ---- */
static struct answer *answer_of(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b, const uint8_t *c,
                                size_t n_c, bool *ret_known) {
        uint8_t name[32];
        crypto_generichash_state st;
        crypto_generichash_init(&st, NULL, 0, sizeof(name));
        crypto_generichash_update(&st, a, n_a);
        crypto_generichash_update(&st, b, n_b);
        crypto_generichash_update(&st, c, n_c);
        crypto_generichash_final(&st, name, sizeof(name));
        struct answer *at = map_find(&known, name);
        *ret_known = at != NULL;
        if (at)
                return at;
        at = calloc(1, sizeof(*at));
        REQUIRE(at);
        memcpy(at->name, name, sizeof(name));
        REQUIRE(map_put(&known, at->name, at) == 0);
        return at;
}

int __real_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long n,
                                       const unsigned char *pub);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long n,
                                       const unsigned char *pub);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long n,
                                       const unsigned char *pub) {
        bool there;
        if (!plain)
                return __real_crypto_sign_verify_detached(sig, m, n, pub);
        struct answer *a = answer_of(sig, crypto_sign_BYTES, pub, KEY, m, n, &there);
        if (!there)
                a->ret = __real_crypto_sign_verify_detached(sig, m, n, pub);
        return a->ret;
}

int __real_crypto_scalarmult_ed25519_noclamp(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __wrap_crypto_scalarmult_ed25519_noclamp(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __wrap_crypto_scalarmult_ed25519_noclamp(unsigned char *q, const unsigned char *n, const unsigned char *p) {
        bool there;
        if (!plain)
                return __real_crypto_scalarmult_ed25519_noclamp(q, n, p);
        struct answer *a = answer_of(n, KEY, p, KEY, NULL, 0, &there);
        if (!there)
                a->ret = __real_crypto_scalarmult_ed25519_noclamp(a->value, n, p);
        memcpy(q, a->value, KEY);
        return a->ret;
}
