/* SPDX-License-Identifier: Apache-2.0 */
/* What lies between the homes: connections that take their time and keep their order, cuts, and guests that are tests. */
#include "support/street_inside.h"

#include <stdlib.h>

#define LATENCY_LEAST 5 /* ms a byte is on its way */
#define LATENCY_SPREAD 40
#define PIECE 700 /* bytes of one RECV: streams come in slices */

static uint64_t latency(struct street *s) {
        return LATENCY_LEAST + rng_below(&s->rng, LATENCY_SPREAD);
}

static struct conn *conn_of(struct street *s, size_t home, mesh_link link, int *ret_side) {
        for (size_t i = s->n_conns; i-- > 0;)
                for (int k = 0; k < 2; k++)
                        if (s->conns[i].side[k].home == home && s->conns[i].side[k].link == link &&
                            s->conns[i].side[k].open) {
                                *ret_side = k;
                                return &s->conns[i];
                        }
        return NULL;
}

#define SILENT_TIME 10000 /* ms: DIAL_TIME in src/node/conn.c */

static struct conn *conn_add(struct street *s, struct end a, struct end b) {
        if (s->n_conns == s->cap_conns) {
                s->cap_conns = s->cap_conns ? s->cap_conns * 2 : 64;
                s->conns = realloc(s->conns, s->cap_conns * sizeof(*s->conns));
                REQUIRE(s->conns);
        }
        s->conns[s->n_conns] = (struct conn){.side = {a, b}};
        return &s->conns[s->n_conns++];
}

static bool is_cut(const struct street *s, size_t a, size_t b) {
        return a < s->n && b < s->n && s->cuts[a * s->n + b];
}

void street_net_dial(struct street *s, size_t from, const struct mesh_action *a) {
        size_t to = SIZE_MAX;
        for (size_t i = 0; i < s->n; i++)
                if (memcmp(&s->homes[i].addr, &a->dial, sizeof(a->dial)) == 0)
                        to = i;
        uint64_t at = s->now + latency(s);
        struct mesh_event ev = {.type = MESH_EV_LINK_DOWN, .link = a->link};
        if (to == SIZE_MAX ? s->deaf : s->homes[to].silent || s->homes[to].asleep)
                at = s->now + SILENT_TIME;
        if (to == SIZE_MAX || !s->homes[to].core || s->homes[to].shut || s->homes[to].asleep || is_cut(s, from, to)) {
                street_plan(s, at, from, ev);
                return;
        }
        struct home *h = &s->homes[to];
        struct end mine = {from, a->link, true}, theirs = {to, ++h->accepted, true};
        conn_add(s, mine, theirs);
        ev.type = MESH_EV_LINK_UP;
        ev.up.addr = a->dial;
        ev.up.dialled = true;
        street_plan(s, at, from, ev);
        ev.link = theirs.link;
        ev.up.addr = s->homes[from].addr;
        ev.up.dialled = false;
        street_plan(s, at, to, ev);
}

void street_net_join(struct street *s, struct end calls, struct end called) {
        uint64_t at = s->now + latency(s);
        struct mesh_event ev = {.type = MESH_EV_LINK_UP, .link = calls.link};
        calls.open = called.open = true;
        conn_add(s, calls, called);
        ev.up.addr = s->homes[called.home].addr;
        ev.up.dialled = true;
        street_plan(s, at, calls.home, ev);
        ev.link = called.link;
        ev.up.addr = s->homes[calls.home].addr;
        ev.up.dialled = false;
        street_plan(s, at, called.home, ev);
}

void street_net_send(struct street *s, size_t from, const struct mesh_action *a) {
        int side;
        struct conn *c = conn_of(s, from, a->link, &side);
        s->bytes += a->send.n;
        if (!c)
                return;
        struct end *to = &c->side[1 - side];
        if (to->home == STRANGER) {
                s->to_nobody += a->send.n;
                if (c->on)
                        c->on(c->ctx, a->send, false);
                street_plan(s, s->now + 1, from, (struct mesh_event){.type = MESH_EV_WRITABLE, .link = a->link});
                return;
        }
        if (is_cut(s, from, to->home) || !to->open)
                return;
        uint64_t at = MAX(s->now + latency(s), s->held[from * s->n + to->home]);
        at = c->last[side] = MAX(at, c->last[side]); /* a stream keeps its order */
        for (size_t done = 0; done < a->send.n; done += PIECE) {
                struct mesh_event ev = {.type = MESH_EV_RECV, .link = to->link};
                struct happening *h = street_plan(s, at, to->home, ev);
                buf_add(&h->bytes, span_of(a->send.p + done, MIN((size_t)PIECE, a->send.n - done)));
        }
        struct mesh_event ev = {.type = MESH_EV_WRITABLE, .link = a->link};
        street_plan(s, at, from, ev); /* held bytes wait at the sender */
}

void street_net_hangup(struct street *s, size_t from, mesh_link link) {
        int side;
        struct conn *c = conn_of(s, from, link, &side);
        street_meet_hangup(s, from, link);
        if (!c)
                return;
        c->side[side].open = false;
        struct end *to = &c->side[1 - side];
        if (c->on)
                c->on(c->ctx, SPAN_NONE, true);
        if (!to->open || to->home == STRANGER)
                return;
        uint64_t at = s->now + latency(s);
        at = MAX(at, c->last[side]);
        street_plan(s, at, to->home, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = to->link});
        to->open = false;
}

void street_net_off(struct street *s, size_t i) {
        street_meet_off(s, i);
        for (size_t c = 0; c < s->n_conns; c++)
                for (int k = 0; k < 2; k++)
                        if (s->conns[c].side[k].home == i && s->conns[c].side[k].open)
                                street_net_hangup(s, i, s->conns[c].side[k].link);
}

/* Everybody on the local network hears it. */
void street_net_beacon(struct street *s, size_t from, const struct mesh_action *a) {
        struct home *h = &s->homes[from];
        if (!h->lan || CHECK_FAILS(a->beacons.n == sizeof(h->beacon)))
                return;
        h->beacons++;
        memcpy(h->beacon, a->beacons.p, sizeof(h->beacon));
        for (size_t i = 0; i < s->n; i++) {
                struct mesh_event ev = {.type = MESH_EV_HEARD, .heard = {.from = h->addr}};
                if (s->homes[i].lan && !is_cut(s, from, i))
                        buf_add(&street_plan(s, s->now + latency(s), i, ev)->bytes, a->beacons);
        }
}

void street_cut(struct street *s, size_t a, size_t b) {
        s->cuts[a * s->n + b] = s->cuts[b * s->n + a] = true;
        for (size_t c = 0; c < s->n_conns; c++) {
                struct end *x = &s->conns[c].side[0], *y = &s->conns[c].side[1];
                if ((x->home != a || y->home != b) && (x->home != b || y->home != a))
                        continue;
                for (int k = 0; k < 2; k++) {
                        struct end *e = &s->conns[c].side[k];
                        if (e->open)
                                street_plan(s, s->now + 1, e->home,
                                            (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = e->link});
                        e->open = false;
                }
        }
}

void street_mend(struct street *s, size_t a, size_t b) {
        s->cuts[a * s->n + b] = s->cuts[b * s->n + a] = false;
}

void street_hold(struct street *s, size_t a, size_t b, double seconds) {
        s->held[a * s->n + b] = s->held[b * s->n + a] = s->now + (uint64_t)(seconds * 1000);
}

void street_dead(struct street *s, size_t i) {
        for (size_t c = 0; c < s->n_conns; c++)
                for (int k = 0; k < 2; k++)
                        if (s->conns[c].side[k].home == i)
                                s->conns[c].side[0].open = s->conns[c].side[1].open = false;
}

void street_move(struct street *s, size_t i) {
        street_dead(s, i);
        s->homes[i].addr.ip[13]++;
        street_tell_addresses(s, i);
}

mesh_link street_attach(struct street *s, size_t i, street_on_bytes on, void *ctx) {
        struct end nowhere = {STRANGER, 0, true}, there = {i, ++s->homes[i].accepted, true};
        struct conn *c = conn_add(s, nowhere, there);
        c->on = on;
        c->ctx = ctx;
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_LINK_UP, .link = there.link});
        return there.link;
}

void street_attached_send(struct street *s, size_t i, mesh_link link, struct span bytes) {
        for (size_t done = 0; done < bytes.n; done += PIECE) {
                struct span piece = span_of(bytes.p + done, MIN((size_t)PIECE, bytes.n - done));
                street_feed(s, i, (struct mesh_event){.type = MESH_EV_RECV, .link = link, .recv = piece});
        }
}

void street_detach(struct street *s, size_t i, mesh_link link) {
        int side;
        struct conn *c = conn_of(s, i, link, &side);
        if (!c)
                return;
        c->on = NULL;
        c->side[side].open = false;
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = link});
}

size_t street_stranger(struct street *s, size_t i, struct span bytes) {
        s->to_nobody = 0;
        street_attached_send(s, i, street_attach(s, i, NULL, NULL), bytes);
        street_run_for(s, 60);
        return s->to_nobody;
}
