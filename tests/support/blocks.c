/* SPDX-License-Identifier: Apache-2.0 */
/* See blocks.h. */
#include "support/blocks.h"

long blocks;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n) {
        void *p = blocks_fail() ? NULL : __real_malloc(n);
        blocks += p != NULL;
        return p;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
        void *p = blocks_fail() ? NULL : __real_calloc(n, size);
        blocks += p != NULL;
        return p;
}

void *__real_realloc(void *old, size_t n);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_realloc(void *old, size_t n) {
        void *p = blocks_fail() ? NULL : __real_realloc(old, n);
        blocks += p && !old;
        return p;
}

void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size) {
        void *p = blocks_fail() ? NULL : __real_reallocarray(old, n, size);
        blocks += p && !old;
        return p;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p) {
        blocks -= p != NULL;
        __real_free(p);
}
