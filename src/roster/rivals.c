/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: two operations may each be right in their own past and still not both stand: a household signed two at one place of
 * its chain, a ticket's last use was spent on both sides of a partition, two households certified one device key. Which one
 * stands must not depend on who asks, so: the one another household built on; of several or none, the lower id.
 *
 * An add that two doors countersigned is one operation of its household (twins): nothing is wrong with it, both stand.
 */
#include "roster/inside.h"

#include <stdlib.h>

static bool stands(const struct bits *in, const struct state *st, uint32_t i) {
        return set_has(in, i) && !(st->ops[i] & OP_VOID);
}

static bool id_lower(const struct op *a, const struct op *b) {
        return memcmp(a->pub.id.b, b->pub.id.b, sizeof(a->pub.id.b)) < 0;
}

/* ---- forks of a chain ---- */

static int by_place(const void *a, const void *b, void *arg) {
        const struct roster *r = arg;
        const struct op *x = r->ops[*(const uint32_t *)a], *y = r->ops[*(const uint32_t *)b];
        if (x->seq != y->seq)
                return x->seq < y->seq ? -1 : 1;
        if (x->home != y->home)
                return x->home < y->home ? -1 : 1;
        return x->index < y->index ? -1 : x->index > y->index;
}

/* @x comes before @y: someone built on it and nobody on @y, or else its id is lower. @by: past_builders(). */
static bool preferred(const uint32_t *by, const struct op *x, const struct op *y) {
        bool built_x = past_built_on(by[x->index], x), built_y = past_built_on(by[y->index], y);
        return built_x != built_y ? built_x : id_lower(x, y);
}

/* The operation itself, or the first twin of a first operation: those are one. */
static uint32_t as_one(const struct op *o) {
        return o->seq ? o->index : o->twin;
}

/* R1: "of adds none that has another of the same household among its descendants": it had fallen when that was admitted. */
static int was_replaced(const struct roster *r, const struct op *o, const uint32_t *at, uint32_t n, bool *ret) {
        for (uint32_t i = 0; i < n && !o->seq; i++) {
                const struct op *later = r->ops[at[i]];
                struct bits past;
                if (as_one(later) == as_one(o))
                        continue;
                if (past_of(r, later->named, later->n_named, &past))
                        return ERR_NOMEM;
                *ret |= bits_has(&past, o->index);
                bits_fini(&past);
        }
        return 0;
}

/* Of the operations @at[0…n) at one place of one chain one stands, with its twins. What they rest on in other chains is not
 * asked, so that it does not matter which household's chain is resolved first. */
static int place_resolve(const struct roster *r, struct state *st, const uint32_t *by, const uint32_t *at, uint32_t n) {
        const struct op *best = NULL;
        for (uint32_t i = 0; i < n; i++) {
                const struct op *o = r->ops[at[i]];
                bool replaced = o->seq && st->ops[o->named[0]] & OP_BRANCH;
                if (!replaced && was_replaced(r, o, at, n, &replaced))
                        return ERR_NOMEM;
                if (!replaced && (!best || preferred(by, o, best)))
                        best = o;
        }
        for (uint32_t i = 0; i < n; i++)
                if (!best || as_one(r->ops[at[i]]) != as_one(best))
                        st->ops[at[i]] |= OP_VOID | OP_BRANCH;
        return 0;
}

/* What hangs on a branch that fell, and has no rival itself. Own previous operations have lower numbers. */
static void branches_spread(const struct roster *r, const struct bits *in, struct state *st) {
        for (uint32_t i = 0, n = fold_limit(r, in); i < n; i++)
                if (set_has(in, i) && r->ops[i]->seq && st->ops[r->ops[i]->named[0]] & OP_BRANCH)
                        st->ops[i] |= OP_VOID | OP_BRANCH;
}

/* From the beginning of the chains up: what stands on a branch that fell is no candidate. */
static int forks_resolve(const struct roster *r, const struct bits *in, struct state *st, const uint32_t *by) {
        uint32_t n = 0, limit = fold_limit(r, in);
        uint32_t *list = malloc((r->n_rivals + 1) * sizeof(*list));
        if (!list)
                return ERR_NOMEM;
        for (uint32_t i = 0; i < limit; i++)
                if (r->ops[i]->rival && set_has(in, i))
                        list[n++] = i;
        qsort_r(list, n, sizeof(*list), by_place, (void *)r);
        int ret = 0;
        for (uint32_t from = 0, to; from < n && !ret; from = to) {
                const struct op *first = r->ops[list[from]];
                for (to = from + 1; to < n; to++)
                        if (r->ops[list[to]]->seq != first->seq || r->ops[list[to]]->home != first->home)
                                break;
                /* Places of one height decide nothing for each other. */
                if (!from || r->ops[list[from - 1]]->seq != first->seq)
                        branches_spread(r, in, st);
                ret = place_resolve(r, st, by, list + from, to - from);
        }
        free(list);
        return ret;
}

/* ---- tickets spent more often than they may be ---- */

struct spend {
        const struct op *add;
        bool built, picked;
};

/* The first operation, in the set, of the chain that begins with @root; of twins the one with the lowest id. */
static const struct op *came_by(const struct roster *r, const struct bits *in, uint32_t root) {
        const struct op *best = set_has(in, root) ? r->ops[root] : NULL;
        if (!r->ops[r->ops[root]->twin]->twinned)
                return best;
        for (uint32_t i = r->homes[r->ops[root]->home]->ops; i != NONE; i = r->ops[i]->next_of_home) {
                const struct op *o = r->ops[i];
                if (!o->seq && o->twin == r->ops[root]->twin && set_has(in, i) && (!best || id_lower(o, best)))
                        best = o;
        }
        return best;
}

static uint32_t root_of_cert(const struct roster *r, uint32_t cert) {
        return r->ops[r->certs[cert]->op]->root;
}

/* Is who named what @o names neither the inviter nor, but for the founder's, below it in the invite tree? */
static bool built_outside(const struct roster *r, const struct bits *in, const struct op *o, uint32_t inviter) {
        bool admits = o->pub.type == OP_ADD || o->pub.type == OP_DEVICE_ADD;
        const struct op *up = came_by(r, in, admits ? root_of_cert(r, o->by_cert) : o->root);
        for (uint32_t steps = 0; up && steps < r->n_homes; steps++) {
                if (up->home == inviter)
                        return false;
                if (up->inv_cert == NONE || inviter == r->ops[0]->home)
                        return true;
                up = came_by(r, in, root_of_cert(r, up->inv_cert));
        }
        return false;
}

#define BATCH 64 /* spends followed in one walk: a bit each */

/* PROTOCOL 5.44: "one that a household built on which is neither the inviter's nor below it in the invite tree" */
static void spends_walk(const struct roster *r, const struct bits *in, uint32_t inviter, struct spend *s, uint32_t n,
                        uint64_t *has) {
        for (uint32_t i = 0, limit = fold_limit(r, in); i < limit; i++) {
                const struct op *o = r->ops[i];
                has[i] = 0;
                if (!set_has(in, i))
                        continue;
                for (uint32_t k = 0; k < o->n_named; k++)
                        has[i] |= has[o->named[k]];
                if (has[i] && built_outside(r, in, o, inviter))
                        for (uint32_t k = 0; k < n; k++)
                                s[k].built |= has[i] >> k & 1 && past_namer(r, o) != s[k].add->home;
                for (uint32_t k = 0; k < n; k++)
                        has[i] |= s[k].add == o ? UINT64_C(1) << k : 0;
        }
}

static int spends_built(const struct roster *r, const struct bits *in, struct spend *s, uint32_t n) {
        const struct op *lowest =
                s->add; /* two homes may have certified the device that wrote it: whose it is, for all */
        uint64_t *has = calloc(r->n_ops + 1, sizeof(*has));
        if (!has)
                return ERR_NOMEM;
        for (uint32_t i = 1; i < n; i++)
                lowest = id_lower(s[i].add, lowest) ? s[i].add : lowest;
        for (uint32_t from = 0; from < n; from += BATCH)
                spends_walk(r, in, r->certs[lowest->inv_cert]->home, s + from, MIN(n - from, BATCH), has);
        free(has);
        return 0;
}

static int by_preference(const void *a, const void *b) {
        const struct spend *x = a, *y = b;
        if (x->built != y->built)
                return x->built ? -1 : 1;
        return memcmp(x->add->pub.id.b, y->add->pub.id.b, sizeof(x->add->pub.id.b));
}

/* Those that stand, the one that would be picked first in front. */
static int spends_list(const struct roster *r, const struct bits *in, const struct state *st, const uint32_t *by,
                       const struct invite *inv, struct spend *s, uint32_t *ret_n) {
        uint32_t n = 0;
        for (uint32_t i = inv->adds; i != NONE; i = r->ops[i]->next_on_invite)
                if (stands(in, st, i))
                        s[n++] = (struct spend){.add = r->ops[i], .built = past_built_on(by[i], r->ops[i])};
        if (n && s->add->inv_cert != NONE) {
                for (uint32_t i = 0; i < n; i++)
                        s[i].built = false;
                if (spends_built(r, in, s, n))
                        return ERR_NOMEM;
        }
        qsort(s, n, sizeof(*s), by_preference);
        *ret_n = n;
        return 0;
}

/* It has none of those that were not picked yet among its ancestors. */
static int spend_ready(const struct roster *r, const struct spend *s, uint32_t n, const struct op *add, bool *ret) {
        struct bits past;
        if (past_of(r, add->named, add->n_named, &past))
                return ERR_NOMEM;
        *ret = true;
        for (uint32_t i = 0; i < n && *ret; i++)
                *ret = s[i].picked || !bits_has(&past, s[i].add->index);
        bits_fini(&past);
        return 0;
}

/* Takes the next and its twins, which are the same spend. */
static int spend_pick(const struct roster *r, struct spend *s, uint32_t n) {
        const struct op *next = NULL;
        bool ready = false;
        for (uint32_t i = 0; i < n && !ready; i++) {
                next = s[i].add;
                if (!s[i].picked && spend_ready(r, s, n, next, &ready))
                        return ERR_NOMEM;
        }
        for (uint32_t i = 0; i < n && ready; i++)
                s[i].picked |= s[i].add->twin == next->twin;
        return 0;
}

static int invite_resolve(const struct roster *r, const struct bits *in, struct state *st, const uint32_t *by,
                          const struct invite *inv) {
        uint32_t room = 0;
        for (uint32_t i = inv->adds; i != NONE; i = r->ops[i]->next_on_invite)
                room++;
        struct spend *s = calloc(room + 1, sizeof(*s));
        if (!s)
                return ERR_NOMEM;
        uint32_t n = 0;
        int ret = spends_list(r, in, st, by, inv, s, &n);
        for (uint32_t used = 0; !ret && used < inv->uses && used < n; used++)
                ret = spend_pick(r, s, n);
        for (uint32_t i = 0; !ret && i < n; i++)
                if (!s[i].picked)
                        st->ops[s[i].add->index] |= OP_VOID;
        free(s);
        return ret;
}

static int invites_resolve(const struct roster *r, const struct bits *in, struct state *st, const uint32_t *by) {
        for (uint32_t i = 0; i < r->n_invites; i++) {
                const struct invite *inv = r->invites[i];
                if (inv->n_adds > inv->uses && invite_resolve(r, in, st, by, inv))
                        return ERR_NOMEM;
        }
        return 0;
}

/* ---- one device key, two certificates ---- */

/* A home's first device before a later one: it is the harder to make up. Then as with forks. */
static bool cert_preferred(const struct roster *r, const struct bits *in, const struct state *st, const uint32_t *by,
                           const struct cert *a, const struct cert *b) {
        const struct op *x = fold_certifier(r, in, st, a), *y = fold_certifier(r, in, st, b);
        return op_is_first(x) != op_is_first(y) ? op_is_first(x) : preferred(by, x, y);
}

static void certs_compare(const struct roster *r, const struct bits *in, struct state *st, const uint32_t *by,
                          const bool *fine, uint32_t a, uint32_t b) {
        if (a == b || !fine[a] || !fine[b])
                return;
        st->certs[cert_preferred(r, in, st, by, r->certs[a], r->certs[b]) ? b : a] = CERT_LOST;
}

static int keys_resolve(const struct roster *r, const struct bits *in, struct state *st, const uint32_t *by) {
        bool *fine = calloc(r->n_certs + 1, sizeof(*fine));
        if (!fine)
                return ERR_NOMEM;
        for (uint32_t i = 0; i < r->n_certs; i++)
                fine[i] = fold_cert_stands(r, in, st, i);
        for (uint32_t i = 0; i < r->n_clashes; i++) {
                const struct cert *c = r->certs[r->clashes[i]];
                for (uint32_t k = c->next_sign; k != NONE; k = r->certs[k]->next_sign)
                        certs_compare(r, in, st, by, fine, c->index, k);
                for (uint32_t k = c->next_noise; k != NONE; k = r->certs[k]->next_noise)
                        certs_compare(r, in, st, by, fine, c->index, k);
        }
        free(fine);
        return 0;
}

/* Votes that stand here need their ancestors, also those that have fallen in the whole set. */
static int pasts_fit(const struct roster *r, const struct bits *in, const struct state *st) {
        for (uint32_t i = 0, n = fold_limit(r, in); i < n; i++) {
                const struct op *o = r->ops[i];
                if (o->vote && !o->vote->past.w && stands(in, st, i) &&
                    past_of(r, o->named, o->n_named, &o->vote->past))
                        return ERR_NOMEM;
        }
        return 0;
}

static int resolve(const struct roster *r, const struct bits *in, struct state *st, const uint32_t *by) {
        if (r->n_rivals && (forks_resolve(r, in, st, by) || pasts_fit(r, in, st)))
                return ERR_NOMEM;
        fold_settle(r, in, st);
        if (r->n_crowded && invites_resolve(r, in, st, by))
                return ERR_NOMEM;
        fold_settle(r, in, st);
        return r->n_clashes ? keys_resolve(r, in, st, by) : 0;
}

int rivals_resolve(const struct roster *r, const struct bits *in, struct state *st) {
        uint32_t *by;
        if (past_builders(r, in, &by))
                return ERR_NOMEM;
        int ret = resolve(r, in, st, by);
        free(by);
        return ret;
}
