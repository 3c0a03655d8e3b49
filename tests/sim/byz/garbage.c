/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of any bytes inside its links, and connections that say any bytes instead of shaking hands. */
#include "sim/byz.h"

#define EVERY 20 /* seconds, inside links: each costs the link */

static void acts(struct world *w, struct node *n) {
        uint8_t junk[FRAMES_NORMAL];
        byz_knock(w, n, byz_honest(w, (uint32_t)rng_below(&w->rng, w->n)));
        if (node_wall(w, n) % EVERY)
                return;
        LINK_EACH(l, n->core) {
                if (l->state != LINK_UP)
                        continue;
                rng_bytes(&w->rng, junk, sizeof(junk));
                link_touch(l);
                REQUIRE(frames_seal(&l->frames, span_of(junk, 1 + rng_below(&w->rng, sizeof(junk))), &l->out) == 0);
                n->deeds++;
        }
}

const struct byz_module byz_garbage = {
        .name = "garbage", .what = "any bytes inside its links, and instead of shaking hands", .acts = acts};
