/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-full [--seed N] [--points N | --seconds N] [--break NAME]: the disk is full for an hour of a home's life.
 *
 * In that hour each step is done or refused by the name of what is the matter; whatever was there can be read all along; and a home
 * that closes its store can open it again. After the hour what was refused is done, and life goes on. In the end the store shows
 * what one shows that did the same things, in the same order, on a disk with room for all.
 */
#include "disk/platter.h"
#include "disk/rng.h"
#include "disk/seen.h"
#include "disk/tell.h"
#include "disk/vfs.h"

#include <stdlib.h>

#define SECONDS 5
#define FULL_STEPS (3600 / STEP_SECONDS)
#define FULL_FROM_MOST (STEPS - FULL_STEPS - 20)
#define ROOM_MOST (64 * 1024)

/* What was done, in turn. */
struct done {
        size_t step;
        bool partly; /* refused after its first transaction: a tick has let alerts expire, a store is empty and no smaller */
};

struct run {
        uint64_t rng, seen;
        struct scenario sc;
        struct store *store;
        struct done done[2 * STEPS];
        size_t n_done;
        size_t refused[STEPS], n_refused;
        unsigned long lives, refusals, wrong;
};

static void wrong(struct run *t, size_t i, const char *what, int r) {
        if (++t->wrong <= 5)
                tell("life %lu, step %zu: %s (%s)", t->lives, i, what, r ? store_error_text(r) : "done");
}

/* Everything can be read, and is as it was after the last step that was done. */
static void expect_readable(struct run *t, size_t i, bool may_differ) {
        uint64_t seen = 0;
        int r = t->store ? seen_all(t->store, &seen) : STORE_E_ACCESS;
        if (r)
                wrong(t, i, "cannot be read", r);
        else if (seen != t->seen && !may_differ)
                wrong(t, i, "refused, and yet something has changed", 0);
        t->seen = seen;
}

static void do_step(struct run *t, size_t i) {
        enum step_kind kind = t->sc.steps[i].kind;
        uint64_t before = t->seen;
        int r = scenario_step(&t->sc, i, &t->store), opened = t->store ? 0 : store_open(&t->store, PLATTER);
        if (opened)
                wrong(t, i, "cannot be opened again", opened);
        if (r && sabotage == SABOTAGE_SWALLOW)
                r = 0;
        expect_readable(t, i, !r || kind == STEP_TICK || kind == STEP_CLEAR);
        bool partly = r && t->seen != before;
        if (!r || partly)
                t->done[t->n_done++] = (struct done){i, partly};
        if (!r)
                return;
        t->refusals++;
        t->refused[t->n_refused++] = i;
        if (r != STORE_E_FULL)
                wrong(t, i, "not the name of a full disk", r);
}

static void live(struct run *t) {
        size_t from = 1 + (size_t)rng_below(&t->rng, FULL_FROM_MOST), to = from + FULL_STEPS;
        struct platter *d = platter = platter_new();
        for (size_t i = 0; i < STEPS; i++) {
                if (i == from)
                        d->room = rng_below(&t->rng, ROOM_MOST);
                if (i == to) {
                        d->room = PLATTER_ENDLESS;
                        size_t n = t->n_refused;
                        for (size_t k = 0; k < n; k++)
                                do_step(t, t->refused[k]);
                        if (t->n_refused != n)
                                wrong(t, i, "refused with room enough", STORE_E_FULL);
                }
                do_step(t, i);
        }
        t->store = store_close(t->store);
        const char *unsound = seen_unsound();
        if (unsound)
                wrong(t, STEPS, unsound, 0);
        platter_free(d);
}

/* The same on a disk with room. */
static void compare(struct run *t) {
        uint64_t wanted = t->seen, seq;
        struct platter *d = platter = platter_new();
        int r = 0;
        for (size_t k = 0; !r && k < t->n_done; k++) {
                const struct step *st = &t->sc.steps[t->done[k].step];
                bool expired = t->done[k].partly && st->kind == STEP_TICK;
                r = expired ? store_tick(t->store, st->now, 0, &seq)
                            : scenario_step(&t->sc, t->done[k].step, &t->store);
        }
        if (!r)
                r = seen_all(t->store, &t->seen);
        if (r || t->seen != wanted)
                wrong(t, STEPS, "what was acknowledged is not what is there", r);
        t->store = store_close(t->store);
        platter_free(d);
}

int main(int argc, char **argv) {
        struct budget b = {.seconds = SECONDS};
        if (!tell_options(argc, argv, &b))
                return 2;
        vfs_register();
        struct run *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        t->rng = b.seed;
        for (; !budget_over(&b, t->lives); t->lives++) {
                scenario_draw(&t->sc, rng_next(&t->rng));
                t->n_done = t->n_refused = 0;
                t->seen = 0;
                live(t);
                compare(t);
        }
        tell("%lu lives with an hour of a full disk, %lu steps refused, %.1f s", t->lives, t->refusals,
             budget_spent(&b));
        tell_case(t->refusals > 0, "a full disk refuses");
        tell_case(!t->wrong, "by its name, readable all along, and normal afterwards");
        free(t);
        return tell_end();
}
