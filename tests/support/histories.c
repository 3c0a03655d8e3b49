/* SPDX-License-Identifier: Apache-2.0 */
/* See histories.h. */
#include "histories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

uint64_t number_in(const char *variable, uint64_t otherwise) {
        const char *text = getenv(variable);
        return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Which one it was stands on stdout, too: where stderr is led nowhere nobody hears of it. */
static void wrong(const struct histories *h, uint64_t seed, const char *why) {
        print_message("# %s=%llu: %s\n", h->seed, (unsigned long long)seed, why);
        fail_msg("%s=%llu: %s", h->seed, (unsigned long long)seed, why);
}

uint64_t histories_live(const struct histories *h, uint64_t *ret_first) {
        uint64_t first = number_in(h->seed, 1), runs = number_in(h->runs, 0), n = 0;
        for (clock_t until = clock() + h->quick_s * CLOCKS_PER_SEC; runs ? n < runs : clock() < until; n++) {
                const char *why = h->live(first + n);
                if (why)
                        wrong(h, first + n, why);
        }
        *ret_first = first;
        return n;
}

bool histories_hush(const struct histories *h) {
        return !getenv(h->runs) || freopen("/dev/null", "w", stderr);
}
