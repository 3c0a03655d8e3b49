/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from 32-byte keys (ids, public keys) to pointers, open addressing with linear probing.
 *
 * The keys are hashes and public keys that a peer may grind, so the slot is chosen by a universal hash under a secret
 * 256-bit seed (T26: hash flooding). Iteration order depends on the seed and on history alone, never on addresses.
 */
#pragma once

#include "base/base.h"
#include "base/err.h"

struct map_slot {
        const uint8_t *key; /* borrowed: 32 bytes inside the value; NULL: empty */
        void *value;
};

struct map {
        struct map_slot *slots;
        size_t n, cap;
        uint64_t seed[4];
        uint64_t powers[8]; /* of the secret point seed[0], falling, modulo a prime */
};

void map_init(struct map *m, const uint64_t seed[4]);
void map_fini(struct map *m); /* frees the slots, not the values */
void *map_find(const struct map *m, const uint8_t key[32]);
/* Puts @value under @key, which must stay valid as long as the value is in the map. Replaces an equal key.
 * Returns 0 or ERR_NOMEM (nothing changed). */
int map_put(struct map *m, const uint8_t key[32], void *value);
void *map_del(struct map *m, const uint8_t key[32]); /* the value, or NULL */

/* What slot @i of cap holds, or NULL: one that is drawn until it holds something is any of them, each as likely. */
static inline void *map_in_slot(const struct map *m, size_t i) {
        return m->slots[i].value;
}

#define MAP_AHEAD 8 /* slots: at least a third of them hold something */

/* The first slot from @i on that holds something; m->cap if there is none. Values lie all over memory: while one is looked
 * at, those after it are on their way. */
static inline size_t map_slot_from(const struct map *m, size_t i) {
        while (i < m->cap && !m->slots[i].key)
                i++;
        if (i + MAP_AHEAD < m->cap)
                __builtin_prefetch(m->slots[i + MAP_AHEAD].value), __builtin_prefetch(m->slots[i + MAP_AHEAD].key);
        return i;
}

/* Visits every value; the map must not change meanwhile. break leaves the loop. */
#define MAP_EACH(var, m, type)                                                                                         \
        for (type *var = NULL, **once_##var = &var; once_##var; once_##var = NULL)                                     \
                for (size_t i_##var = map_slot_from((m), 0);                                                           \
                     i_##var < (m)->cap && (var = (m)->slots[i_##var].value, true);                                    \
                     i_##var = map_slot_from((m), i_##var + 1))
