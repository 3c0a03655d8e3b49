/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group keys of an epoch, one a day, under one hash. A day's key is derived from that of the day before, so who may
 * read from some day on is handed one key. The epoch's header says the root of a Merkle tree (R. C. Merkle, CRYPTO '87)
 * whose leaves are the hashes of all the days' keys, so that the key of any day can be checked against it.
 *
 * Who has the key of a day makes the leaves from that day on himself. What is left of it comes with the key, as the roots
 * of the largest whole subtrees there: one for each bit that is set in the day's number. They are also all that it takes
 * to prove a later day's key to somebody else, so whoever keeps a key keeps them with it.
 *
 * PROTOCOL 7.3, 7.6 and 7.7; proto/vectors/epoch-keys.txt has an example.
 */
#pragma once

#include "crypto/hash.h"

/* Days of an epoch, a power of two. With 32 at most five hashes go with a key, and then the largest header that is made,
 * with sixteen heads, and its keys still fit one frame of 1,024 bytes; with 64 they would not (tests/unit/test-keytree.c). */
#define KEYTREE_DAYS 32
#define KEYTREE_LEFT 5 /* log2 of it */
/* The last day's key opens nothing: it is what they are handed, and keep, who may read no day of an epoch. */
#define KEYTREE_END (KEYTREE_DAYS - 1)

struct keytree {
        uint32_t day; /* of the epoch, from 0 */
        struct key key;
        struct hash left[KEYTREE_LEFT]; /* keytree_left(day) of them, the one furthest left first */
};

/* How many subtrees are left of @day. */
size_t keytree_left(uint32_t day);
/* The root of the tree; what is left of @t->day is taken on trust. */
void keytree_root(const struct hash *mesh, const struct keytree *t, struct hash *ret);
/* Fills @ret with the key of @day and what came with it. False: it is not of the tree with this root. */
bool keytree_prove(const struct hash *mesh, struct span root, uint64_t day, const struct key *key, struct span left,
                   struct keytree *ret);
/* Goes on to a later day; the way back is lost. False: @day is earlier than the one it has, or there is none of it. */
bool keytree_move(const struct hash *mesh, struct keytree *t, uint32_t day);
/* The key alone, and faster. False as above. */
bool keytree_key(const struct keytree *t, uint32_t day, struct key *ret);
