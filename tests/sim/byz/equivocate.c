/* SPDX-License-Identifier: Apache-2.0 */
/* Signs two records for one slot, and tells one half of its neighbours this and the other half that. */
#include "sim/byz.h"

#define EVERY 60 /* seconds */
#define HIGHEST 47

static void acts(struct world *w, struct node *n) {
        mesh_wall now = node_wall(w, n);
        struct wire_record r = {.type = RECORD_ALERT,
                                .klass = CLASS_NORMAL,
                                .created = now,
                                .day = now / MESH_DAY,
                                .expires = now + 6 * 3600,
                                .index = HIGHEST - now / EVERY % HIGHEST};
        _clean_(buf_fini) struct buf one = BUF_NULL, other = BUF_NULL;
        bool odd = false;
        if (now % EVERY || !byz_record(w, n, &n->device, &r, &one) || !byz_record(w, n, &n->device, &r, &other))
                return;
        LINK_EACH(l, n->core) {
                if (l->state == LINK_UP)
                        byz_say_raw(n, l, LINK_RECORD, odd ? buf_span(&one) : buf_span(&other));
                odd = !odd;
        }
}

const struct byz_module byz_equivocate = {.name = "equivocate",
                                          .what = "signs two records for one slot, and tells some this and some that",
                                          .acts = acts};
