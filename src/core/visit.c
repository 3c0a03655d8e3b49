/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visits: comparing with somebody who is no neighbour. A home hears everything through a dozen others. Where all of these
 * keep something from it, or one half of a street has lost the other, no neighbour can tell. So every half hour this node
 * dials a member it has no link with, chosen by its own randomness among all whose contact is here, compares everything, and
 * goes again. A visit is none of the links that are wanted, and who is visited has places for it beside those for neighbours,
 * so that full homes can be asked too. Where nobody opens, somebody else is tried soon.
 */
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "core/spread.h"
#include "roster/roster.h"

#define VISIT_PERIOD 1800000 /* ms between visits at most */
#define VISIT_SPREAD 450000  /* and so much less at random: nobody knows when, and not all at once after a power cut */
#define VISIT_AGAIN 30000    /* ms until somebody else is tried, and up to as much again */
#define VISIT_NEXT_KEY 1000  /* ms until an older link key is tried at the same door */
#define VISIT_KEYS 4         /* link keys tried there: halves that are apart may each have removed somebody */
#define VISIT_QUIET 5000     /* ms without a byte, with nothing more to compare or to say */

static bool asleep(const struct push *p) {
        return p->at == p->n && !p->loading;
}

/* Everything was compared, and neither side has had anything to say for a while. */
static bool over(const struct link *l) {
        bool quiet = l->state == LINK_UP && l->caught_up && !l->recon_set && !link_queued(l) && !l->backlog;
        for (size_t i = 0; i < LINK_SETS; i++)
                quiet = quiet && asleep(&l->push[i]);
        return quiet && l->m->now >= MAX(l->heard, l->spoke) + VISIT_QUIET;
}

static bool worth_a_visit(const struct mesh *m, const struct contact *c) {
        const struct roster_device *d = roster_device_find(m->roster, &c->card->device);
        return c->n_addrs && d && !d->gone_at && !key_eq(&c->card->device, &m->sign.pub);
}

/* PROTOCOL 9.25: "It MUST choose by randomness of its own, so that nobody can place himself where it looks." */
static const struct contact *choose(struct mesh *m) {
        const struct contact *chosen = NULL;
        const struct key *reached[DIAL_REACHED_MOST];
        size_t n_reached = dial_reached(m, reached);
        uint64_t n = 0;
        MAP_EACH (c, &m->contacts, struct contact)
                if (!dial_among(reached, n_reached, &c->card->device) && worth_a_visit(m, c) &&
                    rng_below(&m->rng, ++n) == 0)
                        chosen = c;
        return chosen;
}

static int set_out(struct mesh *m) {
        const struct contact *c = m->visit.psk_try ? NULL : choose(m);
        if (!c && !m->visit.psk_try)
                return 0;
        if (c)
                m->visit = (struct address){.device = c->card->device,
                                            .addr = c->card->addrs[rng_below(&m->rng, c->n_addrs)]};
        if (c)
                memcpy(m->visit.shared, c->card->epoch, sizeof(c->card->epoch));
        return dial_start(m, &m->visit);
}

int visit_tick(struct mesh *m) {
        struct link *l = m->visit.link ? link_find(m, m->visit.link) : NULL;
        if (l && over(l))
                link_hangup(l, REASON_VISITED);
        if (m->now < m->visit_due)
                return 0;
        bool first = m->visit_due == 0;
        m->visit_due = m->now + VISIT_PERIOD - rng_below(&m->rng, VISIT_SPREAD);
        return first || m->visit.link || m->joining || !dial_may(m) ? 0 : set_out(m);
}

mesh_time visit_deadline(const struct mesh *m) {
        mesh_time at = m->visit_due ? m->visit_due : m->now;
        const struct link *l = m->visit.link ? link_find(m, m->visit.link) : NULL;
        if (l && l->state == LINK_UP && l->caught_up)
                at = MIN(at, MAX(MAX(l->heard, l->spoke) + VISIT_QUIET, m->now + VISIT_QUIET / 10));
        return at;
}

void visit_ended(struct mesh *m, bool compared, bool more) {
        m->visit.link = 0;
        if (!more || m->visit.psk_try >= VISIT_KEYS)
                m->visit.psk_try = 0;
        if (m->visit.psk_try)
                m->visit_due = m->now + VISIT_NEXT_KEY;
        else if (!compared)
                m->visit_due = MIN(m->visit_due, m->now + VISIT_AGAIN + rng_below(&m->rng, VISIT_AGAIN));
}
