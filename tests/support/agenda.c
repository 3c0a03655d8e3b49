/* SPDX-License-Identifier: Apache-2.0 */
#include "support/agenda.h"

#include "base/array.h"

#include <stdlib.h>

static bool before(const struct agenda_item *a, const struct agenda_item *b) {
        return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void agenda_add(struct agenda *a, uint64_t at, void *what) {
        a->heap = array_room(a->heap, a->n, &a->cap, sizeof(*a->heap), 256);
        REQUIRE(a->heap);
        size_t i = a->n++;
        struct agenda_item it = {at, a->planned++, what};
        for (; i && before(&it, &a->heap[(i - 1) / AGENDA_WIDE]); i = (i - 1) / AGENDA_WIDE)
                a->heap[i] = a->heap[(i - 1) / AGENDA_WIDE];
        a->heap[i] = it;
}

uint64_t agenda_next(const struct agenda *a) {
        return a->n ? a->heap[0].at : UINT64_MAX;
}

/* Of those side by side from @c on. */
static size_t first_of(const struct agenda *a, size_t c) {
        size_t end = MIN(c + AGENDA_WIDE, a->n);
        for (size_t i = c + 1; i < end; i++)
                c = before(&a->heap[i], &a->heap[c]) ? i : c;
        return c;
}

void *agenda_take(struct agenda *a, uint64_t *ret_time) {
        if (!a->n)
                return NULL;
        struct agenda_item first = a->heap[0], last = a->heap[--a->n];
        size_t i = 0;
        for (size_t c; (c = AGENDA_WIDE * i + 1) < a->n; i = c) {
                c = first_of(a, c);
                if (!before(&a->heap[c], &last))
                        break;
                a->heap[i] = a->heap[c];
        }
        a->heap[i] = last;
        *ret_time = first.at;
        return first.what;
}

void agenda_fini(struct agenda *a) {
        REQUIRE(a->n == 0);
        free(a->heap);
        *a = (struct agenda){0};
}
