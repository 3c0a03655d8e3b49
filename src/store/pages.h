/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database's file as SQLite sees it: every page carries a sum in its last 8 bytes, and what is read is what was written.
 *
 * A layer between SQLite and the file (a VFS of its own over the system's). Writing, it adds the sum; reading, it compares.
 * Where one byte of a page is another than was written, whichever it is, the sum says which and what it was: the page is
 * handed out whole and put right on the disk. A page that is damaged beyond that is read by nobody (STORE_E_DAMAGED). The
 * log has sums of SQLite's own (log.h), and nothing else of a store outlives its process.
 *
 * Files of version 7 and older have no sums and are read as they are, to be copied into one that has. A file that another
 * program has written to, such as SQLite's own shell, has stale sums and is damaged.
 */
#pragma once

#include "base/base.h"

#include <sqlite3.h>

#define PAGES_VFS "porchlight"
#define PAGE_BYTES 4096
#define PAGE_SUM 8 /* bytes at the end of each that SQLite leaves alone */

/* Makes PAGES_VFS known; called before each sqlite3_open_v2() that names it, and first before anything else of SQLite's, as
 * it also sets how that works. An SQLite result. */
int pages_register(void);
/* Tells a writer's connection to leave room for sums in what it creates. */
void pages_reserve(sqlite3 *db);
bool pages_summed(sqlite3 *db); /* false: the open file is one of version 7 or older */
void pages_note_mended(void);
unsigned long pages_mended(void); /* bytes that this process has put right, of all its files */

/* Whether it is a place of the file that was never written; in a database whose log is empty there is none. */
bool page_blank(const uint8_t page[PAGE_BYTES]);
/* Sets the sum of page @number, from 1 on. */
void page_sum(uint8_t page[PAGE_BYTES], uint64_t number);
enum page_state { PAGE_WHOLE, PAGE_MENDED, PAGE_DAMAGED };
/* Compares, and puts the page right if one byte of it has changed. @ret_at: which one; only of PAGE_MENDED. */
enum page_state page_check(uint8_t page[PAGE_BYTES], uint64_t number, size_t *ret_at);
