/* SPDX-License-Identifier: Apache-2.0 */
#include "node/mutes.h"
#include "wire/codec.h"

#define KIND_BITS 64

static bool same(const struct mute *a, const struct mute *b) {
        if (a->kind || b->kind)
                return a->kind == b->kind;
        return memcmp(a->household.b, b->household.b, sizeof(a->household.b)) == 0;
}

bool mute_holds(const struct mute *row, mesh_wall now) {
        return row->until == 0 || row->until > now;
}

static void drop(struct mutes *m, size_t i) {
        m->n--;
        memmove(&m->rows[i], &m->rows[i + 1], (m->n - i) * sizeof(m->rows[0]));
}

static void drop_over(struct mutes *m, mesh_wall now) {
        for (size_t i = m->n; i-- > 0;)
                if (!mute_holds(&m->rows[i], now))
                        drop(m, i);
}

static struct mute *find(struct mutes *m, const struct mute *row) {
        for (size_t i = 0; i < m->n; i++)
                if (same(&m->rows[i], row))
                        return &m->rows[i];
        return NULL;
}

int mutes_put(struct mutes *m, const struct mute *row, mesh_wall now) {
        drop_over(m, now);
        struct mute *slot = find(m, row);
        if (!slot && m->n == MUTES_MAX)
                return MUTES_E_FULL;
        if (!slot)
                slot = &m->rows[m->n++];
        *slot = *row;
        return 0;
}

int mutes_del(struct mutes *m, const struct mute *row, mesh_wall now, struct mute *ret) {
        drop_over(m, now);
        struct mute *slot = find(m, row);
        if (!slot)
                return MUTES_E_NONE;
        *ret = *slot;
        drop(m, (size_t)(slot - m->rows));
        return 0;
}

void mutes_filter(const struct mutes *m, mesh_wall now, struct store_filter *f, struct buf *keys) {
        size_t n = 0;
        for (size_t i = 0; i < m->n; i++) {
                const struct mute *row = &m->rows[i];
                if (!mute_holds(row, now))
                        continue;
                if (row->kind) {
                        f->muted_kinds[row->kind / KIND_BITS] |= UINT64_C(1) << row->kind % KIND_BITS;
                        continue;
                }
                buf_add(keys, SPAN_OF(row->household.b));
                n++;
        }
        if (!buf_ok(keys))
                return;
        f->muted_households = (const struct key *)keys->p;
        f->n_muted_households = n;
}

/* ---- on disk ---- */

void mute_to_wire(const struct mute *row, struct wire_c_muted *ret) {
        *ret = (struct wire_c_muted){0};
        if (row->kind)
                WIRE_PUT(ret, C_MUTED, kind, row->kind);
        else
                WIRE_PUT(ret, C_MUTED, id, SPAN_OF(row->household.b));
        if (row->until)
                WIRE_PUT(ret, C_MUTED, until, row->until);
}

bool mute_from_wire(const struct wire_c_muted *w, struct mute *ret) {
        struct mute row = {.kind = (uint8_t)w->kind, .until = w->until};
        if (!row.kind && !WIRE_HAS(w, C_MUTED, id))
                return false;
        if (!row.kind)
                memcpy(row.household.b, w->id.p, sizeof(row.household.b));
        *ret = row;
        return true;
}

void mutes_encode(const struct mutes *m, struct buf *out) {
        for (size_t i = 0; i < m->n; i++) {
                struct wire_c_muted msg;
                mute_to_wire(&m->rows[i], &msg);
                codec_encode(&wire_c_muted_desc, &msg, out);
        }
}

void mutes_decode(struct mutes *ret, struct span in) {
        struct wire_reader r = wire_reader(in);
        struct wire_c_muted msg;
        ret->n = 0;
        while (ret->n < MUTES_MAX && !wire_reader_end(&r) &&
               codec_read(&wire_c_muted_desc, &r, &msg, NULL, NULL) == 0 && mute_from_wire(&msg, &ret->rows[ret->n]))
                ret->n++;
}
