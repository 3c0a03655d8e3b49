/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills any message with values inside its rows' bounds: in a plain pattern that a person can follow in a hex dump (the
 * golden vectors), or at random from a number (property tests, fuzz seeds, benchmarks).
 */
#pragma once

#include "wire/codec.h"

#define SAMPLE_ROOM (256 * 1024) /* the longest field, a chunk of a clip, has 64 KiB and a tag */

struct sample {
        uint64_t state; /* 0: the plain pattern, every optional field there; else where the random numbers start */
        uint64_t turn;  /* plain: counts up, so that neighbours differ */
        size_t used;
        uint8_t room[SAMPLE_ROOM]; /* what the spans of filled messages point into; used = 0 forgets them all */
};

uint64_t sample_next(struct sample *s);
void sample_fill(struct sample *s, const struct wire_desc *d, void *ret_msg);
