/* SPDX-License-Identifier: Apache-2.0 */
#include "support/disk.h"

#include "base/array.h"

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
        case MESH_ROW_CLIP:
                return memcmp(&a->clip.id, &b->clip.id, sizeof(a->clip.id)) == 0;
        case MESH_ROW_CODE:
                return memcmp(&a->code.id, &b->code.id, sizeof(a->code.id)) == 0;
        case MESH_ROW_SLOTS:
        case MESH_ROW_KINDS:
                break;
        }
        return false;
}

/* ---- the indexes ---- */
static size_t hash_of(const void *bytes, size_t n, uint64_t h) {
        const uint8_t *p = bytes;
        for (size_t i = 0; i < n; i++)
                h = (h ^ p[i]) * 0x100000001b3u;
        return (size_t)(h ^ h >> 29);
}

static size_t name_hash(const struct mesh_row *row) {
        uint64_t h = 0xcbf29ce484222325u + (uint64_t)row->kind;
        switch (row->kind) {
        case MESH_ROW_OP:
                return hash_of(&row->op.id, sizeof(row->op.id), h);
        case MESH_ROW_EPOCH:
                return hash_of(row->epoch.id, sizeof(row->epoch.id), h);
        case MESH_ROW_REVOKE:
                return hash_of(&row->revoke.id, sizeof(row->revoke.id), h);
        case MESH_ROW_TICKET:
                return hash_of(&row->ticket.id, sizeof(row->ticket.id), h);
        case MESH_ROW_CONTACT:
                return hash_of(&row->contact.device, sizeof(row->contact.device), h);
        case MESH_ROW_PROOF:
                return hash_of(&row->proof.id, sizeof(row->proof.id), h);
        case MESH_ROW_RECORD:
                return hash_of(&row->record.id, sizeof(row->record.id), h);
        case MESH_ROW_CODE:
                return hash_of(&row->code.id, sizeof(row->code.id), h);
        case MESH_ROW_CLIP:
                return hash_of(&row->clip.id, sizeof(row->clip.id), h);
        case MESH_ROW_ADDR: /* padding would be hashed with it: all addresses are in one chain */
        case MESH_ROW_MARK:
        case MESH_ROW_JOIN:
        case MESH_ROW_SLOTS:
        case MESH_ROW_KINDS:
                break;
        }
        return (size_t)h;
}

static size_t target_hash(const struct hash *target) {
        return hash_of(target, sizeof(*target), 0xcbf29ce484222325u);
}

static void index_put(struct disk_index *x, size_t hash, uint32_t place) {
        for (size_t i = hash;; i++)
                if (!x->slots[i & (x->cap - 1)]) {
                        x->slots[i & (x->cap - 1)] = place + 1;
                        x->n++;
                        return;
                }
}

static bool is_retraction(const struct disk_row *r) {
        return r->row.kind == MESH_ROW_RECORD && r->row.record.type == RECORD_RETRACT;
}

static void index_row(struct disk *d, size_t i) {
        index_put(&d->by_name, name_hash(&d->rows[i].row), (uint32_t)i);
        if (is_retraction(&d->rows[i]))
                index_put(&d->by_target, target_hash(&d->rows[i].row.record.target), (uint32_t)i);
}

static void reindex(struct disk *d, size_t cap) {
        struct disk_index *both[] = {&d->by_name, &d->by_target};
        for (size_t k = 0; k < ARRAY_LEN(both); k++) {
                free(both[k]->slots);
                *both[k] = (struct disk_index){.slots = calloc(cap, sizeof(uint32_t)), .cap = cap};
                REQUIRE(both[k]->slots);
        }
        for (size_t i = 0; i < d->n; i++)
                index_row(d, i);
}

struct disk_row *disk_find(const struct disk *d, const struct mesh_row *row) {
        const struct disk_index *x = &d->by_name;
        for (size_t i = name_hash(row); x->cap && x->slots[i & (x->cap - 1)]; i++) {
                struct disk_row *r = &d->rows[x->slots[i & (x->cap - 1)] - 1];
                if (same_row(&r->row, row))
                        return r;
        }
        return NULL;
}

struct disk_row *disk_record(const struct disk *d, const struct hash *id) {
        struct mesh_row key = {.kind = MESH_ROW_RECORD, .record = {.id = *id}};
        return disk_find(d, &key);
}

/* A retraction that is there already takes back what comes after it, too. */
static bool taken_back(const struct disk *d, const struct mesh_row *row) {
        const struct disk_index *x = &d->by_target;
        for (size_t i = target_hash(&row->record.id); x->cap && x->slots[i & (x->cap - 1)]; i++) {
                const struct mesh_row *by = &d->rows[x->slots[i & (x->cap - 1)] - 1].row;
                if (memcmp(&by->record.target, &row->record.id, sizeof(struct hash)) == 0 &&
                    memcmp(&by->record.household, &row->record.household, sizeof(struct key)) == 0 &&
                    by->record.expires == row->record.expires)
                        return true;
        }
        return false;
}

static bool is_told(const struct mesh_row *row) {
        return row->record.alert || row->record.follow || row->record.notice || row->record.ask;
}

static void row_fill(struct disk_row *r, const struct mesh_row *row) {
        free(r->kept[0]);
        free(r->kept[1]);
        r->kept[0] = r->kept[1] = NULL;
        r->row = *row;
        r->damaged = false;
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
                r->row.epoch.left = keep(row->epoch.left, &r->kept[1]);
                break;
        case MESH_ROW_REVOKE:
                r->row.revoke.bytes = keep(row->revoke.bytes, &r->kept[0]);
                break;
        case MESH_ROW_TICKET:
                r->row.ticket.text = keep(row->ticket.text, &r->kept[0]);
                r->row.ticket.label = keep(row->ticket.label, &r->kept[1]);
                break;
        case MESH_ROW_CLIP:
                r->row.clip.manifest = keep(row->clip.manifest, &r->kept[0]);
                r->row.clip.sealed = keep(row->clip.sealed, &r->kept[1]);
                r->row.clip.camera = SPAN_NONE; /* RESTORE has none */
                break;
        case MESH_ROW_CONTACT:
                r->row.contact.bytes = keep(row->contact.bytes, &r->kept[0]);
                break;
        case MESH_ROW_PROOF:
                r->row.proof.bytes = keep(row->proof.bytes, &r->kept[0]);
                break;
        case MESH_ROW_RECORD:
                r->readable = is_told(row);
                r->row.record.alert = NULL;
                r->row.record.follow = NULL;
                r->row.record.notice = NULL;
                r->row.record.ask = NULL;
                r->row.record.bytes = keep(row->record.bytes, &r->kept[0]);
                break;
        case MESH_ROW_MARK:
        case MESH_ROW_ADDR:
        case MESH_ROW_CODE:
        case MESH_ROW_SLOTS:
        case MESH_ROW_KINDS:
                break;
        }
}

static void wipe(struct disk_row *r) {
        r->readable = false;
        r->row.record.sealed = false;
        r->row.record.bytes = SPAN_NONE;
}

/* What could be read once can be read, and what was tried once is not tried again: a record that comes again only adds. */
static void add_to(struct disk_row *r, const struct mesh_row *row) {
        bool readable = r->readable, sealed = r->row.record.sealed, voided = r->row.record.voided;
        row_fill(r, row);
        r->readable |= readable;
        r->row.record.sealed &= sealed;
        r->row.record.voided = voided;
        if (voided)
                wipe(r);
}

void disk_put(struct disk *d, const struct mesh_row *row) {
        struct disk_row *r = disk_find(d, row);
        bool fresh = false;
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
                d->rows = array_room(d->rows, d->n, &d->cap, sizeof(*d->rows), 64);
                REQUIRE(d->rows);
                r = &d->rows[d->n++];
                *r = (struct disk_row){0};
                fresh = true;
        }
        unsigned times = r->times;
        if (!fresh && row->kind == MESH_ROW_RECORD)
                add_to(r, row);
        else
                row_fill(r, row);
        if (fresh && d->n * 2 > d->by_name.cap)
                reindex(d, MAX(d->by_name.cap * 2, (size_t)128));
        else if (fresh)
                index_row(d, d->n - 1);
        if (row->kind == MESH_ROW_RECORD && row->record.type != RECORD_RETRACT && taken_back(d, row))
                wipe(r);
        bool told = row->kind == MESH_ROW_RECORD && is_told(row) && r->readable;
        r->times = times + told;
}

bool disk_gives(const struct disk_row *r, mesh_wall now) {
        if (r->row.kind == MESH_ROW_ADDR)
                return !r->row.addr.gone;
        return r->row.kind != MESH_ROW_RECORD || r->row.record.own || r->row.record.expires > now;
}

void disk_damage(struct disk *d, const struct hash *id) {
        struct disk_row *r = disk_record(d, id);
        REQUIRE(r);
        r->damaged = true;
}

bool disk_damaged(const struct disk *d, const struct hash *id) {
        const struct disk_row *r = disk_record(d, id);
        return r && r->damaged;
}

void disk_lose(struct disk *d, const struct hash *id) {
        struct disk_row *r = disk_record(d, id);
        REQUIRE(r && r->row.record.own);
        struct mesh_row left = {.kind = MESH_ROW_SLOTS,
                                .slots = {.klass = r->row.record.klass,
                                          .day = r->row.record.day,
                                          .next = (uint16_t)(r->row.record.index + 1)}};
        row_fill(r, &left);
        r->readable = false;
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
        reindex(ret, MAX(d->by_name.cap, (size_t)128));
}

void disk_fini(struct disk *d) {
        for (size_t i = 0; i < d->n; i++) {
                free(d->rows[i].kept[0]);
                free(d->rows[i].kept[1]);
        }
        free(d->rows);
        free(d->by_name.slots);
        free(d->by_target.slots);
        *d = (struct disk){0};
}
