/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visits: comparing with somebody who is no neighbour. A home hears everything through a dozen others. Where all of these
 * keep something from it, or one half of a street has lost the other, no neighbour can tell. So every half hour this node
 * dials a member it has no link with, chosen by its own randomness among all whose contact is here, compares everything, and
 * goes again. A visit is none of the links that are wanted, and who is visited has places for it beside those for neighbours,
 * so that full homes can be asked too. Where nobody opens, somebody else is tried soon.
 *
 * A home that others had no place for, and that has fewer links of its own than it wants, may have nobody but liars left. It
 * visits one of those who had no place every minute until it has links enough; all others it dials anyway.
 */
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "core/spread.h"
#include "roster/roster.h"

#define VISIT_PERIOD 1800000  /* ms between visits at most */
#define VISIT_SPREAD 450000   /* and so much less at random: nobody knows when, and not all at once after a power cut */
#define VISIT_AGAIN 30000     /* ms until somebody else is tried, and up to as much again */
#define VISIT_NEXT_KEY 1000   /* ms until an older link key is tried at the same door */
#define VISIT_KEYS 4          /* link keys tried there: halves that are apart may each have removed somebody */
#define VISIT_QUIET 5000      /* ms without a byte, with nothing more to compare or to say */
#define VISIT_SHORT 60000     /* ms between visits of a home short of links, and from when nobody had place for it */
#define VISIT_LONE 2000       /* … and of one that has hardly any, and asks there for who can be met; doubling … */
#define VISIT_LONE_TRIES 4    /* … after so many, … */
#define VISIT_LONE_MOST 15000 /* … up to this, … */
#define VISIT_LONE_EACH 100   /* … or so many ms for each member: all may knock at the same door */
#define VISIT_TURNED 3600000  /* ms for which it counts that somebody had none */
#define VISIT_DRAWS 32        /* draws for whom to visit, before all are looked through */

static bool asleep(const struct push *p) {
        return p->at == p->n && !p->loading;
}

/* Everything was compared, and neither side has had anything to say for a while. */
/* PROTOCOL 8.28: "and without those 5 s where it came for links (rule 9.28) and has 2 that last" */
static bool over(const struct link *l) {
        bool quiet = l->state == LINK_UP && l->caught_up && !l->recon_set && !link_queued(l) && !l->backlog;
        for (size_t i = 0; i < LINK_SETS; i++)
                quiet = quiet && asleep(&l->push[i]);
        bool enough = links_lasting(l->m) >= MEETS_VIA_LEAST && !lately_lost(l->m);
        if (!quiet || (!enough && meet_leads_by(l->m, &l->device)))
                return false;
        return (enough && l->m->visit_few) || l->m->now >= MAX(l->heard, l->spoke) + VISIT_QUIET;
}

/* Whose contact counts is current: nearly all, and they need not be looked for in the roster. */
static bool worth_a_visit(const struct mesh *m, const struct contact *c, const struct key *const reached[], size_t n) {
        return !dial_among(reached, n, &c->card->device) &&
               ((c->n_addrs && !m->hidden) || meet_may(m, &c->card->device)) &&
               (c->counted || address_current(m, &c->card->device)) && !key_eq(&c->card->device, &m->sign.pub);
}

/* PROTOCOL 9.25: "It MUST choose by randomness of its own, so that nobody can place himself where it looks." */
static const struct contact *choose(struct mesh *m) {
        const struct contact *chosen = NULL;
        const struct key *reached[DIAL_REACHED_MOST];
        size_t n_reached = dial_reached(m, reached);
        uint64_t n = 0;
        contacts_look(m);
        for (size_t i = 0; i < VISIT_DRAWS && m->contacts.cap; i++) { /* mostly one of the first few will do */
                const struct contact *c = map_in_slot(&m->contacts, rng_below(&m->rng, m->contacts.cap));
                if (c && worth_a_visit(m, c, reached, n_reached))
                        return c;
        }
        MAP_EACH (c, &m->contacts, struct contact)
                if (worth_a_visit(m, c, reached, n_reached) && rng_below(&m->rng, ++n) == 0)
                        chosen = c;
        return chosen;
}

/* ---- who is short of links ---- */
static bool short_of_links(const struct mesh *m) {
        size_t own = 0;
        LINK_EACH(l, m)
        own += l->state == LINK_UP && l->dialled && !l->visit;
        return own < OUTBOUND_WANTED;
}

static bool turned_away(const struct mesh *m, const struct address *a) {
        return a->refused && m->now < a->refused + VISIT_TURNED && address_current(m, &a->device);
}

static bool has_few(const struct mesh *m) {
        return m->meets.helper && (links_lasting(m) < MEETS_VIA_LEAST || lately_lost(m));
}

/* PROTOCOL 9.28: "sooner, from 2 s on and with each fourth time doubling up to 15 s, or to 0.1 s for each member and 60 s at most" */
static mesh_time short_wait(const struct mesh *m) {
        mesh_time members = m->roster ? roster_members(m->roster) : 0;
        mesh_time most = MAX(members * VISIT_LONE_EACH, (mesh_time)VISIT_LONE_MOST);
        return has_few(m) ? MIN((mesh_time)VISIT_LONE << m->visits_few / VISIT_LONE_TRIES,
                                MIN(most, (mesh_time)VISIT_SHORT))
                          : VISIT_SHORT;
}

void visit_soon(struct mesh *m) {
        mesh_time wait = short_wait(m);
        mesh_time due = m->now + wait + rng_below(&m->rng, wait / 4);
        m->visit_soon = m->visit_soon ? MIN(m->visit_soon, due) : due;
}

/* One of those who had no place for this home, at random; the next turn comes as long as there are any. */
static const struct address *choose_full(struct mesh *m) {
        const struct address *chosen = NULL;
        uint64_t n = 0;
        bool any = false;
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                if (!turned_away(m, a))
                        continue;
                any = true;
                if (lately_lost(m) && address_meets(a))
                        continue; /* nobody can be met */
                if (!dial_reaches(m, &a->device) && rng_below(&m->rng, ++n) == 0)
                        chosen = a;
        }
        if (any)
                visit_soon(m);
        return chosen;
}

/* ---- setting out ---- */
static bool may_go(const struct mesh *m) {
        return !m->visit.link && !m->joining && dial_may(m);
}

/* One of its addresses, or a meeting. */
static struct mesh_addr choose_way(struct mesh *m, const struct contact *c) {
        uint32_t shown = m->hidden ? 0 : c->n_addrs;
        uint32_t n = shown + ((m->hidden || !c->card->open) && meet_may(m, &c->card->device));
        uint32_t i = (uint32_t)rng_below(&m->rng, n);
        return i < shown ? c->card->addrs[i] : meet_place(&c->card->device);
}

static int visit_member(struct mesh *m) {
        const struct contact *c = m->visit.psk_try ? NULL : choose(m);
        if (!c && !m->visit.psk_try)
                return 0;
        if (c)
                m->visit = (struct address){.device = c->card->device, .addr = choose_way(m, c)};
        if (c)
                m->visit_few = false;
        if (c)
                memcpy(m->visit.shared, c->card->epoch, sizeof(c->card->epoch));
        if (address_meets(&m->visit) && !meet_may(m, &m->visit.device)) { /* of another key: it was there before */
                m->visit.psk_try = 0;
                return 0;
        }
        return dial_start(m, &m->visit);
}

/* PROTOCOL 9.28: "MUST visit one of those who refused it, at random, 60 to 75 s after that" */
static int visit_full(struct mesh *m) {
        const struct address *a = short_of_links(m) ? choose_full(m) : NULL;
        if (!a || !may_go(m))
                return 0;
        if (address_meets(a) && !meet_may(m, &a->device))
                return 0;
        m->visit_few = has_few(m);
        m->visits_few = m->visit_few ? MIN(m->visits_few + 1, 5u * VISIT_LONE_TRIES) : 0;
        m->visit = (struct address){.device = a->device, .addr = a->addr};
        memcpy(m->visit.shared, a->shared, sizeof(a->shared));
        return dial_start(m, &m->visit);
}

int visit_tick(struct mesh *m) {
        struct link *l = m->visit.link ? link_find(m, m->visit.link) : NULL;
        if (l && over(l))
                link_hangup(l, REASON_VISITED);
        if (m->visit_soon && m->now >= m->visit_soon) {
                m->visit_soon = 0;
                int r = visit_full(m);
                if (r)
                        return r;
        }
        if (m->now < m->visit_due)
                return 0;
        bool first = m->visit_due == 0;
        m->visit_due = m->now + VISIT_PERIOD - rng_below(&m->rng, VISIT_SPREAD);
        return first || !may_go(m) ? 0 : visit_member(m);
}

mesh_time visit_deadline(const struct mesh *m) {
        mesh_time at = m->visit_due ? m->visit_due : m->now;
        if (m->visit_soon)
                at = MIN(at, m->visit_soon);
        const struct link *l = m->visit.link ? link_find(m, m->visit.link) : NULL;
        if (l && l->state == LINK_UP && l->caught_up)
                at = MIN(at, MAX(MAX(l->heard, l->spoke) + VISIT_QUIET, m->now + VISIT_QUIET / 10));
        return at;
}

void visit_vain(struct mesh *m) {
        for (size_t i = 0; i < m->n_addresses; i++)
                if (key_eq(&m->addresses[i].device, &m->visit.device))
                        m->addresses[i].refused = 0; /* until it says so again: others come sooner to their turn */
        visit_ended(m, false, false);
}

/* Who was reached is on, and need not be waited for any more because he was not before. Who had no place then has none yet. */
static void is_there(struct mesh *m, const struct key *device) {
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                if (a->link || !a->failures || turned_away(m, a) || !key_eq(&a->device, device))
                        continue;
                a->failures = 0;
                a->next = 0; /* where all the others are in vain, who has waited longest is first */
                dial_soon(m);
        }
}

void visit_ended(struct mesh *m, bool compared, bool more) {
        m->visit.link = 0;
        if (compared)
                is_there(m, &m->visit.device);
        if (!more || m->visit.psk_try >= VISIT_KEYS)
                m->visit.psk_try = 0;
        if (m->visit.psk_try)
                m->visit_due = m->now + VISIT_NEXT_KEY;
        else if (!compared)
                m->visit_due = MIN(m->visit_due, m->now + VISIT_AGAIN + rng_below(&m->rng, VISIT_AGAIN));
}
