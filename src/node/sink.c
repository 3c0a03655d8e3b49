/* SPDX-License-Identifier: Apache-2.0 */
#include "node/sink.h"

#define KEEP_BYTES 4096 /* an idle stream keeps no more memory than this in each of its buffers */

static void clear(const struct sink *s, struct buf *b) {
        if (b->cap > MAX(s->keep, (size_t)KEEP_BYTES))
                buf_fini(b);
        else
                buf_clear(b);
}

void sink_init(struct sink *s, uv_stream_t *stream, size_t max, void (*on_written)(struct sink *s, int status)) {
        *s = (struct sink){.stream = stream, .next = BUF_MAX(max), .flying = BUF_MAX(max), .on_written = on_written};
}

void sink_fini(struct sink *s) {
        buf_fini(&s->next);
        buf_fini(&s->flying);
}

static void on_written(uv_write_t *req, int status) {
        struct sink *s = CONTAINER_OF(req, struct sink, req);
        s->busy = false;
        clear(s, &s->flying);
        if (status == 0)
                status = sink_flush(s);
        s->on_written(s, status);
}

static int start_write(struct sink *s, size_t done) {
        struct buf swap = s->flying;
        s->flying = s->next;
        s->next = swap;
        uv_buf_t rest = uv_buf_init((char *)s->flying.p + done, (unsigned)(s->flying.n - done));
        int r = uv_write(&s->req, s->stream, &rest, 1, on_written);
        s->busy = r == 0;
        return r;
}

int sink_flush(struct sink *s) {
        if (!buf_ok(&s->next))
                return UV_ENOBUFS;
        if (s->busy || s->next.n == 0)
                return 0;
        uv_buf_t all = uv_buf_init((char *)s->next.p, (unsigned)s->next.n);
        int r = uv_try_write(s->stream, &all, 1);
        if (r < 0 && r != UV_EAGAIN)
                return r;
        size_t done = r < 0 ? 0 : (size_t)r;
        if (done < s->next.n)
                return start_write(s, done);
        clear(s, &s->next);
        return 0;
}

size_t sink_waiting(const struct sink *s) {
        return s->next.n + (s->busy ? uv_stream_get_write_queue_size(s->stream) : 0);
}
