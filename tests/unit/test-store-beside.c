/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads beside the writer. SQLite keeps the two apart by locks, but for one read: who opens a database whose log is
 * empty looks at page 1 before it knows that there is a log. Here the disk lets the writer fill a log and bring it into the
 * database just then, and gives page 1 back as it is in the middle of being written.
 */
#include "cases.h"
#include "store-check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define HALF (PAGE_BYTES / 2)
#define LONG_VALUE (3 * PAGE_BYTES) /* pages that are taken, and given back: page 1 counts both */
#define COMMITS 60
#define READERS 2
#define ASKED_AT_ONCE 8

static struct {
        sqlite3_vfs *under, vfs;
        const sqlite3_io_methods *theirs;
        sqlite3_io_methods methods;
        void (*when_empty)(void); /* done once, where somebody has been told that there is nothing in the log */
        bool hold;                /* the second half of page 1, when it is written next, waits … */
        sqlite3_file *held;       /* … as it does here, until somebody has read the page */
        uint8_t late[HALF];
        unsigned torn; /* reads of a page half of which waited */
} disk;

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
        if (n != PAGE_BYTES || at)
                return disk.theirs->xWrite(f, p, n, at);
        int rc = disk.theirs->xWrite(f, p, HALF, 0);
        if (rc || !disk.hold) {
                sched_yield();
                return rc ? rc : disk.theirs->xWrite(f, (const uint8_t *)p + HALF, HALF, HALF);
        }
        disk.hold = false;
        disk.held = f;
        memcpy(disk.late, (const uint8_t *)p + HALF, HALF);
        return SQLITE_OK;
}

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
        int rc = disk.theirs->xRead(f, p, n, at);
        if (rc || !disk.held || n != PAGE_BYTES || at)
                return rc;
        disk.torn++;
        return disk.theirs->xWrite(TAKE(disk.held), disk.late, HALF, HALF);
}

/* The first is the writer's, and nobody else is there yet. */
static int on_open(_unused_ sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags) {
        int rc = disk.under->xOpen(disk.under, path, f, flags, ret_flags);
        if (rc || !(flags & SQLITE_OPEN_MAIN_DB))
                return rc;
        if (!disk.theirs) {
                disk.theirs = f->pMethods;
                disk.methods = *disk.theirs;
                disk.methods.xRead = on_read;
                disk.methods.xWrite = on_write;
        }
        f->pMethods = &disk.methods;
        return SQLITE_OK;
}

static int on_access(_unused_ sqlite3_vfs *vfs, const char *path, int flags, int *ret) {
        int rc = disk.under->xAccess(disk.under, path, flags, ret);
        const char *end = strrchr(path, '-');
        if (!rc && !*ret && disk.when_empty && end && strcmp(end, "-wal") == 0)
                TAKE(disk.when_empty)();
        return rc;
}

/* Before the store looks for the system's own. */
static int make_disk(_unused_ void **state) {
        disk.under = sqlite3_vfs_find(NULL);
        assert_non_null(disk.under);
        disk.vfs = *disk.under;
        disk.vfs.zName = "halves";
        disk.vfs.pNext = NULL;
        disk.vfs.xOpen = on_open;
        disk.vfs.xAccess = on_access;
        return sqlite3_vfs_register(&disk.vfs, 1);
}

/* ---- one after the other ---- */

static struct store *writer;

/* A value comes and goes, and with it the log. */
static int come_and_go(void) {
        static const uint8_t value[LONG_VALUE];
        int r = store_set(writer, "long", SPAN_OF(value));
        return r ? r : store_set(writer, "long", SPAN_NONE);
}

static void come_and_go_by_halves(void) {
        disk.hold = true;
        assert_int_equal(come_and_go(), 0);
}

static void page_in_the_middle_is_no_damage(_unused_ void **state) {
        unsigned long flips = store_flips();
        unsigned torn = disk.torn;
        writer = opened();
        struct hash id = put_alert(writer, 1, 1, "beside");
        assert_int_equal(come_and_go(), 0);
        disk.when_empty = come_and_go_by_halves;
        struct store_reader *r = reading();
        assert_int_equal(disk.torn, torn + 1);
        assert_int_equal(alert_of(r, id).state, STATE_ACTIVE);
        assert_int_equal(store_flips(), flips);
        store_reader_close(r);
        store_close(writer);
}

/* The bytes from the 3,000th of page 1, so many of them, become others. */
static void spoil(size_t n) {
        uint8_t bytes[8];
        int fd = open(in_dir("porchlight.db"), O_RDWR);
        assert_true(fd >= 0 && n <= sizeof(bytes));
        assert_int_equal(pread(fd, bytes, n, 3000), n);
        for (size_t i = 0; i < n; i++)
                bytes[i] ^= 0x5a;
        assert_int_equal(pwrite(fd, bytes, n, 3000), n);
        close(fd);
}

static void damaged_page_still_is(_unused_ void **state) {
        unsigned long flips = store_flips();
        struct store_reader *r = NULL;
        writer = opened();
        struct hash id = put_alert(writer, 1, 1, "beside");
        assert_int_equal(come_and_go(), 0);
        spoil(1);
        r = reading();
        assert_int_equal(alert_of(r, id).state, STATE_ACTIVE);
        assert_true(store_flips() > flips);
        store_reader_close(r);
        spoil(1);
        spoil(2);
        assert_int_equal(store_reader_open(&r, dir), STORE_E_DAMAGED);
        store_close(writer);
}

/* ---- at the same time ---- */

static atomic_bool over;
static atomic_uint commits;

/* What is asked without end keeps the log from being emptied. */
static void await_commit(unsigned *n_asked) {
        unsigned before = commits;
        if (++*n_asked % ASKED_AT_ONCE)
                return;
        while (!over && commits == before)
                sched_yield();
}

static int ask(struct store_reader *r) {
        struct store_force force;
        struct hash id;
        int e = store_in_force(r, ROWS_NOW, &force);
        if (!e)
                e = store_alert_prefix(r, SPAN_STR("0000"), &id);
        return e == STORE_E_NONE || e == STORE_E_MANY || e == STORE_E_SHARED ? 0 : e;
}

/* Over one connection, or each time over a new one. */
static void *read_on(void *fresh) {
        struct store_reader *r = NULL;
        unsigned n_asked = 0;
        int e = 0;
        while (!e && !over) {
                if (!r)
                        e = store_reader_open(&r, dir);
                if (!e)
                        e = ask(r);
                if (fresh)
                        r = store_reader_close(r);
                e = e == STORE_E_SHARED ? 0 : e;
                await_commit(&n_asked);
        }
        store_reader_close(r);
        return (void *)(intptr_t)e;
}

static void nobody_sees_damage(_unused_ void **state) {
        unsigned long flips = store_flips();
        pthread_t threads[2 * READERS];
        unsigned alerts = cases(COMMITS);
        writer = opened();
        over = false;
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, read_on, i % 2 ? &over : NULL), 0);
        for (unsigned i = 0; i < alerts; i++) {
                put_alert(writer, i, 1, "beside");
                assert_int_equal(i % 4 ? 0 : come_and_go(), 0);
                commits++;
        }
        over = true;
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                void *e;
                assert_int_equal(pthread_join(threads[i], &e), 0);
                assert_int_equal((intptr_t)e, 0);
        }
        assert_int_equal(store_flips(), flips);
        store_close(writer);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(page_in_the_middle_is_no_damage),
                TEST(damaged_page_still_is),
                TEST(nobody_sees_damage),
        };
        return cmocka_run_group_tests(tests, make_disk, NULL);
}
