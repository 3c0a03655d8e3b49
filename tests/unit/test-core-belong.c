/* SPDX-License-Identifier: Apache-2.0 */
/* Who belongs: removals, leaving, the keys that follow, in streets of real cores. Seed: printed, and PORCHLIGHT_SEED. */
#include "core/core.h"
#include "core/epoch.h"
#include "core/link.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

static bool members_are(struct street *s, void *ctx) {
        size_t n = ((size_t *)ctx)[0], homes = ((size_t *)ctx)[1];
        for (size_t i = 0; i < homes; i++)
                if (mesh_roster(street_core(s, i)) && roster_members(mesh_roster(street_core(s, i))) != n)
                        return false;
        return true;
}

/* Removed: hears so, loses its links, reads nothing written afterwards. */
static void test_removed_reads_nothing(void **state) {
        (void)state;
        struct hash before, after;
        STREET(4);
        street_run_for(s, 5);
        assert_int_equal(street_post(s, 1, KIND_THEFT, "before", &before), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &before, 10));
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        size_t want[] = {3, 3};
        assert_true(street_wait(s, 10, members_are, want));
        street_run_for(s, 5);
        assert_int_equal(street_state(s, 3), FRESH_REMOVED);
        assert_int_equal(street_links(s, 3), 0);
        assert_int_equal(street_post(s, 3, KIND_FIRE, "I am still here", NULL), MESH_OUT_REMOVED);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "after", &after), MESH_OUT_DONE);
        street_run_for(s, 600);
        assert_true(street_has(s, 0, &after) && street_has(s, 2, &after));
        assert_false(street_has(s, 3, &after));
        assert_false(street_body(s, 3, &after));
        assert_int_equal(street_links(s, 3), 0);
        street_free(s);
}

/* Two stewards remove a home they are cut off from. Whoever is with it hears of both votes, one after the other, and lets it
 * know of both. */
static void test_removed_by_two_hears_of_both(void **state) {
        (void)state;
        STREET(4);
        street_run_for(s, 5);
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 1), MESH_OUT_DONE);
        street_run_for(s, 5);
        for (size_t a = 0; a < 2; a++)
                for (size_t b = 2; b < 4; b++)
                        street_cut(s, a, b);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_int_equal(street_endorse(s, 1, 3), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_int_equal(street_state(s, 3), FRESH_CURRENT);
        for (size_t b = 2; b < 4; b++)
                street_mend(s, 0, b);
        street_run_for(s, 600);
        assert_int_equal(street_state(s, 2), FRESH_CURRENT);
        assert_int_equal(street_state(s, 3), FRESH_REMOVED);
        street_free(s);
}

/* More votes than there are stewards to give them: a home that half the mesh removes is told of all of them, too. */
static void test_removed_by_many_hears_of_all(void **state) {
        (void)state;
        enum { HOMES = 24, VOTES = HOMES / 2 + 1, COMPANION = HOMES - 1 };
        STREET(HOMES);
        street_run_for(s, 60);
        for (size_t a = 1; a < COMPANION; a++) {
                street_cut(s, a, 0);
                street_cut(s, a, COMPANION);
        }
        assert_int_equal(street_vote(s, 1, OP_REMOVE, 0), MESH_OUT_DONE);
        street_run_for(s, 5);
        for (size_t a = 2; a <= VOTES; a++) {
                assert_int_equal(street_endorse(s, a, 0), MESH_OUT_DONE);
                street_run_for(s, 5);
        }
        assert_int_equal(street_members(s, 1), HOMES - 1);
        assert_int_equal(street_state(s, 0), FRESH_CURRENT);
        for (size_t a = 1; a < COMPANION; a++) {
                street_mend(s, a, 0);
                street_mend(s, a, COMPANION);
        }
        street_run_for(s, 900);
        assert_int_equal(street_state(s, COMPANION), FRESH_CURRENT);
        assert_int_equal(street_state(s, 0), FRESH_REMOVED);
        street_free(s);
}

/* One who was off while a neighbour was removed learns it first thing, and the fresh key with it. */
static void test_removal_while_off(void **state) {
        (void)state;
        struct hash after;
        STREET(4);
        street_run_for(s, 5);
        street_off(s, 2);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "after", &after), MESH_OUT_DONE);
        street_on(s, 2);
        street_run_for(s, 120);
        assert_true(street_has(s, 2, &after));
        assert_int_equal(roster_members(mesh_roster(street_core(s, 2))), 3);
        struct hash own;
        assert_int_equal(street_post(s, 2, KIND_FIRE, "back", &own), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_true(street_has(s, 0, &own) && street_has(s, 1, &own));
        assert_false(street_has(s, 3, &own));
        street_free(s);
}

/* A removed home can't come back on the ticket it came on, nor can anybody come on one it wrote. */
static void test_removed_cannot_rejoin(void **state) {
        (void)state;
        struct street *s = street_bare(3, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 5));
        assert_int_equal(street_join(s, 1, ticket), MESH_OUT_DONE);
        street_run_for(s, 5);
        char *theirs = strdup(street_invite(s, 1, 5));
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 1), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_int_equal(street_state(s, 1), FRESH_REMOVED);
        /* The removal closed the ticket for everybody, spent or not. */
        assert_int_equal(street_join(s, 2, ticket), MESH_OUT_TICKET_USED);
        street_knock(s, 2, 0);
        assert_int_equal(street_join(s, 2, theirs), MESH_OUT_TICKET_REVOKED);
        free(ticket);
        free(theirs);
        street_free(s);
}

static void test_leave(void **state) {
        (void)state;
        struct hash after;
        STREET(3);
        street_run_for(s, 5);
        assert_int_equal(street_vote(s, 2, OP_LEAVE, 2), MESH_OUT_DONE);
        size_t want[] = {2, 3};
        assert_true(street_wait(s, 10, members_are, want));
        assert_int_equal(street_post(s, 2, KIND_FIRE, "one more thing", NULL), MESH_OUT_LEFT);
        /* Nobody who stayed has completed anything: a member's device makes the epoch after its rank. */
        street_run_for(s, 40);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "after", &after), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_true(street_has(s, 0, &after));
        assert_false(street_has(s, 2, &after));
        street_free(s);
}

/* Who left where nobody could be reached tells the first one who can be, and is quiet then; also after a restart. */
static void test_leave_while_cut_off(void **state) {
        (void)state;
        STREET(4);
        street_run_for(s, 60);
        for (size_t i = 0; i < 3; i++)
                street_cut(s, i, 3);
        street_run_for(s, 600);
        assert_int_equal(street_vote(s, 3, OP_LEAVE, 3), MESH_OUT_DONE);
        street_run_for(s, 3600);
        assert_int_equal(roster_members(mesh_roster(street_core(s, 0))), 4);
        assert_true(dial_may(street_core(s, 3)));
        street_mend(s, 1, 3);
        size_t want[] = {3, 4};
        assert_true(street_wait(s, 450 + 30, members_are, want));
        street_run_for(s, 1);
        assert_int_equal(street_links(s, 3), 0);
        assert_false(dial_may(street_core(s, 3)));
        street_off(s, 3);
        street_on(s, 3);
        assert_true(dial_may(street_core(s, 3)));
        street_run_for(s, 1800);
        assert_false(dial_may(street_core(s, 3)));
        street_free(s);
}

/* Two partitions remove one home each: afterwards both are gone everywhere, and a merge epoch lets all write again. */
static void test_removals_on_both_sides(void **state) {
        (void)state;
        struct hash left, right;
        STREET(8);
        street_run_for(s, 10);
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 4), MESH_OUT_DONE);
        street_run_for(s, 5);
        for (size_t a = 0; a < 4; a++)
                for (size_t b = 4; b < 8; b++)
                        street_cut(s, a, b);
        street_run_for(s, 30);
        /* Two stewards now: one vote is not enough for either, but more than half of all units would be. */
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        assert_int_equal(street_vote(s, 4, OP_REMOVE, 7), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_int_equal(roster_members(mesh_roster(street_core(s, 1))), 8);
        /* Leaving is complete alone: one home leaves on each side. */
        assert_int_equal(street_vote(s, 3, OP_LEAVE, 3), MESH_OUT_DONE);
        assert_int_equal(street_vote(s, 7, OP_LEAVE, 7), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_int_equal(roster_members(mesh_roster(street_core(s, 1))), 7);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "left", &left), MESH_OUT_DONE);
        assert_int_equal(street_post(s, 5, KIND_FIRE, "right", &right), MESH_OUT_DONE);
        street_run_for(s, 30);
        for (size_t a = 0; a < 4; a++)
                for (size_t b = 4; b < 8; b++)
                        street_mend(s, a, b);
        street_run_for(s, 900);
        for (size_t i = 0; i < 8; i++) {
                if (i == 3 || i == 7)
                        continue;
                assert_int_equal(roster_members(mesh_roster(street_core(s, i))), 6);
                assert_true(street_has(s, i, &left) && street_has(s, i, &right));
        }
        struct hash merged;
        assert_int_equal(street_post(s, 6, KIND_FIRE, "merged", &merged), MESH_OUT_DONE);
        street_run_for(s, 30);
        for (size_t i = 0; i < 8; i++)
                assert_int_equal(street_has(s, i, &merged), i != 3 && i != 7);
        street_free(s);
}

static bool both_have_links(struct street *s, void *ctx) {
        (void)ctx;
        return street_links(s, 0) > 0 && street_links(s, 5) > 0;
}

/* Two halves that are cut off from each other; on each side four of five homes leave, and bring it four fresh keys. */
static void cut_and_leave(struct street *s) {
        street_run_for(s, 60);
        for (size_t a = 0; a < 5; a++)
                for (size_t b = 5; b < 10; b++)
                        street_cut(s, a, b);
        for (size_t i = 4; i > 0; i--) {
                street_run_for(s, 600);
                assert_int_equal(street_vote(s, i, OP_LEAVE, i), MESH_OUT_DONE);
                assert_int_equal(street_vote(s, 5 + i, OP_LEAVE, 5 + i), MESH_OUT_DONE);
        }
        street_run_for(s, 3600);
}

/* They open to each other with the key they shared. */
static void test_keys_on_both_sides(void **state) {
        (void)state;
        STREET(10);
        cut_and_leave(s);
        assert_false(both_have_links(s, NULL));
        street_mend(s, 0, 5);
        /* Nobody was there for an hour: they knock every 150 to 450 s, and once the door is heard, key after key. */
        assert_true(street_wait(s, 450 + 30, both_have_links, NULL));
        street_free(s);
}

/* The newest, the one that both had, and then later ones: the order in which home 0 tries its keys at home 5. */
static void test_order_of_keys(void **state) {
        (void)state;
        static const uint8_t no_contact[16];
        struct key keys[SECRETS_MOST];
        size_t tries;
        STREET(10);
        cut_and_leave(s);
        struct mesh *m = street_core(s, 0);
        struct address *a = m->addresses;
        while (!key_eq(&a->device, &street_core(s, 5)->sign.pub))
                a++;
        size_t n = link_keys(m, keys);
        assert_int_equal(n, 5);
        static const size_t shared_first[] = {0, 4, 3, 2, 1}, newest_first[] = {0, 1, 2, 3, 4};
        for (a->psk_try = 0; a->psk_try < n; a->psk_try++)
                assert_int_equal(psk_pick(m, a, keys, n, &tries), shared_first[a->psk_try]);
        assert_int_equal(tries, n);
        memcpy(a->shared, no_contact, sizeof(a->shared));
        for (a->psk_try = 0; a->psk_try < n; a->psk_try++)
                assert_int_equal(psk_pick(m, a, keys, n, &tries), newest_first[a->psk_try]);
        memcpy(a->shared, epoch_newest(m)->id, sizeof(a->shared));
        a->psk_try = 0;
        assert_int_equal(psk_pick(m, a, keys, n, &tries), 0);
        assert_int_equal(tries, 1);
        street_free(s);
}

/* A full disk at the one who removes: nobody hears of it before it is durable, and it goes through once there is room. */
static void test_removal_on_full_disk(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 5);
        street_disk_full(s, 0, true);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 2), MESH_OUT_STORE_FAILED);
        street_run_for(s, 20);
        assert_int_equal(roster_members(mesh_roster(street_core(s, 1))), 3);
        street_disk_full(s, 0, false);
        size_t want[] = {2, 2};
        assert_true(street_wait(s, 30, members_are, want));
        street_free(s);
}

/* A full disk at the one who admits: the new home counts nowhere before it is durable, and its ticket is not spent. */
static void test_admission_on_full_disk(void **state) {
        (void)state;
        struct street *s = street_bare(4, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 1, street_invite(s, 0, 1)), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 1));
        street_run_for(s, 5);
        street_disk_full(s, 0, true);
        assert_int_not_equal(street_join(s, 2, ticket), MESH_OUT_DONE);
        assert_int_not_equal(street_join(s, 3, ticket), MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(roster_members(mesh_roster(street_core(s, i))), 2);
                assert_int_equal(roster_ops(mesh_roster(street_core(s, i))), 2);
        }
        assert_int_equal(street_state(s, 2), FRESH_JOINING);
        street_disk_full(s, 0, false);
        size_t want[] = {3, 2};
        assert_true(street_wait(s, 600, members_are, want));
        street_run_for(s, 600); /* both ask again: one has the ticket's only use */
        assert_true(members_are(s, want));
        assert_int_equal((street_state(s, 2) == FRESH_CURRENT) + (street_state(s, 3) == FRESH_CURRENT), 1);
        street_off(s, 0);
        street_on(s, 0);
        assert_int_equal(roster_members(mesh_roster(street_core(s, 0))), 3);
        free(ticket);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_removed_reads_nothing),
                cmocka_unit_test(test_removal_while_off),
                cmocka_unit_test(test_removed_by_two_hears_of_both),
                cmocka_unit_test(test_removed_by_many_hears_of_all),
                cmocka_unit_test(test_removed_cannot_rejoin),
                cmocka_unit_test(test_leave),
                cmocka_unit_test(test_leave_while_cut_off),
                cmocka_unit_test(test_removals_on_both_sides),
                cmocka_unit_test(test_removal_on_full_disk),
                cmocka_unit_test(test_admission_on_full_disk),
                cmocka_unit_test(test_keys_on_both_sides),
                cmocka_unit_test(test_order_of_keys),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
