/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which slots this device has used, a second time: where the disk has lost the rows that say it, a slot must still not be
 * used twice (PROTOCOL 4.20). So of each class the day of the latest own record, and the index behind the highest of that
 * day, stand in a row of another table, written along with the record.
 *
 * A clock that was ahead has left a day ahead; what was used before then is told by the records alone.
 */
#include "store/inside.h"

#include "base/err.h"

#define CLASSES CLASS_ASK
#define ENTRY_BYTES 6 /* the day and the index */
#define SLOTS_BYTES (CLASSES * ENTRY_BYTES)

static uint8_t *entry(struct slots *s, uint8_t klass) {
        return klass >= 1 && klass <= CLASSES ? s->bytes + (klass - 1) * ENTRY_BYTES : NULL;
}

static void put(uint8_t *p, uint32_t day, uint16_t next) {
        put_be32(p, day);
        put_be16(p + 4, next);
}

/* False: that is known. */
static bool note(struct slots *s, const struct head *h) {
        uint8_t *p = entry(s, h->klass);
        if (!p || !(h->flags & RECORD_OWN) || h->type == RECORD_RETRACT || h->day < get_be32(p))
                return false;
        uint16_t next = h->index < UINT16_MAX ? h->index + 1 : UINT16_MAX;
        if (h->day == get_be32(p) && next <= get_be16(p + 4))
                return false;
        put(p, h->day, next);
        return true;
}

void slots_all_used(struct slots *s, uint32_t day) {
        for (uint8_t klass = 1; klass <= CLASSES; klass++)
                put(entry(s, klass), day, UINT16_MAX);
}

struct mesh_row slots_row(struct slots *s, uint8_t klass) {
        const uint8_t *p = entry(s, klass);
        return (struct mesh_row){.kind = MESH_ROW_SLOTS,
                                 .slots = {.klass = klass, .day = get_be32(p), .next = get_be16(p + 4)}};
}

int slots_get(struct store *s, struct slots *ret) {
        _sql_ st = sql_get(&s->q, SQL_VALUE_GET);
        sqlite3_bind_text(st, 1, SLOTS_NAME, -1, SQLITE_STATIC);
        bool row;
        int r = sql_next(&s->q, st, &row);
        if (r)
                return r;
        *ret = (struct slots){.missing = !row};
        return !row || sql_blob(st, 0, ret->bytes, sizeof(ret->bytes)) ? 0 : STORE_E_DAMAGED;
}

int slots_put(struct store *s, const struct slots *slots) {
        _sql_ st = sql_get(&s->q, SQL_VALUE_PUT);
        sqlite3_bind_text(st, 1, SLOTS_NAME, -1, SQLITE_STATIC);
        sql_bind_span(st, 2, SPAN_OF(slots->bytes));
        return sql_run(&s->q, st);
}

int slots_note(struct store *s, const struct head *h) {
        if (!(h->flags & RECORD_OWN))
                return 0;
        int r = s->slots_known ? 0 : slots_get(s, &s->slots);
        s->slots_known = r == 0;
        s->slots_changed |= r == 0 && note(&s->slots, h);
        return r;
}

int slots_write(struct store *s) {
        if (!s->slots_changed)
                return 0;
        s->slots_changed = false;
        return slots_put(s, &s->slots);
}

/* ---- for a file of before: slots_of(head), over all records ---- */

static void on_step(sqlite3_context *call, _unused_ int n, sqlite3_value **args) {
        struct slots *s = sqlite3_aggregate_context(call, sizeof(*s));
        const void *p = sqlite3_value_blob(args[0]);
        struct head h;
        if (s && p && head_unpack(span_of(p, (size_t)sqlite3_value_bytes(args[0])), &h))
                note(s, &h);
}

static void on_final(sqlite3_context *call) {
        static const struct slots none;
        const struct slots *s = sqlite3_aggregate_context(call, 0);
        sqlite3_result_blob(call, s ? s->bytes : none.bytes, SLOTS_BYTES, SQLITE_TRANSIENT);
}

int slots_prepare(struct sql *q) {
        int rc = sqlite3_create_function_v2(q->db, "slots_of", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, NULL, on_step,
                                            on_final, NULL);
        return rc ? sql_error(q->db, rc) : 0;
}
