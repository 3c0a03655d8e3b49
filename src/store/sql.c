/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql.h"

#include "base/err.h"
#include "base/file.h"
#include "store/pages.h"
#include "store/store.h"

#include <errno.h>

/* Twenty of the largest rows there are; nothing the store keeps comes near. */
#define SQL_LENGTH_MAX (256 * 1024)
#define SQL_TEXT_MAX 16384
#define SQL_COLUMNS_MAX 64
#define SQL_DEPTH_MAX 32
#define SQL_COMPOUND_MAX 2
#define SQL_VDBE_MAX 5000
#define SQL_FUNCTION_ARGS_MAX 8
#define SQL_ATTACHED_MAX 1 /* VACUUM INTO attaches its target */
#define SQL_PATTERN_MAX 50
#define SQL_VARIABLES_MAX 32

/* A writer waits this long for a reader to leave the log before a truncating checkpoint; a reader for a recovery. */
#define SQL_BUSY_MS 1000

static const struct {
        const char *text;
        enum sql_who who;
} statements[] = {
#define SQL_ROW(name, who, text) {text, SQL_##who},
        STATEMENTS(SQL_ROW)
#undef SQL_ROW
};

/* Lowered limits: a damaged or forged schema can't make SQLite build what no statement of ours needs. */
static void set_limits(sqlite3 *db) {
        static const struct {
                int id, value;
        } limits[] = {
                {SQLITE_LIMIT_LENGTH, SQL_LENGTH_MAX},
                {SQLITE_LIMIT_SQL_LENGTH, SQL_TEXT_MAX},
                {SQLITE_LIMIT_COLUMN, SQL_COLUMNS_MAX},
                {SQLITE_LIMIT_EXPR_DEPTH, SQL_DEPTH_MAX},
                {SQLITE_LIMIT_COMPOUND_SELECT, SQL_COMPOUND_MAX},
                {SQLITE_LIMIT_VDBE_OP, SQL_VDBE_MAX},
                {SQLITE_LIMIT_FUNCTION_ARG, SQL_FUNCTION_ARGS_MAX},
                {SQLITE_LIMIT_ATTACHED, SQL_ATTACHED_MAX},
                {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, SQL_PATTERN_MAX},
                {SQLITE_LIMIT_VARIABLE_NUMBER, SQL_VARIABLES_MAX},
                {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                {SQLITE_LIMIT_WORKER_THREADS, 0},
        };
        for (size_t i = 0; i < ARRAY_LEN(limits); i++)
                sqlite3_limit(db, limits[i].id, limits[i].value);
}

/* None of these touches the file. The writer's synchronous=FULL: what is acknowledged survives a power cut. */
static const char settings[] =
        "PRAGMA page_size=4096; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
        "PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY; PRAGMA synchronous=FULL;"
        "PRAGMA secure_delete=ON; PRAGMA foreign_keys=OFF; PRAGMA journal_size_limit=4194304";

/* Ids are random, so that a batch touches many pages of their index. The writer gives the memory back when it is idle. */
static const char writer_settings[] = "PRAGMA cache_size=-2048";

int sql_open(struct sql *q, const char *path, enum sql_who who) {
        int flags = who == SQL_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
        flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
        int rc = pages_register();
        if (!rc)
                rc = sqlite3_open_v2(path, &q->db, flags, PAGES_VFS);
        if (rc)
                return sql_error(q->db, rc);

        set_limits(q->db);
        sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(q->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
        sqlite3_busy_timeout(q->db, SQL_BUSY_MS);
        /* One connection checkpoints, ever: Debian 12's SQLite has the WAL-reset bug with two. */
        if (who == SQL_READER) {
                sqlite3_db_config(q->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                sqlite3_wal_autocheckpoint(q->db, 0);
        }
        int r = sql_exec(q, settings);
        if (r || who == SQL_READER)
                return r;
        pages_reserve(q->db); /* after page_size, which takes it back */
        return sql_exec(q, writer_settings);
}

int sql_prepare(struct sql *q, enum sql_who who) {
        for (size_t i = 0; i < SQL_IDS; i++) {
                if (!(statements[i].who & who))
                        continue;
                int rc = sqlite3_prepare_v3(q->db, statements[i].text, -1, SQLITE_PREPARE_PERSISTENT, &q->st[i], NULL);
                if (rc)
                        return sql_error(q->db, rc);
        }
        return 0;
}

void sql_keep_log(struct sql *q) {
        int on = 1;
        sqlite3_file_control(q->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &on);
        sql_exec(q,
                 "PRAGMA journal_size_limit=0"); /* where it fails the log stays as long as it is, and is read again */
}

int sql_empty_log(struct sql *q) {
        int rc = sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        sqlite3_file *log = NULL;
        if (!rc)
                rc = sqlite3_file_control(q->db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log);
        if (!rc && log && log->pMethods)
                rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
        return rc ? sql_error(q->db, rc) : 0;
}

void sql_close(struct sql *q) {
        for (size_t i = 0; i < SQL_IDS; i++)
                sqlite3_finalize(q->st[i]);
        sqlite3_close(q->db);
        *q = (struct sql){0};
}

int sql_exec(struct sql *q, const char *text) {
        int rc = sqlite3_exec(q->db, text, NULL, NULL, NULL);
        return rc ? sql_error(q->db, rc) : 0;
}

int sql_number(struct sql *q, const char *text, int64_t *ret) {
        sqlite3_stmt *st = NULL;
        int rc = sqlite3_prepare_v2(q->db, text, -1, &st, NULL);
        if (!rc)
                rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
                *ret = sqlite3_column_int64(st, 0);
        int r = rc == SQLITE_ROW ? 0 : sql_error(q->db, rc);
        sqlite3_finalize(st);
        return r;
}

sqlite3_stmt *sql_get(struct sql *q, enum sql_id id) {
        return q->st[id];
}

void sql_put(sqlite3_stmt **st) {
        sqlite3_reset(*st);
}

int sql_run(struct sql *q, sqlite3_stmt *st) {
        int rc = sqlite3_step(st);
        if (rc == SQLITE_DONE)
                return 0;
        return sql_error(q->db, rc);
}

int sql_next(struct sql *q, sqlite3_stmt *st, bool *ret_row) {
        int rc = sqlite3_step(st);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
                return sql_error(q->db, rc);
        *ret_row = rc == SQLITE_ROW;
        return 0;
}

void sql_bind_u64(sqlite3_stmt *st, int i, uint64_t v) {
        sqlite3_bind_int64(st, i, (int64_t)MIN(v, (uint64_t)INT64_MAX));
}

void sql_bind_bits(sqlite3_stmt *st, int i, uint64_t v) {
        sqlite3_bind_int64(st, i, (int64_t)v);
}

void sql_bind_i64(sqlite3_stmt *st, int i, int64_t v) {
        sqlite3_bind_int64(st, i, v);
}

void sql_bind_span(sqlite3_stmt *st, int i, struct span s) {
        sqlite3_bind_blob64(st, i, s.n ? (const void *)s.p : "", s.n, SQLITE_STATIC);
}

void sql_bind_32(sqlite3_stmt *st, int i, const uint8_t b[32]) {
        sqlite3_bind_blob(st, i, b, 32, SQLITE_STATIC);
}

uint64_t sql_u64(sqlite3_stmt *st, int i) {
        return (uint64_t)MAX(sqlite3_column_int64(st, i), 0);
}

uint64_t sql_bits(sqlite3_stmt *st, int i) {
        return (uint64_t)sqlite3_column_int64(st, i);
}

struct span sql_span(sqlite3_stmt *st, int i) {
        const void *p = sqlite3_column_blob(st, i);
        return p ? span_of(p, (size_t)sqlite3_column_bytes(st, i)) : SPAN_NONE;
}

bool sql_blob(sqlite3_stmt *st, int i, void *ret, size_t n) {
        struct span s = sql_span(st, i);
        if (s.n != n)
                return false;
        memcpy(ret, s.p, n);
        return true;
}

static bool out_of_space(sqlite3 *db) {
        int e = db ? sqlite3_system_errno(db) : 0;
        return file_full(e);
}

int sql_error(sqlite3 *db, int rc) {
        switch (rc & 0xff) {
        case SQLITE_NOMEM:
                return ERR_NOMEM;
        case SQLITE_MISUSE:
                return ERR_BROKEN;
        case SQLITE_FULL:
                return STORE_E_FULL;
        case SQLITE_IOERR:
                if (rc == SQLITE_IOERR_NOMEM)
                        return ERR_NOMEM;
                if (rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_DATA)
                        return STORE_E_DAMAGED;
                return out_of_space(db) ? STORE_E_FULL : STORE_E_IO;
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_AUTH:
                return out_of_space(db) ? STORE_E_FULL : STORE_E_ACCESS;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL: /* others changed the log each time that it looked, for ten seconds */
                return STORE_E_SHARED;
        default: /* not an enumeration: whatever else SQLite finds wrong is wrong in the file */
                return STORE_E_DAMAGED;
        }
}
