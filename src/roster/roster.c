/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: the one place that holds all operations, and answers who is a member. It takes an operation in (decoded, its
 * signatures checked, judged in its own past), files it under what others will ask by, and brings the fold up to date: an
 * add or a further device at the cost of that one alone, anything rarer by folding everything again.
 *
 * The core, the vault and the tools call it; what it computes and why stands in fold.c.
 */
#include "roster/roster.h"

#include <stdlib.h>

#include "roster/charter.h"
#include "roster/code.h"
#include "roster/inside.h"
#include "roster/invite.h"
#include "roster/name.h"
#include "roster/op.h"

#define ID_BYTES sizeof(struct hash)
#define TABLE_FIRST 16 /* entries of a table's first allocation */

/* ---- birth and death ---- */

int roster_new(struct roster **ret, const uint64_t seed[4]) {
        struct roster *r = calloc(1, sizeof(*r));
        if (!r || past_new(&r->past)) {
                free(r);
                return ERR_NOMEM;
        }
        struct map *maps[] = {&r->by_id, &r->by_home, &r->by_sign, &r->by_noise, &r->by_invite, &r->by_skeleton};
        for (size_t i = 0; i < ARRAY_LEN(maps); i++)
                map_init(maps[i], seed);
        *ret = r;
        return 0;
}

static void vote_free(struct vote *v) {
        if (!v)
                return;
        if (v->prop)
                free(v->prop->targets);
        free(v->prop);
        bits_fini(&v->past);
        free(v);
}

static void op_free(struct op *o) {
        if (o)
                vote_free(o->vote);
        free(o);
}
DEFINE_FREEP(struct op, op_free)

static void tables_free(struct roster *r) {
        free(r->ops);
        free(r->homes);
        free(r->certs);
        free(r->invites);
        free(r->proposals);
        free(r->heads);
        free(r->shown);
        free(r->clashes);
}

struct roster *roster_free(struct roster *r) {
        if (!r)
                return NULL;
        if (r->others) {
                r->others--;
                return NULL;
        }
        pool_leave(r);
        roster_free(r->ahead);
        for (uint32_t i = 0; i < r->n_ops; i++)
                op_free(r->ops[i]);
        for (uint32_t i = 0; i < r->n_homes; i++) {
                free(r->homes[i]->devices);
                free(r->homes[i]);
        }
        for (uint32_t i = 0; i < r->n_certs; i++)
                free(r->certs[i]);
        for (uint32_t i = 0; i < r->n_invites; i++)
                free(r->invites[i]);
        struct map *maps[] = {&r->by_id, &r->by_home, &r->by_sign, &r->by_noise, &r->by_invite, &r->by_skeleton};
        for (size_t i = 0; i < ARRAY_LEN(maps); i++)
                map_fini(maps[i]);
        tables_free(r);
        past_free(r->past);
        state_fini(&r->now);
        free(r);
        return NULL;
}

/* ---- tables ---- */

/* Room for one more of @size behind the @n in the table that @p points to. Tables double at powers of two. */
static int table_room(void *p, uint32_t n, size_t size) {
        uint8_t *old, *bigger;
        if (n && (n < TABLE_FIRST || (n & (n - 1))))
                return 0;
        memcpy(&old, p, sizeof(old));
        bigger = realloc(old, MAX((size_t)n * 2, (size_t)TABLE_FIRST) * size);
        if (!bigger)
                return ERR_NOMEM;
        memcpy(p, &bigger, sizeof(bigger));
        return 0;
}

/* ---- decoding what comes ---- */

static void span_copy(void *ret, struct span s, size_t n) {
        memcpy(ret, s.p, MIN(s.n, n));
}

static int lists_read(struct coming *c, const struct hash *mesh) {
        struct wire_list device = c->w.device, invite = c->w.invite, code = c->w.code;
        if (WIRE_HAS(&c->w, OP, device) && !wire_list_next(&wire_device_desc, &device, &c->device))
                return ROSTER_E_INPUT;
        if (WIRE_HAS(&c->w, OP, code)) {
                if (!wire_list_next(&wire_code_desc, &code, &c->code))
                        return ROSTER_E_INPUT;
                code_hash(&c->inv_hash, &c->code, mesh);
        }
        if (!WIRE_HAS(&c->w, OP, invite))
                return 0;
        if (!wire_list_next(&wire_invite_desc, &invite, &c->inv))
                return ROSTER_E_INPUT;
        invite_hash(&c->inv_hash, &c->inv, mesh);
        return 0;
}

static int check(const struct roster *r, struct span op, bool countersigned, bool signatures, struct coming *c) {
        int e = op_check(op, r->n_ops ? &r->mesh : NULL, countersigned, signatures, &c->w);
        if (e == OP_E_SIGNATURE)
                return ROSTER_E_SIGNATURE;
        if (e == OP_E_VALUE && !countersigned)
                return ROSTER_E_NAME;
        if (e)
                return e < 0 ? e : ROSTER_E_INPUT;
        return lists_read(c, &r->mesh);
}

/* ---- what it names ---- */

static int names_put(const struct roster *r, struct op *o, struct span ids) {
        for (size_t i = 0; i + ID_BYTES <= ids.n && o->n_named < NAMED_MAX; i += ID_BYTES) {
                const struct op *named = map_find(&r->by_id, ids.p + i);
                if (!named)
                        return ROSTER_E_PARENTS;
                o->named[o->n_named++] = named->index;
        }
        return 0;
}

/* PROTOCOL 5.20: "The first parent MUST be an operation of the same household, and `seq` MUST be that one's `seq`
 * plus 1." */
/* J1: "the author's previous operation first; seq is that one's seq + 1" */
static int chain_put(const struct roster *r, struct op *o, const struct wire_op *w) {
        o->seq = (uint32_t)w->seq;
        if (o->seq == 0)
                return 0;
        const struct op *previous = r->ops[o->named[0]];
        if (previous->seq + 1 != o->seq || memcmp(r->homes[previous->home]->pub.key.b, w->household.p, ID_BYTES) != 0)
                return ROSTER_E_RULE;
        o->home = previous->home;
        o->root = previous->root;
        o->depth = previous->depth;
        return 0;
}

static struct op *op_new(const struct roster *r, struct span bytes, const struct wire_op *w, const struct hash *id) {
        struct op *o = calloc(1, sizeof(*o) + bytes.n);
        if (!o)
                return NULL;
        memcpy(o->bytes, bytes.p, bytes.n);
        o->pub = (struct roster_op){
                .id = *id,
                .bytes = span_of(o->bytes, bytes.n),
                .type = (enum wire_e_op)w->type,
                .time = w->type == OP_ADD || w->type == OP_DEVICE_ADD ? w->at : w->time,
        };
        o->index = o->root = o->twin = r->n_ops;
        o->home = o->cert = o->invite = o->inv_cert = o->by_cert = o->target = o->promo = o->head_at = NONE;
        o->next_of_home = o->next_on_invite = o->next_of_inviter = o->built_by = NONE;
        return o;
}

/* ---- filing ---- */

static int home_file(struct roster *r, const struct coming *c, struct home **ret) {
        struct home *h = map_find(&r->by_home, c->w.household.p);
        if (h) {
                *ret = h;
                return 0;
        }
        _clean_(buf_fini) struct buf skeleton = BUF_NULL;
        name_skeleton(&skeleton, c->w.name);
        if (!buf_ok(&skeleton) || table_room(&r->homes, r->n_homes, sizeof(*r->homes)) ||
            table_room(&r->shown, r->n_homes, sizeof(*r->shown)) || !(h = calloc(1, sizeof(*h))))
                return ERR_NOMEM;
        span_copy(h->pub.key.b, c->w.household, sizeof(h->pub.key.b));
        span_copy(h->pub.seal.b, c->w.seal, sizeof(h->pub.seal.b));
        span_copy(h->pub.name, c->w.name, sizeof(h->pub.name) - 1);
        span_copy(h->skeleton, buf_span(&skeleton), sizeof(h->skeleton));
        const struct home *alike = map_find(&r->by_skeleton, h->skeleton);
        h->next_alike = alike ? alike->index : NONE;
        h->index = r->n_homes;
        h->ops = h->joins = h->certs = h->invitees = NONE;
        r->homes[r->n_homes++] = h;
        *ret = h;
        return map_put(&r->by_home, h->pub.key.b, h) || map_put(&r->by_skeleton, h->skeleton, h) ? ERR_NOMEM : 0;
}

/* The certificates that have a key in common hang on the newest of them. */
static void cert_link(struct roster *r, struct cert *c) {
        const struct cert *sign = map_find(&r->by_sign, c->pub.sign.b), *noise = map_find(&r->by_noise, c->pub.noise.b);
        c->next_sign = sign ? sign->index : NONE;
        c->next_noise = noise ? noise->index : NONE;
        if (sign || noise)
                r->clashes[r->n_clashes++] = c->index;
}

static int cert_file(struct roster *r, const struct wire_device *d, struct home *h, const struct op *o) {
        struct roster_device **devices = realloc(h->devices, (h->n_certs + 1) * sizeof(struct roster_device *));
        if (!devices)
                return ERR_NOMEM;
        h->devices = devices;
        h->pub.devices = devices;
        struct cert *c;
        if (table_room(&r->certs, r->n_certs, sizeof(*r->certs)) ||
            table_room(&r->clashes, r->n_certs, sizeof(*r->clashes)) || !(c = calloc(1, sizeof(*c))))
                return ERR_NOMEM;
        span_copy(c->pub.sign.b, d->sign, sizeof(c->pub.sign.b));
        span_copy(c->pub.noise.b, d->noise, sizeof(c->pub.noise.b));
        span_copy(c->pub.seal.b, d->seal, sizeof(c->pub.seal.b));
        span_copy(c->pub.name, d->name, sizeof(c->pub.name) - 1);
        c->pub.share = (enum wire_e_share)d->share;
        c->pub.home = &h->pub;
        c->index = r->n_certs;
        c->op = o->index;
        c->home = h->index;
        c->next_of_home = h->certs;
        h->certs = c->index;
        h->n_certs++;
        r->certs[r->n_certs++] = c;
        cert_link(r, c);
        return map_put(&r->by_sign, c->pub.sign.b, c) || map_put(&r->by_noise, c->pub.noise.b, c) ? ERR_NOMEM : 0;
}

static int invite_file(struct roster *r, const struct coming *c, struct invite **ret) {
        struct invite *inv = map_find(&r->by_invite, c->inv_hash.b);
        if (inv) {
                *ret = inv;
                return 0;
        }
        if (table_room(&r->invites, r->n_invites, sizeof(*r->invites)) || !(inv = calloc(1, sizeof(*inv))))
                return ERR_NOMEM;
        inv->hash = c->inv_hash;
        bool code = WIRE_HAS(&c->w, OP, code);
        span_copy(inv->key.b, code ? c->code.key : c->inv.key, sizeof(inv->key.b));
        inv->uses = code ? 1 : (uint32_t)c->inv.uses;
        inv->index = r->n_invites;
        inv->adds = NONE;
        r->invites[r->n_invites++] = inv;
        *ret = inv;
        return map_put(&r->by_invite, inv->hash.b, inv);
}

/* R1: "Adds, and device-adds, of one household with equal pairs up to and including its signature (the code's) are twins" */
static bool are_twins(const struct op *a, const struct op *b) {
        uint8_t behind =
                a->pub.type == OP_ADD ? OP_KEY_invite_sig : OP_KEY_by; /* the first pair after that signature */
        return a->pub.type == b->pub.type && (a->pub.type == OP_ADD || a->pub.type == OP_DEVICE_ADD) &&
               span_eq(codec_pairs_before(a->pub.bytes, behind), codec_pairs_before(b->pub.bytes, behind));
}

static void rivals_note(struct roster *r, struct op *a, struct op *b) {
        r->n_rivals += !a->rival;
        a->rival = true;
        r->n_rivals += !b->rival;
        b->rival = true;
}

static void twin_note(struct roster *r, struct op *o, const struct op *other) {
        r->n_twins += o->twin == o->index;
        o->twin = other->twin;
        r->ops[o->twin]->twinned = true;
}

/* A device-add is on no chain. */
static void join_file(struct roster *r, struct op *o, struct home *h) {
        for (uint32_t i = h->joins; i != NONE; i = r->ops[i]->next_of_home)
                if (are_twins(o, r->ops[i]))
                        twin_note(r, o, r->ops[i]);
        o->next_of_home = h->joins;
        h->joins = o->index;
}

/* Puts @o into its household's chain, and notes who else stands at its place. */
static void chain_file(struct roster *r, struct op *o, struct home *h) {
        for (uint32_t i = h->ops; i != NONE; i = r->ops[i]->next_of_home) {
                struct op *other = r->ops[i];
                if (other->seq != o->seq)
                        continue;
                if (o->seq || !are_twins(o, other)) {
                        rivals_note(r, o, other);
                        continue;
                }
                twin_note(r, o, other);
        }
        o->next_of_home = h->ops;
        h->ops = o->index;
}

static int ticket_file(struct roster *r, const struct coming *c, struct op *o) {
        struct invite *inv;
        if (o->pub.type != OP_ADD && o->pub.type != OP_DEVICE_ADD)
                return 0;
        if (invite_file(r, c, &inv))
                return ERR_NOMEM;
        o->invite = inv->index;
        o->next_on_invite = inv->adds;
        inv->adds = o->index;
        if (o->inv_cert != NONE) {
                struct home *inviter = r->homes[r->certs[o->inv_cert]->home];
                o->next_of_inviter = inviter->invitees;
                inviter->invitees = o->index;
                inviter->n_invitees++;
        }
        inv->n_adds += o->twin == o->index;
        r->n_crowded += o->twin == o->index && inv->n_adds == inv->uses + 1;
        return 0;
}

static int vote_file(struct roster *r, struct op *o) {
        if (!o->vote)
                return 0;
        if (table_room(&r->proposals, r->n_proposals, sizeof(*r->proposals)))
                return ERR_NOMEM;
        if (o->vote->prop) {
                r->proposals[r->n_proposals++] = o->index;
                return 0;
        }
        struct vote *first = r->ops[o->vote->proposal]->vote;
        for (uint32_t i = o->vote->proposal; i != NONE && !first->prop->again; i = r->ops[i]->vote->next)
                first->prop->again = r->ops[i]->home == o->home;
        o->vote->next = first->next;
        first->next = o->index;
        return 0;
}

static void head_drop(struct roster *r, struct op *o) {
        if (o->head_at == NONE)
                return;
        uint32_t last = r->heads[--r->n_heads];
        r->heads[o->head_at] = last;
        r->ops[last]->head_at = o->head_at;
        o->head_at = NONE;
}

static int op_file(struct roster *r, struct op *o) {
        if (table_room(&r->ops, r->n_ops, sizeof(struct op *)) || table_room(&r->heads, r->n_ops, sizeof(*r->heads)))
                return ERR_NOMEM;
        r->ops[r->n_ops++] = o;
        for (uint32_t i = 0; i < o->n_named; i++)
                head_drop(r, r->ops[o->named[i]]);
        o->head_at = r->n_heads;
        r->heads[r->n_heads++] = o->index;
        return map_put(&r->by_id, o->pub.id.b, o);
}

static void mesh_found(struct roster *r, const struct coming *c, const struct hash *id) {
        r->mesh = *id;
        span_copy(r->name, c->w.mesh_name, sizeof(r->name) - 1);
        r->cell = WIRE_HAS(&c->w, OP, cell) ? c->w.cell : 0;
        charter_read(c->w.charter, r->charter);
}

/* Everything under which an operation is found later. Memory failing here leaves the roster unfit for use: it is fatal. */
static int file_all(struct roster *r, struct coming *c, struct op *o) {
        struct home *h;
        if (op_is_first(o) && home_file(r, c, &h))
                return ERR_NOMEM;
        if (!op_is_first(o))
                h = r->homes[o->home];
        o->home = h->index;
        if (op_file(r, o))
                return ERR_NOMEM;
        if (o->pub.type == OP_DEVICE_ADD)
                join_file(r, o, h);
        else
                chain_file(r, o, h);
        if (ticket_file(r, c, o) || vote_file(r, o) || past_build(r, o))
                return ERR_NOMEM;
        if (o->twin != o->index) {
                o->cert = r->ops[o->twin]->cert;
                return 0;
        }
        if (!WIRE_HAS(&c->w, OP, device))
                return 0;
        o->cert = r->n_certs;
        return cert_file(r, &c->device, h, o);
}

/* ---- taking one in ---- */

static int refold(struct roster *r) {
        if (fold_run(r, NULL, &r->now))
                return ERR_NOMEM;
        fold_trim(r);
        publish_all(r);
        return removed_hash(r, &r->now, &r->removed);
}

static int take_in(struct roster *r, struct coming *c, struct op *o) {
        int ret = file_all(r, c, o);
        if (ret && o->index == r->n_ops)
                op_free(o); /* memory ran out before the roster had it */
        if (ret)
                return ret;
        if (state_fit(r, &r->now))
                return ERR_NOMEM;
        votes_hope(r, o);
        if (fold_falls(r, o))
                return 0;
        if (!fold_append(r, o))
                return refold(r);
        publish_added(r, o);
        return 0;
}

static int prepare(struct roster *r, struct coming *c, struct op *o) {
        int ret = names_put(r, o, c->w.parents);
        if (!ret)
                ret = names_put(r, o, c->w.heads);
        if (!ret)
                ret = chain_put(r, o, &c->w);
        c->op = o;
        return ret ? ret : judge(r, c);
}

/* The genesis is judged by nobody: it is what this node, or the ticket it came on, chose. */
static int begin(struct roster *r, struct coming *c, struct span op, struct hash *ret_id) {
        struct hash id;
        op_id(&id, NULL, op);
        struct op *o = op_new(r, op, &c->w, &id);
        if (!o)
                return ERR_NOMEM;
        mesh_found(r, c, &id);
        *ret_id = id;
        return take_in(r, c, o);
}

/* What the bytes alone say: decoded, and its signatures checked; those of a mesh not known yet cannot be. */
static int receive(const struct roster *r, struct span op, bool checked, struct coming *c) {
        if (!r->n_ops) {
                int ret = check(r, op, true, false, c);
                if (ret)
                        return ret;
                if (c->w.type != OP_GENESIS)
                        return ROSTER_E_INPUT;
        }
        return check(r, op, true, !checked, c);
}

/* Decodes and judges an operation that is no genesis; on 0 @ret is what take_in() files. */
static int weigh(struct roster *r, struct span op, const struct hash *id, struct coming *c, struct op **ret) {
        if (c->w.type == OP_GENESIS)
                return ROSTER_E_RULE;
        _clean_(op_freep) struct op *o = op_new(r, op, &c->w, id);
        if (!o)
                return ERR_NOMEM;
        /* PROTOCOL 5.12: "One that fails is void for ever. A node MUST NOT keep it or pass it on." */
        int e = prepare(r, c, o);
        if (e)
                return e == ROSTER_E_PARENTS || e < 0 ? e : ROSTER_E_RULE;
        *ret = TAKE(o);
        return 0;
}

int roster_add(struct roster *r, struct span op, bool checked, struct hash *ret_id) {
        struct coming c = {0};
        struct op *o = NULL;
        struct hash id;
        if (r->n_ops) {
                op_id(&id, &r->mesh, op);
                if (map_find(&r->by_id, id.b) || span_eq(op, r->ops[0]->pub.bytes)) {
                        *ret_id = map_find(&r->by_id, id.b) ? id : r->mesh;
                        return ROSTER_E_KNOWN;
                }
        }
        int ret = receive(r, op, checked, &c);
        if (ret)
                return ret;
        if (!r->n_ops)
                return begin(r, &c, op, ret_id);
        ret = weigh(r, op, &id, &c, &o);
        if (ret == 0 || ret == ROSTER_E_PARENTS)
                *ret_id = id;
        return ret ? ret : take_in(r, &c, o);
}

int roster_would_take(struct roster *r, struct span op, bool checked, struct hash *ret_id) {
        struct coming c = {0};
        _clean_(op_freep) struct op *o = NULL;
        struct hash id;
        if (!r->n_ops)
                return ROSTER_E_PARENTS;
        op_id(&id, &r->mesh, op);
        if (map_find(&r->by_id, id.b))
                return ROSTER_E_KNOWN;
        int ret = receive(r, op, checked, &c);
        if (!ret)
                ret = weigh(r, op, &id, &c, &o);
        if (!ret)
                *ret_id = id;
        return ret;
}

int roster_may_admit(const struct roster *r, struct span add, mesh_wall now) {
        struct coming c = {0};
        struct view v;
        uint32_t inviter, home;
        if (!r->n_ops)
                return ROSTER_E_STRANGER;
        int ret = check(r, add, false, true, &c);
        if (ret)
                return ret;
        view_whole(&v, r);
        if (c.w.type == OP_DEVICE_ADD)
                return judge_device_joiner(&v, &c, now, &home);
        return c.w.type == OP_ADD ? judge_joiner(&v, &c, now, &inviter) : ROSTER_E_INPUT;
}

int roster_removed_at(struct roster *r, const struct hash *heads, size_t n, const struct key *device, struct hash *ret,
                      bool *ret_current) {
        uint32_t *named;
        struct bits in;
        struct state st = {0};
        int e = n ? past_named(r, heads, n, &named) : ROSTER_E_PARENTS;
        if (e)
                return e;
        e = past_of(r, named, (uint32_t)n, &in);
        free(named);
        if (e)
                return e;
        e = fold_run(r, &in, &st);
        if (!e)
                e = removed_hash(r, &st, ret);
        const struct cert *c = !e && device ? map_find(&r->by_sign, device->b) : NULL;
        *ret_current = false;
        for (uint32_t i = c ? c->index : NONE; i != NONE && !*ret_current; i = r->certs[i]->next_sign)
                *ret_current = st.certs[i] == CERT_CURRENT;
        state_fini(&st);
        bits_fini(&in);
        fold_trim(r);
        return e;
}
