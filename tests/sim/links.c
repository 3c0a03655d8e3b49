/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/byz.h"
#include "sim/world.h"

#include <stdlib.h>

#define SEGMENT 1448 /* bytes of a stream in an IP packet */
#define PIECE 4096   /* bytes of one RECV: streams come in slices */
#define DIAL_TIMEOUT (10 * SIM_SECOND)
#define SOCKET 131072                 /* bytes that wait with a reader before they wait with the writer */
#define STUCK_MOST (120 * SIM_SECOND) /* a connection whose bytes wait longer is gone */

static struct node_conn *find(struct node *n, mesh_link link, int *ret_side) {
        for (size_t i = n->n_conns; i-- > 0;) {
                const struct conn_end *at = &n->conns[i];
                if (at->link == link && at->conn->side[at->side].open) {
                        *ret_side = at->side;
                        return at->conn;
                }
        }
        return NULL;
}

static void remember(struct node *n, struct node_conn *c, int side) {
        if (n->n_conns == n->cap_conns) {
                n->cap_conns = n->cap_conns ? n->cap_conns * 2 : 16;
                n->conns = realloc(n->conns, n->cap_conns * sizeof(*n->conns));
                REQUIRE(n->conns);
        }
        n->conns[n->n_conns++] = (struct conn_end){c->side[side].link, side, c};
}

static void forget(struct node *n, const struct node_conn *c) {
        for (size_t i = 0; i < n->n_conns; i++)
                if (n->conns[i].conn == c) {
                        memmove(&n->conns[i], &n->conns[i + 1], (n->n_conns - i - 1) * sizeof(*n->conns));
                        n->n_conns--;
                        return;
                }
}

static void conn_free(struct world *w, struct node_conn *c) {
        for (int k = 0; k < 2; k++) {
                forget(&w->nodes[c->side[k].node], c);
                buf_fini(&c->held[k]);
        }
        list_drop(&c->on);
        free(c);
}

static void close_side(struct world *w, struct node_conn *c, int side) {
        c->side[side].open = false;
        if (!c->side[1 - side].open)
                conn_free(w, c);
}

/* ---- what arrives ---- */
static void on_recv(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        int side;
        struct node_conn *c = find(n, h->ev.link, &side);
        if (!node_on(n) || n->life != h->life || !c)
                return;
        h->ev.recv = buf_span(&h->bytes);
        c->side[1 - side].unread -= MIN(c->side[1 - side].unread, h->arg);
        world_feed(w, n, h->ev);
}

static void on_writable(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        int side;
        struct node_conn *c = find(n, h->ev.link, &side);
        if (!node_on(n) || n->life != h->life || !c)
                return;
        struct net_end *end = &c->side[side];
        end->waiting -= h->arg;
        h->ev.writable.backlog = end->waiting + (end->unread > SOCKET ? end->unread - SOCKET : 0);
        world_feed(w, n, h->ev);
}

static void on_up(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        int side;
        if (!node_on(n) || n->life != h->life)
                return;
        world_feed(w, n, h->ev);
        struct node_conn *c = find(n, h->ev.link, &side);
        if (c && n->core)
                c->side[side].at = link_find(n->core, h->ev.link);
}

/* The other side is gone: this one is told, and closed. */
static void on_down(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        int side;
        struct node_conn *c = find(n, h->ev.link, &side);
        if (c)
                close_side(w, c, side);
        if (node_on(n) && n->life == h->life && (c || h->arg))
                world_feed(w, n, h->ev);
}

/* @dialling: there is no connection yet that could be looked up. */
static void plan_down(struct world *w, uint32_t node, mesh_link link, uint64_t at, bool dialling) {
        struct happening *h = world_plan(w, at, node, on_down);
        h->ev = (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = link};
        h->arg = dialling;
}

/* ---- dialling ---- */
static uint32_t whose(const struct world *w, const struct node *n, const struct mesh_addr *addr) {
        const struct node *near = lans_private(addr) ? lans_whose(w, n, addr) : NULL;
        if (lans_private(addr))
                return near ? near->index : UINT32_MAX;
        uint32_t i = (uint32_t)addr->ip[13] << 16 | (uint32_t)addr->ip[14] << 8 | addr->ip[15];
        bool there = i < w->n && memcmp(addr->ip, w->nodes[i].addr.ip, sizeof(addr->ip)) == 0;
        return there && !lans_same(w, i, i) ? i : UINT32_MAX;
}

void links_dial(struct world *w, struct node *n, const struct mesh_action *a) {
        uint32_t to = whose(w, n, &a->dial);
        uint64_t fails = w->now + DIAL_TIMEOUT;
        w->dials++;
        world_say(w, "home %u: dials home %d as link %u (%u.%u.%u.%u)", n->index, (int)to, (unsigned)a->link,
                  a->dial.ip[12], a->dial.ip[13], a->dial.ip[14], a->dial.ip[15]);
        if (!lans_dialled(w, n, a, &fails) || to == UINT32_MAX || to == n->index ||
            !net_may_dial(&w->net, n->index, to) || walls_between(w, n->index, to) || lans_shut(w, n->index, to)) {
                plan_down(w, n->index, a->link, fails, true);
                return;
        }
        struct node *there = &w->nodes[to];
        uint64_t at = w->now + net_dial_time(&w->net);
        if (!node_on(there)) {
                plan_down(w, n->index, a->link, at, true);
                return;
        }
        struct node_conn *c = calloc(1, sizeof(*c));
        REQUIRE(c);
        c->side[0] = (struct net_end){.node = n->index, .link = a->link, .arrives = at, .open = true};
        c->side[1] = (struct net_end){.node = to, .link = ++there->accepted, .arrives = at, .open = true};
        list_push(&w->conns, &c->on);
        remember(n, c, 0);
        remember(there, c, 1);
        struct happening *up = world_plan(w, at, n->index, on_up);
        bool near = lans_same(w, n->index, to);
        up->ev = (struct mesh_event){
                .type = MESH_EV_LINK_UP, .link = a->link, .up = {.addr = a->dial, .dialled = true, .lan = near}};
        up = world_plan(w, at, to, on_up);
        up->ev = (struct mesh_event){.type = MESH_EV_LINK_UP,
                                     .link = there->accepted,
                                     .up = {.addr = lans_seen(w, n, &a->dial), .lan = near}};
        lans_found(w, there);
}

void links_join(struct world *w, struct node *calls, mesh_link link, struct node *called, mesh_link their) {
        uint64_t at = w->now + net_dial_time(&w->net);
        struct node_conn *c = calloc(1, sizeof(*c));
        REQUIRE(c);
        c->side[0] = (struct net_end){.node = calls->index, .link = link, .arrives = at, .open = true};
        c->side[1] = (struct net_end){.node = called->index, .link = their, .arrives = at, .open = true};
        list_push(&w->conns, &c->on);
        remember(calls, c, 0);
        remember(called, c, 1);
        struct happening *up = world_plan(w, at, calls->index, on_up);
        struct mesh_addr here = lans_seen(w, calls, &called->addr), there = lans_seen(w, called, &calls->addr);
        up->ev = (struct mesh_event){.type = MESH_EV_LINK_UP, .link = link, .up = {.addr = there, .dialled = true}};
        up = world_plan(w, at, called->index, on_up);
        up->ev = (struct mesh_event){.type = MESH_EV_LINK_UP, .link = their, .up = {.addr = here}};
}

/* ---- sending ---- */
/* Nothing of what a slow reader gets arrives before it has read it all, and some of them never do. */
static void deliver_slowly(struct world *w, struct node_conn *c, int side, struct span bytes, uint64_t rate) {
        struct net_end *from = &c->side[side], *to = &c->side[1 - side];
        from->unread += bytes.n;
        if (rate == BYZ_READS_NOTHING)
                return;
        from->read = MAX(from->read, from->arrives) + bytes.n * 1000 / rate;
        struct happening *h = world_plan(w, from->read, to->node, on_recv);
        h->ev = (struct mesh_event){.type = MESH_EV_RECV, .link = to->link};
        h->arg = bytes.n;
        buf_add(&h->bytes, bytes);
        REQUIRE(buf_ok(&h->bytes));
}

/* The shell tells of each link what of it waits: of the line behind it, which all of them share, it knows nothing. */
static void tell_writable(struct world *w, struct node_conn *c, int side, size_t n) {
        struct net_end *from = &c->side[side];
        struct happening *h = world_plan(w, w->net.uplink_free[from->node], from->node, on_writable);
        h->ev = (struct mesh_event){.type = MESH_EV_WRITABLE, .link = from->link};
        h->arg = n;
        h->link = from->at;
        h->conn = c;
        from->waiting += n;
}

static void deliver(struct world *w, struct node_conn *c, int side, struct span bytes) {
        struct net_end *from = &c->side[side], *to = &c->side[1 - side];
        uint64_t at = net_arrival(&w->net, from, to->node, bytes.n, w->now);
        uint64_t rate = byz_reads(w, to->node, to->link);
        if (rate != BYZ_READS_ALL) {
                deliver_slowly(w, c, side, bytes, rate);
                tell_writable(w, c, side, bytes.n);
                return;
        }
        for (size_t done = 0; done < bytes.n; done += PIECE) {
                struct happening *h = world_plan(w, at, to->node, on_recv);
                h->ev = (struct mesh_event){.type = MESH_EV_RECV, .link = to->link};
                h->link = to->at;
                h->conn = c;
                buf_add(&h->bytes, span_of(bytes.p + done, MIN((size_t)PIECE, bytes.n - done)));
                REQUIRE(buf_ok(&h->bytes));
        }
        tell_writable(w, c, side, bytes.n);
}

void links_send(struct world *w, struct node *n, const struct mesh_action *a) {
        int side;
        struct node_conn *c = find(n, a->link, &side);
        if (!c || n->mute)
                return;
        struct net_end *to = &c->side[1 - side];
        w->bytes += a->send.n;
        w->packets += (a->send.n + SEGMENT - 1) / SEGMENT;
        world_say(w, "home %u: sends %zu bytes to home %u", n->index, a->send.n, to->node);
        if (net_blocked(&w->net, n->index, to->node)) {
                c->stuck_since = c->stuck_since ? c->stuck_since : w->now;
                buf_add(&c->held[side], a->send);
                REQUIRE(buf_ok(&c->held[side]));
                return;
        }
        if (to->open)
                deliver(w, c, side, a->send);
        else if (node_on(&w->nodes[to->node])) /* it knows of no such connection, and says so */
                plan_down(w, n->index, a->link, w->now + net_dial_time(&w->net), false);
}

void links_hangup(struct world *w, struct node *n, mesh_link link) {
        int side;
        struct node_conn *c = find(n, link, &side);
        meets_hangup(w, n, link);
        if (!c || sabotage_clings(w, n))
                return;
        struct net_end *from = &c->side[side], *to = &c->side[1 - side];
        bool tell = to->open && !net_blocked(&w->net, n->index, to->node);
        if (tell)
                plan_down(w, to->node, to->link, net_arrival(&w->net, from, to->node, 0, w->now), false);
        close_side(w, c, side);
}

void links_cut(struct world *w, struct node *a, struct node *b) {
        for (size_t i = a->n_conns; i-- > 0;) {
                const struct node_conn *c = a->conns[i].conn;
                bool theirs = c->side[0].node == b->index || c->side[1].node == b->index;
                for (int k = 0; theirs && k < 2; k++)
                        plan_down(w, c->side[k].node, c->side[k].link, w->now + 1, false);
        }
}

void links_lost(struct world *w, struct node *n, bool silent) {
        for (size_t i = n->n_conns; i-- > 0 && i < n->n_conns;) {
                struct node_conn *c = n->conns[i].conn;
                int side = n->conns[i].side;
                struct net_end *to = &c->side[1 - side];
                if (to->open && !silent && !net_blocked(&w->net, n->index, to->node))
                        plan_down(w, to->node, to->link, w->now + net_dial_time(&w->net), false);
                close_side(w, c, side);
        }
}

void links_mended(struct world *w) {
        LIST_EACH (c, &w->conns, struct node_conn, on) {
                if (!c->stuck_since)
                        continue;
                bool dead = w->now - c->stuck_since > STUCK_MOST;
                c->stuck_since = 0;
                for (int k = 0; k < 2; k++) {
                        struct net_end *e = &c->side[k];
                        if (dead && e->open)
                                plan_down(w, e->node, e->link, w->now + 1, false);
                        else if (c->held[k].n && c->side[1 - k].open)
                                deliver(w, c, k, buf_span(&c->held[k]));
                        buf_clear(&c->held[k]);
                }
        }
}

void links_fini(struct world *w) {
        LIST_EACH (c, &w->conns, struct node_conn, on)
                conn_free(w, c);
}
