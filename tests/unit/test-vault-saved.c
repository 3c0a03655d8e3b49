/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup as a vault makes it and takes it, with its ledger: whole, damaged, or too long; and what is no backup, or one that
 * somebody has put together who has the passphrase and does not keep to the rules.
 */
#include "../support/pair.h"

#include "vault/backup.h"
#include "vault/transfer.h"

#define WORDS SPAN_STR("correct horse battery")
#define ROWS 64
#define FRESH 3 /* of the street, and no member: the machine that takes home 0's place */

static struct safe fresh; /* it knows of no household */

static int set_up(void **state) {
        pair_set_up(state);
        safe_init(&fresh, &street, FRESH, NULL, NULL);
        buf_clear(&fresh.disk.key);
        fresh.outside = true;
        safe_start(&fresh);
        return 0;
}

static int tear_down(void **state) {
        safe_fini(&fresh);
        return pair_tear_down(state);
}

/* ---- as the tool ---- */
static void ask_backup(void) {
        struct wire_o_backup q = {.passphrase = WORDS};
        safe_ask(&owner, OWNER_O_BACKUP, &q);
}

/* @ret_lines: of the ledger; 0: there is none in it. */
static void backup(struct buf *file, uint64_t *ret_lines) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_c_none none = {0};
        union frame_message m;
        ask_backup();
        assert_true(safe_row(&owner, OWNER_O_BACKUP_ROW, &store, &m));
        uint64_t bytes = m.o_backup_row.bytes;
        *ret_lines = WIRE_HAS(&m.o_backup_row, O_BACKUP_ROW, lines) ? m.o_backup_row.lines : 0;
        while (file->n < bytes) {
                struct wire_o_fetch q = {.at = file->n};
                safe_ask(&owner, OWNER_O_FETCH, &q);
                safe_pieces(&owner, file);
        }
        assert_int_equal(file->n, bytes);
        safe_ask(&owner, OWNER_O_KEPT, &none);
        assert_true(safe_done(&owner) && safe_heard(&owner, OWNER_V_BACKED_UP));
        safe_ask(&owner, OWNER_O_KEPT, &none);
        assert_string_equal(safe_error(&owner), "no-backup");
}

static void give(struct safe *s, struct span file) {
        for (size_t n; file.n; file = span_from(file, n)) {
                n = MIN(file.n, (size_t)32768);
                struct wire_o_piece q = {.bytes = span_of(file.p, n)};
                safe_ask(s, OWNER_O_GIVE, &q);
                assert_true(safe_done(s));
        }
}

static const char *restore(struct safe *s, struct span words) {
        struct wire_o_restore q = {.passphrase = words};
        safe_ask(s, OWNER_O_RESTORE, &q);
        return safe_error(s);
}

/* A neighbour takes it in again. */
static void is_taken_in(void) {
        safe_spared = true; /* here the daemon waits on and says it again */
        safe_ready(&fresh, SPAN_OF(street.homes[0].key.pub.b));
        safe_spared = false;
        assert_true(safe_done(&fresh) && fresh.v.key.state == KEYFILE_MEMBER);
        assert_non_null(safe_heard(&fresh, OWNER_V_REPLACE));
}

/* ---- there and back ---- */
static enum wire_e_entry first_line(const struct safe *s) {
        struct wire_entry e;
        assert_true(s->disk.ledger.n > 4);
        struct span line = span_of(s->disk.ledger.p + 4, get_be16(s->disk.ledger.p));
        assert_int_equal(codec_decode(&wire_entry_desc, line, &e, NULL), 0);
        return e.what;
}

static uint64_t lines_of(const struct safe *s) {
        struct book b;
        assert_int_equal(book_open(&b, &s->io, &street.mesh, &street.homes[0].key.pub), 0);
        assert_int_equal(b.broken, VAULT_OK);
        uint64_t n = b.chain.n;
        book_fini(&b);
        return n;
}

/* The key, the operations and the ledger are there again, with one line more: that it is restored. */
static void test_there_and_back(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        uint64_t lines;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK) && safe_grant(&owner, 1, 2, WEEK));
        backup(&file, &lines);
        assert_int_equal(lines, lines_of(&owner));
        give(&fresh, buf_span(&file));
        assert_string_equal(restore(&fresh, SPAN_STR("another one")), "backup-passphrase");
        assert_string_equal(restore(&fresh, WORDS), "");
        is_taken_in();
        assert_true(key_eq(&fresh.v.key.household, &street.homes[0].key.pub));
        assert_int_equal(lines_of(&fresh), lines + 1);
        assert_int_equal(first_line(&fresh), ENTRY_GRANTED);
        assert_string_equal(restore(&fresh, WORDS), "household-exists");
}

static void comes_back_without_ledger(const struct buf *file) {
        give(&fresh, buf_span(file));
        assert_string_equal(restore(&fresh, WORDS), "");
        is_taken_in();
        assert_int_equal(lines_of(&fresh), 1);
        assert_int_equal(first_line(&fresh), ENTRY_RESTORED);
}

/* ADR 82: it is left out, and the owner is told by no lines being in it; the key is worth having without. */
static void test_damaged_ledger(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        uint64_t lines;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK) && safe_grant(&owner, 1, 2, WEEK));
        owner.disk.ledger.p[100] ^= 1;
        safe_start(&owner);
        backup(&file, &lines);
        assert_int_equal(lines, 0);
        comes_back_without_ledger(&file);
}

/* The same of one that is longer than a vault has room for in memory beside all the rest. */
static void test_long_ledger(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        uint64_t lines;
        char text[480];
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        memset(text, 'x', sizeof(text));
        struct wire_entry line = {.what = ENTRY_LEGAL_ORDER, .time = owner.wall};
        WIRE_PUT(&line, ENTRY, text, SPAN_OF(text));
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clips[0].id.b));
        while (owner.v.book->end <= BACKUP_LEDGER_MAX)
                assert_int_equal(book_write(owner.v.book, &line), VAULT_OK);
        backup(&file, &lines);
        assert_int_equal(lines, 0);
        assert_true(file.n < 1024 * 1024);
        comes_back_without_ledger(&file);
}

/* A file whose ledger somebody has changed: what cannot be read is not taken over. */
static void test_ledger_of_others(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL, rows = BUF_NULL, sealed = BUF_NULL;
        uint64_t lines;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        backup(&file, &lines);
        assert_int_equal(backup_open(&rows, buf_span(&file), WORDS), 0);
        uint8_t *at = memmem(rows.p, rows.n, owner.disk.ledger.p + 40, 64);
        assert_non_null(at);
        at[7] ^= 1;
        assert_int_equal(backup_seal(&sealed, buf_span(&rows), WORDS, 1, KEYFILE_MEMORY_KIB_MIN, &owner.rng), 0);
        comes_back_without_ledger(&sealed);
}

/* ---- who is refused ---- */
static void refused(const char *why) {
        ask_backup();
        assert_string_equal(safe_error(&owner), why);
}

static void test_not_now(void **state) {
        struct wire_o_backup brief = {.passphrase = SPAN_STR("short")};
        struct wire_v_ops_end end = {.time = owner.wall};
        struct wire_b_link_key key = {.key = SPAN_OF(street.homes[0].noise.b)};
        (void)state;
        safe_ask(&owner, OWNER_O_BACKUP, &brief);
        assert_string_equal(safe_error(&owner), "passphrase-short");
        owner.wall = 5;
        refused("no-clock");
        owner.wall = street.now;
        owner.silent = true;
        ask_backup();
        refused("busy");
        safe_forget(&owner);
        safe_tell(&owner, OWNER_V_OPS_END, &end); /* of nothing */
        assert_string_equal(safe_error(&owner), "wrong-mesh");
        owner.silent = false;
        safe_tell(&owner, OWNER_B_LINK_KEY, &key); /* nobody has asked */
        owner.outside = true;
        safe_start(&owner);
        refused("no-mesh");
        owner.outside = false;
        safe_start(&owner);
}

/* Of a household that was removed there is none. */
static void test_removed(void **state) {
        struct wire_o_backup q = {.passphrase = WORDS};
        (void)state;
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 1), 0);
        safe_ask(&friend, OWNER_O_BACKUP, &q);
        assert_string_equal(safe_error(&friend), "removed");
}

static void test_locked(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct wire_o_backup q = {.passphrase = WORDS};
        struct wire_o_unlock unlock = {.passphrase = SPAN_STR("the front door")};
        (void)state;
        safe_fini(&owner);
        safe_init(&owner, &street, 0, clips, "the front door");
        refused("locked");
        WIRE_PUT(&q, O_BACKUP, key_passphrase, SPAN_STR("the back door!"));
        safe_ask(&owner, OWNER_O_BACKUP, &q);
        assert_string_equal(safe_error(&owner), "passphrase-wrong");
        owner.now += 60 * 60 * 1000;
        q.key_passphrase = unlock.passphrase;
        safe_ask(&owner, OWNER_O_BACKUP, &q);
        assert_true(safe_done(&owner));
        safe_ask(&owner, OWNER_O_UNLOCK, &unlock);
        assert_true(safe_done(&owner));
        ask_backup();
        assert_true(safe_done(&owner));
}

/* ---- what is no backup ---- */
static const char *comes_to(struct span file) {
        static char why[64];
        safe_start(&fresh);
        give(&fresh, file);
        snprintf(why, sizeof(why), "%s", restore(&fresh, WORDS));
        assert_int_equal(fresh.disk.key.n, 0); /* nothing was written */
        return why;
}

static void test_no_backup(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        uint64_t lines;
        (void)state;
        assert_string_equal(restore(&fresh, WORDS), "no-backup");
        backup(&file, &lines);
        assert_string_equal(comes_to(SPAN_STR("these are the minutes of our last meeting")), "backup-not");
        file.p[8]++; /* the version */
        assert_string_equal(comes_to(buf_span(&file)), "backup-newer");
        file.p[8]--;
        assert_string_equal(comes_to(span_of(file.p, file.n - 1)), "backup-damaged");
        for (size_t at = 40; at < file.n; at += 97) {
                file.p[at] ^= 4;
                assert_string_equal(comes_to(buf_span(&file)), "backup-damaged");
                file.p[at] ^= 4;
        }
        fresh.wall = 5;
        assert_string_equal(comes_to(buf_span(&file)), "no-clock");
        fresh.wall = street.now;
        ask_backup();
        give(&owner, buf_span(&file));
        assert_string_equal(restore(&owner, WORDS), "household-exists");
}

/* ---- rows in an order of their own ---- */
struct rows {
        struct span at[ROWS];
        size_t n;
};

static void split(struct span rows, struct rows *ret) {
        struct span body;
        for (size_t used; rows.n; rows = span_from(rows, used)) {
                assert_true(frame_take(rows, &body, &used) == 0 && ret->n < ROWS);
                ret->at[ret->n++] = span_of(rows.p, used);
        }
}

static struct span row_of(struct buf *store, enum wire_owner number, const void *msg) {
        buf_clear(store);
        frame_put(store, wire_owner_find(number), msg);
        return buf_span(store);
}

/* With so many rows as END says, unless it lies. */
static const char *put_together(const struct rows *r, bool lies) {
        _clean_(buf_fini) struct buf rows = BUF_NULL, file = BUF_NULL, store = BUF_NULL;
        for (size_t i = 0; i + 1 < r->n; i++)
                buf_add(&rows, r->at[i]);
        struct wire_b_end end = {.rows = r->n - !lies};
        buf_add(&rows, row_of(&store, OWNER_B_END, &end));
        assert_int_equal(backup_seal(&file, buf_span(&rows), WORDS, 1, KEYFILE_MEMORY_KIB_MIN, &owner.rng), 0);
        return comes_to(buf_span(&file));
}

static void put_in(struct rows *r, size_t at, struct span row) {
        memmove(&r->at[at + 1], &r->at[at], (r->n - at) * sizeof(r->at[0]));
        r->at[at] = row;
        r->n++;
}

/* In each of them one thing is wrong. */
static void test_rows(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL, bytes = BUF_NULL, store = BUF_NULL;
        struct rows good = {.n = 0}, r;
        struct wire_c_none none = {0};
        struct wire_b_end end = {.rows = 1};
        struct wire_b_device device = {.device = SPAN_OF(street.homes[1].device.pub.b),
                                       .noise = SPAN_OF(street.homes[1].noise.b)};
        struct wire_b_head head = {.v = 1,
                                   .mesh = SPAN_OF(street.mesh.b),
                                   .household = SPAN_OF(street.homes[0].key.pub.b),
                                   .sign_seed = SPAN_OF(street.homes[1].key.secret),
                                   .seal = SPAN_OF(street.homes[1].seal.b),
                                   .created = street.now};
        uint64_t lines;
        (void)state;
        backup(&file, &lines);
        assert_int_equal(backup_open(&bytes, buf_span(&file), WORDS), 0);
        split(buf_span(&bytes), &good); /* HEAD, DEVICE, LINK_KEY, operations …, END */
        assert_string_equal(put_together(&good, true), "backup-damaged");
        r = good;
        put_in(&r, 1, good.at[0]); /* a second HEAD */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        put_in(&r, 2, good.at[1]); /* a second device */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        put_in(&r, 1, row_of(&store, OWNER_B_END, &end)); /* an end before the end */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        put_in(&r, 1, row_of(&store, OWNER_V_WANT_OPS, &none)); /* what is no row of a backup */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        r.at[1] = good.at[2]; /* no device */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        r.at[0] = good.at[2]; /* no HEAD */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        r.at[1] = row_of(&store, OWNER_B_DEVICE, &device); /* a neighbour's */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        r.at[3] = good.at[4]; /* not from the beginning */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = good;
        r.at[0] = row_of(&store, OWNER_B_HEAD, &head); /* a key that is another household's */
        assert_string_equal(put_together(&r, false), "backup-damaged");
        r = (struct rows){.at = {good.at[0], good.at[1], good.at[2], good.at[2]}, .n = 4}; /* no operations */
        assert_string_equal(put_together(&r, false), "backup-damaged");
}

/* ---- two tools ---- */
static void test_one_at_a_time(void **state) {
        struct vault_peer other = {.uid = 1000};
        _clean_(buf_fini) struct buf said = BUF_NULL;
        struct wire_o_piece piece = {.bytes = SPAN_STR("PLBACKUP")};
        struct wire_o_backup q = {.passphrase = WORDS};
        (void)state;
        if (safe_watch) /* which knows of one tool */
                return;
        give(&owner, SPAN_STR("PLBACKUP"));
        codec_put(wire_owner_find(OWNER_O_GIVE), &piece, &said);
        vault_request(&owner.v, &other, buf_span(&said), owner.now);
        assert_non_null(memmem(other.out.p, other.out.n, "busy", 4));
        buf_clear(&other.out);
        buf_clear(&said);
        codec_put(wire_owner_find(OWNER_O_BACKUP), &q, &said);
        vault_request(&owner.v, &other, buf_span(&said), owner.now);
        assert_non_null(memmem(other.out.p, other.out.n, "busy", 4));
        ask_backup(); /* the first goes on: what it has given is dropped */
        assert_true(safe_done(&owner));
        give(&owner, SPAN_STR("PLBACKUP"));
        assert_string_equal(restore(&owner, WORDS), "household-exists");
        buf_fini(&other.out);
}

static void test_too_large(void **state) {
        static const uint8_t bytes[32768];
        struct wire_o_piece q = {.bytes = SPAN_OF(bytes)};
        (void)state;
        for (size_t n = 0; n + sizeof(bytes) <= BACKUP_BYTES_MAX; n += sizeof(bytes)) {
                safe_ask(&fresh, OWNER_O_GIVE, &q);
                assert_true(safe_done(&fresh));
        }
        safe_spared = true; /* once more it would be the first piece of another file */
        safe_ask(&fresh, OWNER_O_GIVE, &q);
        safe_spared = false;
        assert_string_equal(safe_error(&fresh), "backup-large");
        assert_string_equal(restore(&fresh, WORDS), "no-backup");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_there_and_back),   TEST(test_damaged_ledger), TEST(test_long_ledger),
                TEST(test_ledger_of_others), TEST(test_not_now),        TEST(test_removed),
                TEST(test_locked),           TEST(test_no_backup),      TEST(test_rows),
                TEST(test_one_at_a_time),    TEST(test_too_large),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
