/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes down what the core is fed and a digest of what it answers, so that the run can be replayed elsewhere: the tap is in
 * node.c, around each mesh_step(). Entries gather in memory for at most a second and are sealed and written on the
 * pool; only the rows of a start, which come before the loop runs, are written where they come.
 *
 * A run that has filled its slot ends there, and so does one whose disk refuses or lags by more than RECORDER_LAG: the
 * log says so, the daemon goes on, and the file stays good up to that point.
 */
#pragma once

#include "node/pool.h"
#include "porchlight/mesh.h"
#include "tape/tape.h"

#include <uv.h>

struct node;

#define RECORDER_LAG (8u * 1024 * 1024) /* bytes that wait for the disk */
#define RECORDER_FLUSH 1000             /* ms until what was gathered is written */

/* An open file, and the key of all runs of this process. */
struct recorder_tape {
        int fd;
        uint64_t slot_bytes;
        uint64_t run; /* the next one's number */
        struct tape_lock lock;
};

struct recorder {
        struct recorder_tape *tape; /* NULL: nothing is recorded */
        struct tape_writer writer;  /* the pool's while busy, and so are the next three */
        struct buf sealing, sealed;
        uint64_t at;      /* in the slot: behind what is written */
        int error;        /* errno of the last job; 0: it went well */
        uint64_t settled; /* `at` after the last job */
        struct buf plain, body, digests, scratch;
        struct pool_job work;
        uv_timer_t timer;
        bool on, busy, due, timed;
};

void recorder_init(struct node *n);
void recorder_start(struct node *n); /* before the first event */
void recorder_event(struct node *n, const struct mesh_event *ev);
void recorder_action(struct node *n, const struct mesh_action *a);
void recorder_stepped(struct node *n); /* the event's actions are all there */
void recorder_kick(struct node *n);    /* once a turn of the loop */
void recorder_close(struct node *n);
void recorder_fini(struct node *n); /* writes what is left; the loop has ended */
