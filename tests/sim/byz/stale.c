/* SPDX-License-Identifier: Apache-2.0 */
/* Hears of no operation any more: to everybody it answers with the roster of the day on which it went bad. */
#include "sim/byz.h"

static bool hears(struct node *n, struct link *l, enum wire_link number, struct span raw) {
        (void)n, (void)l, (void)raw;
        return number != LINK_OP;
}

const struct byz_module byz_stale = {.name = "stale", .what = "answers with an old roster", .hears = hears};
