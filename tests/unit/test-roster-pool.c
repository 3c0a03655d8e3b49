/* SPDX-License-Identifier: Apache-2.0 */
/* Rosters of one pool: each home sees what it would see alone, and what is equal is there once. */
#include "roster-rules.h"

#define HOLDERS 4

static const uint64_t pool_seed[4] = {1, 2, 3, 4};
static struct roster_pool *pool;
static struct roster *held[HOLDERS];

static void hold_none(void) {
        assert_int_equal(roster_pool_new(&pool, pool_seed), 0);
        for (size_t i = 0; i < HOLDERS; i++)
                assert_int_equal(roster_new_in(&held[i], pool_seed, pool), 0);
}

static void let_go(void) {
        for (size_t i = 0; i < HOLDERS; i++)
                held[i] = roster_free(held[i]);
        assert_int_equal(roster_pool_size(pool), 0);
        pool = roster_pool_free(pool);
}

static int take(size_t holder, size_t op) {
        struct hash id;
        int e = roster_take(&held[holder], buf_span(&s.ops[op].bytes), false, &id);
        if (e == 0 || e == ROSTER_E_KNOWN)
                assert_true(hash_eq(&id, &s.ops[op].id));
        return e;
}

/* What @holder has is what one that has taken the same alone would be. */
static void as_alone(size_t holder) {
        struct roster *alone = street_roster();
        struct hash id, want, got;
        for (size_t i = 0; i < roster_ops(held[holder]); i++)
                assert_int_equal(roster_add(alone, roster_op_at(held[holder], i)->bytes, true, &id), 0);
        street_digest(alone, &want);
        street_digest(held[holder], &got);
        assert_true(hash_eq(&want, &got));
        roster_free(alone);
}

static void test_one_after_the_other(void **state) {
        (void)state;
        begin(&s, 6, 3);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 5), 0);
        assert_int_equal(street_endorse(&s, 0, 1, s.last), 0);
        hold_none();
        for (size_t i = 0; i < s.n_ops; i++)
                for (size_t k = 0; k < HOLDERS; k++) {
                        assert_int_equal(take(k, i), 0);
                        assert_int_equal(roster_pool_size(pool), k + 1 < HOLDERS && i ? 2 : 1);
                        assert_int_equal(roster_ops(held[k]), i + 1);
                        as_alone(k);
                }
        for (size_t k = 1; k < HOLDERS; k++)
                assert_ptr_equal(held[k], held[0]);
        assert_int_equal(take(0, 2), ROSTER_E_KNOWN);
        assert_int_equal(take(0, 0), ROSTER_E_KNOWN);
        let_go();
}

/* Two homes leave, neither of which knows of the other. Returns the place of the first of these two operations. */
static size_t two_leave(void) {
        begin(&s, 4, 1);
        assert_int_equal(street_leave(&s, 0, 1), 0);
        size_t one = s.n_ops - 1;
        assert_int_equal(street_leave(&s, 1, 2), 0);
        hold_none();
        return one;
}

/* Who takes them in another order has a roster of his own, with the same members. */
static void test_another_order(void **state) {
        (void)state;
        size_t one = two_leave();
        for (size_t i = 0; i < one; i++)
                for (size_t k = 0; k < HOLDERS; k++)
                        assert_int_equal(take(k, i), 0);
        for (size_t k = 0; k < HOLDERS; k++) {
                assert_int_equal(take(k, k % 2 ? one : one + 1), 0);
                assert_int_equal(take(k, k % 2 ? one + 1 : one), 0);
                as_alone(k);
        }
        assert_int_equal(roster_pool_size(pool), 2);
        assert_ptr_equal(held[2], held[0]);
        assert_ptr_equal(held[3], held[1]);
        assert_int_equal(roster_members(held[0]), 2);
        assert_int_equal(roster_members(held[1]), 2);
        let_go();
}

/* What is refused changes nothing, for nobody, whether the roster is shared or not. */
static void test_refused(void **state) {
        (void)state;
        begin(&s, 4, 1);
        _clean_(buf_fini) struct buf bad = BUF_NULL;
        struct hash id;
        hold_none();
        assert_int_equal(take(0, 1), ROSTER_E_INPUT);
        for (size_t i = 0; i < 2; i++)
                for (size_t k = 0; k < 2; k++)
                        assert_int_equal(take(k, i), 0);
        assert_int_equal(take(2, 0), 0);
        buf_add(&bad, buf_span(&s.ops[2].bytes));
        bad.p[bad.n - 1] ^= 1;
        for (size_t k = 0; k < 3; k++) {
                const struct roster *before = held[k];
                assert_int_equal(roster_take(&held[k], buf_span(&bad), false, &id), ROSTER_E_SIGNATURE);
                assert_int_equal(take(k, s.n_ops - 1), ROSTER_E_PARENTS);
                assert_ptr_equal(held[k], before);
                assert_int_equal(roster_ops(held[k]), k < 2 ? 2 : 1);
                as_alone(k);
        }
        assert_int_equal(take(2, 1), 0); /* and it still finds its way to the others */
        assert_ptr_equal(held[2], held[0]);
        let_go();
}

static int restore(size_t holder, size_t op) {
        return roster_restore(&held[holder], buf_span(&s.ops[op].bytes));
}

/* A home that starts gets its operations back: all that another has, the first of them, or others from some place on. */
static void test_restored(void **state) {
        (void)state;
        size_t one = two_leave();
        assert_int_equal(roster_restored(&held[0]), 0); /* nothing was there */
        for (size_t i = 0; i <= one; i++)
                assert_int_equal(take(0, i), 0);
        for (size_t k = 1; k < HOLDERS; k++)
                for (size_t i = 0; i < one; i++)
                        assert_int_equal(restore(k, i), 0);
        assert_int_equal(roster_pool_size(pool), 1);
        assert_int_equal(restore(1, one), 0);
        assert_int_equal(roster_restored(&held[1]), 0);
        assert_ptr_equal(held[1], held[0]);
        assert_int_equal(restore(2, one + 1), 0);
        assert_int_equal(roster_restored(&held[2]), 0);
        assert_int_equal(take(0, one + 1), 0); /* while the others are at it */
        assert_int_equal(roster_restored(&held[3]), 0);
        const size_t ops[HOLDERS] = {one + 2, one + 1, one + 1, one};
        for (size_t k = 0; k < HOLDERS; k++) {
                assert_int_equal(roster_ops(held[k]), ops[k]);
                as_alone(k);
        }
        assert_int_equal(restore(3, one + 1), 0); /* late, and taken all the same */
        assert_ptr_equal(held[3], held[2]);
        let_go();
        hold_none();
        assert_int_equal(restore(0, 0), 0); /* there is nobody yet */
        assert_int_equal(restore(0, 1), 0);
        assert_int_equal(restore(1, 0), 0);
        held[1] = roster_free(held[1]); /* in the middle */
        assert_int_equal(roster_new_in(&held[1], pool_seed, pool), 0);
        assert_int_equal(restore(0, s.n_ops - 1) == ROSTER_E_PARENTS, true);
        let_go();
}

int main(void) {
        const struct CMUnitTest tests[] = {CASE(test_one_after_the_other), CASE(test_another_order), CASE(test_refused),
                                           CASE(test_restored)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
