/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roster's operations and the disk. Each is built on earlier ones, so one that is missing on disk would take all that
 * came after it along with the next start, this home's own membership perhaps among them. So what the disk refused is written
 * again until it is there; and what it gives back may stand in any order, because what was written again stands at the end.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/limits.h"
#include "roster/roster.h"

#include <stdlib.h>

#define AT_ONCE 64 /* operations written again in one go */

/* ---- a start ---- */
static int late_add(struct mesh *m, struct span op) {
        uint8_t n[2];
        put_be16(n, (uint16_t)op.n);
        buf_add(&m->late, SPAN_OF(n));
        buf_add(&m->late, op);
        return buf_ok(&m->late) ? 0 : ERR_NOMEM;
}

static int taken_back(struct mesh *m, struct span op, int r) {
        if (r == ROSTER_E_PARENTS)
                return late_add(m, op);
        return r < 0 ? r : 0;
}

int keep_restore(struct mesh *m, struct span op) {
        int r = m->roster ? 0 : mesh_roster_new(m);
        return r || op.n > UINT16_MAX ? r : taken_back(m, op, roster_restore(&m->roster, op));
}

int keep_restored(struct mesh *m) {
        size_t before = SIZE_MAX;
        struct hash id;
        int r = m->roster ? roster_restored(&m->roster) : 0;
        while (!r && m->late.n && m->late.n < before) {
                _clean_(buf_fini) struct buf waiting = m->late;
                m->late = BUF_NULL;
                before = waiting.n;
                for (struct span s = buf_span(&waiting); !r && s.n;) {
                        size_t n = get_be16(s.p);
                        struct span op = span_of(s.p + 2, n);
                        r = taken_back(m, op, roster_take(&m->roster, op, true, &id));
                        s = span_from(s, 2 + n);
                }
        }
        buf_fini(&m->late); /* what is left has lost its parents; neighbours have both */
        return r;
}

/* ---- what the disk refuses ---- */
static int put(struct mesh *m, const struct roster_op *op, const struct wait *w) {
        return ops_store(m, op->bytes, &op->id, w);
}

int keep_op(struct mesh *m, const struct hash *id) {
        const struct roster_op *op = roster_op_find(m->roster, id);
        struct wait *w = op ? mesh_wait(m, WAIT_KEEP, 0) : NULL;
        if (!w)
                return op ? ERR_NOMEM : 0;
        memcpy(w->id.b, id->b, sizeof(id->b));
        return put(m, op, w);
}

int keep_stored(struct mesh *m, const struct wait *w) {
        struct hash id;
        if (!w->failed && !w->rec)
                return 0;
        memcpy(id.b, w->id.b, sizeof(id.b));
        size_t at = ops_place(m, &id);
        m->keep_most = w->failed ? 1 : AT_ONCE; /* one is enough to find the disk still full */
        if (w->failed) {
                m->unkept = MIN(m->unkept, at);
                m->keep_due = m->now + UNSAVED_TIME;
        } else if (m->unkept == at) {
                m->unkept = at + w->rec < roster_ops(m->roster) ? at + w->rec : SIZE_MAX;
                m->keep_due = m->now;
        }
        m->keeping = m->keeping && !w->rec;
        return 0;
}

mesh_time keep_deadline(const struct mesh *m) {
        return m->unkept == SIZE_MAX || m->keeping ? MESH_NEVER : m->keep_due;
}

/* Writes some of them again, from the first that may be missing; those that are there change nothing. */
int keep_tick(struct mesh *m) {
        if (m->now < keep_deadline(m))
                return 0;
        size_t n = MIN(m->keep_most, roster_ops(m->roster) - m->unkept);
        struct wait *w = mesh_wait(m, WAIT_KEEP, 0);
        if (!w)
                return ERR_NOMEM;
        memcpy(w->id.b, roster_op_at(m->roster, m->unkept)->id.b, sizeof(w->id.b));
        w->rec = (uint32_t)n;
        w->left = (uint32_t)n;
        m->keeping = true;
        int r = 0;
        for (size_t i = 0; i < n && !r; i++)
                r = put(m, roster_op_at(m->roster, m->unkept + i), w);
        return r;
}
