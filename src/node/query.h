/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the store, on the pool. A lane is one read-only connection and answers one question at a time: one
 * lane is the core's, so that no question of a person delays a neighbour; one is for questions that are answered at
 * once; two are for listings, which may have to wait until whoever asked has read what is there.
 *
 * Rows travel to the loop in chunks: when a chunk is full the pool's thread waits until the loop has taken it, and the
 * loop takes it when whoever asked has room. So a listing of a million alerts needs no more memory than one of a
 * thousand.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "node/pool.h"
#include "store/store.h"

#include <uv.h>

struct node;
struct query;
struct query_row;

enum query_lane { QUERY_CORE, QUERY_QUICK, QUERY_LIST, QUERY_KINDS };

struct query {
        struct list on;
        struct node *n;
        enum query_lane lane;
        /* On the pool: asks, and hands rows to query_alert() and its kin. Its result is @r. */
        int (*run)(struct query *q, struct store_reader *reader);
        /* On the loop: one row. NULL where there are none. */
        void (*row)(struct query *q, const struct query_row *row);
        /* On the loop, after each chunk: false leaves the pool's thread waiting for query_resume(). NULL: true. */
        bool (*go_on)(struct query *q);
        /* On the loop, last of all: frees @q. */
        void (*done)(struct query *q);
        int r;
        struct buf chunk;
        bool parked; /* under the lanes' lock: the chunk is the loop's */
        bool held;   /* loop only: it is parked and was told to wait */
        bool stop;   /* under the lock: nobody wants the rest */
};

enum query_what { QUERY_ALERT, QUERY_EVENT, QUERY_FOLLOW, QUERY_CLIP, QUERY_ASK, QUERY_MATCH, QUERY_NOTICE };

struct query_row {
        enum query_what what;
        bool whole; /* of a clip: its files are there */
        union {
                struct store_alert alert;
                struct store_event event;
                struct store_follow follow;
                struct store_clip clip;
                struct store_ask ask;
                struct store_match match;
                struct store_notice notice;
        };
};

#define QUERY_LANES 4 /* the last kind has two */
struct query_lane_state {
        struct node *n;
        struct store_reader *reader;
        struct query *now;
        struct pool_job work;
};

struct queries {
        struct list waiting[QUERY_KINDS];
        struct query_lane_state lanes[QUERY_LANES];
        uv_mutex_t lock;
        uv_cond_t moved;
        uv_async_t parked;
        bool ready;
};

int queries_init(struct node *n); /* 0, <0 */
/* A lane's connection, for what is asked on the loop while the node starts: nobody may have asked the lane anything yet, since
 * two threads in one connection each find what the other has half done. NULL: somebody has. */
struct store_reader *queries_reader(struct node *n, enum query_lane lane);
void queries_stop(struct node *n); /* tells all running questions to end */
bool queries_idle(const struct node *n);
void queries_close(struct node *n); /* when idle: closes the handle */
void queries_fini(struct node *n);  /* after the loop has ended */

/* Queues @q; done() is called in any case, later. */
void query_start(struct node *n, struct query *q);
/* Nobody wants its rows any more; done() still comes. */
void query_abandon(struct query *q);
/* There is room again. */
void query_resume(struct query *q);

/* For run(): 0, or 1 to make the store stop. Their shapes are those of the store's callbacks, @ctx is the query. */
int query_alert(void *ctx, const struct store_alert *a);
int query_event(void *ctx, const struct store_event *e);
int query_follow(void *ctx, const struct store_follow *f);
int query_clip(void *ctx, const struct store_clip *c);
int query_ask(void *ctx, const struct store_ask *a);
int query_match(void *ctx, const struct store_match *m);
int query_notice(void *ctx, const struct store_notice *n);

/* On the loop: the rows of a chunk that those have filled; the writer fills one of its own (writer.h). */
void query_rows(const struct buf *chunk, void (*take)(void *ctx, const struct query_row *row), void *ctx);
