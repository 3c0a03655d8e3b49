/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local networks. Some of the homes are behind routers, two to eight behind each, every one with the same private addresses:
 * from outside nobody gets in, and of the others' private addresses each one names a neighbour's, or nobody's. There beacons
 * go round, over IPv4 and IPv6, and whatever else a device on such a network may send: what was recorded, minutes or hours
 * old and heard elsewhere; noise; and beacons under the true link key that name any device and come from anywhere. Homes move
 * from one network to another.
 *
 * S14 and L7 (checks.c) are asked here. For L7 all routers are down when the last fault has stopped: what the homes of a
 * network have then they have found by its beacons alone.
 */
#include "sim/byz.h"

#include "core/beacon.h"
#include "core/core.h"
#include "core/limits.h"
#include "crypto/hash.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdio.h>
#include <stdlib.h>

#define HOMES_MOST 8     /* behind one router */
#define FIRST_PLACE 2    /* last byte of a home's private address … */
#define LAST_PLACE 50    /* … from here on when all routers were down … */
#define NOBODY_FROM 100  /* … and of those where no home is, but maybe a printer */
#define RECORDED 64      /* beacons that are kept to be said again */
#define HEARD_SECOND 32  /* datagrams that a home's shell hands over (src/node/lan.c) */
#define FLOOD_SECOND 40  /* of noise */
#define FORGED_SECOND 10 /* under the true key */
#define DOOR_NAME "elm7.example.org"
#define ANSWER_TIME 30 /* ms until it is clear where a name leads */
#define NO_HOST 3000   /* ms until it is clear that nobody is at an address */
#define MOVE_EVERY (10 * SIM_MINUTE)
#define SHELL_LOOKS 500 /* ms: src/node/nets.c */
#define KNOWN_MOST 64   /* addresses that beacons alone speak for: src/core/lan.c */
/* One address that nobody answers at: backing off from a second to 300 s it is dialled 9 times in the first ten minutes,
 * beacons bring that forward six times (PROTOCOL 11.11), and then the window may begin anywhere. */
#define DIALS_MOST 24
#define DIALS_WINDOW (10 * SIM_MINUTE)
#define STRANGERS_END                                                                                                  \
        (11 * SIM_MINUTE) /* a beacon counts for 300 s, and a wait that has begun takes up to 320 s more */

struct lan_net {
        uint64_t second; /* the one in which it has heard so many … */
        unsigned heard;  /* … datagrams */
};

struct lan_home {
        uint32_t lan; /* 0: behind no router */
        uint8_t place;
        uint8_t outside; /* addresses that its router has had before */
        bool called;     /* from outside, since it is on: it knows that it can be */
};

struct dialled { /* an address without a home, by one home */
        struct hash name;
        uint64_t since;
        unsigned n;
};

struct lans {
        struct rng rng;
        struct lan_home *homes;
        struct lan_net nets[UINT8_MAX + 1];
        uint32_t n;
        uint8_t first;    /* place behind each router */
        bool begun, down; /* down: no router works */
        bool replay, flood, forge, move;
        uint32_t loss_pct;
        uint64_t ended; /* the last fault; 0: they go on */
        struct {
                uint8_t bytes[BEACON_BYTES];
        } recorded[RECORDED];
        size_t n_recorded;
        struct map dialled;
        uint64_t beacons, forged, dials, asked;
        struct mesh_addr named; /* where the name leads */
};

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct mesh_addr ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
        struct mesh_addr ret = {.port = 7345};
        memcpy(ret.ip, mapped, sizeof(mapped));
        memcpy(ret.ip + 12, (const uint8_t[]){a, b, c, d}, 4);
        return ret;
}

static struct mesh_addr inside(uint8_t place) {
        return ip4(192, 168, 0, place);
}

static struct mesh_addr link_local(uint8_t place) {
        return (struct mesh_addr){.ip = {0xfe, 0x80, [15] = place}, .port = 7345, .scope = 1};
}

static uint32_t lan_of(const struct world *w, uint32_t node) {
        return w->lans && w->lans->begun ? w->lans->homes[node].lan : 0;
}

/* ---- who is where ---- */
static struct node *at_place(const struct world *w, uint32_t lan, uint8_t place) {
        for (uint32_t i = 0; i < w->n; i++)
                if (lan_of(w, i) == lan && w->lans->homes[i].place == place)
                        return &w->nodes[i];
        return NULL;
}

bool lans_private(const struct mesh_addr *a) {
        return a->scope || (memcmp(a->ip, mapped, sizeof(mapped)) == 0 && a->ip[12] == 192);
}

struct node *lans_whose(const struct world *w, const struct node *n, const struct mesh_addr *a) {
        uint32_t lan = lan_of(w, n->index);
        return lan && a->port == 7345 ? at_place(w, lan, a->ip[15]) : NULL;
}

/* Of the way between two homes that know each other's address. */
bool lans_shut(const struct world *w, uint32_t from, uint32_t to) {
        uint32_t a = lan_of(w, from), b = lan_of(w, to);
        return w->lans && a != b && (w->lans->down || b);
}

bool lans_same(const struct world *w, uint32_t a, uint32_t b) {
        return lan_of(w, a) && lan_of(w, a) == lan_of(w, b);
}

struct mesh_addr lans_seen(const struct world *w, const struct node *from, const struct mesh_addr *dialled) {
        uint32_t lan = lan_of(w, from->index);
        if (!lan)
                return from->addr;
        uint8_t place = w->lans->homes[from->index].place, before = w->lans->homes[from->index].outside;
        return !lans_private(dialled) ? ip4(203, 0, (uint8_t)(113 + before), (uint8_t)lan)
               : dialled->scope       ? link_local(place)
                                      : inside(place);
}

/* ---- names ---- */
static bool has_name(const struct world *w, const struct node *n) {
        return w->opt.named && n->index == 0;
}

static void on_looked_up(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life)
                return;
        h->ev.looked_up.addrs = &w->lans->named;
        world_feed(w, n, h->ev);
}

/* There is one name, and it leads to where the first home said last that it is. */
void lans_look_up(struct world *w, const struct node *n, const struct mesh_action *a) {
        if (!w->opt.named)
                return;
        struct happening *h = world_plan(w, w->now + ANSWER_TIME, n->index, on_looked_up);
        h->ev = (struct mesh_event){.type = MESH_EV_LOOKED_UP, .looked_up = {.device = a->look_up.device, .n = 1}};
        w->lans->asked++;
}

static struct wire_list its_names(const struct world *w, const struct node *n, struct buf *store) {
        struct wire_list names = {0};
        struct wire_addr row = {.port = n->addr.port};
        if (!has_name(w, n))
                return names;
        WIRE_PUT(&row, ADDR, dns, SPAN_STR(DOOR_NAME));
        wire_list_add(&wire_addr_desc, &names, store, &row);
        w->lans->named = n->addr;
        return names;
}

/* What it has come to know of its networks. */
void lans_tell(struct world *w, struct node *n) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        uint32_t lan = lan_of(w, n->index);
        struct mesh_addr here = lan ? inside(w->lans->homes[n->index].place) : n->addr;
        struct mesh_event ev = {.type = MESH_EV_LAN, .lan = {.ports = {7345, 7345}, .n = 2}};
        bool called = w->lans && w->lans->homes[n->index].called;
        world_feed(w, n,
                   (struct mesh_event){.type = MESH_EV_LISTENING,
                                       .listening = {.addrs = &here,
                                                     .n = 1,
                                                     .names = its_names(w, n, &store),
                                                     .outside = called,
                                                     .udp_port = w->opt.apart && !lan ? here.port : 0}});
        if (lan && node_on(n))
                world_feed(w, n, ev);
}

static void move_in(struct world *w, uint32_t i, uint32_t lan) {
        struct lans *lans = w->lans;
        uint8_t place = lans->first;
        while (at_place(w, lan, place))
                place++;
        if (place >= NOBODY_FROM)
                return;
        lans->homes[i] = (struct lan_home){.lan = lan, .place = place};
        for (uint32_t k = 0; k < w->n; k++)
                if (k != i)
                        links_cut(w, &w->nodes[i], &w->nodes[k]);
        world_say(w, "home %u: is at place %u of network %u", i, place, lan);
        if (node_on(&w->nodes[i]))
                lans_tell(w, &w->nodes[i]);
}

/* ---- what is broken on purpose in one of these homes ---- */
static bool broken(const struct world *w, const struct node *n, enum sabotage what) {
        bool all = what == SABOTAGE_UNHEARD; /* who alone hears nothing is found by the others */
        return w->opt.break_it == (uint32_t)what && lan_of(w, n->index) == 1 &&
               (all || w->lans->homes[n->index].place == w->lans->first);
}

static void dials_at_once(struct world *w, struct node *n, const struct mesh_addr *from) {
        struct address *a = address_find(n->core, from);
        if (a && !a->link)
                REQUIRE(dial_start(n->core, a) == 0);
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_TICK});
}

/* It backs off from nobody of whom a beacon ever spoke, and counts no dials. */
static void never_tires(struct world *w) {
        struct node *n = at_place(w, 1, w->lans->first);
        if (!n || !node_on(n))
                return;
        n->core->lan.dials_paid = 0;
        for (size_t i = 0; i < n->core->n_addresses; i++) {
                struct address *a = &n->core->addresses[i];
                if (!a->lan_only)
                        continue;
                a->failures = 0;
                a->heard = a->next = w->now;
        }
        dial_soon(n->core);
}

/* ---- what goes round ---- */
static void on_heard(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life || lan_of(w, n->index) != h->arg || broken(w, n, SABOTAGE_UNHEARD))
                return;
        h->ev.heard.datagram = buf_span(&h->bytes);
        if (broken(w, n, SABOTAGE_MINDFUL)) {
                struct mesh_addr known = h->ev.heard.from;
                known.port = (uint16_t)(1 + rng_below(&w->lans->rng, 9999));
                address_add(n->core, &known);
        }
        world_feed(w, n, h->ev);
        if (node_on(n) && broken(w, n, SABOTAGE_HASTY))
                dials_at_once(w, n, &h->ev.heard.from);
}

static void multicast(struct world *w, uint32_t lan, const struct node *by, const struct mesh_addr *from,
                      struct span bytes) {
        struct lan_net *net = &w->lans->nets[lan];
        if (net->second != w->now / SIM_SECOND)
                *net = (struct lan_net){.second = w->now / SIM_SECOND};
        if (net->heard++ >= HEARD_SECOND)
                return;
        for (uint32_t i = 0; i < w->n; i++) {
                if (lan_of(w, i) != lan || &w->nodes[i] == by ||
                    (!w->lans->ended && rng_below(&w->lans->rng, 100) < w->lans->loss_pct))
                        continue;
                struct happening *h = world_plan(w, w->now + 1 + rng_below(&w->lans->rng, 5), i, on_heard);
                h->ev = (struct mesh_event){.type = MESH_EV_HEARD, .heard = {.from = *from}};
                h->arg = lan;
                buf_add(&h->bytes, bytes);
                REQUIRE(buf_ok(&h->bytes));
        }
}

void lans_beacon(struct world *w, const struct node *n, struct span beacons) {
        uint32_t lan = lan_of(w, n->index);
        if (!lan || beacons.n != (size_t)2 * BEACON_BYTES)
                return;
        struct lans *lans = w->lans;
        uint8_t place = lans->homes[n->index].place;
        const struct mesh_addr from[] = {inside(place), link_local(place)};
        for (size_t i = 0; i < ARRAY_LEN(from); i++) {
                struct span one = span_of(beacons.p + i * BEACON_BYTES, BEACON_BYTES);
                memcpy(lans->recorded[lans->n_recorded++ % RECORDED].bytes, one.p, BEACON_BYTES);
                multicast(w, lan, n, &from[i], one);
        }
        lans->beacons++;
}

/* ---- who does harm there ---- */
static uint32_t some_lan(struct lans *lans) {
        return 1 + (uint32_t)rng_below(&lans->rng, lans->n);
}

/* From where a home is, or where none is. */
static struct mesh_addr from_somewhere(struct lans *lans) {
        uint8_t least = rng_below(&lans->rng, 2) ? FIRST_PLACE : NOBODY_FROM;
        uint8_t place = (uint8_t)(least + rng_below(&lans->rng, HOMES_MOST));
        return rng_below(&lans->rng, 2) ? inside(place) : link_local(place);
}

static void noise(struct world *w) {
        uint8_t junk[BEACON_BYTES];
        uint32_t lan = some_lan(w->lans);
        for (unsigned i = 0; i < FLOOD_SECOND; i++) {
                struct mesh_addr from = from_somewhere(w->lans);
                rng_bytes(&w->lans->rng, junk, sizeof(junk));
                multicast(w, lan, NULL, &from, SPAN_OF(junk));
        }
}

static void replay(struct world *w) {
        struct lans *lans = w->lans;
        size_t n = MIN(lans->n_recorded, (size_t)RECORDED);
        if (!n)
                return;
        struct mesh_addr from = from_somewhere(lans);
        multicast(w, some_lan(lans), NULL, &from, SPAN_OF(lans->recorded[rng_below(&lans->rng, n)].bytes));
}

/* Under a key that a member of that network has, and names whomever it likes. */
static void forge(struct world *w) {
        struct lans *lans = w->lans;
        struct node *n = at_place(w, some_lan(lans), lans->first);
        struct key link;
        if (!n || !node_on(n) || !mesh_link_key(n->core, &link))
                return;
        for (unsigned i = 0; i < FORGED_SECOND; i++) {
                const struct node *named = &w->nodes[rng_below(&lans->rng, w->n)];
                struct beacon b = {.port = rng_below(&lans->rng, 2) ? 7345
                                                                    : (uint16_t)(1 + rng_below(&lans->rng, 9999))};
                uint8_t bytes[BEACON_BYTES];
                struct mesh_addr from = from_somewhere(lans);
                memcpy(b.hint, named->device.pub.b, sizeof(b.hint));
                if (rng_below(&lans->rng, 4) == 0)
                        rng_bytes(&lans->rng, b.hint, sizeof(b.hint));
                beacon_seal(bytes, &b, &link, beacon_slot(node_wall(w, n), true), &lans->rng);
                multicast(w, lan_of(w, n->index), NULL, &from, SPAN_OF(bytes));
                lans->forged++;
        }
        hash_wipe(&link, sizeof(link));
}

static void on_second(struct world *w, struct happening *h) {
        const struct lans *lans = w->lans;
        bool tireless = w->opt.break_it == SABOTAGE_TIRELESS;
        if (lans->ended && !tireless)
                return;
        world_plan(w, w->now + SIM_SECOND, h->node, on_second);
        if (tireless)
                never_tires(w);
        if (lans->ended)
                return;
        if (lans->flood)
                noise(w);
        if (lans->replay)
                replay(w);
        if (lans->forge)
                forge(w);
}

static void on_move(struct world *w, struct happening *h) {
        uint32_t i = (uint32_t)rng_below(&w->lans->rng, w->n);
        if (w->lans->ended)
                return;
        world_plan(w, w->now + 1 + rng_below(&w->lans->rng, 2 * MOVE_EVERY), h->node, on_move);
        if (lan_of(w, i))
                move_in(w, i, some_lan(w->lans));
}

/* ---- S14: what beacons bring about is bounded ---- */
static void near_enough(struct world *w, const struct node *n, const struct address *a) {
        size_t near = 0;
        for (size_t i = 0; i < n->core->n_addresses; i++) {
                const struct address *other = &n->core->addresses[i];
                near += other->link && other->link < a->link &&
                        other->lan; /* those begun with it, after it, are none yet */
        }
        if (lan_fresh(n->core, a) && !a->manual && near >= DIAL_LAN_MOST)
                checks_fail(w, "S14", "home %u dials a home of its network, and has %zu links there", n->index, near);
}

static void not_for_ever(struct world *w, const struct node *n, const struct mesh_addr *a) {
        struct lans *lans = w->lans;
        struct hash name;
        uint8_t what[4 + 16 + 2];
        put_be32(what, n->index);
        memcpy(what + 4, a->ip, sizeof(a->ip));
        put_be16(what + 20, a->port);
        hash_make(&name, DOMAIN_LEDGER, NULL, SPAN_OF(what));
        struct dialled *d = map_find(&lans->dialled, name.b);
        if (!d) {
                d = calloc(1, sizeof(*d));
                REQUIRE(d);
                d->name = name;
                d->since = w->now;
                REQUIRE(map_put(&lans->dialled, d->name.b, d) == 0);
        }
        if (w->now > d->since + DIALS_WINDOW) {
                d->since = w->now;
                d->n = 0;
        }
        lans->dials++;
        if (++d->n > DIALS_MOST)
                checks_fail(w, "S14", "home %u dials an address at which nobody is %u times in ten minutes", n->index,
                            d->n);
        if (lans->ended && w->now > lans->ended + STRANGERS_END)
                checks_fail(w, "S14", "home %u still dials an address of which beacons spoke long ago", n->index);
}

bool lans_dialled(struct world *w, const struct node *n, const struct mesh_action *a, uint64_t *ret_fails) {
        if (!w->lans || !w->lans->begun)
                return true;
        const struct address *at = address_of_link(n->core, a->link);
        if (at && at != &n->core->visit)
                near_enough(w, n, at);
        if (!lans_private(&a->dial) || lans_whose(w, n, &a->dial))
                return true;
        if (at && at->lan_only)
                not_for_ever(w, n, &a->dial);
        *ret_fails = w->now + (a->dial.ip[15] % 2 ? NO_HOST : 2); /* a printer refuses at once */
        return false;
}

void lans_look(struct world *w, const struct node *n) {
        size_t told = 0;
        for (size_t i = 0; w->lans && i < n->core->n_addresses; i++) {
                const struct mesh_addr *a = &n->core->addresses[i].addr;
                told += lans_private(a) && (a->port != 7345 || a->ip[15] >= NOBODY_FROM);
        }
        if (told > KNOWN_MOST)
                checks_fail(w, "S14", "home %u remembers %zu addresses of which beacons alone speak", n->index, told);
}

/* ---- L7: homes of one network find each other ---- */
static void spread_over(const struct world *w, uint32_t from, bool *reached) {
        reached[from] = true;
        struct mesh_peer p;
        for (size_t k = 0; node_on(&w->nodes[from]) && mesh_peer_at(w->nodes[from].core, k, &p); k++) {
                const struct node *other = byz_node((struct world *)w, &p.device);
                if (other && !reached[other->index] && lans_same(w, from, other->index))
                        spread_over(w, other->index, reached);
        }
}

static bool member(const struct world *w, const struct node *n, const struct node *at) {
        const struct roster *r = node_on(at) ? mesh_roster(at->core) : NULL;
        const struct roster_home *h = r ? roster_home_find(r, &n->house.sign.pub) : NULL;
        (void)w;
        return h && h->member && node_honest(n) && n->standing == NODE_IN;
}

static void found_each_other(struct world *w) {
        bool *reached = calloc(w->n, sizeof(*reached));
        REQUIRE(reached);
        for (uint32_t i = 0; i < w->n && !w->stopped; i++) {
                if (!lan_of(w, i) || !member(w, &w->nodes[i], &w->nodes[i]))
                        continue;
                memset(reached, 0, w->n * sizeof(*reached));
                spread_over(w, i, reached);
                for (uint32_t k = 0; k < w->n; k++)
                        if (lans_same(w, i, k) && !reached[k] && member(w, &w->nodes[k], &w->nodes[i]) &&
                            member(w, &w->nodes[i], &w->nodes[k]) && member(w, &w->nodes[k], &w->nodes[k]))
                                checks_fail(w, "L7", "homes %u and %u, of one network, have not found each other", i,
                                            k);
        }
        free(reached);
}

/* ---- beginning and end ---- */
static bool is_profile(const struct world *w, const char *name) {
        return w->opt.profile && strcmp(w->opt.profile, name) == 0;
}

/* What the seed says, each with probability 1/2; none in calm, all where the network is what breaks. */
static void draw_faults(struct world *w) {
        struct lans *lans = w->lans;
        bool *all[] = {&lans->replay, &lans->flood, &lans->forge, &lans->move};
        bool none = is_profile(w, "calm"), each = is_profile(w, "network");
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                *all[i] = (rng_below(&lans->rng, 2) || each) && !none;
        lans->loss_pct = (rng_below(&lans->rng, 2) || each) && !none ? 1 + (uint32_t)rng_below(&lans->rng, 50) : 0;
}

void lans_init(struct world *w) {
        uint8_t seed[32] = {'l', 'a', 'n'};
        if (!w->opt.lan && !w->opt.apart)
                return;
        w->lans = calloc(1, sizeof(*w->lans));
        REQUIRE(w->lans);
        w->lans->homes = calloc(w->n, sizeof(*w->lans->homes));
        REQUIRE(w->lans->homes);
        map_init(&w->lans->dialled, (const uint64_t[4]){1, 2, 3, 4});
        put_be64(seed + 24, w->opt.seed);
        rng_init(&w->lans->rng, seed);
        draw_faults(w);
}

void lans_fini(struct world *w) {
        if (!w->lans)
                return;
        MAP_EACH (d, &w->lans->dialled, struct dialled)
                free(d);
        map_fini(&w->lans->dialled);
        rng_fini(&w->lans->rng);
        free(w->lans->homes);
        free(w->lans);
}

/* All are in. Founder, who invites the last, and the last stay where everybody finds them. */
void lans_begin(struct world *w) {
        struct lans *lans = w->lans;
        if (!lans)
                return;
        uint32_t many = MAX(w->n * w->opt.lan / 100, 2u), done = 0, place = HOMES_MOST;
        lans->begun = true;
        lans->first = FIRST_PLACE;
        for (uint32_t i = 1; i + 1 < w->n && done < many; i++) {
                if (&w->nodes[i] == byz_honest(w, VICTIM) || lans->n == UINT8_MAX)
                        continue;
                if (place == HOMES_MOST || (place >= 2 && rng_below(&lans->rng, 4) == 0)) {
                        lans->n++;
                        place = 0;
                }
                move_in(w, i, lans->n);
                place++;
                done++;
        }
        world_plan(w, w->now, 0, on_second);
        if (lans->move)
                world_plan(w, w->now + rng_below(&lans->rng, MOVE_EVERY), 0, on_move);
}

/* ---- a street of homes that have a router each ---- */
/* All routers are of one make, as in a street of one provider's: the same network at each, and a place drawn there. */
void lans_apart(struct world *w) {
        struct lans *lans = w->lans;
        REQUIRE(w->n <= UINT8_MAX);
        lans->begun = true;
        lans->n = w->n - 1;
        lans->first = FIRST_PLACE;
        for (uint32_t i = 1; i < w->n; i++)
                lans->homes[i] = (struct lan_home){
                        .lan = i, .place = (uint8_t)(FIRST_PLACE + rng_below(&lans->rng, NOBODY_FROM - FIRST_PLACE))};
}

void lans_elsewhere(struct world *w, uint32_t i) {
        if (has_name(w, &w->nodes[i]))
                w->nodes[i].addr.ip[12]++;
        w->lans->homes[i].outside++;
        w->lans->homes[i].called = false;
}

static void on_found(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life)
                return;
        w->lans->homes[h->node].called = true;
        lans_tell(w, n);
}

/* Its shell says so when it looks at its networks the next time. */
void lans_found(struct world *w, struct node *n) {
        if (w->opt.apart && !lan_of(w, n->index) && !w->lans->homes[n->index].called)
                world_plan(w, w->now + SHELL_LOOKS, n->index, on_found);
}

/* The routers come back without their tables: whoever knows a private address knows it no longer. */
static void new_places(struct world *w) {
        w->lans->first = LAST_PLACE;
        for (uint32_t i = 0; i < w->n; i++)
                if (lan_of(w, i))
                        move_in(w, i, lan_of(w, i));
}

static void routers(struct world *w, bool down) {
        w->lans->down = down;
        for (uint32_t i = 0; i < w->n && down; i++)
                for (uint32_t k = 0; k < i; k++)
                        if (lans_shut(w, i, k) || lans_shut(w, k, i))
                                links_cut(w, &w->nodes[i], &w->nodes[k]);
}

void lans_end(struct world *w, uint64_t patience) {
        if (!w->lans)
                return;
        w->lans->ended = w->now;
        routers(w, true);
        new_places(w);
        world_run_until(w, w->now + patience);
        if (!w->stopped)
                found_each_other(w);
        routers(w, false);
}

void lans_report(const struct world *w) {
        if (w->lans)
                printf("local networks: %u, %llu beacons, %llu forged, %llu dials of nobody\n", w->lans->n,
                       (unsigned long long)w->lans->beacons, (unsigned long long)w->lans->forged,
                       (unsigned long long)w->lans->dials);
}
