/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each home's core holds in memory: the linker leads the allocations of this program and of the libraries in it through
 * here (not those inside shared libraries), and each carries whose doing it was.
 */
#include "sim/blocks.h"
#include "sim/byz.h"

#include <stdlib.h>

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

struct ahead { /* of each allocation */
        struct node *owner;
        size_t n;
};
_Static_assert(sizeof(struct ahead) % _Alignof(max_align_t) == 0, "what follows is aligned");

static void *charged(struct ahead *a, struct node *owner, size_t n) {
        if (!a)
                return NULL;
        *a = (struct ahead){.owner = owner, .n = n};
        if (owner)
                owner->heap += n;
        return a + 1;
}

static struct ahead *refunded(void *p) {
        struct ahead *a = (struct ahead *)p - 1;
        if (a->owner)
                a->owner->heap -= a->n;
        return a;
}

void *__wrap_malloc(size_t n) {
        if (n > SIZE_MAX - sizeof(struct ahead))
                return NULL;
        return charged(blocks_take(n + sizeof(struct ahead)), seam_acting(), n);
}

void *__wrap_calloc(size_t n, size_t size) {
        if (size && n > (SIZE_MAX - sizeof(struct ahead)) / size)
                return NULL;
        return charged(blocks_zeros(n * size + sizeof(struct ahead)), seam_acting(), n * size);
}

void *__wrap_realloc(void *p, size_t n) {
        if (!p || n > SIZE_MAX - sizeof(struct ahead))
                return p ? NULL : __wrap_malloc(n);
        struct ahead old = ((struct ahead *)p)[-1];
        struct ahead *a = blocks_resize((struct ahead *)p - 1, old.n + sizeof(*a), n + sizeof(*a));
        if (!a)
                return NULL;
        if (old.owner)
                old.owner->heap -= old.n;
        return charged(a, old.owner, n);
}

void __wrap_free(void *p) {
        struct ahead *a = p ? refunded(p) : NULL;
        if (a)
                blocks_put(a, a->n + sizeof(*a));
}
