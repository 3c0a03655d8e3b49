/* SPDX-License-Identifier: Apache-2.0 */
#include "store/file.h"

#include "base/err.h"
#include "base/file.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0600
#define FILE_OTHERS 0077

static int file_error(void) {
        if (file_full(errno))
                return STORE_E_FULL;
        switch (errno) {
        case EIO:
                return STORE_E_IO;
        case ENOMEM:
                return ERR_NOMEM;
        default: /* not an enumeration */
                return STORE_E_ACCESS;
        }
}

void file_freep(char **p) {
        free(*p);
}

int file_dir(const char *dir, char **ret) {
        char *real = realpath(dir, NULL);
        if (!real)
                return file_error();
        *ret = real;
        return 0;
}

char *file_path(const char *dir, const char *name, const char *suffix) {
        char *path;
        return asprintf(&path, "%s/%s%s", dir, name, suffix) < 0 ? NULL : path;
}

int file_lock(const char *dir, int *ret_fd) {
        _path_ path = file_path(dir, FILE_LOCK, "");
        if (!path)
                return ERR_NOMEM;
        int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (fd < 0)
                return file_error();
        if (fchmod(fd, FILE_MODE) || flock(fd, LOCK_EX | LOCK_NB)) {
                int r = errno == EWOULDBLOCK ? STORE_E_SHARED : file_error();
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

int file_check(const char *path, uint64_t *ret_size) {
        struct stat st;
        if (lstat(path, &st))
                return errno == ENOENT ? STORE_E_NONE : file_error();
        if (!S_ISREG(st.st_mode))
                return STORE_E_ACCESS;
        if ((st.st_mode & FILE_OTHERS) && chmod(path, FILE_MODE))
                return file_error();
        *ret_size = (uint64_t)st.st_size;
        return 0;
}

int file_create(const char *path) {
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (fd < 0)
                return file_error();
        int r = fchmod(fd, FILE_MODE) ? file_error() : 0; /* a umask may have taken the owner's own bits */
        close(fd);
        return r;
}

int file_unlink(const char *dir, const char *name, const char *suffix) {
        _path_ path = file_path(dir, name, suffix);
        if (!path)
                return ERR_NOMEM;
        return unlink(path) && errno != ENOENT ? file_error() : 0;
}

int file_remove(const char *dir, const char *name) {
        static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
        int r = 0;
        for (size_t i = 0; !r && i < ARRAY_LEN(suffixes); i++)
                r = file_unlink(dir, name, suffixes[i]);
        return r;
}

int file_sync_names(const char *dir) {
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return file_error();
        int r = fsync(fd) ? file_error() : 0;
        close(fd);
        return r;
}

int file_publish(const char *dir, const char *from, const char *to) {
        _path_ old_path = file_path(dir, from, "");
        _path_ new_path = file_path(dir, to, "");
        if (!old_path || !new_path)
                return ERR_NOMEM;
        return rename(old_path, new_path) ? file_error() : file_sync_names(dir);
}
