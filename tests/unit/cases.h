/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many random cases a test plays. Under valgrind each is forty times as slow, and a wrong read shows as well in the
 * first hundred as in the first thousand: tests/meson.build sets PORCHLIGHT_BRIEF=1 there.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>

#define CASES_BRIEF 10 /* one in so many is played */

static inline bool cases_brief(void) {
        return getenv("PORCHLIGHT_BRIEF");
}

static inline unsigned cases(unsigned n) {
        return cases_brief() ? (n + CASES_BRIEF - 1) / CASES_BRIEF : n;
}
