/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walls: homes that nearly all others can't reach, nor they them. Whoever --surrounded draws has ten byzantine homes left, of
 * as many kinds, and a single honest one, with which it has a link by then; byz/eclipse.c walls one more in among all the
 * byzantine. Those who are left tell it nothing (seam.c), besides what their kind does, and knock as
 * long as they have no link, so that the honest neighbour has to hold its place among them.
 */
#include "sim/byz.h"

#include <stdlib.h>

#define LIARS 10                 /* byzantine homes that are left to each */
#define LINKED (10 * SIM_SECOND) /* until a street that has just been switched on has its links */

struct wall {
        uint32_t keeper; /* the honest one that is left */
        bool reaches[];  /* by home */
};

static struct wall *wall_new(struct world *w, uint32_t victim, uint32_t keeper) {
        struct wall *ret = calloc(1, sizeof(*ret) + w->n);
        if (!w->walls)
                w->walls = calloc(w->n, sizeof(struct wall *));
        REQUIRE(ret && w->walls);
        free(w->walls[victim]);
        w->walls[victim] = ret;
        ret->keeper = keeper;
        ret->reaches[keeper] = true;
        return ret;
}

/* The wall stands from now on: what goes through it is cut. */
static void close_up(struct world *w, uint32_t victim) {
        for (uint32_t i = 0; i < w->n; i++)
                if (i != victim && walls_between(w, victim, i))
                        links_cut(w, &w->nodes[victim], &w->nodes[i]);
}

static bool open_to(const struct world *w, uint32_t home, uint32_t to) {
        return !w->walls[home] || w->walls[home]->reaches[to];
}

bool walls_between(const struct world *w, uint32_t a, uint32_t b) {
        return w->walls && !w->calm && !(open_to(w, a, b) && open_to(w, b, a));
}

bool walls_have(const struct world *w, const struct node *n) {
        return w->walls && n && w->walls[n->index];
}

/* ---- whom --surrounded draws ---- */
static struct node *nth_of(struct world *w, const struct byz_module *kind, uint32_t nth) {
        struct node *n = byz_next(w, kind, NULL);
        while (n && nth--) {
                struct node *next = byz_next(w, kind, n);
                n = next ? next : byz_next(w, kind, NULL);
        }
        return n;
}

/* One of each kind after the other, beginning with another kind for each victim. */
static void let_in_liars(struct world *w, struct wall *wall, uint32_t victim) {
        size_t kinds = 0, found = 0;
        while (byz_kind(kinds))
                kinds++;
        for (size_t i = 0; i < LIARS * kinds && found < LIARS; i++) {
                const struct node *n =
                        nth_of(w, byz_kind((victim + i) % kinds), (uint32_t)(victim / kinds + i / kinds));
                if (!n || wall->reaches[n->index])
                        continue;
                wall->reaches[n->index] = true;
                found++;
        }
}

/* Not the founder, nor who leaves or comes, nor whom another one is left with, nor whom byz/eclipse.c has chosen. */
static bool may_be_surrounded(struct world *w, const bool *keeps, const struct node *n) {
        return !n->byz && n->index && n->index + 1 < w->n && n != byz_honest(w, LEAVER) &&
               n != byz_honest(w, SURROUNDED) && !keeps[n->index] && node_on(n);
}

/* An honest neighbour of @n's that is not surrounded itself; NULL: it has none. */
static struct node *keeper_of(struct world *w, const struct node *n) {
        LINK_EACH(l, n->core) {
                struct node *other = l->state == LINK_UP ? byz_node(w, &l->device) : NULL;
                if (other && !other->byz && other != byz_honest(w, LEAVER) && other != byz_honest(w, SURROUNDED) &&
                    !walls_have(w, other))
                        return other;
        }
        return NULL;
}

bool walls_put(struct world *w, const struct node *victim) {
        const struct node *keeper = node_on(victim) ? keeper_of(w, victim) : NULL;
        if (!keeper)
                return false;
        struct wall *wall = wall_new(w, victim->index, keeper->index);
        for (uint32_t i = 0; i < w->n; i++)
                wall->reaches[i] |= w->nodes[i].byz != NULL;
        world_say(w, "home %u is walled in, but for home %u", victim->index, keeper->index);
        close_up(w, victim->index);
        return true;
}

static void on_knock(struct world *w, struct happening *h) {
        struct node *victim = &w->nodes[h->node];
        if (w->calm)
                return;
        world_plan(w, w->now + SIM_SECOND, h->node, on_knock);
        for (uint32_t i = 0; i < w->n; i++) {
                struct node *n = &w->nodes[i];
                if (w->walls[h->node]->reaches[i] && n->byz && node_on(n) && node_on(victim) &&
                    !link_to_device(n->core, &victim->device.pub))
                        world_feed(w, n, (struct mesh_event){.type = MESH_EV_DIAL, .dial = {.addr = victim->addr}});
        }
}

static void surround(struct world *w, struct node *victim, const struct node *keeper) {
        let_in_liars(w, wall_new(w, victim->index, keeper->index), victim->index);
        world_say(w, "home %u is surrounded, but for home %u", victim->index, keeper->index);
        close_up(w, victim->index);
        world_plan(w, w->now, victim->index, on_knock);
}

static void on_walls(struct world *w, struct happening *h) {
        (void)h;
        bool *keeps = calloc(w->n, sizeof(*keeps));
        uint32_t honest = 0, done = 0;
        REQUIRE(keeps);
        for (uint32_t i = 0; i < w->n; i++)
                honest += !w->nodes[i].byz;
        for (uint32_t i = 0; i < w->n && done < honest * w->opt.surrounded / 100; i++) {
                const struct node *keeper =
                        may_be_surrounded(w, keeps, &w->nodes[i]) ? keeper_of(w, &w->nodes[i]) : NULL;
                if (!keeper)
                        continue;
                keeps[keeper->index] = true;
                surround(w, &w->nodes[i], keeper);
                done++;
        }
        free(keeps);
}

void walls_begin(struct world *w) {
        if (w->opt.surrounded)
                world_plan(w, w->now + LINKED, 0, on_walls);
}

void walls_fini(struct world *w) {
        for (uint32_t i = 0; w->walls && i < w->n; i++)
                free(w->walls[i]);
        free(w->walls);
}
