/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes everything and passes nothing on, and hides it: it says in its hello that it has what the other side has, and answers
 * each comparison with "all of it is equal". Its own records it does say.
 */
#include "sim/byz.h"

#include "wire/codec.h"

static void equal(struct node *n, struct link *l, const struct wire_recon *asked) {
        static const uint8_t skip[2] = {0};
        struct wire_recon all = *asked;
        all.ranges = SPAN_OF(skip);
        byz_say(n, l, LINK_RECON, &all);
}

/* A responder has heard the other side's digests before it says its own. */
static void mirrored(struct node *n, struct link *l, const struct packet *p) {
        struct wire_hello h;
        REQUIRE(codec_decode(&wire_hello_desc, packet_map(p), &h, NULL) == 0);
        h.ops = SPAN_OF(l->their[LINK_OPS]);
        h.contacts = SPAN_OF(l->their[LINK_CONTACTS]);
        h.records = SPAN_OF(l->their[LINK_RECORDS]);
        byz_say(n, l, LINK_HELLO, &h);
}

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        struct wire_recon r;
        (void)w;
        if (byz_number(p) == LINK_RECON && !l->recon_opened &&
            codec_decode(&wire_recon_desc, packet_map(p), &r, NULL) == 0) {
                equal(n, l, &r);
                return false;
        }
        if (byz_number(p) == LINK_HELLO && l->hello_got) {
                mirrored(n, l, p);
                return false;
        }
        return !byz_is(p, BYZ_PASSED_ON) || byz_own_record(n, p);
}

const struct byz_module byz_drop = {
        .name = "drop", .what = "takes everything, passes nothing on, and says that all is equal", .says = says};
