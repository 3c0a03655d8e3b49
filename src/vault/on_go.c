/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_GO: the owner's yes to the sentence on this connection. Here, and nowhere else, an operation gets the household's
 * signature after it was founded or joined; what a yes about a clip brings about is in consent.c.
 */
#include "base/log.h"
#include "roster/op.h"
#include "vault/ballot.h"
#include "vault/consent.h"

/* The open key, or one opened for this yes alone, which is @ret_own's to free. A wrong passphrase leaves the sentence
 * standing. */
static const struct household *key_for(struct vault *v, struct vault_peer *p, const struct wire_o_go *q, mesh_time now,
                                       struct household **ret_own) {
        bool locked = !vault_unlocked(v, now), given = WIRE_HAS(q, O_GO, passphrase);
        if (!locked && v->open)
                return v->open;
        if (locked && !given) {
                vault_refuse(p, VAULT_NO_LOCKED);
                return NULL;
        }
        return vault_open(v, p, given ? q->passphrase : SPAN_NONE, now, ret_own) ? *ret_own : NULL;
}

/* The owner's answer to a leave, of which nothing is in the way of forgetting the mesh. */
static void forget_mesh(struct vault *v, const struct ballot *b, const struct hash *id) {
        struct wire_o_voted row = {.v = 1, .id = SPAN_OF(id->b), .in_force = true, .votes = 1, .needed = 1};
        enum vault_error e = over_begin(v);
        if (e) {
                vault_refuse(b->peer, e);
                return;
        }
        WIRE_PUT(&row, O_VOTED, cleared, true);
        frame_put(&b->peer->out, wire_owner_find(OWNER_O_VOTED), &row);
        vault_done(b->peer, NULL);
}

void on_go(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        _clean_(household_freep) struct household *own = NULL;
        struct ballot *b = v->ballot;
        if (!ballot_asked(v) || b->peer != p) {
                vault_refuse(p, VAULT_NO_NOTHING_ASKED);
                return;
        }
        if (b->unfinished &&
            !vault_joins(v)) { /* let in while the owner thought it over: leaving that is another sentence */
                vault_refuse(p, VAULT_NO_IN_MESH);
                ballot_drop(v);
                return;
        }
        if (b->over) {
                forget_mesh(v, b, &v->key.mesh);
                ballot_drop(v);
                return;
        }
        bool needs_key = !b->consent || consent_needs_key(b->consent);
        const struct household *h = needs_key ? key_for(v, p, &m->o_go, now, &own) : NULL;
        if (needs_key && !h)
                return;
        if (b->consent) {
                if (!consent_go(v, b, h, now))
                        ballot_drop(v);
                return;
        }
        if (b->type == OP_DEVICE_ADD) {
                if (!code_sign(v, b, &h->sign, now))
                        ballot_drop(v);
                return;
        }
        enum vault_error e = b->type == OP_DEVICE_REVOKE ? own_device_ends(v, &b->device->sign, h, b->wall) : VAULT_OK;
        if (e) {
                vault_refuse(p, e);
                ballot_drop(v);
                return;
        }
        int r = ballot_sign(b, v, &h->sign, now, &b->op);
        struct wire_v_op msg = {.op = buf_span(&b->op)};
        if (r)
                vault_refuse(p, r == ERR_NOMEM ? VAULT_NO_MEMORY : VAULT_NO_BROKEN);
        if (r || !vault_ask(v, p, VAULT_OP, OWNER_V_OP, &msg, now)) {
                ballot_drop(v);
                return;
        }
        b->stage = BALLOT_SENT;
        log_info("user %u had the household sign an operation (%s); waiting for the daemon to keep it", p->uid,
                 wire_enum_text(&wire_op_enum, b->type));
}

/* ---- V_RESULT ---- */

static void put_ways(struct wire_o_voted *row, const struct roster_ways *w) {
        if (w->stewards_needed) {
                WIRE_PUT(row, O_VOTED, stewards, w->stewards);
                WIRE_PUT(row, O_VOTED, stewards_needed, w->stewards_needed);
        }
        if (w->homes_needed) {
                WIRE_PUT(row, O_VOTED, homes, w->homes);
                WIRE_PUT(row, O_VOTED, homes_needed, w->homes_needed);
        }
}

/* Folds the vote in. Where that fails the daemon has it all the same, and the trial's count stands. */
static void answer_voted(const struct vault *v, struct ballot *b) {
        struct roster_proposal p;
        struct hash id;
        int r = -1;
        if (b->type == OP_INVITE_UNDO) { /* as it was countersigned, only the daemon has it */
                op_signed_hash(&id, &v->key.mesh, buf_span(&b->op));
        } else {
                op_id(&id, &v->key.mesh, buf_span(&b->op));
                r = roster_add(b->roster, buf_span(&b->op), true, &id);
        }
        if (!CHECK_FAILS(r <= 0) && r == 0 && ballot_proposal(b, b->roster, &id, &p))
                b->count = (struct ballot_count){p.votes, p.needed, p.in_force, p.ways};
        struct wire_o_voted row = {
                .v = 1,
                .id = SPAN_OF(id.b),
                .in_force = b->count.in_force,
                .votes = b->count.votes,
                .needed = b->count.needed,
        };
        if (b->type == OP_ENDORSE)
                WIRE_PUT(&row, O_VOTED, proposal, SPAN_OF(b->proposal.b));
        else if (b->type != OP_LEAVE && b->type != OP_VOUCH && b->type != OP_DEVICE_REVOKE && b->type != OP_INVITE_UNDO)
                WIRE_PUT(&row, O_VOTED, proposal, SPAN_OF(id.b));
        put_ways(&row, &b->count.ways);
        frame_put(&b->peer->out, wire_owner_find(OWNER_O_VOTED), &row);
        vault_done(b->peer, NULL);
}

static void settle_left(struct vault *v, const struct ballot *b) {
        struct hash id;
        op_id(&id, &v->key.mesh, buf_span(&b->op));
        forget_mesh(v, b, &id);
}

void ballot_settle(struct vault *v, const struct wire_v_result *res) {
        struct ballot *b = v->ballot;
        v->errand = VAULT_NO_ERRAND;
        v->asker = NULL;
        if (b && res->ok && b->type == OP_LEAVE && !WIRE_HAS(res, V_RESULT, waiting))
                settle_left(v, b);
        else if (b && res->ok && b->type == OP_DEVICE_ADD)
                code_answer(b);
        else if (b && res->ok)
                answer_voted(v, b);
        else if (b)
                vault_pass_on(b->peer, res);
        else
                log_info("the operation whose tool hung up %s", res->ok ? "is kept" : "was refused");
        ballot_drop(v);
}
