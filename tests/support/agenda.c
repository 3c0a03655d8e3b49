/* SPDX-License-Identifier: Apache-2.0 */
#include "support/agenda.h"

#include <stdlib.h>

static bool before(const struct agenda_item *a, const struct agenda_item *b) {
        return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct agenda_item *a, struct agenda_item *b) {
        struct agenda_item t = *a;
        *a = *b;
        *b = t;
}

void agenda_add(struct agenda *a, uint64_t at, void *what) {
        if (a->n == a->cap) {
                a->cap = a->cap ? a->cap * 2 : 256;
                a->heap = realloc(a->heap, a->cap * sizeof(*a->heap));
                REQUIRE(a->heap);
        }
        size_t i = a->n++;
        a->heap[i] = (struct agenda_item){at, a->planned++, what};
        for (; i && before(&a->heap[i], &a->heap[(i - 1) / 2]); i = (i - 1) / 2)
                swap(&a->heap[i], &a->heap[(i - 1) / 2]);
}

uint64_t agenda_next(const struct agenda *a) {
        return a->n ? a->heap[0].at : UINT64_MAX;
}

void *agenda_take(struct agenda *a, uint64_t *ret_time) {
        if (!a->n)
                return NULL;
        struct agenda_item first = a->heap[0];
        a->heap[0] = a->heap[--a->n];
        for (size_t i = 0;;) {
                size_t least = i;
                for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < a->n; c++)
                        if (before(&a->heap[c], &a->heap[least]))
                                least = c;
                if (least == i)
                        break;
                swap(&a->heap[i], &a->heap[least]);
                i = least;
        }
        *ret_time = first.at;
        return first.what;
}

void agenda_fini(struct agenda *a) {
        REQUIRE(a->n == 0);
        free(a->heap);
        *a = (struct agenda){0};
}
