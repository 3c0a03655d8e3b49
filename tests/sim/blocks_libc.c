/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/blocks.h"

#include "base/base.h"

void *blocks_take(size_t n) {
        return __real_malloc(n);
}

void *blocks_zeros(size_t n) {
        return __real_calloc(1, n);
}

void *blocks_resize(void *p, _unused_ size_t old, size_t n) {
        return __real_realloc(p, n);
}

void blocks_put(void *p, _unused_ size_t n) {
        __real_free(p);
}
