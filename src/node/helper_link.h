/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream to a helper: a program of ours that the porter starts when something is first said to it, and that ends with the
 * stream. What it says is bounded and checked by its rows; one that speaks nonsense is ended. A helper that is dead, or was
 * never there, ends nothing here: whoever wanted something of it is told.
 */
#pragma once

#include "node/porter.h"
#include "node/sink.h"
#include "wire/frame.h"

struct node;
struct helper_link;

/* What all links to one program have alike. */
struct helper_kind {
        enum porter_program program;
        const char *name;
        const struct wire_number *(*find)(uint64_t number);
        /* One message. It may say more, or end the link. */
        void (*heard)(struct helper_link *l, uint8_t number, const union frame_message *m);
        /* The stream is closed, for whatever reason: from here on another one may be started. Not called while the node ends. */
        void (*gone)(struct helper_link *l);
};

struct helper_link {
        struct node *n;
        const struct helper_kind *kind;
        uv_pipe_t pipe;
        uv_shutdown_t goodbye;
        struct sink out;
        struct buf in;
        bool open;   /* the pipe is a handle, if a closing one */
        bool alive;  /* messages go to it, and are heard */
        bool absent; /* the program is not on this machine: said once */
};

void helper_link_init(struct helper_link *l, struct node *n, const struct helper_kind *kind);
/* Says @msg, to a fresh process if there is none. False: there is none to be had now. */
bool helper_link_say(struct helper_link *l, unsigned number, const void *msg);
/* Tells it that nothing more comes, so that it ends; what it says from here on is not heard. One that does not end is the caller's to
 * kill: until then none is started. */
void helper_link_leave(struct helper_link *l);
/* Ends it at once. */
void helper_link_kill(struct helper_link *l);
