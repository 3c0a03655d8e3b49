/* SPDX-License-Identifier: Apache-2.0 */
#include "node/reach.h"

#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "node/reach_rules.h"
#include "wire/codec.h"

#define LEASE 3600           /* s asked for: a router that loses power forgets it, one that does not soon does */
#define AGAIN_MS 3600000     /* until a router that said no is asked again; also when the network changes */
#define RETRY_FIRST_MS 60000 /* after the helper has died, doubled each time … */
#define RETRY_DOUBLINGS 6    /* … up to an hour */
#define LATE_MS 60000        /* how late a helper may renew, say that it could not, or end */
#define NEWS_MOST 8          /* other addresses in an hour: each has all links and contacts looked at anew */
#define NEWS_MS 3600000
#define ANSWER_MS 90000    /* until it has asked in both ways; it gives up by itself before */
#define DEATHS_MOST 3      /* one after the other, after which what it got is not counted on any more */
#define CALLED_LIFE 172800 /* s: two days. A link is made anew each day (PROTOCOL 8) */

/* ---- what is known ---- */

static void learn(const struct node *n, struct reach_facts *ret, struct mesh_addr *mapped, struct mesh_addr *seen) {
        const struct listening *ls = &n->listening;
        const struct reach *r = &n->reach;
        bool are_seen = n->core && mesh_seen(n->core, seen);
        *mapped = r->at;
        bool at_odds = are_seen && endpoint_is_v4(seen) && !endpoint_same_ip(seen, mapped);
        *ret = (struct reach_facts){.nets = ls->nets,
                                    .n_nets = ls->n_nets,
                                    .listens = ls->told,
                                    .n_listens = ls->n_told,
                                    .advertised = n->n_advertise > 0,
                                    .mapped = r->mapped && !at_odds ? mapped : NULL,
                                    .seen = are_seen ? seen : NULL,
                                    .why = r->mapped && at_odds ? UNMAPPED_LIES : r->why};
}

bool reach_mapped(const struct node *n, struct mesh_addr *ret) {
        struct reach_facts f;
        struct mesh_addr mapped, seen;
        learn(n, &f, &mapped, &seen);
        if (f.mapped)
                *ret = mapped;
        return f.mapped;
}

/* Who came is looked at anew: since then this home may have learnt its own address outside. */
bool reach_outside(const struct node *n) {
        struct reach_facts f;
        struct mesh_addr mapped, seen;
        const struct reach *r = &n->reach;
        learn(n, &f, &mapped, &seen);
        return r->called && node_wall() < r->called + CALLED_LIFE && reach_proves(&f, &r->from);
}

void reach_accepted(struct node *n, const struct mesh_addr *from) {
        struct reach_facts f;
        struct mesh_addr mapped, seen;
        learn(n, &f, &mapped, &seen);
        if (!reach_proves(&f, from))
                return;
        if (!n->reach.called)
                log_info("somebody outside has called: homes outside reach this one");
        n->reach.from = *from;
        n->reach.called = MAX(node_wall(), (mesh_wall)1);
        if (!n->reach.told)
                nets_look_soon(n); /* the core hears of it */
}

enum wire_e_reach reach_state(const struct node *n) {
        struct reach_facts f;
        struct mesh_addr mapped, seen;
        learn(n, &f, &mapped, &seen);
        return reach_outside(n) ? REACH_YES : reach_unproven(&f);
}

void reach_status(const struct node *n, struct wire_c_status *msg, struct buf *store) {
        struct reach_facts f;
        struct mesh_addr mapped, seen;
        struct wire_addr row;
        learn(n, &f, &mapped, &seen);
        WIRE_PUT(msg, C_STATUS, reach, reach_state(n));
        if (msg->reach == REACH_YES)
                WIRE_PUT(msg, C_STATUS, called, n->reach.called);
        if (f.mapped) {
                endpoint_to_wire(&mapped, &row);
                wire_list_add(&wire_addr_desc, &msg->outside, store, &row);
                WIRE_PUT(msg, C_STATUS, outside, msg->outside);
                WIRE_PUT(msg, C_STATUS, mapper, n->reach.by);
        } else if (f.why) {
                WIRE_PUT(msg, C_STATUS, unmapped, f.why);
        }
}

/* ---- the router ---- */

static void say_mapped(const struct reach *r) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        endpoint_text(&text, &r->at);
        log_info("the router passes on what comes to %s (%s)", buf_cstr(&text),
                 wire_enum_text(&wire_mapper_enum, r->by));
}

/* Who called may have come by what the router gave. */
static void forget_way(struct reach *r) {
        if (r->mapped)
                r->called = 0;
        r->mapped = false;
}

static void on_timer(uv_timer_t *timer);

/* What the helper has it gives back. One that does not end then is ended by on_timer(). */
static void leave(struct reach *r) {
        helper_link_leave(&r->link);
        if (r->link.open)
                uv_timer_start(&r->timer, on_timer, LATE_MS, 0);
        else
                uv_timer_stop(&r->timer);
}

/* Nothing is passed on. The helper has no more to do, until the router is asked again. */
static void give_up(struct node *n, enum wire_e_unmapped why) {
        struct reach *r = &n->reach;
        bool news = r->mapped || r->why != why;
        forget_way(r);
        r->why = why;
        r->failures = 0;
        leave(r);
        if (!news)
                return;
        log_info("the router passes nothing on: %s", wire_enum_text(&wire_unmapped_enum, why));
        listen_look(n);
}

static bool too_many_news(struct node *n) {
        struct reach *r = &n->reach;
        uint64_t now = uv_now(n->loop);
        if (now - r->news_since >= NEWS_MS) {
                r->news_since = now;
                r->news = 0;
        }
        return ++r->news > NEWS_MOST;
}

static void on_mapped(struct node *n, const struct wire_router_mapped *m) {
        struct reach *r = &n->reach;
        struct wire_list list = m->place;
        struct wire_addr row = {0};
        struct mesh_addr at;
        wire_list_next(&wire_addr_desc, &list, &row);
        bool ok = endpoint_from_wire(&row, &at) && endpoint_is_v4(&at) && !endpoint_is_private(&at);
        bool news = ok && (!r->mapped || !endpoint_eq(&r->at, &at));
        if (!ok || (news && too_many_news(n))) {
                give_up(n, UNMAPPED_ABSURD);
                return;
        }
        r->mapped = true;
        r->at = at;
        r->by = (enum wire_e_mapper)m->by;
        r->why = 0;
        r->failures = 0;
        uv_timer_stop(&r->timer);
        if (m->lease)
                uv_timer_start(&r->timer, on_timer, m->lease * 1000 + LATE_MS, 0);
        if (!news)
                return;
        say_mapped(r);
        listen_look(n);
}

static void on_heard(struct helper_link *l, uint8_t number, const union frame_message *m) {
        if (number == ROUTER_MAPPED)
                on_mapped(l->n, &m->router_mapped);
        else if (number == ROUTER_NONE)
                give_up(l->n, (enum wire_e_unmapped)m->router_none.why);
}

static void ask(struct node *n) {
        struct reach *r = &n->reach;
        const struct wire_router_map msg = {.port = r->port, .lease = LEASE};
        r->again = r->link.open && !r->link.alive;
        if (r->again)
                return; /* the last one is about to end */
        if (helper_link_say(&r->link, ROUTER_MAP, &msg))
                uv_timer_start(&r->timer, on_timer, ANSWER_MS, 0);
        else if (r->link.absent)
                r->why = UNMAPPED_ABSENT;
}

/* An end that was not wanted is a death: a router that kills one may kill the next. What it gave holds for a while. */
static void on_gone(struct helper_link *l) {
        struct node *n = l->n;
        struct reach *r = &n->reach;
        uv_timer_stop(&r->timer);
        if (!r->port)
                r->called = 0; /* it gave back what there was, only now */
        if (r->again)
                ask(n);
        if (!r->port || r->again || r->link.alive)
                return;
        uint64_t wait = AGAIN_MS;
        if (!r->why) {
                log_warning("porchlight-router has ended before its time");
                wait = (uint64_t)RETRY_FIRST_MS << MIN(r->failures, RETRY_DOUBLINGS);
                if (++r->failures >= DEATHS_MOST)
                        give_up(n, UNMAPPED_ABSURD);
        }
        uv_timer_start(&r->timer, on_timer, MIN(wait, AGAIN_MS), 0);
}

static const struct helper_kind kind = {.program = PORTER_ROUTER,
                                        .name = "porchlight-router",
                                        .find = wire_router_find,
                                        .heard = on_heard,
                                        .gone = on_gone};

/* Either it is time to ask again, or the helper has not said in time what it should have, or does not end. */
static void on_timer(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(timer, struct node, reach.timer);
        if (n->reach.link.open)
                helper_link_kill(&n->reach.link);
        else
                ask(n);
}

/* ---- when it is asked ---- */

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

static void rest(struct node *n) {
        struct reach *r = &n->reach;
        bool was = r->mapped;
        leave(r);
        forget_way(r);
        r->port = 0;
        r->again = false;
        r->why = r->mapping ? 0 : UNMAPPED_OFF;
        if (was)
                listen_look(n);
}

void reach_look(struct node *n, bool anew) {
        struct reach *r = &n->reach;
        uint64_t nets = sum_nets(&n->listening);
        uint16_t port = 0;
        if (n->stopping)
                return;
        bool moved = nets != r->nets;
        r->nets = nets;
        if (moved)
                r->called = 0; /* whoever came in came to another place */
        if (!r->mapping || !reach_behind(n->listening.nets, n->listening.n_nets, port_at, n, &port)) {
                rest(n);
                return;
        }
        if (!anew && !moved && port == r->port)
                return;
        r->port = port;
        ask(n);
}

void reach_seen(struct node *n) {
        struct mesh_addr at;
        if (reach_mapped(n, &at) != n->reach.named || reach_outside(n) != n->reach.told)
                nets_look_soon(n); /* not now: the core is in the middle of something */
}

/* ---- life ---- */

void reach_init(struct node *n) {
        helper_link_init(&n->reach.link, n, &kind);
        uv_timer_init(n->loop, &n->reach.timer);
        n->reach.why = n->reach.mapping ? 0 : UNMAPPED_OFF;
}

void reach_stop(struct node *n) {
        uv_timer_stop(&n->reach.timer);
        helper_link_leave(&n->reach.link);
}

void reach_kill(struct node *n) {
        helper_link_kill(&n->reach.link);
}

bool reach_gone(const struct node *n) {
        return !n->reach.link.open;
}

void reach_close(struct node *n) {
        uv_close((uv_handle_t *)&n->reach.timer, NULL);
}
