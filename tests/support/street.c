/* SPDX-License-Identifier: Apache-2.0 */
#include "support/recount.h"
#include "support/street_inside.h"

#include <stdio.h>
#include <stdlib.h>

#define DISK_TIME 3 /* ms until a row is on disk */

struct happening *street_plan(struct street *s, uint64_t at, size_t home, struct mesh_event ev) {
        struct happening *h = malloc(sizeof(*h));
        REQUIRE(h);
        *h = (struct happening){.home = home, .life = s->homes[home].life, .ev = ev, .bytes = BUF_NULL};
        agenda_add(&s->agenda, at, h);
        return h;
}

/* ---- performing actions ---- */
static void store(struct street *s, struct home *h, size_t i, const struct mesh_action *a) {
        bool ok = !h->disk.full;
        if (ok)
                disk_put(&h->disk, a->store);
        struct mesh_event ev = {.type = MESH_EV_STORED, .token = a->token, .stored = {.ok = ok}};
        street_plan(s, s->now + DISK_TIME, i, ev);
}

static void load(struct street *s, struct home *h, size_t i, const struct mesh_action *a) {
        struct mesh_loaded *items = calloc(a->load.n, sizeof(*items));
        REQUIRE(items);
        for (size_t k = 0; k < a->load.n; k++) {
                items[k].id = a->load.ids[k];
                items[k].damaged = disk_damaged(&h->disk, &a->load.ids[k]);
                items[k].bytes = items[k].damaged ? SPAN_NONE : disk_bytes(&h->disk, &a->load.ids[k]);
        }
        struct mesh_event ev = {.type = MESH_EV_LOADED, .token = a->token, .loaded = {.items = items, .n = a->load.n}};
        street_plan(s, s->now + DISK_TIME, i, ev)->loaded = items;
}

static void verify(struct street *s, size_t i, const struct mesh_action *a) {
        struct mesh_event ev = {.type = MESH_EV_VERIFIED, .token = a->token, .verified = {.n = a->verify.n}};
        struct happening *h = street_plan(s, s->now, i, ev);
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

static void keep_ticket(struct street *s, struct span text) {
        if (!text.n)
                return;
        free(s->ticket);
        s->ticket = calloc(1, text.n + 1);
        REQUIRE(s->ticket);
        memcpy(s->ticket, text.p, text.n);
}

static void perform(struct street *s, size_t i, const struct mesh_action *a) {
        struct home *h = &s->homes[i];
        switch (a->type) {
        case MESH_DO_SEND:
                street_net_send(s, i, a);
                break;
        case MESH_DO_DIAL:
                street_net_dial(s, i, a);
                break;
        case MESH_DO_HANGUP:
                street_net_hangup(s, i, a->link);
                break;
        case MESH_DO_BEACON:
                street_net_beacon(s, i, a);
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
                if (h->on_haul)
                        h->on_haul(h->haul_ctx, i, a);
                if (a->token != h->command)
                        break;
                h->replied = true;
                h->reply = *a;
                keep_ticket(s, a->reply.text);
                break;
        case MESH_DO_HANDED:
                handed(h, a);
                break;
        case MESH_DO_TRACE:
                if (getenv("STREET_TRACE"))
                        fprintf(stderr, "# %8llu home %zu: %.*s\n", (unsigned long long)s->now, i, (int)a->trace.n,
                                (const char *)a->trace.p);
                break;
        case MESH_DO_MEET:
        case MESH_DO_TELL:
                street_meet(s, i, a);
                break;
        case MESH_DO_LOOK_UP:
                street_look_up(s, i, a);
                break;
        case MESH_DO_HAUL_UP:
        case MESH_DO_HAUL_DOWN:
        case MESH_DO_HAUL:
                if (h->on_haul)
                        h->on_haul(h->haul_ctx, i, a);
                break;
        case MESH_DO_STATE:
                break;
        }
}

static mesh_wall home_wall(const struct street *s, size_t i) {
        int64_t wall = (int64_t)street_wall(s) + s->homes[i].clock_off;
        return wall > 0 ? (mesh_wall)wall : 0;
}

/* Its process ends, and whoever looks after it starts it again. */
static void perish(struct street *s, size_t i) {
        REQUIRE(s->mortal);
        street_off(s, i);
        street_on(s, i);
}

void street_feed(struct street *s, size_t i, struct mesh_event ev) {
        struct home *h = &s->homes[i];
        struct mesh_action a;
        ev.now = s->now;
        ev.wall = home_wall(s, i);
        if (mesh_step(h->core, &ev)) {
                perish(s, i);
                return;
        }
        while (mesh_next(h->core, &a))
                perform(s, i, &a);
        REQUIRE(recount_rests(h->core) && recount_said(h->core));
}

static void forget(struct happening *h) {
        buf_fini(&h->bytes);
        free(h->loaded);
        free(h);
}

/* The turn that began with the first of what happened ends with a TICK. */
static void gather(struct street *s, struct home *home, struct happening *h) {
        h->ev.more = home->busy && h->ev.type != MESH_EV_TICK;
        if (h->ev.type == MESH_EV_TICK)
                home->in_turn = false;
        if (!h->ev.more || home->in_turn)
                return;
        home->in_turn = true;
        street_plan(s, s->now + home->busy, h->home, (struct mesh_event){.type = MESH_EV_TICK});
}

static void happen(struct street *s, struct happening *h) {
        struct home *home = &s->homes[h->home];
        if (home->core && home->life == h->life && !home->asleep) {
                gather(s, home, h);
                if (h->ev.type == MESH_EV_RECV)
                        h->ev.recv = buf_span(&h->bytes);
                if (h->ev.type == MESH_EV_HEARD)
                        h->ev.heard.datagram = buf_span(&h->bytes);
                if (h->ev.type == MESH_EV_MET)
                        h->ev.met.map = buf_span(&h->bytes);
                if (h->ev.type == MESH_EV_LOOKED_UP)
                        h->ev.looked_up.addrs = (const struct mesh_addr *)(const void *)h->bytes.p;
                if (h->ev.type == MESH_EV_VERIFIED)
                        h->ev.verified.good = (const bool *)h->bytes.p;
                street_feed(s, h->home, h->ev);
        }
        forget(h);
}

/* The next thing that happens no later than @until: an event on its way, or a home's own deadline. */
static bool step(struct street *s, uint64_t until) {
        uint64_t at = agenda_next(&s->agenda);
        size_t who = SIZE_MAX;
        for (size_t i = 0; i < s->n; i++) {
                bool awake = s->homes[i].core && !s->homes[i].asleep;
                uint64_t due = awake ? mesh_deadline(s->homes[i].core) : UINT64_MAX;
                if (due < at) {
                        at = due;
                        who = i;
                }
        }
        if (at > until)
                return false;
        s->now = MAX(s->now, at);
        if (who == SIZE_MAX) {
                happen(s, agenda_take(&s->agenda, &at));
                return true;
        }
        street_feed(s, who, (struct mesh_event){.type = MESH_EV_TICK});
        if (mesh_deadline(s->homes[who].core) <= s->now)
                s->now++; /* a deadline that does not move must not stop time */
        return true;
}

void street_busy(struct street *s, size_t i, uint64_t ms) {
        s->homes[i].busy = ms;
}

void street_asleep(struct street *s, size_t i, bool asleep) {
        s->homes[i].asleep = asleep;
        if (asleep)
                street_dead(s, i);
        else
                street_feed(s, i, (struct mesh_event){.type = MESH_EV_LAN});
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

static bool replied(struct street *s, void *ctx) {
        return s->homes[*(size_t *)ctx].replied;
}

enum mesh_outcome street_command(struct street *s, size_t i, struct mesh_event ev, double seconds) {
        struct home *h = &s->homes[i];
        h->replied = false;
        ev.token = ++h->command;
        street_feed(s, i, ev);
        return street_wait(s, seconds, replied, &i) ? h->reply.reply.outcome : MESH_OUT_BUSY;
}

/* ---- footage ---- */
void street_on_haul(struct street *s, size_t i, street_haul_told on, void *ctx) {
        s->homes[i].on_haul = on;
        s->homes[i].haul_ctx = ctx;
}

enum mesh_outcome street_haul(struct street *s, size_t i, size_t to, mesh_link *ret_link) {
        struct mesh_event ev = {.type = MESH_EV_HAUL};
        struct sign_key device;
        sign_key_from_seed(&device, s->homes[to].cfg.sign_seed);
        ev.haul.device = device.pub;
        enum mesh_outcome o = street_command(s, i, ev, 120);
        *ret_link = o == MESH_OUT_DONE ? s->homes[i].reply.link : 0;
        return o;
}

void street_haul_end(struct street *s, size_t i, mesh_link link) {
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_HAUL_END, .link = link});
}

void street_haul_say(struct street *s, size_t i, mesh_link link, enum wire_link number, const void *msg) {
        _clean_(buf_fini) struct buf map = BUF_NULL;
        struct mesh_event ev = {.type = MESH_EV_HAUL_SAY, .link = link, .say = {.number = (uint8_t)number}};
        codec_encode(wire_link_find(number)->desc, msg, &map);
        REQUIRE(buf_ok(&map));
        ev.say.map = buf_span(&map);
        street_feed(s, i, ev);
}

/* ---- homes ---- */
void street_tell_addresses(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        struct mesh_event lan = {.type = MESH_EV_LAN, .lan = {.ports = {h->addr.port}, .n = h->lan}};
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_list names = {.count = 0};
        street_name_rows(h, &names, &store);
        street_feed(s, i,
                    (struct mesh_event){.type = MESH_EV_LISTENING,
                                        .listening = {.addrs = h->nat ? &h->inner : &h->addr,
                                                      .n = 1,
                                                      .outside = h->doorstep,
                                                      .hidden = h->hidden,
                                                      .udp_port = h->doorstep ? STREET_STUN : 0,
                                                      .names = names}});
        if (h->lan)
                street_feed(s, i, lan);
        if (h->helper)
                street_feed(s, i, (struct mesh_event){.type = MESH_EV_HELPER, .helper = {.there = true}});
        if (h->quota)
                street_feed(s, i, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = h->quota}});
}

static void restore(struct street *s, size_t i, int kind) {
        const struct disk *d = &s->homes[i].disk;
        mesh_wall now = MAX(home_wall(s, i), s->homes[i].cfg.built);
        uint64_t life = s->homes[i].life;
        for (size_t k = 0; k < d->n && s->homes[i].life == life; k++) {
                struct mesh_event ev = {.type = MESH_EV_RESTORE, .restore = &d->rows[k].row};
                if ((int)d->rows[k].row.kind == kind && disk_gives(&d->rows[k], now))
                        street_feed(s, i, ev);
        }
}

void street_on(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        if (h->core)
                return;
        rng_bytes(&s->rng, h->cfg.seed, sizeof(h->cfg.seed));
        while (mesh_new(&h->core, &h->cfg))
                REQUIRE(s->mortal);
        h->in_turn = false;
        uint64_t life = ++h->life;
        for (int kind = 0; kind < MESH_ROW_KINDS && h->life == life; kind++)
                restore(s, i, kind);
        if (h->life == life && h->hidden)
                street_feed(s, i, (struct mesh_event){.type = MESH_EV_LISTENING, .listening = {.hidden = true}});
        if (h->life == life) /* else it has ended meanwhile, and was started again */
                street_feed(s, i, (struct mesh_event){.type = MESH_EV_START});
        if (h->life == life)
                street_tell_addresses(s, i);
}

void street_off(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        if (!h->core)
                return;
        street_net_off(s, i);
        h->core = mesh_free(h->core);
        h->life++;
}

static void home_init(struct street *s, size_t i) {
        struct home *h = &s->homes[i];
        rng_bytes(&s->rng, h->cfg.sign_seed, sizeof(h->cfg.sign_seed));
        rng_bytes(&s->rng, h->cfg.noise_secret.b, 32);
        rng_bytes(&s->rng, h->cfg.seal_secret.b, 32);
        h->cfg.built = STREET_START - 1000000;
        household_new(&h->house, i, &s->rng);
        uint8_t ip[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, (uint8_t)(i >> 8), (uint8_t)i};
        memcpy(h->addr.ip, ip, sizeof(ip));
        h->addr.port = 7345;
        street_on(s, i);
}

static struct street *bare(size_t homes, uint64_t seed, bool mortal) {
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
        s->mortal = mortal;
        for (size_t i = 0; i < homes; i++)
                home_init(s, i);
        return s;
}

struct street *street_bare(size_t homes, uint64_t seed) {
        return bare(homes, seed, false);
}

struct street *street_bare_mortal(size_t homes, uint64_t seed) {
        return bare(homes, seed, true);
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

struct street *street_free(struct street *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++) {
                mesh_free(s->homes[i].core);
                disk_fini(&s->homes[i].disk);
                disk_fini(&s->homes[i].copy);
        }
        struct happening *h;
        uint64_t at;
        while ((h = agenda_take(&s->agenda, &at)))
                forget(h);
        agenda_fini(&s->agenda);
        free(s->conns);
        free(s->meetings);
        free(s->apart);
        free(s->homes);
        free(s->cuts);
        free(s->held);
        free(s->ticket);
        free(s);
        return NULL;
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

void street_disk_damage(struct street *s, size_t i, const struct hash *id) {
        disk_damage(&s->homes[i].disk, id);
}

bool street_disk_damaged(const struct street *s, size_t i, const struct hash *id) {
        return disk_damaged(&s->homes[i].disk, id);
}

void street_disk_lose(struct street *s, size_t i, const struct hash *id) {
        disk_lose(&s->homes[i].disk, id);
}

void street_disk_full(struct street *s, size_t i, bool full) {
        s->homes[i].disk.full = full;
}

void street_clock(struct street *s, size_t i, int64_t off) {
        s->homes[i].clock_off = off;
}

void street_lan(struct street *s, size_t i, bool on) {
        struct mesh_event off = {.type = MESH_EV_LAN};
        s->homes[i].lan = on;
        if (on && s->homes[i].core)
                street_tell_addresses(s, i);
        else if (s->homes[i].core)
                street_feed(s, i, off);
}

void street_place(struct street *s, size_t i, const uint8_t ip4[4]) {
        memcpy(s->homes[i].addr.ip + 12, ip4, 4);
        street_tell_addresses(s, i);
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

void street_silent(struct street *s, size_t i) {
        s->homes[i].shut = s->homes[i].silent = true;
}

void street_heard(struct street *s, size_t i, size_t from, struct span datagram) {
        struct mesh_event ev = {.type = MESH_EV_HEARD, .heard = {.from = s->homes[from].addr, .datagram = datagram}};
        street_feed(s, i, ev);
}
