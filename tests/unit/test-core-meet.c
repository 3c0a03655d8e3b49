/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meetings: homes that nobody can call make links all the same, with the help of those they called, and nobody in between can
 * do more than keep silent. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOVED                                                                                                          \
        27 /* seconds until all links are new ones where nobody posts: 20 until one is asked, and twice 2 until it is known */

static uint64_t seed;

/* ---- a street behind routers ---- */
/* Home 0 founds. The first @doors homes can be called and know it; the others can call out, and have helpers. */
static struct street *street_of(size_t homes, size_t doors) {
        struct street *s = street_bare(homes, seed);
        for (size_t i = 0; i < homes; i++) {
                if (i < doors)
                        street_doorstep(s, i);
                else
                        street_shut(s, i);
                street_helper(s, i, i >= doors);
        }
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < homes; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        return s;
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

static bool wait_linked(struct street *s, size_t a, size_t b, double seconds) {
        struct pair p = {a, b};
        return street_wait(s, seconds, linked, &p);
}

static const struct card *card_at(struct street *s, size_t i, size_t of) {
        const struct contact *c = map_find(&street_core(s, i)->contacts, device(s, of)->b);
        return c && c->read ? c->card : NULL;
}

/* ---- contacts ---- */
static void test_contacts(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_run_for(s, 700); /* contacts are at least ten minutes apart */
        const struct card *door = card_at(s, 1, 0), *shut = card_at(s, 0, 2);
        assert_true(door && door->open && door->stun == STREET_STUN && door->n_via == 0);
        assert_true(shut && !shut->open && !shut->stun && shut->n_via >= 1);
        assert_memory_equal(shut->via[0].b, device(s, 0)->b, 32);
        street_hide(s, 2);
        street_run_for(s, 700);
        shut = card_at(s, 0, 2);
        assert_true(shut->hidden && shut->n_addrs == 0 && shut->n_via >= 1);
        street_free(s);
}

/* Who founds a street, and may be found by others alone, says where it is with its first link, before the newcomer's side of that
 * is up: the newcomer knows all the same. */
static void test_newcomer(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        street_helper(s, 0, true);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 1, street_invite(s, 0, 1)), MESH_OUT_DONE);
        street_run_for(s, 3);
        assert_non_null(card_at(s, 1, 0));
        street_free(s);
}

/* ---- A → D → B ---- */
static void test_by_one(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        assert_true(wait_linked(s, 1, 2, 900));
        assert_true(meet_is(link_of(s, 1, 2)) && meet_is(link_of(s, 2, 1)));
        assert_true(link_of(s, 1, 2)->dialled != link_of(s, 2, 1)->dialled);
        assert_false(meet_is(link_of(s, 1, 0)) || meet_is(link_of(s, 2, 0)));
        struct hash id;
        street_cut(s, 0, 1);
        street_cut(s, 0, 2);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "over it", &id), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_true(street_has(s, 2, &id));
        street_free(s);
}

/* ---- A → D' → D → B ---- */
/* Two halves, each with a doorstep of its own that the other half cannot call; the doorsteps have a link. */
static void test_by_two(void **state) {
        (void)state;
        struct street *s = street_of(4, 2);
        street_run_for(s, 30); /* all have heard of all; and some have met, which was easy */
        street_off(s, 2);
        street_cut(s, 2, 1);
        street_cut(s, 3, 0);
        street_run_for(s, 700);
        street_on(s, 2);
        assert_false(link_of(s, 2, 1) || link_of(s, 3, 0));
        assert_true(wait_linked(s, 2, 3, 900));
        assert_true(meet_is(link_of(s, 2, 3)) && street_met(s, 2) && street_met(s, 3));
        street_free(s);
}

/* ---- who meets whom ---- */
/* Where there is an address that answers nobody takes the trouble. */
static void test_addresses_first(void **state) {
        (void)state;
        struct street *s = street_bare(4, seed);
        for (uint8_t i = 0; i < 4; i++) {
                street_place(s, i, (uint8_t[]){203, 0, 113, (uint8_t)(i + 1)});
                street_helper(s, i, true);
        }
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        street_run_for(s, 1800);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(street_links(s, i), 3);
                assert_int_equal(street_met(s, i), 0);
        }
        street_free(s);
}

/* Without a helper nobody is named, begins or answers; and where the helper goes, what it had begun is over. */
static void test_no_helper(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_helper(s, 1, false);
        street_off(s, 2); /* whoever has met him by now */
        street_run_for(s, 200);
        street_on(s, 2);
        size_t before = street_met(s, 1);
        street_run_for(s, 1500);
        assert_int_equal(street_met(s, 1), before);
        assert_null(link_of(s, 1, 2));
        assert_int_equal(card_at(s, 0, 1)->n_via, 0);
        street_helper(s, 1, true);
        assert_true(wait_linked(s, 1, 2, 1500));
        street_free(s);
}

static void test_hidden(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_hide(s, 2);
        street_off(s, 1);
        street_run_for(s, 700);
        street_on(s, 1);
        street_run_for(s, 30); /* until it has heard */
        size_t before = street_met(s, 2), theirs = street_met(s, 1);
        street_run_for(s, 1500);
        assert_int_equal(street_met(s, 2), before);
        assert_int_equal(street_met(s, 1), theirs); /* nor does anybody try who has heard */
        assert_null(link_of(s, 1, 2));
        street_free(s);
}

static size_t asked(struct street *s, size_t i) {
        size_t n = 0;
        for (size_t k = 0; k < MEETS_MOST; k++)
                n += street_core(s, i)->meets.at[k].state != MEET_NONE && street_core(s, i)->meets.at[k].asked;
        return n;
}

/* It tells nobody where it is from now on: not in what it has begun, either. And it meets those whom it called before. */
static void test_hides(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_apart(s, 1, 2);
        for (int i = 0; i < 20000 && !asked(s, 2); i++)
                street_run_for(s, 0.1);
        assert_int_equal(asked(s, 2), 1);
        street_hide(s, 2);
        assert_int_equal(asked(s, 2), 0);
        street_run_for(s, 60);
        assert_int_equal(asked(s, 2), 0);
        size_t places = 0;
        for (size_t k = 0; k < street_core(s, 2)->n_addresses; k++)
                places += address_meets(&street_core(s, 2)->addresses[k]);
        assert_int_equal(places, 2);
        street_free(s);
}

/* No pair of addresses works: it is tried again, less and less often, as at any address. */
static void test_apart(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        street_apart(s, 1, 2);
        street_off(s, 2);
        street_run_for(s, 200);
        street_on(s, 2);
        street_run_for(s, 60);
        size_t first = street_met(s, 1);
        street_run_for(s, 3540);
        size_t hour = street_met(s, 1);
        assert_null(link_of(s, 1, 2));
        assert_in_range(first, 1, 20);
        assert_in_range(hour - first, 1, 2 * 3600 / 150 + 20); /* both sides' dials, each about every 300 s */
        street_free(s);
}

struct mover {
        struct pair pair;
        mesh_link was;
};

static bool linked_anew(struct street *s, void *ctx) {
        struct mover *x = ctx;
        return linked(s, &x->pair) && link_of(s, x->pair.b, x->pair.a)->id != x->was;
}

/* The telephone that a laptop goes out by moves each half minute, and nobody tells: it meets its neighbour anew each time. That it did so
 * before is not charged to it. */
static void test_mover(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        assert_true(wait_linked(s, 1, 2, 900));
        while (MAX(street_called(s, 1), street_called(s, 2)) <=
               MEETS_HOUR + 2) { /* either may find out first, and call */
                struct mover x = {{1, 2}, link_of(s, 2, 1)->id};
                street_dead(s, 1);
                assert_true(street_wait(s, MOVED, linked_anew, &x));
                street_run_for(s, 5);
        }
        street_free(s);
}

/* ---- one doorstep for all ---- */
#define MANY 16

static bool all_linked(struct street *s, void *ctx) {
        (void)ctx;
        for (size_t i = 0; i < MANY; i++)
                if (!street_core(s, i) || street_links(s, i) < 2)
                        return false;
        return true;
}

/* It has place for half of them; the others ask at its door who there is, and meet. */
static void test_one_doorstep(void **state) {
        (void)state;
        struct street *s = street_of(MANY, 1);
        struct hash id;
        assert_true(street_wait(s, 1800, all_linked, NULL));
        for (size_t i = 1; i < MANY; i++) /* the power goes, and comes back here and there */
                street_off(s, i);
        street_run_for(s, 700);
        for (size_t i = 1; i < MANY; i++) {
                street_run_for(s, 3);
                street_on(s, i);
        }
        uint64_t before = s->now;
        assert_true(street_wait(s, 120, all_linked, NULL));
        print_message("# all have two links again after %.1f s\n", (double)(s->now - before) / 1000);
        assert_int_equal(street_post(s, MANY - 1, KIND_FIRE, "all hear it", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        street_free(s);
}

/* ---- footage ---- */
static void test_haul(void **state) {
        (void)state;
        struct street *s = street_of(3, 1);
        mesh_link link;
        street_run_for(s, 700);
        assert_int_equal(street_haul(s, 1, 2, &link), MESH_OUT_DONE);
        assert_true(link & MESH_LINK_MET);
        street_apart(s, 1, 2);
        street_haul_end(s, 1, link);
        street_run_for(s, 5);
        assert_int_equal(street_haul(s, 1, 2, &link), MESH_OUT_HAUL_SILENT);
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_contacts),        cmocka_unit_test(test_newcomer),
                cmocka_unit_test(test_by_one),          cmocka_unit_test(test_by_two),
                cmocka_unit_test(test_addresses_first), cmocka_unit_test(test_no_helper),
                cmocka_unit_test(test_hidden),          cmocka_unit_test(test_hides),
                cmocka_unit_test(test_apart),           cmocka_unit_test(test_mover),
                cmocka_unit_test(test_one_doorstep),    cmocka_unit_test(test_haul),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
