/* SPDX-License-Identifier: Apache-2.0 */
/* Why: who is asked to endorse a removal must see what is proposed, by whom, why, and how many votes are there. */
#include "roster/inside.h"

#include "wire/codec.h"

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

bool roster_voted(const struct roster *r, const struct hash *proposal, const struct key *household) {
        const struct op *p = map_find(&r->by_id, proposal->b);
        for (uint32_t i = p && p->vote && p->vote->prop ? p->index : NONE; i != NONE; i = r->ops[i]->vote->next)
                if (key_eq(&r->homes[r->ops[i]->home]->pub.key, household) && !(r->now.ops[i] & OP_VOID))
                        return true;
        return false;
}
