/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/keydisk.h"

#include "base/file.h"
#include "vault/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYDISK_MODE 0600
#define KEYDISK_OTHERS 0077

static int read_all(int fd, struct buf *out) {
        for (;;) {
                uint8_t *p = buf_room(out, KEYFILE_BYTES_MAX);
                if (!p)
                        return ERR_NOMEM;
                ssize_t n = read(fd, p, KEYFILE_BYTES_MAX);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return ERR_IO;
                if (n == 0)
                        return 0;
                buf_used(out, (size_t)n);
        }
}

int keydisk_read(int vault_fd, struct buf *out, bool *ret_tightened) {
        /* O_NONBLOCK: a fifo in its place must not hold the vault up. */
        _clean_(file_close) int fd = openat(vault_fd, KEYDISK_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        if (fd < 0 && errno == ENOENT)
                return KEYDISK_E_NONE;
        if (fd < 0 && (errno == ELOOP || errno == ENXIO))
                return KEYDISK_E_THING;
        if (fd < 0 || fstat(fd, &st) != 0)
                return ERR_IO;
        if (!S_ISREG(st.st_mode) || st.st_size > KEYFILE_BYTES_MAX)
                return KEYDISK_E_THING;
        bool open_to_others = st.st_mode & KEYDISK_OTHERS;
        if (open_to_others && fchmod(fd, KEYDISK_MODE) != 0)
                return ERR_IO;
        int r = read_all(fd, out);
        if (r == 0)
                *ret_tightened = open_to_others;
        return r;
}

/* link(2) refuses to write over a name, on every file system that has links. Where the new name is not durable it is
 * taken back: a key that the caller was told is not there must not turn up after a crash. */
static int put_new(int vault_fd) {
        if (linkat(vault_fd, KEYDISK_TEMP, vault_fd, KEYDISK_NAME, 0) != 0)
                return errno == EEXIST ? KEYDISK_E_THERE : file_fail();
        if (unlinkat(vault_fd, KEYDISK_TEMP, 0) == 0 && fsync(vault_fd) == 0)
                return 0;
        int r = file_fail();
        unlinkat(vault_fd, KEYDISK_NAME, 0);
        return r;
}

static int open_to_wipe(int vault_fd, const char *name) {
        return openat(vault_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* The older file may hold the key under a weaker lock: once nobody can find it, it is wiped. A link that somebody made
 * to it, as some backups do, keeps it whole. */
static int put_over(int vault_fd) {
        _clean_(file_close) int old = open_to_wipe(vault_fd, KEYDISK_NAME);
        struct stat st;
        if (renameat(vault_fd, KEYDISK_TEMP, vault_fd, KEYDISK_NAME) != 0)
                return file_fail();
        if (fsync(vault_fd) != 0)
                return file_fail();
        if (old >= 0 && fstat(old, &st) == 0 && st.st_nlink == 0)
                file_wipe(old, KEYFILE_BYTES_MAX);
        return 0;
}

int keydisk_write(int vault_fd, struct span bytes, bool replace) {
        int r = file_put(vault_fd, KEYDISK_TEMP, bytes, KEYDISK_MODE) ? 0 : file_fail();
        if (r == 0)
                r = replace ? put_over(vault_fd) : put_new(vault_fd);
        if (r)
                unlinkat(vault_fd, KEYDISK_TEMP, 0);
        return r;
}

/* It loses its name first: who is killed in between finds no key file at the next start, and not one that is wiped. */
int keydisk_remove(int vault_fd) {
        _clean_(file_close) int old = open_to_wipe(vault_fd, KEYDISK_NAME);
        unlinkat(vault_fd, KEYDISK_TEMP, 0);
        if (renameat(vault_fd, KEYDISK_NAME, vault_fd, KEYDISK_TEMP) != 0 && errno != ENOENT)
                return ERR_IO;
        if (fsync(vault_fd) != 0)
                return ERR_IO;
        file_wipe(old, KEYFILE_BYTES_MAX);
        unlinkat(vault_fd, KEYDISK_TEMP, 0);
        return fsync(vault_fd) == 0 ? 0 : ERR_IO;
}

/* A file that has another name may be the key itself, put_new() having been cut short: it keeps its bytes. */
void keydisk_tidy(int vault_fd) {
        _clean_(file_close) int left = open_to_wipe(vault_fd, KEYDISK_TEMP);
        struct stat st;
        if (left >= 0 && fstat(left, &st) == 0 && st.st_nlink == 1)
                file_wipe(left, KEYFILE_BYTES_MAX);
        unlinkat(vault_fd, KEYDISK_TEMP, 0);
}
