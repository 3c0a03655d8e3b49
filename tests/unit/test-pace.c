/* SPDX-License-Identifier: Apache-2.0 */
/* A hard limit for footage: never more, in the long run no less, and no clock makes it otherwise. */
#include "haul/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MESSAGE 4000

/* Messages without end, asked for at each moment something is due: bytes in @ms. */
static uint64_t gone_in(struct pace *p, mesh_time from, mesh_time ms) {
        uint64_t gone = 0;
        for (mesh_time now = from; now < from + ms; now = MAX(pace_due(p, 1, now), now + 1))
                while (pace_room(p, now)) {
                        pace_spend(p, MESSAGE);
                        gone += MESSAGE;
                }
        return gone;
}

static void test_rates(void **state) {
        (void)state;
        static const uint64_t rates[] = {125, 1001, 12500, 125000, 625000, 12500000, 1250000000};
        for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
                struct pace p;
                pace_set(&p, rates[i], 77);
                uint64_t burst = MAX(rates[i] / 10, UINT64_C(16384)), gone = gone_in(&p, 77, 100000);
                assert_true(gone <= rates[i] * 100 + burst + MESSAGE);
                assert_true(gone + MESSAGE >= rates[i] * 100);
        }
}

/* It is due when it says, and not a moment sooner; what is more than may ever go at once is due when that is. */
static void test_due(void **state) {
        (void)state;
        for (uint64_t rate = 1; rate < 3000000; rate = rate * 3 + 1) {
                struct pace p;
                pace_set(&p, rate, 0);
                pace_spend(&p, pace_room(&p, 0) + 3000);
                mesh_time at = pace_due(&p, 5000, 0);
                assert_true(at > 0);
                struct pace same = p;
                assert_true(pace_room(&same, at) >= 5000);
                assert_true(pace_room(&p, at - 1) < 5000);
        }
        struct pace p;
        pace_set(&p, 1000, 0);
        pace_spend(&p, 16384);
        assert_int_equal(pace_due(&p, SIZE_MAX / 2, 0), 16384);
}

/* A year of rest is worth one burst, and a clock that stands still or goes back gives nothing. */
static void test_rest(void **state) {
        (void)state;
        struct pace p;
        pace_set(&p, 1000000, 1000);
        assert_int_equal(pace_room(&p, UINT64_MAX), 100000);
        pace_spend(&p, 100000);
        assert_int_equal(pace_room(&p, UINT64_MAX), 0);
        assert_int_equal(pace_room(&p, 5), 0);
}

static void test_none(void **state) {
        (void)state;
        struct pace p = {0};
        pace_spend(&p, SIZE_MAX);
        assert_true(pace_room(&p, 5) == SIZE_MAX);
        assert_int_equal(pace_due(&p, 1, 5), 5);
        pace_set(&p, 1000, 5);
        pace_spend(&p, 1000000);
        pace_set(&p, 2000, 5); /* and what was owed is forgiven */
        assert_int_equal(pace_room(&p, 5), 16384);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rates),
                cmocka_unit_test(test_due),
                cmocka_unit_test(test_rest),
                cmocka_unit_test(test_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
