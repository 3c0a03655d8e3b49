/* SPDX-License-Identifier: Apache-2.0 */
#include "support/disk.h"

#include <stdlib.h>

static struct span keep(struct span s, void **ret) {
        if (!s.n)
                return SPAN_NONE;
        *ret = malloc(s.n);
        REQUIRE(*ret);
        memcpy(*ret, s.p, s.n);
        return span_of(*ret, s.n);
}

static bool same_row(const struct mesh_row *a, const struct mesh_row *b) {
        if (a->kind != b->kind)
                return false;
        switch (a->kind) {
        case MESH_ROW_MARK:
        case MESH_ROW_JOIN:
                return true;
        case MESH_ROW_OP:
                return memcmp(&a->op.id, &b->op.id, sizeof(a->op.id)) == 0;
        case MESH_ROW_EPOCH:
                return memcmp(a->epoch.id, b->epoch.id, sizeof(a->epoch.id)) == 0;
        case MESH_ROW_REVOKE:
                return memcmp(&a->revoke.id, &b->revoke.id, sizeof(a->revoke.id)) == 0;
        case MESH_ROW_TICKET:
                return memcmp(&a->ticket.id, &b->ticket.id, sizeof(a->ticket.id)) == 0;
        case MESH_ROW_CONTACT:
                return memcmp(&a->contact.device, &b->contact.device, sizeof(a->contact.device)) == 0;
        case MESH_ROW_ADDR:
                return memcmp(&a->addr.addr, &b->addr.addr, sizeof(a->addr.addr)) == 0;
        case MESH_ROW_PROOF:
                return memcmp(&a->proof.id, &b->proof.id, sizeof(a->proof.id)) == 0;
        case MESH_ROW_RECORD:
                return memcmp(&a->record.id, &b->record.id, sizeof(a->record.id)) == 0;
        case MESH_ROW_KINDS:
                break;
        }
        return false;
}

struct disk_row *disk_find(const struct disk *d, const struct mesh_row *row) {
        for (size_t i = 0; i < d->n; i++)
                if (same_row(&d->rows[i].row, row))
                        return &d->rows[i];
        return NULL;
}

struct disk_row *disk_record(const struct disk *d, const struct hash *id) {
        struct mesh_row key = {.kind = MESH_ROW_RECORD, .record = {.id = *id}};
        return disk_find(d, &key);
}

static void row_fill(struct disk_row *r, const struct mesh_row *row) {
        free(r->kept[0]);
        free(r->kept[1]);
        r->kept[0] = r->kept[1] = NULL;
        r->row = *row;
        switch (row->kind) {
        case MESH_ROW_JOIN:
                r->row.join.op = keep(row->join.op, &r->kept[0]);
                r->row.join.ticket = keep(row->join.ticket, &r->kept[1]);
                break;
        case MESH_ROW_OP:
                r->row.op.bytes = keep(row->op.bytes, &r->kept[0]);
                break;
        case MESH_ROW_EPOCH:
                r->row.epoch.header = keep(row->epoch.header, &r->kept[0]);
                break;
        case MESH_ROW_REVOKE:
                r->row.revoke.bytes = keep(row->revoke.bytes, &r->kept[0]);
                break;
        case MESH_ROW_TICKET:
                r->row.ticket.text = keep(row->ticket.text, &r->kept[0]);
                r->row.ticket.label = keep(row->ticket.label, &r->kept[1]);
                break;
        case MESH_ROW_CONTACT:
                r->row.contact.bytes = keep(row->contact.bytes, &r->kept[0]);
                break;
        case MESH_ROW_PROOF:
                r->row.proof.bytes = keep(row->proof.bytes, &r->kept[0]);
                break;
        case MESH_ROW_RECORD:
                r->readable = row->record.alert || row->record.follow;
                r->row.record.alert = NULL;
                r->row.record.follow = NULL;
                r->row.record.bytes = keep(row->record.bytes, &r->kept[0]);
                break;
        case MESH_ROW_MARK:
        case MESH_ROW_ADDR:
        case MESH_ROW_KINDS:
                break;
        }
}

static void wipe(struct disk_row *r) {
        r->readable = false;
        r->row.record.bytes = SPAN_NONE;
}

void disk_put(struct disk *d, const struct mesh_row *row) {
        struct disk_row *r = disk_find(d, row);
        if (row->kind == MESH_ROW_RECORD && row->record.voided) {
                if (r)
                        wipe(r);
                if (r)
                        r->row.record.voided = true;
                return;
        }
        if (row->kind == MESH_ROW_RECORD && row->record.type == RECORD_RETRACT) {
                struct disk_row *target = disk_record(d, &row->record.target);
                if (target && target->row.record.type != RECORD_RETRACT &&
                    target->row.record.expires == row->record.expires)
                        wipe(target);
        }
        if (!r) {
                if (d->n == d->cap) {
                        d->cap = d->cap ? d->cap * 2 : 64;
                        d->rows = realloc(d->rows, d->cap * sizeof(*d->rows));
                        REQUIRE(d->rows);
                }
                r = &d->rows[d->n++];
                *r = (struct disk_row){0};
        }
        unsigned times = r->times;
        row_fill(r, row);
        r->times = times + (row->kind == MESH_ROW_RECORD && r->readable);
}

struct span disk_bytes(const struct disk *d, const struct hash *id) {
        struct mesh_row proof = {.kind = MESH_ROW_PROOF, .proof = {.id = *id}};
        const struct disk_row *r = disk_record(d, id);
        if (r)
                return r->row.record.bytes;
        r = disk_find(d, &proof);
        return r ? r->row.proof.bytes : SPAN_NONE;
}

void disk_copy(const struct disk *d, struct disk *ret) {
        *ret = (struct disk){.n = d->n, .cap = d->n, .rows = calloc(d->n ? d->n : 1, sizeof(*ret->rows))};
        REQUIRE(ret->rows);
        for (size_t i = 0; i < d->n; i++) {
                struct disk_row *r = &ret->rows[i];
                row_fill(r, &d->rows[i].row);
                r->readable = d->rows[i].readable;
                r->times = d->rows[i].times;
        }
}

void disk_fini(struct disk *d) {
        for (size_t i = 0; i < d->n; i++) {
                free(d->rows[i].kept[0]);
                free(d->rows[i].kept[1]);
        }
        free(d->rows);
}
