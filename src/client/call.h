/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One conversation with the daemon or its vault, over control.sock or owner.sock: send a request, then take rows
 * until the answer is complete. The command-line tool uses it for everything, libporchlight for its typed functions.
 *
 * Frames are read into one buffer and decoded in place; the row that call_next() gives is valid until the next call.
 * What goes wrong is kept as a named error with a hint and an exit code, in the same words whether the daemon said it
 * or we did.
 */
#pragma once

#include "wire/frame.h"
#include "wire/said.h"

#define CALL_NAME_MAX 64
#define CALL_TEXT_MAX 512

struct call_error {
        char name[CALL_NAME_MAX + 1];    /* stable, in words joined by hyphens */
        char message[CALL_TEXT_MAX + 1]; /* what happened; may hold text of peers: text_show() it */
        char hint[CALL_TEXT_MAX + 1];    /* what to do; may be empty */
        int exit;                        /* enum wire_e_exit */
        struct said said, said_hint;     /* the same in parts, where they came over a socket; else empty */
};

enum call_socket {
        CALL_CONTROL, /* the daemon */
        CALL_OWNER,   /* the vault */
};

enum {
        CALL_E_END = 1,    /* the answer is complete; @ret is the c_done row */
        CALL_E_AGAIN = 2,  /* nothing came within the time given, or a signal did: call again */
        CALL_E_FAILED = 3, /* see the error */
};

struct call;

struct call_row {
        unsigned number; /* enum wire_control or wire_owner */
        const struct wire_number *row;
        const union frame_message *m;
};

/* Connects to the daemon of folder @dir (NULL: the usual places). 0, CALL_E_FAILED with @ret_error set. */
int call_new(struct call **ret, const char *dir, enum call_socket which, struct call_error *ret_error);
/* Speaks over a connected stream socket, which it closes at the end. 0, ERR_NOMEM (the socket stays the caller's). */
int call_new_fd(struct call **ret, int fd, enum call_socket which);
struct call *call_free(struct call *c);
DEFINE_FREEP(struct call, call_free)

/* Sends request @number with @msg, its message. 0, CALL_E_FAILED. */
int call_send(struct call *c, unsigned number, const void *msg);
/* Waits at most @wait_ms (-1: for ever) for the next row. 0, CALL_E_*. */
int call_next(struct call *c, int wait_ms, struct call_row *ret);
/* The same for answers that must come: a daemon silent for @wait_ms is an error, and signals are waited through. */
int call_row(struct call *c, int wait_ms, struct call_row *ret);

const struct call_error *call_error(const struct call *c);
int call_fd(const struct call *c);       /* readable: call_next() has something to do */
bool call_pending(const struct call *c); /* a whole frame waits in memory: do not poll for it */

_printf_(5, 6) void call_error_set(struct call_error *ret, int exit, const char *name, const char *hint,
                                   const char *fmt, ...);
