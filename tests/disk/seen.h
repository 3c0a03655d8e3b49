/* SPDX-License-Identifier: Apache-2.0 */
/* All that a store shows, as one number: equal stores are equal numbers. */
#pragma once

#include "disk/platter.h"
#include "disk/scenario.h"

/* Any store error. */
int seen_all(struct store *s, uint64_t *ret);
/* What a store shows of one record: its bytes, its alert, what follows that. Any store error. */
int seen_record(struct store_reader *r, const struct hash *id, uint64_t *ret);
/* What SQLite itself finds wrong with the closed or open database; NULL: nothing. Static. */
const char *seen_unsound(void);
/* The first mark in any file of the disk in use that was to be gone after @acked steps; -1: there is none. */
int seen_mark(const struct scenario *sc, size_t acked);

/* What the disk in use is after a cut: opened, looked at, and given one more row. */
struct seen_left {
        int error; /* a store error: it does not open, or cannot be read or written */
        uint64_t seen;
        const char *unsound;
};
struct seen_left seen_after_cut(void);
/* The power goes once more, while the store recovers: takes @d, which is in use, and puts what is left of it in use. */
struct platter *seen_cut_again(struct platter *d, uint64_t *rng);
