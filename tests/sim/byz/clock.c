/* SPDX-License-Identifier: Apache-2.0 */
/* Says wrong times in its hellos and in all it signs: days ahead, days behind, or a quarter of an hour. */
#include "sim/byz.h"

static void begins(struct world *w, struct node *n) {
        static const int64_t off[] = {3 * 86400, -3 * 86400, 900, -900};
        n->clock_off = off[rng_below(&w->rng, ARRAY_LEN(off))];
        n->deeds++;
        home_off(w, n, false); /* its neighbours hear its new time when it greets them */
        home_on(w, n);
}

const struct byz_module byz_clock = {.name = "clock", .what = "says wrong times", .begins = begins};
