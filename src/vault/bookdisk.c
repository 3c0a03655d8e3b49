/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/bookdisk.h"

#include "base/dir.h"
#include "base/file.h"
#include "base/text.h"
#include "clip/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0600
#define BLOB_TEMP "key.new" /* one is written at a time */
#define BLOB_BYTES_MAX 2048 /* O_TAKEN is the longest */
#define HEX (2 * sizeof(struct hash))
#define NAME_MAX_BYTES 80

/* ---- reading at a place ---- */

/* O_NONBLOCK: a fifo in its place must not hold the vault up. */
static int open_plain(int dir_fd, const char *name, int flags, int *ret) {
        _clean_(file_close) int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, MODE);
        struct stat st;
        if (fd < 0 && errno == ENOENT)
                return KEYDISK_E_NONE;
        if (fd < 0 && (errno == ELOOP || errno == ENXIO || errno == EISDIR))
                return KEYDISK_E_THING;
        if (fd < 0 || fstat(fd, &st) != 0)
                return file_fail();
        if (!S_ISREG(st.st_mode))
                return KEYDISK_E_THING;
        *ret = fd;
        fd = -1;
        return 0;
}

static int read_at(int fd, uint64_t at, size_t n, struct buf *out) {
        uint8_t *p = buf_room(out, n);
        size_t got = 0;
        if (!p)
                return ERR_NOMEM;
        while (got < n) {
                ssize_t r = pread(fd, p + got, n - got, (off_t)(at + got));
                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return ERR_IO;
                if (r == 0)
                        break;
                got += (size_t)r;
        }
        buf_used(out, got);
        return 0;
}

static bool write_at(int fd, uint64_t at, struct span s) {
        while (s.n) {
                ssize_t r = pwrite(fd, s.p, s.n, (off_t)at);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        return false;
                at += (uint64_t)r;
                s = span_from(s, (size_t)r);
        }
        return true;
}

/* ---- the ledger ---- */

int bookdisk_read(int vault_fd, uint64_t at, size_t n, struct buf *out) {
        _clean_(file_close) int fd = -1;
        int r = open_plain(vault_fd, BOOKDISK_LEDGER, O_RDONLY, &fd);
        if (r)
                return r == KEYDISK_E_NONE ? 0 : r;
        return read_at(fd, at, n, out);
}

int bookdisk_write(int vault_fd, uint64_t at, struct span bytes) {
        _clean_(file_close) int fd = -1;
        int r = open_plain(vault_fd, BOOKDISK_LEDGER, O_WRONLY | O_CREAT, &fd);
        if (r)
                return r < 0 ? r : ERR_IO;
        if (!write_at(fd, at, bytes) || fsync(fd) != 0)
                return file_fail();
        return at == 0 && fsync(vault_fd) != 0 ? file_fail() : 0; /* its name, the first time */
}

/* One without a line is not there. */
static int remove_empty(int vault_fd) {
        if (unlinkat(vault_fd, BOOKDISK_LEDGER, 0) != 0)
                return errno == ENOENT ? 0 : file_fail();
        return fsync(vault_fd) == 0 ? 0 : file_fail();
}

int bookdisk_cut(int vault_fd, uint64_t at) {
        _clean_(file_close) int fd = -1;
        if (at == 0)
                return remove_empty(vault_fd);
        int r = open_plain(vault_fd, BOOKDISK_LEDGER, O_WRONLY, &fd);
        if (r)
                return ERR_IO;
        return ftruncate(fd, (off_t)at) == 0 && fsync(fd) == 0 ? 0 : file_fail();
}

int bookdisk_away(int vault_fd) {
        if (renameat(vault_fd, BOOKDISK_LEDGER, vault_fd, BOOKDISK_AWAY) != 0 && errno != ENOENT)
                return file_fail();
        return fsync(vault_fd) == 0 ? 0 : file_fail();
}

/* ---- keys in sealed boxes ---- */

static const char *blob_prefix(enum vault_blob what) {
        return what == VAULT_BLOB_WRAPPED ? "wrapped-" : "taken-";
}

static void blob_name(enum vault_blob what, const struct hash *id, char ret[NAME_MAX_BYTES]) {
        uint8_t room[HEX + 1]; /* a name must not hang on memory */
        struct buf hex = BUF_ON(room);
        text_hex(&hex, SPAN_OF(id->b));
        snprintf(ret, NAME_MAX_BYTES, "%s%s", blob_prefix(what), buf_cstr(&hex));
}

int bookdisk_blob_read(int vault_fd, enum vault_blob what, const struct hash *id, struct buf *out) {
        _clean_(file_close) int fd = -1;
        char name[NAME_MAX_BYTES];
        blob_name(what, id, name);
        int r = open_plain(vault_fd, name, O_RDONLY, &fd);
        return r ? r : read_at(fd, 0, BLOB_BYTES_MAX, out);
}

int bookdisk_blob_write(int vault_fd, enum vault_blob what, const struct hash *id, struct span bytes) {
        char name[NAME_MAX_BYTES];
        blob_name(what, id, name);
        bool put = file_put(vault_fd, BLOB_TEMP, bytes, MODE);
        if (put && renameat(vault_fd, BLOB_TEMP, vault_fd, name) == 0 && fsync(vault_fd) == 0)
                return 0;
        int r = file_fail();
        unlinkat(vault_fd, BLOB_TEMP, 0);
        return r;
}

/* Wiped where nobody finds it any more, as far as that helps on this disk. */
int bookdisk_blob_remove(int vault_fd, enum vault_blob what, const struct hash *id) {
        char name[NAME_MAX_BYTES];
        blob_name(what, id, name);
        _clean_(file_close) int fd = openat(vault_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (unlinkat(vault_fd, name, 0) != 0 && errno != ENOENT)
                return file_fail();
        if (fsync(vault_fd) != 0)
                return file_fail();
        file_wipe(fd, BLOB_BYTES_MAX);
        return 0;
}

static void list_name(enum vault_blob what, const char *name, struct buf *out) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        size_t n = strlen(blob_prefix(what));
        if (strncmp(name, blob_prefix(what), n) == 0 && strlen(name + n) == HEX && text_unhex(&id, span_str(name + n)))
                buf_add(out, buf_span(&id));
}

int bookdisk_blob_list(int vault_fd, enum vault_blob what, struct buf *out) {
        int fd = openat(vault_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                file_close(&fd);
                return ERR_IO;
        }
        const struct dirent *e;
        errno = 0;
        while ((e = readdir(dir)))
                list_name(what, e->d_name, out);
        int r = errno ? ERR_IO : buf_ok(out) ? 0 : ERR_NOMEM;
        closedir(dir);
        return r;
}

void bookdisk_tidy(int vault_fd) {
        unlinkat(vault_fd, BLOB_TEMP, 0);
}

/* ---- clips ---- */

int bookdisk_clip_read(const char *dir, const struct hash *clip, bool list, uint64_t at, size_t n, struct buf *out) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        _clean_(file_close) int fd = -1, dir_fd = -1;
        char name[CLIP_FILE_NAME_MAX];
        clip_file_name(name, clip, list);
        dir_join(&path, dir, DIR_CLIPS);
        dir_fd = open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir_fd < 0)
                return errno == ENOENT ? KEYDISK_E_NONE : ERR_IO;
        int r = open_plain(dir_fd, name, O_RDONLY, &fd);
        return r ? r : read_at(fd, at, n, out);
}
