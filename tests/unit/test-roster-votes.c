/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of votes one by one: how they count, and what becomes of homes that fall out by them. */
#include "roster-rules.h"

/* ---- votes ---- */

static void test_removing_an_ordinary_home(void **state) {
        (void)state;
        begin(&s, 6, 3);
        assert_int_equal(street_about(&s, 0, 4, OP_REMOVE, 5), 0); /* any home may propose */
        struct hash p = s.last;
        assert_int_equal(street_endorse(&s, 0, 5, p), ROSTER_E_RULE); /* not the target */
        assert_int_equal(street_endorse(&s, 0, 4, p), ROSTER_E_RULE); /* one vote a household */
        assert_int_equal(street_endorse(&s, 0, 0, p), 0);
        assert_true(street_member(&s, 0, 5));
        assert_int_equal(street_endorse(&s, 0, 1, p), 0);
        assert_false(street_member(&s, 0, 5));
        assert_int_equal(street_home(&s, 0, 5)->gone_at, roster_op_find(s.sides[0], &p)->time);
        const struct roster_device *d = roster_device_find(s.sides[0], &s.homes[5].device.pub);
        assert_non_null(d);
        assert_int_equal(d->gone_at, roster_op_find(s.sides[0], &p)->time);
        assert_null(roster_noise_find(s.sides[0], &s.homes[5].noise));
        assert_int_equal(street_about(&s, 0, 5, OP_VOUCH, 1), ROSTER_E_RULE);
        assert_int_equal(street_join(&s, 0, 5, 0), ROSTER_E_RULE); /* no ticket brings it back */
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 0), ROSTER_E_RULE);
        same_for_all(&s);
}

static void test_one_steward_alone(void **state) {
        (void)state;
        begin(&s, 3, 1);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 1), 0);
        assert_false(street_member(&s, 0, 1));
        same_for_all(&s);
}

/* Two stewards remove each other on two sides: the senior's vote alone is enough, the junior's is not. */
static void test_two_stewards(void **state) {
        (void)state;
        begin(&s, 4, 2);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 1), 0);
        assert_int_equal(street_about(&s, 1, 1, OP_REMOVE, 0), 0);
        assert_true(street_member(&s, 1, 0));
        same_for_all(&s);
        assert_true(street_member(&s, 0, 0));
        assert_false(street_member(&s, 0, 1));
}

/* Three: 0 and 2 remove 1, while 1 and 2 remove 0. Votes are even; of 0 and 1 the founder is senior. */
static void test_three_stewards(void **state) {
        (void)state;
        begin(&s, 5, 3);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 1), 0);
        assert_int_equal(street_endorse(&s, 0, 2, s.last), 0);
        assert_false(street_member(&s, 0, 1));
        assert_int_equal(street_about(&s, 1, 1, OP_REMOVE, 0), 0);
        struct hash p = s.last;
        street_sync(&s, 0, 2);
        street_sync(&s, 1, 2);
        assert_int_equal(street_endorse(&s, 2, 2, p), 0);
        same_for_all(&s);
        assert_true(street_member(&s, 0, 0));
        assert_false(street_member(&s, 0, 1));
        assert_true(street_member(&s, 0, 2));
}

/* Four: 0, 1, 2 remove 3 (three votes are more than half); 3 and 1 and 2 remove 0: even, the founder's goes first and what
 * 3 signed unseen is void, which leaves the other short. */
static void test_four_stewards(void **state) {
        (void)state;
        begin(&s, 6, 4);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 3), 0);
        struct hash p = s.last;
        assert_int_equal(street_endorse(&s, 0, 1, p), 0);
        assert_true(street_member(&s, 0, 3));
        assert_int_equal(street_endorse(&s, 0, 2, p), 0);
        assert_false(street_member(&s, 0, 3));
        assert_int_equal(street_about(&s, 1, 3, OP_REMOVE, 0), 0);
        struct hash q = s.last;
        street_sync(&s, 0, 2);
        street_sync(&s, 1, 2);
        assert_int_equal(street_endorse(&s, 2, 1, q), 0);
        assert_int_equal(street_endorse(&s, 2, 2, q), 0);
        same_for_all(&s);
        assert_true(street_member(&s, 0, 0));
        assert_false(street_member(&s, 0, 3));
}

/* A removed steward signs on, on what it knew: homes, votes and stewards of its own, all void. */
static void test_removed_steward_backdates(void **state) {
        bool current;
        (void)state;
        begin(&s, 6, 3);
        struct hash removed, later;
        street_remember(&s, 0, 2);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 2), 0);
        struct hash p = s.last;
        assert_int_equal(street_endorse(&s, 0, 1, p), 0);
        assert_false(street_member(&s, 0, 2));
        roster_removed(s.sides[0], &removed);
        s.backdate = true;
        for (uint32_t i = 20; i < 24; i++)
                assert_int_equal(street_join(&s, 1, i, 2), 0);
        assert_int_equal(street_about(&s, 1, 2, OP_REMOVE, 5), 0);
        assert_int_equal(street_about(&s, 1, 2, OP_PROMOTE, 4), 0);
        assert_int_equal(street_about(&s, 1, 2, OP_DEMOTE, 1), 0);
        s.backdate = false;
        assert_int_equal(street_join(&s, 1, 30, 20), 0); /* what its homes brought */
        assert_true(street_member(&s, 1, 20));
        same_for_all(&s);
        for (uint32_t i = 0; i < 6; i++)
                assert_int_equal(street_member(&s, 0, i), i != 2);
        assert_int_equal(roster_members(s.sides[0]), 5);
        assert_int_equal(roster_stewards(s.sides[0]), 2);
        assert_null(street_home(&s, 0, 20));
        assert_null(street_home(&s, 0, 30));
        roster_removed(s.sides[0], &later);
        assert_true(hash_eq(&removed, &later)); /* so nobody makes an epoch for it */
        assert_int_equal(roster_removed_at(s.sides[0], &s.ops[s.n_ops - 1].id, 1, NULL, &later, &current), 0);
        assert_false(hash_eq(&removed, &later));
}

/* What enough of the voters had seen stands: its homes stay when the steward goes. */
static void test_seen_stands(void **state) {
        (void)state;
        begin(&s, 4, 3);
        assert_int_equal(street_join(&s, 0, 10, 2), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 2), 0);
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        assert_false(street_member(&s, 0, 2));
        assert_true(street_member(&s, 0, 10));
        same_for_all(&s);
}

/* The only steward leaves. Of five homes three remove a fourth. */
static void test_no_steward(void **state) {
        (void)state;
        begin(&s, 6, 1);
        assert_int_equal(street_leave(&s, 0, 0), 0);
        assert_true(street_home(&s, 0, 0)->left);
        assert_int_equal(roster_stewards(s.sides[0]), 0);
        assert_int_equal(street_about(&s, 0, 1, OP_REMOVE, 5), 0);
        struct hash p = s.last;
        assert_int_equal(street_endorse(&s, 0, 2, p), 0);
        assert_true(street_member(&s, 0, 5));
        assert_int_equal(street_endorse(&s, 0, 3, p), 0);
        assert_false(street_member(&s, 0, 5));
        assert_int_equal(street_about(&s, 0, 1, OP_PROMOTE, 2), 0);
        p = s.last;
        assert_int_equal(street_endorse(&s, 0, 3, p), 0);
        assert_false(street_steward(&s, 0, 2));
        assert_int_equal(street_endorse(&s, 0, 4, p), 0);
        assert_true(street_steward(&s, 0, 2));
        same_for_all(&s);
}

/* An ordinary home that brings ten homes has one vote with them, not eleven. */
static void test_subtree_has_one_vote(void **state) {
        (void)state;
        begin(&s, 5, 1);
        for (uint32_t i = 10; i < 20; i++)
                assert_int_equal(street_join(&s, 0, i, 1), 0);
        assert_int_equal(street_about(&s, 0, 1, OP_REMOVE, 4), 0);
        struct hash p = s.last;
        for (uint32_t i = 10; i < 20; i++)
                assert_int_equal(street_endorse(&s, 0, i, p), 0);
        assert_true(street_member(&s, 0, 4)); /* units: 0, 1 with its ten, 2, 3, 4 */
        assert_int_equal(street_endorse(&s, 0, 2, p), 0);
        assert_true(street_member(&s, 0, 4));
        assert_int_equal(street_endorse(&s, 0, 3, p), 0);
        assert_false(street_member(&s, 0, 4));
        same_for_all(&s);
}

static void test_subtree_removal(void **state) {
        (void)state;
        begin(&s, 5, 2);
        assert_int_equal(street_join(&s, 0, 10, 3), 0);
        assert_int_equal(street_join(&s, 0, 11, 10), 0);
        assert_int_equal(street_join(&s, 0, 12, 10), 0);
        assert_int_equal(street_join(&s, 0, 13, 3), 0);
        assert_int_equal(street_join(&s, 0, 14, 13), 0);
        assert_int_equal(street_about(&s, 0, 3, OP_VOUCH, 10), ROSTER_E_RULE); /* its own guest */
        assert_int_equal(street_about(&s, 0, 4, OP_VOUCH, 12), 0);
        assert_int_equal(street_about(&s, 0, 4, OP_VOUCH, 12), ROSTER_E_RULE);
        assert_int_equal(street_about(&s, 0, 1, OP_VOUCH, 12), 0);
        assert_int_equal(street_about(&s, 0, 1, OP_VOUCH, 11), 0);
        assert_int_equal(street_about(&s, 0, 3, OP_VOUCH, 11), 0); /* from inside: does not count */
        assert_int_equal(street_about(&s, 0, 0, OP_PROMOTE, 13), 0);
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        assert_int_equal(street_remove_below(&s, 0, 0, 3), 0);
        struct hash p = s.last;
        assert_int_equal(street_endorse(&s, 0, 11, p), ROSTER_E_RULE); /* a target too */
        street_sync_all(&s);
        assert_int_equal(street_join(&s, 1, 15, 10), 0); /* unseen by the voters */
        assert_int_equal(street_endorse(&s, 0, 1, p), 0);
        same_for_all(&s);
        assert_false(street_member(&s, 0, 3));
        assert_false(street_member(&s, 0, 10));
        assert_false(street_member(&s, 0, 11));
        assert_true(street_member(&s, 0, 12)); /* two members outside vouch */
        assert_true(street_member(&s, 0, 13)); /* a steward, with what it brought */
        assert_true(street_member(&s, 0, 14));
        assert_false(street_member(&s, 0, 15));
        assert_null(street_home(&s, 0, 15));
}

static void test_demotion(void **state) {
        (void)state;
        begin(&s, 6, 3);
        assert_int_equal(street_about(&s, 0, 1, OP_REMOVE, 5), 0);
        struct hash p = s.last;
        street_sync_all(&s);
        assert_int_equal(street_about(&s, 0, 0, OP_DEMOTE, 2), 0);
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        assert_false(street_steward(&s, 0, 2));
        assert_true(street_member(&s, 0, 2));
        assert_int_equal(street_endorse(&s, 1, 2, p), 0); /* side 1: 2 is a steward still */
        assert_false(street_member(&s, 1, 5));
        same_for_all(&s);
        assert_true(street_member(&s, 0, 5));                     /* a vote unseen by the demotion's */
        assert_int_equal(street_about(&s, 0, 2, OP_VOUCH, 4), 0); /* and its chain goes on */
        assert_int_equal(street_about(&s, 0, 0, OP_PROMOTE, 2), 0);
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        assert_true(street_steward(&s, 0, 2));
        same_for_all(&s);
        /* A steward again, and its votes after the demotion count again: it and one other remove a home. */
        assert_int_equal(street_about(&s, 0, 2, OP_REMOVE, 5), 0);
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        assert_false(street_member(&s, 0, 5));
        same_for_all(&s);
}

/* To know that a removal or demotion was proposed is not to know that it came: votes of its target from there are void. */
static void vote_from_the_past(enum wire_e_op type) {
        begin(&s, 8, 4);
        assert_int_equal(street_about(&s, 0, 0, type, 3), 0);
        struct hash p = s.last;
        street_sync_all(&s);
        assert_int_equal(street_endorse(&s, 0, 1, p), 0);
        assert_int_equal(street_endorse(&s, 0, 2, p), 0);
        assert_int_equal(street_about(&s, 1, 3, OP_REMOVE, 5), 0); /* side 1 has the proposal, and none of the votes */
        struct hash q = s.last;
        same_for_all(&s);
        street_endorse(&s, 0, 2, q);
        assert_true(street_member(&s, 0, 5));
        same_for_all(&s);
}

static void test_vote_of_a_removed_home(void **state) {
        (void)state;
        vote_from_the_past(OP_REMOVE);
}

static void test_vote_of_a_demoted_steward(void **state) {
        (void)state;
        vote_from_the_past(OP_DEMOTE);
}

/* Who was made a steward by votes that fell votes as an ordinary home. */
static void test_stewardship_rests_on_votes(void **state) {
        (void)state;
        begin(&s, 8, 4);
        assert_int_equal(street_about(&s, 0, 0, OP_PROMOTE, 4), 0);
        struct hash promote = s.last;
        assert_int_equal(street_about(&s, 0, 1, OP_REMOVE, 5), 0);
        struct hash p = s.last;
        street_sync_all(&s);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 2), 0);
        struct hash removal = s.last;
        assert_int_equal(street_endorse(&s, 0, 1, removal), 0);
        assert_int_equal(street_endorse(&s, 0, 3, removal), 0);
        assert_int_equal(street_endorse(&s, 1, 2, promote), 0); /* unseen */
        assert_true(street_steward(&s, 1, 4));
        assert_int_equal(street_endorse(&s, 1, 4, p), 0);
        assert_true(street_member(&s, 1, 5)); /* in past(proposal) it was no steward */
        assert_int_equal(street_about(&s, 1, 4, OP_REMOVE, 6), 0);
        p = s.last;
        assert_int_equal(street_endorse(&s, 1, 7, p), 0);
        same_for_all(&s);
        assert_false(street_member(&s, 0, 2));
        assert_false(street_steward(&s, 0, 4));
        assert_int_equal(street_endorse(&s, 0, 0, p), 0); /* one steward's vote; 4's is no longer one */
        assert_true(street_member(&s, 0, 6));
        assert_int_equal(street_endorse(&s, 0, 1, p), 0);
        assert_false(street_member(&s, 0, 6));
        same_for_all(&s);
}

static void test_return(void **state) {
        (void)state;
        begin(&s, 6, 4);
        assert_int_equal(street_about(&s, 0, 0, OP_RETURN, 5), ROSTER_E_RULE); /* is a member */
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 5), 0);
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        assert_false(street_member(&s, 0, 5));
        assert_int_equal(street_about(&s, 0, 2, OP_RETURN, 5), 0);
        struct hash p = s.last;
        assert_int_equal(street_endorse(&s, 0, 3, p), 0);
        assert_false(street_member(&s, 0, 5)); /* as many votes are not more */
        assert_int_equal(street_endorse(&s, 0, 0, p), 0);
        assert_true(street_member(&s, 0, 5));
        assert_int_equal(street_about(&s, 0, 5, OP_VOUCH, 1), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 5), 0); /* a later removal is a new one */
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        assert_false(street_member(&s, 0, 5));
        assert_int_equal(street_leave(&s, 0, 4), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_RETURN, 4), ROSTER_E_RULE); /* it left by itself */
        same_for_all(&s);
}

/* A removal closes the ticket the home came on. */
static void test_removal_closes_ticket(void **state) {
        (void)state;
        begin(&s, 3, 1);
        struct ticket t;
        street_ticket(&s, 0, 5, s.now + MESH_DAY, &t);
        assert_int_equal(street_join_on(&s, 0, 10, &t, 1), 0);
        assert_int_equal(street_join_on(&s, 0, 11, &t, 1), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 10), 0);
        assert_int_equal(street_join_on(&s, 0, 12, &t, 1), ROSTER_E_RULE);
        assert_int_equal(may_admit(12, SPAN_STR("Twelve"), &t, s.now), ROSTER_E_USED);
        assert_true(street_member(&s, 0, 11));
        ticket_fini(&t);
        same_for_all(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(test_removing_an_ordinary_home),
                CASE(test_one_steward_alone),
                CASE(test_two_stewards),
                CASE(test_three_stewards),
                CASE(test_four_stewards),
                CASE(test_removed_steward_backdates),
                CASE(test_seen_stands),
                CASE(test_no_steward),
                CASE(test_subtree_has_one_vote),
                CASE(test_subtree_removal),
                CASE(test_demotion),
                CASE(test_vote_of_a_removed_home),
                CASE(test_vote_of_a_demoted_steward),
                CASE(test_stewardship_rests_on_votes),
                CASE(test_return),
                CASE(test_removal_closes_ticket),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
