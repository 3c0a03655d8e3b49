/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invites homes that are all itself: it makes their keys, signs their adds on its own tickets, countersigns them with its own
 * device, and says them to everybody. Far more than an ordinary home's invites are. Each names the oldest that it can, and so is
 * right by what it names; places are counted over the whole set (PROTOCOL 5.75). So they are kept, and wait.
 */
#include "sim/byz.h"

#include "roster/op.h"
#include "roster/roster.h"

#define EVERY 4 /* seconds: beyond its budget within two minutes */
#define USES 1000
#define MOST 400 /* deeds, which are one for each link: some four times the homes that may stand */

static bool sybil(struct world *w, struct node *n, struct buf *ret) {
        struct mesh_config device = {0};
        struct household house;
        const struct roster *r = mesh_roster(n->core);
        const struct roster_device *me = roster_device_find(r, &n->device.pub);
        mesh_wall now = node_wall(w, n);
        _clean_(buf_fini) struct buf add = BUF_NULL;
        if (!me || !n->ticket || n->deeds > MOST)
                return false;
        rng_bytes(&w->rng, device.sign_seed, sizeof(device.sign_seed));
        rng_bytes(&w->rng, device.noise_secret.b, sizeof(device.noise_secret.b));
        rng_bytes(&w->rng, device.seal_secret.b, sizeof(device.seal_secret.b));
        household_new(&house, 100000 + n->deeds, &w->rng);
        if (!household_add(&house, &device, n->ticket, now, &add))
                return false;
        return op_countersign(ret, buf_span(&add), roster_mesh(r), &n->device, now, &roster_device_op(r, me)->id, 1) ==
               0;
}

static void acts(struct world *w, struct node *n) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        if (node_wall(w, n) % EVERY || !mesh_roster(n->core))
                return;
        if (n->deeds == 0) {
                n->deeds++; /* the one it was invited with itself is gone with it */
                home_invite(w, n, USES);
        } else if (sybil(w, n, &op)) {
                byz_say_all_raw(n, LINK_OP, buf_span(&op));
        }
}

const struct byz_module byz_sybils = {.name = "sybils", .what = "brings in homes that are all itself", .acts = acts};
