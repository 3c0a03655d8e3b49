/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: its file, whole, damaged, cut short and full; read again for who wants it verified. */
#include "../support/pair.h"

#include "base/log.h"
#include "vault/book.h"
#include "vault/consent.h"

#define LONG_LINES 300

static void test_legal_order(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL, store = BUF_NULL;
        union frame_message m;
        struct wire_o_legal q = {.clip = pair_hex(&id, &clips[0].id), .text = SPAN_STR("court of Anytown, 5 C 12/26")};
        struct wire_o_ledger l = {.from = 0};
        (void)state;
        safe_ask(&owner, OWNER_O_LEGAL, &q);
        assert_true(safe_done(&owner));
        q.clip = span_of(id.p, 8);
        safe_ask(&owner, OWNER_O_LEGAL, &q);
        assert_true(safe_done(&owner));
        safe_ask(&owner, OWNER_O_LEDGER, &l);
        assert_true(safe_row(&owner, OWNER_O_ENTRY_ROW, &store, &m));
        assert_int_equal(m.o_entry.what, ENTRY_LEGAL_ORDER);
        assert_true(span_eq(m.o_entry.text, q.text));
        struct wire_c_none none = {0};
        safe_ask(&owner, OWNER_O_VERIFY, &none);
        assert_true(safe_row(&owner, OWNER_O_VERIFIED_ROW, &store, &m));
        assert_int_equal(m.o_verified.lines, 2);
}

static size_t rows(struct safe *s, enum wire_owner ask, const struct wire_o_ledger *q) {
        safe_ask(s, ask, q);
        assert_true(safe_done(s));
        struct span left = buf_span(&s->peer.out), body;
        size_t n = 0;
        for (size_t used; left.n; left = span_from(left, used), n++)
                assert_int_equal(frame_take(left, &body, &used), 0);
        return n - 1;
}

/* From a line on, from a time on, of one clip. */
static void test_chosen(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_ledger all = {.from = 0}, later = {.from = 1}, none = {.from = 99}, since = {.from = 0},
                             clip = {.from = 0}, other = {.from = 0};
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        owner.wall += 100;
        street.now += 100;
        assert_true(safe_grant(&owner, 1, 2, WEEK));
        WIRE_PUT(&since, O_LEDGER, since, owner.wall);
        WIRE_PUT(&clip, O_LEDGER, clip, span_of(pair_hex(&id, &clips[1].id).p, 8));
        WIRE_PUT(&other, O_LEDGER, clip, SPAN_STR("00000000"));
        static const enum wire_owner kinds[] = {OWNER_O_LEDGER, OWNER_O_GRANTS};
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                assert_int_equal(rows(&owner, kinds[i], &all), 2);
                assert_int_equal(rows(&owner, kinds[i], &later), 1);
                assert_int_equal(rows(&owner, kinds[i], &none), 0);
                assert_int_equal(rows(&owner, kinds[i], &since), 1);
                assert_int_equal(rows(&owner, kinds[i], &clip), 1);
                assert_int_equal(rows(&owner, kinds[i], &other), 0);
        }
}

static void test_legal_refused(void **state) {
        struct wire_o_legal q = {.clip = SPAN_STR("00000000"), .text = SPAN_STR("a court")};
        (void)state;
        safe_ask(&owner, OWNER_O_LEGAL, &q);
        assert_string_equal(safe_error(&owner), "no-such-clip");
        q.text = SPAN_STR("two\nlines");
        safe_ask(&owner, OWNER_O_LEGAL, &q);
        assert_string_equal(safe_error(&owner), "bad-reason");
        char wrong[64];
        memset(wrong, 'x', sizeof(wrong)); /* as long as an id, and none */
        q.text = SPAN_STR("a court");
        q.clip = SPAN_OF(wrong);
        safe_ask(&owner, OWNER_O_LEGAL, &q);
        assert_string_equal(safe_error(&owner), "no-such-clip");
        assert_int_equal(pair_lines(&owner), 0);
}

/* Every byte of it, changed: what is told is a broken ledger, or a last line that a crash cut short; never a grant. */
static void test_flips(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL, whole = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        buf_add(&whole, buf_span(&owner.disk.ledger));
        for (size_t i = 0; i < whole.n; i++) {
                struct book b;
                owner.disk.ledger.p[i] ^= 0x10;
                assert_int_equal(book_open(&b, &owner.io, &street.mesh, &street.homes[0].key.pub), 0);
                bool told = b.broken == VAULT_NO_LEDGER_BROKEN;
                bool last =
                        b.chain.n == 3 && b.broken == VAULT_OK; /* of the last line nobody has signed anything yet */
                if (!told && !last)
                        fail_msg("byte %zu: %d, %llu lines", i, (int)b.broken, (unsigned long long)b.chain.n);
                assert_int_equal(owner.disk.ledger.n, whole.n);
                book_fini(&b);
                owner.disk.ledger.p[i] ^= 0x10;
        }
}

/* Wherever a crash cuts the last line, what was before it stands; and zeros in its place are one, too. */
static void test_torn(void **state) {
        _clean_(buf_fini) struct buf whole = BUF_NULL;
        size_t one;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        one = owner.disk.ledger.n;
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        buf_add(&whole, buf_span(&owner.disk.ledger));
        for (size_t i = one; i < whole.n; i++) {
                buf_clear(&owner.disk.ledger);
                buf_add(&owner.disk.ledger, span_of(whole.p, i));
                assert_int_equal(pair_lines(&owner), 1);
                assert_int_equal(owner.disk.ledger.n, one);
        }
        for (size_t i = 0; i < 4096; i++)
                buf_add_u8(&owner.disk.ledger, 0);
        assert_int_equal(pair_lines(&owner), 1);
        assert_int_equal(owner.disk.ledger.n, one);
        buf_add_u8(&owner.disk.ledger, 7);
        for (size_t i = 0; i < 16; i++)
                buf_add_u8(&owner.disk.ledger, 0);
        safe_start(&owner); /* neither: told, and left as it is */
        assert_false(safe_grant(&owner, 1, 1, WEEK));
        assert_string_equal(safe_error(&owner), "ledger-broken");
        assert_int_equal(owner.disk.ledger.n, one + 17);
        assert_false(pair_reads(&owner, 0));
}

static void test_no_room(void **state) {
        (void)state;
        for (int i = 0; i < 6; i++) {
                owner.fails = 1 + i % 3;
                assert_false(safe_grant(&owner, 0, 1, WEEK));
                owner.fails = 0;
                safe_start(&owner);
        }
        owner.fails = 0;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        assert_non_null(safe_heard(&owner, OWNER_V_GRANT));
}

/* A home that comes back out of a backup, or founds anew, where a ledger stands. For what was granted before nothing is released, also
 * where its wrapped key is there; what is granted now is. */
static void test_restored(void **state) {
        _clean_(buf_fini) struct buf grant = BUF_NULL, receipt = BUF_NULL;
        struct wire_entry line = {.what = ENTRY_RESTORED, .time = owner.wall};
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &grant);
        safe_receipt(&street, buf_span(&grant), 1, owner.wall, &receipt);
        uint64_t before = pair_lines(&owner);
        assert_int_equal(book_write(owner.v.book, &line), VAULT_OK);
        assert_int_equal(pair_lines(&owner), before + 1);
        for (unsigned i = 0; i < 2; i++) {
                assert_true(book_grant_over(book_grant_at(owner.v.book, 0)));
                assert_true(book_grant_stands(book_grant_at(owner.v.book, 0)));
                pair_no_release(buf_span(&receipt), "grant-broken-off");
                safe_start(&owner);
                assert_int_equal(vault_book_open(&owner.v), 0);
        }
        safe_forget(&owner);
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &grant);
        buf_clear(&receipt);
        safe_receipt(&street, buf_span(&grant), 1, owner.wall, &receipt);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        assert_non_null(safe_heard(&owner, OWNER_V_RELEASE));
        struct book b;
        assert_int_equal(book_open(&b, &owner.io, &clips[0].id, &street.homes[0].key.pub), 0); /* another mesh */
        assert_int_equal(b.broken, VAULT_NO_LEDGER_BROKEN);
        assert_int_equal(b.broken_line, 0);
        book_fini(&b);
}

/* ---- read again ---- */

static void legal(struct safe *s, struct vault_peer *p) {
        _clean_(buf_fini) struct buf id = BUF_NULL, out = BUF_NULL;
        char text[500];
        memset(text, 'x', sizeof(text));
        struct wire_o_legal q = {.clip = pair_hex(&id, &clips[0].id), .text = span_of(text, sizeof(text))};
        codec_put(wire_owner_find(OWNER_O_LEGAL), &q, &out);
        vault_request(&s->v, p, buf_span(&out), s->now);
}

static void ask_raw(struct safe *s, struct vault_peer *p, enum wire_owner number) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_none none = {0};
        codec_put(wire_owner_find(number), &none, &out);
        buf_clear(&p->out);
        vault_request(&s->v, p, buf_span(&out), s->now);
}

/* It is read a piece a turn: others are served in between, and what is written meanwhile counts. */
static void test_verify_in_steps(void **state) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct vault_peer other = {.uid = owner.peer.uid};
        union frame_message m;
        unsigned turns = 0;
        (void)state;
        for (int i = 0; i < LONG_LINES; i++)
                legal(&owner, &other);
        ask_raw(&owner, &owner.peer, OWNER_O_VERIFY);
        assert_int_equal(owner.peer.out.n, 0);
        assert_true(vault_holds(&owner.v, &owner.peer));
        vault_tick(&owner.v, owner.now);
        assert_int_equal(owner.peer.out.n, 0);
        ask_raw(&owner, &other, OWNER_O_STATE);
        assert_true(other.out.n > 0);
        ask_raw(&owner, &other, OWNER_O_VERIFY);
        assert_true(other.out.n > 0); /* busy */
        legal(&owner, &other);
        for (; vault_deadline(&owner.v) == 0; turns++)
                vault_tick(&owner.v, owner.now);
        assert_true(turns >= 2);
        assert_true(safe_row(&owner, OWNER_O_VERIFIED_ROW, &store, &m));
        assert_int_equal(m.o_verified.lines, LONG_LINES + 1);
        ask_raw(&owner, &other, OWNER_O_VERIFY);
        vault_peer_gone(&owner.v, &other); /* hangs up: nobody waits, and nothing is read any more */
        assert_true(vault_deadline(&owner.v) != 0);
        buf_fini(&other.out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_legal_order), TEST(test_chosen),  TEST(test_legal_refused), TEST(test_flips),
                TEST(test_torn),        TEST(test_no_room), TEST(test_restored),      TEST(test_verify_in_steps),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
