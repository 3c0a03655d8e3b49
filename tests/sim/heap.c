/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each home's core holds in memory: the linker leads the allocations of this program and of the libraries in it through
 * here (not those inside shared libraries), and each carries whose doing it was.
 */
#include "sim/byz.h"

#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
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
        return charged(__real_malloc(n + sizeof(struct ahead)), seam_acting(), n);
}

void *__wrap_calloc(size_t n, size_t size) {
        if (size && n > (SIZE_MAX - sizeof(struct ahead)) / size)
                return NULL;
        return charged(__real_calloc(1, n * size + sizeof(struct ahead)), seam_acting(), n * size);
}

void *__wrap_realloc(void *p, size_t n) {
        if (!p)
                return __wrap_malloc(n);
        struct ahead old = ((struct ahead *)p)[-1];
        struct ahead *a = __real_realloc((struct ahead *)p - 1, n + sizeof(*a));
        if (!a)
                return NULL;
        if (old.owner)
                old.owner->heap -= old.n;
        return charged(a, old.owner, n);
}

void __wrap_free(void *p) {
        if (p)
                __real_free(refunded(p));
}
