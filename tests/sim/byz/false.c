/* SPDX-License-Identifier: Apache-2.0 */
/* Announces what is nowhere, compares under fingerprints of nothing, asks for what nobody has, and gives nothing. */
#include "sim/byz.h"

#include "wire/codec.h"

#define IDS 800 /* bytes */

/* One range to the end under a fingerprint that is wrong for sure: PROTOCOL 9.5. */
static void wrong_print(struct world *w, struct node *n, struct link *l, const struct packet *p) {
        struct wire_recon r;
        uint8_t ranges[15360];
        REQUIRE(codec_decode(&wire_recon_desc, packet_map(p), &r, NULL) == 0 && r.ranges.n <= sizeof(ranges));
        memcpy(ranges, r.ranges.p, r.ranges.n);
        if (r.ranges.n > 8)
                rng_bytes(&w->rng, ranges + r.ranges.n - 8,
                          8); /* of the last range: whatever it says, it says it wrongly */
        r.ranges = span_of(ranges, r.ranges.n);
        byz_say(n, l, LINK_RECON, &r);
}

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        if (byz_number(p) == LINK_RECON) {
                wrong_print(w, n, l, p);
                return false;
        }
        return byz_number(p) != LINK_RECORD || byz_own_record(n, p);
}

static void acts(struct world *w, struct node *n) {
        uint8_t nowhere[IDS];
        rng_bytes(&w->rng, nowhere, sizeof(nowhere));
        struct wire_ids ids = {.ids = SPAN_OF(nowhere)};
        byz_say_all(n, LINK_IHAVE, &ids);
        byz_say_all(n, LINK_GRAFT, &ids);
}

const struct byz_module byz_false = {.name = "false",
                                     .what = "announces what is nowhere, compares wrongly, gives nothing",
                                     .acts = acts,
                                     .says = says};
