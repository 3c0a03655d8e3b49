/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/recording.h"

#include "base/file.h"
#include "base/log.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0600
#define OTHERS 0077

/* ---- the passphrase ---- */

static bool read_line(const char *path, struct buf *ret) {
        _clean_(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint8_t *room = buf_room(ret, TAPE_PASSPHRASE_MAX + 2);
        ssize_t n = fd >= 0 && room ? read(fd, room, TAPE_PASSPHRASE_MAX + 2) : -1;
        if (n < 0) {
                log_error("record-passphrase: %s: %m; name a file whose first line is the passphrase", path);
                return false;
        }
        const uint8_t *end = n ? memchr(room, '\n', (size_t)n) : NULL;
        buf_used(ret, end ? (size_t)(end - room) : (size_t)n);
        if (ret->n >= TAPE_PASSPHRASE_MIN && ret->n <= TAPE_PASSPHRASE_MAX)
                return true;
        log_error("record-passphrase: the first line of %s is not a passphrase of %d to %d bytes; write one there",
                  path, TAPE_PASSPHRASE_MIN, TAPE_PASSPHRASE_MAX);
        return false;
}

static bool make_lock(const struct settings *s, struct tape_lock *ret) {
        _clean_(buf_wipe) struct buf words = BUF_NULL;
        uint8_t salt[sizeof(ret->salt)];
        if (!s->given[SETTING_RECORD_PASSPHRASE]) {
                log_error("record-passphrase: a recording holds this device's keys, and is never written plain; give "
                          "--record-passphrase-file");
                return false;
        }
        if (!read_line(s->record_passphrase, &words))
                return false;
        randombytes_buf(salt, sizeof(salt));
        if (tape_lock_make(ret, buf_span(&words), salt, TAPE_PASSES, TAPE_MEMORY_KIB))
                return true;
        log_error("record: no memory to make its key; %d MiB are needed for a moment", TAPE_MEMORY_KIB / 1024);
        return false;
}

/* ---- the file ---- */

static bool complain(const char *path, const char *what) {
        log_error("record: %s %s", path, what);
        return false;
}

static bool open_file(const char *path, int *ret) {
        struct stat st;
        _clean_(file_close) int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
        if (fd < 0 || fstat(fd, &st)) {
                log_error("record: %s: %m; name a file that this user can write", path);
                return false;
        }
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
                return complain(path, "is not a plain file of the daemon's user; name another");
        if (flock(fd, LOCK_EX | LOCK_NB))
                return complain(path, "is being written by another daemon; name another file");
        if ((st.st_mode & OTHERS) && fchmod(fd, FILE_MODE) == 0)
                log_warning("%s could be read by others; it no longer can", path);
        *ret = fd;
        fd = -1;
        return true;
}

static bool write_head(const char *path, struct recorder_tape *t) {
        uint8_t head[TAPE_FILE_HEAD];
        tape_file_head(head, t->slot_bytes);
        if (pwrite(t->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head))
                return true;
        log_error("record: %s: %m; free some space", path);
        return false;
}

/* The number of the next run: one more than that of any that stands in the file. */
static void find_run(struct recorder_tape *t) {
        uint8_t bytes[TAPE_HEAD];
        for (uint64_t i = 0; i < TAPE_SLOTS; i++) {
                struct tape_head head;
                ssize_t n = pread(t->fd, bytes, sizeof(bytes), (off_t)tape_slot_at(t->slot_bytes, i));
                if (n == (ssize_t)sizeof(bytes) && tape_look(SPAN_OF(bytes), &head) == 0 && head.run < UINT64_MAX)
                        t->run = MAX(t->run, head.run + 1);
        }
}

static bool use_file(const char *path, struct recorder_tape *t) {
        uint8_t bytes[TAPE_FILE_HEAD];
        uint64_t slot = 0;
        ssize_t n = pread(t->fd, bytes, sizeof(bytes), 0);
        if (n == 0)
                return write_head(path, t);
        int r = tape_file_look(span_of(bytes, n > 0 ? (size_t)n : 0), &slot);
        if (r == TAPE_E_VERSION)
                return complain(path,
                                "is a recording by another version of porchlightd; move it away, or name another");
        if (r == TAPE_E_MAGIC)
                return complain(path, "is there and is not a recording; it was left alone: name another file");
        if (r)
                return complain(path, "is damaged; move it away, or name another file");
        if (slot != t->slot_bytes)
                return complain(path, "was made with another --record-size; give that one, or name another file");
        find_run(t);
        return true;
}

bool recording_open(const struct settings *s, struct recorder_tape *ret) {
        *ret = (struct recorder_tape){.fd = -1, .slot_bytes = s->record_size / TAPE_SLOTS - TAPE_FILE_HEAD};
        if (!s->given[SETTING_RECORD])
                return true;
        if (open_file(s->record, &ret->fd) && use_file(s->record, ret) && make_lock(s, &ret->lock))
                return true;
        recording_close(ret);
        return false;
}

void recording_close(struct recorder_tape *t) {
        file_close(&t->fd);
        hash_wipe(&t->lock, sizeof(t->lock));
}
