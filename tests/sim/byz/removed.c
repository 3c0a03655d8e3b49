/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first of these homes is made a steward and then removed, and never hears of it. It goes on posting, and signs
 * operations of the time before: others are promoted, honest homes removed. The second is its friend, a steward who stays
 * one, and who hears of nothing but what the first one says: it votes for that and passes it on; so do the fourth and all
 * further ones, who are no stewards. The third hears of the removal, and hands the removed one's posts round under the new
 * key, which it was given and the removed one was not.
 */
#include "sim/byz.h"

#include "roster/roster.h"

#define STEWARDS 4 /* besides the founder */
#define DEAF_FROM (10 * SIM_SECOND)
#define REMOVED (12 * SIM_SECOND)
#define VOTES (14 * SIM_SECOND)
#define BEGINS                                                                                                         \
        (10 * SIM_SECOND) /* after the last vote against it: honest homes here vote for all there is to vote for */
#define EVERY 30          /* seconds */
#define BEFORE 5          /* seconds: so much older than its removal its operations say they are */
#define HIGHEST 47        /* slot of a normal post; it takes the lowest itself, and the friend who posts for it … */
#define SLOTS 24          /* … so many of the highest */

enum part { LEADS, VOTES_FOR, HANDS_ROUND };

static enum part part_of(struct world *w, const struct node *n) {
        const struct node *first = byz_next(w, &byz_removed, NULL);
        const struct node *second = byz_next(w, &byz_removed, first);
        if (n == first)
                return LEADS;
        return second && n == byz_next(w, &byz_removed, second) ? HANDS_ROUND : VOTES_FOR;
}

/* One after the other, each by the founder and the first of them, so that no vote of whom they will remove is needed: of five
 * stewards three remove one, and two anybody else. */
static void on_promote(struct world *w, struct happening *h) {
        struct node *founder = &w->nodes[0], *first = &w->nodes[h->node];
        struct node *const others[] = {byz_honest(w, SURROUNDED), byz_honest(w, PROMOTED), first,
                                       byz_next(w, &byz_removed, first)};
        if (others[h->arg])
                home_operate(w, founder, OP_PROMOTE, &others[h->arg]->house.sign.pub, NULL, node_wall(w, founder));
}

static void on_second_vote(struct world *w, struct happening *h) {
        (void)h;
        home_endorse(w, byz_honest(w, SURROUNDED));
}

static void on_votes(struct world *w, struct happening *h) {
        (void)h;
        for (uint32_t i = 0; i < w->n && !w->stopped; i++)
                if (!w->nodes[i].byz && w->nodes[i].standing == NODE_IN && node_on(&w->nodes[i]))
                        home_endorse(w, &w->nodes[i]);
}

static void on_remove(struct world *w, struct happening *h) {
        struct node *founder = &w->nodes[0];
        home_operate(w, founder, OP_REMOVE, &w->nodes[h->node].house.sign.pub, NULL, node_wall(w, founder));
}

static void begins(struct world *w, struct node *n) {
        n->bad_at = w->now + DEAF_FROM;
        if (part_of(w, n) != LEADS)
                return;
        for (uint64_t i = 0; i < STEWARDS; i++) {
                world_plan(w, w->now + (2 * i + 1) * SIM_SECOND, n->index, on_promote)->arg = i;
                world_plan(w, w->now + (2 * i + 2) * SIM_SECOND, n->index, on_second_vote);
        }
        world_plan(w, w->now + REMOVED, n->index, on_remove);
        world_plan(w, w->now + VOTES, n->index, on_votes);
}

static bool hears(struct node *n, struct link *l, enum wire_link number, struct span raw) {
        (void)raw;
        const struct node *from = byz_node(seam_world(), &l->device);
        if (number != LINK_OP || l->m->now < n->bad_at || part_of(seam_world(), n) == HANDS_ROUND)
                return true;
        return from && from->byz == &byz_removed && part_of(seam_world(), from) != HANDS_ROUND;
}

static void leads(struct world *w, struct node *n) {
        static const enum wire_e_op ops[] = {OP_REMOVE, OP_PROMOTE, OP_REMOVE, OP_DEMOTE};
        const struct node *target = byz_honest(w, (uint32_t)(1 + n->deeds * 7 % w->n));
        struct node *friend = byz_next(w, &byz_removed, n);
        enum wire_e_op type = ops[n->deeds++ % ARRAY_LEN(ops)];
        if (type == OP_PROMOTE && friend)
                target = friend;
        home_operate(w, n, type, &target->house.sign.pub, NULL, SIM_START + n->bad_at / 1000 - BEFORE);
        home_post(w, n);
        if (friend && !link_to_device(n->core, &friend->device.pub))
                world_feed(w, n, (struct mesh_event){.type = MESH_EV_DIAL, .dial = {.addr = friend->addr}});
}

static void hands_round(struct world *w, struct node *n) {
        const struct node *first = byz_next(w, &byz_removed, NULL);
        mesh_wall now = node_wall(w, n);
        struct wire_record r = {.type = RECORD_ALERT,
                                .klass = CLASS_NORMAL,
                                .created = now,
                                .day = now / MESH_DAY,
                                .expires = now + 6 * 3600,
                                .index = HIGHEST - now / EVERY % SLOTS};
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        if (byz_record(w, n, &first->device, &r, &raw))
                byz_say_all_raw(n, LINK_RECORD, buf_span(&raw));
}

static void acts(struct world *w, struct node *n) {
        if (w->now < n->bad_at + BEGINS || !mesh_roster(n->core) || node_wall(w, n) % EVERY)
                return;
        switch (part_of(w, n)) {
        case LEADS:
                leads(w, n);
                break;
        case VOTES_FOR:
                n->deeds++;
                home_endorse(w, n);
                break;
        case HANDS_ROUND:
                hands_round(w, n);
                break;
        }
}

const struct byz_module byz_removed = {.name = "removed",
                                       .what = "a steward who was removed signs of before, and has friends",
                                       .begins = begins,
                                       .acts = acts,
                                       .hears = hears};
