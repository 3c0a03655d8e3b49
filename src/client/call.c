/* SPDX-License-Identifier: Apache-2.0 */
#include "client/call.h"

#include "base/file.h"
#include "base/lang.h"

#include "base/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define READ_AT_ONCE 65536
#define SEND_WAIT_MS 10000 /* a daemon that takes no request for so long is stuck */
#define REQUEST_ROOM 4096  /* longest request: reserved at once, so that no copy of a passphrase stays behind */
#define START_HINT N_("start it with `porchlightd &` or `systemctl start porchlight`; --data DIR names another one")

struct call {
        int fd;
        enum call_socket which;
        struct buf in;
        size_t used; /* bytes of the frame last given out: dropped by the next call */
        union frame_message message;
        struct call_error error;
};

void call_error_set(struct call_error *ret, int code, const char *name, const char *hint, const char *fmt, ...) {
        va_list ap;
        *ret = (struct call_error){.exit = code};
        snprintf(ret->name, sizeof(ret->name), "%s", name);
        snprintf(ret->hint, sizeof(ret->hint), "%s", _(hint));
        va_start(ap, fmt);
        vsnprintf(ret->message, sizeof(ret->message), _(fmt), ap);
        va_end(ap);
}

const struct call_error *call_error(const struct call *c) {
        return &c->error;
}

int call_fd(const struct call *c) {
        return c->fd;
}

/* ---- connecting ---- */

static int find_dir(struct buf *out, const char *dir, struct call_error *ret_error) {
        int r = dir_find(out, dir);
        if (r == 0)
                return 0;
        if (r == DIR_E_LONG)
                call_error_set(ret_error, EXIT_USAGE, "data-folder-too-long", "use a shorter --data DIR",
                               "the path of the data folder is too long for a socket in it");
        else if (r == DIR_E_NONE)
                call_error_set(ret_error, EXIT_USAGE, "no-data-folder", "name it with --data DIR",
                               "no data folder is given");
        else
                call_error_set(ret_error, EXIT_FAILED, "out-of-memory", "", "%s", err_text(r));
        return CALL_E_FAILED;
}

static int connect_failed(const char *path, enum call_socket which, int why, struct call_error *ret_error) {
        if (why == ENOENT || why == ECONNREFUSED || why == ENOTDIR)
                call_error_set(ret_error, EXIT_UNREACHABLE, "daemon-not-running", START_HINT, "nothing answers at %s",
                               path);
        else if (why == EACCES || why == EPERM)
                call_error_set(ret_error, EXIT_REFUSED, "no-access",
                               which == CALL_OWNER
                                       ? "only the home's owner may do this: run it as the user who founded or "
                                         "joined, or as root"
                                       : "run it as the daemon's user, or join the group porchlight",
                               "this user may not use %s", path);
        else
                call_error_set(ret_error, EXIT_UNREACHABLE, "daemon-unreachable", START_HINT, "%s: %s", path,
                               strerror(why));
        return CALL_E_FAILED;
}

/* A connected stream socket that does not block, or -1 and errno. */
static int connect_to(const char *path) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        struct timeval patience = {.tv_sec = SEND_WAIT_MS / 1000};
        _clean_(file_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        memcpy(at.sun_path, path, MIN(strlen(path), sizeof(at.sun_path) - 1));
        /* connect() waits in a full backlog; the bound keeps it from waiting for ever */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) || fcntl(fd, F_SETFL, O_NONBLOCK))
                return -1;
        int ret = fd;
        fd = -1;
        return ret;
}

int call_new_fd(struct call **ret, int fd, enum call_socket which) {
        struct call *c = calloc(1, sizeof(*c));
        if (!c)
                return ERR_NOMEM;
        c->fd = fd;
        c->which = which;
        fcntl(fd, F_SETFL, O_NONBLOCK);
        *ret = c;
        return 0;
}

int call_new(struct call **ret, const char *dir, enum call_socket which, struct call_error *ret_error) {
        _clean_(buf_fini) struct buf found = BUF_NULL, path = BUF_NULL;
        if (find_dir(&found, dir, ret_error))
                return CALL_E_FAILED;
        dir_join(&path, buf_cstr(&found), which == CALL_OWNER ? DIR_OWNER_SOCK : DIR_CONTROL_SOCK);
        _clean_(file_close) int fd = connect_to(buf_cstr(&path));
        if (fd < 0)
                return connect_failed(buf_cstr(&path), which, errno, ret_error);
        if (call_new_fd(ret, fd, which)) {
                call_error_set(ret_error, EXIT_FAILED, "out-of-memory", "", "out of memory");
                return CALL_E_FAILED;
        }
        fd = -1;
        return 0;
}

struct call *call_free(struct call *c) {
        if (!c)
                return NULL;
        close(c->fd);
        buf_fini(&c->in);
        free(c);
        return NULL;
}

/* ---- requests ---- */

static int gone(struct call *c) {
        call_error_set(&c->error, EXIT_UNREACHABLE, "daemon-gone", "see its log, then try again",
                       "the daemon closed the connection before it had answered");
        return CALL_E_FAILED;
}

static int silent(struct call *c) {
        call_error_set(&c->error, EXIT_UNREACHABLE, "daemon-silent", "see its log, then try again",
                       "the daemon does not answer");
        return CALL_E_FAILED;
}

/* Whoever hung up may have said why: reading tells. */
static bool last_words(const struct call *c) {
        uint8_t byte;
        return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static int send_all(struct call *c, struct span s) {
        while (s.n) {
                ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
                if (n >= 0) {
                        s = span_from(s, (size_t)n);
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno == EPIPE && last_words(c))
                        return 0;
                if (errno != EAGAIN && errno != EWOULDBLOCK)
                        return gone(c);
                struct pollfd p = {.fd = c->fd, .events = POLLOUT};
                if (poll(&p, 1, SEND_WAIT_MS) == 0)
                        return silent(c);
        }
        return 0;
}

static const struct wire_number *(*finder(const struct call *c))(uint64_t) {
        return c->which == CALL_OWNER ? wire_owner_find : wire_control_find;
}

int call_send(struct call *c, unsigned number, const void *msg) {
        _clean_(buf_wipe) struct buf out = BUF_NULL;
        const struct wire_number *row = finder(c)(number);
        buf_room(&out, REQUEST_ROOM);
        if (!CHECK_FAILS(row))
                frame_put(&out, row, msg);
        if (!row || !buf_ok(&out)) {
                call_error_set(&c->error, EXIT_USAGE, "out-of-bounds", "make it shorter or smaller",
                               "a value of the request is beyond the protocol's limits");
                return CALL_E_FAILED;
        }
        return send_all(c, buf_span(&out));
}

/* ---- answers ---- */

static int unreadable(struct call *c, const struct codec_why *why) {
        call_error_set(&c->error, EXIT_FAILED, "bad-answer", "are the daemon and this tool of one version?",
                       "the daemon's answer cannot be read: %s: %s: %s", why->message, why->field, why->what);
        return CALL_E_FAILED;
}

static void copy_text(char *to, size_t room, struct span s) {
        size_t n = MIN(s.n, room - 1);
        memcpy(to, s.p, n);
        to[n] = 0;
}

static int refused(struct call *c, const struct wire_c_error *e) {
        c->error = (struct call_error){.exit = (int)e->exit};
        copy_text(c->error.name, sizeof(c->error.name), e->name);
        copy_text(c->error.message, sizeof(c->error.message), e->message);
        if (WIRE_HAS(e, C_ERROR, hint))
                copy_text(c->error.hint, sizeof(c->error.hint), e->hint);
        said_take(e, &c->error.said, &c->error.said_hint);
        return CALL_E_FAILED;
}

/* A row out of memory: 0, CALL_E_END, CALL_E_FAILED; CALL_E_AGAIN: the frame is not complete. */
static int take_row(struct call *c, struct call_row *ret) {
        struct codec_why why = {"frame", "length", "not a frame of ours"};
        const struct wire_number *row;
        struct span body;
        size_t used;
        int r = frame_take(buf_span(&c->in), &body, &used);
        if (r == FRAME_E_MORE)
                return CALL_E_AGAIN;
        if (r || frame_read(body, finder(c), &row, &c->message, &why))
                return unreadable(c, &why);
        c->used = used;
        if (row->number == CONTROL_ERROR) /* the same number on both sockets, as is DONE */
                return refused(c, &c->message.c_error);
        *ret = (struct call_row){.number = row->number, .row = row, .m = &c->message};
        return row->number == CONTROL_DONE ? CALL_E_END : 0;
}
_Static_assert((int)CONTROL_ERROR == (int)OWNER_O_ERROR && (int)CONTROL_DONE == (int)OWNER_O_DONE,
               "the two sockets end an answer alike");

bool call_pending(const struct call *c) {
        struct span body;
        size_t used;
        return frame_take(span_from(buf_span(&c->in), c->used), &body, &used) != FRAME_E_MORE;
}

static int read_more(struct call *c) {
        uint8_t *p = buf_room(&c->in, READ_AT_ONCE);
        if (!p) {
                call_error_set(&c->error, EXIT_FAILED, "out-of-memory", "", "out of memory");
                return CALL_E_FAILED;
        }
        ssize_t n = recv(c->fd, p, READ_AT_ONCE, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
                return CALL_E_AGAIN;
        if (n <= 0)
                return gone(c);
        buf_used(&c->in, (size_t)n);
        return 0;
}

static int64_t now_ms(void) {
        struct timespec ts;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Milliseconds left until @end, as poll() wants them. */
static int left(int64_t end, bool for_ever) {
        return for_ever ? -1 : (int)MAX(end - now_ms(), 0);
}

int call_next(struct call *c, int wait_ms, struct call_row *ret) {
        int64_t end = now_ms() + MAX(wait_ms, 0);
        buf_drop(&c->in, c->used);
        c->used = 0;
        for (;;) {
                int r = take_row(c, ret);
                if (r != CALL_E_AGAIN)
                        return r;
                struct pollfd p = {.fd = c->fd, .events = POLLIN};
                if (poll(&p, 1, left(end, wait_ms < 0)) <= 0)
                        return CALL_E_AGAIN;
                r = read_more(c);
                if (r == CALL_E_FAILED)
                        return r;
        }
}

int call_row(struct call *c, int wait_ms, struct call_row *ret) {
        int64_t end = now_ms() + wait_ms;
        for (;;) {
                int r = call_next(c, left(end, false), ret);
                if (r != CALL_E_AGAIN)
                        return r;
                if (left(end, false) == 0)
                        return silent(c);
        }
}
