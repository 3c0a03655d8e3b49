/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/vfs.h"

#include "disk/calls.h"
#include "disk/platter.h"
#include "disk/rng.h"

#include <sqlite3.h>
#include <stdlib.h>

#define VFS_SECTOR 4096 /* as SQLite's own says of every disk */

enum sabotage sabotage;
static const char *const sabotage_names[SABOTAGES] = {
        [SABOTAGE_NONE] = "none",         [SABOTAGE_NO_SYNC] = "no-sync",     [SABOTAGE_EARLY_ACK] = "early-ack",
        [SABOTAGE_KEEP_LOG] = "keep-log", [SABOTAGE_NO_FOLDER] = "no-folder", [SABOTAGE_SWALLOW] = "swallow",
        [SABOTAGE_NO_SUMS] = "no-sums",   [SABOTAGE_LAZY_LOG] = "lazy-log",
};

bool sabotage_parse(const char *name) {
        for (int i = 0; i < SABOTAGES; i++)
                if (strcmp(name, sabotage_names[i]) == 0) {
                        sabotage = (enum sabotage)i;
                        return true;
                }
        return false;
}

struct handle {
        sqlite3_file base;
        struct file *file;
        int level;
        bool keep_log, is_log, names_due; /* its name is not durable yet: synced with its first sync, as unix does */
        bool shared[PLATTER_LOCKS], exclusive[PLATTER_LOCKS];
};

static struct handle *of(sqlite3_file *f) {
        return (struct handle *)f;
}

/* ---- contents ---- */
static int on_close(sqlite3_file *f) {
        of(f)->base.pMethods->xUnlock(f, SQLITE_LOCK_NONE);
        platter_release(of(f)->file);
        return SQLITE_OK;
}

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
        const struct file *file = of(f)->file;
        if (call_fails(CALL_READ))
                return SQLITE_IOERR_READ;
        size_t there = (size_t)at < file->n ? MIN(file->n - (size_t)at, (size_t)n) : 0;
        if (there)
                memcpy(p, file->p + at, there);
        memset((uint8_t *)p + there, 0, (size_t)n - there);
        return there < (size_t)n ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
        if (call_fails(CALL_WRITE))
                return SQLITE_IOERR_WRITE;
        return platter_write(of(f)->file, (uint64_t)at, p, (size_t)n) ? SQLITE_FULL : SQLITE_OK;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size) {
        if (call_fails(CALL_SIZE))
                return SQLITE_IOERR_TRUNCATE;
        if (sabotage == SABOTAGE_KEEP_LOG && of(f)->is_log)
                return SQLITE_OK;
        return platter_resize(of(f)->file, (uint64_t)size) ? SQLITE_FULL : SQLITE_OK;
}

static int on_sync(sqlite3_file *f, int flags) {
        (void)flags;
        if (call_fails(CALL_SYNC))
                return SQLITE_IOERR_FSYNC;
        bool lazy = sabotage == SABOTAGE_LAZY_LOG && of(f)->is_log && !of(f)->file->n;
        if (sabotage == SABOTAGE_NO_SYNC || lazy)
                return SQLITE_OK;
        platter_sync(of(f)->file);
        if (of(f)->names_due && sabotage != SABOTAGE_NO_FOLDER)
                platter_sync_names();
        of(f)->names_due = false;
        return SQLITE_OK;
}

static int on_size(sqlite3_file *f, sqlite3_int64 *ret) {
        *ret = (sqlite3_int64)of(f)->file->n;
        return SQLITE_OK;
}

/* ---- locks of the database: shared by readers, reserved by who will write, exclusive to who does ---- */
static int on_lock(sqlite3_file *f, int level) {
        struct handle *h = of(f);
        struct file *file = h->file;
        if (h->level >= level)
                return SQLITE_OK;
        if (call_fails(CALL_SHARED))
                return SQLITE_IOERR_LOCK;
        bool others_write = (file->reserved || file->pending || file->exclusive) && h->level < SQLITE_LOCK_RESERVED;
        if (h->level == SQLITE_LOCK_NONE) {
                if (file->pending || file->exclusive)
                        return SQLITE_BUSY;
                file->readers++;
                h->level = SQLITE_LOCK_SHARED;
        }
        if (level >= SQLITE_LOCK_RESERVED) {
                if (others_write)
                        return SQLITE_BUSY;
                file->reserved = true;
                h->level = SQLITE_LOCK_RESERVED;
        }
        if (level == SQLITE_LOCK_EXCLUSIVE) {
                file->pending = true;
                h->level = SQLITE_LOCK_PENDING;
                if (file->readers > 1)
                        return SQLITE_BUSY;
                file->exclusive = true;
                h->level = SQLITE_LOCK_EXCLUSIVE;
        }
        return SQLITE_OK;
}

static int on_unlock(sqlite3_file *f, int level) {
        struct handle *h = of(f);
        if (h->level <= level)
                return SQLITE_OK;
        if (h->level >= SQLITE_LOCK_RESERVED)
                h->file->reserved = h->file->pending = h->file->exclusive = false;
        if (level == SQLITE_LOCK_NONE)
                h->file->readers--;
        h->level = level;
        return SQLITE_OK;
}

static int on_check_lock(sqlite3_file *f, int *ret) {
        *ret = of(f)->file->reserved;
        return SQLITE_OK;
}

/* ---- the index of the log: shared memory ---- */
static int on_map(sqlite3_file *f, int region, int size, int extend, void volatile **ret) {
        *ret = NULL;
        if (call_fails(CALL_SHARED))
                return SQLITE_IOERR_SHMMAP;
        if (region >= PLATTER_SHARED_MOST)
                return SQLITE_IOERR_SHMSIZE;
        void **at = &of(f)->file->regions[region];
        if (!*at && extend)
                *at = memset(own_resize(NULL, (size_t)size), 0, (size_t)size);
        *ret = *at;
        return SQLITE_OK;
}

static bool slot_is_free(const struct handle *h, int i, bool exclusive) {
        const struct file *f = h->file;
        unsigned others = f->shared_by[i] - h->shared[i];
        return (h->exclusive[i] || !f->exclusive_by[i]) && !(exclusive && others);
}

static void slot_set(struct handle *h, int i, bool lock, bool exclusive) {
        struct file *f = h->file;
        if (exclusive) {
                f->exclusive_by[i] = h->exclusive[i] = lock;
        } else if (h->shared[i] != lock) {
                h->shared[i] = lock;
                f->shared_by[i] += lock ? 1u : -1u;
        }
}

static int on_map_lock(sqlite3_file *f, int first, int n, int flags) {
        bool lock = flags & SQLITE_SHM_LOCK, exclusive = flags & SQLITE_SHM_EXCLUSIVE;
        if (lock && call_fails(CALL_SHARED))
                return SQLITE_IOERR_SHMLOCK;
        for (int i = first; lock && i < first + n; i++)
                if (!slot_is_free(of(f), i, exclusive))
                        return SQLITE_BUSY;
        for (int i = first; i < first + n; i++)
                slot_set(of(f), i, lock, exclusive);
        return SQLITE_OK;
}

static void on_barrier(sqlite3_file *f) {
        (void)f; /* one thread */
}

static int on_unmap(sqlite3_file *f, int delete) {
        struct file *file = of(f)->file;
        for (int i = 0; i < PLATTER_LOCKS; i++) {
                slot_set(of(f), i, false, false);
                if (of(f)->exclusive[i])
                        slot_set(of(f), i, false, true);
        }
        for (int i = 0; delete &&i < PLATTER_SHARED_MOST; i++) {
                own_free(file->regions[i]);
                file->regions[i] = NULL;
        }
        return SQLITE_OK;
}

static int on_control(sqlite3_file *f, int what, void *arg) {
        if (what != SQLITE_FCNTL_PERSIST_WAL)
                return SQLITE_NOTFOUND;
        int *value = arg;
        if (*value >= 0)
                of(f)->keep_log = *value;
        *value = of(f)->keep_log;
        return SQLITE_OK;
}

static int on_sector(sqlite3_file *f) {
        (void)f;
        return VFS_SECTOR;
}

static int on_traits(sqlite3_file *f) {
        (void)f;
        return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* what it says of every disk, too; cut.c keeps to it */
}

static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_size,
        .xLock = on_lock,
        .xUnlock = on_unlock,
        .xCheckReservedLock = on_check_lock,
        .xFileControl = on_control,
        .xSectorSize = on_sector,
        .xDeviceCharacteristics = on_traits,
        .xShmMap = on_map,
        .xShmLock = on_map_lock,
        .xShmBarrier = on_barrier,
        .xShmUnmap = on_unmap,
};

/* ---- names ---- */
static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags) {
        (void)vfs;
        *of(f) = (struct handle){0};
        const char *name = path ? platter_name_of(path) : "";
        if (!name || call_fails(CALL_OPEN))
                return SQLITE_CANTOPEN;
        struct file *file = path ? platter_find(name) : platter_create_unnamed();
        bool is_new = !file, is_log = flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL);
        if (is_new && !(flags & SQLITE_OPEN_CREATE))
                return SQLITE_CANTOPEN;
        if (is_new)
                file = platter_create(name);
        file->handles++;
        *of(f) = (struct handle){.base.pMethods = &methods,
                                 .file = file,
                                 .is_log = flags & SQLITE_OPEN_WAL,
                                 .names_due = is_log && (flags & SQLITE_OPEN_CREATE)};
        if (ret_flags)
                *ret_flags = flags;
        return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync_names) {
        (void)vfs;
        const char *name = platter_name_of(path);
        if (call_fails(CALL_NAME))
                return SQLITE_IOERR_DELETE;
        if (!name || !platter_find(name))
                return SQLITE_IOERR_DELETE_NOENT;
        platter_unlink(name);
        if (sync_names && sabotage != SABOTAGE_NO_FOLDER)
                platter_sync_names();
        return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret) {
        (void)vfs;
        const char *name = platter_name_of(path);
        const struct file *f = name ? platter_find(name) : NULL;
        if (call_fails(CALL_NAME))
                return SQLITE_IOERR_ACCESS;
        *ret = f && (flags != SQLITE_ACCESS_EXISTS || f->n); /* an empty journal is none, as unix has it */
        return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs, const char *path, int n, char *ret) {
        (void)vfs;
        sqlite3_snprintf(n, ret, "%s", path);
        return SQLITE_OK;
}

/* The same bytes in every run. */
static int on_random(sqlite3_vfs *vfs, int n, char *ret) {
        (void)vfs;
        uint64_t state = 1;
        for (int i = 0; i < n; i++)
                ret[i] = (char)rng_next(&state);
        return n;
}

/* Whoever waits, waits in vain: there is one thread. */
static int on_sleep(sqlite3_vfs *vfs, int us) {
        (void)vfs;
        return us;
}

static int on_time(sqlite3_vfs *vfs, sqlite3_int64 *ret) {
        (void)vfs;
        *ret = 212000000000000;
        return SQLITE_OK;
}

static int on_last_error(sqlite3_vfs *vfs, int n, char *text) {
        (void)vfs;
        (void)n;
        (void)text;
        return 0;
}

void vfs_register(void) {
        static sqlite3_vfs vfs = {
                .iVersion = 2,
                .szOsFile = sizeof(struct handle),
                .mxPathname = 256,
                .zName = "platter",
                .xOpen = on_open,
                .xDelete = on_delete,
                .xAccess = on_access,
                .xFullPathname = on_full_path,
                .xRandomness = on_random,
                .xSleep = on_sleep,
                .xGetLastError = on_last_error,
                .xCurrentTimeInt64 = on_time,
        };
        REQUIRE(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}
