/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invites homes that are all itself: it makes their keys, signs their adds on its own tickets, countersigns them with its own
 * device, and says them to everybody. Far more than an ordinary home's invites are. Each names the one before, for its past is
 * what it is judged by: one that named nothing of the others would be let in (docs/threat-model.md).
 */
#include "sim/byz.h"

#include "roster/op.h"
#include "roster/roster.h"

#define EVERY 4 /* seconds: beyond its budget within two minutes */
#define USES 1000
#define BACK 20 /* seconds in which one that anybody keeps has come back from them */

/* The operation by which its latest home came, NULL: none has. */
static const struct roster_op *latest(const struct roster *r, const struct roster_home *inviter) {
        const struct roster_op *ret = NULL;
        const struct roster_home *h;
        for (size_t i = 0; (h = roster_home_at(r, i)); i++) {
                const struct roster_op *came = roster_home_op(r, h);
                if (h->inviter == inviter && (!ret || came->time > ret->time))
                        ret = came;
        }
        return ret;
}

/* Nobody keeps what is beyond its budget, and that does not come back. */
static bool waits(const struct node *n, const struct roster_op *before, mesh_wall now) {
        bool back = before && before->time >= n->bad_at;
        return n->bad_at && !back && now < n->bad_at + BACK;
}

static bool sybil(struct world *w, struct node *n, struct buf *ret) {
        struct mesh_config device = {0};
        struct household house;
        struct hash parents[ROSTER_PARENTS_MAX], must[2];
        const struct roster *r = mesh_roster(n->core);
        const struct roster_device *me = roster_device_find(r, &n->device.pub);
        const struct roster_op *before = me ? latest(r, me->home) : NULL;
        mesh_wall now = node_wall(w, n);
        _clean_(buf_fini) struct buf add = BUF_NULL;
        if (!me || !n->ticket || waits(n, before, now))
                return false;
        rng_bytes(&w->rng, device.sign_seed, sizeof(device.sign_seed));
        rng_bytes(&w->rng, device.noise_secret.b, sizeof(device.noise_secret.b));
        rng_bytes(&w->rng, device.seal_secret.b, sizeof(device.seal_secret.b));
        household_new(&house, 100000 + n->deeds, &w->rng);
        if (!household_add(&house, &device, n->ticket, now, &add))
                return false;
        n->bad_at = now;
        must[0] = roster_device_op(r, me)->id;
        must[1] = before ? before->id : must[0];
        size_t heads = roster_parents(r, NULL, must, before ? 2 : 1, parents, NULL);
        return op_countersign(ret, buf_span(&add), roster_mesh(r), &n->device, now, parents, heads) == 0;
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
