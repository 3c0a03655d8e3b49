/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A doorstep's part: two devices name each other and the same token, and from then on what one sends goes out to the other.
 * Nobody is asked whether he wants it: each has come by himself, with the other's word inside a sealed offer. What is passed on
 * is charged to both households, and of what the owner gives away in a day no household has more than a quarter, and footage
 * not all: an alert's way must not be closed because somebody has looked at a film.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/relay.h"
#include "crypto/hash.h"

/* ---- who may ---- */
static bool well_spent(struct mesh *m, const struct key *household) {
        return budget_passed(m, household) >= m->relay.quota / RELAY_SHARE;
}

/* All of them, or one household's. */
static size_t rooms_of(const struct mesh *m, const struct key *household) {
        size_t n = 0;
        LIST_EACH (r, &m->relay.rooms, struct room, on)
                n += !r->end && (!household || (r->outer && key_eq(&r->outer->household, household)));
        return n;
}

/* What it is for is known when both have come: until then it may be either. */
static bool crowded(const struct mesh *m, const struct room *of) {
        size_t all = 0, own = 0;
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (r->end || !r->joined || !r->outer || r->haul != of->haul)
                        continue;
                all++;
                own += key_eq(&r->outer->household, &of->outer->household);
        }
        return all + 2 > RELAYS_MOST / 2 || own >= RELAYS_HOUSEHOLD;
}

static bool too_much(struct mesh *m, const struct key *household, bool haul) {
        uint64_t all = budget_passed(m, &m->sign.pub);
        uint64_t most = haul ? m->relay.quota - m->relay.quota / RELAY_SHARE : m->relay.quota;
        return all >= most || well_spent(m, household);
}

/* PROTOCOL 18.3: "and rooms on no more than 12 of the links that it has accepted" */
static bool no_link_left(const struct link *l) {
        size_t n = 0;
        LINK_EACH(other, l->m)
        n += other != l && !other->dialled && other->state == LINK_HAUL && relay_holds(other);
        return !l->dialled && !relay_holds(l) && n >= HAULS_PASSING;
}

/* PROTOCOL 18.3: "It MUST NOT pass anything on for others than current members' devices" */
static enum wire_e_relay_why may_not(const struct link *l, const struct key *with, bool haul) {
        struct mesh *m = l->m;
        if (!m->relay.quota || m->stopping)
                return RELAY_WHY_OFF;
        if (!address_current(m, with) || key_eq(with, &m->sign.pub) || key_eq(with, &l->device))
                return RELAY_WHY_NO_DEVICE;
        if (no_link_left(l) || rooms_of(m, NULL) >= RELAYS_MOST || rooms_of(m, &l->household) >= 2 * RELAYS_HOUSEHOLD)
                return RELAY_WHY_MANY;
        return too_much(m, &l->household, haul) ? RELAY_WHY_SPENT : 0;
}

/* ---- joining ---- */
static bool matches(const struct room *r, const struct room *other) {
        bool waits = other != r && !other->end && !other->joined && !other->over && other->outer;
        return waits && key_eq(&other->with, &r->outer->device) && key_eq(&other->outer->device, &r->with) &&
               hash_same(other->token, r->token, sizeof(r->token));
}

static struct room *partner_of(const struct mesh *m, const struct room *r) {
        LIST_EACH (other, &m->relay.rooms, struct room, on) {
                if (matches(r, other))
                        return other;
        }
        return NULL;
}

static int give(struct room *r, size_t n) {
        struct wire_relay_room msg = {.room = r->number, .more = n};
        r->given += n;
        return link_say(r->outer, LINK_RELAY_ROOM, &msg);
}

/* PROTOCOL 18.4: "When both have come, it says RELAY_ROOM to each" */
static int join(struct mesh *m, struct room *r, struct room *other) {
        r->haul = other->haul = r->haul || other->haul;
        if (crowded(m, r) || crowded(m, other)) {
                relay_over(r, RELAY_WHY_MANY);
                relay_over(other, RELAY_WHY_MANY);
                return 0;
        }
        r->joined = other->joined = true;
        r->other = other;
        other->other = r;
        r->due = other->due = m->now + RELAY_SILENCE;
        mesh_trace(m, "links %u and %u: relayed", (unsigned)r->outer->id, (unsigned)other->outer->id);
        int e = give(r, RELAY_AHEAD);
        return e ? e : give(other, RELAY_AHEAD);
}

static int refuse(struct link *l, uint64_t number, enum wire_e_relay_why why) {
        struct wire_relay_end msg = {.room = number};
        WIRE_PUT(&msg, RELAY_END, why, why);
        return link_say(l, LINK_RELAY_END, &msg);
}

/* PROTOCOL 18.2: "A number of the wrong kind, or of a room that is there, is hung up on, `bad-frame`." */
static bool numbered(const struct link *l, uint64_t number) {
        return (number & 1) == !l->dialled && !relay_find(l, number);
}

int relay_asked(struct link *l, const struct wire_relay_open *msg) {
        struct mesh *m = l->m;
        struct key with;
        bool haul = WIRE_HAS(msg, RELAY_OPEN, haul);
        memcpy(with.b, msg->with.p, sizeof(with.b));
        l->hauled = m->now;
        if (!numbered(l, msg->room)) {
                link_hangup(l, REASON_BAD_FRAME);
                return 0;
        }
        enum wire_e_relay_why why = may_not(l, &with, haul);
        if (why) {
                l->hauled -= relay_holds(l) ? 0 : MIN(l->hauled, (mesh_time)(HAUL_IDLE - HAUL_LEFT));
                return refuse(l, msg->room, why);
        }
        struct room *r = relay_room_new(m);
        if (!r)
                return ERR_NOMEM;
        r->outer = l;
        r->number = (uint32_t)msg->room;
        r->with = with;
        r->haul = haul;
        memcpy(r->token, msg->token.p, sizeof(r->token));
        struct room *other = partner_of(m, r);
        return other ? join(m, r, other) : 0;
}

/* ---- passing on ---- */
/* PROTOCOL 18.7: "What is passed on MUST be charged to both households" */
static int charge(struct mesh *m, const struct room *r, size_t n) {
        const struct link *a = r->outer, *b = r->other->outer;
        int e = budget_pass(m, &m->sign.pub, n);
        if (!e)
                e = budget_pass(m, &a->household, n);
        if (!e && b && !key_eq(&a->household, &b->household))
                e = budget_pass(m, &b->household, n);
        return e;
}

static bool is_spent(struct mesh *m, const struct room *r) {
        const struct link *b = r->other ? r->other->outer : NULL;
        return too_much(m, &r->outer->household, r->haul) || (b && too_much(m, &b->household, r->haul));
}

/* PROTOCOL 18.3: "and MUST NOT do so without its owner's leave" */
void relay_allow(struct mesh *m, uint64_t bytes) {
        m->relay.quota = bytes;
        m->relays = bytes > 0;
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (r->end || !r->outer || !is_spent(m, r))
                        continue;
                relay_over(r, bytes ? RELAY_WHY_SPENT : RELAY_WHY_OFF);
                link_touch(r->outer);
        }
}

/* PROTOCOL 18.5: "Whoever sends more MUST be hung up on, `bad-frame`" */
int relay_take(struct link *from, struct room *r, struct span bytes) {
        struct mesh *m = from->m;
        if (bytes.n > r->given) {
                link_hangup(from, REASON_BAD_FRAME);
                return 0;
        }
        r->given -= bytes.n;
        if (!r->other || r->other->over)
                return 0;
        r->due = r->other->due = m->now + RELAY_SILENCE;
        int e = charge(m, r, bytes.n);
        if (!e)
                e = relay_put(r->other, bytes);
        if (!e && is_spent(m, r)) {
                relay_over(r->other, RELAY_WHY_SPENT);
                relay_over(r, RELAY_WHY_SPENT);
        }
        return e;
}

/* PROTOCOL 18.5: "as bytes go on it says RELAY_ROOM again" */
int relay_passed(struct room *r, size_t n) {
        struct room *from = r->other;
        if (!from || from->over || !from->outer)
                return 0;
        from->owed += n;
        if (from->owed < RELAY_AHEAD / 4 && relay_waiting(r))
                return 0;
        n = from->owed;
        from->owed = 0;
        return give(from, n);
}

void relay_left(struct mesh *m, struct room *r) {
        if (r->other)
                relay_over(r->other, RELAY_WHY_GONE);
        relay_room_free(m, r);
}
