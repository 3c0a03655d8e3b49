/* SPDX-License-Identifier: Apache-2.0 */
/* Routers that have forgotten what they gave, and clocks that are not quite alike (RFC 6887, 8.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/epoch.h"

static void test_fits(void **state) {
        static const struct {
                uint32_t said;  /* first, and … */
                int64_t passed; /* … after so many seconds … */
                uint32_t then;
                bool fits;
        } rows[] = {
                {1000, 0, 1000, true},
                {1000, 1800, 2800, true},
                {1000, 0, 999, true},      /* overtaken */
                {1000, 0, 998, false},     /* it went back */
                {1000, 1800, 5, false},    /* started anew */
                {1000, 1800, 1000, false}, /* it stands still */
                {1000, 1600, 2501, true},  /* slow by less than one part of 16 … */
                {1000, 1600, 2497, false}, /* … and by more */
                {1000, 1600, 2708, true},  /* fast, the same */
                {1000, 1600, 2711, false},
                {10, 3, 11, true},            /* two seconds are nothing … */
                {10, 3, 10, false},           /* … three are */
                {4294967295u, 60, 59, false}, /* after 136 years */
                {0, 4294967295, 4294967295u, true},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct epoch e = {.known = false};
                assert_true(epoch_heard(&e, rows[i].said, 5000));
                if (epoch_fits(&e, rows[i].then, 5000 + rows[i].passed * 1000) != rows[i].fits)
                        fail_msg("row %zu", i);
        }
}

/* What was only looked at changes nothing. */
static void test_heard(void **state) {
        struct epoch e = {.known = false};
        (void)state;
        assert_true(epoch_fits(&e, 77, 0));
        assert_false(e.known);
        assert_true(epoch_heard(&e, 1000, 0));
        assert_false(epoch_fits(&e, 1, 1000));
        assert_true(epoch_fits(&e, 1001, 1000));
        assert_false(epoch_heard(&e, 1, 1000));
        assert_true(epoch_heard(&e, 2, 2000)); /* from here on that is its time */
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_fits), cmocka_unit_test(test_heard)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
