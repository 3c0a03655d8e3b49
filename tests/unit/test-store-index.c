/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte of an index has changed before its page was summed, so that it leads to another's row, to none, or not to a row that is there; or
 * the id in the row itself. The indexes are made anew by whoever finds it, and every record is there as before.
 */
#include "store-check.h"

#include "store/inside.h"

#define RECORDS 12
#define WORN 7 /* the record whose entry has changed */
#define OTHER 9
#define NOWHERE 100
#define FIRST_NUMBER 1 /* record i is row i + 1 */

/* An entry of an index of 32 bytes: the header's length, a blob of 32 bytes, an integer of one. Then the bytes and the number. */
static const uint8_t entry_head[] = {3, 76, 1};

struct file {
        uint8_t *p;
        size_t n;
};

static struct file closed(void) {
        struct file f;
        f.n = slurp(in_dir("porchlight.db"), &f.p);
        return f;
}

/* With sums that fit: what changes a byte of a page that has one is mended before SQLite sees it (pages.h). */
static void put_back(struct file f) {
        rows_resum(f.p, f.n);
        spill(in_dir("porchlight.db"), f.p, f.n);
        free(f.p);
}

/* The bytes @name of an index's entry; of the row itself where @row. */
static uint8_t *find(struct file f, const void *name, bool row) {
        for (uint8_t *at = f.p; (at = memmem(at, f.n - (size_t)(at - f.p), name, 32)); at++) {
                bool entry = memcmp(at - sizeof(entry_head), entry_head, sizeof(entry_head)) == 0;
                if (entry != row)
                        return at;
        }
        fail_msg("not in the file");
        return NULL;
}

enum damage { ANOTHERS, TO_NOTHING, LOST, OWN_ID, CURABLE, NO_PAGE = CURABLE, NONE };

/* The files of a closed store of RECORDS alerts, and what a flip makes of it. */
static void wear(enum damage d) {
        struct store *s = opened();
        for (uint64_t i = 0; i < RECORDS; i++)
                put_alert(s, i, i % 5, "text");
        assert_int_equal(store_set(s, "home", SPAN_STR("u33db2e")), 0);
        store_close(s);
        struct file f = closed();
        struct hash id = rows_id(WORN);
        switch (d) {
        case ANOTHERS:
                find(f, id.b, false)[32] = OTHER + FIRST_NUMBER;
                break;
        case TO_NOTHING:
                find(f, id.b, false)[32] = NOWHERE;
                break;
        case LOST:
                find(f, id.b, false)[31] ^= 1;
                break;
        case OWN_ID:
                find(f, id.b, true)[5] ^= 1;
                break;
        case NO_PAGE: /* the page's kind, of an index's leaf */
                for (uint8_t *at = find(f, id.b, false); at > f.p; at--)
                        if ((at - f.p) % 4096 == 0) {
                                assert_int_equal(*at, 10);
                                *at = 0;
                                break;
                        }
                break;
        case NONE:
                break;
        }
        put_back(f);
}

static struct store_loaded load(struct store_reader *r, uint64_t i) {
        struct store_loaded item = {.id = rows_id(i)};
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        assert_int_equal(store_load(r, &item, 1, &keep), 0);
        return item;
}

static void expect_whole(struct store *s) {
        struct store_reader *r = reading();
        for (uint64_t i = 0; i < RECORDS; i++) {
                struct store_loaded item = load(r, i);
                assert_int_equal(item.bytes.n, strlen("signed bytes of a record"));
                assert_false(item.astray || item.damaged);
                struct store_alert a = alert_of(r, rows_id(i));
                struct key house = rows_house(i % 5);
                assert_memory_equal(&a.household, &house, sizeof(house));
        }
        _clean_(buf_fini) struct buf home = BUF_NULL;
        assert_int_equal(store_get(r, "home", &home), 0);
        assert_true(span_eq(buf_span(&home), SPAN_STR("u33db2e")));
        store_reader_close(r);
        int64_t n = 0;
        assert_int_equal(sql_number(&s->q, "SELECT count(*) FROM record", &n), 0);
        assert_int_equal(n, RECORDS);
        assert_int_equal(sql_number(&s->q, "SELECT integrity_check = 'ok' FROM pragma_integrity_check", &n), 0);
        assert_int_equal(n, 1);
}

/* The one that is asked for is found all the same, unless nothing but the index knows of it; and the writer puts it right. */
static void a_reader_is_led_astray(void **state) {
        (void)state;
        for (enum damage d = 0; d < CURABLE; d++) {
                rows_clear(dir);
                wear(d);
                struct store *s = opened();
                struct store_reader *r = reading();
                struct store_loaded items[2] = {{.id = rows_id(WORN)}, {.id = rows_id(OTHER)}};
                _clean_(buf_fini) struct buf keep = BUF_NULL;
                assert_int_equal(store_load(r, items, 2, &keep), 0);
                assert_true(items[0].astray);
                assert_int_equal(items[0].damaged, d == OWN_ID);
                assert_int_equal(items[0].bytes.n, d == OWN_ID ? 0 : items[1].bytes.n);
                assert_true(!items[1].astray && items[1].bytes.n);
                assert_int_equal(store_seek(s, &items[0].id), 0);
                assert_int_equal(store_mends(s), 1);
                store_reader_close(r);
                expect_whole(s);
                assert_int_equal(store_seek(s, &items[0].id), 0);
                assert_int_equal(store_mends(s), 1);
                store_close(s);
        }
}

/* A record that is nowhere is no damage. */
static void nobody_is_astray(void **state) {
        (void)state;
        wear(NONE);
        struct store *s = opened();
        struct store_reader *r = reading();
        struct hash id = rows_id(NOWHERE);
        assert_false(load(r, NOWHERE).astray);
        assert_int_equal(store_seek(s, &id), 0);
        assert_int_equal(store_mends(s), 0);
        store_reader_close(r);
        store_close(s);
}

/* It is retracted, commented on, comes again or is void: in each case the right one, and no other. */
static void a_writer_is_led_astray(void **state) {
        (void)state;
        static const enum damage found[] = {ANOTHERS, TO_NOTHING, OWN_ID};
        for (size_t i = 0; i < ARRAY_LEN(found); i++) {
                rows_clear(dir);
                wear(found[i]);
                struct store *s = opened();
                put_follow(s, 200, 4, RECORD_CONFIRM, rows_id(WORN), "");
                assert_int_equal(store_mends(s), 1);
                put_retraction(s, 201, WORN % 5, rows_id(WORN));
                struct store_reader *r = reading();
                assert_int_equal(alert_of(r, rows_id(WORN)).confirms, 1);
                assert_int_equal(alert_of(r, rows_id(WORN)).state, STATE_RETRACTED);
                assert_int_equal(alert_of(r, rows_id(OTHER)).confirms, 0);
                assert_int_equal(alert_of(r, rows_id(OTHER)).state, STATE_ACTIVE);
                store_reader_close(r);
                store_close(s);

                rows_clear(dir);
                wear(found[i]);
                s = opened();
                put_alert(s, WORN, WORN % 5, "text");
                assert_int_equal(store_mends(s), 1);
                expect_whole(s);
                store_close(s);
        }
}

/* A household's number leads to another household's: nothing is said in its name. */
static void a_household_is_not_taken_for_another(void **state) {
        (void)state;
        wear(NONE);
        struct file f = closed();
        struct key house = rows_house(3), other = rows_house(4);
        uint8_t *at = find(f, house.b, false), *others = find(f, other.b, false);
        at[32] = others[32];
        put_back(f);
        struct store *s = opened();
        struct store_reader *r = reading();
        struct store_filter filter = {.now = ROWS_NOW, .muted_households = &house, .n_muted_households = 1};
        struct store_alert a;
        assert_int_equal(store_nearby(r, &filter, take_alert, &a), STORE_E_DAMAGED);
        put_alert(s, 300, 3, "text");
        assert_int_equal(store_mends(s), 1);
        a = alert_of(r, rows_id(300));
        assert_memory_equal(&a.household, &house, sizeof(house));
        store_reader_close(r);
        store_close(s);
}

/* A page that is none any more SQLite does not empty. Nobody is handed anything wrong, and it is tried once. */
static void a_page_is_not_mended(void **state) {
        (void)state;
        wear(NO_PAGE);
        struct store *s = opened();
        struct store_reader *r = reading();
        struct store_loaded item = load(r, WORN);
        assert_true(item.astray && item.bytes.n);
        for (int i = 0; i < 2; i++)
                assert_int_equal(store_seek(s, &item.id), STORE_E_DAMAGED);
        assert_int_equal(store_mends(s), 0);
        store_reader_close(r);
        store_close(s);
}

/* What is damaged in the rows no index mends: it is tried once, and said. */
static void rows_are_not_mended(void **state) {
        (void)state;
        wear(NONE);
        struct store *s = opened();
        assert_int_equal(sql_exec(&s->q, "UPDATE record SET head = x'00' WHERE n = 8"), 0);
        struct mesh_row row = rows_record(WORN, WORN % 5, RECORD_ALERT, ROWS_NOW);
        for (int i = 0; i < 3; i++)
                assert_int_equal(rows_commit(s, &row, ROWS_NOW), STORE_E_DAMAGED);
        assert_int_equal(store_mends(s), 1);
        put_alert(s, 300, 3, "text");
        store_close(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_reader_is_led_astray), TEST(nobody_is_astray),
                TEST(a_writer_is_led_astray), TEST(a_household_is_not_taken_for_another),
                TEST(a_page_is_not_mended),   TEST(rows_are_not_mended),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
