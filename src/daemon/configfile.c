/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/configfile.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_NAME "settings.new"
#define FILE_MODE 0600
#define SUM_WORDS "# `porchlight config set` writes this; sum "
#define SUM_USED 8 /* bytes of a hash */

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

void configfile_seal(struct buf *out, struct span text) {
        struct hash sum;
        hash_make(&sum, DOMAIN_SETTINGS, NULL, text);
        buf_add_str(out, SUM_WORDS);
        text_hex(out, span_of(sum.b, SUM_USED));
        buf_add_u8(out, '\n');
        buf_add(out, text);
}

/* The line with the sum is the first one, and looks in one way only: wherever a byte has changed, it is seen here, or makes a
 * line that is no setting. */
bool configfile_whole(struct span text) {
        _clean_(buf_fini) struct buf right = BUF_NULL;
        if (!text.n || text.p[0] != '#')
                return true;
        const uint8_t *end = memchr(text.p, '\n', text.n);
        if (!end)
                return false;
        configfile_seal(&right, span_from(text, (size_t)(end - text.p) + 1));
        return buf_ok(&right) && span_eq(buf_span(&right), text);
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
