/* SPDX-License-Identifier: Apache-2.0 */
/* Ways: chains of calls, and whether a program has come by this one before. */
#pragma once

#include "base/base.h"

#define WAYS_MOST 16384 /* a power of two, and twice as many as any story has */

struct ways {
        int outer; /* calls of the story, which make no other way */
        uint64_t seen[WAYS_MOST];
};

/* Ways begin here: what has called the caller is of the story. */
void ways_begin(struct ways *w);
/* Is this chain of calls, down to the caller, a new one? It is not from then on. */
bool ways_is_new(struct ways *w);
