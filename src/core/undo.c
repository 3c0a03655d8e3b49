/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undoing the use of a ticket. It takes effect without a vote, so a third home's device has to see it: the inviting home's
 * device asks one neighbour after the other, with the operation its household has signed; who is asked judges it by its own
 * fold and its own clock, countersigns, writes it down with a fresh key, and tells everybody, the asker among them. Until
 * then nothing has happened, and where nobody is there to ask, nothing will.
 *
 * A neighbour that says nothing costs the asker UNDO_PATIENCE and no more. Its countersignature may come all the same: then
 * two hold, of which the fold lets one stand, to the same effect (adr/0017).
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "roster/op.h"
#include "roster/roster.h"
#include "wire/codec.h"

/* ---- who asks ---- */

void plea_fini(struct mesh *m) {
        buf_fini(&m->plea.op);
        m->plea = (struct plea){0};
        m->undo_due = MESH_NEVER;
}

static void plea_end(struct mesh *m, enum mesh_outcome o) {
        uint64_t command = m->plea.command;
        mesh_trace(m, "undoing the use of a ticket: %s", mesh_outcome(o)->name);
        plea_fini(m);
        mesh_reply(m, command, o);
}

static bool was_asked(const struct plea *p, const struct key *household) {
        for (size_t i = 0; i < p->n_asked; i++)
                if (key_eq(&p->asked[i], household))
                        return true;
        return false;
}

/* Of a home that is neither the author nor the one undone, and has not been asked yet. Visits are about to end. */
static bool may_ask(const struct mesh *m, const struct link *l) {
        const struct plea *p = &m->plea;
        return l->state == LINK_UP && !l->visit && !l->visiting && !key_eq(&l->household, &m->household) &&
               !key_eq(&l->household, &p->undone) && !was_asked(p, &l->household);
}

/* Any of them: nobody can place himself where the asker looks first. */
static struct link *next_witness(struct mesh *m) {
        struct link *chosen = NULL;
        uint32_t n = 0;
        LINK_EACH(l, m)
        if (may_ask(m, l) && rng_below(&m->rng, ++n) == 0)
                chosen = l;
        return chosen;
}

/* PROTOCOL 6.40: "over a link that is up to a device of a third household, neither the author's nor the one undone" */
static int ask_next(struct mesh *m) {
        struct plea *p = &m->plea;
        struct link *l = p->n_asked < UNDO_ASKED_MOST ? next_witness(m) : NULL;
        if (!l) {
                plea_end(m, p->problem);
                return 0;
        }
        p->asked[p->n_asked++] = l->household;
        p->link = l->id;
        m->undo_due = m->now + UNDO_PATIENCE;
        mesh_trace(m, "link %u: asked to countersign an undo", (unsigned)l->id);
        struct wire_witness msg = {.op = buf_span(&p->op)};
        return link_say(l, LINK_WITNESS, &msg);
}

/* Whose add @w undoes; false: that is none this roster has. */
static bool undone_home(const struct mesh *m, const struct wire_op *w, const struct roster_op **ret_add,
                        struct key *ret_home) {
        struct wire_op add;
        struct hash id;
        memcpy(id.b, w->proposal.p, sizeof(id.b));
        *ret_add = roster_op_find(m->roster, &id);
        if (!*ret_add || (*ret_add)->type != OP_ADD || codec_decode(&wire_op_desc, (*ret_add)->bytes, &add, NULL))
                return false;
        memcpy(ret_home->b, add.household.p, sizeof(ret_home->b));
        return true;
}

bool undo_is(struct span op) {
        struct wire_op w;
        return codec_decode(&wire_op_desc, op, &w, NULL) == 0 && w.type == OP_INVITE_UNDO;
}

int undo_start(struct mesh *m, const struct mesh_event *ev) {
        const struct roster_op *add;
        struct plea *p = &m->plea;
        struct span op = ev->operation.op;
        struct wire_op w;
        enum mesh_outcome o = p->command ? MESH_OUT_BUSY : MESH_OUT_DONE;
        if (o == MESH_OUT_DONE && (op_check(op, roster_mesh(m->roster), false, true, &w) ||
                                   memcmp(w.household.p, m->household.b, sizeof(m->household.b)) != 0 ||
                                   !undone_home(m, &w, &add, &p->undone)))
                o = MESH_OUT_BAD_OP;
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        p->command = ev->token;
        p->problem = MESH_OUT_NO_WITNESS;
        op_signed_hash(&p->what, roster_mesh(m->roster), op);
        buf_add(&p->op, op);
        return buf_ok(&p->op) ? ask_next(m) : ERR_NOMEM;
}

/* On a third home's disk, and folded here. */
void undo_look(struct mesh *m, size_t first) {
        const struct roster_op *op;
        struct hash what;
        for (size_t i = first; m->plea.command && (op = roster_op_at(m->roster, i)); i++) {
                if (op->type != OP_INVITE_UNDO)
                        continue;
                op_signed_hash(&what, roster_mesh(m->roster), op->bytes);
                if (hash_eq(&what, &m->plea.what))
                        plea_end(m, MESH_OUT_DONE);
        }
}

static enum mesh_outcome outcome_of(uint64_t why) {
        switch ((enum wire_e_decline)why) {
        case DECLINE_LATE:
                return MESH_OUT_UNDO_LATE;
        case DECLINE_RULE:
                return MESH_OUT_UNDO_REFUSED;
        case DECLINE_NOT_NOW:
                break;
        }
        return MESH_OUT_NO_WITNESS;
}

/* One home's no is one home's: the next may see it otherwise. */
int undo_declined(struct link *l, const struct wire_declined *msg) {
        struct plea *p = &l->m->plea;
        if (!p->command || p->link != l->id || memcmp(msg->what.p, p->what.b, sizeof(p->what.b)) != 0)
                return 0;
        enum mesh_outcome o = outcome_of(msg->why);
        if (p->problem == MESH_OUT_NO_WITNESS)
                p->problem = o;
        return ask_next(l->m);
}

int undo_tick(struct mesh *m) {
        if (m->now < m->undo_due)
                return 0;
        /* PROTOCOL 6.45: "An asker that has had no answer MUST say so to its owner, and not that nothing was done" */
        m->plea.problem = MESH_OUT_UNDO_UNANSWERED;
        return ask_next(m);
}

mesh_time undo_deadline(const struct mesh *m) {
        return MAX(m->undo_due, m->now);
}

/* ---- who is asked ---- */

static int decline(struct link *l, const struct hash *what, enum wire_e_decline why) {
        struct wire_declined msg = {.what = SPAN_OF(what->b), .why = why};
        mesh_trace(l->m, "link %u: an undo not countersigned: %s", (unsigned)l->id,
                   wire_enum_text(&wire_decline_enum, why));
        return link_say(l, LINK_DECLINED, &msg);
}

static bool times_near(mesh_wall a, mesh_wall b) {
        return MAX(a, b) - MIN(a, b) <= FUTURE_SLACK;
}

/* PROTOCOL 6.42: "It MUST NOT countersign one whose `time` is more than 600 s from now, whose home is no member in the
 * fold of all it holds, or that rule 5.32 refuses with `at` = now." */
/* What stands against it before the fold is asked; 0: nothing. */
static enum wire_e_decline objection(struct link *l, const struct wire_op *w) {
        struct mesh *m = l->m;
        const struct roster_op *add;
        struct key home;
        mesh_wall now = clock_now(m);
        if (!m->member || m->joining || m->stopping || m->witnessing || !clock_usable(m) ||
            !budget_left(m, &l->household, BUDGET_WITNESS) || !undone_home(m, w, &add, &home))
                return DECLINE_NOT_NOW;
        if (now > add->time + ROSTER_UNDO_SECONDS)
                return DECLINE_LATE;
        const struct roster_home *h = roster_home_find(m->roster, &home);
        return !h || !h->member || !times_near(w->time, now) ? DECLINE_RULE : 0;
}

/* Countersigned, as it will stand in the roster. 0, ROSTER_E_*, OP_E_INPUT, <0. */
static int witness_sign(struct mesh *m, struct span plea, const struct wire_op *w, struct buf *ret_op,
                        struct hash *ret_id) {
        struct hash heads[ROSTER_PARENTS_MAX], must[2];
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        memcpy(must[0].b, w->proposal.p, sizeof(must[0].b));
        must[1] = roster_device_op(m->roster, me)->id;
        size_t n = roster_parents(m->roster, NULL, must, ARRAY_LEN(must), heads, NULL);
        int r = op_countersign(ret_op, plea, roster_mesh(m->roster), &m->sign, clock_now(m), heads, n);
        return r ? r : roster_would_take(m->roster, buf_span(ret_op), false, ret_id);
}

int undo_asked(struct link *l, struct span plea) {
        struct mesh *m = l->m;
        struct wire_op w;
        struct hash what, id;
        /* PROTOCOL 6.41: "MUST hang up, `bad-frame`, where it is no invite-undo that satisfies rules 5.1 to 5.6 without
         * a countersignature, or where its author is not the household of the link's device" */
        if (op_check(plea, roster_mesh(m->roster), false, false, &w) || w.type != OP_INVITE_UNDO ||
            memcmp(w.household.p, l->household.b, sizeof(l->household.b)) != 0) {
                link_hangup(l, REASON_BAD_FRAME);
                return 0;
        }
        op_signed_hash(&what, roster_mesh(m->roster), plea);
        enum wire_e_decline why = objection(l, &w);
        if (why)
                return decline(l, &what, why);
        _clean_(buf_fini) struct buf op = BUF_NULL;
        int r = budget_charge(m, &l->household, BUDGET_WITNESS);
        if (!r)
                r = witness_sign(m, plea, &w, &op, &id);
        if (r == ROSTER_E_SIGNATURE) {
                link_hangup(l, REASON_BAD_SIGNATURE);
                return 0;
        }
        if (r)
                return r < 0 ? r : decline(l, &what, r == ROSTER_E_PARENTS ? DECLINE_NOT_NOW : DECLINE_RULE);
        struct wait *wait = mesh_wait(m, WAIT_WITNESS, 0);
        if (!wait)
                return ERR_NOMEM;
        wait->link = l->id;
        wait->op = op;
        op = BUF_NULL;
        m->witnessing = true;
        return ops_store(m, buf_span(&wait->op), &id, wait);
}

/* PROTOCOL 6.44: "It MUST NOT count before it is on disk" */
/* Now it counts; the fresh key goes to disk, and then both go out together. */
int undo_stored(struct mesh *m, struct wait *w) {
        struct link *l = link_find(m, w->link);
        struct hash id, what;
        m->witnessing = false;
        if (w->failed) {
                op_signed_hash(&what, roster_mesh(m->roster), buf_span(&w->op));
                return l && l->state == LINK_UP ? decline(l, &what, DECLINE_NOT_NOW) : 0;
        }
        int r = roster_take(&m->roster, buf_span(&w->op), true, &id);
        if (r)
                return r < 0 ? r : 0;
        mesh_trace(m, "link %u: an undo countersigned", (unsigned)w->link);
        mesh_membership(m);
        struct wait *next = mesh_wait(m, WAIT_OP, 0);
        if (!next)
                return ERR_NOMEM;
        memcpy(next->id.b, id.b, sizeof(id.b));
        return epoch_renew(m, next);
}
