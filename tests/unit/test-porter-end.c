/* SPDX-License-Identifier: Apache-2.0 */
/* How the porter ends (node/porter.h) when its daemon has: programs that give back what a router gave are waited for, each of them,
 * and one that does not end is killed. The programs are scripts; the seconds of the porter's last wait pass at once where nobody ends. */
#include "base/dir.h"
#include "base/file.h"
#include "node/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE 20000 /* ms */
#define STAYS 200      /* ms in which a porter that does not wait would have ended */

/* When its daemon is gone it says so, and ends when it is told to, having given back what it had. */
static const char gives_back[] = "#!/bin/sh\n"
                                 "cat <&3 >/dev/null\n"
                                 "echo >$0.alone\n"
                                 "read -r word <$0.go\n"
                                 "echo >$0.given\n";
/* It does not end. */
static const char hangs[] = "#!/bin/sh\n"
                            "exec sleep 30\n";

static struct {
        char dir[64], program[96];
        int fd;      /* to the porter */
        int running; /* ends when the porter has … */
        int living;  /* … and when its programs have, too */
        bool hurries;
} it;

int __real_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout) {
        static const struct timespec moment = {.tv_nsec = 1000000};
        return __real_sigtimedwait(set, info, it.hurries ? &moment : timeout);
}

/* ---- a house with one program ---- */
static const char *beside(const char *what) {
        static char path[128];
        snprintf(path, sizeof(path), "%s.%s", it.program, what);
        return path;
}

static void write_program(const char *text) {
        int fd = open(it.program, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
        assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
        close(fd);
}

/* The reading end of a pipe whose other end whoever is forked from here has. */
static int pipe_held(int flags, int *ret_held) {
        int ends[2];
        assert_int_equal(pipe2(ends, flags), 0);
        assert_int_equal(fcntl(ends[0], F_SETFD, FD_CLOEXEC), 0);
        *ret_held = ends[1];
        return ends[0];
}

static void begin(const char *program, bool hurries) {
        static struct porter_house house;
        int running, living;
        it.hurries = hurries;
        snprintf(it.dir, sizeof(it.dir), "/tmp/plporterend%d", (int)getpid());
        snprintf(it.program, sizeof(it.program), "%s/porchlight-router", it.dir);
        assert_int_equal(mkdir(it.dir, 0700), 0);
        write_program(program);
        assert_int_equal(mkfifo(beside("alone"), 0600) | mkfifo(beside("go"), 0600), 0);
        assert_int_equal(setenv("PORCHLIGHT_LIBEXEC", it.dir, 1), 0);
        house = (struct porter_house){.dir = it.dir, .libexec = it.dir, .files = {"", ""}, .vault_owner = ""};
        it.running = pipe_held(O_CLOEXEC, &running);
        it.living = pipe_held(0, &living);
        assert_int_equal(porter_start(&house, &it.fd), 0);
        close(running);
        close(living);
}

static void end(void) {
        const char *const files[] = {"alone", "go", "given"};
        close(it.running);
        close(it.living);
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                unlink(beside(files[i]));
        assert_int_equal(unlink(it.program) | rmdir(it.dir), 0);
        while (waitpid(-1, NULL, 0) > 0)
                ;
}

/* Whoever holds the other end of that pipe is gone. */
static bool gone(int pipe, int ms) {
        struct pollfd poll_ = {.fd = pipe, .events = POLLIN};
        return poll(&poll_, 1, ms) == 1 && (poll_.revents & POLLHUP);
}

static void daemon_goes(enum porter_program which) {
        int stream = -1;
        assert_int_equal(porter_run(it.fd, which, &stream), 0);
        close(it.fd);
        close(stream);
}

/* ---- cases ---- */
static void waits_for(enum porter_program which) {
        begin(gives_back, false);
        struct pollfd told = {.fd = open(beside("alone"), O_RDONLY | O_NONBLOCK | O_CLOEXEC), .events = POLLIN};
        int go = open(beside("go"), O_RDWR | O_CLOEXEC);
        daemon_goes(which);
        assert_int_equal(poll(&told, 1, PATIENCE), 1);
        assert_false(gone(it.running, STAYS));
        assert_int_equal(write(go, "\n", 1), 1);
        assert_true(gone(it.running, PATIENCE));
        assert_int_equal(access(beside("given"), F_OK), 0);
        close(told.fd);
        close(go);
        end();
}

static void kills(enum porter_program which) {
        begin(hangs, true);
        daemon_goes(which);
        assert_true(gone(it.living, PATIENCE));
        end();
}

static void test_waits(void **state) {
        (void)state;
        waits_for(PORTER_ROUTER);
        waits_for(PORTER_ROUTER6);
}

static void test_kills(void **state) {
        (void)state;
        kills(PORTER_ROUTER);
        kills(PORTER_ROUTER6);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_waits), cmocka_unit_test(test_kills)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
