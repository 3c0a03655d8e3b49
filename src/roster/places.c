/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: an add is let in by what it names, so whoever names old operations alone could bring in any number of homes, each
 * within the budget of its own past. Budgets are therefore counted once more over the whole set: of the homes of one budget
 * as many stand as it allows, and the others wait.
 *
 * Who stands must not be for the inviter to choose, or he could throw out a home that has stood for months by bringing in
 * others who seem older. So those stand first that most others have built on: stewards, then units (V1), none of which an
 * ordinary home can make up. What nobody had heard of has few of them, and as honest homes do not name what waits, it gets no
 * more. A home counts what it countersigned as built on, too. As whoever built on a home built on all those before it, a
 * home never stands before its inviter does, or before one that it saw.
 *
 * A home that waits is no member, and no device of it current; but nothing falls with it: what was signed while it stood was
 * judged by what could be known, and the homes that came through its door are innocent. When a place is free it is a member.
 */
#include "roster/inside.h"

#include <stdlib.h>

#define BATCH 64 /* homes followed in one walk over the operations: a bit each */

struct contender {
        uint32_t home;
        mesh_wall day;            /* of a steward's add */
        uint32_t stewards, units; /* that built on it */
        uint32_t before;          /* contenders among its ancestors */
        const struct op *add;
};

struct places {
        const struct roster *r;
        const struct bits *in;
        struct state *st;
        struct contender *list; /* room for every home */
        uint32_t *slot;         /* of each home: its place among the contenders, or NONE */
        uint32_t *unit;         /* of each home, once asked for */
        uint32_t *before;       /* of each operation that adds a contender */
        uint64_t *has;          /* of each operation: which contenders are among its ancestors, or added by itself */
        uint64_t *saw;          /* of each home: which of them its operations have so */
        uint64_t *unit_saw;
};

static void places_fini(struct places *p) {
        free(p->list);
        free(p->slot);
        free(p->unit);
        free(p->before);
        free(p->has);
        free(p->saw);
        free(p->unit_saw);
}

/* ---- which budget ---- */

/* PROTOCOL 5.78: "An add is a steward's if its inviter was a steward in past(add), by a promotion that is in force (the
 * founder needs none), and no demote in force has lowered it." */
bool places_by_steward(const struct state *st, const struct op *add) {
        if (!add->of_steward || st->ops[add->index] & OP_ORDINARY)
                return false;
        return add->promo == NONE || st->ops[add->promo] & OP_TAKEN;
}

static bool would_stay(const struct state *st, uint32_t home) {
        const struct home_state *h = &st->homes[home];
        return h->add != NONE && h->gone == NONE && h->waits == ROSTER_WAITS_NOT;
}

static uint32_t inviter_of(const struct roster *r, const struct state *st, uint32_t home) {
        const struct op *add = r->ops[st->homes[home].add];
        return add->inv_cert == NONE ? NONE : r->certs[add->inv_cert]->home;
}

bool places_left(const struct roster *r, const struct op *add) {
        const struct state *st = &r->now;
        uint32_t inviter = r->certs[add->inv_cert]->home, n = 0;
        bool steward = places_by_steward(st, add);
        uint32_t most = r->charter[steward ? CHARTER_steward_adds : CHARTER_home_invites];
        if (st->members >= r->charter[CHARTER_max_members])
                return false;
        /* It was judged under another promotion than the one now in force: rule 5.78 may lower it. */
        if (add->of_steward && (!st->homes[inviter].steward || st->homes[inviter].promo != add->promo))
                return false;
        if (r->homes[inviter]->n_invitees <= most)
                return true;
        for (uint32_t i = r->homes[inviter]->invitees; i != NONE && n < most; i = r->ops[i]->next_of_inviter) {
                const struct op *o = r->ops[i];
                if (o == add || st->homes[o->home].add != i || places_by_steward(st, o) != steward)
                        continue;
                n += steward ? o->pub.time / MESH_DAY == add->pub.time / MESH_DAY : would_stay(st, o->home);
        }
        return n < most;
}

/* ---- who built on whom ---- */

static int walk_room(struct places *p) {
        const struct roster *r = p->r;
        size_t homes = r->n_homes + 1, ops = r->n_ops + 1;
        if (p->slot)
                return 0;
        p->slot = malloc(homes * sizeof(*p->slot));
        p->unit = malloc(homes * sizeof(*p->unit));
        p->saw = malloc(homes * sizeof(*p->saw));
        p->unit_saw = malloc(homes * sizeof(*p->unit_saw));
        p->before = malloc(ops * sizeof(*p->before));
        p->has = malloc(ops * sizeof(*p->has));
        if (!p->slot || !p->unit || !p->saw || !p->unit_saw || !p->before || !p->has)
                return ERR_NOMEM;
        memset(p->slot, 0xff, homes * sizeof(*p->slot)); /* NONE */
        memset(p->unit, 0xff, homes * sizeof(*p->unit));
        return 0;
}

/* Ancestors first: follows the contenders @from to @from + BATCH from their adds to all that descends from these. */
static void walk(struct places *p, uint32_t from) {
        const struct roster *r = p->r;
        memset(p->saw, 0, r->n_homes * sizeof(*p->saw));
        for (uint32_t i = 0, n = fold_limit(r, p->in); i < n; i++) {
                const struct op *o = r->ops[i];
                uint64_t has = 0;
                if (!set_has(p->in, i))
                        continue;
                for (uint32_t k = 0; k < o->n_named; k++)
                        has |= p->has[o->named[k]];
                bool stands = !(p->st->ops[i] & OP_VOID);
                if (stands && op_is_first(o) && p->slot[o->home] != NONE) {
                        uint32_t bit = p->slot[o->home] - from;
                        p->before[i] += (uint32_t)__builtin_popcountll(has);
                        has |= bit < BATCH ? UINT64_C(1) << bit : 0;
                }
                p->has[i] = has;
                if (stands)
                        p->saw[past_namer(r, o)] |= has;
        }
}

/* Adds one to what @offset names in each contender of which @saw has the bit. */
static void tick(struct contender *c, uint64_t saw, size_t offset) {
        for (; saw; saw &= saw - 1) {
                uint32_t *n = (uint32_t *)((uint8_t *)&c[__builtin_ctzll(saw)] + offset);
                ++*n;
        }
}

static void count(struct places *p, struct contender *c) {
        const struct roster *r = p->r;
        const struct view v = {.r = r, .st = p->st};
        memset(p->unit_saw, 0, r->n_homes * sizeof(*p->unit_saw));
        for (uint32_t i = 0; i < r->n_homes; i++) {
                if (!p->saw[i] || p->st->homes[i].add == NONE)
                        continue;
                if (p->st->homes[i].steward)
                        tick(c, p->saw[i], offsetof(struct contender, stewards));
                p->unit_saw[view_unit(&v, p->unit, i)] |= p->saw[i];
        }
        for (uint32_t i = 0; i < r->n_homes; i++)
                tick(c, p->unit_saw[i], offsetof(struct contender, units));
}

/* Of several doors' copies of an add the one that saw the fewest. */
static uint32_t fewest_before(const struct places *p, const struct contender *c) {
        uint32_t fewest = NONE;
        for (uint32_t i = p->r->homes[c->home]->ops; i != NONE; i = p->r->ops[i]->next_of_home)
                if (op_is_first(p->r->ops[i]) && set_has(p->in, i) && !(p->st->ops[i] & OP_VOID))
                        fewest = MIN(fewest, p->before[i]);
        return fewest;
}

/* PROTOCOL 5.76: "Of two homes of one budget the one that more stewards built on stands first, counting those that went as
 * stewards; then the one that more units" */
static int by_standing(const void *a, const void *b) {
        const struct contender *x = a, *y = b;
        if (x->stewards != y->stewards)
                return x->stewards > y->stewards ? -1 : 1;
        if (x->units != y->units)
                return x->units > y->units ? -1 : 1;
        if (x->before != y->before)
                return x->before < y->before ? -1 : 1;
        return memcmp(x->add->pub.id.b, y->add->pub.id.b, sizeof(x->add->pub.id.b));
}

/* Puts the @n contenders @c into the order in which they stand. */
static int line_up(struct places *p, struct contender *c, uint32_t n) {
        if (walk_room(p))
                return ERR_NOMEM;
        memset(p->before, 0, (p->r->n_ops + 1) * sizeof(*p->before));
        for (uint32_t i = 0; i < n; i++)
                p->slot[c[i].home] = i;
        for (uint32_t from = 0; from < n; from += BATCH) {
                walk(p, from);
                count(p, c + from);
        }
        for (uint32_t i = 0; i < n; i++) {
                c[i].before = fewest_before(p, &c[i]);
                p->slot[c[i].home] = NONE;
        }
        qsort(c, n, sizeof(*c), by_standing);
        return 0;
}

/* ---- giving places ---- */

static void put(struct places *p, uint32_t n, uint32_t home) {
        const struct op *add = p->r->ops[p->st->homes[home].add];
        p->list[n] = (struct contender){.home = home, .day = add->pub.time / MESH_DAY, .add = add};
}

/* Of the @n homes of one budget the first @most stand. */
static int share_out(struct places *p, struct contender *c, uint32_t n, uint32_t most, enum roster_waits why) {
        if (n <= most)
                return 0;
        p->st->contested = true;
        if (line_up(p, c, n))
                return ERR_NOMEM;
        for (uint32_t i = most; i < n; i++) {
                if (p->st->homes[c[i].home].gone != NONE)
                        continue;
                p->st->homes[c[i].home].waits = (uint8_t)why;
                p->st->waiting++;
        }
        return 0;
}

static int by_day(const void *a, const void *b) {
        const struct contender *x = a, *y = b;
        return x->day < y->day ? -1 : x->day > y->day;
}

/* A steward's homes, those of each day alone. */
static int share_days(struct places *p, uint32_t n) {
        struct contender *c = p->list;
        uint32_t most = p->r->charter[CHARTER_steward_adds];
        if (n <= most)
                return 0;
        qsort(c, n, sizeof(*c), by_day);
        for (uint32_t from = 0, to; from < n; from = to) {
                for (to = from + 1; to < n && c[to].day == c[from].day; to++)
                        ;
                if (share_out(p, c + from, to - from, most, ROSTER_WAITS_DAY))
                        return ERR_NOMEM;
        }
        return 0;
}

/* The homes that came on the tickets of @inviter: as an ordinary home's, then as a steward's. */
static int share_homes(struct places *p, uint32_t inviter) {
        const uint32_t *charter = p->r->charter;
        if (p->r->homes[inviter]->n_invitees <= MIN(charter[CHARTER_home_invites], charter[CHARTER_steward_adds]))
                return 0;
        for (int steward = 0; steward < 2; steward++) {
                uint32_t n = 0;
                for (uint32_t i = p->r->homes[inviter]->invitees; i != NONE; i = p->r->ops[i]->next_of_inviter) {
                        const struct op *o = p->r->ops[i];
                        const struct home_state *h = &p->st->homes[o->home];
                        if (h->add == i && places_by_steward(p->st, o) == steward && (steward || h->gone == NONE))
                                put(p, n++, o->home);
                }
                if (steward ? share_days(p, n)
                            : share_out(p, p->list, n, charter[CHARTER_home_invites], ROSTER_WAITS_PLACE))
                        return ERR_NOMEM;
        }
        return 0;
}

/* PROTOCOL 5.75: "Nor MUST a home be one whose inviter waits." Mostly an inviter has the lower number; where it has not,
 * another round. */
static void wait_below(struct places *p) {
        for (bool changed = p->st->waiting > 0; changed;) {
                changed = false;
                for (uint32_t i = 0; i < p->r->n_homes; i++) {
                        uint32_t up = would_stay(p->st, i) ? inviter_of(p->r, p->st, i) : NONE;
                        if (up == NONE || p->st->homes[up].waits == ROSTER_WAITS_NOT)
                                continue;
                        p->st->homes[i].waits = ROSTER_WAITS_INVITER;
                        p->st->waiting++;
                        changed = true;
                }
        }
}

static int share_mesh(struct places *p) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < p->r->n_homes; i++)
                n += would_stay(p->st, i);
        if (n <= p->r->charter[CHARTER_max_members])
                return 0;
        n = 0;
        for (uint32_t i = 0; i < p->r->n_homes; i++)
                if (would_stay(p->st, i))
                        put(p, n++, i);
        return share_out(p, p->list, n, p->r->charter[CHARTER_max_members], ROSTER_WAITS_FULL);
}

/* PROTOCOL 5.75: "Of the homes of one budget those stand that come first by rule 5.76, as many as it allows. The others
 * that are not gone *wait*: they MUST NOT be members." */
int places_give(const struct roster *r, const struct bits *in, struct state *st) {
        struct places p = {.r = r, .in = in, .st = st, .list = malloc((r->n_homes + 1) * sizeof(*p.list))};
        int ret = p.list ? 0 : ERR_NOMEM;
        for (uint32_t i = 0; i < r->n_homes && !ret; i++)
                ret = share_homes(&p, i);
        if (!ret) {
                wait_below(&p);
                ret = share_mesh(&p);
        }
        places_fini(&p);
        return ret;
}
