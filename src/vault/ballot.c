/* SPDX-License-Identifier: Apache-2.0 */
/* See ballot.h: what a ballot is made of, and how it is tried out, signed, and let go. */
#include "vault/ballot.h"

#include "roster/op.h"
#include "vault/consent.h"

#include <stdlib.h>

#define MS_PER_S 1000

struct ballot *ballot_free(struct ballot *b) {
        if (!b)
                return NULL;
        roster_free(b->roster);
        buf_fini(&b->words);
        buf_fini(&b->reason);
        buf_fini(&b->op);
        buf_wipe(&b->answer);
        buf_fini(&b->addrs);
        hash_wipe(&b->link_key, sizeof(b->link_key));
        consent_free(b->consent);
        free(b);
        return NULL;
}

void ballot_drop(struct vault *v) {
        v->ballot = ballot_free(v->ballot);
}

/* ---- proposals ---- */

bool proposal_find(const struct roster *r, const struct hash *id, struct roster_proposal *ret) {
        struct roster_proposal p;
        for (size_t i = 0; roster_proposal_at(r, i, &p); i++)
                if (hash_eq(&p.id, id)) {
                        *ret = p;
                        return true;
                }
        return false;
}

bool proposal_subtree(const struct roster *r, const struct roster_proposal *p) {
        const struct roster_op *op = roster_op_find(r, &p->id);
        struct wire_op w;
        return op && codec_decode(&wire_op_desc, op->bytes, &w, NULL) == 0 && WIRE_HAS(&w, OP, subtree);
}

bool ballot_proposal(const struct ballot *b, const struct roster *r, const struct hash *op,
                     struct roster_proposal *ret) {
        switch (b->type) {
        case OP_ENDORSE:
                return proposal_find(r, &b->proposal, ret);
        case OP_REMOVE:
        case OP_PROMOTE:
        case OP_DEMOTE:
        case OP_RETURN:
                return proposal_find(r, op, ret);
        case OP_LEAVE:
        case OP_VOUCH:
        case OP_GENESIS:
        case OP_ADD:
        case OP_DEVICE_ADD:
        case OP_DEVICE_REVOKE:
        case OP_INVITE_UNDO:
                return false; /* complete alone */
        }
        return false;
}

/* ---- the operation ---- */

int ballot_sign(const struct ballot *b, const struct vault *v, const struct sign_key *key, mesh_time now,
                struct buf *out) {
        struct wire_op op = {
                .type = b->type,
                .seq = b->seq,
                .parents = span_of(b->parents, b->n_parents * sizeof(*b->parents)),
                .time = b->wall + (now - b->wall_at) / MS_PER_S,
        };
        if (b->target && b->type != OP_INVITE_UNDO)
                WIRE_PUT(&op, OP, target, SPAN_OF(b->target->key.b));
        if (b->device)
                WIRE_PUT(&op, OP, target, SPAN_OF(b->device->sign.b));
        if (b->type == OP_ENDORSE || b->type == OP_INVITE_UNDO)
                WIRE_PUT(&op, OP, proposal, SPAN_OF(b->proposal.b));
        if (b->reason.n)
                WIRE_PUT(&op, OP, reason, buf_span(&b->reason));
        if (b->subtree)
                WIRE_PUT(&op, OP, subtree, true);
        return op_make(out, &op, &v->key.mesh, key);
}
