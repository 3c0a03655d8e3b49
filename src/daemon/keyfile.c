/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keyfile.h"
#include "base/buf.h"
#include "base/dir.h"
#include "base/file.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "PLDEVKEY"
#define MAGIC_BYTES 8
#define VERSION 1
#define HASH_AT (DEVICE_KEY_BYTES - 32)
#define TEMP_NAME DIR_DEVICE_KEY ".new"
#define FILE_MODE 0600
#define OTHERS 0077

static const struct {
        const char *what, *hint;
} errors[] = {
        [DEVICE_KEY_E_NONE] = {"is not there", "it is made at the first start"},
        [DEVICE_KEY_E_KIND] = {"is not a plain file of this user", "give it back to the user the daemon runs as"},
        [DEVICE_KEY_E_DAMAGED] = {"is damaged",
                                  "restore a backup; or move it away: the daemon then makes a new device, which has "
                                  "to join anew"},
        [DEVICE_KEY_E_NEWER] = {"was written by a newer version", "upgrade porchlightd"},
        [DEVICE_KEY_E_ACCESS] = {"cannot be read or written", "check the folder's permissions and free space"},
        [DEVICE_KEY_E_THERE] = {"stands there already", "it is never overwritten"},
};

const char *device_key_error(int e) {
        return errors[e].what;
}

const char *device_key_hint(int e) {
        return errors[e].hint;
}

int device_key_parse(struct span bytes, struct device_key *ret) {
        struct hash sum;
        if (bytes.n < MAGIC_BYTES + 1 || memcmp(bytes.p, MAGIC, MAGIC_BYTES) != 0)
                return DEVICE_KEY_E_DAMAGED;
        if (bytes.p[MAGIC_BYTES] > VERSION)
                return DEVICE_KEY_E_NEWER;
        if (bytes.n != DEVICE_KEY_BYTES || bytes.p[MAGIC_BYTES] != VERSION)
                return DEVICE_KEY_E_DAMAGED;
        hash_make(&sum, DOMAIN_DEVICE_FILE, NULL, span_of(bytes.p, HASH_AT));
        if (!hash_same(sum.b, bytes.p + HASH_AT, sizeof(sum.b)))
                return DEVICE_KEY_E_DAMAGED;
        const uint8_t *p = bytes.p + MAGIC_BYTES + 1;
        memcpy(ret->sign_seed, p, 32);
        memcpy(ret->noise_secret.b, p + 32, 32);
        memcpy(ret->seal_secret.b, p + 64, 32);
        return 0;
}

void device_key_format(const struct device_key *key, uint8_t ret[DEVICE_KEY_BYTES]) {
        struct hash sum;
        uint8_t *p = ret + MAGIC_BYTES + 1;
        memcpy(ret, MAGIC, MAGIC_BYTES);
        ret[MAGIC_BYTES] = VERSION;
        memcpy(p, key->sign_seed, 32);
        memcpy(p + 32, key->noise_secret.b, 32);
        memcpy(p + 64, key->seal_secret.b, 32);
        hash_make(&sum, DOMAIN_DEVICE_FILE, NULL, span_of(ret, HASH_AT));
        memcpy(ret + HASH_AT, sum.b, sizeof(sum.b));
}

/* 0, or why the open file is not to be used. */
static int look(int fd, bool *ret_tightened) {
        struct stat st;
        if (fstat(fd, &st) != 0)
                return DEVICE_KEY_E_ACCESS;
        if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && geteuid() != 0))
                return DEVICE_KEY_E_KIND;
        *ret_tightened = st.st_mode & OTHERS;
        if (*ret_tightened && fchmod(fd, FILE_MODE) != 0)
                return DEVICE_KEY_E_ACCESS;
        return 0;
}

int device_key_read(const char *dir, struct device_key *ret, bool *ret_tightened) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        uint8_t bytes[DEVICE_KEY_BYTES + 1]; /* one more shows that the file is too long */
        dir_join(&path, dir, DIR_DEVICE_KEY);
        _clean_(file_close) int fd = open(buf_cstr(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? DEVICE_KEY_E_NONE : errno == ELOOP ? DEVICE_KEY_E_KIND : DEVICE_KEY_E_ACCESS;
        int r = look(fd, ret_tightened);
        if (r)
                return r;
        ssize_t got = pread(fd, bytes, sizeof(bytes), 0);
        if (got < 0)
                return DEVICE_KEY_E_ACCESS;
        r = device_key_parse(span_of(bytes, (size_t)got), ret);
        hash_wipe(bytes, sizeof(bytes));
        return r;
}

int device_key_create(const char *dir, const struct device_key *key) {
        uint8_t bytes[DEVICE_KEY_BYTES];
        _clean_(file_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return DEVICE_KEY_E_ACCESS;
        device_key_format(key, bytes);
        int r = file_put(dir_fd, TEMP_NAME, SPAN_OF(bytes), FILE_MODE) ? 0 : DEVICE_KEY_E_ACCESS;
        hash_wipe(bytes, sizeof(bytes));
        if (r == 0 && renameat2(dir_fd, TEMP_NAME, dir_fd, DIR_DEVICE_KEY, RENAME_NOREPLACE) != 0)
                r = errno == EEXIST ? DEVICE_KEY_E_THERE : DEVICE_KEY_E_ACCESS;
        if (r == 0 && fsync(dir_fd) != 0)
                r = DEVICE_KEY_E_ACCESS;
        int saved = errno;
        if (r)
                unlinkat(dir_fd, TEMP_NAME, 0);
        errno = saved;
        return r;
}

/* Of a file without a name: a link that somebody made to it, as some backups do, keeps it whole. */
static void wipe_old(int fd) {
        struct stat st;
        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0)
                file_wipe(fd, DEVICE_KEY_BYTES);
}

int device_key_replace(const char *dir, struct span bytes) {
        struct device_key key;
        _clean_(file_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return errno;
        int r = device_key_parse(bytes, &key);
        hash_wipe(&key, sizeof(key));
        if (r)
                return EINVAL;
        _clean_(file_close) int old = openat(dir_fd, DIR_DEVICE_KEY, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (!file_put(dir_fd, TEMP_NAME, bytes, FILE_MODE) ||
            renameat(dir_fd, TEMP_NAME, dir_fd, DIR_DEVICE_KEY) != 0) {
                int e = errno;
                unlinkat(dir_fd, TEMP_NAME, 0);
                return e;
        }
        if (fsync(dir_fd) != 0)
                return errno;
        wipe_old(old);
        return 0;
}
