/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROS 512 /* bytes at a time */

void file_hold_std(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        (void)!open("/", O_PATH); /* the lowest number that is free: this one */
}

void file_close(int *fd) {
        int saved = errno;
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
        errno = saved;
}

bool file_full(int err) {
        return err == ENOSPC || err == EDQUOT || err == EFBIG;
}

int file_fail(void) {
        return file_full(errno) ? ERR_FULL : ERR_IO;
}

bool file_write(int fd, struct span s) {
        while (s.n) {
                ssize_t n = write(fd, s.p, s.n);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                s = span_from(s, (size_t)n);
        }
        return true;
}

bool file_put(int dir, const char *name, struct span bytes, mode_t mode) {
        if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
                return false;
        _clean_(file_close) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        return fd >= 0 && fchmod(fd, mode) == 0 && file_write(fd, bytes) && fsync(fd) == 0;
}

void file_wipe(int fd, size_t most) {
        static const uint8_t zeros[ZEROS];
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
                return;
        bool written = true;
        for (size_t left = MIN((size_t)st.st_size, most); left && written; left -= MIN(left, sizeof(zeros)))
                written = file_write(fd, span_of(zeros, MIN(left, sizeof(zeros))));
        if (written)
                fdatasync(fd);
}
