/* SPDX-License-Identifier: Apache-2.0 */
/* Time passes and things are taken back: what should be gone is searched for in the raw files. */
#include "store-check.h"

/* However many they are, others get their turn between them. */
static void alerts_expire_once(void **state) {
        (void)state;
        struct store *s = opened();
        for (uint64_t i = 0; i < 600; i++)
                put_alert(s, i, 1, "");
        uint64_t seq;
        assert_int_equal(store_tick(s, ROWS_NOW, 0, &seq), 0);
        assert_int_equal(seq, 600);
        assert_int_equal(store_tick(s, ROWS_NOW + ROWS_LIFE, 0, &seq), STORE_E_MORE);
        assert_in_range(seq, 601, 900);
        uint64_t first = seq;
        struct mesh_row late = rows_record(600, 1, RECORD_ALERT, ROWS_NOW + 1);
        struct wire_alert a = rows_alert(home_cell(), SPAN_STR(""));
        late.record.alert = &a;
        must_commit(s, &late);
        for (int r = STORE_E_MORE; r; first = seq) {
                r = store_tick(s, ROWS_NOW + ROWS_LIFE, 0, &seq);
                assert_true(r == 0 || (r == STORE_E_MORE && seq > first));
        }
        assert_int_equal(seq, 1201);
        assert_int_equal(store_tick(s, ROWS_NOW + ROWS_LIFE, 0, &seq), 0);
        assert_int_equal(seq, 1201);
        struct store_reader *r = reading();
        assert_int_equal(alert_of(r, rows_id(5)).state, STATE_EXPIRED);
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(store_events(r, 600, 1, show_event, &got), 0);
        assert_int_equal(strncmp(buf_cstr(&got), "601 expired", 11), 0);
        store_reader_close(r);
        store_close(s);
}

static void purged_rows_are_gone(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash old = put_alert(s, 1, 1, "canary-purged-alert");
        put_follow(s, 2, 2, RECORD_COMMENT, old, "canary-purged-comment");
        struct mesh_row row = rows_record(3, 1, RECORD_ALERT, ROWS_NOW);
        struct wire_alert a = rows_alert(home_cell(), SPAN_STR("canary-kept"));
        row.record.alert = &a;
        row.record.expires = ROWS_NOW + 9 * MESH_DAY;
        must_commit(s, &row);
        uint64_t seq;
        assert_int_equal(store_tick(s, ROWS_NOW + MESH_DAY, ROWS_NOW + MESH_DAY, &seq), 0);
        assert_int_equal(seq, 4);
        struct store_reader *r = reading();
        struct store_alert got;
        assert_int_equal(store_alert_get(r, &old, take_alert, &got), STORE_E_NONE);
        assert_int_equal(alert_of(r, row.record.id).state, STATE_ACTIVE);
        _clean_(buf_fini) struct buf events = BUF_NULL;
        assert_int_equal(store_events(r, 0, 10, show_event, &events), 0);
        assert_int_equal(strncmp(buf_cstr(&events), "3 posted", 8), 0);
        uint64_t last;
        assert_int_equal(store_last_seq(r, &last), 0);
        assert_int_equal(last, 4); /* numbers are not given out again */
        store_reader_close(r);
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary-purged")));
        assert_true(rows_anywhere(dir, SPAN_STR("canary-kept")));
}

/* The one stored last is purged before an older one, and nobody posts in between: what comes next gets a number of its own. */
static void a_number_is_given_once(void **state) {
        (void)state;
        struct store *s = opened();
        struct mesh_row old = rows_record(1, 1, RECORD_ALERT, ROWS_NOW);
        struct wire_alert a = rows_alert(home_cell(), SPAN_STR("lives long"));
        old.record.alert = &a;
        old.record.bytes = SPAN_STR("bytes of the old one");
        old.record.expires = ROWS_NOW + 9 * MESH_DAY;
        must_commit(s, &old);
        put_alert(s, 2, 1, "lives not so long");
        uint64_t seq;
        assert_int_equal(store_tick(s, ROWS_NOW + MESH_DAY, ROWS_NOW + MESH_DAY, &seq), 0);
        struct hash new = put_alert(s, 3, 1, "comes later");
        struct store_reader *r = reading();
        const struct hash ids[] = {old.record.id, new};
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
                _clean_(buf_fini) struct buf keep = BUF_NULL;
                struct store_loaded item = {.id = ids[i]};
                assert_int_equal(store_load(r, &item, 1, &keep), 0);
                assert_true(item.bytes.n && !item.damaged);
                assert_int_equal(alert_of(r, ids[i]).created, i ? ROWS_NOW - 60 : ROWS_NOW);
        }
        store_reader_close(r);
        store_close(s);
}

/* While another reads, too: the log is emptied as soon as that is over. */
static void retracted_text_is_gone(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash id = put_alert(s, 1, 1, "canary-alert");
        put_follow(s, 2, 1, RECORD_UPDATE, id, "canary-update");
        struct hash said = put_follow(s, 3, 2, RECORD_COMMENT, id, "canary-comment");
        put_retraction(s, 4, 2, said);
        put_retraction(s, 5, 1, id);
        put_follow(s, 6, 1, RECORD_UPDATE, id, "canary-late-update");
        struct hash early = rows_id(7);
        put_retraction(s, 8, 3, early);
        put_alert(s, 7, 3, "canary-early");
        struct store_reader *r = reading();
        assert_int_equal(alert_of(r, early).state, STATE_RETRACTED);
        assert_int_equal(alert_of(r, early).text.n, 0);
        store_reader_close(r);

        /* The files, while the store is still open: what SQLite holds is not what a thief finds. */
        char copy[600];
        snprintf(copy, sizeof(copy), "cp -r %s %s.copy", dir, dir);
        assert_int_equal(system(copy), 0);
        char copied[300];
        snprintf(copied, sizeof(copied), "%s.copy", dir);
        assert_false(rows_anywhere(copied, SPAN_STR("canary")));
        rows_remove(copied);
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary")));
}

static void put_void_at(struct store *s, uint64_t number, uint64_t house, uint8_t type, mesh_wall now) {
        struct mesh_row row = rows_record(number, house, type, ROWS_NOW);
        row.record.bytes = SPAN_NONE;
        row.record.voided = true;
        assert_int_equal(rows_commit(s, &row, now), 0);
}

static void put_void(struct store *s, uint64_t number, uint64_t house, uint8_t type) {
        put_void_at(s, number, house, type, ROWS_NOW);
}

static int count_void(void *ctx, const struct mesh_row *row) {
        *(unsigned *)ctx += row->kind == MESH_ROW_RECORD && row->record.voided;
        return 0;
}

/* A proof makes of an alert what a retraction would, and of a vote nothing; none of it comes back. */
static void void_text_is_gone(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash id = put_alert(s, 1, 1, "canary-alert"), other = put_alert(s, 2, 2, "what stays");
        put_follow(s, 3, 1, RECORD_UPDATE, id, "canary-update");
        put_follow(s, 4, 3, RECORD_CONFIRM, other, "canary-vote");
        put_follow(s, 5, 2, RECORD_UPDATE, other, "canary-change");
        put_void(s, 1, 1, RECORD_ALERT);
        put_void(s, 4, 3, RECORD_CONFIRM);
        put_void(s, 5, 2, RECORD_UPDATE);
        put_void(s, 9, 9, RECORD_ALERT); /* never was here */
        put_void(s, 1, 1, RECORD_ALERT);
        put_alert(s, 1, 1, "canary-again");
        struct store_reader *r = reading();
        assert_int_equal(alert_of(r, id).state, STATE_RETRACTED);
        assert_int_equal(alert_of(r, id).text.n, 0);
        assert_int_equal(alert_of(r, other).state, STATE_ACTIVE);
        assert_int_equal(alert_of(r, other).confirms, 0);
        struct store_loaded items[] = {{rows_id(1)}, {rows_id(2)}, {rows_id(4)}};
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        assert_int_equal(store_load(r, items, ARRAY_LEN(items), &keep), 0);
        assert_int_equal(items[0].bytes.n + items[2].bytes.n, 0);
        assert_true(items[1].bytes.n);
        store_reader_close(r);
        unsigned voids = 0;
        assert_int_equal(store_restore(s, 0, count_void, &voids), 0);
        assert_int_equal(voids, 3);
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary")));
}

/* An alert that is void and taken back shows the same, whichever its home heard of first. */
static void void_and_taken_back(_unused_ void **state) {
        struct store *s = opened();
        struct hash a = put_alert(s, 1, 1, "canary-alert"), b = put_alert(s, 2, 1, "canary-other");
        put_void_at(s, 1, 1, RECORD_ALERT, ROWS_NOW - 10);
        put_retraction(s, 11, 1, a);
        put_retraction(s, 12, 1, b);
        put_void_at(s, 2, 1, RECORD_ALERT, ROWS_NOW - 10);
        struct store_reader *r = reading();
        assert_int_equal(alert_of(r, a).state, STATE_RETRACTED);
        assert_int_equal(alert_of(r, b).state, STATE_RETRACTED);
        assert_int_equal(alert_of(r, a).updated, ROWS_NOW - 10);
        assert_int_equal(alert_of(r, b).updated, ROWS_NOW - 10);
        store_reader_close(r);
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary")));
}

/* A retraction takes back what ends with it and nothing else. */
static void other_ends_stay(void **state) {
        (void)state;
        struct store *s = opened();
        struct mesh_row back = rows_record(3, 1, RECORD_RETRACT, ROWS_NOW);
        back.record.expires = PUT_EXPIRES + 1;
        back.record.target = rows_id(1);
        struct hash id = put_alert(s, 1, 1, "as it was");
        must_commit(s, &back);
        back.record.id = rows_id(4);
        back.record.target = rows_id(2);
        must_commit(s, &back);
        struct hash late = put_alert(s, 2, 1, "as it was");
        struct store_reader *r = reading();
        assert_int_equal(alert_of(r, id).state, STATE_ACTIVE);
        assert_int_equal(alert_of(r, late).state, STATE_ACTIVE);
        store_reader_close(r);
        store_close(s);
}

#define HUNT_ALERTS 3000
#define HUNT_TEXT 40

/* Texts of every length come, some are taken back, time passes: in no file stands a text that should be gone. */
static void no_copy_is_forgotten(void **state) {
        (void)state;
        uint64_t rng = 17, seq;
        struct store *s = opened();
        static bool gone[HUNT_ALERTS];
        static mesh_wall ends[HUNT_ALERTS];
        for (uint64_t i = 0; i < HUNT_ALERTS;) {
                struct store_batch *b = store_batch_new();
                for (uint64_t end = MIN(i + 100, HUNT_ALERTS); i < end; i++) {
                        char text[513];
                        int n = snprintf(text, sizeof(text), "hunted-%06llu-", (unsigned long long)i);
                        size_t len = (size_t)n + rows_random(&rng) % (rows_random(&rng) % 4 ? HUNT_TEXT : 490);
                        memset(text + n, 'x', len - (size_t)n);
                        struct mesh_row row = rows_record(i, i % 7, RECORD_ALERT, ROWS_NOW + i);
                        row.record.expires = ends[i] = ROWS_NOW + i + rows_random(&rng) % 500;
                        struct wire_alert a = rows_alert(home_cell(), span_of(text, len));
                        row.record.alert = &a;
                        row.record.bytes = span_of(text, len);
                        gone[i] = row.record.expires < ROWS_NOW + HUNT_ALERTS - 600;
                        assert_int_equal(store_batch_add(b, &row, i), 0);
                        uint64_t victim = rows_random(&rng) % (i + 1);
                        if (rows_random(&rng) % 10 == 0) {
                                struct mesh_row back =
                                        rows_record(HUNT_ALERTS + i, victim % 7, RECORD_RETRACT, ROWS_NOW + i);
                                back.record.target = rows_id(victim);
                                back.record.expires = ends[victim];
                                assert_int_equal(store_batch_add(b, &back, i), 0);
                                gone[victim] = true;
                        }
                }
                assert_int_equal(store_commit(s, b, ROWS_NOW + i, &seq), 0);
                store_batch_free(b);
                assert_int_equal(store_tick(s, ROWS_NOW + i, ROWS_NOW + i - MIN(i, 600), &seq), 0);
        }
        store_close(s);
        uint8_t *p;
        size_t n = slurp(in_dir("porchlight.db"), &p);
        unsigned left = 0, forgotten = 0;
        for (uint8_t *at = p; (at = memmem(at, n - (size_t)(at - p), "hunted-", 7)); at += 7) {
                char digits[7] = "";
                memcpy(digits, at + 7, 6);
                uint64_t i = strtoull(digits, NULL, 10);
                left++;
                forgotten += i < HUNT_ALERTS && gone[i];
        }
        free(p);
        assert_int_equal(forgotten, 0);
        assert_true(left > 100);
}

static int count_row(void *ctx, const struct mesh_row *row) {
        (void)row;
        ++*(unsigned *)ctx;
        return 0;
}

static void cleared_store_is_empty(void **state) {
        (void)state;
        struct store *s = opened();
        for (uint64_t i = 0; i < 300; i++)
                put_follow(s, 1000 + i, 2, RECORD_COMMENT, put_alert(s, i, 1, "canary-alert"), "canary-comment");
        assert_int_equal(store_set(s, "home", SPAN_STR("canary-home")), 0);
        uint64_t seq, last;
        assert_int_equal(store_tick(s, ROWS_NOW, 0, &seq), 0);
        assert_int_equal(store_clear(dir), STORE_E_SHARED);
        store_close(s);
        assert_true(rows_anywhere(dir, SPAN_STR("canary-")));
        assert_int_equal(store_clear(dir), 0);
        assert_false(rows_anywhere(dir, SPAN_STR("canary-")));
        s = opened();
        unsigned rows = 0;
        assert_int_equal(store_restore(s, 0, count_row, &rows), 0);
        assert_int_equal(rows, 0);
        struct store_reader *r = reading();
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(store_get(r, "home", &got), STORE_E_NONE);
        put_alert(s, 1, 1, "after");
        assert_int_equal(store_last_seq(r, &last), 0);
        assert_int_equal(last, seq + 1); /* numbers are not given out again */
        store_reader_close(r);
        store_close(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(alerts_expire_once),   TEST(purged_rows_are_gone),   TEST(retracted_text_is_gone),
                TEST(void_text_is_gone),    TEST(void_and_taken_back),    TEST(other_ends_stay),
                TEST(no_copy_is_forgotten), TEST(cleared_store_is_empty), TEST(a_number_is_given_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
