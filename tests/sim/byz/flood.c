/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills every slot there is, and goes on beyond the last; and publishes one contact after the other, each with addresses that
 * nobody has named before. All of it is signed rightly, and new.
 */
#include "sim/byz.h"

#define A_SECOND 40 /* until the slots of a day are full … */
#define SLOTS 3 * 200
#define BEYOND 4 /* … and after that */

#define CONTACTS_EVERY 5 /* seconds */

static void contacts(struct world *w, struct node *n) {
        struct mesh_addr nowhere[MESH_ADDRS_MAX] = {n->addr};
        for (size_t i = 1; i < ARRAY_LEN(nowhere); i++) {
                rng_bytes(&w->rng, nowhere[i].ip, sizeof(nowhere[i].ip));
                nowhere[i].port = 7345;
        }
        byz_claim(w, n, nowhere, ARRAY_LEN(nowhere));
}

static void records(struct world *w, struct node *n) {
        static const uint64_t klasses[] = {CLASS_URGENT, CLASS_NORMAL, CLASS_NOTICE};
        unsigned many = n->bad_at < SLOTS ? A_SECOND : BEYOND;
        for (unsigned i = 0; i < many; i++) {
                _clean_(buf_fini) struct buf raw = BUF_NULL;
                mesh_wall now = node_wall(w, n);
                uint64_t number = n->bad_at / ARRAY_LEN(klasses);
                struct wire_record r = {.type = RECORD_ALERT,
                                        .klass = klasses[n->bad_at % ARRAY_LEN(klasses)],
                                        .created = now,
                                        .day = now / MESH_DAY,
                                        .expires = now + 6 * 3600,
                                        .index = number % 16384};
                if (!byz_record(w, n, &n->device, &r, &raw))
                        return;
                byz_say_all_raw(n, LINK_RECORD, buf_span(&raw));
                n->bad_at++;
        }
}

static void acts(struct world *w, struct node *n) {
        records(w, n);
        if (node_on(n) && node_wall(w, n) % CONTACTS_EVERY == 0)
                contacts(w, n);
}

const struct byz_module byz_flood = {
        .name = "flood",
        .what = "fills every slot, goes on beyond the last, and names addresses without end",
        .acts = acts};
