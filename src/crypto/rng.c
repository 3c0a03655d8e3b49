/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rng.h. One ChaCha20 call yields 512 bytes: the first 32 replace the key at once, the other 480 are given out and
 * wiped as they go. Whoever reads this memory later can't compute what was given out before.
 */
#include "crypto/rng.h"

#include <sodium.h>

void rng_init(struct rng *r, const uint8_t seed[32]) {
        *r = (struct rng){.at = sizeof(r->block)};
        memcpy(r->key.b, seed, sizeof(r->key.b));
}

void rng_fini(struct rng *r) {
        sodium_memzero(r, sizeof(*r));
        r->at = sizeof(r->block);
}

static void refill(struct rng *r) {
        static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES]; /* zero: each key makes one stream */
        uint8_t stream[sizeof(r->key.b) + sizeof(r->block)];
        crypto_stream_chacha20(stream, sizeof(stream), nonce, r->key.b);
        memcpy(r->key.b, stream, sizeof(r->key.b));
        memcpy(r->block, stream + sizeof(r->key.b), sizeof(r->block));
        sodium_memzero(stream, sizeof(stream));
        r->at = 0;
}

void rng_bytes(struct rng *r, void *ret, size_t n) {
        uint8_t *to = ret;
        while (n) {
                if (r->at >= sizeof(r->block))
                        refill(r);
                size_t now = MIN(n, sizeof(r->block) - r->at);
                memcpy(to, r->block + r->at, now);
                sodium_memzero(r->block + r->at, now);
                r->at += now;
                to += now;
                n -= now;
        }
}

uint64_t rng_u64(struct rng *r) {
        uint8_t b[8];
        rng_bytes(r, b, sizeof(b));
        return get_be64(b);
}

uint64_t rng_below(struct rng *r, uint64_t bound) {
        if (CHECK_FAILS(bound > 0))
                return 0;
        /* The first 2^64 mod bound values would make small results likelier: draw again. */
        uint64_t unfair = -bound % bound;
        uint64_t v = rng_u64(r);
        while (v < unfair)
                v = rng_u64(r);
        return v % bound;
}
