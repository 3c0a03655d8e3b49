/* SPDX-License-Identifier: Apache-2.0 */
#include "support/lone.h"

#include "crypto/sign.h"

#include <stdlib.h>

#define STILL_MOST 64 /* TICKs at one moment until a deadline must have moved */

static void pend(struct lone *l, struct lone_pending p) {
        REQUIRE(l->n_pending < LONE_PENDING);
        l->pending[l->n_pending++] = p;
}

static struct span bytes_of(const struct lone *l, const struct hash *id) {
        const struct mesh_row *row;
        for (size_t k = 0; (row = street_row(l->s, l->home, k)); k++) {
                if (row->kind == MESH_ROW_RECORD && hash_eq(&row->record.id, id))
                        return row->record.bytes;
                if (row->kind == MESH_ROW_PROOF && hash_eq(&row->proof.id, id))
                        return row->proof.bytes;
        }
        return SPAN_NONE;
}

static void load(struct lone *l, const struct mesh_action *a) {
        struct lone_pending p = {.ev = {.type = MESH_EV_LOADED, .token = a->token}};
        p.loaded = calloc(a->load.n, sizeof(*p.loaded));
        REQUIRE(p.loaded);
        for (size_t i = 0; i < a->load.n; i++) {
                p.loaded[i] = (struct mesh_loaded){a->load.ids[i], bytes_of(l, &a->load.ids[i])};
        }
        p.ev.loaded.items = p.loaded;
        p.ev.loaded.n = a->load.n;
        pend(l, p);
}

static void verify(struct lone *l, const struct mesh_action *a) {
        struct lone_pending p = {.ev = {.type = MESH_EV_VERIFIED, .token = a->token}};
        p.good = calloc(a->verify.n, sizeof(*p.good));
        REQUIRE(p.good);
        for (size_t i = 0; i < a->verify.n; i++) {
                const struct mesh_verify *v = &a->verify.items[i];
                p.good[i] = sign_check(v->sig, &v->pub, (enum domain)v->domain, &v->what);
        }
        p.ev.verified.good = p.good;
        p.ev.verified.n = a->verify.n;
        pend(l, p);
}

/* What porchlight-ice is told are rows it takes, of a meeting that was begun, and no more addresses than it has room for. */
static void told(struct lone *l, const struct mesh_action *a) {
        const struct wire_number *row = wire_ice_find(a->tell.number);
        union wire_any msg;
        REQUIRE(l->meets && row && codec_decode(row->desc, a->tell.map, &msg, NULL) == 0);
        REQUIRE(a->tell.number == ICE_WORDS || a->tell.number == ICE_CANDIDATE || a->tell.number == ICE_ALL);
        l->tells++;
}

static struct guest *guest_at(struct lone *l, mesh_link link) {
        return link == LONE_LINK ? &l->g : link == LONE_OTHER ? &l->other : NULL;
}

static void perform(struct lone *l, const struct mesh_action *a) {
        struct guest *g = guest_at(l, a->link);
        switch (a->type) {
        case MESH_DO_SEND:
                if (g && g->cfg.mesh)
                        guest_take(g, a->send, false);
                break;
        case MESH_DO_DIAL:
                pend(l, (struct lone_pending){.ev = {.type = MESH_EV_LINK_DOWN, .link = a->link}});
                break;
        case MESH_DO_HANGUP:
                if (g)
                        g->gone = true;
                break;
        case MESH_DO_STORE:
                l->stored[a->store->kind]++;
                if (l->slow) {
                        REQUIRE(l->n_late < LONE_LATE);
                        l->late[l->n_late++] = a->token;
                        break;
                }
                pend(l,
                     (struct lone_pending){.ev = {.type = MESH_EV_STORED, .token = a->token, .stored = {.ok = true}}});
                break;
        case MESH_DO_LOAD:
                load(l, a);
                break;
        case MESH_DO_VERIFY:
                verify(l, a);
                break;
        case MESH_DO_REPLY:
        case MESH_DO_HANDED:
        case MESH_DO_BEACON:
        case MESH_DO_STATE:
        case MESH_DO_HAUL_UP:
        case MESH_DO_HAUL_DOWN:
        case MESH_DO_HAUL:
        case MESH_DO_TRACE:
                break;
        case MESH_DO_MEET: /* its helper says nothing by itself: a test does */
                l->meets++;
                l->met = a->link;
                break;
        case MESH_DO_TELL:
                told(l, a);
                break;
        case MESH_DO_LOOK_UP: /* no name leads anywhere */
                break;
        }
}

static void step(struct lone *l, struct mesh_event ev) {
        struct mesh_action a;
        ev.now = l->now;
        ev.wall = street_wall(l->s) + l->now / 1000;
        REQUIRE(mesh_step(l->m, &ev) == 0);
        while (mesh_next(l->m, &a))
                perform(l, &a);
        REQUIRE(base_checks_failed() == 0);
}

static void settle(struct lone *l) {
        for (size_t i = 0; i < l->n_pending; i++) {
                struct lone_pending p = l->pending[i];
                step(l, p.ev);
                free(p.good);
                free(p.loaded);
                if (i + 1 == l->n_pending || i + 64 < LONE_PENDING)
                        continue;
                memmove(l->pending, l->pending + i + 1, (l->n_pending - i - 1) * sizeof(l->pending[0]));
                l->n_pending -= i + 1;
                i = SIZE_MAX;
        }
        l->n_pending = 0;
}

void lone_event(struct lone *l, struct mesh_event ev) {
        step(l, ev);
        settle(l);
}

/* The link key in force, from the disk. */
static const struct mesh_row *epoch_row(const struct lone *l) {
        const struct mesh_row *row, *best = NULL;
        for (size_t k = 0; (row = street_row(l->s, l->home, k)); k++)
                if (row->kind == MESH_ROW_EPOCH && row->epoch.has_key)
                        best = row;
        return best;
}

static void shake(struct lone *l, struct guest *g, const struct key *noise_secret) {
        const struct mesh_row *e = epoch_row(l);
        REQUIRE(e);
        guest_start(g, roster_mesh(mesh_roster(l->m)), noise_secret, &e->epoch.link_key, &l->rng);
        lone_flush(l);
        lone_flush(l);
        REQUIRE(guest_open(g));
}

void lone_second(struct lone *l, size_t home) {
        lone_event(l, (struct mesh_event){.type = MESH_EV_LINK_UP, .link = LONE_OTHER});
        shake(l, &l->other, &street_config(l->s, home)->noise_secret);
}

void lone_start(struct lone *l, const struct street *s, size_t home, enum lone_guest who) {
        static const uint8_t seed[32] = {77};
        const struct mesh_row *row;
        *l = (struct lone){.s = s, .home = home, .now = 1000};
        rng_init(&l->rng, seed);
        REQUIRE(mesh_new(&l->m, street_config(s, home)) == 0);
        for (int kind = 0; kind < MESH_ROW_KINDS; kind++)
                for (size_t k = 0; (row = street_row(s, home, k)); k++)
                        if ((int)row->kind == kind)
                                lone_event(l, (struct mesh_event){.type = MESH_EV_RESTORE, .restore = row});
        lone_event(l, (struct mesh_event){.type = MESH_EV_START});
        lone_event(l, (struct mesh_event){.type = MESH_EV_LINK_UP, .link = LONE_LINK});
        if (who == LONE_STRANGER)
                shake(l, &l->g, &(struct key){{5, 5, 5}});
        if (who == LONE_MEMBER)
                shake(l, &l->g, &street_config(s, 1)->noise_secret);
}

void lone_greeted(struct lone *l, struct street *s) {
        street_run_for(s, 60);
        street_off(s, 0);
        street_off(s, 1);
        lone_start(l, s, 0, LONE_MEMBER);
        guest_hello(&l->g, street_wall(s), false);
        lone_flush(l);
}

void lone_end(struct lone *l) {
        if (l->g.cfg.mesh)
                guest_end(&l->g);
        if (l->other.cfg.mesh)
                guest_end(&l->other);
        mesh_free(l->m);
        rng_fini(&l->rng);
}

void lone_recv(struct lone *l, struct span bytes) {
        lone_event(l, (struct mesh_event){.type = MESH_EV_RECV, .link = LONE_LINK, .recv = bytes});
}

static void flush(struct lone *l, struct guest *g, mesh_link link) {
        _clean_(buf_fini) struct buf out = g->out;
        g->out = BUF_NULL;
        lone_event(l, (struct mesh_event){.type = MESH_EV_RECV, .link = link, .recv = buf_span(&out)});
        lone_event(l, (struct mesh_event){.type = MESH_EV_WRITABLE, .link = link});
}

void lone_flush(struct lone *l) {
        flush(l, &l->g, LONE_LINK);
        if (l->other.cfg.mesh)
                flush(l, &l->other, LONE_OTHER);
}

void lone_wait(struct lone *l, uint64_t ms) {
        l->now += ms;
        for (int i = 0; i < STILL_MOST; i++) {
                lone_event(l, (struct mesh_event){.type = MESH_EV_TICK});
                if (mesh_deadline(l->m) > l->now)
                        return;
        }
        REQUIRE(!"the deadline stands still");
}

void lone_stored(struct lone *l) {
        for (size_t i = 0; i < l->n_late; i++)
                lone_event(l, (struct mesh_event){.type = MESH_EV_STORED, .token = l->late[i], .stored = {.ok = true}});
        l->n_late = 0;
}

void lone_author(const struct lone *l, size_t home, struct guest_author *ret) {
        const struct mesh_row *e = epoch_row(l);
        *ret = (struct guest_author){
                .mesh = *roster_mesh(mesh_roster(l->m)), .group = e->epoch.key, .key_day = e->epoch.day};
        memcpy(ret->epoch, e->epoch.id, sizeof(ret->epoch));
        sign_key_from_seed(&ret->device, street_config(l->s, home)->sign_seed);
}
