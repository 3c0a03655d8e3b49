/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules taken out of the core on purpose, so that each story is seen to hang on the rule it tells of. In each the core's own
 * code runs first, or instead.
 */
#include "sim/twists.h"

#include "core/core.h"
#include "core/epoch.h"
#include "core/link.h"
#include "core/record.h"
#include "core/relay.h"
#include "roster/inside.h"

#define LONG_AFTER ((mesh_wall)1 << 40) /* seconds since 1970 */

enum twist {
        TWIST_NONE,
        TWIST_EITHER,    /* of two stewards each can remove the other alone */
        TWIST_JUNIOR,    /* of proposals with as many votes the junior's comes first */
        TWIST_FEWER,     /* fewer votes come first */
        TWIST_CLEMENT,   /* what a removed home signs unseen stands */
        TWIST_APART,     /* nobody makes one key for both sides after a cut */
        TWIST_UNBUILT,   /* it does not matter which of two others have built on */
        TWIST_LASTING,   /* what a device writes after its end counts */
        TWIST_FORGETFUL, /* a home takes nothing of its own back from its neighbours */
        TWIST_STUBBORN,  /* who starts with a wrong clock is set right by nobody */
        TWIST_LAVISH,    /* what its owner does not give a doorstep gives all the same */
};

static const char *const names[] = {
        [TWIST_NONE] = "none",         [TWIST_EITHER] = "either-alone", [TWIST_JUNIOR] = "junior-first",
        [TWIST_FEWER] = "fewer-first", [TWIST_CLEMENT] = "clement",     [TWIST_APART] = "apart",
        [TWIST_UNBUILT] = "unbuilt",   [TWIST_LASTING] = "lasting",     [TWIST_FORGETFUL] = "forgetful",
        [TWIST_STUBBORN] = "stubborn", [TWIST_LAVISH] = "lavish",
};

static enum twist twist;

bool twist_all(const char *name) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (span_eq(span_str(name), span_str(names[i]))) {
                        twist = (enum twist)i;
                        return true;
                }
        return false;
}

int __real_judge(struct roster *r, struct coming *c);
int __wrap_judge(struct roster *r, struct coming *c);
void __real_votes_take(const struct roster *r, const struct bits *in, struct state *st);
void __wrap_votes_take(const struct roster *r, const struct bits *in, struct state *st);
void __real_fold_settle(const struct roster *r, const struct bits *in, struct state *st);
void __wrap_fold_settle(const struct roster *r, const struct bits *in, struct state *st);
int __real_rivals_resolve(const struct roster *r, const struct bits *in, struct state *st);
int __wrap_rivals_resolve(const struct roster *r, const struct bits *in, struct state *st);
int __real_past_builders(const struct roster *r, const struct bits *in, uint32_t **ret);
int __wrap_past_builders(const struct roster *r, const struct bits *in, uint32_t **ret);
int __real_past_build(struct roster *r, const struct op *o);
int __wrap_past_build(struct roster *r, const struct op *o);
void __real_publish_all(struct roster *r);
void __wrap_publish_all(struct roster *r);
int __real_accept_record(struct link *from, const struct wire_record *w, struct span raw);
int __wrap_accept_record(struct link *from, const struct wire_record *w, struct span raw);
int __real_epoch_tick(struct mesh *m);
int __wrap_epoch_tick(struct mesh *m);
bool __real_clock_usable(const struct mesh *m);
bool __wrap_clock_usable(const struct mesh *m);
void __real_relay_allow(struct mesh *m, uint64_t bytes);
void __wrap_relay_allow(struct mesh *m, uint64_t bytes);

/* ---- votes ---- */

int __wrap_judge(struct roster *r, struct coming *c) {
        int ret = __real_judge(r, c);
        struct proposal *p = !ret && c->op->vote ? c->op->vote->prop : NULL;
        if (twist == TWIST_EITHER && p && p->against_steward && p->n_stewards == 2)
                p->against_junior = true;
        return ret;
}

static bool goes_first(const struct roster *r, const struct tally *a, const struct tally *b) {
        if (a->votes != b->votes)
                return (a->votes > b->votes) == (twist != TWIST_FEWER);
        return op_senior(r, a->senior, b->senior) == (twist != TWIST_JUNIOR);
}

/* Of the removals whose turn has not come. */
static const struct op *turn_next(const struct roster *r, const struct bits *in, struct state *st) {
        const struct op *best = NULL;
        struct tally tally = {0};
        for (uint32_t i = 0; i < r->n_proposals; i++) {
                const struct op *p = r->ops[r->proposals[i]];
                if (!votes_is_removal(p) || !set_has(in, p->index) ||
                    st->ops[p->index] & (OP_VOID | OP_TAKEN | OP_SKIPPED))
                        continue;
                struct tally t = votes_tally(r, in, st, p, NONE, NULL);
                if (!t.complete || (best && !goes_first(r, &t, &tally)))
                        continue;
                best = p;
                tally = t;
        }
        return best;
}

/* The core's own turns, of a set that has no removal whose turn is later than @next's (NULL: none at all). */
static void take_until(const struct roster *r, const struct bits *in, struct state *st, const struct op *next) {
        struct bits some;
        REQUIRE(bits_init(&some, r->n_ops) == 0);
        for (uint32_t i = 0; i < r->n_ops; i++) {
                const struct op *o = r->ops[i];
                bool later = o != next && votes_is_removal(o) && !(st->ops[i] & (OP_TAKEN | OP_SKIPPED));
                if (set_has(in, i) && !later)
                        bits_set(&some, i);
        }
        __real_votes_take(r, &some, st);
        bits_fini(&some);
        fold_settle(r, in, st);
}

void __wrap_votes_take(const struct roster *r, const struct bits *in, struct state *st) {
        if (twist != TWIST_FEWER && twist != TWIST_JUNIOR) {
                __real_votes_take(r, in, st);
                return;
        }
        take_until(r, in, st, NULL);
        for (const struct op *next; (next = turn_next(r, in, st));) {
                take_until(r, in, st, next);
                REQUIRE(st->ops[next->index] & OP_TAKEN);
        }
}

void __wrap_fold_settle(const struct roster *r, const struct bits *in, struct state *st) {
        for (uint32_t i = 0, n = twist == TWIST_CLEMENT ? fold_limit(r, in) : 0; i < n; i++)
                if (st->homes[r->ops[i]->home].gone != NONE)
                        st->ops[i] &= (uint8_t)~OP_VOID;
        __real_fold_settle(r, in, st);
}

/* ---- which of two stands ---- */

int __wrap_past_builders(const struct roster *r, const struct bits *in, uint32_t **ret) {
        int e = __real_past_builders(r, in, ret);
        if (!e && twist == TWIST_UNBUILT)
                memset(*ret, 0xff, fold_limit(r, in) * sizeof(**ret)); /* NONE */
        return e;
}

int __wrap_past_build(struct roster *r, const struct op *o) {
        return twist == TWIST_UNBUILT ? 0 : __real_past_build(r, o);
}

/* One add on a ticket for one: that with the lowest id. */
static void lowest_stands(const struct roster *r, const struct bits *in, struct state *st, const struct invite *inv) {
        const struct op *best = NULL;
        for (uint32_t i = inv->adds; i != NONE; i = r->ops[i]->next_on_invite) {
                const struct op *o = r->ops[i];
                if (set_has(in, i) && (!best || memcmp(o->pub.id.b, best->pub.id.b, sizeof(o->pub.id.b)) < 0))
                        best = o;
        }
        for (uint32_t i = inv->adds; i != NONE; i = r->ops[i]->next_on_invite)
                if (r->ops[i] == best)
                        st->ops[i] &= (uint8_t)~OP_VOID;
                else
                        st->ops[i] |= OP_VOID;
}

int __wrap_rivals_resolve(const struct roster *r, const struct bits *in, struct state *st) {
        int e = __real_rivals_resolve(r, in, st);
        for (uint32_t i = 0; !e && twist == TWIST_UNBUILT && i < r->n_invites; i++)
                if (r->invites[i]->uses == 1 && r->invites[i]->n_adds > 1)
                        lowest_stands(r, in, st, r->invites[i]);
        return e;
}

/* ---- devices, keys, clocks ---- */

void __wrap_publish_all(struct roster *r) {
        __real_publish_all(r);
        for (uint32_t i = 0; twist == TWIST_LASTING && i < r->n_certs; i++)
                if (r->certs[i]->pub.gone_at)
                        r->certs[i]->pub.gone_at = LONG_AFTER;
}

int __wrap_accept_record(struct link *from, const struct wire_record *w, struct span raw) {
        if (twist == TWIST_FORGETFUL && span_eq(w->device, SPAN_OF(from->m->sign.pub.b)))
                return 0;
        return __real_accept_record(from, w, raw);
}

int __wrap_epoch_tick(struct mesh *m) {
        return twist == TWIST_APART ? 0 : __real_epoch_tick(m);
}

bool __wrap_clock_usable(const struct mesh *m) {
        return __real_clock_usable(m) && (twist != TWIST_STUBBORN || m->wall >= m->built);
}

void __wrap_relay_allow(struct mesh *m, uint64_t bytes) {
        if (twist != TWIST_LAVISH || bytes)
                __real_relay_allow(m, bytes);
}
