/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Homes that cannot call each other, and what their helpers make of it. In a street in which some pairs never connect each home
 * has a helper; it finds a way between such two for most pairs, always the same, once each end has heard the other's words.
 * Which home and meeting words are of stands in them (support/helper.h): what a liar in between makes up is nobody's.
 */
#include "sim/byz.h"
#include "sim/world.h"
#include "support/helper.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_TIME 60                /* ms until a helper has started and says its words … */
#define ADDRS 3                      /* … and its addresses, … */
#define LATE_TIME 200                /* … of which the last is how a doorstep sees it */
#define NO_WAY_TIME (8 * SIM_SECOND) /* until all pairs of addresses have failed */

#define RELAY_QUOTA 1000000000 /* bytes a day: relay.quota, unless the owner says otherwise */

struct meeting {
        struct list on;
        struct helper_of own, their; /* @their: whose words came */
        bool calls;
        bool seen; /* its doorstep has said how it is seen from outside */
};

struct told { /* a helper was told words */
        struct list on;
        struct helper_of words;
        uint32_t home;
        uint64_t life;
};

static struct meeting *find(struct world *w, uint32_t home, mesh_link link) {
        LIST_EACH (x, &w->meets, struct meeting, on) {
                if (x->own.home == home && x->own.link == link && x->own.life == w->nodes[home].life)
                        return x;
        }
        return NULL;
}

static void drop(struct meeting *x) {
        list_drop(&x->on);
        free(x);
}

bool meets_there(const struct world *w) {
        return w->net.faults.never_pct > 0 || w->opt.apart;
}

void meets_tell(struct world *w, struct node *n) {
        if (!meets_there(w) || !node_on(n))
                return;
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_HELPER, .helper = {.there = true}});
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = RELAY_QUOTA}});
}

/* ---- what a helper says ---- */
static void on_met(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life || !find(w, h->node, h->ev.link))
                return;
        h->ev.met.map = buf_span(&h->bytes);
        world_feed(w, n, h->ev);
}

static struct buf *says(struct world *w, const struct node *n, mesh_link link, uint64_t in, uint8_t number) {
        struct happening *h = world_plan(w, w->now + in, n->index, on_met);
        h->ev = (struct mesh_event){.type = MESH_EV_MET, .link = link, .met = {.number = number}};
        return &h->bytes;
}

static bool answers_stun(const struct world *w, const struct mesh_addr *at) {
        return at->port && addr_eq(at, &w->nodes[0].addr) && node_on(&w->nodes[0]);
}

void meets_begin(struct world *w, struct node *n, const struct mesh_action *a) {
        struct meeting *x = calloc(1, sizeof(*x));
        REQUIRE(x);
        *x = (struct meeting){.own = {.home = n->index, .link = a->link, .life = n->life},
                              .their = {.home = UINT32_MAX},
                              .calls = a->meet.calls,
                              .seen = answers_stun(w, &a->meet.doorstep)};
        list_push(&w->meets, &x->on);
        w->meetings++;
        helper_words(says(w, n, a->link, WORDS_TIME, ICE_WORDS), &x->own);
        for (uint32_t k = 1; k <= ADDRS; k++)
                helper_candidate(says(w, n, a->link, k < ADDRS ? WORDS_TIME + k : LATE_TIME, ICE_CANDIDATE), a->link,
                                 k);
        helper_all(says(w, n, a->link, LATE_TIME, ICE_ALL), a->link);
}

/* ---- and what comes of it ---- */
static void on_no_way(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        struct meeting *x = node_on(n) && n->life == h->life ? find(w, h->node, h->ev.link) : NULL;
        if (!x)
                return;
        drop(x);
        world_feed(w, n, h->ev);
}

static void fails(struct world *w, const struct meeting *x) {
        struct happening *h = world_plan(w, w->now + NO_WAY_TIME, x->own.home, on_no_way);
        h->ev = (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = x->own.link};
}

static bool same(const struct helper_of *a, const struct helper_of *b) {
        return a->home == b->home && a->link == b->link && a->life == b->life;
}

/* Each has heard the other. */
static void decide(struct world *w, struct meeting *x) {
        struct meeting *y = x->their.home < w->n ? find(w, x->their.home, x->their.link) : NULL;
        if (!y || !same(&y->own, &x->their) || !same(&y->their, &x->own) || x->calls == y->calls)
                return;
        bool unseen = w->opt.apart && !(x->seen && y->seen); /* each router waits for the other home to send first */
        if (unseen || !net_may_meet(&w->net, x->own.home, y->own.home)) {
                fails(w, x);
                fails(w, y);
                return;
        }
        const struct meeting *calls = x->calls ? x : y, *called = x->calls ? y : x;
        w->met++;
        world_say(w, "home %u: meets home %u", calls->own.home, called->own.home);
        links_join(w, &w->nodes[calls->own.home], calls->own.link, &w->nodes[called->own.home], called->own.link);
        drop(x);
        drop(y);
}

/* S15. What is told of a home that is not honest is its own affair. */
static void check_told(struct world *w, const struct node *n, const struct helper_of *words, mesh_link link) {
        const struct meet *m = NULL;
        for (size_t i = 0; i < MEETS_MOST; i++)
                if (n->core->meets.at[i].link == link)
                        m = &n->core->meets.at[i];
        if (!node_honest(n) || !m)
                return;
        const struct node *other = byz_node(w, &m->device);
        if (words->home >= w->n || (other && node_honest(other) && other->index != words->home))
                checks_fail(w, "S15", "home %u hears words of home %u in a meeting with another", n->index,
                            words->home);
        LIST_EACH (t, &w->told, struct told, on) {
                if (t->home == n->index && t->life == n->life && same(&t->words, words))
                        checks_fail(w, "S15", "home %u hears the same words of home %u again", n->index, words->home);
        }
        struct told *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        *t = (struct told){.words = *words, .home = n->index, .life = n->life};
        list_push(&w->told, &t->on);
}

void meets_told(struct world *w, struct node *n, const struct mesh_action *a) {
        struct meeting *x = find(w, n->index, a->link);
        if (!x || a->tell.number != ICE_WORDS)
                return;
        REQUIRE(helper_read_words(a->tell.map, &x->their));
        check_told(w, n, &x->their, a->link);
        if (seam_broken(SABOTAGE_HEEDLESS))
                memset(n->core->meets.seen, 0, sizeof(n->core->meets.seen));
        decide(w, x);
}

void meets_hangup(struct world *w, const struct node *n, mesh_link link) {
        struct meeting *x = find(w, n->index, link);
        if (x)
                drop(x);
}

void meets_over(struct world *w) {
        LIST_EACH (x, &w->meets, struct meeting, on)
                drop(x);
        LIST_EACH (t, &w->told, struct told, on) {
                list_drop(&t->on);
                free(t);
        }
}

/* What honest homes have passed on for others, and how many links were seen that go by others. */
static void relays_report(const struct world *w) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < w->n; i++) {
                struct mesh_relaying r;
                if (!node_on(&w->nodes[i]) || !node_honest(&w->nodes[i]))
                        continue;
                mesh_relaying(w->nodes[i].core, &r);
                bytes += r.passed;
        }
        printf("relays: %llu bytes passed on by honest homes, %llu ends of links seen\n", (unsigned long long)bytes,
               (unsigned long long)w->relayed);
}

void meets_report(const struct world *w) {
        if (meets_there(w))
                printf("meetings: %llu asked of helpers, %llu links came of them\n", (unsigned long long)w->meetings,
                       (unsigned long long)w->met);
        if (meets_there(w))
                relays_report(w);
}
