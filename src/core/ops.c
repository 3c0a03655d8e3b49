/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations as they come from links: into the fold, onto the disk, on to everybody. One whose parents are missing waits,
 * bounded, until they are there; one the fold calls void is refused by every node alike, and so is forgotten.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/spread.h"
#include "roster/op.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

int ops_store(struct mesh *m, struct span op, const struct hash *id, const struct wait *w) {
        struct mesh_row row = {.kind = MESH_ROW_OP, .op = {.id = *id, .bytes = op}};
        return mesh_store(m, &row, w);
}

size_t ops_place(const struct mesh *m, const struct hash *id) {
        size_t i = roster_ops(m->roster);
        while (i-- > 0 && !hash_eq(&roster_op_at(m->roster, i)->id, id))
                ;
        return i;
}

static void orphan_drop(struct mesh *m, size_t i) {
        buf_fini(&m->orphans[i].bytes);
        m->orphans[i] = m->orphans[--m->n_orphans];
        m->orphans[m->n_orphans].bytes = BUF_NULL;
}

void orphans_fini(struct mesh *m) {
        while (m->n_orphans)
                orphan_drop(m, 0);
}

static int orphan_keep(struct mesh *m, mesh_link link, struct span op) {
        for (size_t i = 0; i < m->n_orphans; i++)
                if (span_eq(buf_span(&m->orphans[i].bytes), op))
                        return 0;
        if (m->n_orphans == ORPHANS_MOST)
                orphan_drop(m, rng_below(&m->rng, ORPHANS_MOST));
        struct buf b = BUF_NULL;
        buf_add(&b, op);
        if (!buf_ok(&b))
                return ERR_NOMEM;
        m->orphans[m->n_orphans].bytes = b;
        m->orphans[m->n_orphans++].link = link;
        return 0;
}

/* PROTOCOL 6.12: "The first operation it keeps MUST be the genesis whose id is the ticket's mesh id." */
/* A joiner has no roster: the first operation must be the very genesis its ticket names. */
static int roster_begin(struct mesh *m, struct span op) {
        struct hash id;
        op_id(&id, NULL, op);
        if (m->recover.on && hash_eq(&id, &m->recover.mesh))
                return mesh_roster_new(m);
        if (!m->joining || !hash_eq(&id, &m->join_mesh))
                return ROSTER_E_PARENTS;
        return mesh_roster_new(m);
}

/* After new operations: links learn who they are, a removed home is hung up on, and on nobody else. */
static int links_learn(struct mesh *m, size_t first) {
        LINK_EACH(l, m) {
                bool up = l->state == LINK_UP || l->state == LINK_HAUL;
                if (l->state != LINK_GREETING && !up)
                        continue;
                const struct roster_device *d = roster_noise_find(m->roster, &l->frames.peer);
                bool known = up || (!l->stranger && !l->unproven);
                if (known && !d && m->member) {
                        int r = link_dismiss(l, first);
                        if (r)
                                return r;
                        continue;
                }
                if (!d || known)
                        continue;
                /* PROTOCOL 6.16: "A responder MUST take operations from a link whose key it does not know, and MUST
                 * greet as soon as one makes that key a current device's." */
                bool waiting_admission = l->stranger && l->joining;
                l->stranger = l->unproven = false;
                l->device = d->sign;
                l->household = d->home->key;
                clock_listen(m);
                int r = waiting_admission ? 0 : link_greet(l);
                if (!r)
                        r = link_greeted(l);
                if (r)
                        return r;
        }
        return 0;
}

/* What follows from the operations from place @first of the roster on. */
static int learned(struct mesh *m, size_t first) {
        mesh_membership(m);
        int r = links_learn(m, first);
        if (!r)
                r = epochs_try(m);
        epoch_plan(m);
        return r;
}

/* Nothing waits on it: what is sent now delays nothing. */
static bool idle(const struct link *l) {
        return l->state == LINK_UP && l->backlog + l->out.n == 0 && link_queued(l) == 0;
}

/* PROTOCOL 10.9: "A node MUST NOT send a link on which anything waits more than 24 operations of one household in 24 h" */
static int pass_on(struct mesh *m, struct span op, const struct link *from) {
        struct wire_op w;
        struct key author;
        _clean_(packet_freep) struct packet *p = packet_of(LINK_OP, 0, op);
        if (!p || CHECK_FAILS(codec_decode(&wire_op_desc, op, &w, NULL) == 0))
                return p ? ERR_BROKEN : ERR_NOMEM;
        memcpy(author.b, w.household.p, sizeof(author.b));
        if (budget_left(m, &author, BUDGET_OPS)) {
                int r = budget_charge(m, &author, BUDGET_OPS);
                return r ? r : spread_packet(m, p, from);
        }
        LINK_EACH(l, m) {
                int r = l != from && idle(l) ? link_send(l, p) : 0;
                if (r)
                        return r;
        }
        return 0;
}

/* PROTOCOL 8.27: "A node whose own device operations have made no longer current MUST NOT send them on as they come" */
/* It is the first to hear of it and has no key to send along: those who have send both in one frame. */
static bool gone(const struct mesh *m) {
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        return me && (me->gone_at || !me->home->member);
}

static int take_one(struct mesh *m, struct link *from, mesh_link link, struct span op, bool *ret_new) {
        struct hash id;
        int r = m->roster ? 0 : roster_begin(m, op);
        if (!r)
                r = roster_take(&m->roster, op, false, &id);
        if (r < 0)
                return r;
        if (r == ROSTER_E_PARENTS)
                return orphan_keep(m, link, op);
        if (r == ROSTER_E_SIGNATURE || r == ROSTER_E_INPUT) {
                if (from)
                        link_hangup(from, r == ROSTER_E_INPUT ? REASON_BAD_FRAME : REASON_BAD_SIGNATURE);
                return 0;
        }
        if (r)
                return 0;
        *ret_new = true;
        epochs_look(m);
        r = keep_op(m, &id);
        return r || gone(m) ? r : pass_on(m, op, from);
}

/* New operations may be what orphans waited for: all are tried again, those still without parents are kept again. */
static int orphans_try(struct mesh *m, bool *ret_again) {
        struct orphan waiting[ORPHANS_MOST];
        size_t n = m->n_orphans;
        int r = 0;
        memcpy(waiting, m->orphans, n * sizeof(waiting[0]));
        memset(m->orphans, 0, n * sizeof(waiting[0]));
        m->n_orphans = 0;
        *ret_again = false;
        for (size_t i = 0; i < n; i++) {
                if (!r)
                        r = take_one(m, NULL, waiting[i].link, buf_span(&waiting[i].bytes), ret_again);
                buf_fini(&waiting[i].bytes);
        }
        return r;
}

int ops_take(struct mesh *m, struct link *from, struct span op) {
        bool fresh = false;
        if (from)
                leave_look(m, op);
        size_t first = m->roster ? roster_ops(m->roster) : 0;
        int r = take_one(m, from, from ? from->id : 0, op, &fresh);
        for (bool again = fresh && m->n_orphans; again && !r;)
                r = orphans_try(m, &again);
        if (r || !fresh)
                return r;
        undo_look(m, first);
        r = learned(m, first);
        if (!r)
                r = recover_check(m);
        return r ? r : join_check_done(m);
}

/* ---- own operations ---- */
static int unsaved_add(struct mesh *m, const struct hash *id) {
        bool there = false;
        for (size_t i = 0; i < m->n_unsaved; i++)
                there |= hash_eq(&m->unsaved[i], id);
        if (!there && m->n_unsaved < UNSAVED_MOST)
                m->unsaved[m->n_unsaved++] = *id;
        m->unsaved_due = m->now + UNSAVED_TIME;
        return 0;
}

int ops_command(struct mesh *m, const struct mesh_event *ev) {
        struct hash id, before, after;
        enum mesh_outcome o = mesh_standing(m);
        if (o == MESH_OUT_DONE && !clock_usable(m))
                o = MESH_OUT_NO_CLOCK;
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        if (undo_is(ev->operation.op))
                return undo_start(m, ev);
        roster_removed(m->roster, &before);
        int r = roster_take(&m->roster, ev->operation.op, false, &id);
        if (r > 0)
                mesh_reply(m, ev->token, MESH_OUT_BAD_OP);
        if (r)
                return r < 0 ? r : 0;
        struct wait *w = mesh_wait(m, WAIT_OP, ev->token);
        if (!w)
                return ERR_NOMEM;
        memcpy(w->id.b, id.b, sizeof(id.b));
        mesh_membership(m);
        roster_removed(m->roster, &after);
        r = ops_store(m, ev->operation.op, &id, w);
        if (r || hash_eq(&before, &after) || !m->member)
                return r;
        w->left++; /* the vote that completes a removal brings the fresh key along */
        return epoch_renew(m, w);
}

static int announce(struct mesh *m, const struct hash *id) {
        const struct roster_op *op = roster_op_find(m->roster, id);
        _clean_(packet_freep) struct packet *p = op ? packet_of(LINK_OP, 0, op->bytes) : NULL;
        int r = p ? spread_packet(m, p, NULL) : ERR_NOMEM;
        if (!r)
                r = learned(m, ops_place(m, id));
        const struct epoch *e = epoch_newest(m);
        return r || !e ? r : epoch_spread(m, e, NULL);
}

int ops_stored(struct mesh *m, struct wait *w) {
        struct hash id;
        memcpy(id.b, w->id.b, sizeof(id.b));
        mesh_reply(m, w->command, w->failed ? MESH_OUT_STORE_FAILED : MESH_OUT_DONE);
        if (w->failed)
                return unsaved_add(m, &id);
        for (size_t i = 0; i < m->n_unsaved; i++)
                if (hash_eq(&m->unsaved[i], &id))
                        m->unsaved[i] = m->unsaved[--m->n_unsaved];
        return announce(m, &id);
}

int ops_tick(struct mesh *m) {
        if (!m->n_unsaved || m->now < m->unsaved_due)
                return 0;
        m->unsaved_due = m->now + UNSAVED_TIME;
        const struct roster_op *op = roster_op_find(m->roster, &m->unsaved[0]);
        struct wait *w = op ? mesh_wait(m, WAIT_OP, 0) : NULL;
        if (!w)
                return op ? ERR_NOMEM : 0;
        memcpy(w->id.b, op->id.b, sizeof(op->id.b));
        const struct epoch *e = epoch_newest(m);
        w->left += e != NULL;
        int r = ops_store(m, op->bytes, &op->id, w);
        return r || !e ? r : epoch_store(m, e, w);
}
