/* SPDX-License-Identifier: Apache-2.0 */
/* How this home is reached, as STATUS says it, and as TICKET and MESH say it where homes are asked to come. */
#include "node/rows.h"

void rows_reach_fini(struct rows_reach *r) {
        buf_fini(&r->listen);
        buf_fini(&r->four);
        buf_fini(&r->six);
}

/* Who sees where a hidden home is: those that it has called, and those that have called it. */
static uint64_t seen_by(const struct node *n) {
        struct mesh_peer p;
        uint64_t found = 0;
        for (size_t i = 0; mesh_peer_at(n->core, i, &p); i++)
                found += !p.relayed;
        return found;
}

void rows_reach_status(const struct node *n, struct wire_c_status *row, struct rows_reach *store) {
        listen_bound(n, &row->listen, &store->listen);
        if (row->listen.count)
                WIRE_PUT(row, C_STATUS, listen, row->listen);
        reach_status(n, row, &store->four, &store->six);
        if (!n->hidden)
                return;
        WIRE_PUT(row, C_STATUS, hidden, true);
        WIRE_PUT(row, C_STATUS, doorsteps, seen_by(n));
}

#define COPY(NAME, key_, type_, field, ...)                                                                            \
        if (WIRE_HAS(&from, C_STATUS, field))                                                                          \
                WIRE_PUT(row, NAME, field, from.field);
#define COPY_ALL(NAME)                                                                                                 \
        COPY(NAME, 0, LIST, listen, )                                                                                  \
        COPY(NAME, 0, ENUM, reach, )                                                                                   \
        FIELDS_C_REACH(COPY, NAME)

void rows_reach_ticket(const struct node *n, struct wire_c_ticket *row, struct rows_reach *store) {
        struct wire_c_status from = {0};
        rows_reach_status(n, &from, store);
        COPY_ALL(C_TICKET)
}

void rows_reach_mesh(const struct node *n, struct wire_c_mesh *row, struct rows_reach *store) {
        struct wire_c_status from = {0};
        rows_reach_status(n, &from, store);
        COPY_ALL(C_MESH)
}
