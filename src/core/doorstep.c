/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those in between. A device that nobody can call has links all the same: those it called. Its contact names a few of the
 * devices at their other ends, and these pass on to it what others want to say, sealed. So does everybody: there is nothing to
 * ask for and nothing to keep. Whoever sends is answered for by the neighbour it came over.
 */
#include "core/core.h"
#include "core/link.h"
#include "core/meet.h"
#include "core/reach.h"
#include "roster/roster.h"

static const struct key nobody;

static bool names(const struct card *card, const struct key *device) {
        for (size_t i = 0; card && i < card->n_via; i++)
                if (key_eq(&card->via[i], device))
                        return true;
        return false;
}

/* ---- passing on ---- */
/* PROTOCOL 17.4: "A node MAY drop what comes over one link beyond 64 in a row and one a second." */
static bool too_many(struct link *l) {
        uint64_t earned = (l->m->now - l->meets_since) / MEETS_LINK_TIME;
        l->meets -= (uint32_t)MIN((uint64_t)l->meets, earned);
        l->meets_since = l->meets ? l->meets_since + earned * MEETS_LINK_TIME : l->m->now;
        if (l->meets >= MEETS_LINK)
                return true;
        l->meets++;
        return false;
}

/* One that says itself that it has a link to @to; in a street of few homes, any: it may. */
static struct link *likely_hop(struct link *from, const struct key *to) {
        struct mesh *m = from->m;
        struct link *chosen = NULL;
        uint64_t n = 0;
        LINK_EACH(l, m) {
                if (l->state != LINK_UP || l == from || l->room)
                        continue;
                if (names(contact_card(m, &l->device), to))
                        return l;
                if (roster_members(m->roster) <= MEETS_FEW && !l->visiting && rng_below(&m->rng, ++n) == 0)
                        chosen = l;
        }
        return chosen;
}

/* Who has a link to it, where this node has none: the one that the sender names, or one that its contact does. */
static struct link *next_hop(struct link *from, const struct key *to, const struct wire_meet *msg) {
        struct mesh *m = from->m;
        const struct card *card = contact_card(m, to);
        struct key by;
        struct link *l = NULL;
        if (WIRE_HAS(msg, MEET, by)) {
                memcpy(by.b, msg->by.p, sizeof(by.b));
                l = link_to_device(m, &by);
        }
        for (size_t i = 0; (!l || l == from) && card && i < card->n_via; i++)
                l = link_to_device(m, &card->via[i]);
        return l && l != from ? l : likely_hop(from, to);
}

/* PROTOCOL 17.3: "A node that is not `to` MUST drop it where `hops` is 0, where `from` or `to` is not a current member's
 * device, and where `hops` is 2 and it came from another device than `from`." */
static bool worth_passing(const struct link *l, const struct wire_meet *msg, const struct key *from,
                          const struct key *to) {
        return msg->hops && (msg->hops < MEET_HOPS || key_eq(from, &l->device)) && !key_eq(to, &l->device) &&
               address_current(l->m, from) && address_current(l->m, to);
}

/* PROTOCOL 17.4: "It SHOULD NOT pass on to a link on which more than 8,192 bytes of classes 0 and 1 wait." */
static bool line_free(const struct link *l) {
        return l->queue[0].bytes + l->queue[1].bytes <= MEETS_QUEUE;
}

/* PROTOCOL 17.3: "Else it passes it on unchanged but for `hops`, one less: to `to` itself where it has a link to it" */
static int pass_on(struct link *l, const struct wire_meet *msg, const struct key *from, const struct key *to) {
        if (!worth_passing(l, msg, from, to))
                return 0;
        struct link *there = link_to_device(l->m, to);
        if (!there && msg->hops > 1)
                there = next_hop(l, to, msg);
        if (!there || !line_free(there))
                return 0;
        struct wire_meet on = *msg;
        on.hops--;
        return link_say(there, LINK_MEET, &on);
}

int doorstep_took(struct link *l, const struct wire_meet *msg) {
        struct mesh *m = l->m;
        struct key from, to;
        memcpy(from.b, msg->from.p, sizeof(from.b));
        memcpy(to.b, msg->to.p, sizeof(to.b));
        if (!m->member || too_many(l))
                return 0;
        if (!key_eq(&to, &m->sign.pub))
                return pass_on(l, msg, &from, &to);
        return address_current(m, &from) && !key_eq(&from, &to) ? meet_heard(l, msg) : 0;
}

/* ---- finding somebody ---- */
static size_t way_add(struct meet_way ret[MEETS_WAYS], size_t n, const struct key *next, const struct key *by) {
        for (size_t i = 0; i < n; i++)
                if (key_eq(&ret[i].next, next))
                        return n;
        if (n < MEETS_WAYS)
                ret[n++] = (struct meet_way){*next, *by};
        return n;
}

/* Of those this node has no link to: a neighbour that says it has one, or one that many are linked to. */
static size_t ways_by(const struct mesh *m, const struct key *door, bool sure, struct meet_way ret[MEETS_WAYS],
                      size_t n) {
        const struct card *at = contact_card(m, door);
        LINK_EACH(l, m) {
                const struct card *card = contact_card(m, &l->device);
                bool knows = names(card, door) || names(at, &l->device);
                if (l->state == LINK_UP && (sure ? knows : card && card->open))
                        n = way_add(ret, n, &l->device, door);
        }
        return n;
}

/* In a street of few homes each has a link to one in four, whatever contacts say: any neighbour may know the way, and each time others
 * are asked. */
static size_t ways_by_chance(const struct mesh *m, const struct card *card, struct meet_way ret[MEETS_WAYS], size_t n) {
        const struct key *near[LINKS_MAX], *doors[MEETS_WAYS];
        size_t all = 0, n_doors = 0;
        if (!m->roster || roster_members(m->roster) > MEETS_FEW)
                return n;
        LINK_EACH(l, m)
        if (l->state == LINK_UP && all < LINKS_MAX && !key_eq(&l->device, &card->device))
                near[all++] = &l->device;
        for (size_t i = 0; i < card->n_via; i++)
                if (!key_eq(&card->via[i], &m->sign.pub))
                        doors[n_doors++] = &card->via[i];
        for (size_t i = 0; n_doors && i < all; i++)
                n = way_add(ret, n, near[(i + m->meets.last) % all], doors[i % n_doors]);
        return n;
}

bool doorstep_sure(const struct mesh *m, const struct key *device) {
        const struct card *card = contact_card(m, device);
        for (size_t i = 0; card && i < card->n_via; i++) {
                const struct key *door = &card->via[i];
                LINK_EACH(l, m) {
                        bool knows = key_eq(&l->device, door) || names(contact_card(m, &l->device), door) ||
                                     names(contact_card(m, door), &l->device);
                        if (l->state == LINK_UP && knows)
                                return true;
                }
        }
        return false;
}

static size_t known_ways(const struct mesh *m, const struct card *card, struct meet_way ret[MEETS_WAYS]) {
        size_t n = 0;
        for (size_t i = 0; i < card->n_via; i++)
                LINK_EACH(l, m) {
                        if (l->state == LINK_UP && key_eq(&l->device, &card->via[i]))
                                n = way_add(ret, n, &l->device, &nobody);
                }
        for (int sure = 1; sure >= 0; sure--)
                for (size_t i = 0; n < MEETS_WAYS && i < card->n_via; i++)
                        if (!key_eq(&card->via[i], &m->sign.pub))
                                n = ways_by(m, &card->via[i], sure, ret, n);
        if (m->hidden && !card->n_via) /* others would call it: a neighbour may have */
                LINK_EACH(l, m) {
                        if (l->state == LINK_UP && !key_eq(&l->device, &card->device))
                                n = way_add(ret, n, &l->device, &nobody);
                }
        return n;
}

bool doorstep_likely(const struct mesh *m, const struct key *device) {
        const struct card *card = contact_card(m, device);
        struct meet_way ways[MEETS_WAYS];
        return card && known_ways(m, card, ways);
}

size_t doorstep_ways(const struct mesh *m, const struct key *device, struct meet_way ret[MEETS_WAYS]) {
        const struct card *card = contact_card(m, device);
        return card ? ways_by_chance(m, card, ret, known_ways(m, card, ret)) : 0;
}

/* ---- being found ---- */
static bool stays(const struct link *l) {
        return l->state == LINK_UP && !l->visit && !l->visiting && !l->room;
}

/* By a neighbour, though nothing here could find a way. While there is none, as it was when there was one. */
static bool passed_on(const struct mesh *m) {
        const struct card *own = contact_card(m, &m->sign.pub);
        LINK_EACH(l, m) {
                const struct card *card = stays(l) ? contact_card(m, &l->device) : NULL;
                if (card && card->relays)
                        return true;
        }
        return !links_lasting(m) && own && own->n_via;
}

/* PROTOCOL 17.2: "One that could bring no link about (rule 17.10), and is not hidden, names none unless one of them passes bytes
 * on." */
/* And who can be called needs none of it. */
static bool to_be_named(const struct mesh *m) {
        return !m->open && (m->meets.helper || m->hidden || passed_on(m));
}

/* Open ones first, which others can call; then those that this node could; then any. Those linked for longest stay longest. */
static int unfit(const struct mesh *m, const struct link *l) {
        const struct card *card = contact_card(m, &l->device);
        if (card && card->open)
                return 0;
        return l->dialled && !meet_is(l) ? 1 : 2;
}

size_t doorstep_via(const struct mesh *m, struct key ret[MEETS_WAYS]) {
        size_t n = 0;
        for (int round = 0; to_be_named(m) && round <= 2; round++)
                LINK_EACH(l, m) {
                        if (stays(l) && n < MEETS_WAYS && unfit(m, l) == round)
                                ret[n++] = l->device;
                }
        return n;
}

/* PROTOCOL 17.2: "It SHOULD NOT publish anew for them before fewer than 2 of those it named are linked" */
bool doorstep_enough(const struct mesh *m, const struct card *own) {
        struct key now[MEETS_WAYS];
        size_t there = 0, could = doorstep_via(m, now);
        if (!to_be_named(m))
                return own->n_via == 0 || !m->meets.asked;
        LINK_EACH(l, m)
        there += l->state == LINK_UP && names(own, &l->device);
        return there >= MIN(could, (size_t)MEETS_VIA_LEAST);
}

/* Who is found by others alone has nothing to publish before one of them is linked: it would have to wait for the next time. */
bool doorstep_waits(const struct mesh *m) {
        const struct card *own = contact_card(m, &m->sign.pub);
        bool named = to_be_named(m) || (!m->meets.asked && own && own->n_via);
        return named && !links_lasting(m);
}

/* Who newly joined has heard of nobody when its first link is up; and what it publishes then stands for a while. */
mesh_wall doorstep_told(const struct mesh *m) {
        mesh_wall due = 0;
        if (m->open || m->hidden || m->meets.helper || !m->meets.asked || m->contact_time)
                return 0;
        LINK_EACH(l, m) {
                if (stays(l) && l->caught_up)
                        return 0;
                if (stays(l))
                        due = MAX(due, l->wall + CONTACT_TOLD);
        }
        return due;
}

/* PROTOCOL 17.2: "A device that is not open SHOULD keep links to 2 that are" */
bool doorstep_short(const struct mesh *m) {
        size_t n = 0;
        if (!to_be_named(m))
                return false;
        LINK_EACH(l, m) {
                const struct card *card = l->state == LINK_UP ? contact_card(m, &l->device) : NULL;
                n += card && card->open;
        }
        return n < MEETS_VIA_LEAST;
}

/* This home had nobody to ask: how often that was tried in vain says nothing of those who can be met by its first link. */
static void try_again(struct mesh *m) {
        for (size_t i = 0; i < m->n_addresses; i++)
                if (address_meets(&m->addresses[i]) && !m->addresses[i].link)
                        m->addresses[i].next = m->now;
        dial_hope(m);
}

/* PROTOCOL 17.2: "Where it had none it SHOULD publish anew when it has one again, and may as soon" */
static void tell_of_return(struct mesh *m) {
        const struct card *own = contact_card(m, &m->sign.pub);
        if (to_be_named(m) && links_lasting(m) && own && own->time < m->lone_since)
                m->contact_dirty = m->contact_lost = true;
}

int doorstep_came(struct mesh *m, const struct key *neighbour) {
        if (m->meets.helper && links_up(m) == 1)
                try_again(m);
        host_came(m);
        tell_of_return(m);
        doorstep_look(m);
        return meet_came(m, neighbour);
}

void doorstep_look(struct mesh *m) {
        const struct contact *own = map_find(&m->contacts, m->sign.pub.b);
        if (m->meets.helper) /* a way to somebody may have come */
                dial_soon(m);
        if (own && !doorstep_enough(m, own->card))
                m->contact_dirty = m->contact_lost = true;
}

void doorstep_heard(struct mesh *m, const struct card *card) {
        if (card->relays && !m->meets.helper && link_to_device(m, &card->device))
                doorstep_look(m);
}

/* ---- relays ---- */
/* Both ends have a link to it, or can call it; and who is hidden does not call. 0: it does not do. */
static unsigned fitness(const struct mesh *m, const struct card *door, const struct card *their) {
        bool mine = link_to_device(m, &door->device), has = names(their, &door->device);
        bool reach = mine || (door->open && !m->hidden);
        bool reached = has || (door->open && !their->hidden);
        return reach && reached ? 1u + mine + has : 0;
}

/* The fittest, behind them those that did not do of late; at times another one. */
static void choose(const struct mesh *m, const struct card *door, const struct card *their, struct rng *rng,
                   uint64_t *best, struct key *ret) {
        bool may = door && door->relays && !key_eq(&door->device, &their->device) &&
                   !key_eq(&door->device, &m->sign.pub) && address_current(m, &door->device);
        unsigned fit = may ? fitness(m, door, their) : 0;
        bool last = fit && lately_was_useless(m, &door->device);
        uint64_t score = fit && !last ? 1 + fit + (rng ? rng_below(rng, 2) : 0) : fit > 0;
        if (score <= *best)
                return;
        *best = score;
        *ret = door->device;
}

bool doorstep_relay(const struct mesh *m, const struct key *device, struct rng *rng, struct key *ret) {
        const struct card *their = contact_card(m, device);
        uint64_t best = 0;
        LINK_EACH(l, m)
        if (their && l->state == LINK_UP && !l->room)
                choose(m, contact_card(m, &l->device), their, rng, &best, ret);
        for (size_t i = 0; their && i < their->n_via; i++)
                choose(m, contact_card(m, &their->via[i]), their, rng, &best, ret);
        if (best != 1 || !rng)
                return best > 0;
        MAP_EACH (c, &m->contacts, struct contact) /* those near were all of no use lately */
                if (c->read && c->counted && c->card->open)
                        choose(m, c->card, their, rng, &best, ret);
        return best > 0;
}

/* ---- STUN ---- */
/* The address of it that says most to somebody behind a router: a public one of IPv4. */
static struct mesh_addr stun_at(const struct card *card) {
        struct mesh_addr best = {0};
        int rank = 0;
        for (size_t i = 0; i < card->n_addrs; i++) {
                const struct mesh_addr *a = &card->addrs[i];
                int its = 1 + addr_is_ip4(a) + 2 * !addr_private(a);
                if (its <= rank)
                        continue;
                rank = its;
                best = *a;
                best.port = card->stun;
        }
        return best;
}

/* Where this node has called it, it is for sure: what its contact says may be over. */
static struct mesh_addr stun_of(const struct link *l, const struct card *card) {
        struct mesh_addr at = l->addr;
        if (!l->dialled || meet_is(l) || l->room || addr_private(&at))
                return stun_at(card);
        at.port = card->stun;
        return at;
}

struct mesh_addr doorstep_stun(struct mesh *m) {
        const struct card *best = NULL;
        LINK_EACH(l, m) {
                const struct card *card = l->state == LINK_UP ? contact_card(m, &l->device) : NULL;
                if (card && card->stun && card->n_addrs)
                        return stun_of(l, card);
        }
        MAP_EACH (c, &m->contacts, struct contact) {
                bool answers = c->read && c->card->stun && c->card->open && c->n_addrs && c->counted;
                if (answers &&
                    (!best || draw_rank(m, SPAN_OF(c->card->device.b)) < draw_rank(m, SPAN_OF(best->device.b))))
                        best = c->card;
        }
        return best ? stun_at(best) : (struct mesh_addr){0};
}
