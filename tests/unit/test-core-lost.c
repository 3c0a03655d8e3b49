/* SPDX-License-Identifier: Apache-2.0 */
/* What would be readable to nobody but its author, as the simulation of tests/sim found it. Seed: printed, and PORCHLIGHT_SEED. */
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY ((int64_t)MESH_DAY)
#define HOUR 3600.0

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

/* A key that the full disk of its maker refused: nothing is written under it before it is on disk. */
static void test_epoch_on_full_disk(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_run_for(s, 10);
        street_cut(s, 0, 1);
        street_disk_full(s, 0, true);
        assert_int_equal(street_vote(s, 2, OP_LEAVE, 2), MESH_OUT_DONE);
        street_run_for(s, 3600);
        size_t epochs = street_core(s, 0)->n_epochs;
        street_run_for(s, 3600);
        assert_int_equal(street_core(s, 0)->n_epochs, epochs); /* one is enough, however often the disk refuses it */
        street_disk_full(s, 0, false);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "under which key?", &id), MESH_OUT_DONE);
        street_off(s, 0);
        street_on(s, 0);
        street_mend(s, 0, 1);
        street_run_for(s, 1200);
        assert_true(street_has(s, 1, &id));
        street_free(s);
}

/* What is posted just before a link stands, by a clock that is ahead of the neighbour's, is not older than the time up to
 * which the two compare. It must not wait for the next comparing. */
static void test_ahead_of_the_neighbour(void **state) {
        (void)state;
        struct hash id;
        for (size_t ahead = 0; ahead < 2; ahead++) {
                STREET(2);
                street_clock(s, ahead, 30);
                street_run_for(s, 10);
                street_cut(s, 0, 1);
                street_run_for(s, 10);
                assert_int_equal(street_post(s, ahead, KIND_NOISE, "alone", &id), MESH_OUT_DONE);
                street_mend(s, 0, 1);
                assert_true(street_wait_links(s, ahead, 60));
                assert_true(street_wait_all_have(s, &id, 5));
                street_free(s);
        }
}

static size_t epochs_refused(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_epochs; i++)
                n += m->epochs[i]->refused;
        return n;
}

/* Of several keys that a full disk refused one is tried at a time; once it takes that one, it has them all. */
static void test_epochs_on_full_disk(void **state) {
        (void)state;
        STREET(9);
        const struct mesh *m = street_core(s, 0);
        street_run_for(s, 30);
        street_disk_full(s, 0, true);
        for (size_t i = 3; i < 9; i++) {
                assert_int_equal(street_vote(s, i, OP_LEAVE, i), MESH_OUT_DONE);
                street_run_for(s, 60);
        }
        size_t refused = epochs_refused(m);
        assert_true(refused >= 5);
        uint64_t asked = m->next_token;
        street_run_for(s, 600);
        assert_true(m->next_token - asked < 3 * 600 / (UNSAVED_TIME / 1000));
        street_disk_full(s, 0, false);
        street_run_for(s, 10);
        assert_int_equal(epochs_refused(m), 0);
        street_free(s);
}

/* However often the first of two operations is refused, there is room to remember the second. */
static void test_operations_on_full_disk(void **state) {
        (void)state;
        STREET(4);
        street_run_for(s, 10);
        for (size_t i = 1; i < 4; i++)
                street_off(s, i); /* else they would bring them back */
        street_disk_full(s, 0, true);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 2), MESH_OUT_STORE_FAILED);
        street_run_for(s, 600);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_STORE_FAILED);
        street_run_for(s, 600);
        street_disk_full(s, 0, false);
        street_run_for(s, 60);
        street_off(s, 0);
        street_on(s, 0);
        street_on(s, 1);
        street_run_for(s, 1200);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(roster_members(mesh_roster(street_core(s, i))), 2);
        street_free(s);
}

/* A key of others that the full disk refused is written again: who forgot the link keys of the others would find nobody. */
static void test_link_key_on_full_disk(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 10);
        street_disk_full(s, 1, true);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 2), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_disk_full(s, 1, false);
        street_run_for(s, 60);
        size_t epochs = street_core(s, 1)->n_epochs;
        street_off(s, 0);
        street_off(s, 1);
        street_on(s, 1);
        assert_int_equal(street_core(s, 1)->n_epochs, epochs);
        street_free(s);
}

/* A key of tomorrow, made while a clock was a day ahead: once it is right again it writes under none that others hold back. */
static void test_epoch_of_tomorrow(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_run_for(s, 10);
        street_cut(s, 0, 1);
        street_cut(s, 0, 2);
        street_run_for(s, 600);
        street_clock(s, 0, DAY);
        street_run_for(s, 600);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 2), MESH_OUT_DONE);
        street_clock(s, 0, 0);
        street_run_for(s, 600);
        street_mend(s, 0, 1);
        street_run_for(s, 12 * HOUR); /* midnight is past: the key's first day has come, not yet its hour */
        assert_int_equal(street_post(s, 0, KIND_FIRE, "now", &id), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_true(street_has(s, 1, &id));
        street_free(s);
}

/* An alert that a clock hours ahead has dated is taken back once the clock is right: by all. */
static void test_taking_back_what_is_ahead(void **state) {
        (void)state;
        struct hash alert, back;
        STREET(3);
        street_run_for(s, 10);
        street_cut(s, 0, 1);
        street_cut(s, 0, 2);
        street_run_for(s, 600);
        street_clock(s, 0, 14 * 3600);
        street_run_for(s, 600);
        struct mesh_status st;
        mesh_status(street_core(s, 0), &st);
        assert_true(st.time > street_wall(s) + 13 * 3600);
        assert_int_equal(street_post(s, 0, KIND_BREAK_IN, "by a wrong clock", &alert), MESH_OUT_DONE);
        street_clock(s, 0, 0);
        street_mend(s, 0, 1);
        street_mend(s, 0, 2);
        street_run_for(s, HOUR);
        assert_int_equal(street_follow(s, 0, RECORD_RETRACT, &alert, NULL, &back), MESH_OUT_DONE);
        street_run_for(s, 15 * HOUR);
        for (size_t i = 1; i < 3; i++) {
                assert_true(street_body(s, i, &back));
                assert_false(street_body(s, i, &alert));
        }
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_epoch_on_full_disk),      cmocka_unit_test(test_epochs_on_full_disk),
                cmocka_unit_test(test_operations_on_full_disk), cmocka_unit_test(test_link_key_on_full_disk),
                cmocka_unit_test(test_epoch_of_tomorrow),       cmocka_unit_test(test_taking_back_what_is_ahead),
                cmocka_unit_test(test_ahead_of_the_neighbour),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
