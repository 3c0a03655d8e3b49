/* SPDX-License-Identifier: Apache-2.0 */
/* Why: who is asked to endorse a removal must see what is proposed, by whom, why, and how many votes are there. */
#include "roster/inside.h"

#include "wire/codec.h"

#include <stdlib.h>

static bool shown(const struct op *p) { /* those that take votes of others */
        switch (p->pub.type) {
        case OP_REMOVE:
        case OP_PROMOTE:
        case OP_DEMOTE:
        case OP_RETURN:
                return true;
        case OP_GENESIS:
        case OP_ADD:
        case OP_ENDORSE:
        case OP_LEAVE:
        case OP_DEVICE_ADD:
        case OP_DEVICE_REVOKE:
        case OP_VOUCH:
        case OP_INVITE_UNDO:
                break;
        }
        return false;
}

static const struct op *proposal_at(const struct roster *r, size_t i) {
        for (uint32_t k = r->n_proposals; k-- > 0;) {
                const struct op *p = r->ops[r->proposals[k]];
                if (shown(p) && i-- == 0)
                        return p;
        }
        return NULL;
}

bool roster_proposal_at(const struct roster *r, size_t i, struct roster_proposal *ret) {
        const struct op *p = proposal_at(r, i);
        struct wire_op w = {0};
        if (!p || CHECK_FAILS(codec_decode(&wire_op_desc, p->pub.bytes, &w, NULL) == 0))
                return false;
        struct state st = r->now; /* counting needs its scratch, which is all zero between uses */
        *ret = (struct roster_proposal){.id = p->pub.id,
                                        .type = p->pub.type,
                                        .target = &r->homes[p->vote->prop->targets[0]]->pub,
                                        .by = &r->homes[p->home]->pub,
                                        .time = p->pub.time,
                                        .reason = WIRE_HAS(&w, OP, reason) ? w.reason : SPAN_NONE,
                                        .in_force = st.ops[p->index] & OP_TAKEN,
                                        .dead = st.ops[p->index] & (OP_VOID | OP_SKIPPED)};
        votes_show(r, &st, p, ret);
        return true;
}

size_t roster_targets(const struct roster *r, const struct hash *proposal, const struct roster_home **ret, size_t max) {
        const struct op *p = map_find(&r->by_id, proposal->b);
        if (!p || !p->vote || !p->vote->prop || !shown(p))
                return 0;
        for (uint32_t i = 0; i < p->vote->prop->n_targets && i < max; i++)
                ret[i] = &r->homes[p->vote->prop->targets[i]]->pub;
        return p->vote->prop->n_targets;
}

static const struct op *ended_by(const struct roster *r, const struct key *device) {
        for (const struct cert *c = map_find(&r->by_sign, device->b); c;
             c = c->next_sign == NONE ? NULL : r->certs[c->next_sign]) {
                uint32_t revoked = r->now.revoked[c->index], gone = r->now.homes[c->home].gone;
                if (revoked != NONE || gone != NONE)
                        return r->ops[revoked != NONE ? revoked : gone];
        }
        return NULL;
}

static int place_compare(const void *a, const void *b) {
        const struct op *x = CONTAINER_OF(*(const struct roster_op *const *)a, struct op, pub);
        const struct op *y = CONTAINER_OF(*(const struct roster_op *const *)b, struct op, pub);
        return (x->index > y->index) - (x->index < y->index);
}

size_t roster_ending(const struct roster *r, const struct key *device, const struct roster_op **ret, size_t max) {
        const struct op *p = ended_by(r, device);
        size_t n = 0;
        for (uint32_t i = p ? p->index : NONE; i != NONE && n < max; i = r->ops[i]->vote->next)
                if (!(r->now.ops[i] & OP_VOID))
                        ret[n++] = &r->ops[i]->pub;
        qsort(ret, n, sizeof(*ret), place_compare);
        return n;
}

bool roster_voted(const struct roster *r, const struct hash *proposal, const struct key *household) {
        const struct op *p = map_find(&r->by_id, proposal->b);
        for (uint32_t i = p && p->vote && p->vote->prop ? p->index : NONE; i != NONE; i = r->ops[i]->vote->next)
                if (key_eq(&r->homes[r->ops[i]->home]->pub.key, household) && !(r->now.ops[i] & OP_VOID))
                        return true;
        return false;
}
