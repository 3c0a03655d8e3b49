/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for what would keep the loop waiting: the disk, questions to the store, many signatures.
 *
 * libuv has such a pool, and names are looked up on it. But libuv 1.44 wakes the loop while it still holds what the loop
 * then wants: where both share a core the loop takes it away from the thread, turns in circles for some 60 us, gives the
 * core away to everybody who waits for it, and all that once a job. Here a thread wakes the loop when it is done with the
 * job, and the loop a thread when it has let go of the lock: a hand-over is one change of threads each way.
 */
#pragma once

#include "base/base.h"

#include <uv.h>

#define POOL_THREADS 4 /* one for the disk, two for people's questions, the rest checks signatures */
#define POOL_SLOW 2    /* of them at most are with jobs that may take long: half stay for what somebody waits for */

struct pool_job {
        void (*work)(struct pool_job *job); /* on a thread */
        void (*after)(
                struct pool_job *job); /* on the loop, in the order in which jobs end; the job is the caller's again */
        bool slow; /* a disk may take seconds for it: files of clips. Of such at most POOL_SLOW run at once */
        struct pool_job *next;
};

struct pool_queue {
        struct pool_job *first, *last;
        size_t n;
};

struct pool {
        uv_mutex_t lock;
        uv_cond_t more;
        struct pool_queue todo, slow, done;
        unsigned slow_now; /* of them running */
        unsigned idle;     /* threads that wait, or were woken and have not looked yet */
        bool ready, ending;
        unsigned n_threads; /* the loop's, as all below */
        uv_thread_t threads[POOL_THREADS];
        size_t running; /* jobs whose after() is still to come */
        int fd;         /* an eventfd: something is done */
        uv_poll_t poll;
};

int pool_init(struct pool *p); /* 0, ERR_NOMEM, ERR_IO. Starts no thread */
void pool_watch(struct pool *p, uv_loop_t *loop);
bool pool_idle(const struct pool *p);
void pool_close(struct pool *p); /* when idle: closes the handle */
void pool_fini(struct pool *p);  /* after the loop has ended: waits for the threads */

/* Runs @job, which stays the pool's until after(). Only from the loop. Where no thread is to be had the loop waits. */
void pool_run(struct pool *p, struct pool_job *job);
