/* SPDX-License-Identifier: Apache-2.0 */
/* Records that cannot be read yet: the store remembers which, and under which epoch, and tells of each once it can be read. */
#include "store-check.h"
#include "store/schema.h"
#include "store/sql.h"

#define EPOCH 0xe9
#define LATER 100

static struct mesh_row sealed_row(uint64_t number, uint8_t type) {
        struct mesh_row row = rows_record(number, 1, type, ROWS_NOW);
        row.record.expires = PUT_EXPIRES;
        row.record.sealed = true;
        memset(row.record.epoch, EPOCH, sizeof(row.record.epoch));
        return row;
}

static struct mesh_row tried_row(uint64_t number, uint8_t type) {
        struct mesh_row row = sealed_row(number, type);
        row.record.sealed = false;
        memset(row.record.epoch, 0, sizeof(row.record.epoch));
        return row;
}

static void put_opened(struct store *s, uint64_t number, const char *text) {
        struct mesh_row row = tried_row(number, RECORD_ALERT);
        struct wire_alert a = rows_alert(home_cell(), span_str(text));
        row.record.alert = &a;
        must_commit(s, &row);
}

static void put_comment(struct store *s, uint64_t number, uint64_t alert) {
        struct mesh_row row = tried_row(number, RECORD_COMMENT);
        row.record.target = rows_id(alert);
        struct wire_follow f = rows_follow(&row.record.target, SPAN_STR("words"));
        row.record.follow = &f;
        must_commit(s, &row);
}

static int show_sealed(void *ctx, const struct mesh_row *row) {
        struct buf *out = ctx;
        if (row->kind != MESH_ROW_RECORD)
                return 0;
        for (uint64_t i = 0; i < LATER; i++) {
                struct hash id = rows_id(i);
                if (memcmp(&id, &row->record.id, sizeof(id)) == 0)
                        buf_printf(out, "%llu", (unsigned long long)i);
        }
        if (row->record.sealed)
                buf_printf(out, " %02x", row->record.epoch[15]);
        buf_add_str(out, row->record.target.b[0] ? " target\n" : "\n");
        return 0;
}

/* Records as a start would get them: number, the epoch's last byte if sealed, whether it names another. */
static void expect_start(struct store *s, const char *want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(store_restore(s, ROWS_NOW, show_sealed, &got), 0);
        assert_string_equal(buf_cstr(&got), want);
}

static void expect_events(const char *want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        struct store_reader *r = reading();
        assert_int_equal(store_events(r, 0, 100, show_event, &got), 0);
        assert_string_equal(got.n ? buf_cstr(&got) : "", want);
        store_reader_close(r);
}

/* ---- what comes later ---- */
static void opened_later(void **state) {
        (void)state;
        struct store *s = opened();
        static const uint8_t types[] = {RECORD_ALERT, RECORD_COMMENT, RECORD_ALERT};
        for (uint64_t i = 0; i < ARRAY_LEN(types); i++) {
                struct mesh_row row = sealed_row(i + 1, types[i]);
                must_commit(s, &row);
                must_commit(s, &row);
        }
        expect_start(s, "1 e9\n2 e9\n3 e9\n");
        expect_events("");
        store_close(s);

        s = opened(); /* it is on disk, not in memory */
        expect_start(s, "1 e9\n2 e9\n3 e9\n");
        put_opened(s, 3, "the later one first");
        put_comment(s, 2, 1);
        put_opened(s, 1, "opened");
        put_opened(s, 1, "opened");
        struct mesh_row again = sealed_row(1, RECORD_ALERT); /* from a neighbour, after the key was wiped */
        must_commit(s, &again);
        expect_start(s, "1\n2 target\n3\n");
        struct hash first = rows_id(1), third = rows_id(3);
        char want[64];
        snprintf(want, sizeof(want), "1 posted %02x\n2 posted %02x\n", third.b[0], first.b[0]);
        expect_events(want);
        struct store_reader *r = reading();
        assert_int_equal(alert_of(r, first).comments, 1);
        store_reader_close(r);
        store_close(s);
}

/* The key was there and did not open it, or it makes no sense: it is no longer sealed, and never is again. */
static void tried_in_vain(void **state) {
        (void)state;
        struct store *s = opened();
        struct mesh_row row = sealed_row(1, RECORD_ALERT), tried = tried_row(1, RECORD_ALERT);
        must_commit(s, &row);
        must_commit(s, &tried);
        expect_start(s, "1\n");
        must_commit(s, &row);
        expect_start(s, "1\n");
        expect_events("");
        store_close(s);
}

static void of_another_epoch(void **state) {
        (void)state;
        struct store *s = opened();
        struct mesh_row row = sealed_row(1, RECORD_ALERT);
        must_commit(s, &row);
        memset(row.record.epoch, 0x77, sizeof(row.record.epoch));
        must_commit(s, &row);
        expect_start(s, "1 77\n");
        store_close(s);
}

/* Taken back or void, before or after: there is nothing to open, and nobody is told. */
static void gone_before_it_was_opened(void **state) {
        (void)state;
        struct store *s = opened();
        struct mesh_row early = sealed_row(1, RECORD_ALERT), late = sealed_row(2, RECORD_ALERT),
                        bad = sealed_row(3, RECORD_ALERT);
        must_commit(s, &early);
        put_retraction(s, 11, 1, early.record.id);
        put_retraction(s, 12, 1, late.record.id);
        must_commit(s, &late);
        must_commit(s, &bad);
        bad.record.voided = true;
        must_commit(s, &bad);
        expect_start(s, "1\n11 target\n12 target\n2\n3\n");
        for (uint64_t i = 1; i <= 3; i++)
                put_opened(s, i, "canary");
        expect_events("");
        struct store_reader *r = reading();
        assert_int_equal(alert_of(r, early.record.id).state, STATE_RETRACTED);
        store_reader_close(r);
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary")));
}

/* ---- what earlier versions left ---- */
#define OLD_HEAD "x'0000000100000001000000006b49d2000000516b0001%02x02%02x%s'"
#define OLD_TARGET "0101010101010101010101010101010101010101010101010101010101010101"

struct old {
        uint8_t type, flags;
        const char *rest;
        bool tried;
};

/* Up to version 5 nobody wrote down what was sealed. What was not read, and is no retraction, is tried once. */
static void rows_of_version_5(void **state) {
        (void)state;
        static const struct old rows[] = {
                {RECORD_ALERT, 0x20, "", true},
                {RECORD_COMMENT, 0x27, "", true},
                {RECORD_UPDATE, 0x24, "", true},
                {RECORD_ALERT, 0x30, "", false},
                {RECORD_ALERT, 0x28, "", false},
                {RECORD_ALERT, 0x60, "", false},
                {RECORD_NOTICE, 0x20, "", false},
                {RECORD_ALERT, 0, "", false},
                {RECORD_RETRACT, 0x20, OLD_TARGET, false},
                {RECORD_COMMENT, 0x30, OLD_TARGET, false},
        };
        struct sql q = {0};
        _clean_(buf_fini) struct buf want = BUF_NULL;
        rows_plain(in_dir("porchlight.db"), 5);
        assert_int_equal(sql_open(&q, in_dir("porchlight.db"), SQL_WRITER), 0);
        assert_int_equal(sql_exec(&q, "INSERT INTO key VALUES (1, zeroblob(32))"), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char head[256], text[512];
                _clean_(buf_fini) struct buf id = BUF_NULL;
                struct hash name = rows_id(i);
                text_hex(&id, SPAN_OF(name.b));
                snprintf(head, sizeof(head), OLD_HEAD, rows[i].type, rows[i].flags, rows[i].rest);
                snprintf(text, sizeof(text), "INSERT INTO record (id, expires, head) VALUES (x'%.*s', %u, %s)",
                         (int)id.n, (const char *)id.p, (unsigned)PUT_EXPIRES, head);
                assert_int_equal(sql_exec(&q, text), 0);
                buf_printf(&want, "%zu%s%s\n", i, rows[i].tried ? " 00" : "", *rows[i].rest ? " target" : "");
        }
        sql_close(&q);
        struct store *s = opened();
        expect_start(s, buf_cstr(&want));
        put_opened(s, 0, "at last");
        struct mesh_row row = sealed_row(2, RECORD_UPDATE);
        must_commit(s, &row);
        buf_clear(&want);
        assert_int_equal(store_restore(s, ROWS_NOW, show_sealed, &want), 0);
        assert_int_equal(strncmp(buf_cstr(&want), "0\n1 00\n2 e9\n3\n", 14), 0);
        store_close(s);
        struct hash first = rows_id(0);
        char events[32];
        snprintf(events, sizeof(events), "1 posted %02x\n", first.b[0]);
        expect_events(events);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(opened_later),      TEST(tried_in_vain), TEST(of_another_epoch), TEST(gone_before_it_was_opened),
                TEST(rows_of_version_5),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
