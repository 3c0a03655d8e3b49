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

/* Addresses that only beacons speak for have another rank each time: else who names many keeps others from their turn. */
static uint64_t rank(const struct mesh *m, const struct address *a) {
        uint8_t turn[sizeof(a->addr.ip) + 2 + 4];
        if (!a->lan_only)
                return draw_rank(m, known_device(a) ? SPAN_OF(a->device.b) : SPAN_OF(a->addr.ip));
        memcpy(turn, a->addr.ip, sizeof(a->addr.ip));
        put_be16(turn + sizeof(a->addr.ip), a->addr.port);
        put_be32(turn + sizeof(a->addr.ip) + 2, m->lan.dials);
        return draw_rank(m, SPAN_OF(turn));
}

/* Its device says that nobody can call it, and nobody has answered there. */
static bool likely_vain(const struct address *a) {
        return a->closed && !address_meets(a) && !a->stored && !a->manual;
}

bool dial_pending(const struct mesh *m, const struct address *a) {
        return a->link && !address_meets(a) && !link_find(m, a->link);
}

static bool unanswered(const struct mesh *m, const struct address *a) {
        return likely_vain(a) && dial_pending(m, a);
}

/* PROTOCOL 17.11: "or has been dialled for 250 ms without an answer" */
/* The kernel may wait for one ten times as long; nobody else does. */
static bool slow(const struct mesh *m, const struct address *a) {
        return (unanswered(m, a) && m->now >= a->begun + DIAL_SLOW) || host_asked(m, a);
}

bool dial_silent(const struct mesh *m, const struct address *a) {
        return dial_pending(m, a) && m->now >= a->begun + DIAL_SILENT;
}

/* ---- who is linked already ---- */
size_t dial_reached(const struct mesh *m, const struct key *ret[DIAL_REACHED_MOST]) {
        size_t n = 0;
        LINK_EACH(l, m) {
                if (l->state != LINK_CLOSING && !l->haul && n < DIAL_REACHED_MOST)
                        ret[n++] = &l->device;
        }
        for (size_t i = 0; i < m->n_addresses; i++)
                if (m->addresses[i].link && !slow(m, &m->addresses[i]) && !dial_silent(m, &m->addresses[i]) &&
                    n < DIAL_REACHED_MOST)
                        ret[n++] = &m->addresses[i].device;
        if (m->visit.link && n < DIAL_REACHED_MOST)
                ret[n++] = &m->visit.device;
        return n;
}

bool dial_among(const struct key *const reached[], size_t n, const struct key *device) {
        for (size_t i = 0; i < n; i++)
                if (key_eq(reached[i], device))
                        return true;
        return false;
}

bool dial_reaches(const struct mesh *m, const struct key *device) {
        const struct key *reached[DIAL_REACHED_MOST];
        return dial_among(reached, dial_reached(m, reached), device);
}

/* What is looked at for each candidate, found once for all. */
struct look {
        const struct mesh *m;
        const struct key *reached[DIAL_REACHED_MOST];
        size_t n_reached, n_dialled, n_lan;
        size_t n_shown; /* dialled where they are: they see where this node is */
        bool lost;      /* nobody can call this node, and too few who can be called are linked … */
        bool alone;     /* … or nobody at all: it knows where it was let in before */
        bool few;       /* links that last, … */
        bool settled;   /* … but one at least */
        bool early;     /* none of them has compared everything: nobody has told yet who else is back */
        size_t n_vain;  /* dials under way of those who say that nobody can call them */
        struct {
                const struct address *a;
                const struct roster_home *branch;
        } dialled[LINKS_MAX];
};

/* A home on the local network speaks over IPv4 and IPv6: before its device is known, its beacons tell that they are one. */
static bool dialling_hint(const struct mesh *m, const struct address *a) {
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *other = &m->addresses[i];
                if (other != a && other->link && other->lan && memcmp(other->hint, a->hint, sizeof(a->hint)) == 0)
                        return true;
        }
        return false;
}

/* By way of others, and that is all there is: an address of it may still come to be of use. */
static bool only_relayed(const struct mesh *m, const struct address *a) {
        bool relayed = false;
        LINK_EACH(l, m) {
                if (l->state == LINK_CLOSING || l->haul || !key_eq(&l->device, &a->device))
                        continue;
                if (!l->room)
                        return false;
                relayed = true;
        }
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *other = &m->addresses[i];
                if (other->link && !address_meets(other) && key_eq(&other->device, &a->device))
                        return false;
        }
        return relayed;
}

static bool dialling_device(const struct look *k, const struct address *a) {
        if (known_device(a))
                return dial_among(k->reached, k->n_reached, &a->device) &&
                       ((address_meets(a) && !meet_searches(k->m, &a->device)) || !only_relayed(k->m, a));
        return a->lan && dialling_hint(k->m, a);
}

/* Of a device that says that nobody can call it: a private address is of another network, unless this node is on such a one. */
bool dial_may_answer(const struct mesh *m, const struct address *a) {
        size_t net = addr_is_ip4(&a->addr) ? sizeof(a->addr.ip) - 1 : sizeof(a->addr.ip) / 2;
        bool near = !addr_private(&a->addr);
        for (size_t i = 0; !near && i < m->n_listening; i++)
                near = memcmp(m->listening[i].ip, a->addr.ip, net) == 0;
        return near;
}

bool dial_in_vain(const struct address *a) {
        return a->failures && !a->stood;
}

/* It is there, and a neighbour leads to it. */
static bool is_back(const struct mesh *m, const struct address *a) {
        return known_device(a) && contact_back(m, &a->device) && doorstep_sure(m, &a->device);
}

/* That nobody answers at addresses says nothing of who can be met. */
static struct luck *luck_of(struct mesh *m, const struct address *a) {
        return &m->luck[address_meets(a)];
}

static bool in_vain(const struct mesh *m, const struct address *a) {
        return m->luck[address_meets(a)].vain > DIAL_VAIN;
}

/* PROTOCOL 17.11: "A node SHOULD NOT begin one with a device before each address that it knows of it was dialled in vain" */
static bool tried_all(const struct mesh *m, const struct address *a) {
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *other = &m->addresses[i];
                bool untried = !address_meets(other) && !other->self && !dial_in_vain(other) && !slow(m, other) &&
                               dial_may_answer(m, other);
                /* PROTOCOL 17.11: "Where it takes its time with addresses (rule 11.16) it need not wait for those of a device
                 * that says that nobody can call it." */
                bool hopeless = likely_vain(other) && in_vain(m, other);
                if (untried && !hopeless && key_eq(&other->device, &a->device))
                        return false;
        }
        return true;
}

/* PROTOCOL 17.11: "and it begins none with others until one of its links has compared everything, for 2 s at most" */
static bool worth_meeting(const struct look *k, const struct address *a) {
        bool held_up = k->few && k->n_vain >= DIAL_CLOSED_MOST; /* by what has been silent so far */
        if ((k->early && k->few && !is_back(k->m, a)) || (!held_up && !tried_all(k->m, a)))
                return false;
        return meet_may(k->m, &a->device);
}

/* PROTOCOL 18.14: "A hidden device MUST NOT dial others than doorsteps that others can call, 3 at a time, and those that a person
 * named" */
/* Nearly all homes pass bytes on: of use to a hidden one are those that everybody reaches. */
static bool worth_showing(const struct look *k, const struct address *a) {
        if (!k->m->hidden || address_meets(a) || a->manual || a->ticket)
                return true;
        const struct card *card = contact_card(k->m, &a->device);
        bool known = a->stored && k->alone; /* what contacts say may be old: that one has let it in before */
        return k->n_shown < HIDDEN_DOORS && ((card && card->relays && card->open) || known);
}

/* PROTOCOL 11.17: "A node MUST NOT leave an address undialled since it has a link to one of several who are said to be
 * there." */
static bool worth_dialling(const struct look *k, const struct address *a) {
        const struct mesh *m = k->m;
        bool near = lan_fresh(m, a);
        if (a->link || a->self || a->over)
                return false;
        if (!a->disputed && (key_eq(&a->device, recover_device(m)) || dialling_device(k, a)))
                return false;
        if ((address_meets(a) && !worth_meeting(k, a)) || !worth_showing(k, a))
                return false;
        /* PROTOCOL 17.11: "It MUST NOT have more than 5 dials under way to addresses of devices that say that nobody can
         * call them." */
        if (likely_vain(a) && !near && k->n_vain >= DIAL_CLOSED_MOST)
                return false;
        if ((a->lan_only && !near) || (near && !a->manual && k->n_lan >= DIAL_LAN_MOST))
                return false;
        if (m->joining)
                return a->ticket || a->manual || near;
        if (!known_device(a) || a->disputed)
                return true;
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, &a->device) : NULL;
        return m->recover.on ? !d || !d->gone_at : d && !d->gone_at;
}

static bool unheard(const struct mesh *m, const struct address *a) {
        return a->link && address_meets(a) && meet_unheard(m, a->link);
}

/* What nobody has answered yet takes no place of the links that are wanted. A meeting may be answered late, and is one too many
 * then: so this holds for who has too few links of any kind. */
/* PROTOCOL 11.16: "A dial that nobody has answered for 1 s takes none of the places for links, of 5 such at most." */
static size_t outbound(const struct mesh *m) {
        bool room = links_lasting(m) < OUTBOUND_WANTED && meet_room(m);
        size_t n = 0, silent = 0;
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                bool counts = a->link && !slow(m, a) && !(room && unheard(m, a));
                bool pending = counts && silent < DIAL_SILENT_MOST && dial_silent(m, a);
                silent += pending;
                n += counts && !pending;
        }
        return n;
}

/* When one under way is silent, and something else is tried besides. */
static mesh_time silent_due(const struct mesh *m) {
        mesh_time due = MESH_NEVER;
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                if (dial_pending(m, a) && !dial_silent(m, a))
                        due = MIN(due, a->begun + DIAL_SILENT);
        }
        return due;
}

/* Also another device of this home, where that is the only one so far. */
static bool has_others(const struct mesh *m) {
        const struct roster_device *own = roster_device_find(m->roster, &m->sign.pub);
        size_t n = 0;
        for (size_t i = 0; own && i < own->home->n_devices; i++)
                n += own->home->devices[i]->gone_at == 0;
        return roster_members(m->roster) > 1 || n > 1;
}

static bool active(const struct mesh *m) {
        return m->started && !m->stopping &&
               (m->joining || m->recover.begun || (m->member && has_others(m)) || leave_untold(m) ||
                mesh_waits(m)); /* a place may be free, and who knows of it answers */
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

/* It has a link; where others can be met by a visit, that alone is none: it is over in seconds. */
static bool settled(const struct mesh *m) {
        size_t visits = 0;
        LINK_EACH(l, m)
        visits += l->state == LINK_UP && l->visit;
        return links_up(m) > (m->meets.helper ? visits : 0);
}

/* Who else is back it hears when contacts are compared. */
static mesh_time told_due(const struct mesh *m) {
        mesh_time due = 0;
        LINK_EACH(l, m) {
                if (l->state == LINK_UP && l->caught_up)
                        return 0;
                if (l->state == LINK_UP)
                        due = MAX(due, l->since + DIAL_TOLD);
        }
        return due;
}

static struct look look_around(const struct mesh *m) {
        struct look k = {.m = m};
        k.n_reached = dial_reached(m, k.reached);
        k.lost = doorstep_short(m);
        k.alone = k.lost && !links_up(m);
        k.few = links_lasting(m) < MEETS_VIA_LEAST;
        k.early = m->now < told_due(m);
        k.settled = settled(m);
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                if (!a->link)
                        continue;
                k.n_lan += a->lan;
                k.n_shown += !address_meets(a);
                k.n_vain += unanswered(m, a);
                if (k.n_dialled < ARRAY_LEN(k.dialled)) {
                        k.dialled[k.n_dialled].a = a;
                        k.dialled[k.n_dialled++].branch = branch_at(m, a);
                }
        }
        return k;
}

static bool on_the_internet(const struct address *a) {
        return !address_meets(a) && !addr_private(&a->addr);
}

/* Whether it would be one too many of its subtree or network. */
static bool crowded(const struct look *k, const struct address *a) {
        const struct roster_home *branch = branch_at(k->m, a);
        size_t kin = 0, near = 0;
        for (size_t i = 0; i < k->n_dialled; i++) {
                kin += branch && k->dialled[i].branch == branch;
                near += on_the_internet(a) && on_the_internet(k->dialled[i].a) &&
                        addr_same_net(&k->dialled[i].a->addr, &a->addr);
        }
        return kin >= DIAL_SUBTREE_MOST || near >= DIAL_NET_MOST;
}

/* PROTOCOL 11.16: "A node that has a link SHOULD NOT dial on and on where all is in vain." */
static mesh_time paced_until(const struct look *k, const struct address *a) {
        bool paced = k->settled && in_vain(k->m, a) && !a->manual && !lan_fresh(k->m, a);
        return paced ? k->m->luck[address_meets(a)].paced : 0;
}

struct pick {
        struct address *a;
        bool near, crowded;
        bool vain; /* nobody has answered to many of its kind */
        bool back; /* it is there, and this node has hardly anybody */
        bool door; /* others can call it, and this node has too few such links to be found by */
        uint64_t rank;
        int last; /* of a device's: the address that may answer, the meeting, the others */
};

/* PROTOCOL 11.16: "takes those first that have waited longest" */
static struct pick weigh(const struct look *k, struct address *a) {
        if (in_vain(k->m, a))
                return (struct pick){.a = a, .near = lan_fresh(k->m, a), .vain = true, .rank = a->next};
        return (struct pick){.a = a,
                             .near = lan_fresh(k->m, a),
                             .crowded = crowded(k, a),
                             .door = (a->open && k->lost) || (a->stored && k->alone),
                             .back = k->few && a->closed && is_back(k->m, a),
                             .rank = rank(k->m, a),
                             .last = !a->closed || address_meets(a) ? 1
                                     : dial_may_answer(k->m, a)     ? 0
                                                                    : 2};
}

/* PROTOCOL 11.13: "A node MUST take those last that are one too many" */
/* A person's word first, then homes that were heard on the local network, then doorsteps for who needs one, then the rank. */
static bool better(const struct pick *p, const struct pick *other) {
        if (!other->a || p->a->manual != other->a->manual)
                return !other->a || p->a->manual;
        if (p->near != other->near)
                return p->near;
        if (p->vain != other->vain)
                return other->vain;
        if (p->door != other->door)
                return p->door;
        if (p->a->closed !=
            other->a->closed) /* whose address may take long to say nothing, and who costs others something */
                return other->a->closed;
        if (p->crowded != other->crowded)
                return other->crowded;
        if (p->back !=
            other->back) /* PROTOCOL 17.11: "For its further links it MUST NOT try those first: anybody can publish." */
                return p->back;
        return p->rank != other->rank ? p->rank < other->rank : p->last < other->last;
}

/* The best candidate that is due, or the time at which the next one will be. */
static struct address *candidate(const struct mesh *m, mesh_time *ret_due) {
        const struct look k = look_around(m);
        struct pick best = {0};
        mesh_time hints = lan_dial_due(m);
        *ret_due = k.few && k.early ? told_due(m) : MESH_NEVER;
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                mesh_time due = MAX(a->lan_only ? MAX(a->next, hints) : a->next, paced_until(&k, a));
                if (unanswered(m, a) && !slow(m, a))
                        *ret_due = MIN(*ret_due, a->begun + DIAL_SLOW);
                if (due > m->now) {
                        if (due < *ret_due && worth_dialling(&k, a))
                                *ret_due = due;
                        continue;
                }
                struct pick p = weigh(&k, a);
                if (better(&p, &best) && worth_dialling(&k, a))
                        best = p;
        }
        return best.a;
}

void dial_soon(struct mesh *m) {
        m->dial_due = 0;
}

void dial_hope(struct mesh *m) {
        m->luck[0] = m->luck[1] = (struct luck){0};
}

void dial_at_once(struct mesh *m, struct address *a) {
        if (a->next > m->now + DIAL_ANEW)
                a->next = m->now + rng_below(&m->rng, DIAL_ANEW);
        dial_soon(m);
}

/* What did not answer there may answer here. How often it has failed is not forgotten: one more time, and it waits as before. */
void dial_anew(struct mesh *m) {
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                if (!a->link && a->failures)
                        dial_at_once(m, a);
        }
        dial_hope(m);
        dial_soon(m);
}

bool dial_may(const struct mesh *m) {
        return active(m) && links_shown(m) < LINKS_MAX - INBOUND_MOST;
}

int dial_start(struct mesh *m, struct address *a) {
        a->begun = m->now;
        a->stood = false;
        if (address_meets(a))
                return meet_call(m, a);
        struct mesh_action *act = out_add(&m->out, MESH_DO_DIAL);
        if (!act)
                return ERR_NOMEM;
        a->link = MESH_LINK_DIALLED | ++m->next_dial;
        if (a->lan_only)
                lan_dialled(m);
        host_dialled(m, &a->device);
        act->link = a->link;
        act->dial = a->addr;
        return 0;
}

static void pace(struct mesh *m, const struct address *a) {
        struct luck *luck = luck_of(m, a);
        if (!in_vain(m, a))
                return;
        uint32_t doublings = MIN((luck->vain - DIAL_VAIN) / DIAL_VAIN_STEP, 8u);
        mesh_time wait = MIN((mesh_time)DIAL_FIRST << doublings, (mesh_time)DIAL_PACE);
        luck->paced = m->now + wait / 2 + rng_below(&m->rng, wait);
}

/* Two more, where the five lead to nobody whom others can call. */
static size_t wanted(const struct mesh *m) {
        return OUTBOUND_WANTED + (doorstep_short(m) ? MEETS_VIA_LEAST : 0);
}

/* Looking through all candidates is not cheap: it is done when one falls due, or when something changed. */
int dial_tick(struct mesh *m) {
        if (m->now < m->dial_due)
                return 0;
        int r = draw_outlive(m);
        if (r)
                return r;
        while (dial_may(m) && outbound(m) < wanted(m)) {
                mesh_time due;
                struct address *a = candidate(m, &due);
                if (outbound(m) >= OUTBOUND_WANTED && (!a || !a->open)) {
                        m->dial_due = MIN(MIN(due, m->now + DIAL_LAST), silent_due(m));
                        return 0;
                }
                if (!a && draw_again(m))
                        continue;
                if (!a) {
                        m->dial_due = MIN(MIN(due, draw_deadline(m)), silent_due(m));
                        return 0;
                }
                r = dial_start(m, a);
                if (r)
                        return r;
                pace(m, a);
        }
        m->dial_due = silent_due(m);
        return 0;
}

mesh_time dial_deadline(const struct mesh *m) {
        return m->dial_due ? m->dial_due : m->now;
}

/* Where it can be reached besides it has no place either. */
void dial_refused(struct mesh *m, struct address *a) {
        mesh_time wait = MIN((mesh_time)DIAL_FULL << MIN(a->refusals, 8u), (mesh_time)DIAL_LAST);
        a->refusals++;
        a->refused = m->now;
        a->next = MAX(a->next, m->now + wait);
        for (size_t i = 0; known_device(a) && i < m->n_addresses; i++)
                if (key_eq(&m->addresses[i].device, &a->device))
                        m->addresses[i].next = MAX(m->addresses[i].next, a->next);
        visit_soon(m);
}

void dial_stood(struct mesh *m, struct address *a) {
        luck_of(m, a)->vain = 0;
        a->refusals = 0;
}

void dial_failed(struct mesh *m, struct address *a, enum wire_e_reason why, bool more) {
        a->problem = why;
        a->failed = m->now;
        m->draw.outlived |= a->stored;
        dial_soon(m);
        bool linked =
                why == REASON_DUPLICATE || (likely_vain(a) && dial_reaches(m, &a->device)); /* there is a neighbour */
        luck_of(m, a)->vain += !more && !linked;
        uint32_t doublings = more ? 0 : MIN(a->failures, 8u);
        mesh_time wait = MIN((mesh_time)DIAL_FIRST << doublings, (mesh_time)DIAL_LAST);
        a->failures += !more;
        a->next = MAX(a->next, m->now + wait / 2 +
                                       rng_below(&m->rng, wait)); /* it may have said meanwhile that it has no place */
        if (m->joining && m->join_problem == MESH_OUT_UNREACHABLE && why == REASON_BAD_HANDSHAKE)
                m->join_problem = MESH_OUT_STRANGER;
        if (!more)
                host_seek(m, &a->device);
}
