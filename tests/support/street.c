/* SPDX-License-Identifier: Apache-2.0 */
#include "support/street.h"

#include "base/buf.h"
#include "crypto/box.h"
#include "crypto/sign.h"
#include "roster/op.h"
#include "roster/ticket.h"
#include "support/disk.h"

#include <stdio.h>
#include <stdlib.h>

#define LATENCY_LEAST 5 /* ms a byte is on its way */
#define LATENCY_SPREAD 40
#define DISK_TIME 3 /* ms until a row is on disk */
#define PIECE 700   /* bytes of one RECV: streams come in slices */

struct end { /* one side of a connection */
        size_t home;
        mesh_link link;
        bool open;
};

struct conn {
        struct end side[2]; /* 0 dialled */
        uint64_t last[2];   /* time at which the last bytes sent by a side arrive */
        street_on_bytes on; /* of an attached test: what the home says */
        void *ctx;
};

struct home {
        struct mesh *core;
        struct mesh_config cfg;
        struct sign_key household;
        struct box_key seal;
        struct sign_key device;
        struct disk disk, copy;
        struct mesh_addr addr;
        bool shut; /* it can call out, and not be called */
        bool nat;  /* behind a router: it knows its inner address only */
        struct mesh_addr inner;
        bool lan;
        size_t beacons;
        uint8_t beacon[MESH_BEACON_BYTES]; /* the last */
        mesh_link accepted;
        uint64_t life; /* counts restarts: events of an earlier life are dropped */
        int64_t clock_off;
        bool replied;
        struct mesh_action reply;
        uint64_t command;
        struct {
                struct hash id;
                uint32_t homes;
        } handed[256];
        size_t n_handed;
};

struct happening {
        uint64_t at, order;
        size_t home;
        uint64_t life;
        struct mesh_event ev;
        struct buf bytes; /* RECV, LOADED, VERIFIED, HEARD: what the event points to */
        struct mesh_loaded *loaded;
};

struct street {
        struct home *homes;
        size_t n;
        uint64_t now, order;
        struct rng rng;
        struct happening *queue; /* a binary heap */
        size_t n_queue, cap_queue;
        struct conn *conns;
        size_t n_conns, cap_conns;
        bool *cuts;
        uint64_t *held; /* between two homes: bytes sent before this time arrive at it */
        char *ticket;
        uint64_t bytes;
        size_t stranger_home, stranger_back;
        bool stranger;
};

#define STRANGER SIZE_MAX

/* ---- the heap of what happens ---- */
static bool before(const struct happening *a, const struct happening *b) {
        return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct happening *a, struct happening *b) {
        struct happening t = *a;
        *a = *b;
        *b = t;
}

static struct happening *schedule(struct street *s, uint64_t at, size_t home, struct mesh_event ev) {
        if (s->n_queue == s->cap_queue) {
                s->cap_queue = s->cap_queue ? s->cap_queue * 2 : 256;
                s->queue = realloc(s->queue, s->cap_queue * sizeof(*s->queue));
                REQUIRE(s->queue);
        }
        size_t i = s->n_queue++;
        s->queue[i] = (struct happening){.at = at, .order = s->order++, .home = home, .ev = ev};
        s->queue[i].life = home < s->n ? s->homes[home].life : 0;
        for (; i && before(&s->queue[i], &s->queue[(i - 1) / 2]); i = (i - 1) / 2)
                swap(&s->queue[i], &s->queue[(i - 1) / 2]);
        return &s->queue[i];
}

static struct happening take(struct street *s) {
        struct happening first = s->queue[0];
        s->queue[0] = s->queue[--s->n_queue];
        for (size_t i = 0;;) {
                size_t least = i;
                for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < s->n_queue; c++)
                        if (before(&s->queue[c], &s->queue[least]))
                                least = c;
                if (least == i)
                        return first;
                swap(&s->queue[i], &s->queue[least]);
                i = least;
        }
}

/* ---- the network ---- */
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

static void dial(struct street *s, size_t from, const struct mesh_action *a) {
        size_t to = SIZE_MAX;
        for (size_t i = 0; i < s->n; i++)
                if (memcmp(&s->homes[i].addr, &a->dial, sizeof(a->dial)) == 0)
                        to = i;
        uint64_t at = s->now + latency(s);
        struct mesh_event ev = {.type = MESH_EV_LINK_DOWN, .link = a->link};
        if (to == SIZE_MAX || !s->homes[to].core || s->homes[to].shut || is_cut(s, from, to)) {
                schedule(s, at, from, ev);
                return;
        }
        struct home *h = &s->homes[to];
        struct end mine = {from, a->link, true}, theirs = {to, ++h->accepted, true};
        conn_add(s, mine, theirs);
        ev.type = MESH_EV_LINK_UP;
        ev.up.addr = a->dial;
        ev.up.dialled = true;
        schedule(s, at, from, ev);
        ev.link = theirs.link;
        ev.up.addr = s->homes[from].addr;
        ev.up.dialled = false;
        schedule(s, at, to, ev);
}

static void transmit(struct street *s, size_t from, const struct mesh_action *a) {
        int side;
        struct conn *c = conn_of(s, from, a->link, &side);
        s->bytes += a->send.n;
        if (!c)
                return;
        struct end *to = &c->side[1 - side];
        if (to->home == STRANGER) {
                s->stranger_back += a->send.n;
                if (c->on)
                        c->on(c->ctx, a->send, false);
                return;
        }
        if (is_cut(s, from, to->home) || !to->open)
                return;
        uint64_t at = MAX(s->now + latency(s), s->held[from * s->n + to->home]);
        at = c->last[side] = at > c->last[side] ? at : c->last[side]; /* a stream keeps its order */
        for (size_t done = 0; done < a->send.n; done += PIECE) {
                struct mesh_event ev = {.type = MESH_EV_RECV, .link = to->link};
                struct happening *h = schedule(s, at, to->home, ev);
                buf_add(&h->bytes, span_of(a->send.p + done, MIN((size_t)PIECE, a->send.n - done)));
        }
        struct mesh_event ev = {.type = MESH_EV_WRITABLE, .link = a->link};
        schedule(s, at, from, ev); /* held bytes wait at the sender */
}

static void hang_up(struct street *s, size_t from, mesh_link link) {
        int side;
        struct conn *c = conn_of(s, from, link, &side);
        if (!c)
                return;
        c->side[side].open = false;
        struct end *to = &c->side[1 - side];
        if (c->on)
                c->on(c->ctx, SPAN_NONE, true);
        if (!to->open || to->home == STRANGER)
                return;
        uint64_t at = s->now + latency(s);
        at = at > c->last[side] ? at : c->last[side];
        schedule(s, at, to->home, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = to->link});
        to->open = false;
}

/* Everybody on the local network hears it; a datagram may come twice. */
static void beacon(struct street *s, size_t from, const struct mesh_action *a) {
        struct home *h = &s->homes[from];
        if (!h->lan || CHECK_FAILS(a->beacons.n == sizeof(h->beacon)))
                return;
        h->beacons++;
        memcpy(h->beacon, a->beacons.p, sizeof(h->beacon));
        for (size_t i = 0; i < s->n; i++) {
                struct mesh_event ev = {.type = MESH_EV_HEARD, .heard = {.from = h->addr}};
                if (s->homes[i].lan && !is_cut(s, from, i))
                        buf_add(&schedule(s, s->now + latency(s), i, ev)->bytes, a->beacons);
        }
}

/* ---- performing actions ---- */
static void store(struct street *s, struct home *h, size_t i, const struct mesh_action *a) {
        bool ok = !h->disk.full;
        if (ok)
                disk_put(&h->disk, a->store);
        struct mesh_event ev = {.type = MESH_EV_STORED, .token = a->token, .stored = {.ok = ok}};
        schedule(s, s->now + DISK_TIME, i, ev);
}

static void load(struct street *s, struct home *h, size_t i, const struct mesh_action *a) {
        struct mesh_loaded *items = calloc(a->load.n, sizeof(*items));
        REQUIRE(items);
        for (size_t k = 0; k < a->load.n; k++) {
                items[k].id = a->load.ids[k];
                items[k].bytes = disk_bytes(&h->disk, &a->load.ids[k]);
        }
        struct mesh_event ev = {.type = MESH_EV_LOADED, .token = a->token, .loaded = {.items = items, .n = a->load.n}};
        schedule(s, s->now + DISK_TIME, i, ev)->loaded = items;
}

static void verify(struct street *s, size_t i, const struct mesh_action *a) {
        struct mesh_event ev = {.type = MESH_EV_VERIFIED, .token = a->token, .verified = {.n = a->verify.n}};
        struct happening *h = schedule(s, s->now, i, ev);
        for (size_t k = 0; k < a->verify.n; k++) {
                const struct mesh_verify *v = &a->verify.items[k];
                buf_add_u8(&h->bytes, sign_check(v->sig, &v->pub, v->domain, &v->what));
        }
}

static void handed(struct home *h, const struct mesh_action *a) {
        for (size_t k = 0; k < h->n_handed; k++) {
                if (memcmp(&h->handed[k].id, &a->handed.id, sizeof(struct hash)) != 0)
                        continue;
                h->handed[k].homes = a->handed.homes;
                return;
        }
        if (h->n_handed == ARRAY_LEN(h->handed))
                return;
        h->handed[h->n_handed].id = a->handed.id;
        h->handed[h->n_handed++].homes = a->handed.homes;
}

static void perform(struct street *s, size_t i, const struct mesh_action *a) {
        struct home *h = &s->homes[i];
        switch (a->type) {
        case MESH_DO_SEND:
                transmit(s, i, a);
                break;
        case MESH_DO_DIAL:
                dial(s, i, a);
                break;
        case MESH_DO_HANGUP:
                hang_up(s, i, a->link);
                break;
        case MESH_DO_BEACON:
                beacon(s, i, a);
                break;
        case MESH_DO_STORE:
                store(s, h, i, a);
                break;
        case MESH_DO_LOAD:
                load(s, h, i, a);
                break;
        case MESH_DO_VERIFY:
                verify(s, i, a);
                break;
        case MESH_DO_REPLY:
                if (a->token != h->command)
                        break;
                h->replied = true;
                h->reply = *a;
                if (a->reply.text.n) {
                        free(s->ticket);
                        s->ticket = calloc(1, a->reply.text.n + 1);
                        REQUIRE(s->ticket);
                        memcpy(s->ticket, a->reply.text.p, a->reply.text.n);
                }
                break;
        case MESH_DO_HANDED:
                handed(h, a);
                break;
        case MESH_DO_TRACE:
                if (getenv("STREET_TRACE"))
                        fprintf(stderr, "# %8llu home %zu: %.*s\n", (unsigned long long)s->now, i, (int)a->trace.n,
                                (const char *)a->trace.p);
                break;
        case MESH_DO_STATE:
                break;
        }
}

static void feed(struct street *s, size_t i, struct mesh_event ev) {
        struct home *h = &s->homes[i];
        struct mesh_action a;
        ev.now = s->now;
        int64_t wall = (int64_t)STREET_START + (int64_t)(s->now / 1000) + h->clock_off;
        ev.wall = wall > 0 ? (mesh_wall)wall : 0;
        REQUIRE(mesh_step(h->core, &ev) == 0);
        while (mesh_next(h->core, &a))
                perform(s, i, &a);
}

static void happen(struct street *s, struct happening *h) {
        struct home *home = &s->homes[h->home];
        if (home->core && home->life == h->life) {
                if (h->ev.type == MESH_EV_RECV)
                        h->ev.recv = buf_span(&h->bytes);
                if (h->ev.type == MESH_EV_HEARD)
                        h->ev.heard.datagram = buf_span(&h->bytes);
                if (h->ev.type == MESH_EV_VERIFIED)
                        h->ev.verified.good = (const bool *)h->bytes.p;
                feed(s, h->home, h->ev);
        }
        buf_fini(&h->bytes);
        free(h->loaded);
}

/* The next thing that happens no later than @until: an event on its way, or a home's own deadline. */
static bool step(struct street *s, uint64_t until) {
        uint64_t at = s->n_queue ? s->queue[0].at : UINT64_MAX;
        size_t who = SIZE_MAX;
        for (size_t i = 0; i < s->n; i++) {
                uint64_t due = s->homes[i].core ? mesh_deadline(s->homes[i].core) : UINT64_MAX;
                if (due < at) {
                        at = due;
                        who = i;
                }
        }
        if (at > until)
                return false;
        s->now = MAX(s->now, at);
        if (who == SIZE_MAX) {
                struct happening h = take(s);
                happen(s, &h);
        } else {
                feed(s, who, (struct mesh_event){.type = MESH_EV_TICK});
                if (mesh_deadline(s->homes[who].core) <= s->now)
                        s->now++; /* a deadline that does not move must not stop time */
        }
        return true;
}

void street_run_for(struct street *s, double seconds) {
        uint64_t until = s->now + (uint64_t)(seconds * 1000);
        while (step(s, until))
                ;
        s->now = MAX(s->now, until);
}

bool street_wait(struct street *s, double seconds, bool (*done)(struct street *s, void *ctx), void *ctx) {
        uint64_t until = s->now + (uint64_t)(seconds * 1000);
        while (!done(s, ctx))
                if (!step(s, until))
                        return done(s, ctx);
        return true;
}

/* ---- homes ---- */
static void tell_addresses(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        struct mesh_event lan = {.type = MESH_EV_LAN, .lan = {.ports = {h->addr.port}, .n = h->lan}};
        feed(s, i,
             (struct mesh_event){.type = MESH_EV_LISTENING,
                                 .listening = {.addrs = h->nat ? &h->inner : &h->addr, .n = 1}});
        if (h->lan)
                feed(s, i, lan);
}

void street_on(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        if (h->core)
                return;
        rng_bytes(&s->rng, h->cfg.seed, sizeof(h->cfg.seed));
        REQUIRE(mesh_new(&h->core, &h->cfg) == 0);
        h->life++;
        for (int kind = 0; kind < MESH_ROW_KINDS; kind++)
                for (size_t k = 0; k < h->disk.n; k++)
                        if ((int)h->disk.rows[k].row.kind == kind)
                                feed(s, i,
                                     (struct mesh_event){.type = MESH_EV_RESTORE, .restore = &h->disk.rows[k].row});
        feed(s, i, (struct mesh_event){.type = MESH_EV_START});
        tell_addresses(s, i);
}

void street_off(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        if (!h->core)
                return;
        for (size_t c = 0; c < s->n_conns; c++)
                for (int k = 0; k < 2; k++)
                        if (s->conns[c].side[k].home == i && s->conns[c].side[k].open)
                                hang_up(s, i, s->conns[c].side[k].link);
        h->core = mesh_free(h->core);
        h->life++;
}

static void home_init(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        rng_bytes(&s->rng, h->cfg.sign_seed, sizeof(h->cfg.sign_seed));
        rng_bytes(&s->rng, h->cfg.noise_secret.b, 32);
        rng_bytes(&s->rng, h->cfg.seal_secret.b, 32);
        h->cfg.built = STREET_START - 1000000;
        sign_key_new(&h->household, &s->rng);
        box_key_new(&h->seal, &s->rng);
        sign_key_from_seed(&h->device, h->cfg.sign_seed);
        uint8_t ip[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, (uint8_t)(i >> 8), (uint8_t)i};
        memcpy(h->addr.ip, ip, sizeof(ip));
        h->addr.port = 7345;
        street_on(s, i);
}

struct street *street_bare(size_t homes, uint64_t seed) {
        struct street *s = calloc(1, sizeof(*s));
        REQUIRE(s);
        uint8_t seed_bytes[32] = {0};
        put_be64(seed_bytes, seed);
        rng_init(&s->rng, seed_bytes);
        s->homes = calloc(homes, sizeof(*s->homes));
        s->cuts = calloc(homes * homes, sizeof(*s->cuts));
        s->held = calloc(homes * homes, sizeof(*s->held));
        REQUIRE(s->homes && s->cuts && s->held);
        s->n = homes;
        for (size_t i = 0; i < homes; i++)
                home_init(s, i);
        return s;
}

struct street *street_free(struct street *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++) {
                mesh_free(s->homes[i].core);
                disk_fini(&s->homes[i].disk);
                disk_fini(&s->homes[i].copy);
        }
        while (s->n_queue) {
                struct happening h = take(s);
                buf_fini(&h.bytes);
                free(h.loaded);
        }
        free(s->queue);
        free(s->conns);
        free(s->homes);
        free(s->cuts);
        free(s->held);
        free(s->ticket);
        free(s);
        return NULL;
}

static bool replied(struct street *s, void *ctx) {
        return s->homes[*(size_t *)ctx].replied;
}

static enum mesh_outcome command(struct street *s, size_t i, struct mesh_event ev, double seconds) {
        struct home *h = &s->homes[i];
        h->replied = false;
        ev.token = ++h->command;
        feed(s, i, ev);
        return street_wait(s, seconds, replied, &i) ? h->reply.reply.outcome : MESH_OUT_BUSY;
}

static void device_row(const struct home *h, struct wire_list *list, struct buf *keep_in, struct box_key *noise,
                       struct box_key *seal) {
        box_key_from_secret(noise, &h->cfg.noise_secret);
        box_key_from_secret(seal, &h->cfg.seal_secret);
        struct wire_device d = {.sign = SPAN_OF(h->device.pub.b),
                                .noise = SPAN_OF(noise->pub.b),
                                .seal = SPAN_OF(seal->pub.b),
                                .share = SHARE_WHOLE,
                                .name = SPAN_STR("hub")};
        wire_list_add(&wire_device_desc, list, keep_in, &d);
}

static struct span name_of(size_t i, char ret[16]) {
        snprintf(ret, 16, "Home %zu", i);
        return span_str(ret);
}

enum mesh_outcome street_found(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        _clean_(buf_fini) struct buf devices = BUF_NULL, op = BUF_NULL;
        struct box_key noise, seal;
        char name[16];
        struct wire_op w = {
                .type = OP_GENESIS, .household = SPAN_OF(h->household.pub.b), .time = STREET_START + s->now / 1000};
        WIRE_PUT(&w, OP, name, name_of(i, name));
        WIRE_PUT(&w, OP, seal, SPAN_OF(h->seal.pub.b));
        WIRE_PUT(&w, OP, mesh_name, SPAN_STR("Test Street"));
        WIRE_PUT(&w, OP, cell, UINT64_C(1) << 30 | 12345);
        device_row(h, &w.device, &devices, &noise, &seal);
        w.has |= UINT64_C(1) << OP_KEY_device;
        REQUIRE(op_make(&op, &w, NULL, &h->household) == 0);
        return command(s, i, (struct mesh_event){.type = MESH_EV_FOUND, .found = {.op = buf_span(&op)}}, 10);
}

enum mesh_outcome street_join(struct street *s, size_t i, const char *text) {
        struct home *h = &s->homes[i];
        _clean_(buf_fini) struct buf devices = BUF_NULL, invites = BUF_NULL, op = BUF_NULL, invite = BUF_NULL;
        struct box_key noise, seal;
        struct ticket t;
        char name[16];
        if (ticket_parse(&t, span_str(text)))
                return MESH_OUT_TICKET_BAD;
        struct wire_op w = {
                .type = OP_ADD, .household = SPAN_OF(h->household.pub.b), .time = STREET_START + s->now / 1000};
        WIRE_PUT(&w, OP, name, name_of(i, name));
        WIRE_PUT(&w, OP, seal, SPAN_OF(h->seal.pub.b));
        device_row(h, &w.device, &devices, &noise, &seal);
        w.has |= UINT64_C(1) << OP_KEY_device;
        ticket_invite(&t, &invite);
        struct wire_invite inv;
        REQUIRE(codec_decode(&wire_invite_desc, buf_span(&invite), &inv, NULL) == 0);
        wire_list_add(&wire_invite_desc, &w.invite, &invites, &inv);
        w.has |= UINT64_C(1) << OP_KEY_invite;
        REQUIRE(op_make_add(&op, &w, &t.mesh, &h->household, &t.invite) == 0);
        ticket_fini(&t);
        struct mesh_event ev = {.type = MESH_EV_JOIN, .join = {.op = buf_span(&op), .ticket = span_str(text)}};
        return command(s, i, ev, 60);
}

const char *street_invite(struct street *s, size_t i, uint32_t uses) {
        _clean_(buf_fini) struct buf keep_in = BUF_NULL;
        struct wire_addr w = {.port = s->homes[i].addr.port};
        struct mesh_event ev = {.type = MESH_EV_INVITE, .invite = {.uses = uses, .expires_in = 7 * 86400}};
        WIRE_PUT(&w, ADDR, ip4, span_of(s->homes[i].addr.ip + 12, 4));
        wire_list_add(&wire_addr_desc, &ev.invite.addrs, &keep_in, &w);
        return command(s, i, ev, 10) == MESH_OUT_DONE ? s->ticket : NULL;
}

void street_knock(struct street *s, size_t i, size_t at) {
        command(s, i, (struct mesh_event){.type = MESH_EV_DIAL, .dial = {.addr = s->homes[at].addr}}, 1);
}

enum mesh_outcome street_revoke(struct street *s, size_t i) {
        struct mesh_event ev = {.type = MESH_EV_REVOKE};
        struct mesh_ticket t;
        for (size_t k = 0; mesh_ticket_at(s->homes[i].core, k, &t); k++)
                ev.revoke.id = t.id;
        return command(s, i, ev, 10);
}

void street_sign(struct street *s, size_t i, enum wire_e_op type, size_t target, struct buf *out) {
        struct home *h = &s->homes[i];
        const struct roster *r = mesh_roster(h->core);
        const struct key *about = &s->homes[target].household.pub;
        struct hash parents[4];
        uint64_t seq = 0;
        size_t n = roster_parents(r, &h->household.pub, NULL, 0, parents, &seq);
        struct wire_op w = {.type = type,
                            .household = SPAN_OF(h->household.pub.b),
                            .seq = seq,
                            .parents = span_of(parents, n * sizeof(parents[0])),
                            .time = STREET_START + s->now / 1000};
        if (type == OP_INVITE_UNDO)
                WIRE_PUT(&w, OP, proposal, SPAN_OF(roster_home_op(r, roster_home_find(r, about))->id.b));
        else if (type != OP_LEAVE)
                WIRE_PUT(&w, OP, target, SPAN_OF(about->b));
        if (type == OP_REMOVE)
                WIRE_PUT(&w, OP, reason, SPAN_STR("test"));
        REQUIRE(op_make(out, &w, roster_mesh(r), &h->household) == 0);
}

enum mesh_outcome street_vote(struct street *s, size_t i, enum wire_e_op type, size_t target) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        double patience = type == OP_INVITE_UNDO ? 45 : 10; /* as long as the vault waits, where others are asked */
        street_sign(s, i, type, target, &op);
        return command(s, i, (struct mesh_event){.type = MESH_EV_OP, .operation = {.op = buf_span(&op)}}, patience);
}

struct street *street_new(size_t homes, uint64_t seed) {
        struct street *s = street_bare(homes, seed);
        REQUIRE(street_found(s, 0) == MESH_OUT_DONE);
        if (homes == 1)
                return s;
        const char *text = street_invite(s, 0, (uint32_t)homes - 1);
        REQUIRE(text);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, text);
        for (size_t i = 1; i < homes; i++)
                REQUIRE(street_join(s, i, buf_cstr(&ticket)) == MESH_OUT_DONE);
        return s;
}

static enum mesh_outcome publish(struct street *s, size_t i, const struct mesh_draft *d, struct hash *ret_id) {
        enum mesh_outcome o = command(s, i, (struct mesh_event){.type = MESH_EV_PUBLISH, .draft = d}, 10);
        if (o == MESH_OUT_DONE && ret_id)
                *ret_id = s->homes[i].reply.reply.id;
        return o;
}

enum mesh_outcome street_post(struct street *s, size_t i, enum wire_alert_kind kind, const char *text,
                              struct hash *ret_id) {
        struct mesh_draft d = {
                .type = RECORD_ALERT, .kind = (uint8_t)kind, .cell = UINT64_C(1) << 35 | 777, .text = span_str(text)};
        return publish(s, i, &d, ret_id);
}

enum mesh_outcome street_follow(struct street *s, size_t i, enum wire_e_record type, const struct hash *target,
                                const char *text, struct hash *ret_id) {
        struct mesh_draft d = {.type = (uint8_t)type, .target = *target, .text = span_str(text)};
        return publish(s, i, &d, ret_id);
}

/* ---- looking ---- */
bool street_has(const struct street *s, size_t i, const struct hash *id) {
        const struct disk_row *r = disk_record(&s->homes[i].disk, id);
        return r && r->readable;
}

bool street_body(const struct street *s, size_t i, const struct hash *id) {
        const struct disk_row *r = disk_record(&s->homes[i].disk, id);
        return r && r->row.record.bytes.n;
}

unsigned street_times(const struct street *s, size_t i, const struct hash *id) {
        const struct disk_row *r = disk_record(&s->homes[i].disk, id);
        return r ? r->times : 0;
}

size_t street_count(const struct street *s, size_t i) {
        size_t n = 0;
        for (size_t k = 0; k < s->homes[i].disk.n; k++) {
                const struct disk_row *r = &s->homes[i].disk.rows[k];
                n += r->row.kind == MESH_ROW_RECORD && r->row.record.type == RECORD_ALERT && r->readable;
        }
        return n;
}

uint32_t street_handed(const struct street *s, size_t i, const struct hash *id) {
        const struct home *h = &s->homes[i];
        for (size_t k = 0; k < h->n_handed; k++)
                if (memcmp(&h->handed[k].id, id, sizeof(*id)) == 0)
                        return h->handed[k].homes;
        return 0;
}

static bool all_have(struct street *s, void *ctx) {
        for (size_t i = 0; i < s->n; i++)
                if (s->homes[i].core && mesh_roster(s->homes[i].core) && !street_has(s, i, ctx))
                        return false;
        return true;
}

bool street_wait_all_have(struct street *s, const struct hash *id, double seconds) {
        struct hash copy = *id;
        return street_wait(s, seconds, all_have, &copy);
}

static bool current(struct street *s, void *ctx) {
        struct mesh_status st;
        mesh_status(s->homes[*(size_t *)ctx].core, &st);
        return st.state == FRESH_CURRENT;
}

bool street_wait_links(struct street *s, size_t i, double seconds) {
        return street_wait(s, seconds, current, &i);
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
                                schedule(s, s->now + 1, e->home,
                                         (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = e->link});
                        e->open = false;
                }
        }
}

void street_hold(struct street *s, size_t a, size_t b, double seconds) {
        s->held[a * s->n + b] = s->held[b * s->n + a] = s->now + (uint64_t)(seconds * 1000);
}

void street_lan(struct street *s, size_t i, bool on) {
        struct mesh_event off = {.type = MESH_EV_LAN};
        s->homes[i].lan = on;
        if (on && s->homes[i].core)
                tell_addresses(s, i);
        else if (s->homes[i].core)
                feed(s, i, off);
}

void street_move(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        for (size_t c = 0; c < s->n_conns; c++)
                for (int k = 0; k < 2; k++)
                        if (s->conns[c].side[k].home == i)
                                s->conns[c].side[0].open = s->conns[c].side[1].open = false;
        h->addr.ip[13]++;
        tell_addresses(s, i);
}

void street_place(struct street *s, size_t i, const uint8_t ip4[4]) {
        memcpy(s->homes[i].addr.ip + 12, ip4, 4);
        tell_addresses(s, i);
}

void street_nat(struct street *s, size_t i, const uint8_t ip4[4]) {
        struct home *h = &s->homes[i];
        h->nat = true;
        h->inner = h->addr;
        street_place(s, i, ip4);
}

void street_shut(struct street *s, size_t i) {
        s->homes[i].shut = true;
}

size_t street_beacons(const struct street *s, size_t i) {
        return s->homes[i].beacons;
}

struct span street_beacon(const struct street *s, size_t i) {
        return SPAN_OF(s->homes[i].beacon);
}

void street_heard(struct street *s, size_t i, size_t from, struct span datagram) {
        struct mesh_event ev = {.type = MESH_EV_HEARD, .heard = {.from = s->homes[from].addr, .datagram = datagram}};
        feed(s, i, ev);
}

void street_mend(struct street *s, size_t a, size_t b) {
        s->cuts[a * s->n + b] = s->cuts[b * s->n + a] = false;
}

void street_copy_disk(struct street *s, size_t i) {
        disk_fini(&s->homes[i].copy);
        disk_copy(&s->homes[i].disk, &s->homes[i].copy);
}

void street_old_disk(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        REQUIRE(!h->core);
        disk_fini(&h->disk);
        disk_copy(&h->copy, &h->disk);
}

void street_disk_full(struct street *s, size_t i, bool full) {
        s->homes[i].disk.full = full;
}

void street_clock(struct street *s, size_t i, int64_t off) {
        s->homes[i].clock_off = off;
}

struct mesh *street_core(struct street *s, size_t i) {
        return s->homes[i].core;
}

uint64_t street_bytes(const struct street *s) {
        return s->bytes;
}

size_t street_stranger(struct street *s, size_t i, struct span bytes) {
        struct end nowhere = {STRANGER, 0, true}, there = {i, ++s->homes[i].accepted, true};
        conn_add(s, nowhere, there);
        s->stranger_back = 0;
        struct mesh_event ev = {.type = MESH_EV_LINK_UP, .link = there.link};
        feed(s, i, ev);
        for (size_t done = 0; done < bytes.n; done += PIECE) {
                struct span piece = span_of(bytes.p + done, MIN((size_t)PIECE, bytes.n - done));
                feed(s, i, (struct mesh_event){.type = MESH_EV_RECV, .link = there.link, .recv = piece});
        }
        street_run_for(s, 60);
        return s->stranger_back;
}

/* ---- tests that are a peer themselves ---- */
const struct mesh_config *street_config(const struct street *s, size_t i) {
        return &s->homes[i].cfg;
}

const struct mesh_row *street_row(const struct street *s, size_t i, size_t k) {
        const struct disk *d = &s->homes[i].disk;
        return k < d->n ? &d->rows[k].row : NULL;
}

mesh_wall street_wall(const struct street *s) {
        return STREET_START + s->now / 1000;
}

mesh_link street_attach(struct street *s, size_t i, street_on_bytes on, void *ctx) {
        struct end nowhere = {STRANGER, 0, true}, there = {i, ++s->homes[i].accepted, true};
        struct conn *c = conn_add(s, nowhere, there);
        c->on = on;
        c->ctx = ctx;
        feed(s, i, (struct mesh_event){.type = MESH_EV_LINK_UP, .link = there.link});
        return there.link;
}

void street_attached_send(struct street *s, size_t i, mesh_link link, struct span bytes) {
        for (size_t done = 0; done < bytes.n; done += PIECE) {
                struct span piece = span_of(bytes.p + done, MIN((size_t)PIECE, bytes.n - done));
                feed(s, i, (struct mesh_event){.type = MESH_EV_RECV, .link = link, .recv = piece});
        }
}

void street_detach(struct street *s, size_t i, mesh_link link) {
        int side;
        struct conn *c = conn_of(s, i, link, &side);
        if (!c)
                return;
        c->on = NULL;
        c->side[side].open = false;
        feed(s, i, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = link});
}
