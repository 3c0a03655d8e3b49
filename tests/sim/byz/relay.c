/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay that is none: of what two others say to each other by way of it, it drops all, keeps all for seconds, says that its
 * owner's bytes are spent, changes bytes, or never says that both are there. Each such home does one of these. To its own ends of
 * relayed links it is honest.
 */
#include "sim/byz.h"

#include "core/relay.h"
#include "wire/codec.h"

#include <stdlib.h>

#define KEPT_MOST 256 /* messages, of all such homes together */

enum manner { DROPS, DELAYS, SPENT, CHANGES, REVEALS_NOTHING, MANNERS };

static struct kept {
        struct node *by;
        mesh_link link;
        size_t n;
        uint8_t *bytes;
} kept[KEPT_MOST];
static size_t n_kept;

static enum manner manner_of(const struct node *n) {
        return (enum manner)(n->index / 2 % MANNERS); /* every second home can be called by all */
}

/* It passes on for two others, in that room. */
static bool passes(const struct link *l, uint64_t number) {
        const struct room *r = relay_find(l, number);
        return r && !r->end;
}

static void keep(struct node *n, const struct link *l, struct span map) {
        uint8_t *bytes = n_kept < KEPT_MOST ? malloc(map.n) : NULL;
        if (!bytes)
                return;
        memcpy(bytes, map.p, map.n);
        kept[n_kept++] = (struct kept){.by = n, .link = l->id, .n = map.n, .bytes = bytes};
}

static void end(struct node *n, struct link *l, uint64_t number) {
        struct wire_relay_end msg = {.room = number};
        WIRE_PUT(&msg, RELAY_END, why, RELAY_WHY_SPENT);
        byz_say(n, l, LINK_RELAY_END, &msg);
}

static void change(struct node *n, struct link *l, const struct wire_relay_bytes *msg) {
        _clean_(buf_fini) struct buf other = BUF_NULL;
        buf_add(&other, msg->bytes);
        REQUIRE(buf_ok(&other) && other.n);
        other.p[other.n / 2] ^= 1;
        const struct wire_relay_bytes changed = {.room = msg->room, .bytes = buf_span(&other)};
        byz_say(n, l, LINK_RELAY_BYTES, &changed);
}

static bool says_bytes(struct node *n, struct link *l, struct span map) {
        struct wire_relay_bytes msg;
        if (codec_decode(&wire_relay_bytes_desc, map, &msg, NULL) || !passes(l, msg.room))
                return true;
        switch (manner_of(n)) {
        case DROPS:
                n->deeds++;
                return false;
        case DELAYS:
                keep(n, l, map);
                return false;
        case SPENT:
                end(n, l, msg.room);
                return false;
        case CHANGES:
                change(n, l, &msg);
                return false;
        case REVEALS_NOTHING:
        case MANNERS:
                break;
        }
        return true;
}

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        struct wire_relay_room room;
        (void)w;
        if (byz_number(p) == LINK_RELAY_BYTES)
                return says_bytes(n, l, packet_map(p));
        bool tells = byz_number(p) == LINK_RELAY_ROOM && manner_of(n) == REVEALS_NOTHING;
        if (!tells || codec_decode(&wire_relay_room_desc, packet_map(p), &room, NULL) || !passes(l, room.room))
                return true;
        n->deeds++;
        return false;
}

/* What it kept goes on, a second late at least. */
static void acts(struct world *w, struct node *n) {
        size_t left = 0;
        (void)w;
        for (size_t i = 0; i < n_kept; i++) {
                struct kept *k = &kept[i];
                struct link *l = k->by == n ? link_find(n->core, k->link) : NULL;
                if (k->by != n) {
                        kept[left++] = *k;
                        continue;
                }
                if (l && l->state == LINK_HAUL)
                        byz_say_raw(n, l, LINK_RELAY_BYTES, span_of(k->bytes, k->n));
                free(k->bytes);
        }
        n_kept = left;
}

static void begins(struct world *w, struct node *n) {
        (void)w, (void)n;
        while (n_kept)
                free(kept[--n_kept].bytes);
}

const struct byz_module byz_relay = {
        .name = "relay",
        .what = "passes bytes on late, changed or not at all, and says it has no more to give",
        .begins = begins,
        .acts = acts,
        .says = says};
