/* SPDX-License-Identifier: Apache-2.0 */
#include "store/image.h"

#include "base/array.h"
#include "base/err.h"
#include "store/file.h"
#include "store/log.h"
#include "store/sql.h"
#include "store/store.h"

#include <stdlib.h>

#define FRAMES_FIRST 64
#define TRIES 2 /* of a read that fails: it may have been a cable */

/* Where the log has a page. */
struct frame {
        uint32_t number;
        uint64_t at;
};

struct image {
        sqlite3_vfs *vfs;
        sqlite3_file *db, *log; /* NULL: there is none */
        uint32_t pages;
        struct frame *frames; /* by page: where each that was committed stands last */
        size_t n, cap;
};

/* Not as a database: no lock of SQLite's is wanted. */
static int file_open(sqlite3_vfs *vfs, const char *path, sqlite3_file **ret) {
        int exists = 0, rc = vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &exists);
        if (rc || !exists)
                return rc;
        sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
        if (!file)
                return SQLITE_NOMEM;
        rc = vfs->xOpen(vfs, path, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL | SQLITE_OPEN_NOFOLLOW, NULL);
        if (rc)
                free(file);
        else
                *ret = file;
        return rc;
}

static void file_end(sqlite3_file *file) {
        if (file)
                file->pMethods->xClose(file);
        free(file);
}

static int read_at(sqlite3_file *file, void *p, int n, uint64_t at) {
        int rc = SQLITE_IOERR_READ;
        for (int i = 0; i < TRIES && rc == SQLITE_IOERR_READ; i++)
                rc = file->pMethods->xRead(file, p, n, (sqlite3_int64)at);
        return rc;
}

/* ---- the log ---- */

/* Does this frame go on where the one before left off? */
static bool goes_on(const uint8_t header[LOG_HEADER], const uint8_t frame[LOG_FRAME], const uint8_t before[LOG_SUMS]) {
        uint8_t again[LOG_FRAME];
        memcpy(again, frame, LOG_FRAME);
        log_sum(again, before);
        return log_same_salts(header, frame) && memcmp(again, frame, LOG_FRAME_HEAD) == 0;
}

static int note_frame(struct image *m, uint32_t number, uint64_t at) {
        struct frame *frames = array_room(m->frames, m->n, &m->cap, sizeof(*frames), FRAMES_FIRST);
        if (!frames)
                return ERR_NOMEM;
        m->frames = frames;
        m->frames[m->n++] = (struct frame){number, at};
        return 0;
}

static int compare(const void *x, const void *y) {
        const struct frame *a = x, *b = y;
        if (a->number != b->number)
                return a->number < b->number ? -1 : 1;
        return a->at < b->at ? -1 : a->at > b->at;
}

/* A log has a page as often as it was written: the last one counts. */
static void keep_last(struct image *m) {
        size_t n = 0;
        if (m->n)
                qsort(m->frames, m->n, sizeof(*m->frames), compare);
        for (size_t i = 0; i < m->n; i++)
                if (i + 1 == m->n || m->frames[i + 1].number != m->frames[i].number)
                        m->frames[n++] = m->frames[i];
        m->n = n;
}

static int compare_number(const void *key, const void *member) {
        uint32_t number = *(const uint32_t *)key, its = ((const struct frame *)member)->number;
        return number < its ? -1 : number > its;
}

static const struct frame *find_frame(const struct image *m, uint32_t number) {
        return m->n ? bsearch(&number, m->frames, m->n, sizeof(*m->frames), compare_number) : NULL;
}

/* A frame that commits says how many pages the database has by then; what follows the last of these was never committed. */
static int read_log(struct image *m) {
        uint8_t header[LOG_HEADER], frame[LOG_FRAME], before[LOG_SUMS];
        size_t committed = 0;
        int r = 0;
        if (!m->log || read_at(m->log, header, LOG_HEADER, 0))
                return 0;
        memcpy(before, header + log_sums_before(LOG_HEADER), LOG_SUMS);
        for (uint64_t at = LOG_HEADER; !r && !read_at(m->log, frame, LOG_FRAME, at); at += LOG_FRAME) {
                if (!goes_on(header, frame, before))
                        break;
                memcpy(before, frame + (size_t)(log_sums_before((sqlite3_int64)(at + LOG_FRAME)) - (sqlite3_int64)at),
                       LOG_SUMS);
                r = note_frame(m, get_be32(frame), at + LOG_FRAME_HEAD);
                uint32_t size = get_be32(frame + 4);
                if (!r && size) {
                        committed = m->n;
                        m->pages = size;
                }
        }
        m->n = committed;
        keep_last(m);
        return r;
}

/* ---- */

static int open_files(struct image *m, const char *dir) {
        _path_ db = file_path(dir, FILE_DB, "");
        _path_ log = file_path(dir, FILE_DB, "-wal");
        sqlite3_int64 size = 0;
        if (!db || !log)
                return ERR_NOMEM;
        m->vfs = sqlite3_vfs_find(NULL);
        int rc = m->vfs ? file_open(m->vfs, db, &m->db) : SQLITE_ERROR;
        if (!rc)
                rc = file_open(m->vfs, log, &m->log);
        if (!rc && m->db)
                rc = m->db->pMethods->xFileSize(m->db, &size);
        if (rc)
                return sql_error(NULL, rc);
        m->pages = (uint32_t)MIN((uint64_t)size / PAGE_BYTES, UINT32_MAX);
        int r = read_log(m);
        if (r)
                return r;
        return m->db && m->pages ? 0 : STORE_E_DAMAGED;
}

int image_open(struct image **ret, const char *dir) {
        struct image *m = calloc(1, sizeof(*m));
        int r = m ? open_files(m, dir) : ERR_NOMEM;
        if (r)
                image_close(m);
        else
                *ret = m;
        return r;
}

struct image *image_close(struct image *m) {
        if (!m)
                return NULL;
        file_end(m->db);
        file_end(m->log);
        free(m->frames);
        free(m);
        return NULL;
}

uint32_t image_pages(const struct image *m) {
        return m->pages;
}

static bool page_from(sqlite3_file *file, uint64_t at, uint32_t number, uint8_t ret[PAGE_BYTES]) {
        size_t wrong;
        return !read_at(file, ret, PAGE_BYTES, at) && page_check(ret, number, &wrong) != PAGE_DAMAGED &&
               !page_blank(ret);
}

bool image_page(struct image *m, uint32_t number, uint8_t ret[PAGE_BYTES]) {
        if (number < 1 || number > m->pages)
                return false;
        const struct frame *frame = find_frame(m, number);
        if (frame)
                return page_from(m->log, frame->at, number, ret);
        return page_from(m->db, (uint64_t)(number - 1) * PAGE_BYTES, number, ret);
}
