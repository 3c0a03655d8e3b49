/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"

#include <stdlib.h>

void *array_room(void *items, size_t n, size_t *cap, size_t size, size_t first) {
        if (n < *cap)
                return items;
        size_t more = *cap ? 2 * *cap : first;
        void *p = reallocarray(items, more, size);
        if (p)
                *cap = more;
        return p;
}
