/* SPDX-License-Identifier: Apache-2.0 */
#include "node/helper_link.h"

#include "base/log.h"
#include "node/internal.h"

#include <unistd.h>

#define OUT_MAX (16 * 1024) /* bytes that may wait for a helper: it is stuck */
#define IN_MAX (80 * 1024)  /* one read brings 64 KiB at most; its longest message has 256 bytes */

static void on_closed(uv_handle_t *handle) {
        struct helper_link *l = CONTAINER_OF(handle, struct helper_link, pipe);
        sink_fini(&l->out);
        buf_fini(&l->in);
        l->open = false;
        if (!l->n->stopping)
                l->kind->gone(l);
}

static void hang_up(struct helper_link *l) {
        l->alive = false;
        if (l->open && !uv_is_closing((uv_handle_t *)&l->pipe))
                uv_close((uv_handle_t *)&l->pipe, on_closed);
}

void helper_link_kill(struct helper_link *l) {
        if (!l->open)
                return;
        porter_stop(l->n->porter, l->kind->program);
        hang_up(l);
}

/* ---- in ---- */

static bool on_message(struct helper_link *l, struct span body) {
        const struct wire_number *row;
        union frame_message m;
        struct codec_why why = {0};
        if (frame_read(body, l->kind->find, &row, &m, &why)) {
                log_error("%s: %s: %s: %s", l->kind->name, why.message, why.field, why.what);
                return false;
        }
        l->kind->heard(l, row->number, &m);
        return true;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
        struct helper_link *l = CONTAINER_OF(stream, struct helper_link, pipe);
        struct span body;
        size_t used;
        if (got < 0)
                hang_up(l);
        if (got <= 0 || !l->alive)
                return;
        buf_add(&l->in, span_of(buf->base, (size_t)got));
        int r = buf_ok(&l->in) ? 0 : FRAME_E_SIZE;
        while (r == 0 && l->alive && (r = frame_take(buf_span(&l->in), &body, &used)) == 0) {
                if (!on_message(l, body))
                        r = FRAME_E_INPUT;
                else
                        buf_drop(&l->in, used);
        }
        if (r == 0 || (r == FRAME_E_MORE && l->in.n < IN_MAX / 2))
                return;
        log_error("%s speaks nonsense; ending it", l->kind->name);
        helper_link_kill(l);
}

static void on_alloc(uv_handle_t *handle, _unused_ size_t suggested, uv_buf_t *ret) {
        *ret = node_read_buffer(CONTAINER_OF(handle, struct helper_link, pipe)->n);
}

static void on_written(struct sink *s, int status) {
        if (status)
                hang_up(CONTAINER_OF(s, struct helper_link, out));
}

/* ---- its life ---- */

static bool take_stream(struct helper_link *l, int stream) {
        uv_pipe_init(l->n->loop, &l->pipe, 0);
        l->open = true;
        sink_init(&l->out, (uv_stream_t *)&l->pipe, OUT_MAX, on_written);
        l->in = BUF_MAX(IN_MAX);
        if (uv_pipe_open(&l->pipe, stream))
                close(stream);
        else
                l->alive = uv_read_start((uv_stream_t *)&l->pipe, on_alloc, on_read) == 0;
        if (!l->alive)
                hang_up(l);
        return l->alive;
}

static bool start(struct helper_link *l) {
        int stream, r = l->open || l->n->stopping ? ERR_IO : porter_run(l->n->porter, l->kind->program, &stream);
        if (r == 0)
                return take_stream(l, stream);
        if (r == PORTER_E_NONE && !l->absent)
                log_info("%s is not on this machine", l->kind->name);
        l->absent = r == PORTER_E_NONE;
        return false;
}

bool helper_link_say(struct helper_link *l, unsigned number, const void *msg) {
        if (!l->alive && !start(l))
                return false;
        frame_put(sink_buf(&l->out), l->kind->find(number), msg);
        if (sink_flush(&l->out) == 0)
                return true;
        helper_link_kill(l);
        return false;
}

static void on_shutdown(uv_shutdown_t *req, int status) {
        if (status)
                hang_up(CONTAINER_OF(req, struct helper_link, goodbye));
}

void helper_link_leave(struct helper_link *l) {
        if (!l->alive)
                return;
        l->alive = false;
        if (uv_shutdown(&l->goodbye, (uv_stream_t *)&l->pipe, on_shutdown))
                hang_up(l);
}

void helper_link_init(struct helper_link *l, struct node *n, const struct helper_kind *kind) {
        *l = (struct helper_link){.n = n, .kind = kind};
}
