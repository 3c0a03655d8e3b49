/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-power [--seed N] [--points N | --seconds N] [--break NAME]: the power goes at every point of a home's life.
 *
 * A scenario runs once, on a logged disk, and says after each step what the store shows. Then, for cuts all along the log,
 * disks are drawn on which the power went there, and the store is opened on each: it must show what the last acknowledged
 * step left, or the one under way did; be sound; hold nothing that was to be gone; and take another row. One cut in eight
 * comes again while the store recovers from the first.
 */
#include "disk/cut.h"
#include "disk/rng.h"
#include "disk/seen.h"
#include "disk/tell.h"
#include "disk/vfs.h"

#include "base/err.h"

#include <stdlib.h>

#define BETWEEN_MOST 64
#define CUTS_A_SCENARIO 500
#define SECONDS 15
#define AGAIN_ONE_IN 8

/* A step on the log: [@begin, @end) are its changes. @between: what it may leave half-way, where it is several transactions. */
struct past {
        size_t begin, end;
        uint64_t after, between[BETWEEN_MOST];
        size_t n_between;
};

struct run {
        uint64_t seed, rng;
        struct scenario sc;
        struct past past[STEPS];
        size_t n;
        struct platter *disk;
        uint64_t empty; /* what a new store shows */
        unsigned long points, lost, unsound, readable, refused;
};

static void close_and_drop(struct store *s, struct platter *d, struct platter *before) {
        store_close(s);
        platter = before;
        platter_free(d);
}

/* ---- the life without a cut ---- */
static bool live(struct run *t) {
        struct store *s = NULL;
        t->disk = platter_new();
        platter_log(t->disk);
        for (t->n = 0; t->n < STEPS; t->n++) {
                struct past *p = &t->past[t->n];
                p->begin = t->disk->n_log;
                int r = scenario_step(&t->sc, t->n, &s);
                p->end = sabotage == SABOTAGE_EARLY_ACK ? p->begin : t->disk->n_log;
                p->n_between = 0;
                if (!r)
                        r = seen_all(s, &p->after);
                if (r) {
                        tell("step %zu: %s", t->n, store_error_text(r));
                        break;
                }
        }
        store_close(s);
        t->disk->logging = false;
        return t->n == STEPS;
}

/* ---- after a cut ---- */
static size_t steps_acked(const struct run *t, size_t at) {
        size_t k = 0;
        while (k < t->n && t->past[k].end <= at)
                k++;
        return k;
}

static bool is_allowed(const struct run *t, size_t at, size_t acked, uint64_t seen) {
        if (seen == (acked ? t->past[acked - 1].after : t->empty))
                return true;
        if (acked == t->n || t->past[acked].begin > at)
                return false;
        const struct past *p = &t->past[acked];
        for (size_t i = 0; i < p->n_between; i++)
                if (p->between[i] == seen)
                        return true;
        return p->after == seen;
}

static void judge(struct run *t, size_t at, struct seen_left left, int mark) {
        size_t acked = steps_acked(t, at);
        if (mark >= 0 && ++t->readable <= 3)
                tell("seed %llu, cut at %zu, %zu steps acknowledged: mark %06x is still readable",
                     (unsigned long long)t->seed, at, acked, (unsigned)mark);
        if (left.error && ++t->refused <= 3)
                tell("seed %llu, cut at %zu, %zu steps acknowledged: does not open: %s", (unsigned long long)t->seed,
                     at, acked, store_error_text(left.error));
        if (left.unsound && ++t->unsound <= 3)
                tell("seed %llu, cut at %zu, %zu steps acknowledged: %s", (unsigned long long)t->seed, at, acked,
                     left.unsound);
        if (!left.error && !is_allowed(t, at, acked, left.seen) && ++t->lost <= 3)
                tell("seed %llu, cut at %zu, %zu steps acknowledged: neither what was nor what was to be",
                     (unsigned long long)t->seed, at, acked);
}

static void cut(struct run *t, struct cutter *c, size_t at) {
        struct platter *before = platter, *d = cutter_draw(c, &t->rng);
        platter = d;
        int mark = seen_mark(&t->sc, steps_acked(t, at));
        if (rng_below(&t->rng, AGAIN_ONE_IN) == 0)
                d = seen_cut_again(d, &t->rng);
        struct seen_left left = seen_after_cut();
        judge(t, at, left, mark);
        t->points++;
        platter = before;
        platter_free(d);
}

/* A tick is up to three transactions, opening and clearing more than one: each sync of theirs may be where it stopped. */
static void note_between(struct run *t, struct cutter *c, size_t at) {
        size_t k = steps_acked(t, at);
        if (k == t->n || at <= t->past[k].begin || t->disk->log[at - 1].kind != CHANGE_SYNC)
                return;
        struct past *p = &t->past[k];
        enum step_kind kind = t->sc.steps[k].kind;
        if ((kind != STEP_TICK && kind != STEP_CLEAR) || p->n_between == BETWEEN_MOST)
                return;
        struct platter *before = platter, *d = cutter_whole(c);
        struct store *s = NULL;
        platter = d;
        if (store_open(&s, PLATTER) == 0 && seen_all(s, &p->between[p->n_between]) == 0)
                p->n_between++;
        close_and_drop(s, d, before);
}

static uint64_t empty_store(void) {
        struct platter *before = platter, *d = platter = platter_new();
        struct store *s = NULL;
        uint64_t seen = 0;
        REQUIRE(store_open(&s, PLATTER) == 0 && seen_all(s, &seen) == 0);
        close_and_drop(s, d, before);
        return seen;
}

static void find_between(struct run *t) {
        struct cutter *c = cutter_new(t->disk);
        for (size_t at = 0; at <= t->disk->n_log; at++) {
                cutter_go(c, at);
                note_between(t, c, at);
        }
        cutter_free(c);
}

/* @cuts all along one scenario's log, while time is left. */
static bool cut_all_along(struct run *t, uint64_t seed, unsigned long cuts, const struct budget *b) {
        t->seed = t->rng = seed;
        scenario_draw(&t->sc, seed);
        t->empty = empty_store();
        bool ok = live(t);
        if (ok)
                find_between(t);
        struct cutter *c = cutter_new(t->disk);
        for (size_t at = 0, done = 0, n = t->disk->n_log; ok && at <= n && !budget_over(b, t->points); at++) {
                cutter_go(c, at);
                for (; done < cuts * (at + 1) / (n + 1); done++)
                        cut(t, c, at);
        }
        cutter_free(c);
        t->disk = platter_free(t->disk);
        return ok;
}

int main(int argc, char **argv) {
        struct budget b = {.seconds = SECONDS};
        if (!tell_options(argc, argv, &b))
                return 2;
        vfs_register();
        struct run *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        bool lived = true;
        uint64_t seed = b.seed, scenarios = 0;
        for (; lived && !budget_over(&b, t->points); seed++, scenarios++)
                lived = cut_all_along(t, seed, CUTS_A_SCENARIO, &b);
        tell("%lu power cuts in %llu lives of %d steps, %.1f s", t->points, (unsigned long long)scenarios, STEPS,
             budget_spent(&b));
        tell_case(lived && t->points, "a home lives on while nothing is cut");
        tell_case(!t->refused, "the store opens after every power cut, and takes another row");
        tell_case(!t->lost, "nothing acknowledged is lost, nothing is half there");
        tell_case(!t->unsound, "SQLite finds every database sound");
        tell_case(!t->readable, "what was erased is readable nowhere");
        free(t);
        return tell_end();
}
