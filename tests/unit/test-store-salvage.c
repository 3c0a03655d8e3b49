/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page of the database, or several, are rubbish. What else was there is there, to the last letter; what was lost is whole
 * again once it was brought again; and a slot that was used is known to be.
 */
#include "store-check.h"

#define RECORDS 300
#define HOUSES 7
#define DAY (ROWS_NOW / MESH_DAY)
#define LAST_INDEX 41
#define OP_BYTES 200

static uint8_t ops[3][OP_BYTES];

static void put_op(struct store *s, uint64_t number) {
        rows_fill(ops[number], OP_BYTES, 9, number);
        struct mesh_row row = {.kind = MESH_ROW_OP, .op = {rows_id(9000 + number), span_of(ops[number], OP_BYTES)}};
        must_commit(s, &row);
}

/* Alerts, and every third a confirmation or a comment of the one before; some of them this device's own. */
static struct mesh_row record(uint64_t i, struct wire_alert *alert, struct wire_follow *follow, char text[64]) {
        static const uint8_t types[] = {RECORD_ALERT, RECORD_CONFIRM, RECORD_COMMENT};
        uint8_t type = types[i % 3];
        static struct hash target; /* the follow-up points to it */
        target = rows_id(i - i % 3);
        struct mesh_row row = rows_record(i, (i + i % 3) % HOUSES, type, ROWS_NOW - 60 + i % 3);
        snprintf(text, 64, "text of record %llu", (unsigned long long)i);
        row.record.expires = PUT_EXPIRES;
        row.record.index = (uint16_t)(i % (LAST_INDEX + 1));
        row.record.own = i % 5 == 0;
        *alert = rows_alert(home_cell(), span_str(text));
        *follow = rows_follow(&target, span_str(text));
        if (type == RECORD_ALERT) {
                row.record.alert = alert;
        } else {
                row.record.target = target;
                row.record.follow = follow;
        }
        row.record.bytes = span_str(text);
        return row;
}

static void put_all(struct store *s) {
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        assert_non_null(b);
        for (uint64_t i = 0; i < RECORDS; i++) {
                struct wire_alert alert;
                struct wire_follow follow;
                char text[64];
                struct mesh_row row = record(i, &alert, &follow, text);
                assert_int_equal(store_batch_add(b, &row, i), 0);
        }
        assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0);
        store_batch_free(b);
}

static void show_all(struct buf *out) {
        struct store_reader *r = reading();
        for (uint64_t i = 0; i < RECORDS; i++) {
                _clean_(buf_fini) struct buf keep = BUF_NULL;
                struct store_loaded item = {.id = rows_id(i)};
                assert_int_equal(store_load(r, &item, 1, &keep), 0);
                buf_add(out, item.bytes);
                buf_add_str(out, "\n");
                if (i % 3 == 0) {
                        assert_int_equal(store_alert_get(r, &item.id, show_alert, out), 0);
                        assert_int_equal(store_follows(r, &item.id, show_follow, out), 0);
                }
        }
        store_reader_close(r);
}

static size_t whole(uint8_t **ret) {
        struct store *s = opened();
        for (uint64_t i = 0; i < ARRAY_LEN(ops); i++)
                put_op(s, i);
        put_all(s);
        assert_int_equal(store_set(s, "home", SPAN_STR("somewhere")), 0);
        store_close(s);
        return slurp(in_dir("porchlight.db"), ret);
}

static int note_slots(void *ctx, const struct mesh_row *row) {
        if (row->kind == MESH_ROW_SLOTS && row->slots.klass == CLASS_NORMAL)
                *(struct mesh_row *)ctx = *row;
        return 0;
}

static struct mesh_row slots_of(struct store *s) {
        struct mesh_row ret = {.kind = MESH_ROW_MARK};
        assert_int_equal(store_restore(s, ROWS_NOW, note_slots, &ret), 0);
        return ret;
}

static uint64_t last_event(void) {
        struct store_reader *r = reading();
        uint64_t seq;
        assert_int_equal(store_last_seq(r, &seq), 0);
        store_reader_close(r);
        return seq;
}

/* Each page in turn. It is mended exactly where rows of several pages belong together, and counts are made anew. */
static void any_page_is_lost(_unused_ void **state) {
        _clean_(buf_fini) struct buf want = BUF_NULL;
        unsigned kept = 0, lost = 0, refused = 0, unknown = 0;
        uint8_t *good;
        size_t n = whole(&good);
        uint64_t seq = last_event();
        show_all(&want);
        for (size_t at = 0; at < n; at += PAGE_BYTES) {
                _clean_(buf_fini) struct buf got = BUF_NULL;
                struct store_salvage found = {0};
                uint8_t *bad = malloc(n);
                memcpy(bad, good, n);
                rows_fill(bad + at, PAGE_BYTES, 8, at);
                rows_clear(dir);
                spill(in_dir("porchlight.db"), bad, n);
                free(bad);
                int r = store_salvage(dir, ROWS_NOW, &found);
                if (r == STORE_E_DAMAGED) { /* the one with what founded the mesh; and then it is as it was */
                        refused++;
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(found.pages, n / PAGE_BYTES);
                assert_int_equal(found.damaged, 1);
                kept += found.records > 0;
                lost += found.records < RECORDS;
                struct store *s = opened();
                struct mesh_row slots = slots_of(s);
                assert_int_equal(slots.slots.day, DAY);
                assert_int_equal(slots.slots.next, found.slots_lost ? UINT16_MAX : LAST_INDEX + 1);
                unknown += found.slots_lost;
                put_all(s);
                store_close(s);
                assert_true(last_event() >= seq);
                show_all(&got);
                assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        }
        print_message("# of %zu pages: %u refused, %u lost records, %u kept some\n", n / PAGE_BYTES, refused, lost,
                      kept);
        assert_int_equal(refused, 1);
        assert_int_equal(unknown, 1);
        assert_true(lost > 3);
        assert_int_equal(kept, n / PAGE_BYTES - refused);
        free(good);
}

/* ---- what was taken back ---- */
#define BACK 120 /* alerts: taken back, void, or both */

/* What says that they are gone stands on other pages than they do. */
static size_t all_taken_back(uint8_t **ret) {
        struct store *s = opened();
        put_op(s, 0);
        for (uint64_t i = 0; i < BACK; i++) {
                struct hash id = put_alert(s, i, i % HOUSES, "text that is to be gone");
                struct mesh_row row = rows_record(i, i % HOUSES, RECORD_ALERT, ROWS_NOW - 60);
                row.record.voided = true;
                if (i % 2)
                        put_retraction(s, 1000 + i, i % HOUSES, id);
                if (i % 4 != 1)
                        must_commit(s, &row);
        }
        store_close(s);
        return slurp(in_dir("porchlight.db"), ret);
}

static void take_all_back_again(void) {
        struct store *s = opened();
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        assert_non_null(b);
        for (uint64_t i = 0; i < BACK; i++) {
                struct mesh_row row = rows_record(i, i % HOUSES, RECORD_ALERT, ROWS_NOW - 60);
                struct mesh_row back = rows_record(1000 + i, i % HOUSES, RECORD_RETRACT, ROWS_NOW - 5);
                back.record.expires = PUT_EXPIRES;
                back.record.target = row.record.id;
                row.record.voided = true;
                assert_int_equal(store_batch_add(b, &back, i), 0);
                assert_int_equal(store_batch_add(b, &row, i), 0);
        }
        assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0);
        store_batch_free(b);
        store_close(s);
}

/* How many are there; none as if it were in force. */
static unsigned count_taken_back(void) {
        struct store_reader *r = reading();
        unsigned there = 0;
        for (uint64_t i = 0; i < BACK; i++) {
                struct store_alert a;
                struct hash id = rows_id(i);
                int e = store_alert_get(r, &id, take_alert, &a);
                if (e == STORE_E_NONE)
                        continue;
                assert_int_equal(e, 0);
                assert_int_equal(a.state, STATE_RETRACTED);
                assert_int_equal(a.text.n, 0);
                there++;
        }
        store_reader_close(r);
        return there;
}

/* Whichever page is lost, no alert that is still there comes to life again; and it may be found void, and taken back, anew. */
static void what_was_taken_back_stays_so(_unused_ void **state) {
        uint8_t *good;
        size_t n = all_taken_back(&good);
        unsigned all = 0, salvaged = 0;
        for (size_t at = 0; at < n; at += PAGE_BYTES) {
                struct store_salvage found;
                uint8_t page[PAGE_BYTES];
                memcpy(page, good + at, PAGE_BYTES);
                rows_fill(good + at, PAGE_BYTES, 8, at);
                rows_clear(dir);
                spill(in_dir("porchlight.db"), good, n);
                memcpy(good + at, page, PAGE_BYTES);
                if (store_salvage(dir, ROWS_NOW, &found) == STORE_E_DAMAGED) /* the one with what founded the mesh */
                        continue;
                salvaged++;
                unsigned there = count_taken_back();
                all += there == BACK;
                take_all_back_again();
                assert_int_equal(count_taken_back(), there);
        }
        print_message("# of %zu pages: %u salvaged, %u with all alerts\n", n / PAGE_BYTES, salvaged, all);
        assert_int_equal(salvaged, n / PAGE_BYTES - 1);
        assert_true(all > salvaged / 3);
        free(good);
}

/* The power went when the new store was whole and had not taken the old one's name. */
static void a_salvage_is_ended(_unused_ void **state) {
        uint8_t *good, *after;
        size_t n = whole(&good);
        spill(in_dir("porchlight.db.salvaged"), good, n);
        spill(in_dir("porchlight.db"), good, PAGE_BYTES);
        spill(in_dir("porchlight.db-wal"), good, n);
        store_close(opened());
        assert_int_equal(slurp(in_dir("porchlight.db"), &after), n);
        assert_int_equal(access(in_dir("porchlight.db.salvaged"), F_OK), -1);
        free(good);
        free(after);
}

/* Behind an open store's back. */
static void overwrite(const char *path, size_t at, const uint8_t *p, size_t n) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, p, n, (off_t)at), n);
        close(fd);
}

/* Of a large store a start reads what it needs; the rest is looked at from the first page on, some with each tick. */
static void a_large_store_is_looked_at_bit_by_bit(_unused_ void **state) {
        static const char fill[] =
                "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 46)"
                "INSERT INTO value SELECT 'value ' || i, zeroblob(200000) FROM c"; /* more than a start looks through */
        static const uint8_t rubbish[PAGE_BYTES] = {1, 2, 3};
        struct sql q = {0};
        unsigned ticks = 0;
        uint64_t seq;
        struct store *s = opened();
        store_close(s);
        assert_int_equal(sql_open(&q, in_dir("porchlight.db"), SQL_WRITER), 0);
        assert_int_equal(sql_exec(&q, fill), 0);
        sql_close(&q);
        overwrite(in_dir("porchlight.db"), 1000 * PAGE_BYTES, rubbish, PAGE_BYTES); /* in the middle of a value */
        s = opened();
        for (; !store_hurt(s) && ticks < 8; ticks++)
                assert_int_equal(store_tick(s, ROWS_NOW, 0, &seq), 0);
        assert_true(store_hurt(s));
        assert_in_range(ticks, 3, 5);
        store_close(s);
        assert_int_equal(store_open(&s, dir), STORE_E_DAMAGED);
}

/* A text, which no start needs. */
static void a_page_nobody_reads(_unused_ void **state) {
        struct store_salvage found;
        struct hash target = rows_id(0);
        uint8_t *good, rubbish[PAGE_BYTES];
        uint64_t seq;
        size_t n = whole(&good), at;
        const uint8_t *text = memmem(good, n, "text of record 0", strlen("text of record 0"));
        assert_non_null(text);
        at = (size_t)(text - good) / PAGE_BYTES * PAGE_BYTES;
        rows_fill(rubbish, PAGE_BYTES, 8, 0);
        struct store *s = opened();
        assert_int_equal(store_tick(s, ROWS_NOW, 0, &seq), 0);
        assert_false(store_hurt(s));
        overwrite(in_dir("porchlight.db"), at, rubbish, PAGE_BYTES);
        assert_int_equal(store_tick(s, ROWS_NOW, 0, &seq), 0);
        assert_true(store_hurt(s));
        store_close(s);
        overwrite(in_dir("porchlight.db"), at, good + at,
                  PAGE_BYTES); /* the noted damage counts, whatever the disk says now */
        assert_int_equal(store_open(&s, dir), STORE_E_DAMAGED);
        overwrite(in_dir("porchlight.db"), at, rubbish, PAGE_BYTES);
        assert_int_equal(store_open(&s, dir), STORE_E_DAMAGED);
        assert_int_equal(store_salvage(dir, ROWS_NOW, &found), 0);
        assert_int_equal(found.damaged, 1);
        s = opened();
        assert_int_equal(store_tick(s, ROWS_NOW, 0, &seq), 0);
        assert_false(store_hurt(s));
        store_close(s);
        struct store_reader *r = reading();
        struct store_alert a;
        assert_int_equal(store_alert_get(r, &target, take_alert, &a), STORE_E_NONE);
        store_reader_close(r);
        free(good);
}

/* A newer program's store is not an older one's to take apart, and one of nothing but rubbish is left as it is. */
static void what_is_left_alone(_unused_ void **state) {
        struct store_salvage found;
        uint8_t *good, *after;
        size_t n = whole(&good);
        good[63]++; /* user_version */
        rows_resum(good, n);
        spill(in_dir("porchlight.db"), good, n);
        assert_int_equal(store_salvage(dir, ROWS_NOW, &found), STORE_E_NEWER);
        rows_fill(good, n, 8, 1);
        spill(in_dir("porchlight.db"), good, n);
        assert_int_equal(store_salvage(dir, ROWS_NOW, &found), STORE_E_DAMAGED);
        assert_int_equal(slurp(in_dir("porchlight.db"), &after), n);
        assert_memory_equal(good, after, n);
        assert_int_equal(access(in_dir("porchlight.db.new"), F_OK), -1);
        free(good);
        free(after);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(any_page_is_lost),    TEST(what_was_taken_back_stays_so),          TEST(a_salvage_is_ended),
                TEST(a_page_nobody_reads), TEST(a_large_store_is_looked_at_bit_by_bit), TEST(what_is_left_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
