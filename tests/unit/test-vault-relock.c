/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of passphrase, killed at every system call it makes: whatever is found on the disk afterwards opens with the
 * old passphrase or with the new one. The vault runs as a library in a child that is traced, and dies at call number n.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/no_ledger.h"
#include "base/log.h"

#define OLD "correct horse"
#define FRESH "battery staple"
#define STOPS_MAX 2000 /* far more than it makes */

struct disk {
        char dir[64];
        int fd;
};

static int io_read(void *arg, struct buf *out, bool *ret_tightened) {
        return keydisk_read(((struct disk *)arg)->fd, out, ret_tightened);
}

static int io_write(void *arg, struct span bytes, bool replace) {
        return keydisk_write(((struct disk *)arg)->fd, bytes, replace);
}

static int io_remove(void *arg) {
        return keydisk_remove(((struct disk *)arg)->fd);
}

static void io_seed(void *arg, uint8_t ret[32]) {
        (void)arg;
        memset(ret, 0x21, 32);
}

static mesh_wall io_wall(void *arg) {
        (void)arg;
        return VAULT_CLOCK_FLOOR;
}

static void disk_init(struct disk *d) {
        *d = (struct disk){.dir = "/tmp/test-relock-XXXXXX"};
        assert_non_null(mkdtemp(d->dir));
        d->fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(d->fd >= 0);
}

static void disk_fini(struct disk *d) {
        unlinkat(d->fd, KEYDISK_NAME, 0);
        unlinkat(d->fd, KEYDISK_TEMP, 0);
        close(d->fd);
        assert_int_equal(rmdir(d->dir), 0);
}

/* A key file under the passphrase, or a plain one. */
static void disk_key(const struct disk *d, const char *passphrase) {
        static const uint8_t seed[32] = {5};
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct keyfile_secret secret;
        struct sign_key sign;
        struct box_key seal;
        struct rng rng;
        rng_init(&rng, seed);
        rng_bytes(&rng, secret.sign_seed, sizeof(secret.sign_seed));
        sign_key_from_seed(&sign, secret.sign_seed);
        box_key_new(&seal, &rng);
        secret.seal = seal.secret;
        struct keyfile head = {
                .lock = passphrase ? KEYFILE_LOCKED : KEYFILE_PLAIN,
                .state = KEYFILE_MEMBER,
                .household = sign.pub,
                .seal = seal.pub,
                .passes = passphrase ? 1 : 0,
                .memory_kib = passphrase ? KEYFILE_MEMORY_KIB_MIN : 0,
        };
        assert_int_equal(keyfile_encode(&file, &head, &secret, span_str(passphrase), &rng), 0);
        assert_int_equal(keydisk_write(d->fd, buf_span(&file), true), 0);
}

/* As the next start finds it. */
static bool disk_opens(const struct disk *d, const char *passphrase) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct keyfile_secret secret;
        bool tightened;
        keydisk_tidy(d->fd);
        assert_int_equal(keydisk_read(d->fd, &file, &tightened), 0);
        return keyfile_open(buf_span(&file), span_str(passphrase), &secret) == 0;
}

/* The vault with its one request; true: it said that it is done. */
static bool relock(struct disk *d, const char *old, const char *fresh) {
        _clean_(buf_fini) struct buf body = BUF_NULL;
        struct vault_io io = {.key_read = io_read,
                              .key_write = io_write,
                              .key_remove = io_remove,
                              .seed = io_seed,
                              .wall = io_wall,
                              .arg = d,
                              .uid = getuid(),
                              .passes = 1,
                              .memory_kib = KEYFILE_MEMORY_KIB_MIN};
        no_ledger(&io);
        struct vault_peer p = {.uid = getuid()};
        struct wire_o_passphrase q = {0};
        struct vault v;
        struct span answer;
        size_t used;
        const struct wire_number *row;
        union frame_message m;
        if (old)
                WIRE_PUT(&q, O_PASSPHRASE, old, span_str(old));
        if (fresh)
                WIRE_PUT(&q, O_PASSPHRASE, fresh, span_str(fresh));
        else
                WIRE_PUT(&q, O_PASSPHRASE, no_passphrase, true);
        codec_put(wire_owner_find(OWNER_O_PASSPHRASE), &q, &body);
        if (vault_init(&v, &io))
                return false;
        vault_request(&v, &p, buf_span(&body), 0);
        bool done = frame_take(buf_span(&p.out), &answer, &used) == 0 &&
                    frame_read(answer, wire_owner_find, &row, &m, NULL) == 0 && row->number == OWNER_O_DONE;
        buf_fini(&p.out);
        vault_fini(&v);
        return done;
}

/* In a child that stops at each system call's beginning and end: kills it at stop number @n. True: it was killed;
 * false: it had ended before, and well. */
static bool killed_at(struct disk *d, const char *old, const char *fresh, int n) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
                        _exit(2);
                raise(SIGSTOP);
                syscall(SYS_exit_group, relock(d, old, fresh) ? 0 : 1); /* not a call more, whatever the build counts */
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        for (int i = 0; i < n && WIFSTOPPED(status); i++) {
                assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
        }
        if (!WIFSTOPPED(status)) {
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), 0);
                return false;
        }
        kill(pid, SIGKILL);
        while (WIFSTOPPED(status))
                assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        return true;
}

static bool can_trace(void) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
                _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void kill_everywhere(const char *old, const char *fresh) {
        struct disk d;
        int n = 0, found_old = 0, found_fresh = 0;
        if (!can_trace())
                skip();
        disk_init(&d);
        for (bool killed = true; killed; n++) {
                assert_true(n < STOPS_MAX);
                disk_key(&d, old);
                killed = killed_at(&d, old, fresh, n);
                bool with_old = disk_opens(&d, old), with_fresh = disk_opens(&d, fresh);
                assert_true(killed ? with_old || with_fresh : with_fresh);
                found_old += with_old;
                found_fresh += with_fresh;
        }
        assert_true(found_old > 10 && found_fresh > 3); /* there were calls on both sides of the change */
        disk_fini(&d);
}

static void test_from_one_to_another(void **state) {
        (void)state;
        kill_everywhere(OLD, FRESH);
}

static void test_from_plain(void **state) {
        (void)state;
        kill_everywhere(NULL, FRESH);
}

static void test_to_plain(void **state) {
        (void)state;
        kill_everywhere(OLD, NULL);
}

/* What held the key under the weaker lock is wiped once it has no name; a link to it that somebody made is let be. */
static void test_old_file_is_wiped(void **state) {
        static const uint8_t zeros[64];
        struct disk d;
        uint8_t bytes[KEYFILE_BYTES_MAX];
        (void)state;
        disk_init(&d);
        disk_key(&d, NULL);
        int old = openat(d.fd, KEYDISK_NAME, O_RDONLY);
        assert_true(relock(&d, NULL, FRESH));
        assert_true(pread(old, bytes, sizeof(bytes), 0) > (ssize_t)sizeof(zeros));
        assert_memory_equal(bytes, zeros, sizeof(zeros));
        close(old);
        assert_int_equal(linkat(d.fd, KEYDISK_NAME, d.fd, "backup", 0), 0);
        assert_true(relock(&d, FRESH, OLD));
        old = openat(d.fd, "backup", O_RDONLY);
        assert_true(pread(old, bytes, sizeof(bytes), 0) > (ssize_t)sizeof(zeros));
        assert_memory_not_equal(bytes, zeros, sizeof(zeros));
        close(old);
        unlinkat(d.fd, "backup", 0);
        disk_fini(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_from_one_to_another),
                cmocka_unit_test(test_from_plain),
                cmocka_unit_test(test_to_plain),
                cmocka_unit_test(test_old_file_is_wiped),
        };
        log_set_level(LOG_ERROR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
