/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time passes. Alerts whose time is over say so once. What is older than retention goes, text and all: texts and bodies are
 * overwritten in place at once; their rows are deleted when they have become the oldest (see schema.c for why).
 */
#include "store/inside.h"

#define PURGE_AT_ONCE 512  /* records a transaction: what the log must hold, and others must wait for */
#define EXPIRE_AT_ONCE 256 /* alerts a transaction */
/* Bytes of overwritten rows that stay before the oldest one in use: a page that has become too empty gets rows of the next
 * two, and where those were in use SQLite may leave a copy of them in a gap. */
#define TRIM_LEAVES (5 * 4096)

struct due {
        uint64_t n[EXPIRE_AT_ONCE];
        size_t count;
};

static int find_due(struct store *s, struct due *due) {
        _sql_ st = sql_get(&s->q, SQL_ALERT_DUE);
        sql_bind_u64(st, 1, s->now);
        sql_bind_u64(st, 2, EXPIRE_AT_ONCE);
        for (due->count = 0; due->count < EXPIRE_AT_ONCE; due->count++) {
                bool row;
                int r = sql_next(&s->q, st, &row);
                if (r || !row)
                        return r;
                due->n[due->count] = sql_u64(st, 0);
        }
        return 0;
}

static int expire(struct store *s, uint64_t n) {
        _sql_ st = sql_get(&s->q, SQL_ALERT_STATE);
        sql_bind_u64(st, 1, n);
        sql_bind_u64(st, 2, STATE_EXPIRED);
        int r = sql_run(&s->q, st);
        if (r)
                return r;
        /* An index entry that its row denies would be due for ever. */
        return sqlite3_changes64(s->q.db) == 1 ? alert_event(s, n, HAPPENING_EXPIRED) : STORE_E_DAMAGED;
}

static int expire_some(struct store *s, void *ctx) {
        struct due *due = ctx;
        int r = find_due(s, due);
        for (size_t i = 0; !r && i < due->count; i++)
                r = expire(s, due->n[i]);
        return r;
}

struct purge {
        mesh_wall before;
        uint64_t n;
};

static int doom(struct store *s, struct purge *p) {
        _sql_ st = sql_get(&s->q, SQL_DOOM);
        sql_bind_u64(st, 1, p->before);
        sql_bind_u64(st, 2, PURGE_AT_ONCE);
        int r = sql_run(&s->q, st);
        p->n = r ? 0 : (uint64_t)sqlite3_changes64(s->q.db);
        return r;
}

static int trim(struct store *s) {
        _sql_ oldest = sql_get(&s->q, SQL_OLDEST);
        bool row;
        int r = sql_next(&s->q, oldest, &row);
        if (r)
                return r;
        bool none = !row || sqlite3_column_type(oldest, 0) == SQLITE_NULL;
        uint64_t n = none ? INT64_MAX : sql_u64(oldest, 0);
        static const enum sql_id ids[] = {SQL_WORDS_TRIM, SQL_BODY_TRIM};
        for (size_t i = 0; !r && i < ARRAY_LEN(ids); i++) {
                _sql_ st = sql_get(&s->q, ids[i]);
                sql_bind_u64(st, 1, n);
                sql_bind_u64(st, 2, none ? 0 : TRIM_LEAVES);
                r = sql_run(&s->q, st);
        }
        return r;
}

static int purge_some(struct store *s, void *ctx) {
        struct purge *p = ctx;
        int r = doom(s, p);
        if (r || !p->n)
                return r;
        static const enum sql_id ids[] = {SQL_DOOM_WORDS,  SQL_DOOM_BODY,       SQL_DOOM_EVENT, SQL_DOOM_ALERT,
                                          SQL_DOOM_FOLLOW, SQL_DOOM_RETRACTION, SQL_DOOM_ASK,   SQL_DOOM_NOTICE,
                                          SQL_DOOM_RECORD, SQL_DOOM_DONE};
        for (size_t i = 0; !r && i < ARRAY_LEN(ids); i++) {
                _sql_ st = sql_get(&s->q, ids[i]);
                r = sql_run(&s->q, st);
                bool gone = ids[i] != SQL_DOOM_RECORD || (uint64_t)sqlite3_changes64(s->q.db) == p->n;
                if (!r && !gone)
                        return STORE_E_DAMAGED; /* else it would be purged for ever */
        }
        s->erase_due = true;
        return r ? r : trim(s);
}

/* They come again from nobody, where nobody else has heard of them. */
static int forget(struct store *s, void *ctx) {
        static const enum sql_id ids[] = {SQL_REVOKE_DEL, SQL_PROOF_DEL, SQL_NAMED_OLD};
        const mesh_wall *before = ctx;
        int r = 0;
        for (size_t i = 0; !r && i < ARRAY_LEN(ids); i++) {
                _sql_ st = sql_get(&s->q, ids[i]);
                sql_bind_u64(st, 1, *before);
                r = sql_run(&s->q, st);
        }
        return r;
}

/* One transaction of whatever is due, so that what people post meanwhile waits for no more than that. */
int store_tick(struct store *s, mesh_wall now, mesh_wall purge_before, uint64_t *ret_seq) {
        s->now = now;
        struct due due = {.count = 0};
        struct purge p = {purge_before, 0};
        int r = store_transaction(s, expire_some, &due);
        bool more = due.count == EXPIRE_AT_ONCE;
        if (!r && !more) {
                r = store_transaction(s, purge_some, &p);
                more = p.n == PURGE_AT_ONCE;
        }
        if (!r && !more)
                r = store_transaction(s, forget, &purge_before);
        if (!r)
                r = store_last_event(&s->q, ret_seq);
        if (r)
                return r;
        if (!more)
                scrub_some(s);
        sqlite3_db_release_memory(s->q.db); /* what a burst has filled the cache with */
        return more ? STORE_E_MORE : 0;
}
