/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slab.h"

#include <stdlib.h>
#include <sys/mman.h>

#define FIRST 256 /* items of the first block: most homes need no more, and not one large page */
#define BLOCK_BYTES ((size_t)2 * 1024 * 1024)

void slab_init(struct slab *s, size_t item) {
        *s = (struct slab){.item = item};
}

void slab_fini(struct slab *s) {
        for (size_t i = 0; i < s->n_blocks; i++)
                free(s->blocks[i]);
        free(s->blocks);
        *s = (struct slab){0};
}

static uint8_t *block_new(const struct slab *s) {
        if (s->n_blocks == 0)
                return malloc(FIRST * s->item);
        uint8_t *p = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
        if (p)
                madvise(p, BLOCK_BYTES, MADV_HUGEPAGE); /* where there are none, small ones do */
        return p;
}

static bool grow(struct slab *s) {
        uint8_t **blocks = reallocarray(s->blocks, s->n_blocks + 1, sizeof(*blocks));
        if (!blocks)
                return false;
        s->blocks = blocks;
        uint8_t *block = block_new(s);
        if (block)
                blocks[s->n_blocks++] = block;
        return block;
}

void *slab_take(struct slab *s, size_t i) {
        size_t each = BLOCK_BYTES / s->item, block = i < FIRST ? 0 : 1 + (i - FIRST) / each;
        if (CHECK_FAILS(block <= s->n_blocks) || (block == s->n_blocks && !grow(s)))
                return NULL;
        return s->blocks[block] + (i < FIRST ? i : (i - FIRST) % each) * s->item;
}

void slab_put(_unused_ struct slab *s, _unused_ void *p) {
}
