/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_OP: what the owner wants the household to sign. The daemon's operations are folded here, from the genesis that the
 * key file names and every signature checked; the operation is then tried out in a second roster, so that the sentence
 * says what would come of it, and nobody is asked to say yes to what the rules refuse.
 */
#include "base/log.h"
#include "base/text.h"
#include "roster/op.h"
#include "vault/ballot.h"
#include "vault/consent.h"
#include "vault/rule.h"
#include "vault/transfer.h"

#include <stdlib.h>

/* ---- the request ---- */

bool vault_plain_line(struct span text) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, text, false);
        return span_eq(buf_span(&shown), text);
}

/* Which rows each kind of operation takes. */
static bool rows_fine(struct vault_peer *p, const struct wire_o_op *q, bool target, bool reason, bool subtree) {
        if (WIRE_HAS(q, O_OP, target) != target)
                return target ? vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "the operation needs a target")
                              : vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "the operation has no use for a target");
        if (WIRE_HAS(q, O_OP, reason) && !reason)
                return vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "the operation has no use for a reason");
        if (WIRE_HAS(q, O_OP, expires_in) && q->type != OP_DEVICE_ADD)
                return vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "only a device code has an end");
        if (WIRE_HAS(q, O_OP, subtree) && !subtree)
                return vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "only a removal takes other homes along");
        return !WIRE_HAS(q, O_OP, reason) || vault_plain_line(q->reason) || vault_refuse(p, VAULT_NO_BAD_REASON);
}

static bool request_fine(struct vault_peer *p, const struct wire_o_op *q) {
        switch ((enum wire_e_op)q->type) {
        case OP_REMOVE:
                return rows_fine(p, q, true, true, true);
        case OP_DEMOTE:
                return rows_fine(p, q, true, true, false);
        case OP_ENDORSE:
        case OP_PROMOTE:
        case OP_VOUCH:
        case OP_RETURN:
        case OP_INVITE_UNDO:
                return rows_fine(p, q, true, false, false);
        case OP_DEVICE_REVOKE:
                return rows_fine(p, q, true, false, false);
        case OP_LEAVE:
        case OP_DEVICE_ADD: /* a code for one */
                return rows_fine(p, q, false, false, false);
        case OP_GENESIS:
        case OP_ADD:
                break;
        }
        return vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "such an operation is not asked for in this way");
}

bool ballot_may(const struct vault *v, struct vault_peer *p) {
        if (!vault_has_household(v, p))
                return false;
        if (v->key.state == KEYFILE_RESTORING)
                return vault_refuse(p, VAULT_NO_STILL_RESTORING);
        if (v->key.state != KEYFILE_MEMBER)
                return vault_refuse(p,
                                    v->errand || v->key.state == KEYFILE_OVER ? VAULT_NO_BUSY : VAULT_NO_STILL_JOINING);
        if (!v->in_mesh)
                return vault_refuse(p, VAULT_NO_NO_MESH);
        bool others = v->ballot && v->ballot->peer != p && !ballot_asked(v); /* a mere question gives way */
        return (!v->errand && !others) || vault_refuse(p, VAULT_NO_BUSY);
}

static int roster_begin(const struct vault *v, struct roster **ret) {
        uint64_t seed[4];
        v->io->seed(v->io->arg, (uint8_t *)seed);
        return roster_new(ret, seed);
}

struct ballot *ballot_new(const struct vault *v, struct vault_peer *p, struct span language) {
        _clean_(ballot_freep) struct ballot *b = calloc(1, sizeof(*b));
        if (!b || roster_begin(v, &b->roster))
                return NULL;
        b->peer = p;
        b->here = v->sign;
        b->language = language.n ? catalogue_find(language) : NULL;
        return TAKE(b);
}

static struct ballot *ballot_for(const struct vault *v, struct vault_peer *p, const struct wire_o_op *q) {
        struct span language = WIRE_HAS(q, O_OP, language) ? q->language : SPAN_NONE;
        _clean_(ballot_freep) struct ballot *b = ballot_new(v, p, language);
        if (!b)
                return NULL;
        b->type = (enum wire_e_op)q->type;
        b->subtree = WIRE_HAS(q, O_OP, subtree);
        b->expires_in = WIRE_HAS(q, O_OP, expires_in) ? q->expires_in : 0;
        if (WIRE_HAS(q, O_OP, target))
                buf_add(&b->words, q->target);
        if (WIRE_HAS(q, O_OP, reason))
                buf_add(&b->reason, q->reason);
        return buf_ok(&b->words) && buf_ok(&b->reason) ? TAKE(b) : NULL;
}

void ballot_put(struct vault *v, struct ballot *b) {
        if (ballot_asked(v) && v->ballot->peer != b->peer)
                vault_refuse(v->ballot->peer, VAULT_NO_OVERTAKEN);
        ballot_drop(v); /* its own earlier one, or one that nobody has said yes to yet */
        v->ballot = b;
}

void ballot_fold(struct vault *v, struct vault_peer *p, struct ballot *b, mesh_time now) {
        struct wire_c_none none = {0};
        if (!b) {
                vault_refuse(p, VAULT_NO_MEMORY);
                return;
        }
        ballot_put(v, b);
        if (!vault_ask(v, p, VAULT_OPS, OWNER_V_WANT_OPS, &none, now))
                ballot_drop(v);
}

/* To leave a mesh that has not let this home in yet, as far as is known: nothing is to be signed, and there is no roster. */
static void give_up_joining(struct vault *v, struct vault_peer *p, const struct wire_o_op *q, mesh_time now) {
        _clean_(buf_fini) struct buf text = BUF_MAX(SENTENCE_MAX);
        bool others = v->ballot && v->ballot->peer != p && !ballot_asked(v);
        struct ballot *b = others ? NULL : ballot_for(v, p, q);
        if (!b) {
                vault_refuse(p, others ? VAULT_NO_BUSY : VAULT_NO_MEMORY);
                return;
        }
        b->over = b->unfinished = true;
        ballot_put(v, b);
        sentence_unfinished(&text, b);
        if (!ballot_ask(v, b, &text, false, now))
                ballot_drop(v);
}

void on_op(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        if (m->o_op.type == OP_LEAVE && vault_joins(v)) {
                if (request_fine(p, &m->o_op))
                        give_up_joining(v, p, &m->o_op, now);
                return;
        }
        if (ballot_may(v, p) && request_fine(p, &m->o_op))
                ballot_fold(v, p, ballot_for(v, p, &m->o_op), now);
}

/* ---- the operations ---- */

void on_ops(struct vault *v, const union frame_message *m, mesh_time now) {
        struct ballot *b = v->ballot;
        (void)now;
        if (v->renewal && v->renewal->roster)
                renewal_take(v, m->v_ops.op);
        else if (v->witness)
                witness_take(v, m->v_ops.op);
        else if (v->rescue && v->errand == VAULT_OPS)
                rescue_take(v, m->v_ops.op);
        else if (v->errand != VAULT_OPS)
                log_warning("the daemon sends operations nobody asked for; ignoring them");
        else if (b && !b->wrong)
                b->wrong = fold_op(b->roster, &v->key.mesh, &b->bytes, m->v_ops.op);
}

/* ---- trying it out ---- */

static const struct roster_device *current_device(const struct roster_home *h) {
        for (size_t i = 0; h->member && i < h->n_devices; i++)
                if (!h->devices[i]->gone_at)
                        return h->devices[i];
        return NULL;
}

/* A device of a home that is neither the author's nor the one undone. */
static const struct roster_device *third_device(const struct ballot *b, const struct roster *r) {
        const struct roster_device *d = NULL;
        const struct roster_home *h;
        for (size_t i = 0; !d && (h = roster_home_at(r, i)); i++)
                if (!key_eq(&h->key, &b->self->key) && !key_eq(&h->key, &b->target->key))
                        d = current_device(h);
        return d;
}

/* The undo as it might look when it is countersigned: the daemon finds who does it. */
static int try_countersign(const struct ballot *b, const struct roster *trial, const struct hash *mesh, mesh_wall at,
                           struct buf *op) {
        _clean_(buf_fini) struct buf half = *op;
        *op = BUF_NULL;
        const struct roster_device *d = third_device(b, trial);
        if (!d)
                return ROSTER_E_RULE;
        struct hash heads[ROSTER_PARENTS_MAX], must[] = {b->proposal, roster_device_op(trial, d)->id};
        size_t n = roster_parents(trial, NULL, must, ARRAY_LEN(must), heads, NULL);
        struct sign_key nobody = {.pub = d->sign};
        return op_countersign(op, buf_span(&half), mesh, &nobody, at, heads, n);
}

/* A copy of the roster with the operation in it, signed by nobody: only its bytes count there. 0, ROSTER_E_*, <0. */
static int try_out(const struct vault *v, const struct ballot *b, mesh_time now, struct roster **ret,
                   struct hash *ret_op) {
        _clean_(roster_freep) struct roster *trial = NULL;
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct sign_key nobody = {.pub = v->key.household};
        const struct roster_op *op;
        if (roster_begin(v, &trial))
                return ERR_NOMEM;
        for (size_t i = 0; (op = roster_op_at(b->roster, i)); i++)
                if (roster_add(trial, op->bytes, true, ret_op))
                        return ERR_NOMEM;
        int r = ballot_sign(b, v, &nobody, now, &bytes);
        if (r == 0 && b->type == OP_INVITE_UNDO)
                r = try_countersign(b, trial, &v->key.mesh, b->wall, &bytes);
        if (r == 0)
                r = roster_add(trial, buf_span(&bytes), true, ret_op);
        if (r == 0)
                *ret = TAKE(trial);
        return r;
}

static bool has_vouched(const struct ballot *b) {
        const struct roster_op *op;
        struct wire_op w;
        for (size_t i = 0; (op = roster_op_at(b->roster, i)); i++)
                if (op->type == OP_VOUCH && codec_decode(&wire_op_desc, op->bytes, &w, NULL) == 0 &&
                    span_eq(w.household, SPAN_OF(b->self->key.b)) && span_eq(w.target, SPAN_OF(b->target->key.b)))
                        return true;
        return false;
}

static bool refuse_tried(const struct ballot *b, int r) {
        if (r < 0)
                return vault_refuse(b->peer, VAULT_NO_MEMORY);
        if (b->type == OP_ENDORSE)
                return vault_refuse(b->peer, VAULT_NO_MAY_NOT_VOTE);
        bool again = b->type == OP_VOUCH && has_vouched(b);
        return vault_refuse(b->peer, again ? VAULT_NO_VOUCHED : VAULT_NO_NOT_ALLOWED);
}

/* An open proposal for just that, with this household's vote in it, and no further from its end than a new one. */
static bool has_voted(const struct ballot *b, const struct roster_proposal *now, struct roster_proposal *ret) {
        struct roster_proposal p;
        for (size_t i = 0; roster_proposal_at(b->roster, i, &p); i++) {
                bool open = !p.in_force && !p.dead;
                if (!open || p.type != b->type || p.target != b->target ||
                    proposal_subtree(b->roster, &p) != b->subtree || !roster_voted(b->roster, &p.id, &b->self->key) ||
                    p.needed - p.votes > now->needed - now->votes)
                        continue;
                *ret = p;
                return true;
        }
        return false;
}

/* What came of it in the trial: counts it, or refuses. */
static bool outcome_fine(struct ballot *b, const struct roster *trial, const struct hash *op) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct roster_proposal p, earlier;
        b->count = (struct ballot_count){.votes = 1, .needed = 1, .in_force = true};
        if (!ballot_proposal(b, trial, op, &p))
                return true;
        if (p.dead)
                return vault_refuse(b->peer, b->type == OP_ENDORSE ? VAULT_NO_MAY_NOT_VOTE : VAULT_NO_NOT_ALLOWED);
        b->count = (struct ballot_count){p.votes, p.needed, p.in_force, p.ways};
        if (b->type == OP_ENDORSE || p.in_force || !has_voted(b, &p, &earlier))
                return true;
        sentence_proposal_id(&id, b->roster, &earlier.id);
        return vault_refuse_why(b->peer, VAULT_NO_VOTED,
                                "this household has voted for that already, in proposal %s: %u of %u votes are there",
                                buf_cstr(&id), earlier.votes, earlier.needed);
}

/* ---- the sentence ---- */

bool ballot_self(const struct vault *v, struct ballot *b) {
        b->self = roster_home_find(b->roster, &v->key.household);
        if (!b->self)
                b->self = roster_waiting_find(b->roster, &v->key.household);
        if (b->self && b->self->member)
                return true;
        b->over = b->self && b->type == OP_LEAVE;
        if (b->over)
                return true;
        return vault_refuse(b->peer, b->self && !b->self->left ? VAULT_NO_REMOVED : VAULT_NO_NOT_MEMBER);
}

/* Where it stands: behind this household's last operation, and all that is known of what it is about. */
static bool find_place(struct ballot *b) {
        struct hash must[1];
        size_t n_must = 0;
        const struct roster_op *about = b->target ? roster_home_op(b->roster, b->target) : NULL;
        if (b->device)
                about = roster_device_op(b->roster, b->device);
        if (b->type == OP_ENDORSE)
                must[n_must++] = b->proposal;
        else if (about)
                must[n_must++] = about->id;
        b->n_parents = roster_parents(b->roster, &b->self->key, must, n_must, b->parents, &b->seq);
        return b->n_parents > 0 || vault_refuse(b->peer, VAULT_NO_NOT_MEMBER);
}

bool ballot_ask(const struct vault *v, struct ballot *b, const struct buf *text, bool needs_key, mesh_time now) {
        if (!buf_ok(text) || CHECK_FAILS(text->n > 0))
                return vault_refuse(b->peer, VAULT_NO_MEMORY);
        struct wire_o_sentence msg = {.text = buf_span(text), .passphrase = needs_key && !vault_unlocked(v, now)};
        frame_put(&b->peer->out, wire_owner_find(OWNER_O_SENTENCE), &msg);
        b->stage = BALLOT_ASKED;
        b->deadline = now + VAULT_GO_MS;
        return true;
}

static bool say_sentence(const struct vault *v, struct ballot *b, const struct roster *trial, const struct hash *op,
                         mesh_time now) {
        _clean_(buf_fini) struct buf text = BUF_MAX(SENTENCE_MAX);
        if (b->type == OP_DEVICE_REVOKE)
                b->device_keys = own_released(v, &b->device->sign);
        sentence_put(&text, b, trial, op);
        return ballot_ask(v, b, &text, !b->over, now);
}

/* True: the peer has its sentence. */
static bool ask_owner(const struct vault *v, struct ballot *b, mesh_time now) {
        _clean_(roster_freep) struct roster *trial = NULL;
        struct hash op;
        if (!ballot_self(v, b))
                return false;
        if (b->over)
                return say_sentence(v, b, NULL, NULL, now);
        if (!ballot_resolve(b) || !find_place(b))
                return false;
        if (b->type == OP_DEVICE_ADD)
                return code_may(b) && say_sentence(v, b, b->roster, NULL, now);
        int r = try_out(v, b, now, &trial, &op);
        if (r)
                return refuse_tried(b, r);
        return outcome_fine(b, trial, &op) && say_sentence(v, b, trial, &op, now);
}

static bool roster_fine(const struct ballot *b, mesh_wall wall) {
        enum vault_error wrong = b->bytes ? b->wrong : VAULT_NO_WRONG_MESH;
        if (wrong) {
                log_warning("%s: %s; telling the owner", vault_error(wrong)->name, vault_error(wrong)->message);
                return vault_refuse(b->peer, wrong);
        }
        return vault_clock_sane(wall) || vault_refuse(b->peer, VAULT_NO_NO_CLOCK);
}

/* The way into the mesh, for a device code. */
static void keep_way(struct ballot *b, const struct wire_v_ops_end *end) {
        b->has_link_key = WIRE_HAS(end, V_OPS_END, link_key);
        if (b->has_link_key)
                memcpy(b->link_key.b, end->link_key.p, sizeof(b->link_key));
        b->n_addrs = WIRE_HAS(end, V_OPS_END, addrs) ? end->addrs.count : 0;
        buf_add(&b->addrs, end->addrs.items);
        b->cell = WIRE_HAS(end, V_OPS_END, cell) ? end->cell : 0;
}

void on_ops_end(struct vault *v, const union frame_message *m, mesh_time now) {
        struct ballot *b = v->ballot;
        if (v->renewal && v->renewal->roster) {
                renewal_end(v, &m->v_ops_end);
                return;
        }
        if (v->witness) {
                witness_end(v);
                return;
        }
        if (v->rescue && v->errand == VAULT_OPS) {
                rescue_folded(v);
                return;
        }
        if (v->errand == VAULT_BACKUP) {
                transfer_gathered(v, &m->v_ops_end);
                return;
        }
        if (v->errand != VAULT_OPS) {
                log_warning("the daemon sends operations nobody asked for; ignoring them");
                return;
        }
        v->errand = VAULT_NO_ERRAND;
        v->asker = NULL;
        if (!b) /* who asked has hung up */
                return;
        b->wall = m->v_ops_end.time;
        b->wall_at = now;
        keep_way(b, &m->v_ops_end);
        bool fine = roster_fine(b, b->wall);
        if (!fine || !(b->consent ? consent_folded(v, b, now) : ask_owner(v, b, now)))
                ballot_drop(v);
}
