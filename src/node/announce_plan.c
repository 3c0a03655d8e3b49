/* SPDX-License-Identifier: Apache-2.0 */
#include "node/announce.h"

#define SPAN_MOST MESH_DAY /* of a notice: PROTOCOL 4.31 */
#define HEAD_BYTES 32
#define CELL_BYTES 16

mesh_wall announce_due(mesh_wall now) {
        return now - now % ANNOUNCE_QUARTER;
}

/* ---- what was told of a cell ---- */

static struct announced_cell *cell_find(struct announced *a, mesh_cell cell) {
        for (size_t i = 0; i < a->n; i++)
                if (a->cells[i].cell == cell)
                        return &a->cells[i];
        return NULL;
}

/* The oldest gives way. */
static struct announced_cell *cell_put(struct announced *a, mesh_cell cell) {
        struct announced_cell *at = cell_find(a, cell);
        if (at)
                return at;
        at = &a->cells[0];
        if (a->n < ANNOUNCE_CELLS)
                at = &a->cells[a->n++];
        for (size_t i = 0; i < a->n; i++)
                if (a->cells[i].until < at->until)
                        at = &a->cells[i];
        *at = (struct announced_cell){.cell = cell};
        return at;
}

/* ---- the plan ---- */

static struct announce_notice *notice_of(struct announce_notice *all, size_t *n, mesh_cell cell) {
        for (size_t i = 0; i < *n; i++)
                if (all[i].cell == cell)
                        return &all[i];
        if (*n == ANNOUNCE_CELLS)
                return NULL;
        all[*n] = (struct announce_notice){.cell = cell};
        return &all[(*n)++];
}

static void add(struct announce_notice *x, const struct announce_clip *c, mesh_wall due) {
        mesh_wall from = announce_due(c->from), to = MIN(announce_due(c->to) + ANNOUNCE_QUARTER, due);
        x->from = x->to ? MIN(x->from, from) : from;
        x->to = MAX(x->to, to);
        x->clip = c->id;
}

/* False: all of it was told of, or there were enough notices today. */
static bool tell(struct announced *a, struct announce_notice *x) {
        struct announced_cell *told = cell_put(a, x->cell);
        x->from = MAX(x->from, told->until);
        if (x->from >= x->to || a->count >= ANNOUNCE_A_DAY)
                return false;
        x->from = MAX(x->from, x->to - MIN(x->to, (mesh_wall)SPAN_MOST));
        told->until = x->to;
        a->count++;
        return true;
}

size_t announce_plan(struct announced *a, mesh_wall due, const struct announce_clip *clips, size_t n,
                     struct announce_notice ret[ANNOUNCE_CELLS]) {
        struct announce_notice all[ANNOUNCE_CELLS];
        size_t n_all = 0, n_told = 0;
        if (due / MESH_DAY != a->day) {
                a->day = due / MESH_DAY;
                a->count = 0;
        }
        for (size_t i = 0; i < n; i++) {
                const struct announce_clip *c = &clips[i];
                bool mine = c->taken >= a->until && c->taken < due && c->to >= c->from && c->from < due;
                struct announce_notice *x = mine ? notice_of(all, &n_all, c->cell) : NULL;
                if (x)
                        add(x, c, due);
        }
        for (size_t i = 0; i < n_all; i++)
                if (tell(a, &all[i]))
                        ret[n_told++] = all[i];
        a->until = due;
        return n_told;
}

/* ---- on disk ---- */

void announced_encode(const struct announced *a, struct buf *out) {
        uint8_t *p = buf_room(out, HEAD_BYTES + a->n * CELL_BYTES);
        if (!p)
                return;
        put_be64(p, a->until);
        put_be64(p + 8, a->day);
        put_be64(p + 16, a->count);
        put_be64(p + 24, a->n);
        for (size_t i = 0; i < a->n; i++) {
                put_be64(p + HEAD_BYTES + i * CELL_BYTES, a->cells[i].cell);
                put_be64(p + HEAD_BYTES + i * CELL_BYTES + 8, a->cells[i].until);
        }
        buf_used(out, HEAD_BYTES + a->n * CELL_BYTES);
}

void announced_decode(struct announced *ret, struct span in) {
        struct announced a = {.until = 0};
        *ret = a;
        if (in.n < HEAD_BYTES || get_be64(in.p + 24) > ANNOUNCE_CELLS ||
            in.n != HEAD_BYTES + get_be64(in.p + 24) * CELL_BYTES)
                return;
        a = (struct announced){.until = get_be64(in.p),
                               .day = get_be64(in.p + 8),
                               .count = get_be64(in.p + 16),
                               .n = get_be64(in.p + 24)};
        for (size_t i = 0; i < a.n; i++)
                a.cells[i] = (struct announced_cell){get_be64(in.p + HEAD_BYTES + i * CELL_BYTES),
                                                     get_be64(in.p + HEAD_BYTES + i * CELL_BYTES + 8)};
        *ret = a;
}
