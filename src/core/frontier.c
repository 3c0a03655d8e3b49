/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: a header has room for few names, and a street may have to tell of more: homes that leave without having heard of one
 * another are so many that no operation follows on, and nobody can be made to sign one that does. So an epoch may stand for
 * all it names. Each is a hash over what it names, so none can name itself, however long the way round.
 */
#include "core/frontier.h"

#include "core/core.h"
#include "core/epoch.h"
#include "roster/roster.h"

#define ID sizeof(struct hash)

/* ---- what names tell of ---- */

/* Adds the operations among @names to @ops, and the epochs to @steps, unless they are @seen. False: one is not here. */
static bool sort_out(struct mesh *m, struct span names, struct buf *ops, struct buf *steps) {
        for (; names.n >= ID; names = span_from(names, ID)) {
                struct hash id;
                memcpy(id.b, names.p, ID);
                if (roster_op_find(m->roster, &id)) {
                        buf_add(ops, SPAN_OF(id.b));
                        continue;
                }
                struct epoch *e = map_find(&m->epochs_by, id.b);
                if (!e)
                        return false;
                if (!e->seen)
                        buf_add(steps, span_of(&e, sizeof(e)));
                e->seen = true;
        }
        return true;
}

static struct epoch *step_at(const struct buf *steps, size_t at) {
        struct epoch *e;
        memcpy(&e, steps->p + at, sizeof(e));
        return e;
}

/* PROTOCOL 7.19: "Where an id in `frontier` is no operation's, it is the hash of another epoch's header (rule 7.1), and stands
 * for all that one's `frontier` names, and so on." */
int frontier_ops(struct mesh *m, struct span names, struct buf *ret) {
        _clean_(buf_fini) struct buf steps = BUF_NULL; /* epochs to look into, each once */
        bool here = sort_out(m, names, ret, &steps);
        for (size_t at = 0; here && at < steps.n; at += sizeof(struct epoch *))
                here = sort_out(m, step_at(&steps, at)->w.frontier, ret, &steps);
        for (size_t at = 0; at < steps.n; at += sizeof(struct epoch *))
                step_at(&steps, at)->seen = false;
        if (!buf_ok(ret) || !buf_ok(&steps))
                return ERR_NOMEM;
        return here ? 0 : 1;
}

int frontier_fold(struct mesh *m, const struct buf *ops, const struct key *device, struct hash *ret_removed,
                  bool *ret_current) {
        return roster_removed_at(m->roster, (const struct hash *)(const void *)ops->p, ops->n / ID, device, ret_removed,
                                 ret_current);
}

/* ---- what to name ---- */

/* What is checked here is what all others will check. 0: it tells of it; 1, <0. */
static int tells(struct mesh *m, struct span names, const struct hash *removed) {
        _clean_(buf_fini) struct buf ops = BUF_NULL;
        struct hash told;
        bool current = false;
        int r = frontier_ops(m, names, &ops);
        if (!r)
                r = frontier_fold(m, &ops, &m->sign.pub, &told, &current);
        return r ? r : !current || !hash_eq(&told, removed);
}

/* Of @names, operations, those that @e does not tell of. 0, 1: what it tells of is not all here; <0. */
static int left_by(struct mesh *m, const struct epoch *e, struct span names, struct buf *ret) {
        _clean_(buf_fini) struct buf ops = BUF_NULL;
        int r = frontier_ops(m, e->w.frontier, &ops);
        return r ? r : roster_untold(m->roster, (const struct hash *)(const void *)ops.p, ops.n / ID, names, ret);
}

/* The epoch that tells of most of @names, operations, and of two at least: else it saves nothing. Only one whose key is here
 * is sure to come to everybody. *ret NULL: there is none. @ret_left: those it does not tell of. 0, <0. */
static int best_step(struct mesh *m, struct span names, const struct epoch **ret, struct buf *ret_left) {
        size_t least = names.n - ID;
        *ret = NULL;
        for (size_t i = 0; i < m->n_epochs; i++) {
                const struct epoch *e = m->epochs[i];
                _clean_(buf_fini) struct buf left = BUF_NULL;
                if (!e->has_key || e->refused)
                        continue;
                int r = left_by(m, e, names, &left);
                if (r < 0)
                        return r;
                if (r || left.n >= least)
                        continue;
                least = left.n;
                *ret = e;
                buf_fini(ret_left);
                *ret_left = left;
                left = BUF_NULL;
        }
        return 0;
}

/* Lets epochs that are here stand for what they tell of, where that does not change what all of it tells. */
static int shorten(struct mesh *m, const struct hash *removed, struct buf *names) {
        _clean_(buf_fini) struct buf steps = BUF_NULL, ops = BUF_NULL;
        const struct epoch *e;
        buf_add(&ops, buf_span(names));
        while (buf_ok(&ops) && steps.n + ops.n > FRONTIER_MOST * ID) {
                _clean_(buf_fini) struct buf left = BUF_NULL;
                int r = best_step(m, buf_span(&ops), &e, &left);
                if (r)
                        return r;
                if (!e)
                        break;
                buf_add(&steps, SPAN_OF(e->hash.b));
                buf_clear(&ops);
                buf_add(&ops, buf_span(&left));
        }
        buf_add(&steps, buf_span(&ops));
        if (!buf_ok(&ops) || !buf_ok(&steps))
                return ERR_NOMEM;
        int r = tells(m, buf_span(&steps), removed);
        if (r)
                return MIN(r, 0);
        buf_fini(names);
        *names = steps;
        steps = BUF_NULL;
        return 0;
}

/* The least that tells of the removed set, by what the operations are about. 0, 1: nothing of @many, or few, does; <0. */
static int choose(struct mesh *m, const struct roster_device *me, const struct hash *removed, bool many,
                  struct buf *ret) {
        int r = 1;
        for (enum roster_told told = ROSTER_COUNTED; r == 1 && told <= ROSTER_ALL; told++) {
                buf_clear(ret);
                r = roster_frontier(m->roster, me, told, ret);
                if (!r)
                        r = many || ret->n <= FRONTIER_MOST * ID ? tells(m, buf_span(ret), removed) : 1;
        }
        return r;
}

/* This device has fallen since it was to make one: all heads there are. */
static int take_heads(const struct mesh *m, struct buf *ret) {
        struct hash heads[ROSTER_HEADS_MAX];
        buf_clear(ret);
        buf_add(ret, span_of(heads, roster_heads(m->roster, heads) * ID));
        return buf_ok(ret) ? 0 : ERR_NOMEM;
}

int frontier_choose(struct mesh *m, const struct hash *removed, struct buf *ret) {
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        if (!me)
                return take_heads(m, ret);
        int r = choose(m, me, removed, false, ret);
        if (r <= 0)
                return r;
        r = choose(m, me, removed, true, ret);
        if (r < 0)
                return r;
        return r ? take_heads(m, ret) : shorten(m, removed, ret);
}

/* ---- a part of it ---- */

/* By @names this device is a current one, and @ret_removed the removed set. 0, 1, <0. */
static int current_by(struct mesh *m, const struct buf *names, struct hash *ret_removed) {
        _clean_(buf_fini) struct buf ops = BUF_NULL;
        bool current = false;
        int r = buf_ok(names) ? frontier_ops(m, buf_span(names), &ops) : ERR_NOMEM;
        if (!r)
                r = frontier_fold(m, &ops, &m->sign.pub, ret_removed, &current);
        return r ? r : !current;
}

/* Adds to @ret, as far as it goes, those of @names with which this device stays a current one: of a home that was removed and
 * let return, the votes for the one do not come before those for the other. @ret_rest: the others. */
static int part_pick(struct mesh *m, const struct buf *names, struct buf *ret, struct buf *ret_rest) {
        struct hash removed;
        for (size_t at = 0; at < names->n; at += ID) {
                struct span id = span_of(names->p + at, ID);
                bool full = ret->n == FRONTIER_MOST * ID;
                if (!full)
                        buf_add(ret, id);
                int r = full ? 1 : current_by(m, ret, &removed);
                if (r < 0)
                        return r;
                if (r)
                        buf_add(ret_rest, id);
                if (r && !full)
                        ret->n -= ID;
        }
        return buf_ok(ret_rest) ? 0 : ERR_NOMEM;
}

int frontier_part(struct mesh *m, struct buf *names, struct buf *ret, struct hash *ret_removed) {
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        _clean_(buf_fini) struct buf rest = BUF_NULL;
        size_t n = MIN(names->n, (FRONTIER_MOST - 1) * ID);
        if (!me)
                return 1;
        buf_add(ret, SPAN_OF(roster_device_op(m->roster, me)->id.b)); /* by which it is a member there, too */
        buf_add(ret, span_of(names->p, n));
        int r = current_by(m, ret, ret_removed);
        if (r <= 0) {
                buf_drop(names, n);
                return r;
        }
        ret->n = ID;
        r = part_pick(m, names, ret, &rest);
        if (!r)
                r = ret->n > 2 * ID ? current_by(m, ret, ret_removed) : 1; /* one alone is no fewer than itself */
        if (r)
                return r;
        buf_fini(names);
        *names = rest;
        rest = BUF_NULL;
        return 0;
}
