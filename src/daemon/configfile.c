/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/configfile.h"
#include "base/file.h"
#include "daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_NAME "settings.new"
#define FILE_MODE 0600

int configfile_open(const char *path, int *ret_fd) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return errno;
        *ret_fd = fd;
        return 0;
}

int configfile_read(int file, struct buf *out) {
        struct stat st;
        _clean_(file_close) int fd = file;
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

int configfile_write(const char *dir_name, struct span text) {
        _clean_(file_close) int dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool ok = dir >= 0 && file_put(dir, TEMP_NAME, text, FILE_MODE) &&
                  renameat(dir, TEMP_NAME, dir, CONFIGFILE_OWN) == 0 && fsync(dir) == 0;
        int e = ok ? 0 : errno;
        if (!ok && dir >= 0)
                unlinkat(dir, TEMP_NAME, 0);
        return e;
}
