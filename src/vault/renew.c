/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one operation that ends a restoring: it revokes the device the backup was made on and certifies this one. The owner
 * asked for it with O_RESTORE, so the vault signs it when the daemon says V_READY, in state `restoring` alone, over its
 * own fold; it is the same however often it is asked for. The daemon asks at once, so that the operation waits with it
 * for a neighbour and needs no passphrase then; and once more if the household turns out to have signed others since.
 */
#include "base/log.h"
#include "roster/op.h"
#include "vault/ballot.h"
#include "vault/transfer.h"

#include <stdlib.h>

struct renewal *renewal_free(struct renewal *r) {
        if (!r)
                return NULL;
        roster_free(r->roster);
        free(r);
        return NULL;
}

void vault_renew(struct vault *v, mesh_time now) {
        struct wire_c_none none = {0};
        struct renewal *r = v->renewal;
        uint64_t seed[4];
        if (!r || r->roster || v->key.state != KEYFILE_RESTORING || !vault_unlocked(v, now))
                return;
        v->io->seed(v->io->arg, (uint8_t *)seed);
        if (roster_new(&r->roster, seed) == 0)
                frame_put(&v->to_daemon, wire_owner_find(OWNER_V_WANT_OPS), &none);
}

void on_ready(struct vault *v, const union frame_message *m, mesh_time now) {
        if (!v->has_key || v->key.state != KEYFILE_RESTORING) {
                log_warning("the daemon waits for a restored device, but nobody restores; ignoring it");
                return;
        }
        v->renewal = renewal_free(v->renewal);
        struct renewal *r = calloc(1, sizeof(*r));
        if (!r)
                return;
        memcpy(r->old.b, m->v_ready.old.p, sizeof(r->old.b));
        memcpy(r->proof, m->v_ready.proof.p, sizeof(r->proof));
        v->renewal = r;
        vault_renew(v, now);
        if (!r->roster)
                log_info("the restored home waits for its passphrase: porchlight vault unlock");
}

void renewal_take(struct vault *v, struct span op) {
        struct renewal *r = v->renewal;
        if (!r->wrong)
                r->wrong = fold_op(r->roster, &v->key.mesh, &r->bytes, op);
}

/* Appends the operation. 0, ROSTER_E_*, OP_E_*, <0. */
static int replace_make(const struct vault *v, const struct renewal *r, const struct household *h, mesh_wall wall,
                        struct buf *ret) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct hash parents[ROSTER_PARENTS_MAX], id;
        uint64_t seq = 0;
        const struct roster_device *old = roster_device_find(r->roster, &r->old);
        if (!old || old->gone_at || !key_eq(&old->home->key, &h->sign.pub))
                return ROSTER_E_RULE;
        struct wire_device device = {
                .sign = SPAN_OF(v->sign.b),
                .noise = SPAN_OF(v->noise.b),
                .seal = SPAN_OF(v->seal.b),
                .share = old->share,
                .name = span_str(old->name),
        };
        struct wire_list list = {0};
        WIRE_PUT(&device, DEVICE, proof, SPAN_OF(r->proof));
        wire_list_add(&wire_device_desc, &list, &store, &device);
        size_t n = roster_parents(r->roster, &h->sign.pub, &roster_device_op(r->roster, old)->id, 1, parents, &seq);
        struct wire_op op = {
                .type = OP_DEVICE_REVOKE,
                .household = SPAN_OF(h->sign.pub.b),
                .seq = seq,
                .parents = span_of(parents, n * sizeof(parents[0])),
                .time = wall,
        };
        WIRE_PUT(&op, OP, target, SPAN_OF(r->old.b));
        WIRE_PUT(&op, OP, device, list);
        int e = buf_ok(&store) ? op_make(ret, &op, &v->key.mesh, &h->sign) : ERR_NOMEM;
        return e ? e : roster_add(r->roster, buf_span(ret), false, &id); /* tried out before it leaves */
}

static int sign(const struct vault *v, const struct renewal *r, mesh_wall wall, struct buf *ret) {
        _clean_(household_freep) struct household *own = NULL;
        if (!v->open && household_open(v, SPAN_NONE, &own))
                return ERR_BROKEN;
        return replace_make(v, r, own ? own : v->open, wall, ret);
}

void renewal_end(struct vault *v, const struct wire_v_ops_end *end) {
        _clean_(renewal_freep) struct renewal *r = TAKE(v->renewal);
        _clean_(buf_fini) struct buf op = BUF_NULL;
        mesh_wall wall = MAX(end->time, v->io->wall(v->io->arg));
        if (r->wrong || !r->bytes) {
                log_warning("%s: the restored home's device is not certified", vault_error(VAULT_NO_WRONG_MESH)->name);
                return;
        }
        int e = sign(v, r, wall, &op);
        if (e) {
                log_warning("the restored home's device cannot be certified (%d); see `porchlight status`", e);
                return;
        }
        struct wire_v_op msg = {.op = buf_span(&op)};
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_REPLACE), &msg);
        log_info("the household replaces the device it had before it was restored");
}
