/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes on at once what others write, under a signature that is none: a record's id says nothing of its signature, so whoever
 * hears the false one first takes the true one for the same. Hung up on, it comes again.
 */
#include "sim/byz.h"

#include "wire/codec.h"

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        struct wire_record r;
        uint8_t sig[SIGN_BYTES];
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        if (byz_number(p) != LINK_RECORD || byz_own_record(n, p) ||
            codec_decode(&wire_record_desc, packet_map(p), &r, NULL))
                return true;
        rng_bytes(&w->rng, sig, sizeof(sig));
        r.sig = SPAN_OF(sig);
        codec_encode(&wire_record_desc, &r, &raw);
        REQUIRE(buf_ok(&raw));
        byz_say_raw(n, l, LINK_RECORD, buf_span(&raw));
        return false;
}

const struct byz_module byz_forge = {
        .name = "forge", .what = "passes on what others write under false signatures", .says = says};
