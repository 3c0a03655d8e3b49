/* SPDX-License-Identifier: Apache-2.0 */
#include "store/inside.h"
#include "store/schema.h"

#include "base/err.h"
#include "store/pages.h"

#include <stdlib.h>
#include <unistd.h>

/* What a purge is about to delete; lives in memory. */
static const char doomed_table[] = "CREATE TEMP TABLE doomed (n INTEGER PRIMARY KEY)";

static void store_freep(struct store **s) {
        store_close(*s);
}

/* The files SQLite keeps beside the database get its mode when they are made; these may be old. */
static int tighten(const char *dir, uint64_t *ret_log) {
        static const char *const suffixes[] = {"-shm", "-wal"};
        *ret_log = 0;
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                uint64_t size = 0;
                _path_ path = file_path(dir, FILE_DB, suffixes[i]);
                if (!path)
                        return ERR_NOMEM;
                int r = file_check(path, &size);
                if (r && r != STORE_E_NONE)
                        return r;
                *ret_log = size;
        }
        return 0;
}

int store_begin(struct store *s, const char *path) {
        int r = sql_open(&s->q, path, SQL_WRITER);
        if (!r)
                r = schema_check(&s->q, &schema_current);
        if (!r)
                r = sql_exec(&s->q, doomed_table);
        if (!r)
                r = restore_prepare(&s->q);
        return r ? r : sql_prepare(&s->q, SQL_WRITER);
}

/* What is damaged is told before anything is handed out: from here on it could not be salvaged any more. */
static int look(struct store *s) {
        bool hurt = false;
        int r = scrub_noted(s, &hurt);
        if (!r && hurt)
                r = STORE_E_DAMAGED;
        return r ? r : restore_readable(s);
}

static int open_database(struct store *s) {
        uint64_t log = 0;
        _path_ path = file_path(s->dir, FILE_DB, "");
        if (!path)
                return ERR_NOMEM;
        int r = schema_settle(s->dir, &schema_current);
        if (!r)
                r = tighten(s->dir, &log);
        if (!r)
                r = store_begin(s, path);
        if (!r)
                r = look(s);
        if (r)
                return r;
        /* An erasure that a crash kept from being finished is finished here. A full disk is no reason not to open. Where there
         * is no log, nothing waits for the disk: one that a power cut brings back tells what the database says already. */
        r = log ? sql_empty_log(&s->q) : 0;
        s->erase_due = r != 0;
        if (!r && !scrub_first(s))
                return STORE_E_DAMAGED;
        return r == STORE_E_FULL || r == STORE_E_SHARED ? 0 : r;
}

int store_open(struct store **ret, const char *dir) {
        _clean_(store_freep) struct store *s = calloc(1, sizeof(*s));
        if (!s)
                return ERR_NOMEM;
        s->lock = -1;
        int r = pages_register() ? ERR_NOMEM : file_dir(dir, &s->dir);
        if (!r)
                r = file_lock(s->dir, &s->lock);
        if (!r)
                r = open_database(s);
        if (r)
                return r;
        *ret = TAKE(s);
        return 0;
}

struct store *store_close(struct store *s) {
        if (!s)
                return NULL;
        if (s->q.db)
                sql_keep_log(&s->q);
        sql_close(&s->q);
        if (s->lock >= 0)
                close(s->lock); /* after the database: the next writer may open at once */
        free(s->dir);
        free(s);
        return NULL;
}

static void reader_freep(struct store_reader **r) {
        store_reader_close(*r);
}

int store_reader_open(struct store_reader **ret, const char *dir) {
        _clean_(reader_freep) struct store_reader *reader = calloc(1, sizeof(*reader));
        _path_ real = NULL;
        if (!reader)
                return ERR_NOMEM;
        int r = file_dir(dir, &real);
        if (r)
                return r;
        _path_ path = file_path(real, FILE_DB, "");
        if (!path)
                return ERR_NOMEM;
        r = sql_open(&reader->q, path, SQL_READER);
        if (!r)
                r = schema_check(&reader->q, &schema_current);
        if (!r)
                r = sql_prepare(&reader->q, SQL_READER);
        if (r)
                return r;
        *ret = TAKE(reader);
        return 0;
}

struct store_reader *store_reader_close(struct store_reader *r) {
        if (!r)
                return NULL;
        sql_close(&r->q);
        free(r);
        return NULL;
}

static int run_named(struct store *s, enum sql_id id) {
        _sql_ st = sql_get(&s->q, id);
        return sql_run(&s->q, st);
}

/* What the transaction that has failed gave away is void. */
static void forget_given(struct store *s) {
        memset(s->keys, 0, sizeof(s->keys));
        s->last = 0;
        s->slots_known = s->slots_changed = false;
}

int transact(struct store *s, int (*body)(struct store *s, void *ctx), void *ctx) {
        if (s->broken)
                return STORE_E_IO;
        int r = run_named(s, SQL_BEGIN_WRITE);
        if (!r)
                r = body(s, ctx);
        if (!r)
                r = run_named(s, SQL_COMMIT);
        if (r)
                forget_given(s);
        if (r && !sqlite3_get_autocommit(s->q.db) && run_named(s, SQL_ROLLBACK))
                s->broken = true;
        if (r == STORE_E_IO)
                s->broken = true;
        if (!r && s->erase_due)
                s->erase_due = sql_empty_log(&s->q) != 0; /* a reader or a full disk in the way: at the next occasion */
        return r;
}

int store_transaction(struct store *s, int (*body)(struct store *s, void *ctx), void *ctx) {
        s->astray = (struct astray){0};
        int r = transact(s, body, ctx);
        if (r != STORE_E_DAMAGED)
                return r;
        r = mend_indexes(s);
        if (!r)
                r = transact(s, body, ctx);
        if (r == STORE_E_DAMAGED) {
                s->incurable = true;
                scrub_note(s);
        }
        return r;
}

int store_last_event(struct sql *q, uint64_t *ret_seq) {
        _sql_ st = sql_get(q, SQL_EVENT_LAST);
        bool row;
        int r = sql_next(q, st, &row);
        if (r)
                return r;
        *ret_seq = row ? sql_u64(st, 0) : 0;
        return 0;
}

struct setting {
        const char *name;
        struct span value;
};

static int put_value(struct store *s, void *ctx) {
        const struct setting *set = ctx;
        _sql_ st = sql_get(&s->q, set->value.n ? SQL_VALUE_PUT : SQL_VALUE_DEL);
        sqlite3_bind_text(st, 1, set->name, -1, SQLITE_STATIC);
        if (set->value.n)
                sql_bind_span(st, 2, set->value);
        else
                s->erase_due = true;
        return sql_run(&s->q, st);
}

int store_set(struct store *s, const char *name, struct span value) {
        return store_transaction(s, put_value, &(struct setting){name, value});
}

int store_get(struct store_reader *r, const char *name, struct buf *ret) {
        _sql_ st = sql_get(&r->q, SQL_VALUE_GET);
        sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
        bool row;
        int e = sql_next(&r->q, st, &row);
        if (e)
                return e;
        if (!row)
                return STORE_E_NONE;
        buf_add(ret, sql_span(st, 0));
        return buf_ok(ret) ? 0 : ERR_NOMEM;
}
