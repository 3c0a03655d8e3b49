/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices that go out by themselves, for cameras whose policy is `announce`. What a neighbour learns is the quarter of an hour and
 * the area, never the moment: a notice is posted once the quarter is over in which its clips were taken in, its times are rounded
 * to whole quarters, its cell has 6 characters. One speaks for all cameras of a cell; no quarter of a cell is told of twice; and
 * there are at most ANNOUNCE_A_DAY of them. Off unless the owner turns it on.
 *
 * announce_plan() is pure; announce.c asks the store and posts.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/types.h"

#define ANNOUNCE_QUARTER 900 /* seconds */
#define ANNOUNCE_A_DAY 16    /* of the 64 that the quota leaves a machine */
#define ANNOUNCE_CELLS 8     /* that are remembered: a home has few */

struct announce_clip {
        struct hash id;
        mesh_cell cell; /* of 6 characters */
        mesh_wall taken, from, to;
};

/* What was told; on disk as it is encoded. */
struct announced {
        mesh_wall until;     /* clips taken in before were looked at; 0: nothing was yet */
        uint64_t day, count; /* notices of that day */
        struct announced_cell {
                mesh_cell cell;
                mesh_wall until; /* quarters before are told of, or passed over */
        } cells[ANNOUNCE_CELLS];
        size_t n;
};

struct announce_notice {
        struct hash clip; /* one of them */
        mesh_cell cell;
        mesh_wall from, to;
};

/* The beginning of the quarter that @now is in: clips taken in before it may be told of. */
mesh_wall announce_due(mesh_wall now);
/* What is to be told of @clips, taken in from @a->until up to @due; changes @a to that. Returns how many; at most ANNOUNCE_CELLS. */
size_t announce_plan(struct announced *a, mesh_wall due, const struct announce_clip *clips, size_t n,
                     struct announce_notice ret[ANNOUNCE_CELLS]);
void announced_encode(const struct announced *a, struct buf *out);
void announced_decode(struct announced *ret, struct span in);

struct node;
struct announce;
/* Once a minute, and when a rule has changed. */
void announce_tick(struct node *n);
void announce_fini(struct node *n);
