/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing half of a stream. What is added collects until sink_flush(), so that many small messages cost one system
 * call; what the kernel does not take at once waits in one libuv write, and what is added meanwhile goes out behind it.
 */
#pragma once

#include "base/buf.h"

#include <uv.h>

struct sink {
        uv_stream_t *stream;
        uv_write_t req;
        struct buf next;   /* not given to libuv yet */
        struct buf flying; /* in one uv_write */
        bool busy;
        size_t keep; /* bytes of memory it keeps where nothing waits: for streams that carry much. 0: a little */
        /* A write is over: @status 0, or a libuv error (the stream is of no more use). Called from the loop only. */
        void (*on_written)(struct sink *s, int status);
};

/* At most @max bytes wait; beyond it sink_flush fails. */
void sink_init(struct sink *s, uv_stream_t *stream, size_t max, void (*on_written)(struct sink *s, int status));
void sink_fini(struct sink *s); /* in or after the stream's close callback */
/* Where messages are appended; call sink_flush afterwards. */
static inline struct buf *sink_buf(struct sink *s) {
        return &s->next;
}
/* Gives to the kernel what it takes. 0, or a libuv error: close the stream. */
int sink_flush(struct sink *s);
/* Bytes that wait in this process. */
size_t sink_waiting(const struct sink *s);
