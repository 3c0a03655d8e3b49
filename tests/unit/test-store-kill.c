/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-store-kill [SEED]: a child writes and says on a pipe what store_commit has acknowledged; it is killed with -9 a
 * random time after a random number of them. Whatever it said must be there afterwards, once, and the file must be sound. 20 rounds on one store, 200
 * with PORCHLIGHT_FULL=1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store-rows.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 20
#define ROUNDS_FULL 200
#define LIFE_MAX 20 /* commits; a life of none ends while the file is opened */
#define KILL_MS_MAX 20
#define BATCH_MAX 40
#define HOUSES 5
#define RETRACT_ONE_IN 9 /* erasures truncate the log: another moment to die in */
#define SEED 20260101u

static uint64_t seed = SEED;
static char dir[256];

/* Commits batches for ever; says first and last number of each one that is durable. */
static void write_until_killed(int out, uint64_t first, uint64_t rng) {
        struct store *s;
        if (store_open(&s, dir))
                _exit(2);
        for (uint64_t n = first;;) {
                struct store_batch *b = store_batch_new();
                uint64_t said[2] = {n, 0}, seq;
                for (uint64_t left = 1 + rows_random(&rng) % BATCH_MAX; left; left--, n++) {
                        bool back = n > first && rows_random(&rng) % RETRACT_ONE_IN == 0;
                        struct mesh_row row =
                                rows_record(n, n % HOUSES, back ? RECORD_RETRACT : RECORD_ALERT, ROWS_NOW);
                        struct wire_alert a = rows_alert(cell_at(52.5, 13.4, CELL_BLOCK), SPAN_STR("some words"));
                        row.record.alert = back ? NULL : &a;
                        if (back)
                                row.record.target = rows_id(n - HOUSES);
                        if (store_batch_add(b, &row, n))
                                _exit(3);
                }
                said[1] = n;
                if (store_commit(s, b, ROWS_NOW, &seq))
                        _exit(4);
                store_batch_free(b);
                if (write(out, said, sizeof(said)) != sizeof(said))
                        _exit(5);
        }
}

/* Takes what the child has acknowledged, @commits of them at most, and returns where that ends. */
static uint64_t hear(int in, uint64_t commits, uint64_t end) {
        uint64_t said[2];
        for (; commits && read(in, said, sizeof(said)) == sizeof(said); commits--) {
                assert_int_equal(said[0], end);
                end = said[1];
        }
        return end;
}

/* Runs one child; what it acknowledged is [@first, return value). */
static uint64_t round_of(uint64_t first, uint64_t *rng) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        uint64_t child_rng = rows_random(rng);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                close(fds[0]);
                write_until_killed(fds[1], first, child_rng);
        }
        close(fds[1]);
        uint64_t end = hear(fds[0], rows_random(rng) % LIFE_MAX, first);
        uint64_t us = rows_random(rng) % (KILL_MS_MAX * 1000);
        nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status)); /* and not ended by itself, with a complaint */
        end = hear(fds[0], UINT64_MAX, end);
        close(fds[0]);
        return end;
}

struct seen {
        uint8_t *times;
        uint64_t end, beyond;
};

static int see(void *ctx, const struct mesh_row *row) {
        struct seen *seen = ctx;
        if (row->kind != MESH_ROW_RECORD)
                return 0;
        /* rows are numbered as they were committed; index holds the low bits */
        for (uint64_t i = row->record.index; i < seen->end + BATCH_MAX; i += 16384) {
                struct hash id = rows_id(i);
                if (memcmp(&id, &row->record.id, sizeof(id)))
                        continue;
                if (i < seen->end)
                        seen->times[i]++;
                else
                        seen->beyond++;
                return 0;
        }
        fail();
        return 0;
}

/* Returns how many records there are: the last batch may be there unacknowledged. */
static uint64_t check(uint64_t end) {
        struct store *s;
        struct seen seen = {.times = calloc(end + 1, 1), .end = end};
        assert_int_equal(store_open(&s, dir), 0);
        assert_int_equal(store_restore(s, 0, see, &seen), 0);
        store_close(s);
        for (uint64_t i = 0; i < end; i++)
                assert_int_equal(seen.times[i], 1);
        free(seen.times);

        sqlite3 *db;
        sqlite3_stmt *st;
        char path[300];
        snprintf(path, sizeof(path), "%s/porchlight.db", dir);
        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA quick_check", -1, &st, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
        sqlite3_finalize(st);
        sqlite3_close(db);
        return end + seen.beyond;
}

static void nothing_acknowledged_is_lost(void **state) {
        (void)state;
        uint64_t rng = seed, end = 0;
        unsigned rounds = getenv("PORCHLIGHT_FULL") ? ROUNDS_FULL : ROUNDS;
        rows_dir(dir, sizeof(dir));
        for (unsigned i = 0; i < rounds; i++)
                end = check(round_of(end, &rng));
        print_message("# seed %llu: %llu records in %u lives\n", (unsigned long long)seed, (unsigned long long)end,
                      rounds);
        assert_true(end > 0);
        rows_remove(dir);
}

int main(int argc, char **argv) {
        if (argc > 1)
                seed = strtoull(argv[1], NULL, 10);
        seed = seed ? seed : SEED;
        print_message("# seed %llu\n", (unsigned long long)seed);
        const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
