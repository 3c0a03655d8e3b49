/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: a process that runs a thousand homes would hold a thousand rosters, which grow with the square of the street, and
 * nearly all are equal. What a roster answers follows from the operations it has taken and their order alone. So homes of one
 * pool that have taken the same ones hold one roster together, found by a hash of that history; who takes another one moves
 * on to the roster behind it, which the first of them makes.
 *
 * Nothing of it shows: who asks a shared roster gets what an own one would say. Not for threads.
 */
#include "roster/inside.h"

#include <stdlib.h>

#include "roster/op.h"

struct roster_pool {
        struct map by_history;
        struct roster *latest; /* the one that moved on last; NULL: it is gone */
        uint64_t seed[4];
};

int roster_pool_new(struct roster_pool **ret, const uint64_t seed[4]) {
        struct roster_pool *p = calloc(1, sizeof(*p));
        if (!p)
                return ERR_NOMEM;
        memcpy(p->seed, seed, sizeof(p->seed));
        map_init(&p->by_history, seed);
        *ret = p;
        return 0;
}

struct roster_pool *roster_pool_free(struct roster_pool *p) {
        if (p)
                map_fini(&p->by_history);
        free(p);
        return NULL;
}

size_t roster_pool_size(const struct roster_pool *p) {
        return p->by_history.n;
}

int roster_new_in(struct roster **ret, const uint64_t seed[4], struct roster_pool *pool) {
        int r = roster_new(ret, seed);
        if (!r)
                (*ret)->pool = pool;
        return r;
}

void pool_leave(struct roster *r) {
        if (r->pool && r->n_ops)
                map_del(&r->pool->by_history, r->history.b);
        if (r->pool && r->pool->latest == r)
                r->pool->latest = NULL;
}

/* The history of @r with @id behind it. Ids are hashes, and the seed is secret: who makes operations cannot aim. */
static void history_after(const struct roster *r, const struct hash *id, struct hash *ret) {
        for (size_t i = 0; i < sizeof(id->b); i += sizeof(uint64_t)) {
                uint64_t x = get_be64(r->history.b + i) ^ r->pool->seed[i / sizeof(uint64_t)];
                x = (x + get_be64(id->b + i)) * UINT64_C(0x9fb21c651e98df25);
                put_be64(ret->b + i, x ^ x >> 29);
        }
}

/* Another roster with the same history, which nobody else has. */
static int copy(const struct roster *r, struct roster **ret) {
        struct hash id;
        int e = roster_new_in(ret, r->pool->seed, r->pool);
        for (uint32_t i = 0; i < r->n_ops && !e; i++)
                e = roster_add(*ret, r->ops[i]->pub.bytes, true, &id);
        if (e)
                *ret = roster_free(*ret);
        return CHECK_FAILS(e <= 0) ? ERR_BROKEN : e;
}

/* Takes @op into @at where it is held by one home alone, and else into a copy. */
static int move_on(struct roster **at, struct span op, bool checked, struct hash *ret_id) {
        struct roster *next;
        if (!(*at)->others) {
                pool_leave(*at);
                return roster_add(*at, op, checked, ret_id);
        }
        int e = roster_would_take(*at, op, checked, ret_id);
        if (!e)
                e = copy(*at, &next);
        if (e)
                return e;
        e = roster_add(next, op, true, ret_id);
        if (e) {
                roster_free(next);
                return e;
        }
        roster_free(*at);
        *at = next;
        return 0;
}

static bool has(const struct roster *r, struct span op, const struct hash *id) {
        return r->n_ops && (map_find(&r->by_id, id->b) || span_eq(op, r->ops[0]->pub.bytes));
}

static int pool_enter(struct roster *r, const struct hash *history) {
        r->history = *history;
        r->pool->latest = r;
        return map_put(&r->pool->by_history, r->history.b, r);
}

int roster_take(struct roster **r, struct span op, bool checked, struct hash *ret_id) {
        struct hash id, history;
        op_id(&id, (*r)->n_ops ? &(*r)->mesh : NULL, op);
        if (!(*r)->pool || has(*r, op, &id))
                return roster_add(*r, op, checked, ret_id);
        history_after(*r, &id, &history);
        struct roster *next = map_find(&(*r)->pool->by_history, history.b);
        if (next) {
                next->others++;
                roster_free(*r);
                *r = next;
                *ret_id = id;
                return 0;
        }
        struct hash was = (*r)->history;
        uint32_t ops = (*r)->n_ops;
        int e = move_on(r, op, checked, ret_id);
        if ((*r)->others || !(*r)->n_ops) /* it was not taken, and nothing has changed */
                return e;
        return pool_enter(*r, (*r)->n_ops == ops ? &was : &history) ? ERR_NOMEM : e;
}

/* ---- a start ---- */
/* What is given back is nearly always what another home of the pool has already, in the same order. As long as it is, it is
 * only counted, and no histories are hashed on the way. */
static bool goes_along(struct roster *r, struct span op) {
        if (!r->pool || r->n_ops)
                return false;
        if (!r->ahead && r->pool->latest) {
                r->ahead = r->pool->latest;
                r->ahead->others++;
        }
        return r->ahead && r->n_ahead < r->ahead->n_ops && span_eq(r->ahead->ops[r->n_ahead]->pub.bytes, op);
}

int roster_restored(struct roster **r) {
        struct roster *ahead = (*r)->ahead;
        uint32_t n = (*r)->n_ahead;
        struct hash id;
        int e = 0;
        (*r)->ahead = NULL;
        (*r)->n_ahead = 0;
        if (ahead && n == ahead->n_ops) {
                roster_free(*r);
                *r = ahead;
                return 0;
        }
        for (uint32_t i = 0; i < n && !e; i++)
                e = roster_take(r, ahead->ops[i]->pub.bytes, true, &id);
        roster_free(ahead);
        return e;
}

int roster_restore(struct roster **r, struct span op) {
        struct hash id;
        if (goes_along(*r, op)) {
                (*r)->n_ahead++;
                return 0;
        }
        int e = roster_restored(r);
        return e ? e : roster_take(r, op, true, &id);
}
