/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets this device wrote, and admitting those who come on anybody's. Any member's device admits: it checks the joiner's
 * add against the fold, countersigns it with its mesh time and the heads it has applied, and stores it before it counts.
 */
#include "core/belong.h"

#include "base/array.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/link.h"
#include "core/out.h"
#include "core/packet.h"
#include "core/reach.h"
#include "core/spread.h"
#include "roster/op.h"
#include "roster/roster.h"
#include "roster/ticket.h"
#include "wire/codec.h"

#include <stdlib.h>

#define TICKETS_FIRST 8 /* items; then it doubles */

static void ticket_row_free(struct ticket_row *t) {
        if (!t)
                return;
        buf_wipe(&t->text);
        buf_fini(&t->label);
        free(t);
}
DEFINE_FREEP(struct ticket_row, ticket_row_free)

void tickets_fini(struct mesh *m) {
        for (size_t i = 0; i < m->n_tickets; i++)
                ticket_row_free(m->tickets[i]);
        free(m->tickets);
        m->tickets = NULL;
        m->n_tickets = m->cap_tickets = 0;
}

static struct ticket_row *ticket_find(struct mesh *m, const struct key *id) {
        for (size_t i = 0; i < m->n_tickets; i++)
                if (key_eq(&m->tickets[i]->id, id))
                        return m->tickets[i];
        return NULL;
}

static int ticket_put(struct mesh *m, struct ticket_row *t) {
        struct ticket_row **rows =
                array_room(m->tickets, m->n_tickets, &m->cap_tickets, sizeof(struct ticket_row *), TICKETS_FIRST);
        if (!rows)
                return ERR_NOMEM;
        m->tickets = rows;
        m->tickets[m->n_tickets++] = t;
        return 0;
}

static int ticket_save(struct mesh *m, const struct ticket_row *t, const struct wait *w) {
        struct mesh_row row = {
                .kind = MESH_ROW_TICKET,
                .ticket = {
                        .id = t->id, .text = buf_span(&t->text), .label = buf_span(&t->label), .revoked = t->revoked}};
        return mesh_store(m, &row, w);
}

int invite_restore(struct mesh *m, const struct mesh_row *row) {
        struct ticket parsed = {0};
        if (ticket_parse(&parsed, row->ticket.text))
                return 0;
        _clean_(ticket_row_freep) struct ticket_row *t = calloc(1, sizeof(*t));
        if (t) {
                t->id = row->ticket.id;
                t->uses = (uint32_t)parsed.w.uses;
                t->expires = parsed.w.expires;
                t->revoked = row->ticket.revoked;
                buf_add(&t->text, row->ticket.text);
                buf_add(&t->label, row->ticket.label);
        }
        ticket_fini(&parsed);
        if (!t || !buf_ok(&t->text) || ticket_put(m, t))
                return ERR_NOMEM;
        TAKE(t);
        return 0;
}

int invite_make(struct mesh *m, const struct mesh_event *ev) {
        struct epoch *e = epoch_newest(m);
        enum mesh_outcome o = mesh_standing(m);
        if (o == MESH_OUT_DONE && !e)
                o = MESH_OUT_NO_EPOCH;
        if (o == MESH_OUT_DONE && !clock_usable(m))
                o = MESH_OUT_NO_CLOCK;
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        if (roster_members(m->roster) >= roster_charter(m->roster, CHARTER_max_members)) {
                mesh_reply(m, ev->token, MESH_OUT_MESH_FULL);
                return 0;
        }
        const struct roster_home *me = roster_home_find(m->roster, &m->household);
        if (!me->steward && roster_places(m->roster, me, clock_now(m)) == 0) { /* a steward has some tomorrow */
                mesh_reply(m, ev->token, MESH_OUT_BUDGET);
                return 0;
        }
        struct ticket t = {0};
        t.w = (struct wire_ticket){.mesh = SPAN_OF(roster_mesh(m->roster)->b),
                                   .mesh_name = span_str(roster_mesh_name(m->roster)),
                                   .link_key = SPAN_OF(e->link_key.b),
                                   .inviter = span_str(me->name),
                                   .expires = clock_now(m) + MIN(ev->invite.expires_in, (uint64_t)TICKET_LIFE_MAX),
                                   .uses = ev->invite.uses};
        if (ev->invite.addrs.count)
                WIRE_PUT(&t.w, TICKET, addrs, ev->invite.addrs);
        mesh_cell cell = ev->invite.cell ? ev->invite.cell : roster_mesh_cell(m->roster);
        if (cell)
                WIRE_PUT(&t.w, TICKET, cell, cell);
        _clean_(ticket_row_freep) struct ticket_row *row = calloc(1, sizeof(*row));
        if (!row)
                return ERR_NOMEM;
        int r = ticket_make(&t, &m->sign, &m->rng, &row->text);
        row->id = t.invite.pub;
        row->uses = (uint32_t)ev->invite.uses;
        row->expires = t.w.expires;
        buf_add(&row->label, ev->invite.label);
        ticket_fini(&t);
        if (r > 0) {
                mesh_reply(m, ev->token, MESH_OUT_TICKET_BAD);
                return 0;
        }
        struct wait *w = r ? NULL : mesh_wait(m, WAIT_INVITE, ev->token);
        if (!w || !buf_ok(&row->label) || ticket_put(m, row))
                return r ? r : ERR_NOMEM;
        w->id = row->id;
        return ticket_save(m, TAKE(row), w);
}

int invite_revoke(struct mesh *m, const struct mesh_event *ev) {
        struct ticket_row *t = ticket_find(m, &ev->revoke.id);
        if (!t) {
                mesh_reply(m, ev->token, MESH_OUT_NO_TICKET);
                return 0;
        }
        t->revoked = true;
        struct wait *w = mesh_wait(m, WAIT_REVOKE, ev->token);
        if (!w)
                return ERR_NOMEM;
        w->id = t->id;
        w->left = 2;
        int r = ticket_save(m, t, w);
        return r ? r : revoke_make(m, &t->id, t->expires, w);
}

int invite_stored(struct mesh *m, struct wait *w) {
        struct ticket_row *t = ticket_find(m, &w->id);
        if (w->failed || !t) {
                for (size_t i = 0; t && w->kind == WAIT_INVITE && i < m->n_tickets; i++) {
                        if (m->tickets[i] != t)
                                continue;
                        m->tickets[i] = m->tickets[--m->n_tickets];
                        ticket_row_free(t);
                        break;
                }
                if (t && w->kind == WAIT_REVOKE) {
                        t->revoked = false; /* as on the disk: it is to be asked again */
                        revoke_undo(m, &w->id);
                }
                mesh_reply(m, w->command, MESH_OUT_STORE_FAILED);
                return 0;
        }
        int r = w->kind == WAIT_REVOKE ? revoke_announce(m, &w->id) : 0;
        if (w->kind == WAIT_INVITE)
                lan_invited(m);
        struct mesh_action *a = r ? NULL : out_add(&m->out, MESH_DO_REPLY);
        if (!a)
                return r ? r : ERR_NOMEM;
        bool ok = true;
        a->token = w->command;
        a->reply.outcome = MESH_OUT_DONE;
        memcpy(a->reply.id.b, t->id.b, sizeof(a->reply.id));
        a->reply.text = out_keep(&m->out, buf_span(&t->text), &ok);
        a->reply.expires = t->expires;
        return ok ? 0 : ERR_NOMEM;
}

/* ---- admitting ---- */
static enum wire_e_reason refusal(int r) {
        switch (r) {
        case ROSTER_E_EXPIRED:
                return REASON_TICKET_EXPIRED;
        case ROSTER_E_USED:
        case ROSTER_E_MEMBER:
                return REASON_TICKET_USED;
        case ROSTER_E_NAME:
                return REASON_NAME_REFUSED;
        case ROSTER_E_FULL:
                return REASON_MESH_FULL;
        case ROSTER_E_BUDGET:
                return REASON_BUDGET;
        case ROSTER_E_GONE:
                return REASON_TICKET_REVOKED;
        case ROSTER_E_DEVICES:
                return REASON_DEVICES_FULL;
        case ROSTER_E_STRANGER:
                return REASON_NOT_ISSUED_HERE; /* its device may be one this home has not heard of yet */
        }
        return REASON_TICKET_BAD;
}

static int refuse(struct link *l, enum wire_e_reason why) {
        struct wire_refused msg = {.reason = why};
        mesh_trace(l->m, "link %u: not admitted: %s", (unsigned)l->id, wire_enum_text(&wire_reason_enum, why));
        int r = link_say(l, LINK_REFUSED, &msg);
        if (!r)
                r = link_flush(l);
        link_hangup(l, why);
        return r;
}

/* PROTOCOL 6.20: "A node MUST NOT admit on a code for which one holds: the reason is `ticket-revoked`." */
static bool code_revoked(const struct mesh *m, const struct wire_op *w) {
        struct wire_list list = w->code;
        struct wire_code code;
        struct key key, household;
        if (!wire_list_next(&wire_code_desc, &list, &code))
                return false;
        memcpy(key.b, code.key.p, sizeof(key.b));
        memcpy(household.b, w->household.p, sizeof(household.b));
        const struct roster_home *of = roster_home_find(m->roster, &household);
        return of && revoke_holds_code(m, &key, of);
}

/* PROTOCOL 6.14: "A node MUST NOT admit on an invite for which one holds." */
static bool taken_back(const struct mesh *m, const struct wire_op *w) {
        struct wire_list list = w->invite;
        struct wire_invite inv;
        if (w->type == OP_DEVICE_ADD)
                return code_revoked(m, w);
        return wire_list_next(&wire_invite_desc, &list, &inv) && revoke_holds(m, &inv);
}

/* PROTOCOL 6.9: "that the device which the add certifies has the static key of this link as its noise key" */
/* The joiner is who shook hands: the device it certifies must be the one at the other end. */
static bool add_is_of_link(const struct link *l, const struct wire_op *w) {
        struct wire_list list = w->device;
        struct wire_device d;
        return wire_list_next(&wire_device_desc, &list, &d) &&
               memcmp(d.noise.p, l->frames.peer.b, sizeof(l->frames.peer.b)) == 0;
}

/* The operation that the household of a device-add is a member by, or that certified the device of an add's ticket. */
static const struct roster_op *rests_on(const struct mesh *m, const struct wire_op *w) {
        struct wire_list list = w->invite;
        struct wire_invite inv;
        struct key key;
        if (w->type == OP_DEVICE_ADD) {
                memcpy(key.b, w->household.p, sizeof(key.b));
                const struct roster_home *home = roster_home_find(m->roster, &key);
                return home ? roster_home_op(m->roster, home) : NULL;
        }
        if (!wire_list_next(&wire_invite_desc, &list, &inv))
                return NULL;
        memcpy(key.b, inv.device.p, sizeof(key.b));
        const struct roster_device *d = roster_device_find(m->roster, &key);
        return d ? roster_device_op(m->roster, d) : NULL;
}

/* What the countersignature names: what the add rests on and the operation that certified this device, then the heads. */
static size_t admit_heads(const struct mesh *m, const struct wire_op *w, struct hash must[2],
                          struct hash ret[ROSTER_PARENTS_MAX]) {
        const struct roster_op *base = rests_on(m, w);
        size_t n = 0;
        if (base)
                must[n++] = base->id;
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        must[n++] = roster_device_op(m->roster, me)->id;
        return roster_parents(m->roster, NULL, must, n, ret, NULL);
}

/* Admitted meanwhile by another member. */
static int greet_known(struct link *l) {
        l->joining = false;
        int r = link_greet(l);
        return r ? r : link_greeted(l);
}

/* One at a time: what is not on disk yet counts for nothing, so the next could be admitted on the same use of a ticket. */
static int admit_later(struct link *l, struct span add) {
        buf_clear(&l->plea);
        buf_add(&l->plea, add);
        return buf_ok(&l->plea) ? 0 : ERR_NOMEM;
}

/* May it come in? 0, ROSTER_E_*, <0. On 0 @ret_op is the add as it will stand in the roster, under @ret_id. */
static int admit_sign(struct link *l, struct span add, struct buf *ret_op, struct hash *ret_id) {
        struct mesh *m = l->m;
        struct wire_op w;
        int r = roster_may_admit(m->roster, add, clock_now(m));
        if (r)
                return r;
        if (codec_decode(&wire_op_desc, add, &w, NULL) || !add_is_of_link(l, &w))
                return ROSTER_E_INPUT;
        if (taken_back(m, &w))
                return ROSTER_E_GONE;
        struct hash heads[ROSTER_PARENTS_MAX], must[2];
        size_t n = admit_heads(m, &w, must, heads);
        r = op_countersign(ret_op, add, roster_mesh(m->roster), &m->sign, clock_now(m), heads, n);
        return r ? r : roster_would_take(m->roster, buf_span(ret_op), false, ret_id);
}

int admit_start(struct link *l, struct span add) {
        struct mesh *m = l->m;
        if (!l->stranger)
                return greet_known(l);
        if (!m->member || !l->joining || l->dialled) {
                link_hangup(l, REASON_NOT_MEMBER);
                return 0;
        }
        if (!clock_usable(m)) /* this home can't tell whether the ticket's time is over */
                return refuse(l, REASON_NOT_ISSUED_HERE);
        if (m->admitting)
                return admit_later(l, add);
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct hash id;
        int r = admit_sign(l, add, &op, &id);
        if (r)
                return r < 0 ? r : refuse(l, refusal(r));
        struct wait *wait = mesh_wait(m, WAIT_ADMIT, 0);
        if (!wait)
                return ERR_NOMEM;
        wait->link = l->id;
        wait->op = op;
        op = BUF_NULL;
        m->admitting = true;
        return ops_store(m, buf_span(&wait->op), &id, wait);
}

/* Those who came while one was being written. */
static int admit_next(struct mesh *m) {
        LINK_EACH(l, m) {
                if (!l->plea.n || m->admitting || l->state == LINK_CLOSING)
                        continue;
                _clean_(buf_fini) struct buf add = l->plea;
                l->plea = BUF_NULL;
                int r = admit_start(l, buf_span(&add));
                if (r)
                        return r;
        }
        return 0;
}

/* The new home is in: everybody hears of it, and the link it came on is a member's. */
static int admit_welcome(struct mesh *m, struct span op, struct link *l) {
        _clean_(packet_freep) struct packet *p = packet_of(LINK_OP, 0, op);
        int r = p ? spread_packet(m, p, l) : ERR_NOMEM;
        if (r || !l)
                return r;
        if (!l->stranger)
                return greet_known(l);
        const struct roster_device *d = roster_noise_find(m->roster, &l->frames.peer);
        if (!d)
                return 0;
        l->stranger = false;
        l->device = d->sign;
        l->household = d->home->key;
        clock_listen(m);
        mesh_trace(m, "link %u: admitted a new home", (unsigned)l->id);
        r = link_greet(l);
        return r ? r : link_greeted(l);
}

/* PROTOCOL 6.11: "It MUST NOT count before it is on disk" */
int admit_stored(struct mesh *m, struct wait *w) {
        struct link *l = link_find(m, w->link);
        struct hash id;
        int r = 0;
        m->admitting = false;
        if (w->failed) { /* the use of the ticket is not spent, and the joiner asks again */
                mesh_trace(m, "link %u: not admitted: the disk refuses", (unsigned)w->link);
                if (l)
                        link_hangup(l, REASON_SHUTDOWN);
        } else {
                r = roster_take(&m->roster, buf_span(&w->op), true, &id);
                if (r == 0)
                        r = admit_welcome(m, buf_span(&w->op), l);
        }
        return r < 0 ? r : admit_next(m);
}
