/* SPDX-License-Identifier: Apache-2.0 */
/* See sign.h. The signed message has a fixed bound, so neither side allocates. */
#include "crypto/sign.h"

#include <sodium.h>

#define SIGN_MESSAGE_MAX 96

/* clang-format off */
#define DOMAIN_X(name, text) _Static_assert(sizeof(text) + sizeof(struct hash) <= SIGN_MESSAGE_MAX, #name " too long");
DOMAINS(DOMAIN_X)
#undef DOMAIN_X
/* clang-format on */

static struct span sign_message(uint8_t room[SIGN_MESSAGE_MAX], enum domain d, const struct hash *what) {
        const char *text = domain_text(d);
        size_t n = strlen(text) + 1;
        memcpy(room, text, n);
        memcpy(room + n, what->b, sizeof(what->b));
        return span_of(room, n + sizeof(what->b));
}

void sign_key_from_seed(struct sign_key *ret, const uint8_t seed[32]) {
        crypto_sign_seed_keypair(ret->pub.b, ret->secret, seed);
}

void sign_key_new(struct sign_key *ret, struct rng *rng) {
        uint8_t seed[crypto_sign_SEEDBYTES];
        rng_bytes(rng, seed, sizeof(seed));
        sign_key_from_seed(ret, seed);
        sodium_memzero(seed, sizeof(seed));
}

void sign_make(uint8_t ret_sig[SIGN_BYTES], const struct sign_key *k, enum domain d, const struct hash *what) {
        uint8_t room[SIGN_MESSAGE_MAX];
        struct span m = sign_message(room, d, what);
        crypto_sign_detached(ret_sig, NULL, m.p, m.n, k->secret);
}

/* libsodium refuses S >= L, keys that are not canonical, and keys and R of small order; then R must match byte for
 * byte. */
bool sign_check_raw(const uint8_t sig[SIGN_BYTES], const struct key *pub, struct span message) {
        return crypto_sign_verify_detached(sig, message.p, message.n, pub->b) == 0;
}

bool sign_check(const uint8_t sig[SIGN_BYTES], const struct key *pub, enum domain d, const struct hash *what) {
        uint8_t room[SIGN_MESSAGE_MAX];
        return sign_check_raw(sig, pub, sign_message(room, d, what));
}

/* (L-1)·P = -P exactly for points P of the group of order L. Not crypto_core_ed25519_is_valid_point: before the repair
 * of CVE-2025-69277 it let Q + (0,-1) pass, and a build may meet such a libsodium. */
bool sign_key_valid(const struct key *pub) {
        static const uint8_t order_less_one[crypto_core_ed25519_SCALARBYTES] = {
                0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
        };
        static const uint8_t sign_bit = 0x80; /* of x, in the last byte: flipping it negates the point */
        struct key minus;
        if (crypto_scalarmult_ed25519_noclamp(minus.b, order_less_one, pub->b) != 0)
                return false;
        minus.b[sizeof(minus.b) - 1] ^= sign_bit;
        return key_eq(&minus, pub);
}
