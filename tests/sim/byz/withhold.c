/* SPDX-License-Identifier: Apache-2.0 */
/* Passes everything on but what some authors wrote; to others it says that it has that, and does not give it when asked. */
#include "sim/byz.h"

#include "wire/codec.h"

static bool says(struct world *w, struct node *n, struct link *l, struct packet *p) {
        struct wire_record r;
        (void)w, (void)l;
        if (byz_number(p) != LINK_RECORD || byz_own_record(n, p) ||
            codec_decode(&wire_record_desc, packet_map(p), &r, NULL))
                return true;
        return (r.device.p[0] ^ n->device.pub.b[0]) & 1;
}

const struct byz_module byz_withhold = {
        .name = "withhold", .what = "does not pass on what half of the authors write", .says = says};
