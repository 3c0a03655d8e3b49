/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-salvage [--seed N] [--points N | --seconds N] [--break NAME]: a damaged store is salvaged, and meanwhile the power
 * goes, the disk is full, or a call fails once. Whatever happens, the damaged one is still there or the new one is, and in the
 * end it shows what it shows where nothing happens.
 */
#include "disk/calls.h"
#include "disk/cut.h"
#include "disk/libc.h"
#include "disk/rng.h"
#include "disk/seen.h"
#include "disk/tell.h"
#include "disk/vfs.h"
#include "store/pages.h"
#include "unit/store-rows.h"

#include <stdlib.h>

#define SECONDS 5
#define STEPS_LIVED 130
#define CUTS 50 /* a salvage, about */
#define AGAIN_ONE_IN 8
#define FULL_TRIES 8
#define CALL_TRIES 12

struct run {
        uint64_t rng, wanted;
        struct scenario sc;
        struct image db, log; /* damaged */
        mesh_wall now;
        unsigned long points, wrong, unsound, refused, fulls, failures;
};

/* A disk that a crash has left, with a log. */
static int live(struct run *t) {
        struct store *s = NULL;
        int e = 0;
        struct platter *d = platter = platter_new();
        size_t i = 0;
        for (; !e && i < STEPS_LIVED; i++)
                e = scenario_step(&t->sc, i, &s);
        t->now = t->sc.steps[i - 1].now;
        if (!e)
                e = rows_commit(s, &(struct mesh_row){.kind = MESH_ROW_OP, .op = {{{1}}, SPAN_STR("founded")}}, t->now);
        own_free(t->db.p);
        own_free(t->log.p);
        t->db = platter_copy(FILE_DB);
        t->log = platter_copy(FILE_DB "-wal");
        store_close(s);
        platter = platter_free(d);
        return e;
}

static struct platter *lay_out(const struct run *t) {
        struct platter *d = platter = platter_new();
        platter_lay(FILE_DB, t->db);
        platter_lay(FILE_DB "-wal", t->log);
        return d;
}

/* A start of the daemon. */
static struct seen_left start(const struct run *t) {
        struct store_salvage found;
        struct seen_left left = seen_after_cut();
        if (left.error != STORE_E_DAMAGED)
                return left;
        left.error = store_salvage(PLATTER, t->now, &found);
        return left.error ? left : seen_after_cut();
}

static void judge(struct run *t, const char *what, size_t at) {
        struct seen_left left = start(t);
        if (left.error && ++t->refused <= 3)
                tell("%s %zu: %s", what, at, store_error_text(left.error));
        else if (left.unsound && ++t->unsound <= 3)
                tell("%s %zu: %s", what, at, left.unsound);
        else if (!left.error && left.seen != t->wanted && ++t->wrong <= 3)
                tell("%s %zu: something else is there", what, at);
}

/* Some pages of the database, of which one at least is not in the log. False: too much was lost, or nothing. */
static bool damage(struct run *t) {
        struct store_salvage found;
        for (uint64_t n = 1 + rng_below(&t->rng, 3); n; n--) {
                uint8_t *page = t->db.p + rng_below(&t->rng, t->db.n / PAGE_BYTES) * PAGE_BYTES;
                for (size_t i = 0; i < PAGE_BYTES; i++)
                        page[i] = (uint8_t)rng_next(&t->rng);
        }
        struct platter *d = lay_out(t);
        bool good = seen_after_cut().error == STORE_E_DAMAGED && store_salvage(PLATTER, t->now, &found) == 0;
        struct seen_left left = seen_after_cut();
        t->wanted = left.seen;
        platter = platter_free(d);
        return good && !left.error;
}

/* ---- the power goes ---- */

static void cut(struct run *t, struct cutter *c, size_t at) {
        struct platter *before = platter, *d = platter = cutter_draw(c, &t->rng);
        if (rng_below(&t->rng, AGAIN_ONE_IN) == 0)
                d = seen_cut_again(d, &t->rng);
        judge(t, "cut at", at);
        t->points++;
        platter = before;
        platter_free(d);
}

static void cut_all_along(struct run *t, const struct budget *b) {
        struct store_salvage found;
        struct platter *d = lay_out(t);
        platter_log(d);
        size_t from = d->n_log;
        REQUIRE(store_salvage(PLATTER, t->now, &found) == 0);
        d->logging = false;
        struct cutter *c = cutter_new(d);
        for (size_t at = from; at <= d->n_log; at++) {
                cutter_go(c, at);
                if (rng_below(&t->rng, d->n_log - from + 1) < CUTS && !budget_over(b, t->points))
                        cut(t, c, at);
        }
        cutter_free(c);
        platter = platter_free(d);
}

/* ---- the disk is full, or a call fails ---- */

static bool as_it_was(const struct run *t) {
        const struct file *f = platter_find(FILE_DB);
        return f && f->n == t->db.n && memcmp(f->p, t->db.p, f->n) == 0;
}

static void fill_up(struct run *t, uint64_t room) {
        struct store_salvage found;
        struct platter *d = lay_out(t);
        d->room = room;
        int e = store_salvage(PLATTER, t->now, &found);
        if (e && (e != STORE_E_FULL || !as_it_was(t)) && ++t->refused <= 3)
                tell("room for %llu bytes: %s", (unsigned long long)room, store_error_text(e));
        d->room = PLATTER_ENDLESS;
        judge(t, "room for bytes", (size_t)room);
        t->fulls += e == STORE_E_FULL;
        platter = platter_free(d);
}

static void count_calls(const struct run *t, unsigned long ret[CALLS]) {
        struct store_salvage found;
        struct platter *d = lay_out(t);
        calls = (struct calls){.counting = true, .blocks = calls.blocks};
        REQUIRE(store_salvage(PLATTER, t->now, &found) == 0);
        calls.counting = false;
        memcpy(ret, calls.made, sizeof(calls.made));
        platter = platter_free(d);
}

static void fail_call(struct run *t, enum call which, unsigned long at) {
        struct store_salvage found;
        struct platter *d = lay_out(t);
        long blocks = calls.blocks;
        calls = (struct calls){.counting = true, .which = which, .at = at, .blocks = blocks};
        int e = store_salvage(PLATTER, t->now, &found);
        calls.counting = false;
        calls.at = 0;
        if (calls.blocks != blocks && ++t->wrong <= 3)
                tell("%s call %lu fails: memory is left behind", call_names[which], at);
        t->failures += e != 0;
        judge(t, call_names[which], at);
        platter = platter_free(d);
}

static void fail_some(struct run *t) {
        unsigned long made[CALLS];
        count_calls(t, made);
        for (size_t i = 0; i < CALL_TRIES; i++) {
                enum call which = (enum call)rng_below(&t->rng, CALLS);
                if (made[which])
                        fail_call(t, which, 1 + (unsigned long)rng_below(&t->rng, made[which]));
        }
}

int main(int argc, char **argv) {
        struct budget b = {.seconds = SECONDS};
        if (!tell_options(argc, argv, &b))
                return 2;
        libc_count_sqlite();
        vfs_register();
        struct run *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        t->rng = b.seed;
        int r = 0;
        unsigned long salvages = 0;
        for (uint64_t seed = b.seed; !r && !budget_over(&b, t->points); seed++) {
                scenario_draw(&t->sc, seed);
                r = live(t);
                if (r || !damage(t))
                        continue;
                salvages++;
                cut_all_along(t, &b);
                for (size_t i = 0; i < FULL_TRIES; i++)
                        fill_up(t, rng_below(&t->rng, 2 * t->db.n));
                fail_some(t);
        }
        tell("%lu power cuts in %lu salvages, %lu on a full disk, %lu with a call that failed, %.1f s", t->points,
             salvages, t->fulls, t->failures, budget_spent(&b));
        tell_case(!r && t->points && t->fulls && t->failures, "damaged stores are salvaged while nothing else happens");
        tell_case(!t->refused, "and whatever happens the next start has a store, and takes another row");
        tell_case(!t->wrong, "it has all that was whole, or the damaged one is as it was, and no memory is lost");
        tell_case(!t->unsound, "SQLite finds every database sound");
        own_free(t->db.p);
        own_free(t->log.p);
        free(t);
        return tell_end();
}
