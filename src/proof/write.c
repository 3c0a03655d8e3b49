/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which operations have to be in a bundle. What an operation rests on stands before it in the roster, so one walk from the
 * latest to the first finds all: whoever is wanted is found, and wants those whose devices signed for it.
 */
#include "proof/proof.h"

#include "roster/roster.h"

#include <stdlib.h>

struct wanted {
        const struct roster *r;
        struct map ops; /* by id; the value is the operation */
        bool missing;
};

static int want(struct wanted *w, const struct roster_op *op) {
        w->missing = w->missing || !op;
        return op ? map_put(&w->ops, op->id.b, (void *)(uintptr_t)op) : 0;
}

static int want_home(struct wanted *w, const struct roster_home *home) {
        return want(w, home ? roster_home_op(w->r, home) : NULL);
}

static int want_device(struct wanted *w, struct span sign) {
        struct key key;
        memcpy(key.b, sign.p, sizeof(key));
        const struct roster_device *d = roster_device_find(w->r, &key);
        int r = want(w, d ? roster_device_op(w->r, d) : NULL);
        return r || !d ? r : want_home(w, d->home);
}

static int want_what_it_rests_on(struct wanted *w, const struct roster_op *o) {
        struct wire_op op;
        struct wire_invite invite;
        if (codec_decode(&wire_op_desc, o->bytes, &op, NULL)) {
                w->missing = true;
                return 0;
        }
        struct wire_list list = op.invite;
        if (WIRE_HAS(&op, OP, invite) && wire_list_next(&wire_invite_desc, &list, &invite)) {
                int r = want_device(w, invite.device);
                if (r)
                        return r;
        }
        return WIRE_HAS(&op, OP, by) ? want_device(w, op.by) : 0;
}

static int want_all(struct wanted *w, const struct proof_need *need) {
        int r = want(w, roster_op_at(w->r, 0));
        for (size_t at = 0; !r && at < need->devices.n; at += sizeof(struct key))
                r = want_device(w, span_of(need->devices.p + at, sizeof(struct key)));
        for (size_t at = 0; !r && at < need->homes.n; at += sizeof(struct key)) {
                struct key key;
                memcpy(key.b, need->homes.p + at, sizeof(key));
                r = want_home(w, roster_home_find(w->r, &key));
        }
        for (size_t i = roster_ops(w->r); !r && i-- > 0;) {
                const struct roster_op *op = roster_op_at(w->r, i);
                if (map_find(&w->ops, op->id.b))
                        r = want_what_it_rests_on(w, op);
        }
        return r;
}

int proof_put_ops(struct bundle_out *o, const struct roster *r, const struct proof_need *need) {
        static const uint64_t seed[4] = {1, 2, 3,
                                         4}; /* who could make ids collide is a member, and slows its own neighbours */
        struct wanted w = {.r = r};
        const struct roster_op *op;
        map_init(&w.ops, seed);
        int e = want_all(&w, need);
        for (size_t i = 0; !e && !w.missing && (op = roster_op_at(r, i)); i++)
                if (map_find(&w.ops, op->id.b))
                        bundle_put(o, SECTION_OP, op->bytes);
        map_fini(&w.ops);
        return e ? e : w.missing ? 1 : 0;
}
