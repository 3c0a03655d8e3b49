/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the local sockets (control.sock, owner.sock, the socketpairs of vault and helpers): a 4-byte big-endian length, then the
 * number of the message as a msgpack integer and its map. Bytes in, bytes out; who reads and writes sockets is not its matter.
 */
#pragma once

#include "wire/codec.h"

#define FRAME_MAX (1024 * 1024) /* bytes of a body; more is refused */

enum {
        FRAME_E_MORE = 1,  /* the frame is not complete yet */
        FRAME_E_SIZE = 2,  /* longer than FRAME_MAX, or empty: close the connection */
        FRAME_E_INPUT = 3, /* the body is not a message known here: answer with an error */
};

/* Room for any message of a local socket. The spans inside point into the frame's bytes. */
union frame_message {
        uint64_t has;
#define FRAME_MEMBER(name, NAME, doc, max) struct wire_##name name;
        CONTROL_BODIES(FRAME_MEMBER)
        OWNER_BODIES(FRAME_MEMBER)
        INGEST_BODIES(FRAME_MEMBER) ICE_BODIES(FRAME_MEMBER) NAMES_BODIES(FRAME_MEMBER) ROUTER_BODIES(FRAME_MEMBER)
#undef FRAME_MEMBER
};

/* Appends a frame. The buffer fails if the message does not fit its rows. */
void frame_put(struct buf *out, const struct wire_number *row, const void *msg);
/* The same, of a message whose map is encoded already. */
void frame_put_map(struct buf *out, uint64_t number, struct span map);
/* The map of a body that frame_read() has taken. */
struct span frame_map(struct span body);
/* The body of the first frame in @in, and how many bytes to drop for it. 0, FRAME_E_MORE, FRAME_E_SIZE. */
int frame_take(struct span in, struct span *ret_body, size_t *ret_used);
/* Decodes a body. 0, or FRAME_E_INPUT with @ret_why (may be NULL) set. */
int frame_read(struct span body, const struct wire_number *(*find)(uint64_t), const struct wire_number **ret_row,
               union frame_message *ret, struct codec_why *ret_why);
