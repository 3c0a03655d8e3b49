/* SPDX-License-Identifier: Apache-2.0 */
/* Which clips alerts of this household have named: kept when the alert is purged, gone when it is taken back or the clip is. */
#include "store-check.h"

#define OURS 1
#define THEIRS 2

/* An alert of @house that names clips @first and @second. */
static struct hash post(struct store *s, uint64_t number, uint64_t house, uint8_t kind, uint64_t first,
                        uint64_t second) {
        const struct hash clips[] = {rows_id(first), rows_id(second)};
        struct mesh_row row = rows_record(number, house, RECORD_ALERT, ROWS_NOW - 60);
        struct wire_alert a = rows_alert(home_cell(), SPAN_NONE);
        a.kind = kind;
        a.status = kind == KIND_STORM ? STATUS_EXERCISE : STATUS_ACTUAL;
        WIRE_PUT(&a, ALERT, clips, SPAN_OF(clips));
        row.record.mine = house == OURS;
        row.record.expires = PUT_EXPIRES;
        row.record.alert = &a;
        must_commit(s, &row);
        return row.record.id;
}

static void take_clip(struct store *s, uint64_t number, bool gone) {
        struct mesh_row row = {.kind = MESH_ROW_CLIP,
                               .clip = {.id = rows_id(number),
                                        .seq = number,
                                        .manifest = SPAN_STR("a manifest"),
                                        .sealed = SPAN_STR("a key"),
                                        .camera = SPAN_STR("door"),
                                        .gone = gone}};
        must_commit(s, &row);
}

static int show(void *ctx, const struct store_named *n) {
        uint64_t clip = 0;
        for (uint64_t i = 0; i < 100; i++)
                if (memcmp(rows_id(i).b, n->clip.b, sizeof(n->clip.b)) == 0)
                        clip = i;
        assert_true(n->created == ROWS_NOW - 60);
        assert_true(n->state ? n->expires == PUT_EXPIRES : n->expires == 0);
        buf_printf(ctx, "%d:%d:%d ", (int)clip, n->kind, n->state);
        return 0;
}

static void expect(const char *want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        struct store_reader *r = reading();
        assert_int_equal(store_named(r, show, &got), 0);
        assert_string_equal(buf_cstr(&got), want);
        store_reader_close(r);
}

/* Of this household's alerts alone; an exercise has no kind. */
static void named(_unused_ void **state) {
        struct store *s = opened();
        expect("");
        post(s, 50, OURS, KIND_THEFT, 1, 2);
        post(s, 51, THEIRS, KIND_FIRE, 1, 3);
        post(s, 52, OURS, KIND_STORM, 2, 4);
        expect("1:15:1 2:15:1 2:0:1 4:0:1 ");
        store_close(s);
}

static void taken_back(_unused_ void **state) {
        struct store *s = opened();
        struct hash back = post(s, 50, OURS, KIND_THEFT, 1, 2);
        post(s, 51, OURS, KIND_FIRE, 2, 3);
        struct mesh_row row = rows_record(52, OURS, RECORD_RETRACT, ROWS_NOW);
        row.record.target = back;
        row.record.expires = PUT_EXPIRES;
        must_commit(s, &row);
        expect("2:1:1 3:1:1 ");
        row.record.id = rows_id(54); /* one that comes before its alert */
        row.record.target = rows_id(53);
        must_commit(s, &row);
        post(s, 53, OURS, KIND_CRASH, 4, 5);
        expect("2:1:1 3:1:1 ");
        store_close(s);
}

/* The alert is purged long before the clip is. Of a clip that was never here nothing stays behind its alert. */
static void purged(_unused_ void **state) {
        struct store *s = opened();
        uint64_t seq;
        take_clip(s, 1, false);
        take_clip(s, 3, false);
        post(s, 50, OURS, KIND_THEFT, 1, 2);
        post(s, 51, OURS, KIND_FIRE, 3, 1);
        expect("1:15:1 2:15:1 3:1:1 1:1:1 ");
        while (store_tick(s, PUT_EXPIRES + 10, PUT_EXPIRES + 5, &seq) == STORE_E_MORE)
                ;
        expect("1:15:0 3:1:0 1:1:0 ");
        take_clip(s, 1, true);
        expect("3:1:0 ");
        store_close(s);
}

/* A store of the version before has alerts, and is told of by these. */
static void version_13(_unused_ void **state) {
        struct store *s = opened();
        struct hash back = post(s, 50, OURS, KIND_THEFT, 1, 2);
        post(s, 51, THEIRS, KIND_FIRE, 1, 3);
        post(s, 52, OURS, KIND_STORM, 4, 5);
        put_alert(s, 53, OURS, "names nothing");
        post(s, 54, OURS, KIND_CRASH, 6, 7);
        struct mesh_row row = rows_record(55, OURS, RECORD_RETRACT, ROWS_NOW);
        row.record.target = back;
        row.record.expires = PUT_EXPIRES;
        must_commit(s, &row);
        assert_int_equal(sql_exec(&s->q, "DROP TABLE named"), 0);
        assert_int_equal(sql_exec(&s->q, "PRAGMA user_version = 13"), 0);
        store_close(s);
        s = opened();
        expect("4:0:1 5:0:1 6:9:1 7:9:1 ");
        store_close(s);
}

/* With the first page lost, which leads to all the others. */
static void salvaged(_unused_ void **state) {
        uint8_t *bytes, op[200];
        struct store *s = opened();
        memset(op, 'o', sizeof(op));
        for (uint64_t i = 0; i < 2; i++) {
                struct mesh_row founding = {.kind = MESH_ROW_OP, .op = {rows_id(9000 + i), SPAN_OF(op)}};
                must_commit(s, &founding); /* a page of one row might be another table's */
        }
        post(s, 50, OURS, KIND_THEFT, 1, 2);
        store_close(s);
        size_t n = slurp(in_dir("porchlight.db"), &bytes);
        memset(bytes, 0xff, PAGE_BYTES);
        rows_clear(dir);
        spill(in_dir("porchlight.db"), bytes, n);
        free(bytes);
        struct store_salvage found;
        assert_int_equal(store_salvage(dir, ROWS_NOW, &found), 0);
        s = opened();
        expect("1:15:1 2:15:1 ");
        store_close(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(named), TEST(taken_back), TEST(purged), TEST(version_13), TEST(salvaged),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
