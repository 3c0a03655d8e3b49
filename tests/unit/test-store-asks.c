/* SPDX-License-Identifier: Apache-2.0 */
/* Notices and asks in the store: listed, counted, compared with the clips that are here, taken back without a trace, told of
 * once, and kept through a lost page. */
#include "store-check.h"

#include "wire/codec.h"

#define HOUR 3600u
#define EXPIRES (ROWS_NOW + 7 * MESH_DAY)
#define METRES_NORTH (1 / 111195.0) /* degrees */

static const char reason[] = "canary: a red bicycle";

static mesh_cell north(double metres) {
        return cell_at(52.5 + metres * METRES_NORTH, 13.4, CELL_BLOCK);
}

static struct mesh_row ask_row(uint64_t number, uint64_t house, mesh_wall created, const struct wire_ask *a) {
        struct mesh_row row = rows_record(number, house, RECORD_ASK, created);
        row.record.klass = CLASS_ASK;
        row.record.expires = created + 7 * MESH_DAY;
        row.record.ask = a;
        return row;
}

static struct wire_ask an_ask(void) {
        return (struct wire_ask){.cell = home_cell(),
                                 .radius = 200,
                                 .from = ROWS_NOW - 3 * HOUR,
                                 .to = ROWS_NOW - 2 * HOUR,
                                 .reason = span_str(reason)};
}

static struct hash put_ask(struct store *s, uint64_t number, uint64_t house, mesh_wall created) {
        struct wire_ask a = an_ask();
        struct mesh_row row = ask_row(number, house, created, &a);
        must_commit(s, &row);
        return row.record.id;
}

static struct hash put_notice(struct store *s, uint64_t number, uint64_t house, const struct hash *alert) {
        static const uint8_t clip[32] = {7};
        struct wire_notice n = {.cell = home_cell(), .from = ROWS_NOW - HOUR, .to = ROWS_NOW, .clip = SPAN_OF(clip)};
        struct mesh_row row = rows_record(number, house, RECORD_NOTICE, ROWS_NOW);
        row.record.klass = CLASS_NOTICE;
        row.record.expires = EXPIRES;
        WIRE_PUT(&n, NOTICE, alert, SPAN_OF(alert->b));
        row.record.notice = &n;
        must_commit(s, &row);
        return row.record.id;
}

static void take_back(struct store *s, uint64_t number, uint64_t house, struct hash target, mesh_wall expires) {
        struct mesh_row row = rows_record(number, house, RECORD_RETRACT, ROWS_NOW);
        row.record.expires = expires;
        row.record.target = target;
        must_commit(s, &row);
}

/* @from 0: of unknown time; @cell 0: of a camera of which no place is told. */
static void put_clip(struct store *s, uint64_t number, mesh_cell cell, mesh_wall from, mesh_wall to) {
        static const uint8_t zeros[64];
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct wire_manifest m = {.device = span_of(zeros, 32),
                                  .household = span_of(zeros, 32),
                                  .seq = number,
                                  .created = ROWS_NOW,
                                  .camera = span_of(zeros, 32),
                                  .media = MEDIA_MP4,
                                  .chunks = 1,
                                  .salt = span_of(zeros, 16),
                                  .hashes = span_of(zeros, 32),
                                  .commit = span_of(zeros, 32),
                                  .sig = span_of(zeros, 64)};
        if (from) {
                WIRE_PUT(&m, MANIFEST, from, from);
                WIRE_PUT(&m, MANIFEST, to, to);
        }
        if (cell)
                WIRE_PUT(&m, MANIFEST, cell, cell);
        codec_encode(&wire_manifest_desc, &m, &bytes);
        assert_true(buf_ok(&bytes));
        struct mesh_row row = {.kind = MESH_ROW_CLIP,
                               .clip = {.id = rows_id(number),
                                        .seq = number,
                                        .manifest = buf_span(&bytes),
                                        .sealed = SPAN_STR("sealed"),
                                        .camera = SPAN_STR("door")}};
        must_commit(s, &row);
}

static int show_ask(void *ctx, const struct store_ask *a) {
        struct buf *out = ctx;
        buf_printf(out, "%u of %u/%u, %u clips%s%s: ", a->radius, a->lately, a->by_household, a->clips,
                   a->over ? ", over" : "", a->seq ? ", news" : "");
        buf_add(out, a->reason);
        buf_add_str(out, "\n");
        return 0;
}

static void expect_asks(const struct store_asks *f, const char *want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        struct store_reader *r = reading();
        assert_int_equal(store_asks(r, f, show_ask, &got), 0);
        assert_string_equal(buf_cstr(&got), want);
        store_reader_close(r);
}

static int show_notice(void *ctx, const struct store_notice *n) {
        buf_printf(ctx, "%02x %llu-%llu %d\n", n->clip.b[0], (unsigned long long)(n->from - ROWS_NOW + MESH_DAY),
                   (unsigned long long)(n->to - ROWS_NOW + MESH_DAY), n->cell == home_cell());
        return 0;
}

static void expect_notices(const struct hash *alert, const char *want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        struct store_reader *r = reading();
        assert_int_equal(store_notices(r, alert, show_notice, &got), 0);
        assert_string_equal(buf_cstr(&got), want);
        store_reader_close(r);
}

static void listed_and_counted(void **state) {
        (void)state;
        struct store *s = opened();
        const struct key muted = rows_house(2);
        struct store_asks f = {.now = ROWS_NOW};
        expect_asks(&f, "");
        put_ask(s, 1, 1, ROWS_NOW - 31 * MESH_DAY); /* longer ago than is counted */
        put_ask(s, 2, 1, ROWS_NOW - 20 * MESH_DAY); /* over, and counted */
        put_ask(s, 3, 1, ROWS_NOW - MESH_DAY);
        put_ask(s, 4, 2, ROWS_NOW - 60);
        expect_asks(&f, "200 of 3/1, 0 clips: canary: a red bicycle\n200 of 3/2, 0 clips: canary: a red bicycle\n");
        f.muted = &muted;
        f.n_muted = 1;
        expect_asks(&f, "200 of 3/2, 0 clips: canary: a red bicycle\n");

        struct store_reader *r = reading();
        struct hash found, id = rows_id(2);
        char hex[65];
        for (size_t i = 0; i < 32; i++)
                snprintf(hex + 2 * i, 3, "%02x", id.b[i]);
        assert_int_equal(store_ask_prefix(r, span_of(hex, 8), &found), 0);
        assert_memory_equal(&found, &id, sizeof(id));
        assert_int_equal(store_said_prefix(r, span_of(hex, 8), &found), 0);
        assert_int_equal(store_ask_prefix(r, SPAN_STR("0000"), &found), STORE_E_NONE);
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(store_ask_get(r, &f, &id, show_ask, &got), 0);
        assert_string_equal(buf_cstr(&got), "200 of 3/2, 0 clips, over: canary: a red bicycle\n");
        struct hash none = rows_id(77);
        assert_int_equal(store_ask_get(r, &f, &none, show_ask, &got), STORE_E_NONE);
        store_reader_close(r);
        store_close(s);
}

static int note_match(void *ctx, const struct store_match *m) {
        for (uint64_t i = 0; i < 64; i++) {
                struct hash id = rows_id(i);
                if (memcmp(&id, &m->id, sizeof(id)) == 0)
                        *(uint64_t *)ctx |= UINT64_C(1) << i;
        }
        assert_true(span_eq(m->camera, SPAN_STR("door")));
        return 0;
}

static void compared_with_clips(void **state) {
        (void)state;
        struct store *s = opened();
        mesh_wall from = ROWS_NOW - 3 * HOUR, to = ROWS_NOW - 2 * HOUR;
        struct hash id = put_ask(s, 50, 1, ROWS_NOW);
        const struct {
                mesh_cell cell;
                mesh_wall from, to;
                bool fits;
        } clips[] = {
                {north(0), from, to, true},
                {north(0), from - HOUR, from, true}, /* a second in common, at either end */
                {north(0), to, to + HOUR, true},
                {north(0), from - HOUR, from - 1, false},
                {north(0), to + 1, to + HOUR, false},
                {north(0), from - HOUR, to + HOUR, true},
                {north(340), from, to, true}, /* radius and cell together */
                {north(600), from, to, false},
                {cell_coarsen(north(0), CELL_AREA), from, to, true},
                {0, from, to, true}, /* at home */
                {north(0), 0, 0, false},
        };
        uint64_t want = 0, got = 0;
        for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
                put_clip(s, i, clips[i].cell, clips[i].from, clips[i].to);
                want |= (uint64_t)clips[i].fits << i;
        }
        struct store_asks f = {.now = ROWS_NOW, .match = true, .home = home_cell()};
        struct store_reader *r = reading();
        assert_int_equal(store_ask_clips(r, &f, &id, note_match, &got), 0);
        assert_int_equal(got, want);
        store_reader_close(r);
        expect_asks(&f, "200 of 1/1, 7 clips: canary: a red bicycle\n");
        f.home = 0; /* nobody knows where that camera is */
        expect_asks(&f, "200 of 1/1, 6 clips: canary: a red bicycle\n");

        /* What was destroyed fits nothing, and whose clips fit none is told of none. */
        struct mesh_row row = {.kind = MESH_ROW_CLIP, .clip = {.gone = true}};
        f.match_only = true;
        for (uint64_t i = 0; i < ARRAY_LEN(clips); i++) {
                row.clip.id = rows_id(i);
                must_commit(s, &row);
        }
        expect_asks(&f, "");
        store_close(s);
}

static void own_asks_are_no_news(void **state) {
        (void)state;
        struct store *s = opened();
        struct wire_ask a = an_ask();
        struct mesh_row row = ask_row(1, 1, ROWS_NOW, &a);
        row.record.mine = true;
        must_commit(s, &row);
        put_clip(s, 1, home_cell(), a.from, a.to);
        struct store_asks f = {.now = ROWS_NOW, .match = true};
        expect_asks(&f, "200 of 1/1, 1 clips: canary: a red bicycle\n");
        f.match_only = true;
        expect_asks(&f, "");
        store_close(s);
}

static void taken_back(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash alert = put_alert(s, 1, 1, "an alert"), early = rows_id(7);
        struct hash ask = put_ask(s, 2, 1, ROWS_NOW), notice = put_notice(s, 3, 2, &alert);
        put_notice(s, 4, 2, &alert);
        expect_notices(&alert, "07 82800-86400 1\n07 82800-86400 1\n");
        take_back(s, 5, 1, ask, EXPIRES);
        take_back(s, 6, 2, notice, EXPIRES);
        take_back(s, 8, 1, early, EXPIRES); /* before it comes */
        put_ask(s, 7, 1, ROWS_NOW);
        put_ask(s, 2, 1, ROWS_NOW); /* and it comes again */
        expect_asks(&(struct store_asks){.now = ROWS_NOW}, "");
        expect_notices(&alert, "07 82800-86400 1\n");
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary")));
}

static void purged(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash alert = rows_id(99);
        uint64_t seq;
        put_ask(s, 1, 1, ROWS_NOW);
        put_notice(s, 2, 1, &alert);
        assert_int_equal(store_tick(s, EXPIRES + 40 * MESH_DAY, EXPIRES + 10 * MESH_DAY, &seq), 0);
        expect_notices(&alert, "");
        struct store_reader *r = reading();
        struct hash id = rows_id(1);
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(store_ask_get(r, &(struct store_asks){.now = ROWS_NOW}, &id, show_ask, &got), STORE_E_NONE);
        store_reader_close(r);
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary")));
}

/* Void, or opened late: as with alerts. */
static void void_and_sealed(void **state) {
        (void)state;
        struct store *s = opened();
        struct wire_ask a = an_ask();
        struct mesh_row row = ask_row(1, 1, ROWS_NOW, NULL);
        row.record.sealed = true;
        must_commit(s, &row);
        expect_asks(&(struct store_asks){.now = ROWS_NOW}, "");
        row.record.sealed = false;
        row.record.ask = &a;
        must_commit(s, &row);
        must_commit(s, &row);
        expect_asks(&(struct store_asks){.now = ROWS_NOW}, "200 of 1/1, 0 clips: canary: a red bicycle\n");
        row.record.ask = NULL;
        row.record.voided = true;
        must_commit(s, &row);
        expect_asks(&(struct store_asks){.now = ROWS_NOW}, "");
        store_close(s);
        assert_false(rows_anywhere(dir, SPAN_STR("canary")));
}

static int count_events(void *ctx, const struct store_event *e) {
        (void)e;
        ++*(size_t *)ctx;
        return 0;
}

/* In one run of numbers with those of alerts; who asks for alerts is not told of asks. */
static void told_once(void **state) {
        (void)state;
        struct store *s = opened();
        uint64_t seq = 0;
        size_t events = 0;
        put_alert(s, 1, 1, "an alert");
        put_ask(s, 2, 1, ROWS_NOW);
        put_clip(s, 1, home_cell(), ROWS_NOW - 3 * HOUR, ROWS_NOW);
        struct store_asks f = {.now = ROWS_NOW, .match = true, .match_only = true};
        _clean_(buf_fini) struct buf got = BUF_NULL;
        struct store_reader *r = reading();
        assert_int_equal(store_ask_events(r, &f, 0, show_ask, &got), 0);
        assert_string_equal(buf_cstr(&got), "200 of 1/1, 1 clips, news: canary: a red bicycle\n");
        assert_int_equal(store_last_seq(r, &seq), 0);
        assert_int_equal(seq, 3); /* one more when the clip came */
        assert_int_equal(store_events(r, 0, 100, count_events, &events), 0);
        assert_int_equal(events, 1);
        buf_clear(&got);
        assert_int_equal(store_ask_events(r, &f, seq, show_ask, &got), 0);
        assert_int_equal(got.n, 0);
        store_reader_close(r);
        put_clip(s, 2, home_cell(), ROWS_NOW - 90 * HOUR, ROWS_NOW - 89 * HOUR); /* of another time */
        r = reading();
        assert_int_equal(store_ask_events(r, &f, seq, show_ask, &got), 0);
        assert_int_equal(got.n, 0);
        store_reader_close(r);
        put_clip(s, 3, home_cell(), ROWS_NOW - 3 * HOUR, ROWS_NOW);
        r = reading();
        assert_int_equal(store_ask_events(r, &f, seq, show_ask, &got), 0);
        assert_string_equal(buf_cstr(&got), "200 of 1/1, 2 clips, news: canary: a red bicycle\n");
        store_reader_close(r);
        store_close(s);
}

static void put_some(struct store *s) {
        struct hash alert = put_alert(s, 1000, 1, "an alert");
        for (uint64_t i = 0; i < 60; i++) {
                put_ask(s, 1 + i, i % 7, ROWS_NOW - i);
                put_notice(s, 100 + i, i % 5, &alert);
        }
}

static void show_some(struct buf *out) {
        struct store_reader *r = reading();
        struct hash alert = rows_id(1000);
        assert_int_equal(store_asks(r, &(struct store_asks){.now = ROWS_NOW}, show_ask, out), 0);
        assert_int_equal(store_notices(r, &alert, show_notice, out), 0);
        store_reader_close(r);
}

/* Each page in turn: what was lost comes again, and all is as before. */
static void any_page_is_lost(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf want = BUF_NULL;
        uint8_t *good;
        unsigned lost = 0, refused = 0;
        struct store *s = opened();
        struct mesh_row op = {.kind = MESH_ROW_OP, .op = {.id = rows_id(5000), .bytes = SPAN_NONE}};
        uint8_t long_op[200] = {1};
        op.op.bytes = SPAN_OF(long_op);
        must_commit(s, &op);
        put_some(s);
        store_close(s);
        size_t n = slurp(in_dir("porchlight.db"), &good);
        show_some(&want);
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
                refused += r == STORE_E_DAMAGED; /* the one with what founded the mesh */
                if (r == STORE_E_DAMAGED)
                        continue;
                assert_int_equal(r, 0);
                lost += found.records < 121;
                s = opened();
                put_some(s);
                store_close(s);
                show_some(&got);
                assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        }
        print_message("# of %zu pages: %u lost records\n", n / PAGE_BYTES, lost);
        assert_int_equal(refused, 1);
        assert_true(lost > 3);
        free(good);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(listed_and_counted),
                TEST(compared_with_clips),
                TEST(own_asks_are_no_news),
                TEST(taken_back),
                TEST(purged),
                TEST(void_and_sealed),
                TEST(told_once),
                TEST(any_page_is_lost),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
