/* SPDX-License-Identifier: Apache-2.0 */
/* The porter (node/porter.h), both ends of it, where one call of the system fails once (support/mishap.h): the daemon's end hears a no and
 * never waits in vain, and a porter that is gone, or that was started again, does what it was asked. */
#include "base/err.h"
#include "base/file.h"
#include "node/porter.h"
#include "support/mishap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TRIES 3

static struct {
        char dir[64], config[96], settings[96];
        struct porter_house house;
        int fd;
} it;

/* ---- what the linker leads here ---- */

#define CALL_X(name, kinds, error, args, call)                                                                         \
        int __real_##name args;                                                                                        \
        int __wrap_##name args;                                                                                        \
        int __wrap_##name args {                                                                                       \
                unsigned how = mishap_here(#name, kinds);                                                              \
                if (how)                                                                                               \
                        errno = how == 1 ? (error) : EINTR;                                                            \
                return how ? -1 : __real_##name call;                                                                  \
        }
CALL_X(socketpair, 1, EMFILE, (int family, int type, int protocol, int pair[2]), (family, type, protocol, pair))
CALL_X(fork, 1, EAGAIN, (void), ())
CALL_X(connect, 1, EAGAIN, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
CALL_X(dup2, 1, EBUSY, (int from, int to), (from, to))

#define BYTES_X(name, args, call)                                                                                      \
        ssize_t __real_##name args;                                                                                    \
        ssize_t __wrap_##name args;                                                                                    \
        ssize_t __wrap_##name args {                                                                                   \
                unsigned how = mishap_here(#name, 2);                                                                  \
                if (how)                                                                                               \
                        errno = how == 1 ? ENOBUFS : EINTR;                                                            \
                return how ? -1 : __real_##name call;                                                                  \
        }
BYTES_X(recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
BYTES_X(recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))

#define SEND_X(name, args, call)                                                                                       \
        ssize_t __real_##name args;                                                                                    \
        ssize_t __wrap_##name args;                                                                                    \
        ssize_t __wrap_##name args {                                                                                   \
                return mishap_here(#name, 1) ? (errno = ENOBUFS, -1) : __real_##name call;                             \
        }
SEND_X(sendmsg, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))
SEND_X(send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))

/* ---- a house ---- */

static int keep(const char *dir, struct span text) {
        return strcmp(dir, it.dir) == 0 && span_eq(text, SPAN_STR("a = b\n")) ? 0 : EINVAL;
}

static int renew(const char *dir, struct span key) {
        return strcmp(dir, it.dir) == 0 && key.n == 3 ? 0 : EINVAL;
}

static void tidy(const char *dir) {
        REQUIRE(strcmp(dir, it.dir) == 0);
}

/* 0, ERR_IO. */
static int start(void) {
        if (it.fd >= 0)
                close(it.fd);
        it.fd = -1;
        return porter_start(&it.house, &it.fd);
}

static void write_file(const char *path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE(fd >= 0 && write(fd, "x", 1) == 1);
        close(fd);
}

static void folder_of(int pid) {
        snprintf(it.dir, sizeof(it.dir), "/tmp/plporter%d", pid);
}

static void begin(bool service) {
        const char *libexec = getenv("PORCHLIGHT_LIBEXEC");
        it.fd = -1;
        folder_of(getpid());
        REQUIRE(libexec && mkdir(it.dir, 0700) == 0);
        snprintf(it.config, sizeof(it.config), "%s/config", it.dir);
        snprintf(it.settings, sizeof(it.settings), "%s/settings", it.dir);
        write_file(it.config);
        it.house = (struct porter_house){.dir = it.dir,
                                         .libexec = libexec,
                                         .files = {it.config, it.settings},
                                         .keep = keep,
                                         .renew = renew,
                                         .tidy = tidy,
                                         .vault_owner = service ? "" : "0",
                                         .vault_service = service};
        mishap_inside(true);
}

/* What is asked, until it is done: where something has failed, a porter that is out of step is started anew. */
static void done(int (*ask)(void), int wanted) {
        int r = ERR_IO;
        mishap_arm(MISHAP_ALL);
        for (int i = 0; i < TRIES; i++) {
                if (it.fd >= 0 || start() == 0)
                        r = ask();
                if (r == wanted)
                        break;
                REQUIRE(mishap_struck()); /* nothing has failed, and it is not done */
                if (r == ERR_IO || r == EIO) {
                        close(it.fd);
                        it.fd = -1;
                }
        }
        mishap_disarm();
        if (r != wanted) {
                fprintf(stderr, "# it ends with %d, and not with %d\n", r, wanted);
                exit(1);
        }
}

static void end(void) {
        close(it.fd);
        while (waitpid(-1, NULL, 0) > 0) /* every porter has ended, and whatever it had started */
                ;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st, (void)type, (void)ftw;
        return remove(path);
}

static void clear(int pid) {
        folder_of(pid);
        nftw(it.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- what is asked ---- */

static int ask_has(void) {
        return porter_has(it.fd, PORTER_NAMES) ? 0 : ERR_IO;
}

static int ask_run(void) {
        int stream = -1, r = porter_run(it.fd, PORTER_NAMES, &stream);
        if (r == 0)
                close(stream);
        porter_stop(it.fd, PORTER_NAMES);
        return r;
}

static int ask_config(void) {
        int file = -1, e = porter_open(it.fd, PORTER_CONFIG, &file);
        if (e == 0)
                close(file);
        return e;
}

static int ask_settings(void) {
        int file = -1;
        return porter_open(it.fd, PORTER_SETTINGS, &file);
}

static int ask_keep(void) {
        return porter_keep(it.fd, SPAN_STR("a = b\n"));
}

static int ask_too_much(void) {
        static uint8_t bytes[PORTER_TEXT_MAX + 1];
        return porter_keep(it.fd, SPAN_OF(bytes));
}

static int ask_renew(void) {
        return porter_renew(it.fd, SPAN_STR("key"));
}

static int ask_tidy(void) {
        porter_tidy(it.fd);
        porter_clear_control(it.fd);
        return ask_has();
}

static int ask_vault(void) {
        int stream = -1, r = porter_vault(it.fd, &stream);
        if (r == 0)
                close(stream);
        return r;
}

static int ask_kill(void) {
        int stream = -1, r = porter_vault(it.fd, &stream);
        porter_kill_vault(it.fd);
        if (r == 0)
                close(stream);
        return r;
}

static void story_orders(void) {
        begin(false);
        done(ask_has, 0);
        done(ask_run, 0);
        done(ask_run, 0);
        done(ask_config, 0);
        done(ask_settings, ENOENT);
        done(ask_keep, 0);
        done(ask_too_much, EFBIG);
        done(ask_renew, 0);
        done(ask_tidy, 0);
        done(ask_kill, 0);
        end();
}

/* A vault that runs by itself. */
static void story_service(void) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        char vault[96];
        begin(true);
        done(ask_vault, PORTER_E_AWAY);
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/vault.sock", it.dir);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 64) == 0);
        done(ask_vault, PORTER_E_STRANGER);
        snprintf(vault, sizeof(vault), "%s/vault", it.dir);
        REQUIRE(mkdir(vault, 0700) == 0);
        done(ask_vault, 0);
        close(fd);
        end();
}

static void test_orders(void **state) {
        (void)state;
        assert_int_equal(mishap_tell("orders", story_orders), 0);
}

static void test_service(void **state) {
        (void)state;
        assert_int_equal(mishap_tell("service", story_service), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders), cmocka_unit_test(test_service)};
        mishap_clear = clear;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
