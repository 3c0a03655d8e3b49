/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a database and the index of that log, after an end in order: SQLite would remove both when it closes the last
 * connection, but the daemon's walls let it remove nothing. Whoever is outside them does it here, and looks first that
 * nobody has the database open, and that nothing stands in the log: a log of a crash is part of the database.
 *
 * It opens no database and reads no byte of one, since it runs outside the walls.
 */
#include "base/file.h"
#include "store/file.h"
#include "store/store.h"

#include "base/err.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Where SQLite's locks on a database are (https://www.sqlite.org/fileformat2.html, section 1.4, "the lock-byte page"). Every
 * connection to one with a log holds a shared lock there from its first read until it closes. */
#define LOCKS_AT 0x40000000
#define LOCKS_N 512

/* Free bytes of the disk without which the files stay: where it is full, the next start could not make them again, and
 * nobody could read what is there. */
#define ROOM_MIN (1024 * 1024)

/* The lock is held until *@ret_fd is closed. */
static bool is_alone(const char *path, int *ret_fd) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_AT, .l_len = LOCKS_N};
        *ret_fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd >= 0 && fcntl(*ret_fd, F_SETLK, &lock) == 0;
}

static bool is_empty(const char *log) {
        uint64_t size;
        return file_check(log, &size) == 0 && size == 0;
}

static bool has_room(const char *dir) {
        struct statvfs st;
        return statvfs(dir, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize >= ROOM_MIN;
}

int store_tidy(const char *dir) {
        _clean_(file_close) int lock = -1, database = -1;
        _path_ path = file_path(dir, FILE_DB, "");
        _path_ log = file_path(dir, FILE_DB, "-wal");
        _path_ index = file_path(dir, FILE_DB, "-shm");
        if (!path || !log || !index)
                return ERR_NOMEM;
        uint64_t size;
        int r = file_check(log, &size);
        if (!r)
                r = file_lock(dir, &lock);
        if (r)
                return r == STORE_E_NONE ? 0 : r;
        if (!is_alone(path, &database))
                return STORE_E_SHARED;
        if (is_empty(log) && has_room(dir) && unlink(log) == 0)
                unlink(index);
        return 0;
}
