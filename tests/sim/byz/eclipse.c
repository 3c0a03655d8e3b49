/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One honest home has these for neighbours, and a single honest one. They take everything from it and from others, and tell
 * it nothing but that all is equal; among the others they behave.
 */
#include "sim/byz.h"

static void begins(struct world *w, struct node *n) {
        struct node *victim = byz_honest(w, SURROUNDED), *keeper = byz_honest(w, KEEPER);
        if (byz_next(w, &byz_eclipse, NULL) != n || victim == keeper)
                return;
        byz_wall(w, victim, keeper);
        for (uint32_t i = 0; i < w->n; i++)
                if (i != victim->index && byz_walled(w, victim->index, i))
                        links_cut(w, victim, &w->nodes[i]);
}

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        if (!key_eq(&l->device, &byz_honest(w, SURROUNDED)->device.pub))
                return true;
        return byz_drop.says(w, n, l, p);
}

/* They knock at it until it has no place left. */
static void acts(struct world *w, struct node *n) {
        const struct node *victim = byz_honest(w, SURROUNDED);
        if (link_to_device(n->core, &victim->device.pub))
                return;
        n->deeds++;
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_DIAL, .dial = {.addr = victim->addr}});
}

const struct byz_module byz_eclipse = {.name = "eclipse",
                                       .what = "a victim's neighbours but for one, who tell it nothing",
                                       .begins = begins,
                                       .acts = acts,
                                       .says = says};
