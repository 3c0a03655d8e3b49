/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way, out in the order in which they came. What is in a ring stays where it is until it is dropped: QUIC
 * keeps pointers to what was sent and not yet confirmed.
 */
#pragma once

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

struct ring {
        uint8_t *p;
        size_t size, start, n; /* @start: of the first byte in @p */
};

/* @size bytes, which the system gives only as they are used. False: no memory. */
static inline bool ring_init(struct ring *r, size_t size) {
        *r = (struct ring){.p = malloc(size), .size = size};
        return r->p;
}

static inline void ring_fini(struct ring *r) {
        free(r->p);
        *r = (struct ring){0};
}

static inline size_t ring_room(const struct ring *r) {
        return r->size - r->n;
}

/* The next bytes behind the first @from, as far as they lie side by side; empty: there are none. */
static inline struct span ring_look(const struct ring *r, size_t from) {
        size_t at = (r->start + from) % r->size;
        return span_of(r->p + at, from < r->n ? MIN(r->n - from, r->size - at) : 0);
}

/* Takes in as much as there is room for. Returns how much. */
static inline size_t ring_put(struct ring *r, struct span s) {
        size_t n = MIN(s.n, ring_room(r)), at = (r->start + r->n) % r->size, first = MIN(n, r->size - at);
        if (n) {
                memcpy(r->p + at, s.p, first);
                memcpy(r->p, s.p + first, n - first);
        }
        r->n += n;
        return n;
}

static inline void ring_drop(struct ring *r, size_t n) {
        r->start = (r->start + n) % r->size;
        r->n -= n;
}
