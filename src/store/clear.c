/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything goes, in place: the files stay, since a daemon behind its walls may open these and make no others
 * (daemon/walls.c). secure_delete fills the pages with zeros, the checkpoint brings the zeros into the database and cuts
 * the log off, and VACUUM gives the room back. What the tables are the file itself says, so that one that is added later
 * is emptied, too.
 */
#include "store/inside.h"

#include "base/err.h"

#include <stdio.h>

#define TABLES_MAX 64
#define NAME_MAX_BYTES 32

struct tables {
        size_t n;
        char names[TABLES_MAX][NAME_MAX_BYTES];
};

static int find_tables(struct store *s, struct tables *ret) {
        sqlite3_stmt *st = NULL;
        int rc = sqlite3_prepare_v2(s->q.db,
                                    "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite%'", -1,
                                    &st, NULL);
        ret->n = 0;
        while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
                const char *name = (const char *)sqlite3_column_text(st, 0);
                bool fits = name && ret->n < TABLES_MAX && strlen(name) < NAME_MAX_BYTES;
                rc = fits ? SQLITE_OK : SQLITE_CORRUPT;
                if (fits)
                        strcpy(ret->names[ret->n++], name);
        }
        int r = rc == SQLITE_DONE ? 0 : sql_error(s->q.db, rc);
        sqlite3_finalize(st);
        return r;
}

static int empty_tables(struct store *s, void *ctx) {
        struct tables tables;
        int r = find_tables(s, &tables);
        (void)ctx;
        for (size_t i = 0; !r && i < tables.n; i++) {
                char text[NAME_MAX_BYTES + sizeof("DELETE FROM ")];
                snprintf(text, sizeof(text), "DELETE FROM %s", tables.names[i]);
                r = sql_exec(&s->q, text);
        }
        s->erase_due = true;
        return r;
}

int store_clear(const char *dir) {
        struct store *s;
        int r = store_open(&s, dir);
        if (r)
                return r;
        r = store_transaction(s, empty_tables, NULL);
        if (!r)
                r = sql_exec(&s->q, "VACUUM");
        if (!r)
                r = sql_empty_log(&s->q); /* STORE_E_SHARED: somebody reads, and the log still has the old pages */
        store_close(s);
        return r;
}
