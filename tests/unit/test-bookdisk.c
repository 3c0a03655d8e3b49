/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's files on a real disk: what stands there afterwards, what stands in their places that is no file, and a disk that
 * says no at any of the calls. Each step is done once for each call that it makes, and that call fails; the step must say so,
 * and what was there before is there still. A call that was interrupted is made again, and nobody hears of it.
 */
#include "vault/bookdisk.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- calls that fail ---- */
static struct {
        int at, error; /* this one, and how; 0: none */
        int calls;
        bool interrupted; /* it could be: a call that may end with EINTR */
} disk;

static bool fails(bool may_be_interrupted) {
        if (!disk.at || ++disk.calls != disk.at)
                return false;
        disk.interrupted = may_be_interrupted;
        if (disk.error == EINTR && !may_be_interrupted)
                return false;
        errno = disk.error;
        return true;
}

int __real_openat64(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...) {
        va_list args;
        va_start(args, flags);
        mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
        va_end(args);
        return fails(false) ? -1 : __real_openat64(dir, name, flags, mode);
}

int __real_fstat64(int fd, struct stat *ret);
int __wrap_fstat64(int fd, struct stat *ret);
int __wrap_fstat64(int fd, struct stat *ret) {
        return fails(false) ? -1 : __real_fstat64(fd, ret);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
        return fails(false) ? -1 : __real_fsync(fd);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd) {
        return fails(false) ? -1 : __real_fdatasync(fd);
}

int __real_ftruncate64(int fd, off_t n);
int __wrap_ftruncate64(int fd, off_t n);
int __wrap_ftruncate64(int fd, off_t n) {
        return fails(false) ? -1 : __real_ftruncate64(fd, n);
}

ssize_t __real_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at) {
        return fails(true) ? -1 : __real_pread64(fd, p, MIN(n, (size_t)7), at); /* never all at once */
}

ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at) {
        return fails(true) ? -1 : __real_pwrite64(fd, p, MIN(n, (size_t)7), at);
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n) {
        return fails(true) ? -1 : __real_write(fd, p, n);
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to) {
        return fails(false) ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags) {
        return fails(false) ? -1 : __real_unlinkat(dir, name, flags);
}

struct dirent *__real_readdir64(DIR *dir);
struct dirent *__wrap_readdir64(DIR *dir);
struct dirent *__wrap_readdir64(DIR *dir) {
        return fails(false) ? NULL : __real_readdir64(dir);
}

/* ---- a folder ---- */
struct place {
        char dir[64], vault[96];
        int fd;
};

static const struct hash one = {{1}}, two = {{2}}, clip = {{3}};

static int set_up(void **state) {
        struct place *p = calloc(1, sizeof(*p));
        assert_non_null(p);
        disk.at = 0;
        snprintf(p->dir, sizeof(p->dir), "/tmp/bookdisk-XXXXXX");
        assert_non_null(mkdtemp(p->dir));
        snprintf(p->vault, sizeof(p->vault), "%s/vault", p->dir);
        assert_int_equal(mkdir(p->vault, 0700), 0);
        p->fd = open(p->vault, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(p->fd >= 0);
        *state = p;
        return 0;
}

static int tear_down(void **state) {
        struct place *p = *state;
        char command[96];
        disk.at = 0;
        close(p->fd);
        snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
        assert_int_equal(system(command), 0);
        free(p);
        return 0;
}

static bool is(const struct buf *b, const char *text) {
        return span_eq(buf_span(b), span_str(text));
}

static bool ledger_is(const struct place *p, const char *text) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        assert_int_equal(bookdisk_read(p->fd, 0, 100, &out), 0);
        return is(&out, text);
}

static bool blob_is(const struct place *p, const struct hash *id, const char *text) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        int r = bookdisk_blob_read(p->fd, VAULT_BLOB_WRAPPED, id, &out);
        return r == KEYDISK_E_NONE ? !text : text && is(&out, text);
}

static size_t blobs(const struct place *p) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        assert_int_equal(bookdisk_blob_list(p->fd, VAULT_BLOB_WRAPPED, &out), 0);
        return out.n / sizeof(struct hash);
}

/* ---- as it should be ---- */
static void test_kept(void **state) {
        const struct place *p = *state;
        struct stat st;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        assert_true(ledger_is(p, ""));
        assert_int_equal(bookdisk_cut(p->fd, 0), 0);
        assert_int_equal(bookdisk_cut(p->fd, 5), ERR_IO); /* there is none */
        assert_int_equal(bookdisk_write(p->fd, 0, SPAN_STR("a line and another")), 0);
        assert_true(ledger_is(p, "a line and another"));
        assert_int_equal(bookdisk_read(p->fd, 7, 3, &out), 0);
        assert_true(is(&out, "and"));
        assert_int_equal(bookdisk_cut(p->fd, 6), 0);
        assert_true(ledger_is(p, "a line"));
        assert_int_equal(fstatat(p->fd, BOOKDISK_LEDGER, &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(bookdisk_away(p->fd), 0);
        assert_true(ledger_is(p, ""));
        assert_int_equal(faccessat(p->fd, BOOKDISK_AWAY, F_OK, 0), 0);
        assert_int_equal(bookdisk_away(p->fd), 0); /* of none */
        assert_int_equal(bookdisk_write(p->fd, 0, SPAN_STR("x")), 0);
        assert_int_equal(bookdisk_cut(p->fd, 0), 0); /* one without a line is not there */
        assert_int_equal(faccessat(p->fd, BOOKDISK_LEDGER, F_OK, 0), -1);
}

static void test_blobs(void **state) {
        const struct place *p = *state;
        static const char *const strange[] = {"wrapped-", "wrapped-12", "taken-zz", "key.new", "other"};
        char odd[80];
        assert_true(blob_is(p, &one, NULL) && blobs(p) == 0);
        assert_int_equal(bookdisk_blob_write(p->fd, VAULT_BLOB_WRAPPED, &one, SPAN_STR("a box")), 0);
        assert_int_equal(bookdisk_blob_write(p->fd, VAULT_BLOB_WRAPPED, &one, SPAN_STR("another box")), 0);
        assert_int_equal(bookdisk_blob_write(p->fd, VAULT_BLOB_TAKEN, &two, SPAN_STR("taken")), 0);
        for (size_t i = 0; i < ARRAY_LEN(strange); i++)
                close(openat(p->fd, strange[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        snprintf(odd, sizeof(odd), "wrapped-%064d", 0);
        odd[20] = 'x'; /* as long as an id, and none */
        close(openat(p->fd, odd, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_true(blob_is(p, &one, "another box") && blob_is(p, &two, NULL) && blobs(p) == 1);
        assert_int_equal(bookdisk_blob_remove(p->fd, VAULT_BLOB_WRAPPED, &one), 0);
        assert_int_equal(bookdisk_blob_remove(p->fd, VAULT_BLOB_WRAPPED, &one), 0);
        assert_true(blob_is(p, &one, NULL) && blobs(p) == 0);
        bookdisk_tidy(p->fd);
        assert_int_equal(faccessat(p->fd, "key.new", F_OK, 0), -1);
}

/* ---- what is no file ---- */
static void test_things(void **state) {
        const struct place *p = *state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        for (int kind = 0; kind < 4; kind++) {
                if (kind == 0)
                        assert_int_equal(mkfifoat(p->fd, BOOKDISK_LEDGER, 0600), 0);
                if (kind == 1)
                        assert_int_equal(mkdirat(p->fd, BOOKDISK_LEDGER, 0700), 0);
                if (kind == 2)
                        assert_int_equal(symlinkat("/etc/passwd", p->fd, BOOKDISK_LEDGER), 0);
                if (kind == 3)
                        assert_int_equal(symlinkat("nowhere", p->fd, BOOKDISK_LEDGER), 0);
                assert_int_equal(bookdisk_read(p->fd, 0, 10, &out), KEYDISK_E_THING);
                assert_int_equal(out.n, 0);
                assert_int_equal(bookdisk_write(p->fd, 0, SPAN_STR("x")), ERR_IO);
                assert_int_equal(bookdisk_cut(p->fd, 5), ERR_IO);
                assert_int_equal(unlinkat(p->fd, BOOKDISK_LEDGER, kind == 1 ? AT_REMOVEDIR : 0), 0);
        }
}

static void test_clips(void **state) {
        const struct place *p = *state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        char path[96];
        assert_int_equal(bookdisk_clip_read(p->dir, &clip, false, 0, 10, &out), KEYDISK_E_NONE); /* no such folder */
        snprintf(path, sizeof(path), "%s/clips", p->dir);
        assert_int_equal(symlink(p->vault, path), 0);
        assert_int_equal(bookdisk_clip_read(p->dir, &clip, false, 0, 10, &out), ERR_IO); /* it leads elsewhere */
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(bookdisk_clip_read(p->dir, &clip, true, 0, 10, &out), KEYDISK_E_NONE); /* no such clip */
        assert_int_equal(out.n, 0);
}

/* ---- a disk that says no ---- */
static int do_write(const struct place *p) {
        return bookdisk_write(p->fd, 0, SPAN_STR("a line and more"));
}

static int do_append(const struct place *p) {
        return bookdisk_write(p->fd, 15, SPAN_STR(" and a third"));
}

static int do_cut(const struct place *p) {
        return bookdisk_cut(p->fd, 6);
}

static int do_read(const struct place *p) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        int r = bookdisk_read(p->fd, 0, 100, &out);
        assert_true(r == 0 ? is(&out, "a line") : !out.n);
        return r;
}

static int do_away(const struct place *p) {
        return bookdisk_away(p->fd);
}

static int do_empty(const struct place *p) {
        return bookdisk_cut(p->fd, 0);
}

static int do_blob(const struct place *p) {
        return bookdisk_blob_write(p->fd, VAULT_BLOB_WRAPPED, &one, SPAN_STR("a box"));
}

static int do_list(const struct place *p) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        int r = bookdisk_blob_list(p->fd, VAULT_BLOB_WRAPPED, &out);
        assert_true(r || out.n == sizeof(struct hash));
        return r;
}

static int do_blob_read(const struct place *p) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        int r = bookdisk_blob_read(p->fd, VAULT_BLOB_WRAPPED, &one, &out);
        assert_true(r == 0 ? is(&out, "a box") : !out.n);
        return r;
}

static int do_remove(const struct place *p) {
        return bookdisk_blob_remove(p->fd, VAULT_BLOB_WRAPPED, &one);
}

static bool nothing_half(const struct place *p) {
        return faccessat(p->fd, "key.new", F_OK, 0) != 0 && (blob_is(p, &one, NULL) || blob_is(p, &one, "a box"));
}

/* They stand on each other: when one has gone wrong it is done again, and goes well. */
static const struct {
        int (*step)(const struct place *p);
        const char *ledger; /* then */
} steps[] = {
        {do_write, "a line and more"},
        {do_append, "a line and more and a third"},
        {do_cut, "a line"},
        {do_read, "a line"},
        {do_blob, "a line"},
        {do_list, "a line"},
        {do_blob_read, "a line"},
        {do_remove, "a line"},
        {do_empty, ""},
        {do_write, "a line and more"},
        {do_away, ""},
};

/* How many calls there were in which it could have failed. */
static int each_call(const struct place *p, size_t i, int error) {
        int at = 1;
        for (;; at++) {
                disk.at = at;
                disk.calls = 0;
                disk.error = error;
                disk.interrupted = false;
                int r = steps[i].step(p);
                bool over = disk.calls < at;
                disk.at = 0;
                if (over)
                        return at - 1;
                if (error == EINTR && disk.interrupted)
                        assert_int_equal(r, 0);
                else if (error != EINTR && r == 0)
                        assert_true(steps[i].step == do_remove); /* zeros over what is gone are a hope */
                assert_true(r == 0 || r == ERR_IO || r == ERR_FULL);
                assert_true(error == ENOSPC || r != ERR_FULL);
                assert_true(nothing_half(p));
        }
}

static void test_refuses(void **state) {
        static const int errors[] = {EIO, ENOSPC, EINTR};
        const struct place *p = *state;
        int calls = 0;
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
                for (size_t k = 0; k < ARRAY_LEN(errors); k++)
                        calls += each_call(p, i, errors[k]);
                assert_int_equal(steps[i].step(p), 0);
                assert_true(ledger_is(p, steps[i].ledger));
        }
        print_message("# %d calls failed\n", calls);
        assert_true(calls > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_kept), TEST(test_blobs), TEST(test_things), TEST(test_clips), TEST(test_refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
