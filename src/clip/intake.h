/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of porchlight-ingest (proto/ingest.def), as whoever relays it reads it. It comes out of a process that parsed an
 * untrusted file, so nothing of it is taken for granted: order, sizes and sums are checked, and memory is bounded by one
 * chunk. Bytes in, messages out.
 */
#pragma once

#include "wire/frame.h"

enum {
        INTAKE_BEGIN = 1,
        INTAKE_CHUNK = 2, /* msg.i_chunk */
        INTAKE_END = 3,   /* msg.i_end: every chunk has come */
        INTAKE_ERROR = 4, /* msg.c_error: there is no clip */
        INTAKE_MORE = 5,  /* read on */
        INTAKE_BAD = 6,   /* that is no such stream: it is of no more use */
};

struct intake {
        struct buf in;
        size_t used;            /* of it, by the message given out last */
        uint64_t chunks, bytes; /* so far, of plaintext */
        bool begun, last, over; /* last: a chunk came that only the last may be */
        union frame_message msg;
};

void intake_init(struct intake *t);
void intake_fini(struct intake *t);
/* Where to read to, and how much came; what the last message points to is gone then. NULL: no memory. */
uint8_t *intake_room(struct intake *t, size_t n);
void intake_used(struct intake *t, size_t n);
/* INTAKE_*. @t->msg holds until intake_room(). */
int intake_next(struct intake *t);
