/* SPDX-License-Identifier: Apache-2.0 */
#include "node/reach_way.h"

#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "wire/codec.h"

#define LEASE 3600           /* s asked for: a router that loses power forgets it, one that does not soon does */
#define AGAIN_MS 3600000     /* until a router that said no is asked again; also when the network changes */
#define RETRY_FIRST_MS 60000 /* after the helper has died, doubled each time … */
#define RETRY_DOUBLINGS 6    /* … up to an hour */
#define LATE_MS 60000        /* how late a helper may renew, say that it could not, or end */
#define NEWS_MOST 8          /* other addresses in an hour: each has all links and contacts looked at anew */
#define NEWS_MS 3600000
#define ANSWER_MS 90000 /* until it has asked in all ways; it gives up by itself before */
#define DEATHS_MOST 3   /* one after the other, after which what it got is not counted on any more */

static void say_mapped(const struct reach_way *w) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        endpoint_text(&text, &w->at);
        log_info(w->six ? "the router lets in what comes to %s (%s)" : "the router passes on what comes to %s (%s)",
                 buf_cstr(&text), wire_enum_text(&wire_mapper_enum, w->by));
}

/* Who called may have come by what the router gave. */
static void forget_calls(const struct reach_way *w) {
        struct reach *r = &w->link.n->reach;
        if (r->called && endpoint_is_v4(&r->from) != w->six)
                r->called = 0;
}

static void forget_way(struct reach_way *w) {
        if (w->mapped)
                forget_calls(w);
        w->mapped = false;
}

static void on_timer(uv_timer_t *timer);

/* What the helper has it gives back. One that does not end then is ended by on_timer(). */
static void leave(struct reach_way *w) {
        helper_link_leave(&w->link);
        if (w->link.open)
                uv_timer_start(&w->timer, on_timer, LATE_MS, 0);
        else
                uv_timer_stop(&w->timer);
}

/* Nothing is passed on. The helper has no more to do, until the router is asked again. */
static void give_up(struct reach_way *w, enum wire_e_unmapped why) {
        bool news = w->mapped || w->why != why;
        forget_way(w);
        w->why = why;
        w->failures = 0;
        leave(w);
        if (!news)
                return;
        log_info(w->six ? "the router lets nothing in over IPv6: %s" : "the router passes nothing on: %s",
                 wire_enum_text(&wire_unmapped_enum, why));
        listen_look(w->link.n);
}

static bool too_many_news(struct reach_way *w) {
        uint64_t now = uv_now(w->link.n->loop);
        if (now - w->news_since >= NEWS_MS) {
                w->news_since = now;
                w->news = 0;
        }
        return ++w->news > NEWS_MOST;
}

static bool is_inside(const struct reach_wish *wish, const struct mesh_addr *at) {
        for (size_t i = 0; i < wish->n_inside; i++)
                if (endpoint_eq(&wish->inside[i], at))
                        return true;
        return false;
}

/* Over IPv6 it can be nothing but what was asked for. */
static bool can_be(const struct reach_way *w, const struct mesh_addr *at) {
        return w->six ? is_inside(&w->wish, at) : endpoint_is_v4(at) && !endpoint_is_private(at);
}

static void on_mapped(struct reach_way *w, const struct wire_router_mapped *m) {
        struct wire_list list = m->place;
        struct wire_addr row = {0};
        struct mesh_addr at;
        wire_list_next(&wire_addr_desc, &list, &row);
        bool ok = endpoint_from_wire(&row, &at) && can_be(w, &at);
        bool news = ok && (!w->mapped || !endpoint_eq(&w->at, &at));
        if (!ok || (news && too_many_news(w))) {
                give_up(w, UNMAPPED_ABSURD);
                return;
        }
        w->mapped = true;
        w->at = at;
        w->by = (enum wire_e_mapper)m->by;
        w->why = 0;
        w->failures = 0;
        uv_timer_stop(&w->timer);
        if (m->lease)
                uv_timer_start(&w->timer, on_timer, m->lease * 1000 + LATE_MS, 0);
        if (!news)
                return;
        say_mapped(w);
        listen_look(w->link.n);
}

static void on_heard(struct helper_link *l, uint8_t number, const union frame_message *m) {
        struct reach_way *w = CONTAINER_OF(l, struct reach_way, link);
        if (number == ROUTER_MAPPED)
                on_mapped(w, &m->router_mapped);
        else if (number == ROUTER_NONE)
                give_up(w, (enum wire_e_unmapped)m->router_none.why);
}

/* ---- asking ---- */

static void put_inside(const struct reach_wish *wish, struct wire_router_map *m, struct buf *store) {
        struct wire_addr row;
        for (size_t i = 0; i < wish->n_inside; i++) {
                endpoint_to_wire(&wish->inside[i], &row);
                wire_list_add(&wire_addr_desc, &m->inside, store, &row);
        }
        WIRE_PUT(m, ROUTER_MAP, inside, m->inside);
}

static void ask(struct reach_way *w) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        const struct reach *r = &w->link.n->reach;
        struct wire_router_map msg = {
                .port = w->wish.port, .lease = LEASE, .nonce = SPAN_OF(r->nonces[w->six ? REACH_SIX : REACH_FOUR])};
        w->again = w->link.open && !w->link.alive;
        if (w->again)
                return; /* the last one is about to end */
        if (w->six)
                put_inside(&w->wish, &msg, &store);
        if (helper_link_say(&w->link, ROUTER_MAP, &msg))
                uv_timer_start(&w->timer, on_timer, ANSWER_MS, 0);
        else if (w->link.absent)
                w->why = UNMAPPED_ABSENT;
}

/* An end that was not wanted is a death: a router that kills one may kill the next. What it gave holds for a while. */
static void on_gone(struct helper_link *l) {
        struct reach_way *w = CONTAINER_OF(l, struct reach_way, link);
        uv_timer_stop(&w->timer);
        if (!w->wish.port)
                forget_calls(w); /* it gave back what there was, only now */
        if (w->again)
                ask(w);
        if (!w->wish.port || w->again || w->link.alive)
                return;
        uint64_t wait = AGAIN_MS;
        if (!w->why) {
                log_warning("porchlight-router has ended before its time");
                wait = (uint64_t)RETRY_FIRST_MS << MIN(w->failures, RETRY_DOUBLINGS);
                if (++w->failures >= DEATHS_MOST)
                        give_up(w, UNMAPPED_ABSURD);
        }
        uv_timer_start(&w->timer, on_timer, MIN(wait, AGAIN_MS), 0);
}

/* Either it is time to ask again, or the helper has not said in time what it should have, or does not end. */
static void on_timer(uv_timer_t *timer) {
        struct reach_way *w = CONTAINER_OF(timer, struct reach_way, timer);
        if (w->link.open)
                helper_link_kill(&w->link);
        else
                ask(w);
}

/* ---- what is wanted ---- */

/* What was asked for may be over: addresses that change daily are no news, but the one that is open has to be there. Where there was
 * no way to ask, as before a machine's address is its own for sure, whatever changes may be it. */
static bool is_over(const struct reach_way *w) {
        return w->six && (w->mapped ? !is_inside(&w->wish, &w->at) : w->why == UNMAPPED_NO_ROUTER);
}

void reach_way_want(struct reach_way *w, const struct reach_wish *wish, bool anew) {
        bool other = wish->port != w->wish.port;
        w->wish = *wish;
        if (anew || other || is_over(w))
                ask(w);
}

void reach_way_rest(struct reach_way *w, enum wire_e_unmapped why) {
        bool was = w->mapped;
        leave(w);
        forget_way(w);
        w->wish = (struct reach_wish){.port = 0};
        w->again = false;
        w->why = why;
        if (was)
                listen_look(w->link.n);
}

void reach_way_init(struct reach_way *w, struct node *n, bool six) {
        static const struct helper_kind kinds[] = {
                [REACH_FOUR] = {.program = PORTER_ROUTER,
                                .name = "porchlight-router",
                                .find = wire_router_find,
                                .heard = on_heard,
                                .gone = on_gone},
                [REACH_SIX] = {.program = PORTER_ROUTER6,
                               .name = "porchlight-router",
                               .find = wire_router_find,
                               .heard = on_heard,
                               .gone = on_gone},
        };
        w->six = six;
        helper_link_init(&w->link, n, &kinds[six ? REACH_SIX : REACH_FOUR]);
        uv_timer_init(n->loop, &w->timer);
}
