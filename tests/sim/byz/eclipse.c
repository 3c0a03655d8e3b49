/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One honest home has these and other byzantine ones for neighbours, and a single honest one (walls.c). They take everything
 * from it and from others, and tell it nothing but that all is equal; among the others they behave. In their contacts they say
 * that they are where other homes are, so that these are taken for them and nobody dials them.
 */
#include "sim/byz.h"

#define LINKED (10 * SIM_SECOND) /* until the victim has neighbours */

static void on_wall(struct world *w, struct happening *h) {
        if (!w->calm && !walls_put(w, byz_honest(w, SURROUNDED)))
                world_plan(w, w->now + SIM_SECOND, h->node, on_wall);
}

static void begins(struct world *w, struct node *n) {
        if (byz_next(w, &byz_eclipse, NULL) == n)
                world_plan(w, w->now + LINKED, n->index, on_wall);
}

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        if (!key_eq(&l->device, &byz_honest(w, SURROUNDED)->device.pub))
                return true;
        return byz_drop.says(w, n, l, p);
}

#define CLAIMS_EVERY 60 /* seconds: of one device others take twelve an hour */

static void claim(struct world *w, struct node *n) {
        struct mesh_addr theirs[MESH_ADDRS_MAX] = {n->addr};
        for (size_t i = 1; i < ARRAY_LEN(theirs); i++)
                theirs[i] = byz_honest(w, (uint32_t)rng_below(&w->rng, w->n))->addr;
        byz_claim(w, n, theirs, ARRAY_LEN(theirs));
}

/* They knock at it until it has no place left. */
static void acts(struct world *w, struct node *n) {
        const struct node *victim = byz_honest(w, SURROUNDED);
        if (node_wall(w, n) % CLAIMS_EVERY == n->index % CLAIMS_EVERY)
                claim(w, n);
        if (!node_on(n) || link_to_device(n->core, &victim->device.pub))
                return;
        n->deeds++;
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_DIAL, .dial = {.addr = victim->addr}});
}

const struct byz_module byz_eclipse = {.name = "eclipse",
                                       .what = "a victim's neighbours but for one, who tell it nothing and say "
                                               "that they are where others are",
                                       .begins = begins,
                                       .acts = acts,
                                       .says = says};
