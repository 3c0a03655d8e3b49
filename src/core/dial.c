/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom to dial. Five outbound links are wanted; candidates come in the order of a rank that only this node can compute, so
 * that nobody can place himself first in everybody's list, and back off when they do not answer. What a person typed and
 * what a ticket names comes before that, and homes on the local network, of which three are enough.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/reach.h"
#include "roster/roster.h"

/* Of the 5 outbound links, taken from one subtree and from one network while there are others to take. Whoever fills a
 * network, or a branch of the invite tree, with homes of his own still has no majority of a neighbour's links. */
#define DIAL_SUBTREE_MOST 2
#define DIAL_NET_MOST 2

static const uint8_t no_device[32];

static bool known_device(const struct address *a) {
        return memcmp(a->device.b, no_device, sizeof(no_device)) != 0;
}

static uint64_t rank(const struct mesh *m, const struct address *a) {
        uint8_t salt[16];
        memcpy(salt, m->map_seed, sizeof(salt));
        return hash_short(salt, known_device(a) ? SPAN_OF(a->device.b) : SPAN_OF(a->addr.ip));
}

/* A home on the local network speaks over IPv4 and IPv6: before its device is known, its beacons tell that they are one. */
static bool dialling_hint(const struct mesh *m, const struct address *a) {
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *other = &m->addresses[i];
                if (other != a && other->link && other->lan && memcmp(other->hint, a->hint, sizeof(a->hint)) == 0)
                        return true;
        }
        return false;
}

bool dial_reaches(const struct mesh *m, const struct key *device) {
        LINK_EACH(l, m) {
                if (l->state != LINK_CLOSING && key_eq(&l->device, device))
                        return true;
        }
        for (size_t i = 0; i < m->n_addresses; i++)
                if (m->addresses[i].link && key_eq(&m->addresses[i].device, device))
                        return true;
        return m->visit.link && key_eq(&m->visit.device, device);
}

static bool dialling_device(const struct mesh *m, const struct address *a) {
        return known_device(a) ? dial_reaches(m, &a->device) : a->lan && dialling_hint(m, a);
}

static bool lan_full(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_addresses; i++)
                n += m->addresses[i].link && m->addresses[i].lan;
        return n >= DIAL_LAN_MOST;
}

static bool worth_dialling(const struct mesh *m, const struct address *a) {
        bool near = lan_fresh(m, a);
        if (a->link || a->self || key_eq(&a->device, recover_device(m)) || dialling_device(m, a))
                return false;
        if ((a->lan_only && !near) || (near && !a->manual && lan_full(m)))
                return false;
        if (m->joining)
                return a->ticket || a->manual || near;
        if (!known_device(a))
                return true;
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, &a->device) : NULL;
        return m->recover.on ? !d || !d->gone_at : d && !d->gone_at;
}

static size_t outbound(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_addresses; i++)
                n += m->addresses[i].link != 0;
        return n;
}

static bool active(const struct mesh *m) {
        return m->started && !m->stopping &&
               (m->joining || m->recover.begun || (m->member && roster_members(m->roster) > 1) || leave_untold(m));
}

const struct roster_home *dial_branch(const struct roster_home *h) {
        while (!h->steward && h->inviter && !h->inviter->steward && h->inviter->inviter)
                h = h->inviter;
        return h;
}

static const struct roster_home *branch_at(const struct mesh *m, const struct address *a) {
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, &a->device) : NULL;
        return d ? dial_branch(d->home) : NULL;
}

/* Whether it would be one too many of its subtree or network. */
static bool crowded(const struct mesh *m, const struct address *a) {
        const struct roster_home *branch = branch_at(m, a);
        size_t kin = 0, near = 0;
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *other = &m->addresses[i];
                if (!other->link)
                        continue;
                kin += branch && branch_at(m, other) == branch;
                near += !addr_private(&a->addr) && addr_same_net(&other->addr, &a->addr);
        }
        return kin >= DIAL_SUBTREE_MOST || near >= DIAL_NET_MOST;
}

/* PROTOCOL 11.13: "A node MUST take those last that are one too many" */
/* A person's word first, then homes that were heard on the local network, then the rank. */
static bool better(const struct mesh *m, const struct address *a, const struct address *b) {
        bool near = lan_fresh(m, a), other_near = lan_fresh(m, b);
        if (a->manual != b->manual)
                return a->manual;
        if (near != other_near)
                return near;
        bool full = crowded(m, a), other_full = crowded(m, b);
        return full != other_full ? other_full : rank(m, a) < rank(m, b);
}

/* The best candidate that is due, or the time at which the next one will be. */
static struct address *candidate(const struct mesh *m, mesh_time *ret_due) {
        struct address *best = NULL;
        *ret_due = MESH_NEVER;
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                if (!worth_dialling(m, a))
                        continue;
                *ret_due = MIN(*ret_due, a->next);
                if (a->next > m->now)
                        continue;
                if (!best || better(m, a, best))
                        best = a;
        }
        return best;
}

void dial_soon(struct mesh *m) {
        m->dial_due = 0;
}

bool dial_may(const struct mesh *m) {
        return active(m) && links_shown(m) < LINKS_MAX - INBOUND_MOST;
}

int dial_start(struct mesh *m, struct address *a) {
        struct mesh_action *act = out_add(&m->out, MESH_DO_DIAL);
        if (!act)
                return ERR_NOMEM;
        a->link = MESH_LINK_DIALLED | ++m->next_dial;
        act->link = a->link;
        act->dial = a->addr;
        return 0;
}

/* Looking through all candidates is not cheap: it is done when one falls due, or when something changed. */
int dial_tick(struct mesh *m) {
        if (m->now < m->dial_due)
                return 0;
        m->dial_due = MESH_NEVER;
        while (dial_may(m) && outbound(m) < OUTBOUND_WANTED) {
                struct address *a = candidate(m, &m->dial_due);
                int r = a ? dial_start(m, a) : 0;
                if (!a || r)
                        return r;
        }
        m->dial_due = MESH_NEVER; /* until a link ends */
        return 0;
}

mesh_time dial_deadline(const struct mesh *m) {
        return m->dial_due ? m->dial_due : m->now;
}

void dial_failed(struct mesh *m, struct address *a, enum wire_e_reason why, bool more) {
        a->problem = why;
        dial_soon(m);
        if (why == REASON_DUPLICATE) {
                a->next = m->now + DIAL_LAST;
                return;
        }
        uint32_t doublings = more ? 0 : MIN(a->failures, 8u);
        mesh_time wait = MIN((mesh_time)DIAL_FIRST << doublings, (mesh_time)DIAL_LAST);
        a->failures += !more;
        a->next = m->now + wait / 2 + rng_below(&m->rng, wait);
        if (m->joining && m->join_problem == MESH_OUT_UNREACHABLE && why == REASON_BAD_HANDSHAKE)
                m->join_problem = MESH_OUT_STRANGER;
}
