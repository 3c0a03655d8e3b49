/* SPDX-License-Identifier: Apache-2.0 */
#include "ice/talk.h"

#include "base/file.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 4096
#define WAITING_MAX (1024 * 1024) /* bytes that the daemon does not fetch: it is stuck, or gone */

/* One frame that goes out, or what is left of it. */
struct line {
        struct list on;
        struct buf bytes;
};

struct talk_source {
        GSource base;
        struct talk *talk;
};

static void line_free(struct line *l) {
        list_drop(&l->on);
        buf_fini(&l->bytes);
        free(l);
}

/* ---- out ---- */

/* False: the daemon takes nothing any more. */
static bool flush(struct talk *t) {
        LIST_EACH (l, &t->out, struct line, on) {
                ssize_t n = send(t->fd, l->bytes.p, l->bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR;
                buf_drop(&l->bytes, (size_t)n);
                t->waiting -= (size_t)n;
                if (l->bytes.n)
                        return true;
                line_free(l);
        }
        return true;
}

static void watch(struct talk *t) {
        g_source_modify_unix_fd(t->source, t->tag, list_empty(&t->out) ? G_IO_IN : G_IO_IN | G_IO_OUT);
}

void talk_say(struct talk *t, enum wire_ice number, const void *msg) {
        struct line *l = calloc(1, sizeof(*l));
        if (!l)
                return;
        list_init(&l->on);
        frame_put(&l->bytes, wire_ice_find(number), msg);
        if (!buf_ok(&l->bytes)) {
                line_free(l);
                return;
        }
        t->waiting += l->bytes.n;
        list_push(&t->out, &l->on);
        watch(t);
}

/* ---- in ---- */

int talk_take(struct talk *t) {
        int with = t->with;
        t->with = -1;
        return with;
}

/* Reads more. The kernel never gives bytes behind a descriptor together with those that it came with, so that it belongs to the
 * last frame that is there. */
static ssize_t read_more(struct talk *t, uint8_t *room) {
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(sizeof(int))];
        } with;
        struct iovec bytes = {room, READ_BYTES};
        struct msghdr m = {
                .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = with.bytes, .msg_controllen = sizeof(with)};
        ssize_t n = recvmsg(t->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) {
                file_close(&t->with);
                memcpy(&t->with, CMSG_DATA(c), sizeof(t->with));
        }
        return n;
}

/* All whole messages. False: that was none. */
static bool take_frames(struct talk *t) {
        for (;;) {
                struct span body;
                size_t used;
                union frame_message m;
                const struct wire_number *row;
                int r = frame_take(buf_span(&t->in), &body, &used);
                if (r == FRAME_E_MORE)
                        return true;
                if (r || frame_read(body, wire_ice_find, &row, &m, NULL))
                        return false;
                t->heard(t->arg, (enum wire_ice)row->number, &m);
                buf_drop(&t->in, used);
        }
}

/* 0: go on; 1: the daemon has closed; 2: it does not speak as it should. */
static int take_in(struct talk *t) {
        uint8_t *room = buf_room(&t->in, READ_BYTES);
        if (!room)
                return 2;
        ssize_t n = read_more(t, room);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                return 1;
        buf_used(&t->in, (size_t)n);
        bool ok = take_frames(t);
        if (!t->in.n)
                file_close(&t->with);
        return ok ? 0 : 2;
}

static gboolean on_ready(GSource *source, _unused_ GSourceFunc f, _unused_ gpointer arg) {
        struct talk *t = ((struct talk_source *)source)->talk;
        GIOCondition now = g_source_query_unix_fd(source, t->tag);
        int r = now & (G_IO_IN | G_IO_HUP | G_IO_ERR) ? take_in(t) : 0;
        if (r == 0 && (!flush(t) || t->waiting > WAITING_MAX))
                r = 1;
        if (r == 0) {
                watch(t);
                return G_SOURCE_CONTINUE;
        }
        t->over(t->arg, r == 2);
        return G_SOURCE_REMOVE;
}

void talk_begin(struct talk *t, int fd, GMainContext *on) {
        static GSourceFuncs funcs = {.dispatch = on_ready};
        t->fd = fd;
        t->with = -1;
        t->in = BUF_MAX(FRAME_MAX + 2 * READ_BYTES);
        list_init(&t->out);
        t->source = g_source_new(&funcs, sizeof(struct talk_source));
        ((struct talk_source *)t->source)->talk = t;
        t->tag = g_source_add_unix_fd(t->source, fd, G_IO_IN);
        g_source_attach(t->source, on);
}

void talk_end(struct talk *t) {
        LIST_EACH (l, &t->out, struct line, on) {
                line_free(l);
        }
        g_source_destroy(t->source);
        g_source_unref(t->source);
        buf_fini(&t->in);
        file_close(&t->with);
        file_close(&t->fd);
}
