/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"

#include <stdlib.h>

void *array_room(void *items, size_t n, size_t *cap, size_t size, size_t first) {
        if (n < *cap)
                return items;
        size_t more = *cap ? 2 * *cap : first;
        if (more > SIZE_MAX / size)
                return NULL;
        void *p = realloc(items, more * size); /* which tests that count memory see; reallocarray() they would not */
        if (p)
                *cap = more;
        return p;
}
