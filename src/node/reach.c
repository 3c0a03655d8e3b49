/* SPDX-License-Identifier: Apache-2.0 */
#include "node/reach.h"

#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "node/reach_rules.h"
#include "wire/codec.h"

#include <sodium.h>

#define CALLED_LIFE 172800 /* s: two days. A link is made anew each day (PROTOCOL 8) */

/* ---- what is known ---- */

/* Addresses that the facts point to. */
struct where {
        struct mesh_addr mapped, opened, seen;
};

static void learn(const struct node *n, struct reach_facts *ret, struct where *where) {
        const struct listening *ls = &n->listening;
        const struct reach_way *four = &n->reach.ways[REACH_FOUR], *six = &n->reach.ways[REACH_SIX];
        bool are_seen = n->core && mesh_seen(n->core, &where->seen);
        where->mapped = four->at;
        where->opened = six->at;
        bool at_odds = are_seen && endpoint_is_v4(&where->seen) && !endpoint_same_ip(&where->seen, &where->mapped);
        *ret = (struct reach_facts){.nets = ls->nets,
                                    .n_nets = ls->n_nets,
                                    .listens = ls->told,
                                    .n_listens = ls->n_told,
                                    .advertised = n->n_advertise > 0,
                                    .mapped = four->mapped && !at_odds ? &where->mapped : NULL,
                                    .opened = six->mapped ? &where->opened : NULL,
                                    .seen = are_seen ? &where->seen : NULL,
                                    .why = four->mapped && at_odds ? UNMAPPED_LIES : four->why};
}

size_t reach_mapped(const struct node *n, struct mesh_addr ret[REACH_WAYS], unsigned *ret_ways) {
        struct reach_facts f;
        struct where where;
        size_t count = 0;
        learn(n, &f, &where);
        if (f.mapped)
                ret[count++] = *f.mapped;
        if (f.opened)
                ret[count++] = *f.opened;
        *ret_ways = (f.mapped ? 1u << REACH_FOUR : 0) | (f.opened ? 1u << REACH_SIX : 0);
        return count;
}

static bool is_proven(const struct reach *r, const struct reach_facts *f) {
        return r->called && node_wall() < r->called + CALLED_LIFE && reach_proves(f, &r->from);
}

/* Who came is looked at anew: since then this home may have learnt its own address outside. */
bool reach_outside(const struct node *n) {
        struct reach_facts f;
        struct where where;
        learn(n, &f, &where);
        return is_proven(&n->reach, &f);
}

void reach_accepted(struct node *n, const struct mesh_addr *from) {
        struct reach_facts f;
        struct where where;
        learn(n, &f, &where);
        if (!reach_proves(&f, from))
                return;
        if (!n->reach.called)
                log_info("somebody outside has called: homes outside reach this one");
        n->reach.from = *from;
        n->reach.called = MAX(node_wall(), (mesh_wall)1);
        if (!n->reach.told)
                nets_look_soon(n); /* the core hears of it */
}

static enum wire_e_reach state_of(const struct reach *r, const struct reach_facts *f) {
        return is_proven(r, f) ? REACH_YES : reach_unproven(f);
}

static void status6(const struct reach *r, const struct reach_facts *f, struct wire_c_status *msg, struct buf *store) {
        const struct reach_way *six = &r->ways[REACH_SIX];
        struct wire_addr row;
        if (reach_only6(f, (enum wire_e_reach)msg->reach, &r->from))
                WIRE_PUT(msg, C_STATUS, only6, true);
        if (f->opened) {
                endpoint_to_wire(f->opened, &row);
                wire_list_add(&wire_addr_desc, &msg->outside6, store, &row);
                WIRE_PUT(msg, C_STATUS, outside6, msg->outside6);
                WIRE_PUT(msg, C_STATUS, mapper6, six->by);
        } else if (six->why) {
                WIRE_PUT(msg, C_STATUS, unmapped6, six->why);
        }
}

void reach_status(const struct node *n, struct wire_c_status *msg, struct buf *store, struct buf *store6) {
        const struct reach *r = &n->reach;
        struct reach_facts f;
        struct where where;
        struct wire_addr row;
        learn(n, &f, &where);
        WIRE_PUT(msg, C_STATUS, reach, state_of(r, &f));
        if (msg->reach == REACH_YES)
                WIRE_PUT(msg, C_STATUS, called, r->called);
        if (f.mapped) {
                endpoint_to_wire(f.mapped, &row);
                wire_list_add(&wire_addr_desc, &msg->outside, store, &row);
                WIRE_PUT(msg, C_STATUS, outside, msg->outside);
                WIRE_PUT(msg, C_STATUS, mapper, r->ways[REACH_FOUR].by);
        } else if (f.why) {
                WIRE_PUT(msg, C_STATUS, unmapped, f.why);
        }
        status6(r, &f, msg, store6);
}

/* ---- when the router is asked ---- */

static uint16_t port_at(const void *ctx, const struct mesh_addr *a) {
        return listen_port_at(ctx, a);
}

/* What of an address says in which home this machine is: of an IPv6 one its prefix, for the rest changes daily. 0: nothing. */
static uint64_t place_of(const struct listen_net *net) {
        const struct mesh_addr *a = &net->addr;
        if (net->internal || endpoint_is_link_local(a))
                return 0;
        return ((endpoint_is_v4(a) ? get_be32(a->ip + 12) : get_be64(a->ip) >> 8) << 8) + net->bits;
}

/* Another home's router is another one, though all are called 192.168.1.1. A prefix counts once, however many addresses have it. */
static uint64_t sum_nets(const struct listening *ls) {
        uint64_t sum = 0;
        for (size_t i = 0; i < ls->n_nets; i++) {
                uint64_t place = place_of(&ls->nets[i]);
                for (size_t j = 0; j < i && place; j++)
                        if (place_of(&ls->nets[j]) == place)
                                place = 0;
                sum += place * UINT64_C(0x9fb21c651e98df25);
        }
        return sum;
}

/* What is to be asked for, for each way. */
static void wishes(const struct node *n, struct reach_wish ret[REACH_WAYS]) {
        const struct listening *ls = &n->listening;
        struct reach_wish *six = &ret[REACH_SIX];
        memset(ret, 0, sizeof(*ret) * REACH_WAYS);
        (void)reach_behind(ls->nets, ls->n_nets, port_at, n, &ret[REACH_FOUR].port);
        six->n_inside = reach_inside(ls->nets, ls->n_nets, port_at, n, six->inside);
        six->port = six->n_inside ? six->inside[0].port : 0;
}

static void make_nonces(struct node *n) {
        struct reach *r = &n->reach;
        if (r->known)
                return;
        randombytes_buf(r->nonces, sizeof(r->nonces));
        r->known = true;
        writer_set(n, SETTING_NONCES, SPAN_OF(r->nonces));
}

void reach_look(struct node *n, bool anew) {
        struct reach *r = &n->reach;
        struct reach_wish wish[REACH_WAYS];
        uint64_t nets = sum_nets(&n->listening);
        if (n->stopping)
                return;
        bool moved = nets != r->nets;
        r->nets = nets;
        if (moved)
                r->called = 0; /* whoever came in came to another place */
        wishes(n, wish);
        for (size_t i = 0; i < REACH_WAYS; i++) {
                if (!r->mapping || !wish[i].port) {
                        bool off = !r->mapping && (i == REACH_FOUR || wish[i].port);
                        reach_way_rest(&r->ways[i], off ? UNMAPPED_OFF : 0);
                        continue;
                }
                make_nonces(n);
                reach_way_want(&r->ways[i], &wish[i], anew || moved);
        }
}

void reach_seen(struct node *n) {
        struct mesh_addr at[REACH_WAYS];
        unsigned ways;
        (void)reach_mapped(n, at, &ways);
        if (ways != n->reach.named || reach_outside(n) != n->reach.told)
                nets_look_soon(n); /* not now: the core is in the middle of something */
}

/* ---- life ---- */

void reach_init(struct node *n) {
        for (size_t i = 0; i < REACH_WAYS; i++)
                reach_way_init(&n->reach.ways[i], n, i == REACH_SIX);
        n->reach.ways[REACH_FOUR].why = n->reach.mapping ? 0 : UNMAPPED_OFF;
}

void reach_stop(struct node *n) {
        for (size_t i = 0; i < REACH_WAYS; i++) {
                uv_timer_stop(&n->reach.ways[i].timer);
                helper_link_leave(&n->reach.ways[i].link);
        }
}

void reach_kill(struct node *n) {
        for (size_t i = 0; i < REACH_WAYS; i++)
                helper_link_kill(&n->reach.ways[i].link);
}

bool reach_gone(const struct node *n) {
        return !n->reach.ways[REACH_FOUR].link.open && !n->reach.ways[REACH_SIX].link.open;
}

void reach_close(struct node *n) {
        for (size_t i = 0; i < REACH_WAYS; i++)
                uv_close((uv_handle_t *)&n->reach.ways[i].timer, NULL);
}
