/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, for cmocka's tests: short ways to fill it and to look at it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"
#include "store-rows.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static char dir[256];

static inline int set_up(void **state) {
        (void)state;
        rows_dir(dir, sizeof(dir));
        return 0;
}

static inline int tear_down(void **state) {
        (void)state;
        rows_remove(dir);
        return 0;
}

static inline struct store *opened(void) {
        struct store *s;
        assert_int_equal(store_open(&s, dir), 0);
        return s;
}

static inline struct store_reader *reading(void) {
        struct store_reader *r;
        assert_int_equal(store_reader_open(&r, dir), 0);
        return r;
}

static const char *in_dir(const char *name) {
        static char path[512];
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        return path;
}

static inline unsigned mode_of(const char *name) {
        struct stat st;
        assert_int_equal(lstat(in_dir(name), &st), 0);
        return st.st_mode & 07777;
}

static inline void must_commit(struct store *s, const struct mesh_row *row) {
        assert_int_equal(rows_commit(s, row, ROWS_NOW), 0);
}

static inline mesh_cell home_cell(void) {
        return cell_at(52.5, 13.4, CELL_BLOCK);
}

#define PUT_EXPIRES (ROWS_NOW - 60 + ROWS_LIFE) /* all end together: a retraction must, with its target */

static inline struct hash put_alert(struct store *s, uint64_t number, uint64_t house, const char *text) {
        struct mesh_row row = rows_record(number, house, RECORD_ALERT, ROWS_NOW - 60);
        struct wire_alert a = rows_alert(home_cell(), span_str(text));
        row.record.expires = PUT_EXPIRES;
        row.record.alert = &a;
        must_commit(s, &row);
        return row.record.id;
}

static inline struct hash put_follow(struct store *s, uint64_t number, uint64_t house, uint8_t type, struct hash target,
                                     const char *text) {
        struct mesh_row row = rows_record(number, house, type, ROWS_NOW - 30 + number % 16);
        struct wire_follow f = rows_follow(&target, span_str(text));
        row.record.expires = PUT_EXPIRES;
        row.record.target = target;
        row.record.follow = &f;
        must_commit(s, &row);
        return row.record.id;
}

static inline void put_retraction(struct store *s, uint64_t number, uint64_t house, struct hash target) {
        struct mesh_row row = rows_record(number, house, RECORD_RETRACT, ROWS_NOW - 5);
        row.record.expires = PUT_EXPIRES;
        row.record.target = target;
        must_commit(s, &row);
}

static inline size_t slurp(const char *path, uint8_t **ret) {
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        size_t n = (size_t)ftell(f);
        rewind(f);
        *ret = malloc(n + 1);
        assert_int_equal(fread(*ret, 1, n, f), n);
        fclose(f);
        return n;
}

static inline void spill(const char *path, const uint8_t *p, size_t n) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(p, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
}

static inline int show_alert(void *ctx, const struct store_alert *a) {
        struct buf *out = ctx;
        text_hex(out, span_of(a->id.b, 3));
        buf_printf(out, " %02x k%u s%u u%u c%u state%u %llu+%llu-%llu %u/%u/%u '", a->household.b[0], a->kind,
                   a->severity, a->urgency, a->certainty, a->state, (unsigned long long)a->created,
                   (unsigned long long)a->updated, (unsigned long long)a->expires, a->confirms, a->disputes,
                   a->comments);
        buf_add(out, a->text);
        buf_printf(out, "' %zu\n", a->clips.n);
        return 0;
}

static inline int show_event(void *ctx, const struct store_event *e) {
        struct buf *out = ctx;
        buf_printf(out, "%llu %s ", (unsigned long long)e->seq, wire_enum_text(&wire_happening_enum, e->event));
        text_hex(out, span_of(e->alert.id.b, 1));
        buf_add_str(out, "\n");
        return 0;
}

static inline int show_follow(void *ctx, const struct store_follow *f) {
        struct buf *out = ctx;
        text_hex(out, span_of(f->id.b, 3));
        buf_printf(out, " %02x %u %llu '", f->household.b[0], f->what, (unsigned long long)f->created);
        buf_add(out, f->text);
        buf_add_str(out, "'\n");
        return 0;
}

static inline int take_alert(void *ctx, const struct store_alert *a) {
        *(struct store_alert *)ctx = *a;
        return 0;
}

static inline struct store_alert alert_of(struct store_reader *r, struct hash id) {
        struct store_alert a;
        assert_int_equal(store_alert_get(r, &id, take_alert, &a), 0);
        return a;
}

/* One row of each kind, and what replaces or follows it. */
static inline void put_core_rows(struct store *s) {
        struct mesh_row rows[18] = {0};
        size_t n = 0;
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_OP, .op = {rows_id(2), SPAN_STR("second by id, first by time")}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_OP, .op = {rows_id(1), SPAN_STR("op")}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_MARK, .mark = {7}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_MARK, .mark = {8}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_JOIN, .join = {SPAN_STR("add"), SPAN_STR("PORCHLIGHT1")}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_EPOCH,
                                      .epoch = {{1}, SPAN_STR("head"), true, {{5}}, 20000, SPAN_NONE, {{6}}, 9}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_EPOCH,
                                      .epoch = {{1}, SPAN_STR("head"), true, {{7}}, 20001, SPAN_STR("left"), {{6}}, 9}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_REVOKE, .revoke = {rows_id(3), 99, SPAN_STR("taken back")}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_PROOF, .proof = {rows_id(4), 99, SPAN_STR("two in one")}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_TICKET, .ticket = {{{3}}, SPAN_STR("text"), SPAN_NONE, true}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_CODE, .code = {{{6}}, SHARE_QUARTER, 50, 99, false}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_CODE, .code = {{{6}}, SHARE_QUARTER, 50, 99, true}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_CONTACT, .contact = {{{4}}, UINT64_MAX, SPAN_STR("contact")}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_CLIP,
                                      .clip = {.id = rows_id(5), .seq = 3, .camera = SPAN_STR("door")}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_ADDR, .addr = {{{1, 2}, 443, 3}, {{8}}, true, false}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_ADDR, .addr = {{{9, 9}, 1, 0}, {{8}}, true, false}};
        rows[n++] = (struct mesh_row){.kind = MESH_ROW_ADDR, .addr = {{{9, 9}, 1, 0}, {{8}}, true, true}};
        struct store_batch *b = store_batch_new();
        for (size_t i = 0; i < n; i++)
                assert_int_equal(store_batch_add(b, &rows[i], 100 + i), 0);
        assert_int_equal(store_batch_count(b), n);
        assert_int_equal(store_batch_token(b, 3), 103);
        uint64_t seq = 99;
        assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0);
        assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0); /* twice is once */
        assert_int_equal(seq, 0);
        store_batch_free(b);
}
