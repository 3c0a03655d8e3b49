/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An end's part. Two that have agreed on a doorstep and a token each make a link to it as for footage, unless one is there, and
 * say to each other's device that they have come. When the doorstep says that both have, whoever began sends the first message
 * of the handshake, and from there on nothing is different but that the bytes take another way. When that way ends, so does
 * the link within: it is dialled again as any other.
 *
 * The doorstep could shake hands itself, under its own name, for it is a member. So the device that answers within must be the
 * one that was agreed on.
 */
#include "core/core.h"
#include "core/doubt.h"
#include "core/link.h"
#include "core/relay.h"

/* ---- reaching the doorstep ---- */
static struct link *way_to(struct mesh *m, const struct key *doorstep) {
        LINK_EACH(l, m) {
                if (l->state == LINK_HAUL && !l->room && key_eq(&l->device, doorstep))
                        return l;
        }
        return NULL;
}

/* PROTOCOL 18.2: "odd where it dialled the outer link, else even" */
static uint32_t next_number(const struct link *l) {
        struct relay *relay = &l->m->relay;
        uint32_t n;
        do {
                n = relay->numbered++ % (UINT16_MAX / 2) * 2 + (l->dialled ? 1 : 2);
        } while (relay_find(l, n));
        return n;
}

static int ask(struct link *l, struct room *r) {
        struct wire_relay_open msg = {.with = SPAN_OF(r->with.b), .token = SPAN_OF(r->token)};
        if (r->haul)
                WIRE_PUT(&msg, RELAY_OPEN, haul, true);
        msg.room = r->number = next_number(l);
        r->outer = l;
        r->due = l->m->now + RELAY_PATIENCE;
        l->hauled = l->m->now;
        int e = link_say(l, LINK_RELAY, &msg);
        return e ? e : doubt_link(l); /* who waits for the other end would not notice that there is no doorstep */
}

static size_t ends(const struct mesh *m) {
        size_t n = 0;
        LIST_EACH (r, &m->relay.rooms, struct room, on)
                n += r->end;
        return n;
}

mesh_link relay_number(struct mesh *m, bool begins) {
        return MESH_LINK_RELAYED | (begins ? MESH_LINK_DIALLED : 0) | ++m->next_dial;
}

int relay_call(struct mesh *m, const struct relay_call *c) {
        if (ends(m) >= RELAYS_OWN)
                return link_down(m, c->inner);
        struct room *r = relay_room_new(m);
        if (!r)
                return ERR_NOMEM;
        r->end = true;
        r->inner = c->inner;
        r->doorstep = c->doorstep;
        r->with = c->with;
        r->haul = c->haul;
        memcpy(r->token, c->token, sizeof(r->token));
        struct link *l = way_to(m, &c->doorstep);
        if (l)
                return ask(l, r);
        bool on_its_way;
        int e = carry_reach(m, &c->doorstep, &on_its_way);
        r->lost = !on_its_way;
        return e;
}

void relay_give_up(struct mesh *m, mesh_link inner) {
        struct room *r = relay_room_of(m, inner);
        if (!r)
                return;
        r->inner = 0;
        r->lost |= !r->outer;
        relay_over(r, 0);
}

int relay_outer_up(struct link *l) {
        int e = 0;
        LIST_EACH (r, &l->m->relay.rooms, struct room, on) {
                if (r->end && !r->outer && !r->lost && key_eq(&r->doorstep, &l->device))
                        e = e ? e : ask(l, r);
        }
        return e;
}

bool relay_waits(const struct mesh *m, const struct key *doorstep) {
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (r->end && r->inner && !r->outer && !r->lost && key_eq(&r->doorstep, doorstep))
                        return true;
        }
        return false;
}

void relay_unreached(struct mesh *m, const struct key *doorstep) {
        LIST_EACH (r, &m->relay.rooms, struct room, on)
                r->lost |= r->end && !r->outer && key_eq(&r->doorstep, doorstep);
}

/* ---- the link within ---- */
struct room *relay_room_of(const struct mesh *m, mesh_link inner) {
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (inner && r->inner == inner)
                        return r;
        }
        return NULL;
}

/* PROTOCOL 18.10: "An end MUST close where another device than the one that was agreed on shakes hands." */
bool relay_expects(const struct link *l) {
        return !l->room || (!l->unproven && key_eq(&l->device, &l->room->with));
}

static int begin_within(struct mesh *m, struct room *r, uint64_t more) {
        struct mesh_event ev = {.type = MESH_EV_LINK_UP, .now = m->now, .wall = m->wall, .link = r->inner};
        ev.up.dialled = r->inner & MESH_LINK_DIALLED;
        r->joined = true;
        r->due = MESH_NEVER;
        r->may = more;
        return r->inner ? link_up(m, &ev) : 0;
}

int relay_joined(struct link *from, struct room *r, uint64_t more) {
        struct mesh *m = from->m;
        if (!r->joined)
                return begin_within(m, r, more);
        if (more > r->away) {
                link_hangup(from, REASON_BAD_FRAME);
                return 0;
        }
        r->away -= more;
        r->may += more;
        link_writable(m, r->inner, relay_waiting(r) + r->away);
        return 0;
}

int relay_inner_took(struct room *r, struct span bytes) {
        struct link *l = r->outer;
        if (!r->joined) {
                link_hangup(l, REASON_BAD_FRAME);
                return 0;
        }
        return link_recv(l->m, r->inner, bytes);
}

void relay_ended(struct room *r) {
        link_touch(r->outer);
        r->outer = NULL; /* it is not told what it said itself */
        r->lost = true;
}

/* Its outer link is gone, or there will be none. What waited for it goes nowhere. */
static int lose(struct mesh *m, struct room *r) {
        mesh_link inner = r->inner;
        r->inner = 0;
        int e = inner ? link_down(m, inner) : 0;
        struct link *closing = link_busy(m, inner);
        if (closing)
                link_free(closing);
        relay_room_free(m, r);
        return e;
}

/* What a link within has framed goes into its room; where it is over, the room is, behind that. */
static int inner_turn(struct link *l) {
        struct room *r = l->room;
        int e = link_work(l);
        if (!e && l->out.n)
                e = relay_put(r, link_out(l));
        link_out_over(l);
        if (e || l->state != LINK_CLOSING)
                return e;
        link_free(l);
        r->inner = 0;
        relay_over(r, 0);
        return 0;
}

int relay_inner_work(struct mesh *m) {
        int e = 0;
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                struct link *l = r->end ? link_busy(m, r->inner) : NULL;
                if (!e && r->end && r->lost)
                        e = lose(m, r);
                else if (!e && l && l->room)
                        e = inner_turn(l);
        }
        return e;
}
