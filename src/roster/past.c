/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: every rule asks who had seen what. Ancestors never change, but keeping them for each of 5,000 adds would take a bit
 * for each pair. So only votes keep their ancestors (judge.c stores them once); for an add they are asked for once, when it
 * comes in, and mostly the answer is "everything there is but a handful". past_mark_rest() finds that handful by walking
 * from the newest operation down until nothing is left that the named ones might not have seen; past_of() writes the
 * whole set where the handful is not harmless.
 */
#include "roster/inside.h"

#include <stdlib.h>

#define WORD_BITS 64

enum { MARK_TOUCHED = 1, MARK_PAST = 2, MARK_BITS = 2 };

struct past {
        uint32_t mark;  /* of the latest walk: marks of earlier ones mean nothing */
        uint32_t *open; /* operations whose builders changed, and whose parents were not told yet */
        uint32_t n_open, cap_open;
};

int past_new(struct past **ret) {
        struct past *p = calloc(1, sizeof(*p));
        if (!p)
                return ERR_NOMEM;
        *ret = p;
        return 0;
}

struct past *past_free(struct past *p) {
        if (p)
                free(p->open);
        free(p);
        return NULL;
}

int bits_init(struct bits *b, uint32_t n) {
        uint64_t *w = calloc(n / WORD_BITS + 1, sizeof(*w));
        if (!w)
                return ERR_NOMEM;
        *b = (struct bits){w, n};
        return 0;
}

void bits_fini(struct bits *b) {
        free(b->w);
        *b = (struct bits){0};
}

int past_named(const struct roster *r, const struct hash *ids, size_t n, uint32_t **ret) {
        uint32_t *named = calloc(n + 1, sizeof(*named));
        if (!named)
                return ERR_NOMEM;
        for (size_t i = 0; i < n; i++) {
                const struct op *o = map_find(&r->by_id, ids[i].b);
                if (!o) {
                        free(named);
                        return ROSTER_E_PARENTS;
                }
                named[i] = o->index;
        }
        *ret = named;
        return 0;
}

int past_of(const struct roster *r, const uint32_t *named, uint32_t n_named, struct bits *ret) {
        struct bits b;
        uint32_t n = 0;
        for (uint32_t i = 0; i < n_named; i++)
                n = MAX(n, named[i] + 1);
        if (bits_init(&b, n))
                return ERR_NOMEM;
        for (uint32_t i = 0; i < n_named; i++)
                bits_set(&b, named[i]);
        for (uint32_t i = n; i-- > 0;) {
                if (!bits_has(&b, i))
                        continue;
                for (uint32_t k = 0; k < r->ops[i]->n_named; k++)
                        bits_set(&b, r->ops[i]->named[k]);
        }
        *ret = b;
        return 0;
}

/* ---- the rest: what is not an ancestor ---- */

/* A fresh number for a walk. After 2^30 walks old marks might be taken for new ones: then they are all wiped. */
static uint32_t walk_next(const struct roster *r) {
        if (++r->past->mark >> (32 - MARK_BITS)) {
                r->past->mark = 1;
                for (uint32_t i = 0; i < r->n_ops; i++)
                        r->ops[i]->mark = 0;
        }
        return r->past->mark;
}

static uint32_t mark_get(const struct roster *r, const struct op *o) {
        return o->mark >> MARK_BITS == r->past->mark ? o->mark & (MARK_TOUCHED | MARK_PAST) : 0;
}

static void mark_set(const struct roster *r, struct op *o, uint32_t flags) {
        o->mark = r->past->mark << MARK_BITS | flags;
}

/* Marks @o and keeps count of the operations that were reached and may lie outside. */
static void mark_reach(const struct roster *r, struct op *o, uint32_t flag, uint32_t *open) {
        uint32_t was = mark_get(r, o), is = was | flag;
        bool was_open = was == MARK_TOUCHED, is_open = is == MARK_TOUCHED;
        *open += is_open;
        *open -= was_open;
        mark_set(r, o, is);
}

static bool is_member_by(const struct roster *r, const struct op *o) {
        const struct home_state *h = &r->now.homes[o->home];
        return h->member && h->add == o->index;
}

bool past_mark_rest(const struct roster *r, const uint32_t *named, uint32_t n_named,
                    bool (*plain)(const struct roster *r, const struct op *o), uint32_t *ret_rest,
                    uint32_t *ret_members) {
        uint32_t open = 0, rest = 0, members = 0;
        walk_next(r);
        for (uint32_t i = 0; i < r->n_heads; i++)
                mark_reach(r, r->ops[r->heads[i]], MARK_TOUCHED, &open);
        for (uint32_t i = 0; i < n_named; i++)
                mark_reach(r, r->ops[named[i]], MARK_PAST, &open);
        for (uint32_t i = r->n_ops; i-- > 0 && open;) {
                struct op *o = r->ops[i];
                bool past = mark_get(r, o) & MARK_PAST;
                for (uint32_t k = 0; k < o->n_named; k++)
                        mark_reach(r, r->ops[o->named[k]], past ? MARK_PAST : MARK_TOUCHED, &open);
                if (past)
                        continue;
                open--;
                rest++;
                members += is_member_by(r, o);
                if (!plain(r, o))
                        return false;
        }
        *ret_rest = rest;
        *ret_members = members;
        return true;
}

bool past_outside(const struct roster *r, const struct op *o) {
        return mark_get(r, o) == MARK_TOUCHED;
}

/* ---- who built on it ---- */

uint32_t past_namer(const struct roster *r, const struct op *o) {
        return o->pub.type == OP_ADD || o->pub.type == OP_DEVICE_ADD ? r->certs[o->by_cert]->home : o->home;
}

/* PROTOCOL 5.42: "h is not the author of x": so it is enough to know the one household that built on x, or that there are
 * several. */
static uint32_t builders_join(uint32_t a, uint32_t b) {
        return a == NONE || a == b ? b : b == NONE ? a : SEVERAL;
}

int past_builders(const struct roster *r, const struct bits *in, uint32_t **ret) {
        uint32_t n = fold_limit(r, in);
        uint32_t *by = malloc((n + 1) * sizeof(*by));
        if (!by)
                return ERR_NOMEM;
        memset(by, 0xff, n * sizeof(*by)); /* NONE */
        for (uint32_t i = n; i-- > 0;) {
                const struct op *o = r->ops[i];
                if (!set_has(in, i))
                        continue;
                uint32_t all = builders_join(by[i], past_namer(r, o));
                for (uint32_t k = 0; k < o->n_named; k++)
                        by[o->named[k]] = builders_join(by[o->named[k]], all);
        }
        *ret = by;
        return 0;
}

static int open_put(struct past *p, uint32_t op) {
        if (p->n_open == p->cap_open) {
                uint32_t cap = MAX(p->cap_open * 2, 64u);
                uint32_t *open = realloc(p->open, cap * sizeof(*open));
                if (!open)
                        return ERR_NOMEM;
                p->open = open;
                p->cap_open = cap;
        }
        p->open[p->n_open++] = op;
        return 0;
}

/* It has a rival, so whether it was built on may decide which of them stands. */
static bool contends(const struct roster *r, const struct op *o) {
        return o->rival || (o->invite != NONE && r->invites[o->invite]->n_adds > r->invites[o->invite]->uses);
}

/* What each knows changes twice at most, and where it does not change nothing above it does. */
int past_build(struct roster *r, const struct op *o) {
        struct past *p = r->past;
        uint32_t builder = past_namer(r, o);
        r->swayed = false;
        p->n_open = 0;
        if (open_put(p, o->index))
                return ERR_NOMEM;
        while (p->n_open) {
                const struct op *at = r->ops[p->open[--p->n_open]];
                for (uint32_t k = 0; k < at->n_named; k++) {
                        struct op *x = r->ops[at->named[k]];
                        uint32_t by = builders_join(x->built_by, builder);
                        if (by == x->built_by)
                                continue;
                        r->swayed |= !past_built_on(x->built_by, x) && past_built_on(by, x) && contends(r, x);
                        x->built_by = by;
                        if (open_put(p, x->index))
                                return ERR_NOMEM;
                }
        }
        return 0;
}
