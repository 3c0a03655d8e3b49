/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SQLite connection with all its statements prepared, and the few calls the rest of the store needs to run them.
 *
 * A statement is taken with sql_get() into a variable that resets it at the end of its scope, so that no read transaction
 * outlives the function that opened it and no checkpoint waits for one. What is bound is borrowed until then. What is read
 * is never trusted: the file may be damaged, so that a blob of the wrong length or a number out of range is
 * STORE_E_DAMAGED and not a crash.
 */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"
#include "store/statements.def"

#include <sqlite3.h>

enum sql_id {
#define SQL_ID(name, who, text) SQL_##name,
        STATEMENTS(SQL_ID)
#undef SQL_ID
                SQL_IDS
};

enum sql_who { SQL_WRITER = 1, SQL_READER = 2, SQL_BOTH = 3 };

struct sql {
        sqlite3 *db;
        sqlite3_stmt *st[SQL_IDS];
};

/* Opens the file at @path, sets what can be set without a transaction, prepares nothing. Any store error. */
int sql_open(struct sql *q, const char *path, enum sql_who who);
int sql_prepare(struct sql *q, enum sql_who who);
/* When this connection is the last to close, the log is emptied and stays, where SQLite would remove it: the daemon may
 * remove no file of its folder by then. */
void sql_keep_log(struct sql *q);
/* Brings the log into the database and cuts it off, durably: SQLite syncs the database but not the empty log, so that a power
 * cut could bring the log back, with all that was erased. STORE_E_SHARED: somebody reads. */
int sql_empty_log(struct sql *q);
void sql_close(struct sql *q);
int sql_exec(struct sql *q, const char *text);                 /* fixed texts at opening only */
int sql_number(struct sql *q, const char *text, int64_t *ret); /* the same, with a result */

sqlite3_stmt *sql_get(struct sql *q, enum sql_id id);
void sql_put(sqlite3_stmt **st);
#define _sql_ _clean_(sql_put) sqlite3_stmt *

/* Runs a statement that gives no rows, to its end. */
int sql_run(struct sql *q, sqlite3_stmt *st);
/* Steps to the next row. */
int sql_next(struct sql *q, sqlite3_stmt *st, bool *ret_row);

void sql_bind_u64(sqlite3_stmt *st, int i, uint64_t v);  /* above INT64_MAX: INT64_MAX */
void sql_bind_bits(sqlite3_stmt *st, int i, uint64_t v); /* all 64 bits, as sql_bits reads them; not for comparing */
void sql_bind_i64(sqlite3_stmt *st, int i, int64_t v);
void sql_bind_span(sqlite3_stmt *st, int i, struct span s); /* an empty span is an empty blob */
void sql_bind_32(sqlite3_stmt *st, int i, const uint8_t b[32]);

uint64_t sql_u64(sqlite3_stmt *st, int i); /* negative: 0 */
uint64_t sql_bits(sqlite3_stmt *st, int i);
struct span sql_span(sqlite3_stmt *st, int i);               /* borrowed until the next step */
bool sql_blob(sqlite3_stmt *st, int i, void *ret, size_t n); /* false: another length */

/* What a SQLite result means for the caller. @rc is not SQLITE_OK, ROW or DONE. */
int sql_error(sqlite3 *db, int rc);
