/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps group keys to itself; or hands others than those that were made. */
#include "sim/byz.h"

#include "core/epoch.h"
#include "wire/codec.h"

#define EVERY 10 /* seconds */

static bool keeps(struct world *w, struct node *n, struct link *l, struct packet *p) {
        (void)w, (void)n, (void)l;
        return byz_number(p) != LINK_EPOCH_KEY;
}

/* Under the same header another key, with the proof that came with the right one or with none; every other time another link
 * key, too. */
static void hand_wrong(struct world *w, struct node *n, struct link *l, struct span header, uint64_t day,
                       struct span right_link_key, struct span left) {
        struct key key, link_key;
        rng_bytes(&w->rng, key.b, sizeof(key.b));
        rng_bytes(&w->rng, link_key.b, sizeof(link_key.b));
        struct wire_epoch_key k = {.header = header};
        WIRE_PUT(&k, EPOCH_KEY, key, SPAN_OF(key.b));
        WIRE_PUT(&k, EPOCH_KEY, link_key, n->deeds % 2 && right_link_key.n ? right_link_key : SPAN_OF(link_key.b));
        WIRE_PUT(&k, EPOCH_KEY, day, day);
        if (left.n)
                WIRE_PUT(&k, EPOCH_KEY, left, left);
        byz_say(n, l, LINK_EPOCH_KEY, &k);
}

static bool replaces(struct world *w, struct node *n, struct link *l, struct packet *p) {
        struct wire_epoch_key k;
        if (byz_number(p) != LINK_EPOCH_KEY || codec_decode(&wire_epoch_key_desc, packet_map(p), &k, NULL))
                return true;
        hand_wrong(w, n, l, k.header, k.day, WIRE_HAS(&k, EPOCH_KEY, link_key) ? k.link_key : SPAN_NONE,
                   WIRE_HAS(&k, EPOCH_KEY, left) ? k.left : SPAN_NONE);
        return false;
}

static void acts(struct world *w, struct node *n) {
        struct mesh *m = n->core;
        if (node_wall(w, n) % EVERY)
                return;
        for (size_t i = 0; i < m->n_epochs; i++) {
                const struct epoch *e = m->epochs[i];
                struct span link_key = e->has_link ? SPAN_OF(e->link_key.b) : SPAN_NONE;
                LINK_EACH(l, m)
                if (l->state == LINK_UP)
                        hand_wrong(w, n, l, buf_span(&e->header), node_wall(w, n) / MESH_DAY, link_key, SPAN_NONE);
        }
}

const struct byz_module byz_keyless = {.name = "keyless", .what = "keeps group keys to itself", .says = keeps};
const struct byz_module byz_wrongkey = {
        .name = "wrongkey", .what = "hands other group keys than were made", .acts = acts, .says = replaces};
