/* SPDX-License-Identifier: Apache-2.0 */
/* The core, many of it, in virtual time: what a street must do whatever the network does. Seed: printed, and PORCHLIGHT_SEED. */
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

static void test_two_homes(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "Smoke from the bakery", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        street_run_for(s, 2);
        assert_int_equal(street_handed(s, 0, &id), 1);
        assert_int_equal(street_post(s, 1, KIND_NOISE, "A bang", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        street_free(s);
}

/* Nothing leaves a home before its own disk has it. */
static void test_stored_before_sent(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_disk_full(s, 0, true);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "never", &id), MESH_OUT_STORE_FAILED);
        street_run_for(s, 5);
        assert_int_equal(street_count(s, 1), 0);
        street_disk_full(s, 0, false);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "now", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        street_free(s);
}

static void test_third_hears_through_second(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_run_for(s, 10); /* contacts go round: 1 and 2 hear of each other */
        street_cut(s, 0, 2);
        street_run_for(s, 30);
        assert_int_equal(street_post(s, 0, KIND_SMOKE, "relayed", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        street_free(s);
}

static void test_off_and_catch_up(void **state) {
        (void)state;
        struct hash ids[40];
        STREET(4);
        street_off(s, 3);
        street_run_for(s, 1);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_int_equal(street_post(s, i % 3, KIND_THEFT, "while you were away", &ids[i]), MESH_OUT_DONE);
        street_run_for(s, 5);
        street_on(s, 3);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_true(street_wait_all_have(s, &ids[i], 60));
        street_run_for(s, 200);
        for (size_t home = 0; home < 4; home++)
                for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                        assert_int_equal(street_times(s, home, &ids[i]), 1);
        street_free(s);
}

static void test_partition_heals(void **state) {
        (void)state;
        struct hash left, right;
        STREET(6);
        for (size_t a = 0; a < 3; a++)
                for (size_t b = 3; b < 6; b++)
                        street_cut(s, a, b);
        street_run_for(s, 60);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "left", &left), MESH_OUT_DONE);
        assert_int_equal(street_post(s, 4, KIND_FIRE, "right", &right), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_false(street_has(s, 4, &left));
        assert_false(street_has(s, 1, &right));
        for (size_t a = 0; a < 3; a++)
                for (size_t b = 3; b < 6; b++)
                        street_mend(s, a, b);
        assert_true(street_wait_all_have(s, &left, 900));
        assert_true(street_wait_all_have(s, &right, 900));
        street_free(s);
}

static void test_retract_reaches_everybody(void **state) {
        (void)state;
        struct hash id, taken;
        STREET(3);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "a mistake", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        street_off(s, 2);
        assert_int_equal(street_follow(s, 1, RECORD_RETRACT, &id, NULL, NULL), MESH_OUT_NOT_YOURS);
        assert_int_equal(street_follow(s, 0, RECORD_RETRACT, &id, NULL, &taken), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &taken, 10));
        street_on(s, 2);
        assert_true(street_wait_all_have(s, &taken, 60));
        street_run_for(s, 300);
        for (size_t i = 0; i < 3; i++) {
                assert_false(street_has(s, i, &id));
                assert_false(street_body(s, i, &id));
        }
        street_free(s);
}

/* A home that starts anew knows what was taken back: it counts what its neighbour counts, and there is nothing to talk about. */
static void test_retracted_stays_so(void **state) {
        (void)state;
        struct hash id, taken;
        STREET(2);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "a mistake", &id), MESH_OUT_DONE);
        assert_int_equal(street_follow(s, 0, RECORD_RETRACT, &id, NULL, &taken), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &taken, 10));
        street_run_for(s, 120);
        street_off(s, 1);
        street_run_for(s, 5);
        uint64_t before = street_bytes(s);
        street_on(s, 1);
        assert_true(street_wait_links(s, 1, 60));
        street_run_for(s, 5);
        assert_in_range(street_bytes(s) - before, 1, 3 * 256 + 2 * 128); /* handshake and hellos */
        street_free(s);
}

static void test_follow_rules(void **state) {
        (void)state;
        struct hash id, f, nothing = {{1}};
        STREET(2);
        assert_int_equal(street_post(s, 0, KIND_FLOOD, "cellar", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        assert_int_equal(street_follow(s, 0, RECORD_CONFIRM, &id, NULL, NULL), MESH_OUT_YOURS);
        assert_int_equal(street_follow(s, 1, RECORD_UPDATE, &id, "x", NULL), MESH_OUT_NOT_YOURS);
        assert_int_equal(street_follow(s, 1, RECORD_CONFIRM, &nothing, NULL, NULL), MESH_OUT_NO_TARGET);
        assert_int_equal(street_follow(s, 1, RECORD_CONFIRM, &id, "here too", &f), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &f, 10));
        assert_int_equal(street_follow(s, 0, RECORD_RESOLVE, &id, "dry", &f), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &f, 10));
        street_free(s);
}

static void test_quota(void **state) {
        (void)state;
        STREET(1);
        for (int i = 0; i < 12; i++)
                assert_int_equal(street_post(s, 0, KIND_FIRE, "x", NULL), MESH_OUT_DONE);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "x", NULL), MESH_OUT_NO_SLOTS);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "x", NULL), MESH_OUT_DONE);
        street_off(s, 0); /* slots are not forgotten over a restart */
        street_on(s, 0);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "x", NULL), MESH_OUT_NO_SLOTS);
        street_free(s);
}

static void test_tickets(void **state) {
        (void)state;
        struct street *s = street_bare(4, seed);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "x", NULL), MESH_OUT_NO_MESH);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_found(s, 0), MESH_OUT_IN_MESH);
        char *one = strdup(street_invite(s, 0, 1));
        assert_int_equal(street_join(s, 1, one), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 2, one), MESH_OUT_TICKET_USED);
        char *revoked = strdup(street_invite(s, 0, 1));
        assert_int_equal(street_revoke(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 2, revoked), MESH_OUT_TICKET_REVOKED);
        street_run_for(s, 5);
        street_cut(s, 0, 3); /* home 1 heard of it: at the inviter's or elsewhere, the ticket is refused by name */
        street_knock(s, 3, 1);
        assert_int_equal(street_join(s, 3, revoked), MESH_OUT_TICKET_REVOKED);
        street_mend(s, 0, 3);
        char *late = strdup(street_invite(s, 0, 1));
        street_run_for(s, 8 * 86400.0);
        assert_int_equal(street_join(s, 2, late), MESH_OUT_TICKET_EXPIRED);
        char *good = strdup(street_invite(s, 0, 1));
        street_off(s, 0);
        assert_int_equal(street_join(s, 2, good), MESH_OUT_UNREACHABLE);
        street_on(s, 0); /* joining goes on in the background */
        assert_true(street_wait_links(s, 2, 600));
        free(one), free(revoked), free(late), free(good);
        street_free(s);
}

static void test_restart_keeps_everything(void **state) {
        (void)state;
        struct hash before, after;
        STREET(3);
        assert_int_equal(street_post(s, 0, KIND_STORM, "before", &before), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &before, 10));
        for (size_t i = 0; i < 3; i++)
                street_off(s, i);
        for (size_t i = 0; i < 3; i++)
                street_on(s, i);
        for (size_t i = 0; i < 3; i++)
                assert_true(street_wait_links(s, i, 120));
        assert_int_equal(street_post(s, 2, KIND_STORM, "after", &after), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &after, 60));
        street_free(s);
}

/* Strangers get no byte of answer, whatever they send. */
static void test_strangers(void **state) {
        (void)state;
        uint8_t junk[5000];
        struct rng rng;
        uint8_t r[32] = {7};
        STREET(2);
        rng_init(&rng, r);
        static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 257, 1024, 4096, 4097, 5000};
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                rng_bytes(&rng, junk, sizes[i]);
                assert_int_equal(street_stranger(s, 0, span_of(junk, sizes[i])), 0);
        }
        memset(junk, 0, sizeof(junk));
        assert_int_equal(street_stranger(s, 1, span_of(junk, sizeof(junk))), 0);
        street_free(s);
}

/* A Pi without a clock: it takes the time from its neighbours, posts, and is believed. */
static void test_clock_in_1970(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_off(s, 2);
        street_clock(s, 2, -1790000000);
        street_on(s, 2);
        assert_true(street_wait_links(s, 2, 60));
        street_run_for(s, 5);
        assert_int_equal(street_post(s, 2, KIND_FIRE, "what time is it", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        street_free(s);
}

static void test_twenty_on_one_ticket(void **state) {
        (void)state;
        struct hash id;
        STREET(20);
        street_run_for(s, 120);
        assert_int_equal(street_post(s, 13, KIND_FIRE, "all of you", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        for (size_t i = 0; i < 20; i++)
                assert_int_equal(street_times(s, i, &id), 1);
        street_free(s);
}

/* However many come on its ticket, a home lets them in one after the other, and keeps a link to a few. */
static void test_forty_on_one_ticket(void **state) {
        (void)state;
        struct mesh_status st;
        STREET(40);
        street_run_for(s, 60);
        mesh_status(street_core(s, 0), &st);
        assert_int_equal(st.homes, 40);
        assert_true(st.links <= 12);
        for (size_t i = 0; i < 40; i++)
                assert_true(street_wait_links(s, i, 120));
        street_free(s);
}

/* An idle street says little: deadlines must not spin. */
static void test_idle_is_quiet(void **state) {
        (void)state;
        STREET(5);
        street_run_for(s, 300);
        uint64_t before = street_bytes(s);
        street_run_for(s, 3600);
        uint64_t each = (street_bytes(s) - before) / 3600 / 5;
        assert_true(each < 80); /* bytes a second a home */
        street_free(s);
}

static void test_same_seed_same_run(void **state) {
        (void)state;
        uint64_t bytes[2];
        for (int i = 0; i < 2; i++) {
                STREET(4);
                street_post(s, 2, KIND_FIRE, "x", NULL);
                street_run_for(s, 600);
                bytes[i] = street_bytes(s);
                street_free(s);
        }
        assert_int_equal(bytes[0], bytes[1]);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_homes),
                cmocka_unit_test(test_stored_before_sent),
                cmocka_unit_test(test_third_hears_through_second),
                cmocka_unit_test(test_off_and_catch_up),
                cmocka_unit_test(test_partition_heals),
                cmocka_unit_test(test_retract_reaches_everybody),
                cmocka_unit_test(test_retracted_stays_so),
                cmocka_unit_test(test_follow_rules),
                cmocka_unit_test(test_quota),
                cmocka_unit_test(test_tickets),
                cmocka_unit_test(test_restart_keeps_everything),
                cmocka_unit_test(test_strangers),
                cmocka_unit_test(test_clock_in_1970),
                cmocka_unit_test(test_twenty_on_one_ticket),
                cmocka_unit_test(test_forty_on_one_ticket),
                cmocka_unit_test(test_idle_is_quiet),
                cmocka_unit_test(test_same_seed_same_run),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
