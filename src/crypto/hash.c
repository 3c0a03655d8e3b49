/* SPDX-License-Identifier: Apache-2.0 */
/* See hash.h. Everything here is libsodium; what this file adds is that no call can forget its domain. */
#include "crypto/hash.h"

#include <sodium.h>

/* libsodium chooses its vector code in sodium_init; without it all is right, but slow. Doing it here means that no
 * program can forget it, and that it is over before the first thread. */
__attribute__((constructor)) static void hash_choose_code(void) {
        REQUIRE(sodium_init() >= 0);
}

const char *domain_text(enum domain d) {
        static const char *const texts[] = {
#define DOMAIN_X(name, text) [DOMAIN_##name] = text,
                DOMAINS(DOMAIN_X)
#undef DOMAIN_X
        };
        REQUIRE((size_t)d < ARRAY_LEN(texts));
        return texts[d];
}

static void add_domain(crypto_generichash_blake2b_state *st, enum domain d) {
        const char *text = domain_text(d);
        crypto_generichash_blake2b_update(st, (const uint8_t *)text, strlen(text) + 1);
}

static void add_parts(crypto_generichash_blake2b_state *st, const struct span *parts, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (parts[i].n)
                        crypto_generichash_blake2b_update(st, parts[i].p, parts[i].n);
}

void hash_make_n(struct hash *ret, enum domain d, const struct hash *mesh, const struct span *parts, size_t n) {
        static const struct hash no_mesh;
        crypto_generichash_blake2b_state st;
        crypto_generichash_blake2b_init(&st, NULL, 0, sizeof(ret->b));
        add_domain(&st, d);
        crypto_generichash_blake2b_update(&st, mesh ? mesh->b : no_mesh.b, sizeof(no_mesh.b));
        add_parts(&st, parts, n);
        crypto_generichash_blake2b_final(&st, ret->b, sizeof(ret->b));
}

void hash_make(struct hash *ret, enum domain d, const struct hash *mesh, struct span body) {
        hash_make_n(ret, d, mesh, &body, 1);
}

void hash_derive_n(struct key *ret, enum domain d, const struct key *secret, const struct span *parts, size_t n) {
        crypto_generichash_blake2b_state st;
        crypto_generichash_blake2b_init(&st, secret->b, sizeof(secret->b), sizeof(ret->b));
        add_domain(&st, d);
        add_parts(&st, parts, n);
        crypto_generichash_blake2b_final(&st, ret->b, sizeof(ret->b));
        sodium_memzero(&st, sizeof(st));
}

void hash_derive(struct key *ret, enum domain d, const struct key *secret, struct span context) {
        hash_derive_n(ret, d, secret, &context, 1);
}

uint64_t hash_short(const uint8_t salt[16], struct span body) {
        uint8_t out[crypto_shorthash_siphash24_BYTES];
        crypto_shorthash_siphash24(out, body.p, body.n, salt);
        uint64_t v = 0;
        for (size_t i = sizeof(out); i-- > 0;)
                v = v << 8 | out[i];
        return v;
}

bool hash_same(const void *a, const void *b, size_t n) {
        return n == 0 || sodium_memcmp(a, b, n) == 0;
}

void hash_wipe(void *p, size_t n) {
        if (n)
                sodium_memzero(p, n);
}
