/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for many things of one size that have numbers, closely from 0 up. Those beyond the first few come in blocks of two
 * megabytes, for which the kernel is asked to give one large page each: to be given each of 512 small ones at its first
 * touch cost a start with 100,000 records a tenth of its time. Blocks stay until the end: a number that is free again
 * finds its memory where it was. In a build with sanitizers each thing has memory of its own (slab_none.c), so that they
 * see who touches one that is gone.
 */
#pragma once

#include "base/base.h"

struct slab {
        size_t item; /* bytes of one; a multiple of what it must be aligned to */
        uint8_t **blocks;
        size_t n_blocks;
};

void slab_init(struct slab *s, size_t item);
void slab_fini(struct slab *s); /* when all are put back */
/* Memory for number @i, with anything in it. All numbers below have been taken before, now or once. NULL: no memory. */
void *slab_take(struct slab *s, size_t i);
void slab_put(struct slab *s, void *p);
