/* SPDX-License-Identifier: Apache-2.0 */
#include "node/pool.h"
#include "base/err.h"

#include <sys/eventfd.h>
#include <unistd.h>

static void put(struct pool_queue *q, struct pool_job *job) {
        job->next = NULL;
        if (q->last)
                q->last->next = job;
        else
                q->first = job;
        q->last = job;
        q->n++;
}

static struct pool_job *take(struct pool_queue *q) {
        struct pool_job *job = q->first;
        if (!job)
                return NULL;
        q->first = job->next;
        if (!q->first)
                q->last = NULL;
        q->n--;
        return job;
}

/* Slow ones that may begin now. */
static size_t may_slow(const struct pool *p) {
        return MIN(p->slow.n, (size_t)(POOL_SLOW - p->slow_now));
}

static struct pool_job *take_next(struct pool *p) {
        struct pool_job *job = take(&p->todo);
        if (job || !may_slow(p))
                return job;
        p->slow_now++;
        return take(&p->slow);
}

/* ---- on a thread ---- */

/* Of several jobs that end before the loop looks, the first wakes it. */
static void give_back(struct pool *p, struct pool_job *job) {
        const uint64_t one = 1;
        uv_mutex_lock(&p->lock);
        bool wake = p->done.n == 0;
        p->slow_now -= job->slow;
        put(&p->done, job);
        uv_mutex_unlock(&p->lock);
        if (!wake)
                return;
        _unused_ ssize_t n = write(p->fd, &one, sizeof(one)); /* full is a counter of 2^64 - 2, and it wakes then too */
}

static struct pool_job *next_job(struct pool *p) {
        uv_mutex_lock(&p->lock);
        p->idle++;
        while (!p->todo.n && !may_slow(p) && !p->ending)
                uv_cond_wait(&p->more, &p->lock);
        p->idle--;
        struct pool_job *job = take_next(p);
        uv_mutex_unlock(&p->lock);
        return job;
}

static void on_thread(void *arg) {
        struct pool *p = arg;
        struct pool_job *job;
        while ((job = next_job(p))) {
                job->work(job);
                give_back(p, job);
        }
}

/* ---- on the loop ---- */

static void on_done(uv_poll_t *poll, _unused_ int status, _unused_ int events) {
        struct pool *p = CONTAINER_OF(poll, struct pool, poll);
        uint64_t count;
        struct pool_job *job;
        if (read(p->fd, &count, sizeof(count)) < 0)
                return; /* not yet, after all */
        uv_mutex_lock(&p->lock);
        struct pool_queue done = p->done;
        p->done = (struct pool_queue){0};
        uv_mutex_unlock(&p->lock);
        while ((job = take(&done))) {
                p->running--;
                job->after(job);
        }
}

void pool_run(struct pool *p, struct pool_job *job) {
        p->running++;
        uv_mutex_lock(&p->lock);
        put(job->slow ? &p->slow : &p->todo, job);
        bool short_of = p->todo.n + may_slow(p) > p->idle;
        uv_mutex_unlock(&p->lock);
        if (short_of && p->n_threads < POOL_THREADS && uv_thread_create(&p->threads[p->n_threads], on_thread, p) == 0)
                p->n_threads++;
        if (p->n_threads) {
                uv_cond_signal(&p->more);
                return;
        }
        take_next(p); /* it is the only one: each one before ended like this */
        job->work(job);
        give_back(p, job);
}

bool pool_idle(const struct pool *p) {
        return p->running == 0;
}

/* ---- life ---- */

int pool_init(struct pool *p) {
        *p = (struct pool){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
        if (p->fd < 0)
                return ERR_IO;
        if (uv_mutex_init(&p->lock)) {
                close(p->fd);
                return ERR_NOMEM;
        }
        if (uv_cond_init(&p->more)) {
                uv_mutex_destroy(&p->lock);
                close(p->fd);
                return ERR_NOMEM;
        }
        p->ready = true;
        return 0;
}

void pool_watch(struct pool *p, uv_loop_t *loop) {
        REQUIRE(uv_poll_init(loop, &p->poll, p->fd) == 0);
        REQUIRE(uv_poll_start(&p->poll, UV_READABLE, on_done) == 0);
}

void pool_close(struct pool *p) {
        uv_close((uv_handle_t *)&p->poll, NULL);
}

void pool_fini(struct pool *p) {
        if (!p->ready)
                return;
        uv_mutex_lock(&p->lock);
        p->ending = true;
        uv_mutex_unlock(&p->lock);
        uv_cond_broadcast(&p->more);
        while (p->n_threads)
                uv_thread_join(&p->threads[--p->n_threads]);
        uv_cond_destroy(&p->more);
        uv_mutex_destroy(&p->lock);
        close(p->fd);
        p->ready = false;
}
