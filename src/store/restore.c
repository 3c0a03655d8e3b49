/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands the core its rows back at start. Only record heads and keys are read of what may be many: no body, no text.
 *
 * Records are handed out by a function that SQLite calls in the middle of its scan, as the condition on rows that all but
 * the last fail: to leave the statement for each of them, and come back for each column, costs more than to find the row
 * (100,000 records: 15 ms instead of 10.5).
 */
#include "store/inside.h"

#include "base/array.h"
#include "base/err.h"

#include <stdlib.h>

#define KEYS_FIRST 256
#define POINTER "restore" /* names the type of what hand_record() is given */

struct restore {
        struct store *s;
        mesh_wall now;
        int (*take)(void *ctx, const struct mesh_row *row);
        void *ctx;
        struct key *keys; /* by number - 1 */
        size_t n, cap;
        int r;               /* of the records: */
        struct mesh_row row; /* each in turn */
};

static int add_key(struct restore *t, sqlite3_stmt *st) {
        struct key *keys = array_room(t->keys, t->n, &t->cap, sizeof(*keys), KEYS_FIRST);
        if (!keys)
                return ERR_NOMEM;
        t->keys = keys;
        /* Keys are never deleted, so their numbers have no gaps. */
        if (sql_u64(st, 0) != t->n + 1 || !sql_blob(st, 1, t->keys[t->n].b, sizeof(t->keys[t->n].b)))
                return STORE_E_DAMAGED;
        t->n++;
        return 0;
}

static int read_keys(struct restore *t) {
        _sql_ st = sql_get(&t->s->q, SQL_KEY_ALL);
        for (;;) {
                bool row;
                int r = sql_next(&t->s->q, st, &row);
                if (r || !row)
                        return r;
                r = add_key(t, st);
                if (r)
                        return r;
        }
}

static const struct key *key_at(const struct restore *t, uint64_t n) {
        return n >= 1 && n <= t->n ? &t->keys[n - 1] : NULL;
}

static struct span value_span(sqlite3_value *v) {
        const void *p = sqlite3_value_blob(v);
        return p ? span_of(p, (size_t)sqlite3_value_bytes(v)) : SPAN_NONE;
}

static bool read_record(const struct restore *t, struct span id, const struct head *h, struct mesh_row *row) {
        const struct key *device = key_at(t, h->device), *house = key_at(t, h->house);
        const struct key *signer = h->signer ? key_at(t, h->signer) : NULL;
        if (!device || !house || (h->signer && !signer) || id.n != sizeof(row->record.id.b))
                return false;
        memcpy(row->record.id.b, id.p, id.n);
        row->record.device = *device;
        row->record.household = *house;
        row->record.created = h->created;
        row->record.day = h->day;
        row->record.index = h->index;
        row->record.type = h->type;
        row->record.klass = h->klass;
        row->record.mine = h->flags & RECORD_MINE;
        row->record.own = h->flags & RECORD_OWN;
        row->record.sensor = h->flags & RECORD_SENSOR;
        row->record.voided = h->flags & RECORD_VOID;
        row->record.sealed = h->sealed;
        memcpy(row->record.epoch, h->epoch, sizeof(h->epoch));
        row->record.target = h->target;
        row->record.signer = signer ? *signer : (struct key){0};
        return true;
}

/* handed(restore, id, expires, head): whether this was the last that is wanted. */
static void hand_record(sqlite3_context *call, _unused_ int n, sqlite3_value **args) {
        struct restore *t = sqlite3_value_pointer(args[0], POINTER);
        struct mesh_row *row = &t->row;
        row->record.expires = (mesh_wall)MAX(sqlite3_value_int64(args[2]), 0);
        struct head h;
        bool stop = false, good = head_unpack(value_span(args[3]), &h);
        if (row->record.expires > t->now || (good && h.flags & RECORD_OWN)) {
                stop = !good || !read_record(t, value_span(args[1]), &h, row);
                t->r = stop ? STORE_E_DAMAGED : load_stopped(t->take(t->ctx, row), &stop);
        }
        sqlite3_result_int(call, stop);
}

int restore_prepare(struct sql *q) {
        int rc = sqlite3_create_function_v2(q->db, "handed", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, hand_record,
                                            NULL, NULL, NULL);
        return rc ? sql_error(q->db, rc) : 0;
}

static int hand_out_records(struct restore *t, bool *ret_stop) {
        _sql_ st = sql_get(&t->s->q, SQL_RECORD_ALL);
        sqlite3_bind_pointer(st, 1, t, POINTER, NULL);
        int r = sql_next(&t->s->q, st, ret_stop);
        return r ? r : t->r;
}

static bool read_epoch(sqlite3_stmt *st, struct mesh_row *row) {
        row->epoch.header = sql_span(st, 1);
        row->epoch.has_key = sql_u64(st, 2);
        row->epoch.day = (uint32_t)sql_u64(st, 4);
        row->epoch.since = sql_u64(st, 6);
        row->epoch.left = sql_span(st, 7);
        return sql_blob(st, 0, row->epoch.id, sizeof(row->epoch.id)) && sql_u64(st, 4) <= UINT32_MAX &&
               sql_blob(st, 3, row->epoch.key.b, sizeof(row->epoch.key.b)) &&
               sql_blob(st, 5, row->epoch.link_key.b, sizeof(row->epoch.link_key.b));
}

static bool read_addr(sqlite3_stmt *st, struct mesh_row *row) {
        uint64_t port = sql_u64(st, 1), scope = sql_u64(st, 2);
        row->addr.addr.port = (uint16_t)port;
        row->addr.addr.scope = (uint32_t)scope;
        row->addr.manual = sql_u64(st, 4);
        return port <= UINT16_MAX && scope <= UINT32_MAX &&
               sql_blob(st, 0, row->addr.addr.ip, sizeof(row->addr.addr.ip)) &&
               sql_blob(st, 3, row->addr.device.b, sizeof(row->addr.device.b));
}

/* Fills @row from the statement's present row; false: the file is damaged. */
static bool read_row(sqlite3_stmt *st, struct mesh_row *row) {
        switch (row->kind) {
        case MESH_ROW_MARK:
                row->mark.wall = sql_u64(st, 0);
                return true;
        case MESH_ROW_JOIN:
                row->join.op = sql_span(st, 0);
                row->join.ticket = sql_span(st, 1);
                return true;
        case MESH_ROW_OP:
                row->op.bytes = sql_span(st, 1);
                return sql_blob(st, 0, row->op.id.b, sizeof(row->op.id.b));
        case MESH_ROW_EPOCH:
                return read_epoch(st, row);
        case MESH_ROW_REVOKE:
                row->revoke.expires = sql_u64(st, 1);
                row->revoke.bytes = sql_span(st, 2);
                return sql_blob(st, 0, row->revoke.id.b, sizeof(row->revoke.id.b));
        case MESH_ROW_TICKET:
                row->ticket.text = sql_span(st, 1);
                row->ticket.label = sql_span(st, 2);
                row->ticket.revoked = sql_u64(st, 3);
                return sql_blob(st, 0, row->ticket.id.b, sizeof(row->ticket.id.b));
        case MESH_ROW_CONTACT:
                row->contact.seq = sql_bits(st, 1);
                row->contact.bytes = sql_span(st, 2);
                return sql_blob(st, 0, row->contact.device.b, sizeof(row->contact.device.b));
        case MESH_ROW_ADDR:
                return read_addr(st, row);
        case MESH_ROW_PROOF:
                row->proof.expires = sql_u64(st, 1);
                row->proof.bytes = sql_span(st, 2);
                return sql_blob(st, 0, row->proof.id.b, sizeof(row->proof.id.b));
        case MESH_ROW_CODE:
                row->code.share = (uint8_t)sql_u64(st, 1);
                row->code.made = sql_u64(st, 2);
                row->code.expires = sql_u64(st, 3);
                row->code.revoked = sql_u64(st, 4);
                return sql_blob(st, 0, row->code.id.b, sizeof(row->code.id.b));
        case MESH_ROW_RECORD:
        case MESH_ROW_SLOTS:
        case MESH_ROW_CLIP:
        case MESH_ROW_KINDS:
                break;
        }
        return false;
}

static const enum sql_id statement_of[MESH_ROW_RECORD] = {
        [MESH_ROW_MARK] = SQL_MARK_ALL,       [MESH_ROW_JOIN] = SQL_JOIN_ALL,     [MESH_ROW_OP] = SQL_OP_ALL,
        [MESH_ROW_EPOCH] = SQL_EPOCH_ALL,     [MESH_ROW_REVOKE] = SQL_REVOKE_ALL, [MESH_ROW_TICKET] = SQL_TICKET_ALL,
        [MESH_ROW_CONTACT] = SQL_CONTACT_ALL, [MESH_ROW_ADDR] = SQL_ADDR_ALL,     [MESH_ROW_PROOF] = SQL_PROOF_ALL,
        [MESH_ROW_CODE] = SQL_CODE_ALL,
};

static int read_through(struct store *s, enum sql_id id) {
        _sql_ st = sql_get(&s->q, id);
        for (;;) {
                bool row;
                int r = sql_next(&s->q, st, &row);
                if (r || !row)
                        return r;
                sqlite3_column_blob(st, sqlite3_column_count(st) - 1); /* what goes on in pages of its own */
        }
}

int restore_readable(struct store *s) {
        static const enum sql_id ids[] = {SQL_KEY_ALL, SQL_RECORD_COUNT, SQL_CLIP_ALL, SQL_PAPER_ALL};
        int r = 0;
        for (enum mesh_row_kind kind = 0; !r && kind < MESH_ROW_RECORD; kind++)
                r = read_through(s, statement_of[kind]);
        for (size_t i = 0; !r && i < ARRAY_LEN(ids); i++)
                r = read_through(s, ids[i]);
        return r;
}

static int hand_out_slots(struct restore *t, bool *ret_stop) {
        struct slots slots = {.missing = false};
        int r = slots_get(t->s, &slots);
        for (uint8_t klass = 1; !r && !*ret_stop && !slots.missing && klass <= CLASS_ASK; klass++) {
                struct mesh_row row = slots_row(&slots, klass);
                if (row.slots.next)
                        r = load_stopped(t->take(t->ctx, &row), ret_stop);
        }
        return r;
}

static int hand_out_clip(struct restore *t, bool *ret_stop) {
        struct mesh_row row = {.kind = MESH_ROW_CLIP};
        int r = clip_last(t->s, &row);
        if (r == STORE_E_NONE)
                return 0;
        return r ? r : load_stopped(t->take(t->ctx, &row), ret_stop);
}

static int hand_out(struct restore *t, enum mesh_row_kind kind, bool *ret_stop) {
        _sql_ st = sql_get(&t->s->q, statement_of[kind]);
        while (!*ret_stop) {
                struct mesh_row row = {.kind = kind};
                bool more;
                int r = sql_next(&t->s->q, st, &more);
                if (r || !more)
                        return r;
                if (!read_row(st, &row))
                        return STORE_E_DAMAGED;
                r = load_stopped(t->take(t->ctx, &row), ret_stop);
                if (r)
                        return r;
        }
        return 0;
}

int store_restore(struct store *s, mesh_wall now, int (*take)(void *ctx, const struct mesh_row *row), void *ctx) {
        struct restore t = {.s = s, .now = now, .take = take, .ctx = ctx, .row.kind = MESH_ROW_RECORD};
        bool stop = false;
        int r = read_keys(&t);
        for (enum mesh_row_kind kind = 0; !r && !stop && kind < MESH_ROW_RECORD; kind++)
                r = hand_out(&t, kind, &stop);
        if (!r && !stop)
                r = hand_out_records(&t, &stop);
        if (!r && !stop)
                r = hand_out_slots(&t, &stop);
        if (!r && !stop)
                r = hand_out_clip(&t, &stop);
        free(t.keys);
        sqlite3_db_release_memory(s->q.db);
        return r;
}
