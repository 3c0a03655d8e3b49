/* SPDX-License-Identifier: Apache-2.0 */
/* Reads nothing once a link is up, or a byte a second, and says often enough that it is there. */
#include "sim/byz.h"

#define EVERY 30 /* seconds */

static void acts(struct world *w, struct node *n) {
        struct wire_nothing nothing = {0};
        LINK_EACH(l, n->core) {
                link_touch(l);
                l->heard = l->m->now; /* it hangs up on nobody for being silent */
        }
        if (node_wall(w, n) % EVERY == 0)
                byz_say_all(n, LINK_PING, &nothing);
}

static uint64_t reads(struct node *n) {
        return n->index % 2 ? BYZ_READS_NOTHING : 1;
}

const struct byz_module byz_slow = {
        .name = "slow", .what = "reads nothing of its links, or a byte a second", .acts = acts, .reads = reads};
