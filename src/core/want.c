/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a storm a home cannot send each urgent record over each link, and need not: the other side soon has most of them from
 * somebody else. So it names those that wait for a link to the other side, by short ids, which take little and go first; and
 * what the other side names so no longer goes. The longer a queue the more of it goes away like this, and what stays is what
 * nobody has brought there yet. Nothing is named that goes out at once: on a quiet day not a byte is spent.
 */
#include "core/want.h"

#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"

#define SID 8

void want_fini(struct want *w) {
        buf_fini(&w->theirs);
        buf_fini(&w->answers);
}

static int sid_add(struct buf *b, uint64_t sid) {
        uint8_t bytes[SID];
        put_be64(bytes, sid);
        buf_add(b, SPAN_OF(bytes));
        return buf_ok(b) ? 0 : ERR_NOMEM;
}

static struct packet_queue *urgent(struct link *l) {
        return &l->queue[1];
}

/* The short id of what waits at place @i; 0: it is no record. */
static uint64_t sid_at(struct link *l, size_t i) {
        const struct packet *p = packet_queue_at(urgent(l), i);
        return p->bytes[0] == LINK_RECORD ? link_sid(l, &p->id) : 0;
}

/* ---- what the other side has ---- */
static int answer(struct link *l, uint64_t sid) {
        struct want *w = &l->want;
        if (w->answers.n >= WANT_KNOWN * SID)
                return 0; /* the other side may send that one: it is no worse than before */
        w->due = w->due ? w->due : l->m->now + WANT_TIME;
        link_touch(l);
        return sid_add(&w->answers, sid);
}

int want_answer(struct link *l, const struct hash *id) {
        return answer(l, link_sid(l, id));
}

static int remember(struct link *l, uint64_t sid) {
        struct buf *theirs = &l->want.theirs;
        if (theirs->n >= 2 * WANT_KNOWN * SID)
                buf_drop(theirs, WANT_KNOWN * SID);
        return sid_add(theirs, sid);
}

bool want_knows(const struct link *l, const struct hash *id) {
        const struct buf *theirs = &l->want.theirs;
        uint64_t sid = theirs->n ? link_sid(l, id) : 0;
        for (size_t at = 0; at < theirs->n; at += SID)
                if (get_be64(theirs->p + at) == sid)
                        return true;
        return false;
}

/* What waits at place @i need not go; and the other side must hear that it need not send it either, unless it has. */
static int spare(struct link *l, size_t i, uint64_t sid) {
        bool told = i < urgent(l)->told;
        packet_queue_del(urgent(l), i);
        return told ? 0 : answer(l, sid);
}

/* PROTOCOL 10.11: "A node SHOULD NOT send what IDONTWANT has named to it" */
int want_not(struct link *l, struct span sids) {
        uint64_t waits[WANT_LOOK];
        size_t n = MIN(urgent(l)->count, ARRAY_LEN(waits));
        for (size_t i = 0; i < n; i++)
                waits[i] = sid_at(l, i);
        for (size_t at = 0; at + SID <= sids.n; at += SID) {
                uint64_t sid = get_be64(sids.p + at);
                size_t i = 0;
                while (i < n && waits[i] != sid)
                        i++;
                int r = i < n ? spare(l, i, sid) : remember(l, sid);
                if (r)
                        return r;
                if (i < n)
                        memmove(waits + i, waits + i + 1, (--n - i) * sizeof(waits[0]));
        }
        return 0;
}

/* ---- what this side has ---- */
void want_waits(struct link *l) {
        if (urgent(l)->told < urgent(l)->count && !l->want.due)
                l->want.due = l->m->now + WANT_TIME;
}

static size_t take_answers(struct link *l, uint8_t *ids, size_t most) {
        struct buf *answers = &l->want.answers;
        size_t n = MIN(answers->n / SID, most);
        if (n)
                memcpy(ids, answers->p, n * SID);
        buf_drop(answers, n * SID);
        return n;
}

static int say(struct link *l, size_t most) {
        struct packet_queue *q = urgent(l);
        uint8_t ids[WANT_SAY * SID];
        size_t n = take_answers(l, ids, most);
        for (; q->told < q->count && n < most; q->told++) {
                uint64_t sid = sid_at(l, q->told);
                if (sid)
                        put_be64(ids + SID * n++, sid);
        }
        l->want.due = l->want.answers.n || q->told < q->count ? l->m->now + WANT_TIME : 0;
        struct wire_ids msg = {.ids = span_of(ids, n * SID)};
        return n ? link_say(l, LINK_IDONTWANT, &msg) : 0;
}

int want_say(struct link *l) {
        return say(l, WANT_SAY);
}

/* A frame with records has room to spare, which costs nothing. */
int want_ride(struct link *l) {
        return l->want.due && urgent(l)->count && !l->queue[0].count ? say(l, WANT_RIDE) : 0;
}

mesh_time want_due(const struct link *l) {
        return l->state == LINK_UP && l->want.due ? l->want.due : MESH_NEVER;
}
