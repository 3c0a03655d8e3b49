/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's end of things: frames in and out over one socket, and descriptors that come with some of them. */
#pragma once

#include "base/list.h"
#include "wire/frame.h"

#include <glib.h>

struct talk {
        int fd;
        GSource *source;
        gpointer tag;
        struct buf in;
        int with;        /* the descriptor that came with the frame which is being heard; -1: none */
        struct list out; /* struct line */
        size_t waiting;  /* bytes in them */
        /* Each message. @arg: of talk_begin. */
        void (*heard)(void *arg, enum wire_ice number, const union frame_message *m);
        /* The daemon is gone, or does not speak as it should; nothing comes after it. */
        void (*over)(void *arg, bool wrong);
        void *arg;
};

void talk_begin(struct talk *t, int fd, GMainContext *on);
void talk_end(struct talk *t);
void talk_say(struct talk *t, enum wire_ice number, const void *msg);
/* While a message is heard: the descriptor that came with it, for the caller to close; -1: none. */
int talk_take(struct talk *t);
