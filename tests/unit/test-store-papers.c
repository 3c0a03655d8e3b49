/* SPDX-License-Identifier: Apache-2.0 */
/* Papers in the store: kept in their order, changed in one thing, erased without a trace; and whose clip that is. */
#include "store-check.h"

#include "base/cell.h"

#define PURPOSE "a purpose that nobody has to know of any more"

static struct store_paper paper(uint64_t number) {
        return (struct store_paper){.id = rows_id(number),
                                    .what = 2,
                                    .state = 3,
                                    .household = {{5}},
                                    .about = rows_id(99),
                                    .expires = 1000 + number,
                                    .paper = SPAN_STR("a paper"),
                                    .more = SPAN_STR(PURPOSE)};
}

static void must_put(struct store *s, const struct store_paper *p) {
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        assert_int_equal(store_batch_paper(b, p, 7), 0);
        assert_int_equal(store_batch_token(b, 0), 7);
        assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0);
        store_batch_free(b);
}

static int show_paper(void *ctx, const struct store_paper *p) {
        struct buf *out = ctx;
        text_hex(out, span_of(p->id.b, 2));
        buf_printf(out, " %u %u %u %u %llu ", p->what, p->state, p->household.b[0], p->about.b[0],
                   (unsigned long long)p->expires);
        buf_add(out, p->paper);
        buf_add_u8(out, ' ');
        buf_add(out, p->more);
        buf_add_u8(out, '\n');
        return 0;
}

static void expect_papers(size_t n, const uint64_t *numbers, const uint8_t *states) {
        _clean_(buf_fini) struct buf got = BUF_NULL, want = BUF_NULL;
        struct store_reader *r = reading();
        for (size_t i = 0; i < n; i++) {
                struct store_paper p = paper(numbers[i]);
                p.state = states[i];
                show_paper(&want, &p);
        }
        assert_int_equal(store_papers(r, show_paper, &got), 0);
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        store_reader_close(r);
}

static void kept_and_changed(void **state) {
        (void)state;
        struct store *s = opened();
        expect_papers(0, NULL, NULL);
        for (uint64_t i = 3; i > 0; i--) {
                struct store_paper p = paper(i);
                must_put(s, &p);
                must_put(s, &p); /* twice is once */
        }
        struct store_paper other = {.id = rows_id(2), .state = 9};
        must_put(s, &other); /* nothing of it but its state counts */
        expect_papers(3, (uint64_t[]){3, 2, 1}, (uint8_t[]){3, 9, 3});
        store_close(s);
        s = opened();
        expect_papers(3, (uint64_t[]){3, 2, 1}, (uint8_t[]){3, 9, 3});
        store_close(s);
}

static void erased(void **state) {
        (void)state;
        struct store *s = opened();
        struct store_paper p = paper(1), gone = {.id = p.id, .gone = true};
        must_put(s, &p);
        assert_true(rows_anywhere(dir, SPAN_STR(PURPOSE)));
        must_put(s, &gone);
        must_put(s, &gone);
        expect_papers(0, NULL, NULL);
        assert_false(rows_anywhere(dir, SPAN_STR(PURPOSE)));
        store_close(s);
}

/* A store of the version before has none, and takes some. */
static void version_11(void **state) {
        (void)state;
        struct schema before = {schema_current.steps, 11};
        assert_int_equal(schema_settle(dir, &before), 0);
        struct store *s = opened();
        struct store_paper p = paper(1);
        expect_papers(0, NULL, NULL);
        must_put(s, &p);
        expect_papers(1, (uint64_t[]){1}, (uint8_t[]){3});
        store_close(s);
}

/* With its first page lost, which leads to all the others. */
static void salvaged(void **state) {
        (void)state;
        uint8_t *bytes, op[200];
        struct store *s = opened();
        memset(op, 'o', sizeof(op));
        for (uint64_t i = 0; i < 2; i++) {
                struct mesh_row founding = {.kind = MESH_ROW_OP, .op = {rows_id(9000 + i), SPAN_OF(op)}};
                must_commit(s, &founding); /* a page of one row might be another table's */
        }
        struct store_paper p = paper(1);
        must_put(s, &p);
        store_close(s);
        size_t n = slurp(in_dir("porchlight.db"), &bytes);
        memset(bytes, 0xff, PAGE_BYTES);
        rows_clear(dir);
        spill(in_dir("porchlight.db"), bytes, n);
        free(bytes);
        struct store_salvage found;
        assert_int_equal(store_salvage(dir, ROWS_NOW, &found), 0);
        s = opened();
        expect_papers(1, (uint64_t[]){1}, (uint8_t[]){3});
        store_close(s);
}

/* ---- whose clip ---- */

static struct key must_notice(struct store *s, uint64_t number, uint8_t household, const struct hash *clip) {
        struct wire_notice w = {.clip = SPAN_OF(clip->b), .cell = cell_at(52.5, 13.4, CELL_BLOCK), .from = 5, .to = 6};
        struct mesh_row row = rows_record(number, household, RECORD_NOTICE, ROWS_NOW);
        row.record.klass = CLASS_NOTICE;
        row.record.notice = &w;
        must_commit(s, &row);
        return row.record.household;
}

static int whose(const char *hex, struct hash *ret_clip, struct key *ret_household) {
        struct store_reader *r = reading();
        int e = store_clip_told(r, span_str(hex), ret_clip, ret_household);
        store_reader_close(r);
        return e;
}

static void told_by_notices(void **state) {
        (void)state;
        struct store *s = opened();
        const struct hash one = {{0xab, 0xcd, 1}}, other = {{0xab, 0xcd, 2}};
        struct hash clip = {{0}};
        struct key household = {{0}};
        assert_int_equal(whose("abcd", &clip, &household), STORE_E_NONE);
        struct key four = must_notice(s, 1, 4, &one), six;
        must_notice(s, 2, 4, &one); /* told twice */
        assert_int_equal(whose("ABCD", &clip, &household), 0);
        assert_memory_equal(&clip, &one, sizeof(clip));
        assert_memory_equal(&household, &four, sizeof(four));
        six = must_notice(s, 3, 6, &other);
        assert_int_equal(whose("abcd", &clip, &household), STORE_E_MANY);
        assert_int_equal(whose("abcd02", &clip, &household), 0);
        assert_memory_equal(&household, &six, sizeof(six));
        store_close(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(kept_and_changed), TEST(erased), TEST(version_11), TEST(salvaged), TEST(told_by_notices),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
