/* SPDX-License-Identifier: Apache-2.0 */
/* A seed, and what is drawn from it: a failure is the same failure the next time. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

static inline uint64_t rng_next(uint64_t *state) { /* splitmix64 */
        uint64_t z = (*state += 0x9e3779b97f4a7c15u);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

static inline uint64_t rng_below(uint64_t *state, uint64_t n) {
        return rng_next(state) % n;
}

/* A seed nobody has had before. Small enough to be typed. */
static inline uint64_t rng_fresh(void) {
        uint32_t seed = 1;
        if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
                seed = 1;
        return seed;
}
