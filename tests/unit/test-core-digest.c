/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a home takes its sets for, without walking through them, is what they are: while homes post and take back, while
 * records end, after restarts, votes and cuts, and when the clock goes back. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "support/recount.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOMES 5
#define STEPS 60
#define HOUR 3600.0

static uint64_t seed;

/* On every link; how many that were. */
static size_t agree(struct mesh *m) {
        size_t links = 0;
        assert_true(recount_ends(m));
        LINK_EACH(l, m) {
                if (l->frames.state != FRAMES_OPEN)
                        continue;
                assert_true(recount_agrees(l));
                links++;
        }
        return links;
}

static size_t all_agree(struct street *s) {
        size_t links = 0;
        for (size_t i = 0; i < HOMES; i++)
                links += street_core(s, i) ? agree(street_core(s, i)) : 0;
        return links;
}

/* Hours pass between the steps, so that urgent alerts end on the way. */
static void test_posts(void **state) {
        (void)state;
        struct street *s = street_new(HOMES, seed);
        struct hash mine[HOMES];
        size_t links = 0;
        street_run_for(s, 60);
        for (size_t step = 0; step < STEPS; step++) {
                size_t i = step % HOMES;
                if (step >= HOMES && step % 3 == 0)
                        street_follow(s, i, RECORD_RETRACT, &mine[i], NULL, NULL);
                enum wire_alert_kind kind = step % 2 ? KIND_FIRE : KIND_THEFT;
                assert_int_equal(street_post(s, i, kind, "something", &mine[i]), MESH_OUT_DONE);
                links += all_agree(s); /* while it goes round */
                street_run_for(s, step % 4 ? 5 : HOUR);
                links += all_agree(s);
        }
        street_run_for(s, 25 * HOUR);
        assert_true(links + all_agree(s) > STEPS * HOMES);
        street_free(s);
}

/* What a home that was removed has made by then stays, its contact goes; so with one that leaves. */
static void test_votes(void **state) {
        (void)state;
        struct street *s = street_new(HOMES, seed);
        struct hash id;
        street_run_for(s, 60);
        street_cut(s, 3, 0);
        for (size_t i = 0; i < HOMES; i++)
                assert_int_equal(street_post(s, i, KIND_THEFT, "something", &id), MESH_OUT_DONE);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 4), MESH_OUT_DONE);
        assert_true(all_agree(s) > 0);
        street_run_for(s, 30);
        assert_true(all_agree(s) > 0);
        assert_int_equal(street_vote(s, 3, OP_LEAVE, 3), MESH_OUT_DONE);
        street_run_for(s, 200);
        assert_true(all_agree(s) > 0);
        street_free(s);
}

/* Contacts of homes that stay off end after a week; where the clock goes back they have not ended yet. */
static void test_contacts_end(void **state) {
        (void)state;
        struct street *s = street_new(HOMES, seed);
        street_run_for(s, 60);
        street_off(s, 4);
        for (int day = 0; day < 9; day++) {
                street_run_for(s, 24 * HOUR);
                assert_true(all_agree(s) > 0);
        }
        street_off(s, 3);
        street_on(s, 3);
        for (size_t i = 0; i < HOMES; i++)
                street_clock(s, i, -3 * 86400);
        street_run_for(s, 600);
        assert_true(all_agree(s) > 0);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_posts),
                cmocka_unit_test(test_votes),
                cmocka_unit_test(test_contacts_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
