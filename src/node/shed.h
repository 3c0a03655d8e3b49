/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection for which there is nothing to take it with. libuv tells of no other one on that listener until it is taken, so without
 * memory for one caller a node would be deaf to all who come after: here it is taken, and closed at once.
 */
#pragma once

#include "base/base.h"

#include <uv.h>

struct shed {
        union {
                uv_handle_t handle;
                uv_stream_t stream;
                uv_tcp_t tcp;
                uv_pipe_t pipe;
        } s;
        bool busy, took;
        /* One is gone: others may have come meanwhile, on any listener that uses this shed; call shed_take() for each. */
        void (*room)(struct shed *s);
};

/* Takes the connection that waits on @listener, if there is one and the shed is free. @s outlives the loop. */
void shed_take(struct shed *s, uv_stream_t *listener);
