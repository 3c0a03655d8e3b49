/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store asks of libc by itself, led to the disk of memory by the linker (--wrap): files of PLATTER are there, all
 * others where they were. Memory is counted and can run out.
 */
#include "disk/libc.h"
#include "disk/calls.h"
#include "disk/platter.h"
#include "disk/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FD_FIRST (1 << 20) /* ours; the system's are lower */
#define FD_FOLDER (FD_FIRST + 1)
#define FD_FILE (FD_FIRST + 2)
#define MODE_FILE (S_IFREG | 0600)

struct calls calls;
const char *const call_names[CALLS] = {
        [CALL_MEMORY] = "memory", [CALL_READ] = "read", [CALL_WRITE] = "write", [CALL_SIZE] = "truncate",
        [CALL_SYNC] = "fsync",    [CALL_OPEN] = "open", [CALL_NAME] = "name",   [CALL_SHARED] = "shared memory",
};

bool call_fails(enum call which) {
        if (!calls.counting)
                return false;
        bool fails = ++calls.made[which] == calls.at && calls.which == which;
        calls.struck |= fails;
        return fails;
}

static bool refused(enum call which, int error) {
        if (!call_fails(which))
                return false;
        errno = error;
        return true;
}

/* ---- memory ---- */
static void *counted(void *p) {
        calls.blocks += calls.counting && p;
        return p;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n) {
        return refused(CALL_MEMORY, ENOMEM) ? NULL : counted(__real_malloc(n));
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
        return refused(CALL_MEMORY, ENOMEM) ? NULL : counted(__real_calloc(n, size));
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n) {
        if (refused(CALL_MEMORY, ENOMEM))
                return NULL;
        return p ? __real_realloc(p, n) : counted(__real_realloc(p, n));
}

void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size) {
        return __wrap_realloc(p, n * size);
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p) {
        calls.blocks -= calls.counting && p;
        __real_free(p);
}

static int print(char **ret, const char *format, va_list args) {
        if (refused(CALL_MEMORY, ENOMEM))
                return -1;
        int n = vasprintf(ret, format, args);
        counted(n < 0 ? NULL : *ret);
        return n;
}

int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap_asprintf(char **ret, const char *format, ...) {
        va_list args;
        va_start(args, format);
        int n = print(ret, format, args);
        va_end(args);
        return n;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...) {
        (void)flag;
        va_list args;
        va_start(args, format);
        int n = print(ret, format, args);
        va_end(args);
        return n;
}

/* SQLite's memory, which it gets by pointers of its own. */
static sqlite3_mem_methods plain;

static void *sqlite_malloc(int n) {
        return call_fails(CALL_MEMORY) ? NULL : plain.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n) {
        return call_fails(CALL_MEMORY) ? NULL : plain.xRealloc(p, n);
}

void libc_count_sqlite(void) {
        REQUIRE(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain) == SQLITE_OK);
        sqlite3_mem_methods ours = plain;
        ours.xMalloc = sqlite_malloc;
        ours.xRealloc = sqlite_realloc;
        REQUIRE(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK);
        REQUIRE(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK); /* else small ones never come here */
        REQUIRE(sqlite3_initialize() == SQLITE_OK); /* before the store does, which has it count none */
}

/* ---- files ---- */
static int open_ours(const char *name, int flags) {
        if (refused(CALL_OPEN, EIO))
                return -1;
        if (flags & O_DIRECTORY)
                return FD_FOLDER;
        bool there = platter_find(name);
        if (!there && !(flags & O_CREAT)) {
                errno = ENOENT;
                return -1;
        }
        if (there && (flags & O_CREAT) && (flags & O_EXCL)) {
                errno = EEXIST;
                return -1;
        }
        if (!there)
                platter_create(name);
        return FD_FILE;
}

int __real_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode) {
        const char *name = platter_name_of(path);
        return name ? open_ours(name, flags) : __real_open64(path, flags, mode);
}
int __wrap_open(const char *path, int flags, mode_t mode) __attribute__((alias("__wrap_open64")));

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
        return fd >= FD_FIRST ? 0 : __real_close(fd);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode) {
        if (fd < FD_FIRST)
                return __real_fchmod(fd, mode);
        return refused(CALL_NAME, EIO) ? -1 : 0;
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation) {
        if (fd < FD_FIRST)
                return __real_flock(fd, operation);
        return refused(CALL_NAME, EIO) ? -1 : 0;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
        if (fd < FD_FIRST)
                return __real_fsync(fd);
        if (refused(CALL_SYNC, EIO))
                return -1;
        REQUIRE(fd == FD_FOLDER);
        if (sabotage != SABOTAGE_NO_FOLDER)
                platter_sync_names();
        return 0;
}

int __real_lstat64(const char *path, struct stat *ret);
int __wrap_lstat64(const char *path, struct stat *ret);
int __wrap_lstat64(const char *path, struct stat *ret) {
        const char *name = platter_name_of(path);
        if (!name)
                return __real_lstat64(path, ret);
        if (refused(CALL_NAME, EIO))
                return -1;
        const struct file *f = platter_find(name);
        if (!f) {
                errno = ENOENT;
                return -1;
        }
        *ret = (struct stat){.st_mode = MODE_FILE, .st_size = (off_t)f->n};
        return 0;
}
int __wrap_lstat(const char *path, struct stat *ret) __attribute__((alias("__wrap_lstat64")));

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path) {
        const char *name = platter_name_of(path);
        if (!name)
                return __real_unlink(path);
        if (refused(CALL_NAME, EIO))
                return -1;
        if (!platter_find(name)) {
                errno = ENOENT;
                return -1;
        }
        platter_unlink(name);
        return 0;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
        const char *old_name = platter_name_of(from), *new_name = platter_name_of(to);
        if (!old_name || !new_name)
                return __real_rename(from, to);
        if (refused(CALL_NAME, EIO))
                return -1;
        platter_rename(old_name, new_name);
        return 0;
}

char *__real_realpath(const char *path, char *ret);
char *__wrap_realpath(const char *path, char *ret);
char *__wrap_realpath(const char *path, char *ret) {
        if (!platter_name_of(path))
                return __real_realpath(path, ret);
        return refused(CALL_NAME, EIO) ? NULL : counted(strdup(path));
}
