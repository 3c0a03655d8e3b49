/* SPDX-License-Identifier: Apache-2.0 */
/* A record that a worn disk gives back with other bytes: nobody is sent it, and a neighbour's takes its place. */
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORN 0  /* the home with the worn disk */
#define WHOLE 1 /* one with the same records, off at first */
#define NEW 2   /* one that was off, and asks */
#define MINUTES 5

static uint64_t seed;

/* Home @author has posted; WORN and WHOLE have it on disk, WORN's has lost it, and only NEW and WORN are on. */
static struct street *worn(size_t author, struct hash *ret_id) {
        struct street *s = street_new(3, seed);
        street_run_for(s, 60);
        street_off(s, NEW);
        assert_int_equal(street_post(s, author, KIND_FIRE, "smoke", ret_id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, ret_id, 60));
        street_run_for(s, 60);
        street_off(s, WHOLE);
        street_off(s, WORN);
        street_disk_damage(s, WORN, ret_id);
        street_on(s, WORN);
        street_on(s, NEW);
        assert_true(street_wait_links(s, NEW, 60));
        street_run_for(s, MINUTES * 60);
        return s;
}

static void test_healed_by_a_neighbour(void **state) {
        (void)state;
        struct hash id;
        struct street *s = worn(WHOLE, &id);
        assert_false(street_has(s, NEW, &id));
        assert_true(street_disk_damaged(s, WORN, &id));
        street_on(s, WHOLE);
        assert_true(street_wait_all_have(s, &id, MINUTES * 60));
        street_run_for(s, MINUTES * 60);
        assert_false(street_disk_damaged(s, WORN, &id));
        street_free(s);
}

/* Its own it keeps in mind: the slot is taken, whatever the disk has forgotten. */
static void test_own_slot_stays_taken(void **state) {
        (void)state;
        struct hash id, next;
        struct street *s = worn(WORN, &id);
        assert_false(street_has(s, NEW, &id));
        assert_int_equal(street_post(s, WORN, KIND_FIRE, "more smoke", &next), MESH_OUT_DONE);
        street_on(s, WHOLE);
        assert_true(street_wait_all_have(s, &next, MINUTES * 60));
        assert_true(street_has(s, NEW, &next));
        street_run_for(s, MINUTES * 60);
        assert_true(street_has(s, NEW, &id)); /* from WHOLE; two in one slot would both be void */
        assert_true(street_has(s, WHOLE, &next));
        street_free(s);
}

/* The whole row is gone, and it is alone at first: the next one has another slot all the same, and the lost one comes back. */
static void test_slot_of_a_lost_record(void **state) {
        (void)state;
        struct hash id, next;
        struct street *s = street_new(3, seed);
        street_run_for(s, 60);
        assert_int_equal(street_post(s, WORN, KIND_FIRE, "smoke", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        street_off(s, WHOLE);
        street_off(s, NEW);
        street_off(s, WORN);
        street_disk_lose(s, WORN, &id);
        street_on(s, WORN);
        assert_int_equal(street_post(s, WORN, KIND_FIRE, "more smoke", &next), MESH_OUT_DONE);
        assert_false(street_has(s, WORN, &id));
        street_on(s, WHOLE);
        street_on(s, NEW);
        assert_true(street_wait_all_have(s, &next, MINUTES * 60));
        assert_true(street_wait_all_have(s, &id, MINUTES * 60));
        street_run_for(s, MINUTES * 60);
        for (size_t i = 0; i <= NEW; i++)
                assert_true(street_has(s, i, &id) && street_has(s, i, &next));
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_healed_by_a_neighbour),
                cmocka_unit_test(test_own_slot_stays_taken),
                cmocka_unit_test(test_slot_of_a_lost_record),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
