/* SPDX-License-Identifier: Apache-2.0 */
#include "node/porter.h"
#include "base/buf.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/file.h"
#include "base/helper.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESS_NAME "porter" /* in ps(1) */
#define STREAM_FD 3           /* of the socketpair, in a program that was started */
#define VAULT_ARGS 5
#define LAST_WAIT_S 5 /* the vault ends at end of file; one that has not by then is killed */
#define EXIT_CANNOT_RUN 127

enum { CHILD_VAULT = PORTER_PROGRAMS, CHILDREN };

static const char *const programs[CHILDREN] = {
        [PORTER_ICE] = "porchlight-ice",       [PORTER_NAMES] = "porchlight-names",
        [PORTER_ROUTER] = "porchlight-router", [PORTER_ROUTER6] = "porchlight-router",
        [CHILD_VAULT] = "porchlight-vault",
};

enum order {
        ORDER_VAULT = 'v',
        ORDER_KILL = 'k',
        ORDER_CONFIG = 'c',
        ORDER_SETTINGS = 's',
        ORDER_KEEP = 'w',  /* the text follows */
        ORDER_RENEW = 'd', /* the key follows */
        ORDER_RUN = 'r',   /* which program follows, as one byte */
        ORDER_STOP = 'x',  /* the same */
        ORDER_HAS = 'h',   /* the same */
        ORDER_CLEAR = 'u',
        ORDER_TIDY = 't',
};

struct porter {
        const struct porter_house *house;
        int fd;                   /* to the daemon */
        pid_t children[CHILDREN]; /* 0: it does not run, or is no longer waited for */
        size_t n;
        uint8_t order[1 + PORTER_TEXT_MAX];
};

/* ---- an answer: a number, and a descriptor where there is one ---- */

union control {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
};

/* Where none can be given, the daemon must not wait for it: it hears the end instead. */
static void answer(int socket, int number, int fd) {
        union control c = {0};
        struct iovec iov = {&number, sizeof(number)};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        if (fd >= 0) {
                msg.msg_control = &c;
                msg.msg_controllen = sizeof(c);
                c.head.cmsg_level = SOL_SOCKET;
                c.head.cmsg_type = SCM_RIGHTS;
                c.head.cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(&c.head), &fd, sizeof(fd));
        }
        if (sendmsg(socket, &msg, MSG_NOSIGNAL) < 0)
                shutdown(socket, SHUT_RDWR);
}

/* The number, and in *@ret_fd the descriptor or -1. False: the porter is gone. */
static bool hear(int socket, int *ret_number, int *ret_fd) {
        union control c = {0};
        struct iovec iov = {ret_number, sizeof(*ret_number)};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
        ssize_t n;
        do {
                n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
        } while (n < 0 && errno == EINTR);
        if (n != (ssize_t)sizeof(*ret_number))
                return false;
        struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
        *ret_fd = -1;
        if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(head), sizeof(*ret_fd));
        return true;
}

/* ---- children ---- */

/* In the child: with what the loop blocks and ignores undone, and @stream as what it speaks by. */
_noreturn_ static void become(const char **args, int stream) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        if (stream == STREAM_FD ? fcntl(stream, F_SETFD, 0) == 0 : dup2(stream, STREAM_FD) == STREAM_FD)
                execv(args[0], (char **)args); /* POSIX: it writes to none of them */
        log_error("%s: %s", args[0], strerror(errno));
        _exit(EXIT_CANNOT_RUN);
}

_noreturn_ static void become_child(const struct porter_house *h, unsigned which, const char *path, int stream) {
        const char *args[VAULT_ARGS + 1] = {path};
        size_t n = 1;
        if (which == CHILD_VAULT) {
                if (*h->vault_owner) {
                        args[n++] = "--owner";
                        args[n++] = h->vault_owner;
                }
                args[n++] = h->dir;
        }
        become(args, stream);
}

static int start(struct porter *p, unsigned which, int *ret_stream) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        int pair[2];
        if (!helper_find(&path, programs[which], p->house->libexec))
                return PORTER_E_NONE;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
                return ERR_IO;
        pid_t pid = fork();
        if (pid == 0)
                become_child(p->house, which, buf_cstr(&path), pair[1]);
        close(pair[1]);
        if (pid < 0) {
                close(pair[0]);
                return ERR_IO;
        }
        p->children[which] = pid;
        *ret_stream = pair[0];
        return 0;
}

static int start_vault(struct porter *p, int *ret_stream) {
        int r = start(p, CHILD_VAULT, ret_stream);
        if (r == PORTER_E_NONE)
                log_error("%s is neither in $PORCHLIGHT_LIBEXEC, nor beside this program, nor in %s",
                          programs[CHILD_VAULT], p->house->libexec);
        return r;
}

static void tell_end(const char *program, int status) {
        if (WIFSIGNALED(status))
                log_warning("%s has ended by signal %d", program, WTERMSIG(status));
        else if (WEXITSTATUS(status))
                log_warning("%s has ended with status %d", program, WEXITSTATUS(status));
}

static void reap(struct porter *p, int flags) {
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, flags)) > 0)
                for (unsigned i = 0; i < CHILDREN; i++)
                        if (pid == p->children[i]) {
                                p->children[i] = 0;
                                tell_end(programs[i], status);
                        }
}

/* Of its end nothing is told: it was wanted. The vault's is: it is ended so where it does not end by itself. */
static void stop(struct porter *p, unsigned which) {
        if (!p->children[which])
                return;
        kill(p->children[which], SIGKILL);
        if (which != CHILD_VAULT)
                p->children[which] = 0;
}

/* ---- the vault as a service ---- */

/* Whoever may write to DIR could put a socket there: the one at its other end has to be the keeper of DIR/vault. */
static bool is_keeper(const char *dir, int fd) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        struct ucred who;
        struct stat st;
        socklen_t n = sizeof(who);
        dir_join(&path, dir, DIR_VAULT);
        return lstat(buf_cstr(&path), &st) == 0 && S_ISDIR(st.st_mode) &&
               getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.uid == st.st_uid;
}

static int call_vault(const char *dir, int *ret_stream) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        int n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", dir, DIR_VAULT_SOCK);
        if (n < 0 || (size_t)n >= sizeof(to.sun_path))
                return ERR_IO;
        _clean_(file_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return ERR_IO;
        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
                return PORTER_E_AWAY;
        if (!is_keeper(dir, fd))
                return PORTER_E_STRANGER;
        *ret_stream = fd;
        fd = -1;
        return 0;
}

/* ---- orders ---- */

static void serve_vault(struct porter *p) {
        _clean_(file_close) int stream = -1;
        int r = p->house->vault_service ? call_vault(p->house->dir, &stream) : start_vault(p, &stream);
        answer(p->fd, r, stream);
}

static void serve_open(const struct porter *p, enum porter_file which) {
        _clean_(file_close) int file = open(p->house->files[which], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        answer(p->fd, file < 0 ? errno : 0, file);
}

/* One of each at most: an older one that has not ended yet is of no use to anybody. */
static void serve_run(struct porter *p, unsigned which) {
        _clean_(file_close) int stream = -1;
        int r = PORTER_E_NONE;
        if (which < PORTER_PROGRAMS) {
                stop(p, which);
                r = start(p, which, &stream);
        }
        answer(p->fd, r, stream);
}

static void serve_has(const struct porter *p, unsigned which) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        bool has = which < PORTER_PROGRAMS && helper_find(&path, programs[which], p->house->libexec);
        answer(p->fd, has ? 0 : PORTER_E_NONE, -1);
}

static void serve_clear(const struct porter *p) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        dir_join(&path, p->house->dir, DIR_CONTROL_SOCK);
        unlink(buf_cstr(&path));
        answer(p->fd, 0, -1);
}

static void serve(struct porter *p) {
        unsigned which = p->n > 1 ? p->order[1] : PORTER_PROGRAMS;
        switch ((enum order)p->order[0]) {
        case ORDER_VAULT:
                serve_vault(p);
                return;
        case ORDER_KILL:
                stop(p, CHILD_VAULT);
                return;
        case ORDER_RUN:
                serve_run(p, which);
                return;
        case ORDER_STOP:
                if (which < PORTER_PROGRAMS)
                        stop(p, which);
                return;
        case ORDER_HAS:
                serve_has(p, which);
                return;
        case ORDER_CONFIG:
                serve_open(p, PORTER_CONFIG);
                return;
        case ORDER_SETTINGS:
                serve_open(p, PORTER_SETTINGS);
                return;
        case ORDER_KEEP:
                answer(p->fd, p->house->keep(p->house->dir, span_of(p->order + 1, p->n - 1)), -1);
                return;
        case ORDER_RENEW:
                answer(p->fd, p->house->renew(p->house->dir, span_of(p->order + 1, p->n - 1)), -1);
                explicit_bzero(p->order, p->n);
                return;
        case ORDER_CLEAR:
                serve_clear(p);
                return;
        case ORDER_TIDY:
                p->house->tidy(p->house->dir);
                answer(p->fd, 0, -1);
                return;
        }
}

static void on_child(_unused_ int sig) {
}

/* Waits for an order or a child's end. False: the daemon is gone. */
static bool turn(struct porter *p, const sigset_t *mask) {
        struct pollfd poll = {.fd = p->fd, .events = POLLIN};
        reap(p, WNOHANG);
        if (ppoll(&poll, 1, NULL, mask) < 0)
                return errno == EINTR;
        ssize_t n = recv(p->fd, p->order, sizeof(p->order), MSG_DONTWAIT);
        p->n = n > 0 ? (size_t)n : 0;
        if (p->n)
                serve(p);
        return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool any_left(const struct porter *p) {
        for (unsigned i = 0; i < CHILDREN; i++)
                if (p->children[i])
                        return true;
        return false;
}

/* Two hold nothing that could be lost. The others end with their streams: what the router gave is given back first. Whoever does
 * not is killed: nobody is left to hear of him. */
static void last_wait(struct porter *p) {
        const struct timespec second = {.tv_sec = 1};
        sigset_t child;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        stop(p, PORTER_ICE);
        stop(p, PORTER_NAMES);
        reap(p, WNOHANG);
        for (int i = 0; any_left(p) && i < LAST_WAIT_S + PORTER_PROGRAMS; i++) { /* theirs end a wait too */
                sigtimedwait(&child, NULL, &second);
                reap(p, WNOHANG);
        }
        stop(p, PORTER_ROUTER);
        stop(p, PORTER_ROUTER6);
        stop(p, CHILD_VAULT);
        if (p->children[CHILD_VAULT])
                reap(p, 0);
}

/* Ends with the daemon, whatever signals a terminal or a service manager sends to all. */
static void run(struct porter *p) {
        const struct sigaction child = {.sa_handler = on_child};
        sigset_t block, mask;
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        sigemptyset(&block);
        sigaddset(&block, SIGCHLD);
        sigprocmask(SIG_BLOCK, &block, &mask);
        sigdelset(&mask, SIGCHLD);
        sigaction(SIGCHLD, &child, NULL);
        prctl(PR_SET_NAME, PROCESS_NAME);
        while (turn(p, &mask))
                ;
        last_wait(p);
}

/* ---- the daemon's side ---- */

int porter_start(const struct porter_house *house, int *ret_fd) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
                return ERR_IO;
        pid_t pid = fork();
        if (pid == 0) {
                static struct porter p;
                p = (struct porter){.house = house, .fd = pair[1]};
                close(pair[0]);
                run(&p);
                _exit(0);
        }
        close(pair[1]);
        if (pid < 0) {
                close(pair[0]);
                return ERR_IO;
        }
        *ret_fd = pair[0];
        return 0;
}

static bool give(int fd, enum order order) {
        uint8_t byte = (uint8_t)order;
        return send(fd, &byte, sizeof(byte), MSG_NOSIGNAL) == (ssize_t)sizeof(byte);
}

int porter_vault(int fd, int *ret_stream) {
        int r, stream;
        if (!give(fd, ORDER_VAULT) || !hear(fd, &r, &stream) || (r == 0 && stream < 0))
                return ERR_IO;
        if (r == 0)
                *ret_stream = stream;
        return r;
}

void porter_kill_vault(int fd) {
        give(fd, ORDER_KILL);
}

static bool give_program(int fd, enum order order, enum porter_program which) {
        const uint8_t bytes[] = {(uint8_t)order, (uint8_t)which};
        return send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) == (ssize_t)sizeof(bytes);
}

int porter_run(int fd, enum porter_program which, int *ret_stream) {
        int r, stream;
        if (!give_program(fd, ORDER_RUN, which) || !hear(fd, &r, &stream) || (r == 0 && stream < 0))
                return ERR_IO;
        if (r == 0)
                *ret_stream = stream;
        return r;
}

bool porter_has(int fd, enum porter_program which) {
        int r, none;
        return give_program(fd, ORDER_HAS, which) && hear(fd, &r, &none) && r == 0;
}

void porter_stop(int fd, enum porter_program which) {
        give_program(fd, ORDER_STOP, which);
}

int porter_open(int fd, enum porter_file which, int *ret_file) {
        int e, file;
        if (!give(fd, which == PORTER_CONFIG ? ORDER_CONFIG : ORDER_SETTINGS) || !hear(fd, &e, &file) ||
            (e == 0 && file < 0))
                return EIO;
        if (e == 0)
                *ret_file = file;
        return e;
}

static int give_bytes(int fd, enum order order, struct span bytes) {
        uint8_t byte = (uint8_t)order;
        struct iovec iov[] = {{&byte, 1}, {(void *)(uintptr_t)bytes.p, bytes.n}};
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov)};
        int e, none;
        if (bytes.n > PORTER_TEXT_MAX)
                return EFBIG;
        return sendmsg(fd, &msg, MSG_NOSIGNAL) > 0 && hear(fd, &e, &none) ? e : EIO;
}

int porter_keep(int fd, struct span text) {
        return give_bytes(fd, ORDER_KEEP, text);
}

int porter_renew(int fd, struct span key) {
        return give_bytes(fd, ORDER_RENEW, key);
}

void porter_clear_control(int fd) {
        int r, none;
        if (!give(fd, ORDER_CLEAR) || !hear(fd, &r, &none)) {
                /* a socket that stays is a leftover: the next start clears it away */
        }
}

void porter_tidy(int fd) {
        int r, none;
        if (!give(fd, ORDER_TIDY) || !hear(fd, &r, &none)) {
                /* an empty log that stays is one that the next start uses */
        }
}
