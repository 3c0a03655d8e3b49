/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets counted over the whole set (PROTOCOL 5.75 to 5.78): who names old operations alone brings in no more homes than
 * the charter says, throws nobody out, and what it brings in beyond that waits. Random histories: test-fold.c.
 */
#include "roster-rules.h"

#define HOME_INVITES 3
#define STEWARD_ADDS 6

static void begin_small(uint32_t most) {
        _clean_(buf_fini) struct buf rows = BUF_NULL;
        const struct wire_charter_row small[] = {
                {.key = CHARTER_max_members, .value = most},
                {.key = CHARTER_home_invites, .value = HOME_INVITES},
                {.key = CHARTER_steward_adds, .value = STEWARD_ADDS},
        };
        struct wire_list list = {0};
        for (size_t i = 0; i < ARRAY_LEN(small); i++)
                wire_list_add(&wire_charter_row_desc, &list, &rows, &small[i]);
        street_found(&s, 1, list);
        s.now -= s.now % MESH_DAY;
}

/* @inviter brings in @n homes from number @first on, each of which names only what @inviter knew when remembered. */
static void bring_unseen(uint32_t inviter, uint32_t first, uint32_t n) {
        s.backdate = true;
        for (uint32_t i = first; i < first + n; i++)
                assert_int_equal(street_join(&s, 1, i, inviter), 0);
        s.backdate = false;
}

/* The same, naming operation @known, which may be one head of many. */
static int about_knowing(uint32_t home, enum wire_e_op type, uint32_t target, struct hash known) {
        s.about = &known;
        int r = street_about(&s, 0, home, type, target);
        s.about = NULL;
        return r;
}

static size_t members_of(uint32_t first, uint32_t n) {
        size_t found = 0;
        for (uint32_t i = first; i < first + n; i++)
                found += street_member(&s, 0, i);
        return found;
}

static enum roster_waits waits(uint32_t home) {
        const struct roster_home *h;
        size_t at = 0;
        while ((h = roster_waiting_next(s.sides[0], &at)))
                if (key_eq(&h->key, &s.homes[home].key.pub))
                        return h->waits;
        return ROSTER_WAITS_NOT;
}

static size_t waiting(void) {
        size_t at = 0, n = 0;
        while (roster_waiting_next(s.sides[0], &at))
                n++;
        return n;
}

static void join(uint32_t first, uint32_t last, uint32_t inviter) {
        for (uint32_t i = first; i <= last; i++)
                assert_int_equal(street_join(&s, 0, i, inviter), 0);
}

/* ---- an ordinary home ---- */

/* Two homes that the street knows stay, whatever their inviter signs now; of ten that it makes up one finds a place. */
static void test_unseen_homes(void **state) {
        (void)state;
        begin_small(60);
        assert_int_equal(street_join(&s, 0, 1, 0), 0);
        street_sync(&s, 0, 1);
        street_remember(&s, 1, 1);
        assert_int_equal(street_join(&s, 0, 2, 1), 0);
        assert_int_equal(street_join(&s, 0, 3, 1), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_VOUCH, 3), 0); /* the founder has heard of both */
        bring_unseen(1, 10, 10);
        same_for_all(&s);
        assert_true(street_member(&s, 0, 2));
        assert_true(street_member(&s, 0, 3));
        assert_int_equal(members_of(10, 10), 1);
        assert_int_equal(waiting(), 9);
        assert_int_equal(roster_members(s.sides[0]), 5);
}

/* Four homes of the founder's; the first of them brings 5 to 7, and remembers what was before that. */
static void begin_three_known(void) {
        begin_small(60);
        join(1, 4, 0);
        street_sync(&s, 0, 1);
        street_remember(&s, 1, 1);
        join(5, 7, 1);
}

/* They have the places, and 10 to 12, who came to light later, have none. */
static void known_stand(void) {
        same_for_all(&s);
        assert_int_equal(members_of(5, 3), 3);
        assert_int_equal(members_of(10, 3), 0);
}

/* Its accomplices have built on them, all that came by itself, and one home that did not: that is less than two others. */
static void test_accomplices(void **state) {
        (void)state;
        begin_three_known();
        assert_int_equal(street_about(&s, 0, 2, OP_VOUCH, 7), 0);
        assert_int_equal(street_about(&s, 0, 3, OP_VOUCH, 7), 0);
        bring_unseen(1, 10, 3);
        for (uint32_t i = 10; i < 13; i++)
                assert_int_equal(street_about(&s, 1, i, OP_VOUCH, 0), 0);
        assert_int_equal(street_about(&s, 1, 4, OP_VOUCH, 11), 0);
        known_stand();
}

/* One steward has heard of three, two others of those that came to light later: the steward's word is worth more. */
static void test_stewards_before_others(void **state) {
        (void)state;
        begin_three_known();
        assert_int_equal(street_about(&s, 0, 0, OP_VOUCH, 7), 0);
        bring_unseen(1, 10, 3);
        for (uint32_t i = 2; i <= 4; i++)
                for (uint32_t k = 10; k < 13; k++)
                        assert_int_equal(street_about(&s, 1, i, OP_VOUCH, k), 0);
        known_stand();
}

/* Two doors that have not heard of each other let in two each, where three may stand: of each the first, and one more. */
static void test_both_sides_of_a_partition(void **state) {
        (void)state;
        begin_small(60);
        join(1, 3, 0);
        street_sync_all(&s);
        struct ticket t[4];
        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                street_ticket(&s, 1, 1, s.now + MESH_DAY, &t[i]);
        assert_int_equal(street_join_on(&s, 0, 10, &t[0], 2), 0);
        assert_int_equal(street_join_on(&s, 0, 11, &t[1], 2), 0);
        assert_int_equal(street_join_on(&s, 1, 12, &t[2], 3), 0);
        assert_int_equal(street_join_on(&s, 1, 13, &t[3], 3), 0);
        same_for_all(&s);
        assert_true(street_member(&s, 0, 10));
        assert_true(street_member(&s, 0, 12));
        assert_int_equal(members_of(11, 1) + members_of(13, 1), 1);
        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                ticket_fini(&t[i]);
}

/* Which of the two it is does not change when others build on both: who lost is named by nobody. */
static void test_stays_decided(void **state) {
        test_both_sides_of_a_partition(state);
        uint32_t lost = street_member(&s, 0, 11) ? 13 : 11;
        for (uint32_t i = 2; i < 4; i++)
                assert_int_equal(street_about(&s, (int)i, i, OP_VOUCH, 0), 0);
        same_for_all(&s);
        assert_false(street_member(&s, 0, lost));
        assert_int_equal(waits(lost), ROSTER_WAITS_PLACE);
}

static void test_what_a_waiting_home_is(void **state) {
        (void)state;
        test_unseen_homes(state);
        uint32_t who = waits(10) ? 10 : 11;
        const struct roster *r = s.sides[0];
        assert_int_equal(waits(who), ROSTER_WAITS_PLACE);
        assert_null(street_home(&s, 0, who));
        assert_null(roster_device_find(r, &s.homes[who].device.pub));
        assert_null(roster_noise_find(r, &s.homes[who].noise));
        assert_int_equal(street_about(&s, 0, who, OP_VOUCH, 0), ROSTER_E_RULE);
        struct ticket t;
        street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
        assert_int_equal(may_admit(who, SPAN_STR("Once More"), &t, s.now), ROSTER_E_MEMBER); /* its add stands */
        ticket_fini(&t);
        assert_int_equal(street_about(&s, 0, 0, OP_PROMOTE, who), ROSTER_E_RULE);
        /* A vote of the founder's, say, names nothing that waits. */
        struct hash ids[ROSTER_PARENTS_MAX];
        uint64_t seq;
        size_t n = roster_parents(r, &s.homes[0].key.pub, NULL, 0, ids, &seq);
        const struct roster_home *h;
        for (size_t at = 0; (h = roster_waiting_next(r, &at));)
                for (size_t i = 0; i < n; i++)
                        assert_false(hash_eq(&ids[i], &roster_home_op(r, h)->id));
        assert_int_equal(n, 2); /* its own, and the newcomer's that found a place */
}

/* Of those that wait the next comes in as soon as there is a place. */
static void test_a_place_becomes_free(void **state) {
        (void)state;
        test_unseen_homes(state);
        assert_int_equal(street_leave(&s, 0, 2), 0);
        assert_int_equal(members_of(10, 10), 2);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 3), 0);
        assert_int_equal(members_of(10, 10), 3);
        assert_int_equal(waiting(), 7);
        same_for_all(&s);
}

static void begin_below(uint32_t *ret_lost) {
        begin_small(60);
        assert_int_equal(street_join(&s, 0, 1, 0), 0);
        assert_int_equal(street_join(&s, 0, 2, 0), 0);
        street_sync(&s, 0, 1);
        street_remember(&s, 1, 1);
        struct hash known = s.old[0];
        struct ticket t;
        street_ticket(&s, 0, HOME_INVITES + 1, s.now + MESH_DAY, &t);
        for (uint32_t i = 0; i <= HOME_INVITES; i++) {
                s.old[0] = known;
                bring_unseen(1, 10 + i, 1);
                s.old[0] = s.last;
                bring_unseen(10 + i, 20 + i, 1);
                s.backdate = true; /* a guest of the founder's, at that door */
                assert_int_equal(street_join_on(&s, 1, 30 + i, &t, 10 + i), 0);
                s.backdate = false;
        }
        ticket_fini(&t);
        street_sync(&s, 1, 0);
        for (uint32_t i = 0; i <= HOME_INVITES; i++) /* each builds on a few */
                assert_int_equal(
                        about_knowing(2, OP_VOUCH, 30 + i, roster_home_op(s.sides[0], street_home(&s, 0, 30 + i))->id),
                        0);
        same_for_all(&s);
        *ret_lost = 10;
        while (street_member(&s, 0, *ret_lost))
                ++*ret_lost;
}

/* Who came on a ticket of a home that waits, waits; who only came through its door is a member. */
static void test_below_a_waiting_home(void **state) {
        (void)state;
        uint32_t lost;
        begin_below(&lost);
        assert_int_equal(waiting(), 2);
        assert_int_equal(waits(lost), ROSTER_WAITS_PLACE);
        assert_int_equal(waits(lost + 10), ROSTER_WAITS_INVITER);
        assert_int_equal(members_of(10, 4), 3);
        assert_int_equal(members_of(20, 4), 3);
        assert_int_equal(members_of(30, 4), 4);
}

/* ---- removing who did it ---- */

/* Nobody named those that wait, so with their inviter's removal they are void. */
static void test_removal_of_the_inviter(void **state) {
        (void)state;
        test_unseen_homes(state);
        assert_int_equal(street_remove_below(&s, 0, 0, 1), 0);
        assert_int_equal(waiting(), 0);
        assert_int_equal(roster_members(s.sides[0]), 1);
        same_for_all(&s);
}

/* Some were named, as an innocent came through their door: the removal takes them along, waiting or not. */
static void test_removal_of_what_was_named(void **state) {
        (void)state;
        uint32_t lost;
        begin_below(&lost);
        assert_int_equal(street_remove_below(&s, 0, 0, 1), 0);
        assert_int_equal(waiting(), 0);
        assert_int_equal(members_of(10, 4) + members_of(20, 4), 0);
        assert_int_equal(members_of(30, 4), 4);
        same_for_all(&s);
}

static void test_removal_of_one_that_waits(void **state) {
        (void)state;
        uint32_t lost;
        begin_below(&lost);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, lost), 0);
        assert_int_equal(waits(lost), ROSTER_WAITS_NOT);
        assert_non_null(street_home(&s, 0, lost));
        assert_false(street_member(&s, 0, lost));
        same_for_all(&s);
}

/* ---- stewards ---- */

/* Six on one day, and of those that nobody had heard of none beyond; another day has its own. */
static void test_steward_days(void **state) {
        (void)state;
        begin_small(60);
        assert_int_equal(street_join(&s, 0, 1, 0), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_PROMOTE, 1), 0);
        street_sync_all(&s);
        street_remember(&s, 1, 1);
        join(2, 5, 1);
        assert_int_equal(street_about(&s, 0, 0, OP_VOUCH, 5), 0);
        bring_unseen(1, 10, 10);
        s.now += MESH_DAY;
        bring_unseen(1, 30, STEWARD_ADDS);
        same_for_all(&s);
        assert_int_equal(members_of(2, 4), 4);
        assert_int_equal(members_of(10, 10), STEWARD_ADDS - 4);
        assert_int_equal(members_of(30, STEWARD_ADDS), STEWARD_ADDS);
        for (uint32_t i = 10; i < 20; i++)
                assert_true(street_member(&s, 0, i) || waits(i) == ROSTER_WAITS_DAY);
}

/* Who is a steward no more has an ordinary home's places for what it signs on as if it were. What had come before stays. */
static void test_demoted_steward(void **state) {
        (void)state;
        begin_small(60);
        for (uint32_t i = 1; i <= 2; i++) {
                assert_int_equal(street_join(&s, 0, i, 0), 0);
                assert_int_equal(street_about(&s, 0, 0, OP_PROMOTE, i), 0);
                if (i == 2)
                        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        }
        street_sync_all(&s);
        street_remember(&s, 1, 1);
        join(3, 7, 1);
        assert_int_equal(street_about(&s, 0, 0, OP_DEMOTE, 1), 0);
        assert_int_equal(street_endorse(&s, 0, 2, s.last), 0);
        struct hash demoted = s.last;
        assert_false(street_steward(&s, 0, 1));
        s.now += MESH_DAY;
        bring_unseen(1, 10, STEWARD_ADDS);
        s.now += MESH_DAY;
        bring_unseen(1, 20, STEWARD_ADDS);
        same_for_all(&s);
        assert_int_equal(members_of(3, 5), 5);
        assert_int_equal(members_of(10, 6) + members_of(20, 6), HOME_INVITES);
        /* Promoted again it invites as one again. */
        s.now += MESH_DAY;
        assert_int_equal(about_knowing(0, OP_PROMOTE, 1, demoted), 0);
        assert_int_equal(street_endorse(&s, 0, 2, s.last), 0);
        join(30, 30 + STEWARD_ADDS - 1, 1);
        same_for_all(&s);
        assert_int_equal(members_of(30, STEWARD_ADDS), STEWARD_ADDS);
}

/* ---- the whole mesh ---- */

/* Sybils' sybils, all within what each may: the mesh has room for twelve, and whoever was there stays. */
static void test_a_full_mesh(void **state) {
        (void)state;
        begin_small(12);
        join(1, 2, 0);
        street_sync(&s, 0, 1);
        street_remember(&s, 1, 1);
        join(3, 5, 2);
        assert_int_equal(street_about(&s, 0, 0, OP_VOUCH, 5), 0);
        bring_unseen(1, 10, HOME_INVITES);
        for (uint32_t i = 0; i < HOME_INVITES; i++) {
                s.n_old = 1;
                s.old[0] = roster_home_op(s.sides[1], street_home(&s, 1, 10 + i))->id;
                bring_unseen(10 + i, 20 + i * HOME_INVITES, HOME_INVITES);
        }
        same_for_all(&s);
        assert_int_equal(roster_members(s.sides[0]), 12);
        assert_int_equal(members_of(0, 6), 6);
        assert_int_equal(members_of(10, 3), 3);
        assert_int_equal(members_of(20, 9), 3);
        assert_int_equal(waiting(), 6);
        struct ticket t;
        street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
        assert_int_equal(may_admit(40, SPAN_STR("One More"), &t, s.now), ROSTER_E_FULL);
        ticket_fini(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(test_unseen_homes),
                CASE(test_accomplices),
                CASE(test_stewards_before_others),
                CASE(test_both_sides_of_a_partition),
                CASE(test_stays_decided),
                CASE(test_what_a_waiting_home_is),
                CASE(test_a_place_becomes_free),
                CASE(test_below_a_waiting_home),
                CASE(test_removal_of_the_inviter),
                CASE(test_removal_of_what_was_named),
                CASE(test_removal_of_one_that_waits),
                CASE(test_steward_days),
                CASE(test_demoted_steward),
                CASE(test_a_full_mesh),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
