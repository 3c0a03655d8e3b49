/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way round: two homes for which no pair of addresses works, or of which one is hidden, or has nothing that could find a
 * way, agree on a third one that passes bytes on between them. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "core/relay.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NEWCOMERS 5 /* seconds until those who have joined are linked */

static uint64_t seed;

/* ---- a street behind routers ---- */
/* Home 0 founds. The first @doors homes can be called, know it, and pass bytes on; the others can call out, and have helpers; the
 * last @hidden of them have told nobody where they are. */
static struct street *street_with(size_t homes, size_t doors, size_t hidden) {
        struct street *s = street_bare(homes, seed);
        for (size_t i = 0; i < homes; i++) {
                if (i < doors)
                        street_doorstep(s, i);
                else
                        street_shut(s, i);
                street_helper(s, i, i >= doors);
                if (i >= homes - hidden)
                        street_hide(s, i);
        }
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < homes; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        for (size_t i = 0; i < doors; i++)
                street_feed(s, i, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = 1000000000}});
        return s;
}

static struct street *street_of(size_t homes, size_t doors) {
        return street_with(homes, doors, 0);
}

static const struct key *device(struct street *s, size_t i) {
        return &street_core(s, i)->sign.pub;
}

static struct link *link_of(struct street *s, size_t a, size_t b) {
        return link_to_device(street_core(s, a), device(s, b));
}

struct pair {
        size_t a, b;
};

static bool linked(struct street *s, void *ctx) {
        const struct pair *p = ctx;
        return link_of(s, p->a, p->b) && link_of(s, p->b, p->a);
}

static bool relayed(struct street *s, void *ctx) {
        const struct pair *p = ctx;
        const struct link *x = link_of(s, p->a, p->b), *y = link_of(s, p->b, p->a);
        return x && y && x->room && y->room;
}

static bool wait_relayed(struct street *s, size_t a, size_t b, double seconds) {
        struct pair p = {a, b};
        return street_wait(s, seconds, relayed, &p);
}

static struct link *haul_of(struct street *s, size_t a, size_t b) {
        LINK_EACH(l, street_core(s, a)) {
                if (l->state == LINK_HAUL && key_eq(&l->device, device(s, b)))
                        return l;
        }
        return NULL;
}

/* ---- no way ---- */
/* The helpers of both find that there is none. Within the time of one meeting the two are linked all the same. */
static void test_no_way(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_apart(s, 1, 2);
        assert_true(wait_relayed(s, 1, 2, 900));
        assert_true(street_met(s, 1) >= 1 && street_met(s, 2) >= 1);
        assert_true(link_of(s, 1, 2)->dialled != link_of(s, 2, 1)->dialled);
        assert_true(key_eq(&link_of(s, 1, 2)->room->doorstep, device(s, 0)));
        size_t met = street_met(s, 1) + street_met(s, 2);
        street_run_for(s, MEETS_VAIN_TIME / 1000); /* it stays, and they look no more than once in that time */
        assert_true(wait_relayed(s, 1, 2, 1));
        assert_in_range(street_met(s, 1) + street_met(s, 2), met, met + 2);
        street_free(s);
}

/* When the doorstep goes, so does the link; with another one it comes about again. */
static void test_another(void **state) {
        (void)state;
        struct street *s = street_of(4, 2);
        street_apart(s, 2, 3);
        assert_true(wait_relayed(s, 2, 3, 1800));
        struct key door = link_of(s, 2, 3)->room->doorstep;
        size_t gone = key_eq(&door, device(s, 0)) ? 0 : 1;
        street_off(s, gone);
        street_run_for(s, 5);
        assert_true(wait_relayed(s, 2, 3, 1800));
        assert_true(key_eq(&link_of(s, 2, 3)->room->doorstep, device(s, 1 - gone)));
        street_free(s);
}

struct talk {
        size_t home, by; /* whoever has begun a meeting that both have spoken in, and the doorstep that passes it on */
};

static bool talks(struct street *s, void *ctx) {
        struct talk *t = ctx;
        for (size_t i = 2; i < 4; i++)
                for (size_t k = 0; k < MEETS_MOST; k++) {
                        const struct meet *x = &street_core(s, i)->meets.at[k];
                        if (x->state != MEET_TALKING || !x->calls)
                                continue;
                        t->home = i;
                        t->by = key_eq(&x->ways[x->way].next, device(s, 0)) ? 0 : 1;
                        return true;
                }
        return false;
}

/* Whoever passed on what is said goes in the middle of it, as visits do (ADR 88): all is said again by another one, in time for a relay. */
static void test_said_by_another(void **state) {
        (void)state;
        struct street *s = street_of(4, 2);
        struct talk t = {0};
        street_apart(s, 2, 3);
        assert_true(wait_relayed(s, 2, 3, 1800));
        street_run_for(s, 60);
        for (size_t i = 2; i < 4; i++)
                lately_moved(street_core(s, i));
        link_hangup(link_of(s, 2, 3), REASON_OVERLOAD);
        assert_true(street_wait(s, 600, talks, &t));
        lately_useless(street_core(s, t.home), device(s, t.by)); /* it is not to pass bytes on, either */
        street_cut(s, t.home, t.by);
        assert_true(wait_relayed(s, 2, 3, MEETS_HURRY / 1000 + 3));
        street_free(s);
}

/* Nobody gives bytes away: nothing comes about, and nothing is left over. */
static void test_nobody_gives(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = 0}});
        street_apart(s, 1, 2);
        street_run_for(s, 1800);
        assert_null(link_of(s, 1, 2));
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(street_core(s, i)->relay.n, 0);
        street_free(s);
}

/* One side has no helper any more. It begins with a doorstep, and answers with one. */
static void test_no_helper(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = 0}});
        street_apart(s, 1, 2);
        street_run_for(s, 700);
        street_helper(s, 1, false);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = 1000000000}});
        size_t met = street_met(s, 1);
        assert_true(wait_relayed(s, 1, 2, 1800));
        assert_int_equal(street_met(s, 1), met);
        street_free(s);
}

/* Neither side has one: nobody is named, so that nobody asks in vain. When somebody passes bytes on all the same comes about. */
static void test_no_helpers(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        mesh_link link = 0;
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = 0}});
        street_apart(s, 1, 2);
        street_helper(s, 1, false);
        street_helper(s, 2, false);
        street_run_for(s, 1500);
        assert_int_equal(contact_card(street_core(s, 0), device(s, 1))->n_via, 0);
        size_t met = street_met(s, 1) + street_met(s, 2);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = 1000000000}});
        assert_true(wait_relayed(s, 1, 2, 1800));
        assert_int_equal(street_haul(s, 1, 2, &link), MESH_OUT_DONE);
        assert_int_equal(street_met(s, 1) + street_met(s, 2), met);
        street_free(s);
}

/* Whoever joins without one has heard that its neighbour passes bytes on before it says who it is: not too soon, to say it again later.
 * One that has one joins as well, and offers cross with what all that is known from. */
static void test_newcomers(void **state) {
        (void)state;
        struct street *s = street_bare(4, seed);
        street_doorstep(s, 0);
        street_relays(s, 0, 1000000000);
        for (size_t i = 0; i < 4; i++) {
                street_helper(s, i, i == 3);
                if (i)
                        street_shut(s, i);
        }
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        for (size_t a = 1; a < 4; a++)
                for (size_t b = a + 1; b < 4; b++)
                        assert_true(wait_relayed(s, a, b, NEWCOMERS));
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(contact_card(street_core(s, 0), device(s, i))->seq, 1);
        street_free(s);
}

/* Home 2 says, by home 0, that this one could pass bytes on between it and home 1. */
static void names_door(struct street *s) {
        static const struct meet_way way = {0};
        struct meet x = {.calls = true, .device = *device(s, 1), .nonce = {7}, .doorstep = *device(s, 0), .token = {7}};
        const struct meet_said what = {.relay = true};
        assert_int_equal(offer_say(link_of(s, 2, 0), &x, 0, &what, &way), 0);
        street_feed(s, 2, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, 0.2);
}

/* What it names is not known to do that: the same offer is good when it is. */
static void test_untaken(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_relays(s, 0, 0);
        for (size_t i = 1; i < 3; i++)
                street_helper(s, i, false);
        street_apart(s, 1, 2);
        street_run_for(s, 1500);
        struct card *door = (struct card *)contact_card(street_core(s, 1), device(s, 0));
        const struct late *useless = street_core(s, 1)->meets.useless;
        assert_false(door->relays || link_of(s, 1, 2));
        names_door(s);
        assert_false(meet_runs(street_core(s, 1), device(s, 2)));
        door->relays = true;
        names_door(s);
        assert_true(meet_runs(street_core(s, 1), device(s, 2)) || useless->until); /* home 0 has no room for it */
        street_free(s);
}

/* ---- footage ---- */
struct got {
        size_t home;
        uint64_t bytes;
};

static void on_got(void *ctx, size_t i, const struct mesh_action *a) {
        struct got *g = ctx;
        if (i == g->home && a->type == MESH_DO_HAUL && a->haul.number == LINK_PIECE)
                g->bytes += a->haul.map.n;
}

static void test_clip(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        static const struct hash clip = {{7}};
        static uint8_t bytes[16288];
        struct got got = {.home = 2};
        mesh_link link = 0;
        uint64_t chunk = 0;
        street_apart(s, 1, 2);
        street_run_for(s, 700);
        street_on_haul(s, 2, on_got, &got);
        assert_int_equal(street_haul(s, 1, 2, &link), MESH_OUT_DONE);
        assert_true(haul_of(s, 1, 2) && haul_of(s, 1, 2)->room && haul_of(s, 1, 2)->room->haul);
        while (chunk < 200) {
                while (mesh_haul_room(street_core(s, 1), link)) {
                        size_t n = mesh_haul_piece(street_core(s, 1), link);
                        struct wire_haul_piece piece = {
                                .clip = SPAN_OF(clip.b), .chunk = chunk++, .bytes = span_of(bytes, n)};
                        street_haul_say(s, 1, link, LINK_PIECE, &piece);
                }
                street_run_for(s, 0.02);
        }
        street_run_for(s, 5);
        assert_true(got.bytes > 200 * 1000);
        assert_true(budget_passed(street_core(s, 0), device(s, 0)) > got.bytes);
        street_free(s);
}

/* ---- what was found out of late ---- */
static size_t searches(struct street *s) {
        return street_met(s, 1) + street_met(s, 2);
}

static bool more_searches(struct street *s, void *ctx) {
        return searches(s) >= *(size_t *)ctx + 2;
}

/* A search takes 8 s. They have a link long before; what is searched beside it finds nothing either, and that is that. */
static void test_hurried(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_apart(s, 1, 2);
        assert_true(wait_relayed(s, 1, 2, 1800));
        size_t before = searches(s);
        for (size_t i = 1; i < 3; i++)
                lately_moved(street_core(s, i));
        link_hangup(link_of(s, 1, 2), REASON_OVERLOAD);
        assert_true(street_wait(s, 60, more_searches, &before));
        assert_true(wait_relayed(s, 1, 2, MEETS_HURRY / 1000 + 1));
        street_run_for(s, 2 * DIAL_LAST / 1000); /* until it is its turn */
        assert_true(lately_vain(street_core(s, 1), device(s, 2)) && lately_vain(street_core(s, 2), device(s, 1)));
        before = searches(s);
        street_run_for(s, 600);
        assert_int_equal(searches(s), before);
        street_free(s);
}

static uint64_t takes_from(struct street *s, size_t from, size_t to, mesh_link *ret_link) {
        uint64_t began = s->now;
        assert_int_equal(street_haul(s, from, to, ret_link), MESH_OUT_DONE);
        return s->now - began;
}

static uint64_t takes(struct street *s, mesh_link *ret_link) {
        return takes_from(s, 1, 2, ret_link);
}

/* Of a pair that has no way the next link goes round at once; when one of them has moved, there may be one. */
static void test_at_once(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        mesh_link link;
        street_apart(s, 1, 2);
        street_run_for(s, 700);
        size_t before = searches(s);
        assert_in_range(takes(s, &link), 0, 1000);
        assert_true(haul_of(s, 1, 2)->room != NULL);
        assert_int_equal(searches(s), before);
        link_hangup(haul_of(s, 1, 2), REASON_IDLE);
        lately_moved(street_core(s, 1));
        assert_in_range(takes(s, &link), MEETS_HURRY, MEETS_HURRY + 1000);
        assert_true(searches(s) > before);
        street_free(s);
}

static void together(struct street *s, size_t a, size_t b) {
        s->apart[a * s->n + b] = s->apart[b * s->n + a] = false;
}

static bool straight(struct street *s, void *ctx) {
        (void)ctx;
        const struct link *l = link_of(s, 1, 2);
        return l && !l->room;
}

/* Both want one at a time. One meeting gives way to the other, and is made up for: nobody is told that there is no way. */
static void both_at_once(void) {
        struct street *s = street_of(3, 1);
        mesh_link link;
        street_apart(s, 1, 2);
        street_run_for(s, 700);
        for (size_t i = 1; i < 3; i++) {
                const struct mesh_event other = {.type = MESH_EV_HAUL, .token = 7, .haul = {.device = *device(s, i)}};
                for (size_t k = 1; k < 3; k++)
                        lately_moved(street_core(s, k));
                street_feed(s, 3 - i, other);
                assert_in_range(takes_from(s, i, 3 - i, &link), 0, 30000);
                link_hangup(haul_of(s, 1, 2), REASON_IDLE);
                street_run_for(s, 30);
        }
        street_free(s);
}

static void test_both_at_once(void **state) {
        (void)state;
        uint64_t first = seed;
        for (; seed < first + 4; seed++) /* which of them gives way is luck */
                both_at_once();
        seed = first;
}

/* Who was off, and knocked at in vain, has called since: it is called back at once, though a meeting with it is under way
 * that leads nowhere. */
static void test_called_back(void **state) {
        (void)state;
        struct street *s = street_bare(3, seed);
        mesh_link link;
        street_doorstep(s, 0);
        for (size_t i = 0; i < 3; i++)
                street_helper(s, i, true);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < 3; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        street_run_for(s, 700);
        street_apart(s, 1, 2);
        for (unsigned round = 0; round < 8; round++) {
                struct pair both = {1, 2};
                street_off(s, 2);
                street_run_for(s, 5 + 6 * round);
                street_on(s, 2);
                assert_true(street_wait(s, 60, linked, &both));
                assert_in_range(takes(s, &link), 0, 1000);
                link_hangup(haul_of(s, 1, 2), REASON_IDLE);
                street_run_for(s, 30);
        }
        street_free(s);
}

/* The way was only slow to be found: what is searched beside takes the place of the link for footage. And whoever has gone round
 * for an hour looks again. */
static void test_taken_over(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        mesh_link link;
        street_apart(s, 1, 2);
        street_run_for(s, 700);
        lately_moved(street_core(s, 1));
        takes(s, &link);
        assert_true(haul_of(s, 1, 2)->room != NULL);
        together(s, 1, 2);
        street_run_for(s, 2);
        assert_true(haul_of(s, 1, 2) && !haul_of(s, 1, 2)->room);
        assert_true(street_wait(s, MEETS_VAIN_TIME / 1000 + 900, straight, NULL));
        street_free(s);
}

/* Whoever passed nothing on is asked last, and is asked all the same where there is nobody else. */
static void test_useless(void **state) {
        (void)state;
        struct street *s = street_of(4, 2);
        struct mesh *m = street_core(s, 2);
        struct key door;
        street_run_for(s, 700);
        for (size_t bad = 0; bad < 2; bad++) {
                memset(m->meets.useless, 0, sizeof(m->meets.useless));
                lately_useless(m, device(s, bad));
                for (size_t k = 0; k < 20; k++) {
                        assert_true(doorstep_relay(m, device(s, 3), &m->rng, &door));
                        assert_true(key_eq(&door, device(s, 1 - bad)));
                }
        }
        lately_useless(m, device(s, 0)); /* both */
        assert_true(doorstep_relay(m, device(s, 3), &m->rng, &door));
        street_run_for(s, MEETS_USELESS_TIME / 1000 + 100);
        assert_false(lately_was_useless(m, device(s, 1)));
        street_free(s);
}

/* ---- hidden ---- */
static bool sees(struct street *s, size_t i, size_t whom) {
        const struct mesh_addr *addr = &s->homes[whom].addr;
        const struct mesh *m = street_core(s, i);
        LINK_EACH(l, m) {
                if (addr_eq(&l->addr, addr) || memcmp(l->addr.ip, addr->ip, sizeof(addr->ip)) == 0)
                        return true;
        }
        for (size_t k = 0; k < m->n_addresses; k++)
                if (memcmp(m->addresses[k].addr.ip, addr->ip, sizeof(addr->ip)) == 0)
                        return true;
        return false;
}

/* It is linked to others by way of its doorstep, at once and without a helper's word, and only the doorstep sees where it is. */
static void test_hidden(void **state) {
        (void)state;
        struct street *s = street_with(4, 1, 1);
        street_run_for(s, 1400); /* all contacts have been made anew */
        assert_true(wait_relayed(s, 1, 3, 1800) && wait_relayed(s, 2, 3, 1800));
        for (size_t i = 1; i < 3; i++)
                assert_false(sees(s, i, 3));
        assert_true(sees(s, 0, 3));
        assert_int_equal(street_met(s, 3), 0);
        struct hash id;
        mesh_link link;
        assert_int_equal(street_post(s, 3, KIND_FIRE, "from nowhere", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 5));
        assert_int_equal(street_haul(s, 3, 1, &link), MESH_OUT_DONE);
        assert_int_equal(street_haul(s, 2, 3, &link), MESH_OUT_DONE);
        assert_true(haul_of(s, 3, 1)->room && haul_of(s, 2, 3)->room);
        street_free(s);
}

/* Neither others' addresses nor the local network tempt it, and no third doorstep more than it needs sees it. */
static void test_hidden_calls_few(void **state) {
        (void)state;
        struct street *s = street_with(9, 7, 1);
        street_lan(s, 8, true);
        street_lan(s, 7, true);
        size_t said = street_beacons(s, 8);
        street_run_for(s, 3600);
        size_t seen = 0;
        for (size_t i = 0; i < 8; i++)
                seen += sees(s, i, 8);
        assert_true(seen >= 1 && seen <= HIDDEN_DOORS + 1); /* and the one that its ticket named */
        assert_false(sees(s, 7, 8));
        assert_int_equal(street_beacons(s, 8), said);
        street_free(s);
}

/* Where everybody passes bytes on, as homes do unless their owner says otherwise: it calls who can be called by all. */
static void test_hidden_from_all(void **state) {
        (void)state;
        struct street *s = street_with(7, 1, 1);
        for (size_t i = 1; i < 6; i++) {
                s->homes[i].shut = false;
                street_relays(s, i, 1000000000);
        }
        street_run_for(s, 3600);
        street_off(s, 6);
        street_run_for(s, 60);
        street_on(s, 6);
        street_run_for(s, 3600);
        for (size_t i = 1; i < 6; i++)
                assert_false(sees(s, i, 6));
        assert_true(sees(s, 0, 6));
        street_free(s);
}

/* Two hidden ones with a doorstep each have in common that both can be reached. */
static void test_both_hidden(void **state) {
        (void)state;
        struct street *s = street_with(3, 1, 2);
        assert_true(wait_relayed(s, 1, 2, 3600));
        assert_int_equal(street_met(s, 1) + street_met(s, 2), 0);
        street_free(s);
}

/* ---- a member that means ill ---- */
#define VICTIM 6
#define EVIL 7

/* Message @seq of a meeting that home 7 begins with home 6: it names home @door. */
static void names(struct street *s, uint8_t meeting, uint8_t seq, size_t door) {
        static const struct meet_way way = {0};
        struct meet x = {.calls = true,
                         .device = *device(s, VICTIM),
                         .nonce = {meeting},
                         .doorstep = *device(s, door),
                         .token = {meeting, seq}};
        const struct meet_said what = {.relay = true};
        struct link *l = link_of(s, EVIL, VICTIM);
        l = l ? l : link_of(s, EVIL, 0);
        assert_non_null(l);
        assert_int_equal(offer_say(l, &x, seq, &what, &way), 0);
        street_feed(s, EVIL, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, 0.2);
}

/* Home 0, its doorstep, aside. */
static size_t reaching(struct street *s, size_t i) {
        size_t n = 0;
        for (size_t k = 0; k < HAULS_DIALLED; k++) {
                const struct carry *c = &street_core(s, i)->carries[k];
                n += c->used && !key_eq(&c->at.device, device(s, 0));
        }
        return n;
}

/* All doorsteps but home 0 take connections of the victim's, and say nothing: it knocks at them for long. */
static struct street *street_evil(void) {
        struct street *s = street_with(8, 6, 0);
        struct pair p = {VICTIM, EVIL};
        assert_true(street_wait(s, 1800, linked, &p)); /* it need not call any more */
        for (size_t door = 1; door < VICTIM; door++)
                street_cut(s, VICTIM, door);
        street_run_for(s, 60);
        for (size_t door = 1; door < VICTIM; door++) {
                street_mend(s, VICTIM, door);
                street_hold(s, VICTIM, door, 3600);
        }
        assert_int_equal(reaching(s, VICTIM), 0);
        return s;
}

/* PROTOCOL 17.13: once in a meeting. */
static void test_names_many(void **state) {
        (void)state;
        struct street *s = street_evil();
        for (uint8_t seq = 0; seq < 5; seq++)
                names(s, 1, seq, 1 + seq);
        assert_int_equal(reaching(s, VICTIM), 1);
        street_free(s);
}

/* Nobody goes where nothing would be passed on, nor keeps a place for such a meeting. */
static void test_names_anybody(void **state) {
        (void)state;
        struct street *s = street_evil();
        street_feed(s, 4, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = 0}});
        street_run_for(s, 700);
        names(s, 1, 0, EVIL);
        names(s, 2, 0, VICTIM);
        names(s, 3, 0, 4);
        assert_int_equal(reaching(s, VICTIM), 0);
        for (size_t k = 0; k < MEETS_MOST; k++) {
                const struct meet *x = &street_core(s, VICTIM)->meets.at[k];
                assert_true(x->state == MEET_NONE || !key_eq(&x->device, device(s, EVIL)));
        }
        street_free(s);
}

/* However many meetings it begins, there is place for the links that the owner wants. */
static void test_place_for_clips(void **state) {
        (void)state;
        struct street *s = street_evil();
        size_t most = 0;
        for (uint8_t k = 0; k < 25; k++) {
                names(s, (uint8_t)(k + 1), 0, 1 + k % 5);
                most = MAX(most, reaching(s, VICTIM));
        }
        assert_in_range(most, 1, HAULS_RELAYED);
        street_run_for(s, 60); /* and nobody knocks on for a meeting that is over */
        assert_int_equal(reaching(s, VICTIM), 0);
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_way),
                cmocka_unit_test(test_another),
                cmocka_unit_test(test_said_by_another),
                cmocka_unit_test(test_nobody_gives),
                cmocka_unit_test(test_no_helper),
                cmocka_unit_test(test_no_helpers),
                cmocka_unit_test(test_newcomers),
                cmocka_unit_test(test_untaken),
                cmocka_unit_test(test_clip),
                cmocka_unit_test(test_hurried),
                cmocka_unit_test(test_at_once),
                cmocka_unit_test(test_both_at_once),
                cmocka_unit_test(test_called_back),
                cmocka_unit_test(test_taken_over),
                cmocka_unit_test(test_useless),
                cmocka_unit_test(test_hidden),
                cmocka_unit_test(test_hidden_calls_few),
                cmocka_unit_test(test_hidden_from_all),
                cmocka_unit_test(test_both_hidden),
                cmocka_unit_test(test_names_many),
                cmocka_unit_test(test_names_anybody),
                cmocka_unit_test(test_place_for_clips),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
