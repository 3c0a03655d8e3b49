/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mesh time: the machine's clock plus an offset. A clock not earlier than this program and than the mark on disk is trusted,
 * and overridden only by at least three neighbours who agree and are more than half of all; an earlier one (a Pi that boots
 * in 1970) takes the median of whatever neighbours say. The offset moves by at most a minute a minute. It jumps only where
 * that is the way to a time with more weight behind it: from none to some, from few neighbours to three, to a clock that has
 * just been set right, or to the time on which the machine's clock and enough neighbours agree.
 *
 * When somebody sets the machine's clock, mesh time goes on as if nothing had happened: elapsed time tells how far the clock
 * was moved, and all offsets, which are relative to it, are moved back. Then the rules above decide anew.
 *
 * The mark is a time that has surely passed. It follows mesh time where neighbours confirm it; else it goes on by elapsed time
 * alone, so that a clock that is ahead, or one neighbour who lies, never moves it ahead for good.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"

#include <stdlib.h>

#define AGREE 120                          /* seconds within which clocks agree */
#define TIME_MOST ((mesh_wall)17000000000) /* so that no time made from it outgrows its row, whatever neighbours say */
#define AGREE_LEAST 3                      /* neighbours who can override a trusted clock */

static int offset_compare(const void *a, const void *b) {
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
        return x < y ? -1 : x > y;
}

static bool has_said(const struct link *l) {
        return (l->state == LINK_GREETING || l->state == LINK_UP) && l->hello_got && !l->stranger;
}

/* PROTOCOL 12.7: "A neighbour's time that is earlier than the build of the program MUST NOT count" */
/* After a power cut the clocks of half a street may stand in 1970, and would confirm each other. */
static bool says_time(const struct mesh *m, const struct link *l) {
        return has_said(l) && (int64_t)m->wall + l->clock_offset >= (int64_t)m->built;
}

/* Of a household with several links the first one speaks; those not known yet are one together. */
static bool counts(const struct mesh *m, const struct link *l) {
        if (!says_time(m, l))
                return false;
        LINK_EACH(other, m) {
                if (other == l)
                        return true;
                if (says_time(m, other) && key_eq(&other->household, &l->household))
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
        return m->wall >= m->built && m->wall + AGREE >= m->mark;
}

/* PROTOCOL 12.4: "A node that has no trusted clock, and has had no neighbour's time since it started, MUST NOT make
 * records, contacts, epochs or tickets." */
bool clock_usable(const struct mesh *m) {
        return wall_trusted(m) || m->clock_known; /* what neighbours say is known when the offset goes by it */
}

struct said clock_said(const struct mesh *m, mesh_wall *ret_since) {
        int64_t o[LINKS_MAX];
        struct said said = {.n = offsets(m, o)};
        size_t agree = 0;
        *ret_since = m->wall;
        LINK_EACH(l, m) {
                if (has_said(l) && !says_time(m, l))
                        *ret_since = MESH_NEVER; /* it counts once its clock has come that far */
        }
        if (!said.n)
                return said;
        said.median = o[said.n / 2];
        for (size_t i = 0; i < said.n; i++)
                agree += llabs(o[i] - said.median) <= AGREE;
        said.enough = agree >= AGREE_LEAST && 2 * agree > said.n;
        return said;
}

void clock_listen(struct mesh *m) {
        m->said_since = MESH_NEVER;
        m->look = true; /* in this very step: a person may be waiting for a time */
}

/* What they say stays the same while time goes on: it is looked up when one of them has come or gone, not with each tick. */
static struct said listen(struct mesh *m) {
        if (m->wall < m->said_since)
                m->said = clock_said(m, &m->said_since);
        return m->said;
}

/* Where the offset should be: 0, unless neighbours say otherwise with enough weight. */
static int64_t target(const struct mesh *m, const struct said *said, bool trusted) {
        if (trusted)
                return said->enough && llabs(said->median) > AGREE ? said->median : 0;
        return said->n ? said->median : m->clock_offset;
}

/* Who sets a clock means it to be right. Neighbours need not say so to the minute, as long as what they say lies on its side
 * and not on that of the time so far: what they differ by is minutes then, against a day or a year. */
static bool set_right(const struct mesh *m, const struct said *said) {
        return m->clock_set && (!said->n || llabs(said->median) < llabs(said->median - m->clock_offset));
}

static bool at_once(const struct mesh *m, const struct said *said, bool trusted) {
        bool first = !m->clock_known || (trusted && !m->clock_trusted) || (said->enough && !m->clock_settled);
        bool agreed = said->enough && llabs(said->median) <= AGREE;
        return first || agreed || (trusted && set_right(m, said));
}

/* By the mark, or by the program itself, and what has elapsed since. */
static mesh_wall mark_now(const struct mesh *m) {
        return MAX(m->mark, m->built) + (m->started ? (m->now - m->mark_at) / 1000 : 0);
}

mesh_wall clock_sure(const struct mesh *m) {
        return MIN(clock_now(m), mark_now(m));
}

/* PROTOCOL 12.5: "A node MUST NOT move the mark to a time that nobody confirmed" */
static void mark_move(struct mesh *m, const struct said *said, bool trusted) {
        mesh_wall least = MAX(m->mark, m->built), t = mark_now(m);
        if (said->n && llabs(said->median - m->clock_offset) <= AGREE && (trusted || said->enough))
                t = clock_now(m);
        if (t < least + MARK_PERIOD)
                return;
        m->mark = t;
        m->mark_at = m->now;
        struct mesh_row row = {.kind = MESH_ROW_MARK, .mark = {.wall = t}};
        mesh_store(m, &row, NULL);
}

/* PROTOCOL 12.6: "A node MUST NOT let mesh time jump because the machine's clock was set" */
void clock_step(struct mesh *m) {
        int64_t passed = (int64_t)((m->now - m->clock_seen) / 1000);
        int64_t set = (int64_t)m->wall - (int64_t)m->clock_wall - passed;
        bool begun = m->clock_begun;
        m->clock_begun = true;
        m->clock_seen = m->now;
        m->clock_wall = m->wall;
        if (!begun || llabs(set) <= AGREE)
                return;
        m->clock_set = true;
        if (m->clock_known) /* else there was no time that could go on */
                m->clock_offset -= set;
        LINK_EACH(l, m)
        l->clock_offset -= set;
        clock_listen(m);
}

void clock_tick(struct mesh *m) {
        struct said said = listen(m);
        bool trusted = wall_trusted(m);
        int64_t gap = target(m, &said, trusted) - m->clock_offset;
        int64_t most = at_once(m, &said, trusted) ? INT64_MAX : (int64_t)((m->now - m->clock_moved) / 1000);
        m->clock_offset += gap > 0 ? MIN(gap, most) : MAX(gap, -most);
        m->clock_moved = m->now - (m->now - m->clock_moved) % 1000;
        m->clock_trusted = trusted;
        m->clock_set = false;
        m->clock_known = m->clock_known || trusted || said.n > 0;
        m->clock_settled = m->clock_settled || trusted || said.enough;
        mark_move(m, &said, trusted);
}

void clock_start(struct mesh *m) {
        m->mark_at = m->now;
}

void clock_restore(struct mesh *m, mesh_wall mark) {
        m->mark = mark;
}
