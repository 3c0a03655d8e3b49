/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A doorstep that is none: what two homes say to each other through it, and what it says in meetings itself, it drops, alters,
 * repeats, keeps for later, says to others, or says in another's name.
 */
#include "sim/byz.h"

#include "wire/codec.h"

#define KEPT 16 /* the latest messages, of all such homes together */
#define LATER 7 /* each message is followed by one of long ago */

static struct {
        uint8_t bytes[1024];
        size_t n;
} kept[KEPT];
static size_t last;

static void alter(struct node *n, struct link *l, struct span map, uint64_t which) {
        _clean_(buf_fini) struct buf other = BUF_NULL;
        buf_add(&other, map);
        REQUIRE(buf_ok(&other));
        other.p[other.n - 1 - which % 400 % other.n] ^= (uint8_t)(1 << which % 8);
        struct wire_meet msg; /* it is still a message: else who hears it hangs up, and all is over */
        if (codec_decode(&wire_meet_desc, buf_span(&other), &msg, NULL) == 0)
                byz_say_raw(n, l, LINK_MEET, buf_span(&other));
}

static void rename(struct node *n, struct link *l, struct span map) {
        struct wire_meet msg;
        REQUIRE(codec_decode(&wire_meet_desc, map, &msg, NULL) == 0);
        msg.from = SPAN_OF(n->device.pub.b);
        byz_say(n, l, LINK_MEET, &msg);
}

static void keep(struct span map) {
        size_t at = last++ % KEPT;
        REQUIRE(map.n <= sizeof(kept[at].bytes));
        memcpy(kept[at].bytes, map.p, map.n);
        kept[at].n = map.n;
}

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        struct span map = packet_map(p);
        if (byz_number(p) != LINK_MEET)
                return true;
        uint64_t which = rng_below(&w->rng, 1 << 16);
        keep(map);
        if (kept[which % LATER].n)
                byz_say_raw(n, l, LINK_MEET, span_of(kept[which % LATER].bytes, kept[which % LATER].n));
        switch (which % 5) {
        case 0:
                n->deeds++;
                return false;
        case 1:
                alter(n, l, map, which);
                return false;
        case 2:
                byz_say_all_raw(n, LINK_MEET, map);
                break;
        case 3:
                rename(n, l, map);
                break;
        }
        return true;
}

static void begins(struct world *w, struct node *n) {
        (void)w, (void)n;
        last = 0;
        memset(kept, 0, sizeof(kept));
}

const struct byz_module byz_meddle = {.name = "meddle",
                                      .what = "drops, alters, repeats and renames what others say to meet",
                                      .begins = begins,
                                      .says = says};
