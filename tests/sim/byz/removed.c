/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first of these homes is made a steward and then removed, and never hears of it. It goes on posting, and signs
 * operations of the time before: others are promoted, honest homes removed. The further ones are its friends: they stay
 * members, do not hear of the removal either, vote for what it proposes, and pass on whatever it makes.
 */
#include "sim/byz.h"

#include "roster/roster.h"

#define PROMOTED (2 * SIM_SECOND)
#define VOTES (4 * SIM_SECOND)
#define DEAF_FROM (10 * SIM_SECOND)
#define REMOVED (12 * SIM_SECOND)
#define VOTES_AGAIN (14 * SIM_SECOND)
#define BEGINS                                                                                                         \
        (10 * SIM_SECOND) /* after the last vote against it: honest homes here vote for all there is to vote for */
#define EVERY 30          /* seconds */
#define BEFORE 5          /* seconds: so much older than its removal its operations say they are */

static bool leads(struct world *w, const struct node *n) {
        return byz_next(w, &byz_removed, NULL) == n;
}

static void on_promote(struct world *w, struct happening *h) {
        struct node *founder = &w->nodes[0];
        home_operate(w, founder, OP_PROMOTE, &w->nodes[h->node].house.sign.pub, NULL, node_wall(w, founder));
        home_operate(w, founder, OP_PROMOTE, &byz_honest(w, 1)->house.sign.pub, NULL, node_wall(w, founder));
}

static void on_votes(struct world *w, struct happening *h) {
        for (uint32_t i = 0; i < w->n && !w->stopped; i++)
                if ((!w->nodes[i].byz || h->arg) && w->nodes[i].standing == NODE_IN && node_on(&w->nodes[i]))
                        home_endorse(w, &w->nodes[i]);
}

static void on_remove(struct world *w, struct happening *h) {
        struct node *founder = &w->nodes[0];
        home_operate(w, founder, OP_REMOVE, &w->nodes[h->node].house.sign.pub, NULL, node_wall(w, founder));
}

static void begins(struct world *w, struct node *n) {
        n->bad_at = w->now + DEAF_FROM;
        if (!leads(w, n))
                return;
        world_plan(w, w->now + PROMOTED, n->index, on_promote);
        world_plan(w, w->now + VOTES, n->index, on_votes)->arg = true;
        world_plan(w, w->now + REMOVED, n->index, on_remove);
        world_plan(w, w->now + VOTES_AGAIN, n->index, on_votes);
}

static bool hears(struct node *n, struct link *l, enum wire_link number, struct span raw) {
        (void)raw;
        return number != LINK_OP || l->m->now < n->bad_at;
}

static void acts(struct world *w, struct node *n) {
        static const enum wire_e_op ops[] = {OP_PROMOTE, OP_REMOVE, OP_REMOVE, OP_DEMOTE};
        if (w->now < n->bad_at + BEGINS || !mesh_roster(n->core) || node_wall(w, n) % EVERY)
                return;
        n->deeds++;
        if (!leads(w, n)) {
                home_endorse(w, n);
                return;
        }
        const struct node *target = byz_honest(w, (uint32_t)(n->deeds * 7 % w->n));
        const struct node *friend = byz_next(w, &byz_removed, n);
        enum wire_e_op type = ops[n->deeds % ARRAY_LEN(ops)];
        if (type == OP_PROMOTE && friend)
                target = friend;
        home_operate(w, n, type, &target->house.sign.pub, NULL, SIM_START + n->bad_at / 1000 - BEFORE);
        home_post(w, n);
}

const struct byz_module byz_removed = {.name = "removed",
                                       .what = "a steward who was removed signs of before, and has friends",
                                       .begins = begins,
                                       .acts = acts,
                                       .hears = hears};
