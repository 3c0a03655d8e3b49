/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that wears out does so where nobody looks, too. With each tick some pages are read, one after the other and then
 * from the beginning again, so that what can still be put right is (pages.h), and what cannot is known while neighbours have
 * what it held: at a start it is salvaged at once (salvage.c); later it is noted in the store, and salvaged by the next start,
 * since behind its walls the daemon can make no new file.
 */
#include "store/inside.h"
#include "store/pages.h"

#define PAGES_AT_ONCE 256 /* a megabyte a minute */
#define PAGES_READ 8      /* by one call, which is most of what a page costs */
#define TRIES 2           /* of a read that fails: it may have been a cable */
#define PAGES_FIRST 2048  /* at a start, where that is all: what most homes have */

static int put_hurt(struct store *s, _unused_ void *ctx) {
        static const uint8_t yes[] = {1};
        _sql_ st = sql_get(&s->q, SQL_VALUE_PUT);
        sqlite3_bind_text(st, 1, HURT_NAME, -1, SQLITE_STATIC);
        sql_bind_span(st, 2, SPAN_OF(yes));
        return sql_run(&s->q, st);
}

void scrub_note(struct store *s) {
        if (s->hurt)
                return;
        s->hurt = true;
        transact(s, put_hurt, NULL); /* where that fails, the page that it would stand in is seen by the next start */
}

int scrub_noted(struct store *s, bool *ret) {
        _sql_ st = sql_get(&s->q, SQL_VALUE_GET);
        sqlite3_bind_text(st, 1, HURT_NAME, -1, SQLITE_STATIC);
        return sql_next(&s->q, st, ret);
}

bool store_hurt(const struct store *s) {
        return s->hurt;
}

static bool are_readable(sqlite3_file *file, uint64_t first, uint64_t n) {
        uint8_t bytes[PAGES_READ * PAGE_BYTES];
        if (file->pMethods->xRead(file, bytes, (int)(n * PAGE_BYTES), (sqlite3_int64)(first * PAGE_BYTES)))
                return false;
        for (uint64_t i = 0; i < n; i++)
                if (page_blank(bytes + i * PAGE_BYTES))
                        return false;
        return true;
}

static bool is_readable(sqlite3_file *file, uint64_t page) {
        for (int tries = 0; tries < TRIES; tries++)
                if (are_readable(file, page, 1))
                        return true;
        return false;
}

/* Of one that the log has anew nobody reads what stands here. True: it is damaged, and no log has it. */
static bool is_lost(struct store *s, sqlite3_file *file, uint64_t page) {
        return !is_readable(file, page) && sql_empty_log(&s->q) == 0 && !is_readable(file, page);
}

static bool is_any_lost(struct store *s, sqlite3_file *file, uint64_t first, uint64_t n) {
        bool lost = false;
        if (are_readable(file, first, n))
                return false;
        for (uint64_t i = 0; !lost && i < n; i++)
                lost = is_lost(s, file, first + i);
        return lost;
}

/* How many pages there are; 0: nobody can say. */
static uint64_t find_pages(struct store *s, sqlite3_file **ret) {
        sqlite3_file *file = NULL;
        sqlite3_int64 size = 0;
        if (sqlite3_file_control(s->q.db, NULL, SQLITE_FCNTL_FILE_POINTER, &file) || !file || !file->pMethods ||
            file->pMethods->xFileSize(file, &size))
                return 0;
        *ret = file;
        return (uint64_t)size / PAGE_BYTES;
}

/* Looks at @most pages from where it ended. False: one of them is lost. */
static bool scrub(struct store *s, uint64_t most) {
        sqlite3_file *file = NULL;
        uint64_t pages = find_pages(s, &file);
        for (uint64_t left = MIN(pages, most), n; left; left -= n) {
                s->scrubbed = s->scrubbed < pages ? s->scrubbed : 0;
                n = MIN(MIN(left, pages - s->scrubbed), (uint64_t)PAGES_READ);
                if (is_any_lost(s, file, s->scrubbed, n))
                        return false;
                s->scrubbed += n;
        }
        return true;
}

/* Of a larger one some pages say nothing of the others, and whoever started waits: a start reads what it needs itself
 * (restore_readable), and the ticks begin with the first page. */
bool scrub_first(struct store *s) {
        sqlite3_file *file;
        return find_pages(s, &file) > PAGES_FIRST || scrub(s, PAGES_FIRST);
}

void scrub_some(struct store *s) {
        if (!s->hurt && !s->broken && !scrub(s, PAGES_AT_ONCE))
                scrub_note(s);
}
