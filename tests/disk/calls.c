/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-calls [--seed N] [--points N] [--break NAME]: every call the store makes fails once.
 *
 * At each step of a scenario the process forks: one child does the step and counts its calls of each kind; then, for each
 * of these calls (or N of a kind, drawn), a child in which just that one fails. The step must then have been done, or be
 * refused under a name that fits; nothing before it may be lost; done again it must work, on the same open store unless that asked
 * to be opened anew; it must be on disk for good; and when the store is closed no memory may be left.
 */
#include "disk/calls.h"
#include "disk/cut.h"
#include "disk/libc.h"
#include "disk/rng.h"
#include "disk/seen.h"
#include "disk/tell.h"
#include "disk/vfs.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define POINTS 1 /* a kind and step */

/* What a child has to say, in memory shared with its parent. */
struct answer {
        unsigned long made[CALLS];
        uint64_t after;
        bool refused;
        char wrong[200]; /* empty: nothing is */
};

struct run {
        uint64_t rng;
        struct scenario sc;
        struct platter *disk;
        struct store *store;
        uint64_t before;
        int64_t memory; /* SQLite's own, with nothing open */
        struct answer *answer;
        unsigned long most, failures, refused, wrong, by_kind[CALLS];
};

/* A step, with its calls counted and one of them maybe failing. */
static int step(struct run *t, size_t i, enum call which, unsigned long at) {
        memset(calls.made, 0, sizeof(calls.made));
        calls.which = which;
        calls.at = at;
        calls.struck = false;
        calls.counting = true;
        int r = scenario_step(&t->sc, i, &t->store);
        calls.counting = false;
        calls.at = 0;
        return r;
}

static void close_counted(struct run *t) {
        calls.counting = true;
        t->store = store_close(t->store);
        calls.counting = false;
}

static int open_counted(struct run *t) {
        calls.counting = true;
        int r = store_open(&t->store, PLATTER);
        calls.counting = false;
        return r;
}

static void wrong(struct run *t, const char *what, int r) {
        if (!t->answer->wrong[0])
                snprintf(t->answer->wrong, sizeof(t->answer->wrong), "%s (%s)", what, r ? store_error_text(r) : "done");
}

/* An error that says what happened, and no more than that. */
static bool fits(enum call which, int r) {
        if (which == CALL_MEMORY)
                return r == ERR_NOMEM;
        return r == STORE_E_IO || r == STORE_E_ACCESS;
}

/* The disk as a power cut right now would leave it. */
static void expect_durable(struct run *t, uint64_t wanted) {
        struct cutter *c = cutter_new(platter);
        cutter_go(c, platter->n_log);
        platter = cutter_draw(c, &t->rng);
        cutter_free(c);
        struct seen_left left = seen_after_cut();
        if (left.error || left.unsound)
                wrong(t, left.unsound ? left.unsound : "does not open after a power cut", left.error);
        else if (left.seen != wanted)
                wrong(t, "is lost in a power cut afterwards", 0);
}

/* The step again, and all that has to be so then. */
static void expect_to_go_on(struct run *t, size_t i, uint64_t wanted) {
        uint64_t seen = 0;
        int r = t->store || t->sc.steps[i].kind == STEP_OPEN ? 0 : open_counted(t);
        if (!r)
                r = step(t, i, CALL_MEMORY, 0);
        if (r == STORE_E_IO) { /* "the store must be reopened" */
                close_counted(t);
                r = open_counted(t);
                if (!r)
                        r = step(t, i, CALL_MEMORY, 0);
        }
        if (!r)
                r = seen_all(t->store, &seen);
        if (r)
                wrong(t, "done again it fails", r);
        else if (seen != wanted)
                wrong(t, "done again it is something else", 0);
}

static void expect_no_leak(struct run *t) {
        close_counted(t);
        if (calls.blocks)
                wrong(t, "the store leaks", 0);
        if (sqlite3_memory_used() != t->memory)
                wrong(t, "SQLite's memory leaks", 0);
}

/* ---- the children ---- */
static void scout(struct run *t, size_t i, enum call which, unsigned long at) {
        (void)which;
        (void)at;
        int r = step(t, i, CALL_MEMORY, 0);
        memcpy(t->answer->made, calls.made, sizeof(calls.made));
        if (!r)
                r = seen_all(t->store, &t->answer->after);
        if (r)
                wrong(t, "fails by itself", r);
}

static void fail_one(struct run *t, size_t i, enum call which, unsigned long at) {
        uint64_t after = t->answer->after, seen = t->before;
        platter_log(platter);
        int r = step(t, i, which, at);
        t->answer->refused = r != 0;
        if (!calls.struck)
                wrong(t, "the call was not made", r);
        if (r && sabotage == SABOTAGE_SWALLOW)
                r = 0;
        else if (r && !fits(which, r))
                wrong(t, "not a name for this", r);
        if (!r && t->store) {
                r = seen_all(t->store, &seen);
                if (r || seen != after)
                        wrong(t, "said to be done, and is not", r);
        }
        bool whole = t->sc.steps[i].kind != STEP_TICK && t->sc.steps[i].kind != STEP_CLEAR; /* one transaction */
        if (whole && t->store && r != STORE_E_IO && seen_all(t->store, &seen) == 0 && seen != after &&
            seen != t->before)
                wrong(t, "half of it is there", r);
        expect_to_go_on(t, i, after);
        expect_no_leak(t);
        if (which != CALL_MEMORY && which != CALL_READ)
                expect_durable(t, after);
}

static bool in_child(struct run *t, void (*work)(struct run *t, size_t i, enum call which, unsigned long at), size_t i,
                     enum call which, unsigned long at) {
        t->answer->wrong[0] = '\0';
        fflush(stdout);
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
                work(t, i, which, at);
                _exit(0);
        }
        int status;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        if (status)
                snprintf(t->answer->wrong, sizeof(t->answer->wrong), "the process ended (status %d)", status);
        return !t->answer->wrong[0];
}

/* ---- the parent ---- */
static void try_call(struct run *t, size_t i, enum call which, unsigned long at) {
        bool good = in_child(t, fail_one, i, which, at);
        t->failures++;
        t->by_kind[which]++;
        t->refused += t->answer->refused;
        if (!good && ++t->wrong <= 10)
                tell("step %zu (kind %d), %s call %lu fails: %s", i, t->sc.steps[i].kind, call_names[which], at,
                     t->answer->wrong);
}

static void try_kind(struct run *t, size_t i, enum call which, unsigned long made) {
        if (!t->most || made <= t->most) {
                for (unsigned long at = 1; at <= made; at++)
                        try_call(t, i, which, at);
                return;
        }
        for (unsigned long k = 0; k < t->most; k++)
                try_call(t, i, which, 1 + (unsigned long)rng_below(&t->rng, made));
}

static bool try_step(struct run *t, size_t i) {
        if (!in_child(t, scout, i, CALL_MEMORY, 0)) {
                tell("step %zu: %s", i, t->answer->wrong);
                return false;
        }
        unsigned long made[CALLS];
        memcpy(made, t->answer->made, sizeof(made));
        for (int which = 0; which < CALLS; which++)
                try_kind(t, i, (enum call)which, made[which]);
        t->before = t->answer->after;
        return step(t, i, CALL_MEMORY, 0) == 0;
}

/* A home opened and closed: what SQLite keeps for good it has then. */
static void warm_up(struct run *t) {
        struct store *s = NULL;
        platter = platter_new();
        REQUIRE(store_open(&s, PLATTER) == 0 && seen_all(s, &t->before) == 0);
        store_close(s);
        platter_free(platter);
        t->memory = sqlite3_memory_used();
        calls.blocks = 0;
}

int main(int argc, char **argv) {
        struct budget b = {.points = POINTS};
        if (!tell_options(argc, argv, &b))
                return 2;
        libc_count_sqlite();
        vfs_register();
        struct run *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        t->answer = mmap(NULL, sizeof(*t->answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(t->answer != MAP_FAILED);
        t->rng = b.seed;
        t->most = b.points;
        scenario_draw(&t->sc, b.seed);
        warm_up(t);
        t->disk = platter = platter_new();
        bool lived = true;
        for (size_t i = 0; lived && i < STEPS; i++)
                lived = try_step(t, i);
        tell("%lu failures in %d steps, %lu of them refused the step, %.1f s", t->failures, STEPS, t->refused,
             budget_spent(&b));
        for (int which = 0; which < CALLS; which++)
                tell("%s: %lu", call_names[which], t->by_kind[which]);
        tell_case(lived, "the scenario goes through while nothing fails");
        tell_case(!t->wrong && t->refused,
                  "a call that fails is named or harmless, loses nothing, and the next step works");
        store_close(t->store);
        platter_free(t->disk);
        munmap(t->answer, sizeof(*t->answer));
        free(t);
        return tell_end();
}
