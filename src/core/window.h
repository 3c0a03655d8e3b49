/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the lower classes is with the kernel: as much as goes out soon, however fast or slow the line is (window.c). */
#pragma once

#include "porchlight/mesh.h"

struct link;

struct window {
        size_t size;        /* bytes; 0: nothing was handed out yet */
        uint64_t mark;      /* of all bytes handed out: a sample ends when these have gone; 0: none runs */
        size_t ahead;       /* bytes that were to go when it began, its own among them */
        mesh_time began;    /* the sample */
        mesh_time least;    /* ms: the way there and back, and no queue */
        mesh_time least_at; /* when a sample last took hardly longer */
        bool probes;        /* the queue is let run empty, to see how long the way is by now */
};

void window_handed(struct link *l); /* bytes were just handed out */
void window_gone(struct link *l);   /* the shell has said how many of them have not arrived yet */
/* Bytes that may be with the kernel before the next frame is made; and whether one that begins with @klass may be. */
size_t window_room(const struct link *l, size_t klass);
bool window_open(const struct link *l, size_t klass);
size_t window_frame(const struct link *l); /* the longest body of a frame of bulk */
