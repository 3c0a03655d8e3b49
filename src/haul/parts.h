/* SPDX-License-Identifier: Apache-2.0 */
/* Which chunks of a clip there are: bitmaps, as HAVE and the .have file carry them, and what a fetch knows of each. */
#pragma once

#include "base/base.h"
#include "crypto/chunk.h"

/* Chunk 0 is the lowest bit of the first byte; bits behind the last chunk are 0. */
static inline size_t bits_bytes(uint64_t chunks) {
        return (size_t)((chunks + 7) / 8);
}
static inline bool bits_get(const uint8_t *bits, uint64_t i) {
        return bits[i / 8] >> i % 8 & 1;
}
static inline void bits_set(uint8_t *bits, uint64_t i) {
        bits[i / 8] |= (uint8_t)(1 << i % 8);
}
/* Whether @bits is a bitmap of so many chunks: its length, and nothing behind the last. */
bool bits_right(struct span bits, uint64_t chunks);
uint64_t bits_count(const uint8_t *bits, uint64_t chunks);

enum part_state {
        PART_MISSING,
        PART_READY, /* it has come and is what the list says; on its way to the disk */
        PART_HELD,  /* on the disk */
};

struct part {
        uint8_t state;  /* enum part_state */
        uint8_t asked;  /* sources it is wanted of, silent ones apart */
        uint8_t copies; /* sources that have it */
};

struct parts {
        struct part *all;
        uint64_t n, held, ready;
        unsigned doubled;          /* asked of two or more */
        uint64_t stirred;          /* counts up when a chunk may have become free to be wanted */
        uint64_t held_bytes, size; /* of the file */
};

/* 0, ERR_NOMEM. @have: a bitmap of what is there, or NULL. */
int parts_init(struct parts *p, uint64_t chunks, uint64_t size, const uint8_t *have);
void parts_fini(struct parts *p);
void parts_ask(struct parts *p, uint64_t i);
void parts_unask(struct parts *p, uint64_t i);
void parts_move(struct parts *p, uint64_t i, enum part_state to);
static inline bool parts_open(const struct parts *p, uint64_t i) { /* nobody brings it */
        return p->all[i].state == PART_MISSING && !p->all[i].asked;
}
