/* SPDX-License-Identifier: Apache-2.0 */
#include "node/force.h"
#include "node/internal.h"

static int count(struct query *q, struct store_reader *r) {
        struct force *f = CONTAINER_OF(q, struct force, q);
        return store_in_force(r, f->now, &f->found);
}

static void counted(struct query *q) {
        struct force *f = CONTAINER_OF(q, struct force, q);
        f->counting = false;
        f->known = q->r == 0;
}

void force_begin(struct node *n) {
        struct force *f = &n->force;
        if (f->counting)
                return;
        /* While it starts, the quick lane's connection is the loop's, which reads over it. */
        *f = (struct force){.q = {.lane = n->started ? QUERY_QUICK : QUERY_LIST, .run = count, .done = counted},
                            .counting = true,
                            .seq = n->writer.seq,
                            .now = node_time(n)};
        query_start(n, &f->q);
}

bool force_holds(const struct node *n) {
        const struct force *f = &n->force;
        mesh_wall now = node_time(n);
        return f->known && f->seq == n->writer.seq && now >= f->now && now < f->found.until;
}
