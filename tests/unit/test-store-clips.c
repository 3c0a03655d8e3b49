/* SPDX-License-Identifier: Apache-2.0 */
/* Clips in the store: found, listed, destroyed without a trace of key or name, and a chain whose end is told twice. */
#include "store-check.h"

#define SEALED_KEY "the sealed key of clip 1, of which there is no other copy"
#define CAMERA "a camera that nobody has to know of"

static struct mesh_row clip(uint64_t number, const char *sealed, const char *camera) {
        return (struct mesh_row){.kind = MESH_ROW_CLIP,
                                 .clip = {.id = rows_id(number),
                                          .seq = number,
                                          .manifest = SPAN_STR("the signed manifest"),
                                          .sealed = span_str(sealed),
                                          .camera = span_str(camera),
                                          .as_is = number % 2}};
}

static int show_clip(void *ctx, const struct store_clip *c) {
        struct buf *out = ctx;
        buf_printf(out, "%llu %d ", (unsigned long long)c->seq, c->as_is);
        buf_add(out, c->manifest);
        buf_add(out, c->sealed);
        buf_add(out, c->camera);
        buf_add_str(out, "\n");
        return 0;
}

static void expect_clips(const char *want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        struct store_reader *r = reading();
        assert_int_equal(store_clips(r, show_clip, &got), 0);
        assert_string_equal(buf_cstr(&got), want);
        store_reader_close(r);
}

static int note_end(void *ctx, const struct mesh_row *row) {
        if (row->kind == MESH_ROW_CLIP)
                *(struct mesh_row *)ctx = *row;
        return 0;
}

static void expect_end(struct store *s, uint64_t seq) {
        struct mesh_row end = {.kind = MESH_ROW_MARK};
        struct hash id = rows_id(seq);
        assert_int_equal(store_restore(s, ROWS_NOW, note_end, &end), 0);
        assert_int_equal(end.kind, MESH_ROW_CLIP);
        assert_int_equal(end.clip.seq, seq);
        assert_memory_equal(&end.clip.id, &id, sizeof(id));
}

static void listed_and_found(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash id = rows_id(1), found;
        char hex[65];
        expect_clips("");
        for (uint64_t i = 0; i < 3; i++) {
                struct mesh_row row = clip(i, "key", "door");
                must_commit(s, &row);
                must_commit(s, &row); /* twice is once */
        }
        expect_end(s, 2);
        expect_clips(
                "2 0 the signed manifestkeydoor\n1 1 the signed manifestkeydoor\n0 0 the signed manifestkeydoor\n");
        _clean_(buf_fini) struct buf got = BUF_NULL, text = BUF_NULL;
        text_hex(&text, SPAN_OF(id.b));
        snprintf(hex, sizeof(hex), "%s", buf_cstr(&text));
        struct store_reader *r = reading();
        assert_int_equal(store_clip_get(r, &id, show_clip, &got), 0);
        assert_string_equal(buf_cstr(&got), "1 1 the signed manifestkeydoor\n");
        assert_int_equal(store_clip_get(r, &(struct hash){{1}}, show_clip, &got), STORE_E_NONE);
        assert_int_equal(store_clip_prefix(r, span_of(hex, 10), &found), 0);
        assert_memory_equal(&found, &id, sizeof(id));
        assert_int_equal(store_clip_prefix(r, SPAN_STR("0123456789"), &found), STORE_E_NONE);
        store_reader_close(r);
        store_close(s);
}

/* Its name and place are left, so that the chain goes on; nothing else is, in no file. */
static void destroyed(void **state) {
        (void)state;
        struct store *s = opened();
        for (uint64_t i = 0; i < 2; i++) {
                struct mesh_row row = clip(i, i ? SEALED_KEY : "key", i ? CAMERA : "door");
                must_commit(s, &row);
        }
        struct mesh_row gone = {.kind = MESH_ROW_CLIP, .clip = {.id = rows_id(1), .gone = true}};
        must_commit(s, &gone);
        expect_clips("1 0 \n0 0 the signed manifestkeydoor\n");
        expect_end(s, 1);
        assert_false(rows_anywhere(dir, SPAN_STR(SEALED_KEY)) || rows_anywhere(dir, SPAN_STR(CAMERA)));
        store_close(s);
        s = opened();
        expect_end(s, 1);
        store_close(s);
}

/* Either of the two places that tell the end of the chain may be lost. */
static void the_end_is_told_twice(void **state) {
        (void)state;
        static const char *const losses[] = {"DELETE FROM clip WHERE seq > 6",
                                             "DELETE FROM value WHERE name = 'clip-end'"};
        for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
                struct store *s = opened();
                struct mesh_row first = clip(6, "key", "door"), row = clip(7 + i, "key", "door");
                must_commit(s, &first);
                must_commit(s, &row);
                assert_int_equal(sql_exec(&s->q, losses[i]), 0);
                expect_end(s, 7 + i);
                store_close(s);
        }
}

/* A whole store whose pages are gone through one by one, and with the trees lost. */
static void salvaged(void **state) {
        (void)state;
        uint8_t *bytes;
        struct store *s = opened();
        uint8_t op[200];
        memset(op, 'o', sizeof(op));
        struct mesh_row founding = {.kind = MESH_ROW_OP, .op = {rows_id(9000), SPAN_OF(op)}},
                        row = clip(3, "key", "door");
        must_commit(s, &founding);
        founding.op.id = rows_id(9001);
        must_commit(s, &founding); /* a page of one row might be another table's */
        must_commit(s, &row);
        store_close(s);
        size_t n = slurp(in_dir("porchlight.db"), &bytes);
        memset(bytes, 0xff, PAGE_BYTES); /* the first page, which leads to all trees */
        rows_clear(dir);
        spill(in_dir("porchlight.db"), bytes, n);
        free(bytes);
        struct store_salvage found;
        assert_int_equal(store_salvage(dir, ROWS_NOW, &found), 0);
        s = opened();
        expect_end(s, 3);
        expect_clips("3 1 the signed manifestkeydoor\n");
        store_close(s);
}

/* ---- those of other devices, and those another device is to hear of ---- */

static void change(struct store *s, enum store_clip_change what, struct store_clip c) {
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        assert_int_equal(store_batch_clip(b, what, &c, 7), 0);
        assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0);
        store_batch_free(b);
}

static struct store_clip away(uint64_t number, bool never) {
        static const uint8_t salt[32] = {5};
        return (struct store_clip){.id = rows_id(number),
                                   .seq = 900,
                                   .manifest = SPAN_STR("the signed manifest"),
                                   .sealed = SPAN_STR(SEALED_KEY),
                                   .camera = SPAN_STR(CAMERA),
                                   .salt = SPAN_OF(salt),
                                   .never = never};
}

static int show_flags(void *ctx, const struct store_clip *c) {
        struct buf *out = ctx;
        buf_printf(out, "%llu%s%s%s%s%s ", (unsigned long long)c->seq, c->away ? " away" : "", c->never ? " never" : "",
                   c->lost ? " lost" : "", c->told ? " told" : "", c->manifest.n ? "" : " gone");
        if (c->away && c->manifest.n)
                assert_true(c->salt.n == 32 && c->salt.p[0] == 5 && span_eq(c->sealed, SPAN_STR(SEALED_KEY)));
        return 0;
}

static void expect_flags(const char *want, size_t due) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        struct store_reader *r = reading();
        assert_int_equal(due ? store_clips_due(r, due, show_flags, &got) : store_clips(r, show_flags, &got), 0);
        assert_string_equal(buf_cstr(&got), want);
        store_reader_close(r);
}

/* It stands among the others, and is no link of this device's chain; destroyed, it comes not back and leaves nothing. */
static void of_another_device(void **state) {
        (void)state;
        struct store *s = opened();
        struct mesh_row own = clip(3, "key", "door"),
                        gone = {.kind = MESH_ROW_CLIP, .clip = {.id = rows_id(1), .gone = true}};
        must_commit(s, &own);
        change(s, STORE_CLIP_AWAY, away(1, false));
        expect_flags("900 away 3 ", 0);
        expect_end(s, 3);
        change(s, STORE_CLIP_AWAY, away(1, true)); /* its device's rule has changed */
        expect_flags("900 away never 3 ", 0);
        change(s, STORE_CLIP_AWAY, away(1, false));
        change(s, STORE_CLIP_LOST, away(1, false));
        expect_flags("900 away lost 3 ", 0);
        change(s, STORE_CLIP_LOST, (struct store_clip){.id = rows_id(3)}); /* this device's own */
        must_commit(s, &gone);
        change(s, STORE_CLIP_AWAY, away(1, true));
        expect_flags("900 away gone 3 ", 0);
        assert_false(rows_anywhere(dir, SPAN_STR(SEALED_KEY)) || rows_anywhere(dir, SPAN_STR(CAMERA)));
        store_close(s);
}

/* What the main device is to hear: of each once, and once more that it is gone; all of it, when there is another one. */
static void to_be_told(void **state) {
        (void)state;
        struct store *s = opened();
        for (uint64_t i = 0; i < 3; i++) {
                struct mesh_row row = clip(i, SEALED_KEY, "door");
                must_commit(s, &row);
        }
        change(s, STORE_CLIP_AWAY, away(9, false));
        expect_flags("0 1 ", 2);
        change(s, STORE_CLIP_TOLD, (struct store_clip){.id = rows_id(0), .told = true});
        change(s, STORE_CLIP_TOLD, (struct store_clip){.id = rows_id(1), .told = true});
        expect_flags("2 ", 9);
        for (uint64_t i = 1; i < 3; i++) { /* nobody has to hear of the end of what nobody knows of */
                struct mesh_row gone = {.kind = MESH_ROW_CLIP, .clip = {.id = rows_id(i), .gone = true}};
                must_commit(s, &gone);
        }
        expect_flags("1 told gone ", 9);
        change(s, STORE_CLIP_TOLD, (struct store_clip){.id = rows_id(1)});
        expect_flags("", 9);
        change(s, STORE_CLIPS_UNTOLD, (struct store_clip){.seq = 0});
        expect_flags("0 ", 9);
        struct mesh_row gone = {.kind = MESH_ROW_CLIP, .clip = {.id = rows_id(0), .gone = true}},
                        of_other = {.kind = MESH_ROW_CLIP, .clip = {.id = rows_id(9), .gone = true}};
        must_commit(s, &gone);
        must_commit(s, &of_other);
        assert_false(rows_anywhere(dir, SPAN_STR(SEALED_KEY))); /* flags were changed where they stand */
        store_close(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(listed_and_found), TEST(destroyed),         TEST(the_end_is_told_twice),
                TEST(salvaged),         TEST(of_another_device), TEST(to_be_told),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
