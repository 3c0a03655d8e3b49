/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness is an argument: a ChaCha20 stream from a 32-byte seed, with fast key erasure. The daemon seeds it from the
 * kernel once, the simulator with a number; either way a run is a function of the seed.
 */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"

struct rng {
        struct key key; /* of the next block; replaced before any byte of a block is given out */
        uint8_t block[480];
        size_t at; /* first byte of the block not given out yet */
};

void rng_init(struct rng *r, const uint8_t seed[32]);
void rng_fini(struct rng *r); /* wipes it */
void rng_bytes(struct rng *r, void *ret, size_t n);
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t bound); /* uniform in 0…bound-1; bound > 0 */
