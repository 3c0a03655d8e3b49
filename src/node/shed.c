/* SPDX-License-Identifier: Apache-2.0 */
#include "node/shed.h"

static void on_closed(uv_handle_t *handle) {
        struct shed *s = CONTAINER_OF(handle, struct shed, s.handle);
        s->busy = false;
        if (s->took)
                s->room(s);
}

void shed_take(struct shed *s, uv_stream_t *listener) {
        if (s->busy)
                return;
        bool tcp = listener->type == UV_TCP;
        if (tcp ? uv_tcp_init(listener->loop, &s->s.tcp) : uv_pipe_init(listener->loop, &s->s.pipe, 0))
                return;
        s->busy = true;
        s->took = uv_accept(listener, &s->s.stream) == 0;
        uv_close(&s->s.handle, on_closed);
}
