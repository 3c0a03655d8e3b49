/* SPDX-License-Identifier: Apache-2.0 */
#include "node/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define JOBS 200

struct world {
        uv_loop_t loop;
        struct pool pool;
        uv_thread_t me;
        unsigned over, wrong, again;
};

struct task {
        struct pool_job job;
        struct world *w;
        unsigned worked;
        uv_sem_t *begins; /* these three: NULL is none. Told that it is being worked */
        uv_sem_t *waits, *wakes;
        bool slow;
};

static void on_work(struct pool_job *job) {
        struct task *t = CONTAINER_OF(job, struct task, job);
        if (t->begins)
                uv_sem_post(t->begins);
        if (t->waits)
                uv_sem_wait(t->waits);
        if (t->wakes)
                uv_sem_post(t->wakes);
        t->worked++;
}

static void begin(struct task *t, struct world *w);

static void on_after(struct pool_job *job) {
        struct task *t = CONTAINER_OF(job, struct task, job);
        struct world *w = t->w;
        uv_thread_t here = uv_thread_self();
        w->wrong += !uv_thread_equal(&here, &w->me) || t->worked == 0;
        w->over++;
        if (w->again) {
                w->again--;
                begin(t, w);
        } else if (pool_idle(&w->pool)) {
                uv_stop(&w->loop);
        }
}

static void begin(struct task *t, struct world *w) {
        t->w = w;
        t->job = (struct pool_job){.work = on_work, .after = on_after, .slow = t->slow};
        pool_run(&w->pool, &t->job);
}

static void world_begin(struct world *w) {
        *w = (struct world){.me = uv_thread_self()};
        assert_int_equal(uv_loop_init(&w->loop), 0);
        assert_int_equal(pool_init(&w->pool), 0);
        pool_watch(&w->pool, &w->loop);
        assert_true(pool_idle(&w->pool));
}

static void world_end(struct world *w) {
        assert_true(pool_idle(&w->pool));
        pool_close(&w->pool);
        uv_run(&w->loop, UV_RUN_DEFAULT);
        pool_fini(&w->pool);
        assert_int_equal(uv_loop_close(&w->loop), 0);
}

/* Each job is worked once and comes back to the loop once, also where it is begun again there. */
static void test_all_come_back(void **state) {
        static struct task tasks[JOBS];
        struct world w;
        (void)state;
        world_begin(&w);
        w.again = JOBS;
        for (size_t i = 0; i < JOBS; i++)
                begin(&tasks[i], &w);
        assert_false(pool_idle(&w.pool));
        uv_run(&w.loop, UV_RUN_DEFAULT);
        unsigned worked = 0;
        for (size_t i = 0; i < JOBS; i++)
                worked += tasks[i].worked;
        assert_int_equal(worked, 2 * JOBS);
        assert_int_equal(w.over, 2 * JOBS);
        assert_int_equal(w.wrong, 0);
        world_end(&w);
}

/* A job that waits keeps no other from being done: each waits here for the one that was begun after it. */
static void test_side_by_side(void **state) {
        struct task tasks[POOL_THREADS] = {0};
        uv_sem_t sems[POOL_THREADS];
        struct world w;
        (void)state;
        world_begin(&w);
        for (size_t i = 0; i < POOL_THREADS; i++) {
                assert_int_equal(uv_sem_init(&sems[i], 0), 0);
                tasks[i].waits = i + 1 < POOL_THREADS ? &sems[i] : NULL;
                tasks[i].wakes = i ? &sems[i - 1] : NULL;
        }
        for (size_t i = 0; i < POOL_THREADS; i++)
                begin(&tasks[i], &w);
        uv_run(&w.loop, UV_RUN_DEFAULT);
        assert_int_equal(w.over, POOL_THREADS);
        world_end(&w);
        for (size_t i = 0; i < POOL_THREADS; i++)
                uv_sem_destroy(&sems[i]);
}

/* However many wait for a disk that does not answer, what somebody waits for is done; and then they all are. */
static void test_slow(void **state) {
        static struct task slow[JOBS];
        struct task quick[POOL_THREADS] = {0};
        uv_sem_t disk, begun;
        struct world w;
        (void)state;
        world_begin(&w);
        assert_int_equal(uv_sem_init(&disk, 0), 0);
        assert_int_equal(uv_sem_init(&begun, 0), 0);
        for (size_t i = 0; i < JOBS; i++) {
                slow[i] = (struct task){.begins = &begun, .waits = &disk, .slow = true};
                begin(&slow[i], &w);
        }
        for (size_t i = 0; i < POOL_THREADS; i++)
                begin(&quick[i], &w);
        while (w.over < POOL_THREADS)
                uv_run(&w.loop, UV_RUN_ONCE);
        for (size_t i = 0; i < POOL_THREADS; i++)
                assert_int_equal(quick[i].worked, 1);
        for (size_t i = 0; i < POOL_SLOW; i++)
                uv_sem_wait(&begun);
        assert_int_equal(uv_sem_trywait(&begun), UV_EAGAIN);
        assert_int_equal(w.pool.slow.n, JOBS - POOL_SLOW);
        for (size_t i = 0; i < JOBS; i++)
                uv_sem_post(&disk);
        uv_run(&w.loop, UV_RUN_DEFAULT);
        assert_int_equal(w.over, JOBS + POOL_THREADS);
        assert_int_equal(w.wrong, 0);
        world_end(&w);
        uv_sem_destroy(&disk);
        uv_sem_destroy(&begun);
}

/* A node that never had work has no threads to wait for. */
static void test_no_work(void **state) {
        struct world w;
        (void)state;
        world_begin(&w);
        world_end(&w);
        assert_int_equal(w.pool.n_threads, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_come_back),
                cmocka_unit_test(test_side_by_side),
                cmocka_unit_test(test_slow),
                cmocka_unit_test(test_no_work),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
