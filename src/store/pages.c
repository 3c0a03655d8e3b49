/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pages.h"
#include "store/log.h"

#include <pthread.h>
#include <stdatomic.h>

/* Where page 1 says how many bytes at the end of a page are not SQLite's (fileformat2.html, section 1.3.4). */
#define RESERVED_AT 20
#define CONTROL_SUMMED 1346586700 /* "PCHL"; SQLite's own numbers are below 100 */

/* What SQLite takes for its file, a database or its log; the system's own stands behind it. */
struct paged {
        sqlite3_file base;
        bool may_write;
        bool plain;   /* its pages have no sums */
        bool indexed; /* of a database: it has the log's index, so that locks keep its reads and a checkpoint apart */
        const struct paged *database; /* of a log: whose it is */
        uint8_t head[LOG_FRAME_HEAD]; /* of the frame whose page comes next: they are written together */
        sqlite3_int64 head_at;        /* where it belongs; 0: none waits */
        uint8_t sums[LOG_SUMS];       /* of what was written last, a frame or the log's header */
        sqlite3_int64 sums_until;     /* where that ends, and a frame goes on from them; 0: they are read again */
};

static sqlite3_vfs *under; /* the system's, or a test's */
static sqlite3_vfs over;
static int over_rc;
static atomic_ulong mended;

static struct paged *of(sqlite3_file *f) {
        return (struct paged *)f;
}

static sqlite3_file *below(sqlite3_file *f) {
        return (sqlite3_file *)(of(f) + 1);
}

#define BELOW(f, call, ...) below(f)->pMethods->call(below(f), ##__VA_ARGS__)

/* ---- contents ---- */

/* Page 1 of a file whose sums it does not fit says itself whether it is one of before sums. */
static bool is_plain(const uint8_t page[PAGE_BYTES], uint64_t number) {
        return number == 1 && !page[RESERVED_AT];
}

/*
 * Who opens a database while its log is empty reads page 1 before it knows that there is a log, to learn just that, and reads
 * it again afterwards. By then the writer may have brought a log into the database, and be in the middle of that page: no
 * lock is between them. So what does not fit its sum is no damage yet. The writer itself reads and writes by turns.
 */
static bool may_be_torn(sqlite3_file *f, uint64_t number) {
        return number == 1 && !of(f)->indexed && !of(f)->may_write;
}

/* The page that was read from @at, as it was written. */
static int settle_page(sqlite3_file *f, uint8_t page[PAGE_BYTES], sqlite3_int64 at) {
        uint64_t number = (uint64_t)at / PAGE_BYTES + 1;
        size_t wrong = 0;
        if (of(f)->plain)
                return SQLITE_OK;
        switch (page_check(page, number, &wrong)) {
        case PAGE_WHOLE:
                return SQLITE_OK;
        case PAGE_MENDED:
                if (may_be_torn(f, number))
                        return SQLITE_OK;
                pages_note_mended();
                /* Nobody else writes to the database; where it fails the next who reads the page mends it again. */
                if (of(f)->may_write)
                        BELOW(f, xWrite, page + wrong, 1, at + (sqlite3_int64)wrong);
                return SQLITE_OK;
        case PAGE_DAMAGED:
                break;
        }
        of(f)->plain = is_plain(page, number);
        return of(f)->plain || may_be_torn(f, number) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

static int read_pages(sqlite3_file *f, uint8_t *p, int n, sqlite3_int64 at) {
        int rc = BELOW(f, xRead, p, n, at);
        for (int i = 0; !rc && i < n; i += PAGE_BYTES)
                rc = settle_page(f, p + i, at + i);
        return rc;
}

/* Whole pages are read, by scrub.c some in a row, and by SQLite a few bytes of page 1: these it looks at before it knows
 * that the log has a newer one, and a power cut may have left this one half written. So of a page that is damaged they are
 * handed out as they are. */
static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
        if (n % PAGE_BYTES == 0 && at % PAGE_BYTES == 0)
                return read_pages(f, p, n, at);
        if (of(f)->plain || at + n > PAGE_BYTES)
                return BELOW(f, xRead, p, n, at);
        uint8_t page[PAGE_BYTES];
        if (read_pages(f, page, PAGE_BYTES, 0))
                return BELOW(f, xRead, p, n, at);
        memcpy(p, page + at, (size_t)n);
        return SQLITE_OK;
}

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
        if (of(f)->plain || n != PAGE_BYTES || at % PAGE_BYTES)
                return BELOW(f, xWrite, p, n, at);
        uint8_t page[PAGE_BYTES];
        memcpy(page, p, PAGE_BYTES);
        page_sum(page, (uint64_t)at / PAGE_BYTES + 1);
        return BELOW(f, xWrite, page, n, at);
}

static int on_control(sqlite3_file *f, int what, void *arg) {
        if (what != CONTROL_SUMMED)
                return BELOW(f, xFileControl, what, arg);
        *(bool *)arg = !of(f)->plain;
        return SQLITE_OK;
}

/* ---- the log ---- */

/* What was written at the log's end, if it was: a frame, the head of one, or the log's header. */
static int written(sqlite3_file *f, int rc, const uint8_t sums[LOG_SUMS], sqlite3_int64 until) {
        memcpy(of(f)->sums, sums, LOG_SUMS);
        of(f)->sums_until = rc ? 0 : until;
        return rc;
}

static int sums_before(sqlite3_file *f, uint8_t ret[LOG_SUMS], sqlite3_int64 at) {
        if (of(f)->sums_until != at)
                return BELOW(f, xRead, ret, LOG_SUMS, log_sums_before(at));
        memcpy(ret, of(f)->sums, LOG_SUMS);
        return SQLITE_OK;
}

/* The page gets its sum, too, and the frame, which stands at @at, with it new sums of the log's own. */
static int write_frame(sqlite3_file *f, const uint8_t *page, sqlite3_int64 at) {
        uint8_t frame[LOG_FRAME], before[LOG_SUMS];
        int rc = sums_before(f, before, at);
        if (rc)
                return rc;
        memcpy(frame, of(f)->head, LOG_FRAME_HEAD);
        memcpy(frame + LOG_FRAME_HEAD, page, PAGE_BYTES);
        page_sum(frame + LOG_FRAME_HEAD, get_be32(frame));
        log_sum(frame, before);
        rc = BELOW(f, xWrite, frame, LOG_FRAME, at);
        return written(f, rc, frame + LOG_FRAME_SUMS, at + LOG_FRAME);
}

/* A head that no page has followed: where SQLite makes the sums anew of what is there it writes heads alone. */
static int settle_head(sqlite3_file *f) {
        sqlite3_int64 at = of(f)->head_at;
        of(f)->head_at = 0;
        if (!at)
                return SQLITE_OK;
        int rc = BELOW(f, xWrite, of(f)->head, LOG_FRAME_HEAD, at);
        return written(f, rc, of(f)->head + LOG_FRAME_SUMS, at + LOG_FRAME);
}

/* SQLite writes the head of a frame, then its page. */
static int on_log_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
        sqlite3_int64 head_at = of(f)->head_at;
        if (head_at && n == PAGE_BYTES && at == head_at + LOG_FRAME_HEAD) {
                of(f)->head_at = 0;
                return write_frame(f, p, head_at);
        }
        int rc = settle_head(f);
        if (rc || of(f)->database->plain)
                return rc ? rc : BELOW(f, xWrite, p, n, at);
        if (n == LOG_HEADER && at == 0)
                return written(f, BELOW(f, xWrite, p, n, at), (const uint8_t *)p + LOG_HEADER_SUMS, LOG_HEADER);
        if (n != LOG_FRAME_HEAD || (at - LOG_HEADER) % LOG_FRAME)
                return BELOW(f, xWrite, p, n, at);
        memcpy(of(f)->head, p, LOG_FRAME_HEAD);
        of(f)->head_at = at;
        return SQLITE_OK;
}

static int on_log_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
        int rc = settle_head(f);
        return rc ? rc : BELOW(f, xRead, p, n, at);
}

static int on_log_truncate(sqlite3_file *f, sqlite3_int64 size) {
        int rc = settle_head(f);
        of(f)->sums_until = 0;
        return rc ? rc : BELOW(f, xTruncate, size);
}

static int on_log_sync(sqlite3_file *f, int flags) {
        int rc = settle_head(f);
        return rc ? rc : BELOW(f, xSync, flags);
}

static int on_log_size(sqlite3_file *f, sqlite3_int64 *ret) {
        int rc = settle_head(f);
        return rc ? rc : BELOW(f, xFileSize, ret);
}

static int on_log_close(sqlite3_file *f) {
        int rc = settle_head(f), closed = BELOW(f, xClose);
        return rc ? rc : closed;
}

static int on_log_control(sqlite3_file *f, int what, void *arg) {
        return BELOW(f, xFileControl, what, arg);
}

/* ---- what is passed on ---- */
static int on_close(sqlite3_file *f) {
        return BELOW(f, xClose);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size) {
        return BELOW(f, xTruncate, size);
}

static int on_sync(sqlite3_file *f, int flags) {
        return BELOW(f, xSync, flags);
}

static int on_size(sqlite3_file *f, sqlite3_int64 *ret) {
        return BELOW(f, xFileSize, ret);
}

static int on_lock(sqlite3_file *f, int level) {
        return BELOW(f, xLock, level);
}

static int on_unlock(sqlite3_file *f, int level) {
        return BELOW(f, xUnlock, level);
}

static int on_check_lock(sqlite3_file *f, int *ret) {
        return BELOW(f, xCheckReservedLock, ret);
}

static int on_sector(sqlite3_file *f) {
        return BELOW(f, xSectorSize);
}

static int on_traits(sqlite3_file *f) {
        return BELOW(f, xDeviceCharacteristics);
}

static int on_map(sqlite3_file *f, int region, int size, int extend, void volatile **ret) {
        of(f)->indexed = true;
        return BELOW(f, xShmMap, region, size, extend, ret);
}

static int on_map_lock(sqlite3_file *f, int first, int n, int flags) {
        return BELOW(f, xShmLock, first, n, flags);
}

static void on_barrier(sqlite3_file *f) {
        BELOW(f, xShmBarrier);
}

static int on_unmap(sqlite3_file *f, int delete) {
        of(f)->indexed = false;
        return BELOW(f, xShmUnmap, delete);
}

#define PASSED_ON                                                                                                      \
        .xLock = on_lock, .xUnlock = on_unlock, .xCheckReservedLock = on_check_lock, .xSectorSize = on_sector,         \
        .xDeviceCharacteristics = on_traits

/* Version 2: pages are read, and never mapped. */
static const sqlite3_io_methods database_methods = {
        .iVersion = 2,
        PASSED_ON,
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_size,
        .xFileControl = on_control,
        .xShmMap = on_map,
        .xShmLock = on_map_lock,
        .xShmBarrier = on_barrier,
        .xShmUnmap = on_unmap,
};

static const sqlite3_io_methods log_methods = {
        .iVersion = 1,
        PASSED_ON,
        .xClose = on_log_close,
        .xRead = on_log_read,
        .xWrite = on_log_write,
        .xTruncate = on_log_truncate,
        .xSync = on_log_sync,
        .xFileSize = on_log_size,
        .xFileControl = on_log_control,
};

/* ---- names ---- */

/* Journals and what is temporary is the system's file and nothing else. */
static int on_open(_unused_ sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags) {
        int got = flags;
        if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
                return under->xOpen(under, path, f, flags, ret_flags);
        f->pMethods = NULL;
        below(f)->pMethods = NULL;
        int rc = under->xOpen(under, path, below(f), flags, &got);
        bool log = flags & SQLITE_OPEN_WAL;
        if (below(f)->pMethods) /* then SQLite closes it, whatever xOpen says */
                *of(f) = (struct paged){.base.pMethods = log ? &log_methods : &database_methods,
                                        .may_write = got & SQLITE_OPEN_READWRITE,
                                        .database = log ? of(sqlite3_database_file_object(path)) : NULL};
        if (ret_flags)
                *ret_flags = got;
        return rc;
}

/* SQLite counts its memory under a lock at each piece it takes or gives back, and nobody asks how much it is. */
static void register_once(void) {
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        under = sqlite3_vfs_find(NULL);
        over_rc = SQLITE_ERROR;
        if (!under)
                return;
        over = *under; /* whose other functions look at nothing of their own in it */
        over.pNext = NULL;
        over.zName = PAGES_VFS;
        over.szOsFile = (int)sizeof(struct paged) + under->szOsFile;
        over.xOpen = on_open;
        over_rc = sqlite3_vfs_register(&over, 0);
}

int pages_register(void) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, register_once);
        return over_rc;
}

void pages_reserve(sqlite3 *db) {
        int n = PAGE_SUM;
        sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &n);
}

bool pages_summed(sqlite3 *db) {
        bool summed = false;
        return sqlite3_file_control(db, "main", CONTROL_SUMMED, &summed) == SQLITE_OK && summed;
}

void pages_note_mended(void) {
        mended++;
}

unsigned long pages_mended(void) {
        return mended;
}
