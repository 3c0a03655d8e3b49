/* SPDX-License-Identifier: Apache-2.0 */
/* The store: its files, the core's rows, events, and questions about single rows. */
#include "store-check.h"
#include "store/schema.h"

/* ---- files ---- */
static void files_are_private(void **state) {
        (void)state;
        static const mode_t masks[] = {0, 0777};
        for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
                rows_clear(dir);
                mode_t old = umask(masks[i]);
                struct store *s = opened();
                put_alert(s, 1, 1, "text");
                assert_int_equal(mode_of("porchlight.db"), 0600);
                assert_int_equal(mode_of("porchlight.db-wal"), 0600);
                assert_int_equal(mode_of("porchlight.db-shm"), 0600);
                assert_int_equal(mode_of("lock"), 0600);
                store_close(s);
                umask(old);
        }
        assert_int_equal(chmod(in_dir("porchlight.db"), 0666), 0);
        store_close(opened());
        assert_int_equal(mode_of("porchlight.db"), 0600);
}

static void one_writer(void **state) {
        (void)state;
        struct store *s = opened(), *other = NULL;
        assert_int_equal(store_open(&other, dir), STORE_E_SHARED);
        assert_null(other);
        struct store_reader *r = reading();
        store_reader_close(r);
        store_close(s);
        store_close(opened());
}

static void refuses_what_is_no_store(void **state) {
        (void)state;
        struct store *s = NULL;
        struct store_reader *r = NULL;
        assert_int_equal(store_open(&s, "/nonexistent/porchlight"), STORE_E_ACCESS);
        assert_int_equal(store_reader_open(&r, dir), STORE_E_ACCESS);

        assert_int_equal(symlink("/dev/null", in_dir("porchlight.db")), 0);
        assert_int_equal(store_open(&s, dir), STORE_E_ACCESS);
        rows_clear(dir);
        assert_int_equal(symlink("/tmp/elsewhere", in_dir("lock")), 0);
        assert_int_equal(store_open(&s, dir), STORE_E_ACCESS);
        rows_clear(dir);

        /* a log whose database is lost */
        FILE *f = fopen(in_dir("porchlight.db-wal"), "w");
        fputs("frames", f);
        fclose(f);
        assert_int_equal(store_open(&s, dir), STORE_E_DAMAGED);
        assert_null(s);
        assert_null(r);
}

static void expect_left_alone(const uint8_t *p, size_t n, int want) {
        struct store *s = NULL;
        spill(in_dir("porchlight.db"), p, n);
        assert_int_equal(store_open(&s, dir), want);
        uint8_t *after;
        assert_int_equal(slurp(in_dir("porchlight.db"), &after), n);
        assert_memory_equal(after, p, n);
        free(after);
}

static void damaged_files_are_left_as_they_are(void **state) {
        (void)state;
        store_close(opened());
        uint8_t *whole, junk[8192];
        size_t n = slurp(in_dir("porchlight.db"), &whole);
        rows_fill(junk, sizeof(junk), 9, 9);
        expect_left_alone(junk, sizeof(junk), STORE_E_DAMAGED);
        expect_left_alone(junk, 100, STORE_E_DAMAGED);
        expect_left_alone(junk, 0, STORE_E_DAMAGED);
        expect_left_alone(whole, 100, STORE_E_DAMAGED);
        expect_left_alone(whole, 4096, STORE_E_DAMAGED);
        expect_left_alone(whole, n - 4096, STORE_E_DAMAGED);
        expect_left_alone(whole, n / 2 + 7, STORE_E_DAMAGED);
        whole[63]++; /* user_version */
        rows_resum(whole, n);
        expect_left_alone(whole, n, STORE_E_NEWER);
        whole[63] = (uint8_t)schema_current.n;
        whole[71] ^= 1; /* application_id */
        rows_resum(whole, n);
        expect_left_alone(whole, n, STORE_E_DAMAGED);
        whole[71] ^= 1;
        rows_resum(whole, n);
        spill(in_dir("porchlight.db"), whole, n);
        store_close(opened());
        free(whole);
}

static void older_files_are_migrated_on_a_copy(void **state) {
        (void)state;
        struct store *s = opened();
        put_alert(s, 1, 1, "kept");
        store_close(s);

        const char *bad[16], *good[16];
        size_t now = schema_current.n, next = now + 1;
        assert_true(next <= ARRAY_LEN(bad));
        memcpy(bad, schema_current.steps, now * sizeof(*bad));
        memcpy(good, schema_current.steps, now * sizeof(*good));
        bad[now] = "CREATE TABLE more (x); INSERT INTO nowhere VALUES (1)";
        good[now] = "CREATE TABLE more (x); INSERT INTO more VALUES (42)";
        uint8_t *before, *after;
        size_t n = slurp(in_dir("porchlight.db"), &before);
        assert_int_not_equal(schema_settle(dir, &(struct schema){bad, next}), 0);
        assert_int_equal(slurp(in_dir("porchlight.db"), &after), n);
        assert_memory_equal(before, after, n);
        free(before);
        free(after);
        store_close(opened()); /* and what was left of the attempt is gone */
        assert_int_equal(access(in_dir("porchlight.db.new"), F_OK), -1);

        assert_int_equal(schema_settle(dir, &(struct schema){good, next}), 0);
        assert_int_equal(mode_of("porchlight.db"), 0600);
        assert_int_equal(access(in_dir("porchlight.db.new"), F_OK), -1);
        struct sql q = {0};
        int64_t found = 0;
        assert_int_equal(sql_open(&q, in_dir("porchlight.db"), SQL_WRITER), 0);
        assert_int_equal(sql_number(&q, "SELECT x FROM more", &found), 0);
        assert_int_equal(found, 42);
        assert_int_equal(sql_number(&q, "SELECT count(*) FROM alert", &found), 0);
        assert_int_equal(found, 1);
        sql_close(&q);
        assert_int_equal(store_open(&s, dir), STORE_E_NEWER);
}

/* ---- the core's rows ---- */
static int show_row(void *ctx, const struct mesh_row *row) {
        struct buf *out = ctx;
        buf_printf(out, "%d ", row->kind);
        switch (row->kind) {
        case MESH_ROW_MARK:
                buf_printf(out, "%llu", (unsigned long long)row->mark.wall);
                break;
        case MESH_ROW_JOIN:
                buf_add(out, row->join.op);
                buf_add(out, row->join.ticket);
                break;
        case MESH_ROW_OP:
                text_hex(out, span_of(row->op.id.b, 2));
                buf_add(out, row->op.bytes);
                break;
        case MESH_ROW_EPOCH:
                text_hex(out, span_of(row->epoch.id, 2));
                buf_add(out, row->epoch.header);
                buf_add(out, row->epoch.left);
                buf_printf(out, "%d %02x %u %02x %llu", row->epoch.has_key, row->epoch.key.b[0], row->epoch.day,
                           row->epoch.link_key.b[0], (unsigned long long)row->epoch.since);
                break;
        case MESH_ROW_REVOKE:
                text_hex(out, span_of(row->revoke.id.b, 2));
                buf_add(out, row->revoke.bytes);
                break;
        case MESH_ROW_TICKET:
                text_hex(out, span_of(row->ticket.id.b, 2));
                buf_add(out, row->ticket.text);
                buf_add(out, row->ticket.label);
                buf_printf(out, " %d", row->ticket.revoked);
                break;
        case MESH_ROW_CONTACT:
                text_hex(out, span_of(row->contact.device.b, 2));
                buf_printf(out, " %llx ", (unsigned long long)row->contact.seq);
                buf_add(out, row->contact.bytes);
                break;
        case MESH_ROW_ADDR:
                text_hex(out, span_of(row->addr.addr.ip, 2));
                buf_printf(out, " %u %u %02x %d %d", row->addr.addr.port, row->addr.addr.scope, row->addr.device.b[0],
                           row->addr.manual, row->addr.gone);
                break;
        case MESH_ROW_PROOF:
                text_hex(out, span_of(row->proof.id.b, 2));
                buf_add(out, row->proof.bytes);
                break;
        case MESH_ROW_RECORD:
                text_hex(out, SPAN_OF(row->record.id.b));
                text_hex(out, SPAN_OF(row->record.device.b));
                text_hex(out, SPAN_OF(row->record.household.b));
                text_hex(out, SPAN_OF(row->record.target.b));
                buf_printf(out, " %llu %llu %u %u %u %u %d%d%d %zu", (unsigned long long)row->record.created,
                           (unsigned long long)row->record.expires, row->record.day, row->record.index,
                           row->record.type, row->record.klass, row->record.mine, row->record.own, row->record.sensor,
                           row->record.bytes.n);
                break;
        case MESH_ROW_CODE:
                text_hex(out, span_of(row->code.id.b, 2));
                buf_printf(out, " %u %llu %llu %d", row->code.share, (unsigned long long)row->code.made,
                           (unsigned long long)row->code.expires, row->code.revoked);
                break;
        case MESH_ROW_SLOTS:
                buf_printf(out, "%u %u %u", row->slots.klass, row->slots.day, row->slots.next);
                break;
        case MESH_ROW_CLIP:
                text_hex(out, span_of(row->clip.id.b, 2));
                buf_printf(out, " %llu", (unsigned long long)row->clip.seq);
                break;
        case MESH_ROW_KINDS:
                break;
        }
        buf_add_str(out, "\n");
        return 0;
}

static void expect_restored(struct store *s, mesh_wall now, const char *want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(store_restore(s, now, show_row, &got), 0);
        assert_string_equal(buf_cstr(&got), want);
}

/* What a store of version 2 holds of an epoch comes back as it was, with nothing that proves its key. */
static void epochs_of_before_proofs(void **state) {
        (void)state;
        struct sql q = {0};
        rows_plain(in_dir("porchlight.db"), 2);
        assert_int_equal(sql_open(&q, in_dir("porchlight.db"), SQL_WRITER), 0);
        assert_int_equal(sql_exec(&q,
                                  "INSERT INTO epoch (id, header, has_key, key, day, link_key, since) VALUES "
                                  "(x'000102030405060708090a0b0c0d0e0f', CAST('head' AS BLOB), 1, zeroblob(32), 20001, "
                                  "zeroblob(32), 9)"),
                         0);
        sql_close(&q);
        struct store *s = opened();
        expect_restored(s, 0, "3 0001head1 00 20001 00 9\n");
        store_close(s);
}

static void rows_come_back_in_order(void **state) {
        (void)state;
        struct store *s = opened();
        put_core_rows(s);
        _clean_(buf_fini) struct buf want = BUF_NULL;
        buf_add_str(&want, "0 8\n1 addPORCHLIGHT1\n2 ");
        struct hash first = rows_id(2), second = rows_id(1), third = rows_id(3), fourth = rows_id(4);
        text_hex(&want, span_of(first.b, 2));
        buf_add_str(&want, "second by id, first by time\n2 ");
        text_hex(&want, span_of(second.b, 2));
        buf_add_str(&want, "op\n3 0100headleft1 07 20001 06 9\n4 ");
        text_hex(&want, span_of(third.b, 2));
        buf_add_str(
                &want,
                "taken back\n5 0300text 1\n6 0600 2 50 99 1\n7 0400 ffffffffffffffff contact\n8 0102 443 3 08 1 0\n9 ");
        text_hex(&want, span_of(fourth.b, 2));
        buf_add_str(&want, "two in one\n");
        struct mesh_row clip = {.kind = MESH_ROW_CLIP, .clip = {.id = rows_id(5), .seq = 3}};
        size_t before = want.n;
        show_row(&want, &clip);
        expect_restored(s, 0, buf_cstr(&want));

        want.n = before;
        struct mesh_row over = {.kind = MESH_ROW_JOIN};
        must_commit(s, &over);
        for (uint64_t i = 0; i < 20; i++) {
                struct mesh_row row =
                        rows_record(i * 7919 % 20, i % 3, i % 2 ? RECORD_CONFIRM : RECORD_NOTICE, ROWS_NOW);
                row.record.expires = ROWS_NOW + i;
                row.record.mine = i & 1;
                row.record.own = i & 2;
                row.record.sensor = i & 4;
                if (i % 2)
                        row.record.target = rows_id(500);
                must_commit(s, &row);
                row.record.bytes = SPAN_NONE;
                if (row.record.expires > ROWS_NOW + 5 || row.record.own) /* its slots are never used again */
                        show_row(&want, &row);
        }
        struct mesh_row slots = {.kind = MESH_ROW_SLOTS, .slots = {CLASS_NORMAL, ROWS_NOW / MESH_DAY, 19}};
        show_row(&want, &slots); /* behind the highest index of an own one */
        show_row(&want, &clip);
        char *joined = buf_cstr(&want);
        memmove(joined + 4, joined + 4 + strlen("1 addPORCHLIGHT1\n"),
                strlen(joined) - 3 - strlen("1 addPORCHLIGHT1\n"));
        expect_restored(s, ROWS_NOW + 5, joined);
        store_close(s);
        s = opened();
        expect_restored(s, ROWS_NOW + 5, joined);
        store_close(s);
}

static int stop_after(void *ctx, const struct mesh_row *row) {
        (void)row;
        int *left = ctx;
        return --*left <= 0 ? (*left == 0 ? 1 : ERR_NOMEM) : 0;
}

static void a_taker_can_stop(void **state) {
        (void)state;
        struct store *s = opened();
        put_core_rows(s);
        int left = 3;
        assert_int_equal(store_restore(s, 0, stop_after, &left), 0);
        assert_int_equal(left, 0);
        left = 0;
        assert_int_equal(store_restore(s, 0, stop_after, &left), ERR_NOMEM);
        store_close(s);
}

static void batches_copy(void **state) {
        (void)state;
        struct store *s = opened();
        char text[] = "smoke", bytes[] = "bytes";
        uint8_t clips[32] = {1};
        struct mesh_row row = rows_record(1, 1, RECORD_ALERT, ROWS_NOW);
        struct wire_alert a = rows_alert(home_cell(), span_str(text));
        WIRE_PUT(&a, ALERT, clips, SPAN_OF(clips));
        row.record.alert = &a;
        row.record.bytes = span_str(bytes);
        struct store_batch *b = store_batch_new();
        assert_int_equal(store_batch_add(b, &row, 1), 0);
        memset(text, 'x', sizeof(text) - 1);
        memset(bytes, 'x', sizeof(bytes) - 1);
        memset(clips, 9, sizeof(clips));
        memset(&a, 9, sizeof(a));
        uint64_t seq;
        assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0);
        assert_int_equal(seq, 1);
        store_batch_free(b);
        store_close(s);
        assert_true(rows_anywhere(dir, SPAN_STR("smoke")));
        assert_true(rows_anywhere(dir, SPAN_STR("bytes")));
        assert_false(rows_anywhere(dir, SPAN_STR("xxxxx")));
}

static void events_in_order(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash early = rows_id(100);
        put_follow(s, 1, 2, RECORD_CONFIRM, early, "");
        put_follow(s, 2, 1, RECORD_UPDATE, early, "changed before it came");
        put_alert(s, 100, 1, "as posted");
        put_follow(s, 3, 2, RECORD_CONFIRM, early, "again"); /* the same vote: nothing new */
        put_follow(s, 4, 2, RECORD_DISPUTE, early, "or not");
        put_follow(s, 5, 1, RECORD_CONFIRM, early, "own");      /* one's own does not count */
        put_follow(s, 6, 3, RECORD_UPDATE, early, "another's"); /* nor another's update */
        put_follow(s, 7, 3, RECORD_COMMENT, early, "words");
        put_follow(s, 8, 1, RECORD_RESOLVE, early, "over");
        put_follow(s, 9, 1, RECORD_RESOLVE, early, "over");
        put_retraction(s, 10, 3, early); /* not theirs to take back */
        put_retraction(s, 11, 1, early);
        put_follow(s, 12, 4, RECORD_COMMENT, early, "late");
        put_alert(s, 101, 1, "second");

        struct store_reader *r = reading();
        _clean_(buf_fini) struct buf got = BUF_NULL, want = BUF_NULL;
        assert_int_equal(store_events(r, 0, 100, show_event, &got), 0);
        struct hash second = rows_id(101);
        static const char *const names[] = {"posted",  "disputed",  "commented", "resolved",
                                            "updated", "retracted", "posted"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                buf_printf(&want, "%zu %s %02x\n", i + 1, names[i], i == 6 ? second.b[0] : early.b[0]);
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        uint64_t last;
        assert_int_equal(store_last_seq(r, &last), 0);
        assert_int_equal(last, 7);
        buf_clear(&got);
        assert_int_equal(store_news(s, 0, 100, show_event, &got), 0);
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        buf_clear(&got);
        assert_int_equal(store_events(r, 5, 1, show_event, &got), 0);
        assert_int_equal(strncmp(buf_cstr(&got), "6 retracted", 11), 0);

        struct store_alert a = alert_of(r, early);
        assert_int_equal(a.state, STATE_RETRACTED);
        assert_int_equal(a.text.n, 0);
        assert_int_equal(a.disputes, 1);
        assert_int_equal(a.confirms, 0);
        assert_int_equal(a.comments, 2);
        struct hash none = rows_id(999);
        assert_int_equal(store_alert_get(r, &none, take_alert, &a), STORE_E_NONE);
        store_reader_close(r);
        store_close(s);
}

/* Numbers that were given to keys go with the transaction that gave them. */
static void a_failed_batch_leaves_no_numbers(void **state) {
        (void)state;
        static uint8_t too_long[400 * 1024];
        struct store *s = opened();
        put_alert(s, 1, 1, "before");
        struct mesh_row rows[] = {rows_record(2, 7, RECORD_ALERT, ROWS_NOW - 60),
                                  rows_record(3, 7, RECORD_ALERT, ROWS_NOW)};
        rows[1].record.bytes = SPAN_OF(too_long);
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(store_batch_add(b, &rows[i], i), 0);
        assert_true(store_commit(s, b, ROWS_NOW, &seq) > 0);
        store_batch_free(b);
        struct hash of_8 = put_alert(s, 4, 8, "has the numbers that were given to 7"),
                    of_7 = put_alert(s, 5, 7, "after");

        struct store_reader *r = reading();
        struct store_alert a = alert_of(r, of_7);
        struct key seven = rows_house(7), eight = rows_house(8);
        assert_memory_equal(a.household.b, seven.b, sizeof(seven.b));
        a = alert_of(r, of_8);
        assert_memory_equal(a.household.b, eight.b, sizeof(eight.b));
        store_reader_close(r);
        store_close(s);
}

static void a_late_key_opens_a_record(void **state) {
        (void)state;
        struct store *s = opened();
        struct mesh_row row = rows_record(1, 1, RECORD_ALERT, ROWS_NOW);
        must_commit(s, &row);
        struct store_reader *r = reading();
        struct store_alert a;
        assert_int_equal(store_alert_get(r, &row.record.id, take_alert, &a), STORE_E_NONE);
        struct wire_alert plain = rows_alert(home_cell(), SPAN_STR("opened"));
        row.record.alert = &plain;
        must_commit(s, &row);
        must_commit(s, &row);
        assert_int_equal(alert_of(r, row.record.id).state, STATE_ACTIVE);
        uint64_t last;
        assert_int_equal(store_last_seq(r, &last), 0);
        assert_int_equal(last, 1);
        store_reader_close(r);
        store_close(s);
}

static void prefixes(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash id = put_alert(s, 1, 1, ""), twin = id, got, not_alert = id;
        twin.b[3] ^= 1;
        not_alert.b[4] ^= 1;
        struct mesh_row row = rows_record(2, 1, RECORD_ALERT, ROWS_NOW);
        struct wire_alert a = rows_alert(home_cell(), SPAN_NONE);
        row.record.id = twin;
        row.record.alert = &a;
        must_commit(s, &row);
        row = rows_record(3, 1, RECORD_NOTICE, ROWS_NOW);
        row.record.id = not_alert;
        must_commit(s, &row);

        struct store_reader *r = reading();
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, SPAN_OF(id.b));
        assert_int_equal(store_alert_prefix(r, span_of(hex.p, 3), &got), STORE_E_NONE);
        assert_int_equal(store_alert_prefix(r, span_of(hex.p, 4), &got), STORE_E_MANY);
        assert_int_equal(store_alert_prefix(r, span_of(hex.p, 7), &got), STORE_E_MANY);
        assert_int_equal(store_alert_prefix(r, span_of(hex.p, 8), &got), 0);
        assert_memory_equal(&got, &id, sizeof(id));
        assert_int_equal(store_alert_prefix(r, span_of(hex.p, 64), &got), 0);
        assert_int_equal(store_alert_prefix(r, SPAN_STR("zzzz"), &got), STORE_E_NONE);
        buf_add_str(&hex, "00");
        assert_int_equal(store_alert_prefix(r, buf_span(&hex), &got), STORE_E_NONE);
        hex.p[0] ^= 1;
        hex.p[1] ^= 1;
        assert_int_equal(store_alert_prefix(r, span_of(hex.p, 9), &got), STORE_E_NONE);
        store_reader_close(r);
        store_close(s);
}

static int take_proofs(void *ctx, const struct mesh_row *row) {
        *(unsigned *)ctx += row->kind == MESH_ROW_PROOF;
        return 0;
}

/* A proof is fetched like a record's bytes, and forgotten when its time is over. */
static void proofs_have_their_time(void **state) {
        (void)state;
        struct store *s = opened();
        put_core_rows(s);
        struct store_reader *r = reading();
        struct store_loaded item = {rows_id(4)};
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        assert_int_equal(store_load(r, &item, 1, &keep), 0);
        assert_true(span_eq(item.bytes, SPAN_STR("two in one")));
        uint64_t seq;
        unsigned n = 0;
        assert_int_equal(store_tick(s, ROWS_NOW, 99, &seq), 0); /* whatever time it is said to be */
        assert_int_equal(store_restore(s, 0, take_proofs, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(store_tick(s, ROWS_NOW, 100, &seq), 0);
        assert_int_equal(store_restore(s, 0, take_proofs, &n), 0);
        assert_int_equal(n, 1);
        store_reader_close(r);
        store_close(s);
}

static void bytes_and_settings(void **state) {
        (void)state;
        struct store *s = opened();
        put_alert(s, 1, 1, "");
        struct mesh_row row = rows_record(2, 1, RECORD_NOTICE, ROWS_NOW);
        row.record.bytes = SPAN_STR("other bytes");
        must_commit(s, &row);
        row = rows_record(3, 1, RECORD_NOTICE, ROWS_NOW);
        row.record.bytes = SPAN_NONE;
        must_commit(s, &row);
        struct store_reader *r = reading();
        _clean_(buf_fini) struct buf keep = BUF_NULL, value = BUF_NULL;
        buf_add_str(&keep, "before");
        struct store_loaded items[] = {{rows_id(2)}, {rows_id(9)}, {rows_id(3)}, {rows_id(1)}};
        assert_int_equal(store_load(r, items, ARRAY_LEN(items), &keep), 0);
        assert_true(span_eq(items[0].bytes, SPAN_STR("other bytes")));
        assert_int_equal(items[1].bytes.n, 0);
        assert_int_equal(items[2].bytes.n, 0);
        assert_true(span_eq(items[3].bytes, SPAN_STR("signed bytes of a record")));

        assert_int_equal(store_get(r, "home", &value), STORE_E_NONE);
        assert_int_equal(store_set(s, "home", SPAN_STR("u33dc0c")), 0);
        assert_int_equal(store_set(s, "home", SPAN_STR("u33dc0d")), 0);
        assert_int_equal(store_get(r, "home", &value), 0);
        assert_true(span_eq(buf_span(&value), SPAN_STR("u33dc0d")));
        assert_int_equal(store_set(s, "home", SPAN_NONE), 0);
        assert_int_equal(store_get(r, "home", &value), STORE_E_NONE);
        store_reader_close(r);
        store_close(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(files_are_private),
                TEST(one_writer),
                TEST(refuses_what_is_no_store),
                TEST(damaged_files_are_left_as_they_are),
                TEST(older_files_are_migrated_on_a_copy),
                TEST(epochs_of_before_proofs),
                TEST(rows_come_back_in_order),
                TEST(a_taker_can_stop),
                TEST(batches_copy),
                TEST(events_in_order),
                TEST(a_failed_batch_leaves_no_numbers),
                TEST(a_late_key_opens_a_record),
                TEST(prefixes),
                TEST(proofs_have_their_time),
                TEST(bytes_and_settings),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
