/* SPDX-License-Identifier: Apache-2.0 */
/* Time, in streets of real cores: clocks that are wrong, and clocks that are set. Seed: printed, and PORCHLIGHT_SEED. */
#include "core/core.h"
#include "core/limits.h"
#include "core/record.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define IN_1970 (-(int64_t)STREET_START)
#define DAY ((int64_t)MESH_DAY)
#define HOUR 3600.0
#define ROUNDING 2 /* seconds: HELLO takes up to a second to arrive, and times are whole seconds */

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

/* How far home @i's mesh time was from the street's own at its last event, in seconds. */
static int64_t off_by(struct street *s, size_t i) {
        const struct mesh *m = street_core(s, i);
        return (int64_t)clock_now(m) - (int64_t)(STREET_START + m->now / 1000);
}

static void assert_right(struct street *s, size_t i) {
        int64_t off = off_by(s, i);
        assert_in_range(off + ROUNDING, 0, 2 * ROUNDING);
}

static void restart(struct street *s, size_t i, int64_t clock) {
        street_off(s, i);
        street_clock(s, i, clock);
        street_on(s, i);
}

/* ---- without a clock ---- */
/* It takes the time from its only neighbour, keeps it when that one goes away, and does not jump when the Internet sets its
 * clock. One neighbour's word does not move the mark. */
static void test_1970_in_a_mesh_of_two(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 10);
        restart(s, 1, IN_1970);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "when", NULL), MESH_OUT_NO_CLOCK);
        mesh_wall mark = street_core(s, 1)->mark;
        assert_true(street_wait_links(s, 1, 60));
        street_run_for(s, 60);
        assert_right(s, 1);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "now", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        street_off(s, 0);
        street_run_for(s, 2 * HOUR);
        assert_right(s, 1);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "alone", NULL), MESH_OUT_DONE);
        assert_true(street_core(s, 1)->mark <= MAX(mark, street_core(s, 1)->built) + 2 * 3600 + 200);
        street_clock(s, 1, 0);
        for (int i = 0; i < 120; i++) {
                street_run_for(s, 1);
                assert_right(s, 1);
        }
        street_free(s);
}

static bool can_tell(struct street *s, void *ctx) {
        (void)ctx;
        return clock_usable(street_core(s, 1));
}

/* A neighbour says the time, and at that moment somebody posts: it is dated by what was said, or has to wait. */
static void test_post_with_the_first_time(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 10);
        restart(s, 1, IN_1970);
        assert_false(can_tell(s, NULL));
        assert_true(street_wait(s, 60, can_tell, NULL));
        assert_right(s, 1);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "at once", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        street_free(s);
}

/* The first to say the time lied by a year, and three later ones agree: they are believed at once. */
static void test_1970_among_four(void **state) {
        (void)state;
        STREET(5);
        street_run_for(s, 60);
        for (size_t i = 1; i < 5; i++)
                street_off(s, i);
        restart(s, 4, 365 * DAY); /* it has a clock, and says so to whoever asks */
        restart(s, 0, IN_1970);
        assert_true(street_wait_links(s, 0, 60));
        street_run_for(s, 60);
        assert_in_range(off_by(s, 0), 365 * DAY - ROUNDING, 365 * DAY + ROUNDING);
        assert_true(street_core(s, 0)->mark < STREET_START + 86400); /* what it said is written nowhere */
        for (size_t i = 1; i < 4; i++)
                street_on(s, i);
        street_run_for(s, 600);
        assert_right(s, 0);
        street_free(s);
}

/* The power comes back, and no home of two has a clock: what they tell each other is no time. */
static void test_1970_everywhere(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_run_for(s, 10);
        for (size_t i = 0; i < 3; i++)
                street_off(s, i);
        for (size_t i = 0; i < 2; i++)
                restart(s, i, IN_1970);
        assert_true(street_wait_links(s, 0, 600));
        assert_int_equal(street_post(s, 0, KIND_FIRE, "when", NULL), MESH_OUT_NO_CLOCK);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "when", NULL), MESH_OUT_NO_CLOCK);
        street_on(s, 2); /* it has a clock */
        street_run_for(s, 600);
        assert_right(s, 0);
        assert_right(s, 1);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "now", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        street_free(s);
}

/* ---- clocks that are set ---- */
/* Alone, with a post that nobody has yet, its clock is days ahead for a while. It knows its slots when it is back, also over a
 * restart meanwhile, and the post goes out. */
static void test_ahead_and_back(bool restarts) {
        struct hash before, after;
        STREET(2);
        street_run_for(s, 10);
        street_cut(s, 0, 1);
        street_run_for(s, SILENCE_TIME / 1000 + 10);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "before", &before), MESH_OUT_DONE);
        street_clock(s, 1, 5 * DAY);
        if (restarts)
                restart(s, 1, 5 * DAY);
        street_run_for(s, 300);
        assert_int_equal(off_by(s, 1), 5 * DAY);
        street_clock(s, 1, 0);
        street_run_for(s, 60);
        assert_right(s, 1);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "after", &after), MESH_OUT_DONE);
        const struct rec *old = records_find(street_core(s, 1), &before),
                         *new = records_find(street_core(s, 1), &after);
        assert_non_null(old);
        assert_int_equal(old->day, new->day);
        assert_int_not_equal(old->index, new->index);
        street_mend(s, 0, 1);
        assert_true(street_wait_all_have(s, &before, 600));
        assert_true(street_wait_all_have(s, &after, 60));
        street_free(s);
}

static void test_ahead_for_a_while(void **state) {
        (void)state;
        test_ahead_and_back(false);
}

static void test_ahead_over_a_restart(void **state) {
        (void)state;
        test_ahead_and_back(true);
}

/* A ticket is taken back where nobody hears of it, and the clock is months ahead for a while. That does not bring it back. */
static void test_ahead_with_a_revoked_ticket(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 1)); /* the street's own goes with the next command */
        assert_int_equal(street_revoke(s, 0), MESH_OUT_DONE);
        restart(s, 0, 90 * DAY);
        street_run_for(s, 300);
        assert_int_equal(off_by(s, 0), 90 * DAY);
        street_clock(s, 0, 0);
        street_run_for(s, 60);
        assert_right(s, 0);
        assert_int_equal(street_join(s, 1, ticket), MESH_OUT_TICKET_REVOKED);
        free(ticket);
        street_free(s);
}

/* Two homes that are cut off have clocks that are wrong alike, and confirm each other: their marks go ahead a day. Who has his
 * clock set right then, and hears three neighbours say the same, need not live in tomorrow for a day more. */
static void test_wrong_together(void **state) {
        (void)state;
        STREET(5);
        street_run_for(s, 60);
        for (size_t i = 0; i < 3; i++) {
                street_cut(s, i, 3);
                street_cut(s, i, 4);
        }
        restart(s, 3, DAY);
        restart(s, 4, DAY);
        street_run_for(s, HOUR);
        assert_true(street_core(s, 3)->mark > STREET_START + DAY);
        street_clock(s, 3, 0);
        street_run_for(s, 60);
        assert_in_range(off_by(s, 3), DAY - HOUR, DAY + HOUR); /* the neighbour and the mark say so */
        for (size_t i = 0; i < 3; i++)
                street_mend(s, i, 3);
        street_run_for(s, 600); /* until it has dialled all of them */
        assert_int_equal(street_links(s, 3), 4);
        assert_right(s, 3);
        street_free(s);
}

/* Somebody sets the clock a day ahead, then a day back: three neighbours know better, and nobody sees a jump. */
static void test_set_a_day_off(void **state) {
        (void)state;
        struct hash id;
        STREET(5);
        street_run_for(s, 60);
        for (int64_t off = DAY; off >= -DAY; off -= 2 * DAY) {
                street_clock(s, 2, off);
                for (int i = 0; i < 30; i++) {
                        street_run_for(s, 60);
                        assert_right(s, 2);
                }
                assert_int_equal(street_post(s, 2, KIND_STORM, "today", &id), MESH_OUT_DONE);
                assert_true(street_wait_all_have(s, &id, 10));
        }
        street_free(s);
}

/* One neighbour is not enough against a clock that can be right: mesh time goes to it, a minute a minute. */
static void test_set_a_day_off_before_one(void **state) {
        (void)state;
        STREET(2);
        street_run_for(s, 60);
        street_clock(s, 1, DAY);
        int64_t before = 0;
        for (int i = 0; i < 30; i++) {
                street_run_for(s, 60);
                int64_t off = off_by(s, 1);
                assert_in_range(off - before + ROUNDING, 0, 120 + ROUNDING); /* looked at up to a minute late */
                before = off;
        }
        assert_in_range(before, 28 * 60, 31 * 60);
        street_free(s);
}

/* Without any time before, the one it is set to counts at once, also for what comes before the next look at the clock. */
static void test_set_for_the_first_time(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 10);
        street_off(s, 0);
        restart(s, 1, IN_1970);
        street_run_for(s, 60);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "when", NULL), MESH_OUT_NO_CLOCK);
        street_clock(s, 1, 0);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "today", &id), MESH_OUT_DONE);
        assert_in_range(records_find(street_core(s, 1), &id)->created, street_wall(s) - 10, street_wall(s));
        street_free(s);
}

/* The clock was slow, and is set right: the neighbour says the same, so mesh time need not crawl for a day. */
static void test_set_right(void **state) {
        (void)state;
        STREET(2);
        street_off(s, 1);
        street_run_for(s, 48 * HOUR);
        restart(s, 1, -DAY); /* later than its program and its mark: it counts as right */
        street_run_for(s, 60);
        assert_in_range(-off_by(s, 1), DAY - ROUNDING, DAY + ROUNDING);
        street_clock(s, 1, 0);
        street_run_for(s, 61);
        assert_right(s, 1);
        street_free(s);
}

/* Nobody's clock is right to the minute. A home whose own was a day ahead is back when it is set, or it would take what is
 * said now for over, for a day. */
static void test_set_right_among_careless(void **state) {
        (void)state;
        struct hash id;
        STREET(4);
        street_run_for(s, 60);
        for (size_t i = 0; i < 3; i++)
                restart(s, i, 200 + 200 * (int64_t)i);
        restart(s, 3, DAY);
        assert_true(street_wait_links(s, 3, 60));
        street_run_for(s, 60);
        street_clock(s, 3, 0);
        street_run_for(s, 60);
        assert_right(s, 3);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "now", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        street_free(s);
}

/* Set right while its only neighbour says what it said itself, it creeps; once enough agree with its own clock there is nothing
 * to doubt. */
static void test_set_right_among_few(void **state) {
        (void)state;
        STREET(5);
        street_off(s, 0);
        street_run_for(s, 48 * HOUR);
        for (size_t i = 2; i < 5; i++)
                street_off(s, i);
        restart(s, 1, 300 - DAY);
        restart(s, 0, -DAY); /* later than its program and its mark: it counts as right */
        assert_true(street_wait_links(s, 0, 60));
        street_run_for(s, 60);
        street_clock(s, 0, 0);
        street_run_for(s, 60);
        assert_in_range(-off_by(s, 0), DAY - 200, DAY); /* one neighbour says otherwise: no jump */
        for (size_t i = 2; i < 5; i++)
                street_on(s, i);
        street_run_for(s, 60);
        assert_right(s, 0);
        street_free(s);
}

/* ---- the mark ---- */
/* Alone it goes on by elapsed time: a clock that runs a year ahead leaves nothing behind. */
static void test_mark_alone(void **state) {
        (void)state;
        STREET(1);
        restart(s, 0, 365 * DAY);
        mesh_wall built = street_core(s, 0)->built;
        street_run_for(s, 5 * HOUR);
        assert_in_range(street_core(s, 0)->mark, built + 4 * 3600, built + 5 * 3600);
        restart(s, 0, 0);
        street_run_for(s, HOUR);
        assert_in_range(street_core(s, 0)->mark, built + 5 * 3600, built + 6 * 3600 + 60);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "it is today", NULL), MESH_OUT_DONE);
        assert_right(s, 0);
        street_free(s);
}

/* With neighbours who confirm it, it follows mesh time, and a clock before it is not trusted after a restart. */
static void test_mark_confirmed(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 2 * HOUR);
        mesh_wall mark = street_core(s, 1)->mark, now = street_wall(s);
        assert_in_range(mark, now - MARK_PERIOD - 120, now);
        street_off(s, 0);
        street_off(s, 2);
        restart(s, 1, -3600 * 5);
        assert_int_equal(street_core(s, 1)->mark, mark);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "five hours ago", NULL), MESH_OUT_NO_CLOCK);
        street_on(s, 0);
        street_run_for(s, 600);
        assert_right(s, 1);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_1970_in_a_mesh_of_two),
                cmocka_unit_test(test_post_with_the_first_time),
                cmocka_unit_test(test_1970_among_four),
                cmocka_unit_test(test_1970_everywhere),
                cmocka_unit_test(test_ahead_for_a_while),
                cmocka_unit_test(test_ahead_over_a_restart),
                cmocka_unit_test(test_wrong_together),
                cmocka_unit_test(test_set_a_day_off),
                cmocka_unit_test(test_ahead_with_a_revoked_ticket),
                cmocka_unit_test(test_set_a_day_off_before_one),
                cmocka_unit_test(test_set_right),
                cmocka_unit_test(test_set_for_the_first_time),
                cmocka_unit_test(test_set_right_among_few),
                cmocka_unit_test(test_set_right_among_careless),
                cmocka_unit_test(test_mark_alone),
                cmocka_unit_test(test_mark_confirmed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
