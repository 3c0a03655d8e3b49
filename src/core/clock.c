/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mesh time. A clock later than this program and than the mark on disk is trusted, and overridden only by at least three
 * neighbours who agree; an earlier one (a Pi that boots in 1970) takes the median of whatever neighbours say. Mesh time moves
 * by at most a minute a minute towards where it should be. The mark advances only to times neighbours confirmed, or by
 * elapsed time.
 */
#include "core/core.h"

#include <stdlib.h>

#define AGREE 120                          /* seconds within which clocks agree */
#define TIME_MOST ((mesh_wall)17000000000) /* so that no time made from it outgrows its row, whatever neighbours say */
#define AGREE_LEAST 3                      /* neighbours who can override a trusted clock */

static int offset_compare(const void *a, const void *b) {
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
        return x < y ? -1 : x > y;
}

/* Of a household with several links the first one speaks; those not known yet are one together. */
static bool counts(const struct mesh *m, const struct link *l) {
        if (!l->hello_got || (l->state != LINK_GREETING && l->state != LINK_UP) || l->stranger)
                return false;
        LINK_EACH(other, m) {
                if (other == l)
                        return true;
                if (other->hello_got && (other->state == LINK_GREETING || other->state == LINK_UP) &&
                    !other->stranger && key_eq(&other->household, &l->household))
                        return false;
        }
        return true;
}

/* Offsets of neighbours' clocks; one a household. Returns how many. */
static size_t offsets(const struct mesh *m, int64_t ret[LINKS_MAX]) {
        size_t n = 0;
        LINK_EACH(l, m) {
                if (counts(m, l) && n < LINKS_MAX)
                        ret[n++] = l->clock_offset;
        }
        qsort(ret, n, sizeof(*ret), offset_compare);
        return n;
}

mesh_wall clock_now(const struct mesh *m) {
        int64_t t = (int64_t)m->wall + m->clock_offset;
        return t > 0 ? MIN((mesh_wall)t, TIME_MOST) : 1;
}

static bool wall_trusted(const struct mesh *m) {
        return m->wall >= m->built && m->wall >= m->mark;
}

/* PROTOCOL 12.4: "A node that has neither a trusted clock nor a neighbour's time MUST NOT make records, contacts,
 * epochs or tickets." */
bool clock_usable(const struct mesh *m) {
        int64_t o[LINKS_MAX];
        return wall_trusted(m) || offsets(m, o) > 0;
}

/* Where the offset should be: 0, unless neighbours say otherwise with enough weight. */
static int64_t target(const struct mesh *m) {
        int64_t o[LINKS_MAX];
        size_t n = offsets(m, o);
        if (!n)
                return wall_trusted(m) ? 0 : m->clock_offset;
        int64_t median = o[n / 2];
        if (!wall_trusted(m))
                return median;
        size_t agree = 0;
        for (size_t i = 0; i < n; i++)
                agree += llabs(o[i] - median) <= AGREE;
        return agree >= AGREE_LEAST && llabs(median) > AGREE ? median : 0;
}

void clock_tick(struct mesh *m) {
        int64_t to = target(m);
        bool first = !wall_trusted(m) && !m->clock_trusted && m->clock_offset == 0;
        m->clock_trusted = wall_trusted(m);
        if (first) {
                m->clock_offset = to; /* there is no time yet that could jump */
        } else if (to != m->clock_offset) {
                int64_t step = (int64_t)((m->now - m->clock_moved) / 1000);
                int64_t gap = to - m->clock_offset;
                m->clock_offset += gap > 0 ? MIN(gap, step) : MAX(gap, -step);
        }
        m->clock_moved = m->now - (m->now - m->clock_moved) % 1000;
        int64_t o[LINKS_MAX];
        mesh_wall t = clock_now(m);
        size_t n = offsets(m, o);
        if (n == 0 || llabs(o[n / 2] - m->clock_offset) > AGREE || t < m->mark + MARK_PERIOD)
                return;
        m->mark = t;
        struct mesh_row row = {.kind = MESH_ROW_MARK, .mark = {.wall = t}};
        mesh_store(m, &row, NULL);
}

void clock_restore(struct mesh *m, mesh_wall mark) {
        m->mark = mark;
}
