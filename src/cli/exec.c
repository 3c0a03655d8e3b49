/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that is run for an event: fixed words, no shell, what a neighbour wrote on stdin only, where no quoting
 * can go wrong. It gets a process group of its own, so that what it starts ends with it.
 */
#include "cli/cli.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MS 30000
#define END_MS 2000 /* between asking it to end and ending it */

extern char **environ;

/* Signals as a program expects them, and @in as its stdin. An errno, or 0. */
static int spawn(char *const *argv, int in, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t ours;
        sigemptyset(&ours);
        sigaddset(&ours, SIGPIPE);
        sigaddset(&ours, SIGXFSZ);
        sigaddset(&ours, SIGINT);
        sigaddset(&ours, SIGTERM);
        sigaddset(&ours, SIGHUP);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigdefault(&attr, &ours);
        posix_spawnattr_setpgroup(&attr, 0);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        int r = posix_spawnp(ret, argv[0], &actions, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        return r;
}

/* An event is at most a few kilobytes: it fits the pipe, and this never waits for the program to read. */
static void give(int fd, struct span s) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        file_write(fd, s);
}

/* True when the program has ended within @ms. A signal that ends the watch ends the wait. */
static bool ended(int pidfd, int ms) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        int r = poll(&p, 1, ms);
        while (r < 0 && errno == EINTR && !stop_wanted())
                r = poll(&p, 1, ms);
        return r > 0;
}

static void finish(struct cli *c, const char *name, pid_t pid) {
        _clean_(file_close) int pidfd = pidfd_open(pid, 0);
        int status = 0;
        if (pidfd >= 0 && !ended(pidfd, RUN_MS)) {
                if (!stop_wanted())
                        cli_note(c, "%s has run for %d s; ending it", name, RUN_MS / 1000);
                kill(-pid, SIGTERM);
                struct pollfd p = {.fd = pidfd, .events = POLLIN};
                poll(&p, 1, END_MS);
                kill(-pid, SIGKILL); /* also what it has started, where it has ended itself */
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        if (WIFEXITED(status) && WEXITSTATUS(status))
                cli_note(c, "%s ended with %d; going on", name, WEXITSTATUS(status));
}

int exec_run(struct cli *c, char *const *argv, struct span input) {
        int ends[2];
        pid_t pid;
        if (pipe2(ends, O_CLOEXEC))
                return cli_fail(c, EXIT_FAILED, "exec-failed", "", "pipe: %s", strerror(errno));
        int r = spawn(argv, ends[0], &pid);
        close(ends[0]);
        if (r) {
                close(ends[1]);
                return cli_fail(c, EXIT_FAILED, "exec-failed", "check the word behind --exec", "%s: %s", argv[0],
                                strerror(r));
        }
        give(ends[1], input);
        close(ends[1]);
        finish(c, argv[0], pid);
        return 0;
}
