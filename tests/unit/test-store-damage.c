/* SPDX-License-Identifier: Apache-2.0 */
/* A store whose bytes were changed behind its back may refuse anything, and may not crash: run it under a sanitizer. */
#include "cases.h"
#include "store-world.h"

#define FLIPS 300 /* damaged files; 10,000 with PORCHLIGHT_FULL */
#define FLIPS_FULL 10000
#define VERSION_SUMMED 7 /* from which on no body is without a sum */

static int ignore_row(void *ctx, const struct mesh_row *row) {
        (void)ctx;
        (void)row;
        return 0;
}
static int ignore_alert(void *ctx, const struct store_alert *a) {
        *(uint64_t *)ctx += a->text.n ? a->text.p[a->text.n - 1] : 0;
        return 0;
}
static int ignore_event(void *ctx, const struct store_event *e) {
        return ignore_alert(ctx, &e->alert);
}
static int ignore_follow(void *ctx, const struct store_follow *f) {
        *(uint64_t *)ctx += f->text.n ? f->text.p[f->text.n - 1] : 0;
        return 0;
}

/* Does all a store can do; only living through it counts. */
static unsigned use_all(const struct world *w) {
        struct store *s = NULL;
        struct store_reader *r = NULL;
        uint64_t sum = 0, seq;
        int e = store_open(&s, dir);
        if (e) {
                assert_true(e > 0);
                return 1;
        }
        unsigned refused = store_restore(s, 0, ignore_row, NULL) != 0;
        if (store_reader_open(&r, dir) == 0) {
                struct store_filter f = {.centre = home_cell(), .within_m = 500, .since = 1, .now = ROWS_NOW};
                refused |= store_nearby(r, &f, ignore_alert, &sum) != 0;
                f.centre = 0;
                f.within_m = 0;
                f.text = SPAN_STR("text");
                refused |= store_nearby(r, &f, ignore_alert, &sum) != 0;
                refused |= store_events(r, 0, 1000, ignore_event, &sum) != 0;
                for (size_t i = 0; i < WORLD_ALERTS; i++) {
                        _clean_(buf_fini) struct buf keep = BUF_NULL;
                        struct store_loaded item = {w->rows[i].record.id};
                        refused |= store_alert_get(r, &item.id, ignore_alert, &sum) != 0;
                        refused |= store_follows(r, &item.id, ignore_follow, &sum) != 0;
                        refused |= store_load(r, &item, 1, &keep) != 0;
                }
                store_reader_close(r);
        }
        for (uint64_t i = 0; i < 3; i++) {
                struct mesh_row row = rows_record(7000 + i, i, RECORD_ALERT, ROWS_NOW);
                struct wire_alert a = rows_alert(home_cell(), SPAN_STR("new"));
                row.record.alert = &a;
                refused |= rows_commit(s, &row, ROWS_NOW) != 0;
        }
        refused |= store_tick(s, ROWS_NOW + 500, ROWS_NOW + 100, &seq) != 0;
        refused |= store_tick(s, ROWS_NOW + MESH_DAY, ROWS_NOW + MESH_DAY, &seq) != 0;
        store_close(s);
        return refused;
}

static void flipped_bits_never_crash(void **state) {
        (void)state;
        uint64_t rng = 23;
        struct world *w = calloc(1, sizeof(*w));
        make_world(w, &rng);
        shuffle(w, &rng);
        struct store *s = opened();
        put_core_rows(s);
        add_world(w, s, &rng);
        store_close(s);
        uint8_t *whole;
        size_t n = slurp(in_dir("porchlight.db"), &whole);
        unsigned trials = cases(getenv("PORCHLIGHT_FULL") ? FLIPS_FULL : FLIPS), refused = 0;
        for (unsigned i = 0; i < trials; i++) {
                uint8_t *bad = malloc(n);
                memcpy(bad, whole, n);
                for (uint64_t flips = 1 + rows_random(&rng) % 8; flips; flips--)
                        bad[rows_random(&rng) % (flips % 2 ? n : 4096)] ^= (uint8_t)(1 + rows_random(&rng) % 255);
                rows_clear(dir);
                spill(in_dir("porchlight.db"), bad, n);
                free(bad);
                refused += use_all(w);
        }
        print_message("# %u of %u damaged files were noticed\n", refused, trials);
        free(whole);
        free(w);
}

/* Of the record whose id is all zeros. */
static void expect_body(const char *bytes, bool damaged) {
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        struct store_loaded item = {0};
        struct store *s = opened();
        struct store_reader *r = reading();
        assert_int_equal(store_load(r, &item, 1, &keep), 0);
        assert_true(span_eq(item.bytes, span_str(bytes)));
        assert_int_equal(item.damaged, damaged);
        store_reader_close(r);
        store_close(s);
}

static void change(const char *text) {
        struct sql q = {0};
        assert_int_equal(sql_open(&q, in_dir("porchlight.db"), SQL_WRITER), 0);
        assert_int_equal(sum_prepare(&q), 0);
        assert_int_equal(sql_exec(&q, text), 0);
        sql_close(&q);
}

/* Version 3 knew no sums, version 4 to 6 let them be missing. Each body has one afterwards, and bytes it does not fit are named. */
static void bodies_of_before_sums(void **state) {
        (void)state;
        static const char *const rows[] = {
                "INSERT INTO key VALUES (1, zeroblob(32))",
                "INSERT INTO record (n, id, expires, head) VALUES (5, zeroblob(32), 2000000000, "
                "x'0000000100000001000000006b49d2000000516b0001010230')",
                "INSERT INTO body (n, bytes) VALUES (5, CAST('signed by nobody' AS BLOB))",
        };
        for (size_t version = 3; version < VERSION_SUMMED; version++) {
                rows_clear(dir);
                rows_plain(in_dir("porchlight.db"), version);
                for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                        change(rows[i]);
                expect_body("signed by nobody", false);
                change("UPDATE body SET bytes = CAST('sigmed by nobody' AS BLOB)");
                expect_body("", true);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(bodies_of_before_sums),
                TEST(flipped_bits_never_crash),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
