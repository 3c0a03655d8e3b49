/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member with a changed daemon signs a thousand operations for one place of its chain and gives them to a neighbour. Seed:
 * printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOMES 6
#define LIAR 5
#define FORKS 1000

static uint64_t seed;

/* What the liar signs, as home 0 gets it from a guest that has the liar's key. */
static void flood(struct street *s, size_t n) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct buf *ops = calloc(n, sizeof(*ops));
        struct visit v;
        assert_non_null(ops);
        for (size_t i = 0; i < n; i++)
                street_sign_at(s, LIAR, OP_VOUCH, 3, street_wall(s) - i, &ops[i]);
        street_off(s, LIAR);
        street_run_for(s, 5);
        visit_greet(&v, s, 0, LIAR);
        for (size_t i = 0; i < n; i++) {
                guest_say_raw(&v.g, LINK_OP, buf_span(&ops[i]));
                flush(&v);
                buf_fini(&ops[i]);
        }
        assert_false(v.g.gone);
        visit_end(&v);
        free(ops);
}

static bool all_have_ops(struct street *s, void *ctx) {
        const size_t *n = ctx;
        for (size_t i = 0; i < HOMES; i++)
                if (i != LIAR && roster_ops(mesh_roster(street_core(s, i))) != *n)
                        return false;
        return true;
}

static void test_flood(void **state) {
        (void)state;
        struct street *s = street_new(HOMES, seed);
        struct hash id;
        street_run_for(s, 30);
        size_t n = roster_ops(mesh_roster(street_core(s, 0))) + FORKS;
        flood(s, FORKS);
        assert_int_equal(roster_ops(mesh_roster(street_core(s, 0))), n);
        assert_true(street_wait(s, 1800, all_have_ops, &n));
        assert_int_equal(street_vote(s, 0, OP_REMOVE, LIAR), MESH_OUT_DONE);
        street_run_for(s, 20);
        for (size_t i = 0; i < LIAR; i++)
                assert_int_equal(roster_members(mesh_roster(street_core(s, i))), HOMES - 1);
        assert_int_equal(street_post(s, 2, KIND_FIRE, "after the removal", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_flood)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
