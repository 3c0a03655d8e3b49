/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/configfile.h"
#include "daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_NAME "settings.new"
#define FILE_MODE 0600

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

int configfile_open(const char *path, int *ret_fd) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return errno;
        *ret_fd = fd;
        return 0;
}

int configfile_read(int file, struct buf *out) {
        struct stat st;
        _clean_(close_fd) int fd = file;
        int e = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
        while (e == 0 && out->n <= SETTINGS_FILE_MAX) {
                uint8_t *room = buf_room(out, SETTINGS_FILE_MAX + 1);
                ssize_t n = room ? read(fd, room, SETTINGS_FILE_MAX + 1) : -1;
                if (n <= 0) {
                        e = n < 0 ? errno : 0;
                        break;
                }
                buf_used(out, (size_t)n);
        }
        return out->n > SETTINGS_FILE_MAX ? EFBIG : e;
}

static bool write_all(int fd, struct span s) {
        while (s.n) {
                ssize_t n = write(fd, s.p, s.n);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                s = span_from(s, (size_t)n);
        }
        return true;
}

/* What stands under the temporary name is what a crash left of an earlier attempt. */
static bool write_temp(int dir, struct span text) {
        if (unlinkat(dir, TEMP_NAME, 0) != 0 && errno != ENOENT)
                return false;
        _clean_(close_fd) int fd =
                openat(dir, TEMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        return fd >= 0 && fchmod(fd, FILE_MODE) == 0 && write_all(fd, text) && fsync(fd) == 0;
}

int configfile_write(const char *dir_name, struct span text) {
        _clean_(close_fd) int dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool ok = dir >= 0 && write_temp(dir, text) && renameat(dir, TEMP_NAME, dir, CONFIGFILE_OWN) == 0 &&
                  fsync(dir) == 0;
        int e = ok ? 0 : errno;
        if (!ok && dir >= 0)
                unlinkat(dir, TEMP_NAME, 0);
        return e;
}
