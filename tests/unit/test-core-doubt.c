/* SPDX-License-Identifier: Apache-2.0 */
/* Links that are dead though nobody has said so: how soon a home finds out, and what it does not take for dead. Seed: printed, and
 * PORCHLIGHT_SEED. */
#include "core/core.h"
#include "core/doubt.h"
#include "core/limits.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOMES 4
#define QUIET 90  /* seconds until all have compared everything, and only pings go */
#define ALERT 5   /* seconds that an alert may take where the links are dead */
#define UNTOLD 30 /* … and where nobody posts: until somebody asks, and finds that out of the others too */
#define SLEPT 600 /* seconds */
#define WOKEN 3   /* seconds after waking */
#define YOUNG 4   /* seconds: a little more than rule 8.21 says */

static uint64_t seed;

static struct street *quiet_street(void) {
        struct street *s = street_new(HOMES, seed);
        street_run_for(s, QUIET);
        for (size_t i = 0; i < HOMES; i++)
                assert_int_equal(street_links(s, i), HOMES - 1);
        return s;
}

static bool all_back(struct street *s, _unused_ void *ctx) {
        for (size_t i = 0; i < HOMES; i++)
                if (street_links(s, i) != HOMES - 1)
                        return false;
        return true;
}

static struct hash posts(struct street *s, size_t i) {
        struct hash id;
        assert_int_equal(street_post(s, i, KIND_FIRE, "In the cellar", &id), MESH_OUT_DONE);
        return id;
}

/* What nobody acknowledges is said again over new links. */
static void test_posted(void **state) {
        (void)state;
        struct street *s = quiet_street();
        street_dead(s, 0);
        struct hash id = posts(s, 0);
        assert_true(street_wait_all_have(s, &id, ALERT));
        street_free(s);
}

/* Who says nothing hears from nobody that something was posted: it asks, after a while. */
static void test_untold(void **state) {
        (void)state;
        struct street *s = quiet_street();
        street_dead(s, 0);
        struct hash id = posts(s, 1);
        assert_true(street_wait_all_have(s, &id, UNTOLD));
        assert_true(street_wait(s, WOKEN, all_back, NULL));
        street_free(s);
}

/* Whoever others can call leaves it to them. */
static void test_open_asks_nobody(void **state) {
        (void)state;
        struct street *s = quiet_street();
        street_core(s, 0)->open = true;
        assert_int_equal(doubt_quiet_due(street_core(s, 0)), MESH_NEVER);
        assert_true(doubt_quiet_due(street_core(s, 1)) <= s->now + DOUBT_QUIET);
        street_free(s);
}

static bool nobody_spoke(struct street *s, _unused_ void *ctx) {
        const struct mesh *m = street_core(s, 0);
        LINK_EACH(l, m) {
                if (l->doubted > l->heard || s->now < l->heard + DOUBT_FRESH)
                        return false;
        }
        return true;
}

/* Where one is found dead the others are asked at once. */
static void test_one_of_all(void **state) {
        (void)state;
        struct street *s = quiet_street();
        struct mesh *m = street_core(s, 0);
        assert_true(street_wait(s, QUIET, nobody_spoke, NULL));
        mesh_link first = m->links[0].id;
        street_dead(s, 0);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = first});
        assert_int_equal(street_links(s, 0), HOMES - 2);
        LINK_EACH(l, m)
        assert_true(l->doubted > l->heard);
        assert_true(street_wait(s, WOKEN, all_back, NULL));
        street_free(s);
}

/* Those that are alive answer, and stay. */
static void test_alive(void **state) {
        (void)state;
        struct street *s = quiet_street();
        struct mesh *m = street_core(s, 0);
        mesh_link ids[HOMES - 1];
        for (size_t i = 0; i < HOMES - 1; i++)
                ids[i] = m->links[i].id;
        street_run_for(s, 1);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_LAN});
        posts(s, 0);
        street_run_for(s, DOUBT_TIME / 1000 + 1);
        for (size_t i = 0; i < HOMES - 1; i++)
                assert_non_null(link_find(m, ids[i]));
        street_free(s);
}

/* How long an answer is waited for depends on how long answers take, and on what stands before it. */
static void test_patience(void **state) {
        (void)state;
        struct street *s = quiet_street();
        struct mesh *m = street_core(s, 0);
        struct link *l = m->links[0].link;
        assert_in_range(l->trip, 10, 100); /* two ways of the street's */
        street_run_for(s, 1);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_TICK});
        l->backlog = 0;
        l->heard = m->now - 1;
        assert_int_equal(doubt_due(l), MESH_NEVER);
        assert_int_equal(doubt_link(l), 0);
        assert_int_equal(doubt_due(l), m->now + DOUBT_LEAST);
        l->trip = 500;
        assert_int_equal(doubt_due(l), m->now + 500 * DOUBT_TRIPS);
        l->trip = 60000;
        assert_int_equal(doubt_due(l), m->now + DOUBT_TIME);
        l->trip = 0;
        l->backlog = WINDOW_LEAST;
        assert_int_equal(doubt_due(l), m->now + DOUBT_TIME);
        street_free(s);
}

/* What is posted over a link that is in doubt already is no second doubt. */
static void test_posted_in_doubt(void **state) {
        (void)state;
        struct street *s = quiet_street();
        struct mesh *m = street_core(s, 0);
        street_dead(s, 0);
        street_run_for(s, 1);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_LAN});
        posts(s, 0);
        LINK_EACH(l, m)
        assert_int_equal(doubt_posted_due(l), MESH_NEVER);
        street_run_for(s, 1);
        assert_true(mesh_deadline(m) > m->now);
        assert_true(street_wait(s, ALERT, all_back, NULL));
        street_free(s);
}

/* A laptop that slept for long: the others have hung up. As soon as it wakes it dials, and waits for no answer over what was. */
static void test_slept(void **state) {
        (void)state;
        struct street *s = quiet_street();
        street_asleep(s, 0, true);
        street_run_for(s, QUIET);
        struct hash id = posts(s, 1);
        street_run_for(s, SLEPT - QUIET);
        for (size_t i = 1; i < HOMES; i++)
                assert_int_equal(street_links(s, i), HOMES - 2);
        street_asleep(s, 0, false);
        assert_int_equal(street_links(s, 0), 0);
        assert_true(street_wait_all_have(s, &id, WOKEN));
        assert_true(street_wait(s, WOKEN, all_back, NULL));
        street_free(s);
}

/* A short sleep: the others still think that they have their links. */
static void test_nodded(void **state) {
        (void)state;
        struct street *s = quiet_street();
        street_asleep(s, 0, true);
        struct hash id = posts(s, 1);
        street_run_for(s, 20);
        for (size_t i = 2; i < HOMES; i++) /* home 1 wants to know who has its post */
                assert_int_equal(street_links(s, i), HOMES - 1);
        street_asleep(s, 0, false);
        assert_true(street_wait_all_have(s, &id, ALERT));
        assert_true(street_wait(s, WOKEN, all_back, NULL));
        street_free(s);
}

static bool pair_back(struct street *s, _unused_ void *ctx) {
        return street_links(s, 0) == 1 && street_links(s, 1) == 1;
}

static bool dialled_by_0(struct street *s, _unused_ void *ctx) {
        return pair_back(s, NULL) && link_to_device(street_core(s, 0), &street_core(s, 1)->sign.pub)->dialled;
}

static bool dialled_by_1(struct street *s, _unused_ void *ctx) {
        return pair_back(s, NULL) && !link_to_device(street_core(s, 0), &street_core(s, 1)->sign.pub)->dialled;
}

/* Two homes, of which the first has the lower key. */
static struct street *ordered_pair(void) {
        for (uint64_t more = 0;; more++) {
                struct street *s = street_new(2, seed + more);
                if (memcmp(street_core(s, 0)->sign.pub.b, street_core(s, 1)->sign.pub.b, 32) < 0)
                        return s;
                street_free(s);
        }
}

/* A link is dead at one end, and not old: the other end, which dialled it and has the lower key, does not hold on to it. */
static void test_young(void **state) {
        (void)state;
        struct street *s = ordered_pair();
        street_run_for(s, QUIET);
        s->homes[0].shut = true;
        street_cut(s, 0, 1);
        street_mend(s, 0, 1);
        assert_true(street_wait(s, QUIET, dialled_by_0, NULL));
        s->homes[0].shut = false;
        street_run_for(s, YOUNG);
        struct mesh *m = street_core(s, 1);
        mesh_link link = link_to_device(m, &street_core(s, 0)->sign.pub)->id;
        street_dead(s, 1);
        street_feed(s, 1, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = link});
        assert_int_equal(street_links(s, 1), 0);
        street_feed(s, 1, (struct mesh_event){.type = MESH_EV_LAN});
        assert_true(street_wait(s, WOKEN, dialled_by_1, NULL));
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_posted),
                cmocka_unit_test(test_untold),
                cmocka_unit_test(test_open_asks_nobody),
                cmocka_unit_test(test_one_of_all),
                cmocka_unit_test(test_alive),
                cmocka_unit_test(test_patience),
                cmocka_unit_test(test_posted_in_doubt),
                cmocka_unit_test(test_slept),
                cmocka_unit_test(test_nodded),
                cmocka_unit_test(test_young),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
