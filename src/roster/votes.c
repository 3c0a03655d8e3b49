/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: no one home may rule, and stewards who fall out must not leave two halves of a street with two member lists. So
 * proposals come with votes, are taken in an order that the operations themselves give, and what a removed home signed
 * without the voters' having seen it is void: backdating gains it nothing. The rules V1 to V4 stand at the head of fold.c.
 */
#include "roster/inside.h"

bool op_senior(const struct roster *r, const struct op *a, const struct op *b) {
        const struct op *x = r->ops[a->root], *y = r->ops[b->root];
        if (x->depth != y->depth)
                return x->depth < y->depth;
        return memcmp(x->pub.id.b, y->pub.id.b, sizeof(x->pub.id.b)) < 0;
}

static bool id_lower(const struct op *a, const struct op *b) {
        return memcmp(a->pub.id.b, b->pub.id.b, sizeof(a->pub.id.b)) < 0;
}

/* ---- counting ---- */

/* Stewards' votes that suffice, or NONE where there are no stewards to ask. */
static uint32_t stewards_needed(const struct op *p) {
        const struct proposal *prop = p->vote->prop;
        if (prop->n_stewards == 0)
                return NONE;
        if (prop->against_junior)
                return 1;
        if (prop->against_steward)
                return prop->n_stewards / 2 + 1;
        return MAX(MIN(prop->n_stewards, 2u), prop->reverses + 1);
}

static bool complete_alone(const struct op *p) {
        return p->pub.type == OP_LEAVE || p->pub.type == OP_DEVICE_REVOKE || p->pub.type == OP_INVITE_UNDO;
}

struct count {
        uint32_t stewards, units;
        const struct op *steward, *any; /* the most senior voters */
};

static const struct op *more_senior(const struct roster *r, const struct op *best, const struct op *o) {
        return !best || op_senior(r, o, best) ? o : best;
}

/* Adds @v's vote: a unit has voted from the vote on that makes it more than half. */
static void count_vote(const struct roster *r, struct state *st, const struct op *v, bool steward, struct count *c) {
        uint32_t *unit = &st->count[v->vote->unit];
        bool before = *unit * 2 > v->vote->unit_size;
        bool now = ++*unit * 2 > v->vote->unit_size;
        c->units += now && !before;
        c->any = more_senior(r, c->any, v);
        if (!steward)
                return;
        c->stewards++;
        c->steward = more_senior(r, c->steward, v);
}

static bool vote_counts(const struct bits *in, const struct state *st, const struct op *v, uint32_t seen,
                        const struct bits *within) {
        if (!set_has(in, v->index) || st->ops[v->index] & OP_VOID || (within && !bits_has(within, v->index)))
                return false;
        return seen == NONE || v->index == seen || bits_has(&v->vote->past, seen);
}

/* PROTOCOL 5.50: "A household has one vote for it, however many of its operations stand" */
/* A vote that was void by what its author knew, and has come to stand again, does not keep it from signing another. */
static bool votes_again(const struct roster *r, const struct bits *in, const struct state *st, const struct op *p,
                        const struct op *v, uint32_t seen, const struct bits *within) {
        bool steward = st->ops[v->index] & OP_STEWARD;
        for (uint32_t i = p->vote->prop->again ? p->index : NONE; i != NONE; i = r->ops[i]->vote->next) {
                const struct op *o = r->ops[i];
                if (o == v || o->home != v->home || !vote_counts(in, st, o, seen, within))
                        continue;
                bool as_steward = st->ops[i] & OP_STEWARD;
                if (as_steward != steward ? as_steward : id_lower(o, v))
                        return true;
        }
        return false;
}

static struct tally result(const struct op *p, const struct count *c) {
        const struct proposal *prop = p->vote->prop;
        if (c->stewards >= stewards_needed(p))
                return (struct tally){true, c->stewards, c->steward};
        return (struct tally){c->units * 2 > prop->n_units && c->units > prop->reverses, c->units, c->any};
}

struct tally votes_tally(const struct roster *r, const struct bits *in, struct state *st, const struct op *p,
                         uint32_t seen, const struct bits *within) {
        struct count c = {0};
        if (complete_alone(p))
                return (struct tally){vote_counts(in, st, p, seen, within), 1, p};
        for (uint32_t i = p->index; i != NONE; i = r->ops[i]->vote->next)
                if (vote_counts(in, st, r->ops[i], seen, within) && !votes_again(r, in, st, p, r->ops[i], seen, within))
                        count_vote(r, st, r->ops[i], st->ops[i] & OP_STEWARD, &c);
        for (uint32_t i = p->index; i != NONE; i = r->ops[i]->vote->next)
                st->count[r->ops[i]->vote->unit] = 0;
        return result(p, &c);
}

/* What is not complete though every vote signed for it stood, and each was all that it can be, is so in no set of operations
 * that there is by now. Its votes then change nothing, wherever they stand, and take no fold of everything. */
void votes_hope(struct roster *r, const struct op *o) {
        const struct op *p = o->vote ? r->ops[o->vote->proposal] : NULL;
        struct count c = {0};
        if (!p || p->vote->prop->hopeful)
                return;
        for (uint32_t i = p->index; i != NONE; i = r->ops[i]->vote->next)
                count_vote(r, &r->now, r->ops[i], r->ops[i]->vote->steward, &c);
        for (uint32_t i = p->index; i != NONE; i = r->ops[i]->vote->next)
                r->now.count[r->ops[i]->vote->unit] = 0;
        p->vote->prop->hopeful = complete_alone(p) || p->vote->prop->again || result(p, &c).complete;
}

void votes_show(const struct roster *r, struct state *st, const struct op *p, struct roster_proposal *ret) {
        const struct proposal *prop = p->vote->prop;
        struct count c = {0};
        if (complete_alone(p)) {
                ret->votes = ret->needed = 1;
                return;
        }
        for (uint32_t i = p->index; i != NONE; i = r->ops[i]->vote->next)
                if (vote_counts(NULL, st, r->ops[i], NONE, NULL) && !votes_again(r, NULL, st, p, r->ops[i], NONE, NULL))
                        count_vote(r, st, r->ops[i], st->ops[i] & OP_STEWARD, &c);
        for (uint32_t i = p->index; i != NONE; i = r->ops[i]->vote->next)
                st->count[r->ops[i]->vote->unit] = 0;
        uint32_t by_stewards = stewards_needed(p), by_units = MAX(prop->n_units / 2, prop->reverses) + 1;
        bool stewards = by_stewards != NONE && (c.stewards >= by_stewards ||
                                                (uint64_t)by_stewards + c.units <= (uint64_t)by_units + c.stewards);
        ret->votes = stewards ? c.stewards : c.units;
        ret->needed = stewards ? by_stewards : by_units;
        ret->ways = (struct roster_ways){c.stewards, by_stewards == NONE ? 0 : by_stewards, c.units, by_units};
}

/* ---- taking ---- */

bool votes_is_removal(const struct op *p) {
        return p->pub.type == OP_REMOVE || p->pub.type == OP_LEAVE || p->pub.type == OP_INVITE_UNDO;
}

bool votes_has_target(const struct op *p, uint32_t home) {
        for (uint32_t i = 0; i < p->vote->prop->n_targets; i++)
                if (p->vote->prop->targets[i] == home)
                        return true;
        return false;
}

static bool cert_of(const struct roster *r, uint32_t cert, uint32_t home) {
        return cert != NONE && r->certs[cert]->home == home;
}

/* V3: what a target has a hand in. */
static bool touched_by(const struct roster *r, const struct op *p, const struct op *o, uint32_t home) {
        if (p->pub.type == OP_DEMOTE)
                return o->home == home && o->vote && !complete_alone(o);
        if (p->pub.type == OP_DEVICE_REVOKE)
                return o->inv_cert == p->vote->prop->cert || o->by_cert == p->vote->prop->cert;
        return o->home == home || cert_of(r, o->inv_cert, home) || cert_of(r, o->by_cert, home);
}

/* PROTOCOL 5.78: "except those where the promotion by which the target was a steward has the demote among its
 * ancestors." */
static bool lowered_by(const struct roster *r, const struct op *p, const struct op *o, uint32_t home) {
        if (p->pub.type != OP_DEMOTE || !o->of_steward || !cert_of(r, o->inv_cert, home))
                return false;
        return o->promo == NONE || !bits_has(&r->ops[o->promo]->vote->past, p->index);
}

/* V3: "… where the standing votes that have it among their ancestors would not have been enough." No vote for @p is
 * among what is voided here, because no target has one: the order of the loop does not matter. Returns whether any is. */
static bool void_unseen(const struct roster *r, const struct bits *in, struct state *st, const struct op *p,
                        uint32_t home) {
        bool voided = false;
        for (uint32_t i = 0, n = fold_limit(r, in); i < n; i++) {
                const struct op *o = r->ops[i];
                bool lowered = lowered_by(r, p, o, home);
                if (!set_has(in, i) || st->ops[i] & OP_VOID || (!lowered && !touched_by(r, p, o, home)))
                        continue;
                /* Complete in the vote's own past: it was judged under it. To know the proposal alone is not enough. */
                if (o->vote && votes_tally(r, in, st, p, NONE, &o->vote->past).complete)
                        continue;
                if (votes_tally(r, in, st, p, i, NULL).complete)
                        continue;
                st->ops[i] |= lowered ? OP_ORDINARY : OP_VOID;
                voided |= !lowered;
        }
        return voided;
}

/* V4: a return that was taken, and had the removal @p among its ancestors, holds @p off @home. */
bool votes_held_off(const struct roster *r, const struct bits *in, const struct state *st, const struct op *p,
                    uint32_t home) {
        for (uint32_t i = 0; i < r->n_proposals; i++) {
                const struct op *back = r->ops[r->proposals[i]];
                if (back->pub.type == OP_RETURN && set_has(in, back->index) && st->ops[back->index] & OP_TAKEN &&
                    back->vote->prop->targets[0] == home && bits_has(&back->vote->past, p->index))
                        return true;
        }
        return false;
}

/* Of several removals in force that count which states the earliest time. */
static bool states_earlier(const struct op *a, const struct op *b) {
        return a->pub.time != b->pub.time ? a->pub.time < b->pub.time : id_lower(a, b);
}

static void home_gone(const struct roster *r, struct state *st, const struct op *p, uint32_t home) {
        struct home_state *h = &st->homes[home];
        h->left = p->pub.type == OP_LEAVE && (h->gone == NONE || h->left);
        if (h->gone == NONE || states_earlier(p, r->ops[h->gone]))
                h->gone = p->index;
}

static bool take_removal(const struct roster *r, const struct bits *in, struct state *st, const struct op *p) {
        const struct proposal *prop = p->vote->prop;
        bool voided = false;
        for (uint32_t i = 0; i < prop->n_targets; i++) {
                if (votes_held_off(r, in, st, p, prop->targets[i]))
                        continue;
                home_gone(r, st, p, prop->targets[i]);
                voided |= void_unseen(r, in, st, p, prop->targets[i]);
        }
        return voided;
}

static bool take_revoke(const struct roster *r, const struct bits *in, struct state *st, const struct op *p) {
        uint32_t *was = &st->revoked[p->vote->prop->cert];
        if (*was == NONE || states_earlier(p, r->ops[*was]))
                *was = p->index;
        return void_unseen(r, in, st, p, NONE);
}

/* V4: "only if it has more votes than each complete removal or undo of its target among its ancestors has now." One that is
 * in force already had its turn earlier, so it had at least as many. */
static bool return_wins(const struct roster *r, const struct bits *in, struct state *st, const struct op *back,
                        uint32_t votes) {
        uint32_t home = back->vote->prop->targets[0];
        for (uint32_t i = 0; i < r->n_proposals; i++) {
                const struct op *p = r->ops[r->proposals[i]];
                if (!votes_is_removal(p) || !bits_has(&back->vote->past, p->index) || !votes_has_target(p, home) ||
                    votes_held_off(r, in, st, p, home))
                        continue;
                if (st->ops[p->index] & OP_TAKEN)
                        return false;
                struct tally t = votes_tally(r, in, st, p, NONE, NULL);
                if (!(st->ops[p->index] & OP_VOID) && t.complete && t.votes >= votes)
                        return false;
        }
        return true;
}

/* Returns whether anything became void. */
static bool take(const struct roster *r, const struct bits *in, struct state *st, const struct op *p,
                 const struct tally *t) {
        bool wins = p->pub.type != OP_RETURN || return_wins(r, in, st, p, t->votes);
        st->ops[p->index] |= wins ? OP_TAKEN : OP_SKIPPED;
        if (votes_is_removal(p))
                return take_removal(r, in, st, p);
        if (p->pub.type == OP_DEVICE_REVOKE)
                return take_revoke(r, in, st, p);
        if (p->pub.type == OP_DEMOTE)
                return void_unseen(r, in, st, p, p->vote->prop->targets[0]);
        return false;
}

static bool goes_first(const struct roster *r, const struct op *a, const struct tally *ta, const struct op *b,
                       const struct tally *tb) {
        if (ta->votes != tb->votes)
                return ta->votes > tb->votes;
        if (ta->senior->home != tb->senior->home)
                return op_senior(r, ta->senior, tb->senior);
        return id_lower(a, b);
}

/* From one turn to the next few votes change, and mostly none: what was counted is kept. */
static const struct tally *tally_of(const struct roster *r, const struct bits *in, struct state *st, uint32_t i) {
        struct tally *t = &st->tallies[i];
        if (!t->known)
                *t = votes_tally(r, in, st, r->ops[r->proposals[i]], NONE, NULL);
        t->known = true;
        return t;
}

static void tallies_forget(const struct roster *r, struct state *st) {
        for (uint32_t i = 0; i < r->n_proposals; i++)
                st->tallies[i].known = false;
}

static const struct op *turn_next(const struct roster *r, const struct bits *in, struct state *st,
                                  const struct tally **ret_tally) {
        const struct op *best = NULL;
        for (uint32_t i = 0; i < r->n_proposals; i++) {
                const struct op *p = r->ops[r->proposals[i]];
                if (!set_has(in, p->index) || st->ops[p->index] & (OP_VOID | OP_TAKEN | OP_SKIPPED))
                        continue;
                const struct tally *t = tally_of(r, in, st, i);
                if (!t->complete || (best && !goes_first(r, p, t, best, *ret_tally)))
                        continue;
                best = p;
                *ret_tally = t;
        }
        return best;
}

void votes_take(const struct roster *r, const struct bits *in, struct state *st) {
        const struct tally *t = NULL;
        fold_settle(r, in, st);
        tallies_forget(r, st);
        for (const struct op *p; (p = turn_next(r, in, st, &t));) {
                bool voided = take(r, in, st, p, t);
                if (!voided && p->pub.type != OP_PROMOTE)
                        continue; /* settled as before */
                if (fold_settle(r, in, st) || voided)
                        tallies_forget(r, st);
        }
}
