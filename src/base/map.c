/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

#define MAP_LARGE 4096 /* slots from which on it grows in larger steps: each step reads every key */
#define MAP_FIRST 16   /* slots of the first allocation; a power of two */

#define PRIME 0x1fffffffffffffffu /* 2^61 - 1 */

static uint64_t mod_prime(unsigned __int128 v) {
        v = (v & PRIME) + (v >> 61);
        v = (v & PRIME) + (v >> 61);
        return v >= PRIME ? (uint64_t)(v - PRIME) : (uint64_t)v;
}

/* The key as a polynomial over the integers modulo a prime, at a secret point, then multiply-add-shift: two keys fall into
 * one slot of n with probability 1/n + 2^-57, for who does not know the seed. */
static size_t map_hash(const struct map *m, const uint8_t key[32]) {
        unsigned __int128 sum = 0; /* of eight products of 32 and 61 bits */
        for (size_t i = 0; i < ARRAY_LEN(m->powers); i++) {
                uint32_t w;
                memcpy(&w, key + 4 * i, sizeof(w));
                sum += (unsigned __int128)m->powers[i] * w;
        }
        unsigned __int128 factor = (unsigned __int128)m->seed[1] << 64 | m->seed[2];
        return (size_t)((factor * mod_prime(sum) + m->seed[3]) >> 64);
}

void map_init(struct map *m, const uint64_t seed[4]) {
        *m = (struct map){0};
        memcpy(m->seed, seed, sizeof(m->seed));
        uint64_t power = 1;
        for (size_t i = ARRAY_LEN(m->powers); i-- > 0;) {
                m->powers[i] = power;
                power = mod_prime((unsigned __int128)power * (seed[0] & PRIME));
        }
}

void map_fini(struct map *m) {
        free(m->slots);
        m->slots = NULL;
        m->n = m->cap = 0;
}

static size_t map_at(const struct map *m, const uint8_t key[32]) {
        size_t i = map_hash(m, key) & (m->cap - 1);
        while (m->slots[i].key && memcmp(m->slots[i].key, key, 32) != 0)
                i = (i + 1) & (m->cap - 1);
        return i;
}

void *map_find(const struct map *m, const uint8_t key[32]) {
        if (!m->cap)
                return NULL;
        size_t i = map_at(m, key);
        return m->slots[i].key ? m->slots[i].value : NULL;
}

static int map_resize(struct map *m, size_t cap) {
        struct map bigger = *m;
        bigger.cap = cap;
        bigger.slots = calloc(cap, sizeof(*bigger.slots));
        if (!bigger.slots)
                return ERR_NOMEM;
        for (size_t i = 0; i < m->cap; i++)
                if (m->slots[i].key)
                        bigger.slots[map_at(&bigger, m->slots[i].key)] = m->slots[i];
        free(m->slots);
        *m = bigger;
        return 0;
}

static bool map_has_room(size_t cap, size_t n) {
        return n * 4 <= cap * 3;
}

int map_put(struct map *m, const uint8_t key[32], void *value) {
        if (!map_has_room(m->cap, m->n + 1)) {
                int r = map_resize(m, m->cap ? m->cap * (m->cap < MAP_LARGE ? 2 : 4) : MAP_FIRST);
                if (r)
                        return r;
        }
        size_t i = map_at(m, key);
        if (!m->slots[i].key)
                m->n++;
        m->slots[i] = (struct map_slot){key, value};
        return 0;
}

void *map_del(struct map *m, const uint8_t key[32]) {
        if (!m->cap)
                return NULL;
        size_t hole = map_at(m, key);
        if (!m->slots[hole].key)
                return NULL;
        void *value = m->slots[hole].value;
        /* Close the gap, so that no later key of the same run becomes unreachable. */
        for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].key; i = (i + 1) & (m->cap - 1)) {
                size_t home = map_hash(m, m->slots[i].key) & (m->cap - 1);
                if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
                        m->slots[hole] = m->slots[i];
                        hole = i;
                }
        }
        m->slots[hole] = (struct map_slot){0};
        m->n--;
        return value;
}
