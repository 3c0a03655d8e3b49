/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's rule for an emergency: what it lets the vault grant while nobody is there, and everything it does not. */
#include "../support/pair.h"

#include "base/log.h"
#include "vault/rule.h"

#define AGO 900

/* ---- what people do ---- */

/* Homes 1, 2 and so on, @n of them. */
static void ask_rule(size_t n, uint64_t quorum, uint64_t most) {
        static const char *const names[] = {"Home AB", "Home AC", "Home AD", "Home AE"};
        _clean_(buf_fini) struct buf id = BUF_NULL, with = BUF_NULL;
        struct wire_list list = {0};
        for (size_t i = 0; i < n; i++) {
                struct wire_o_named one = {.name = span_str(names[i])};
                wire_list_add(&wire_o_named_desc, &list, &with, &one);
        }
        struct wire_o_rule q = {.clip = pair_hex(&id, &clips[0].id), .with = list};
        WIRE_PUT(&q, O_RULE, quorum, quorum);
        WIRE_PUT(&q, O_RULE, ago, AGO);
        WIRE_PUT(&q, O_RULE, clips, most);
        WIRE_PUT(&q, O_RULE, expires_in, MESH_DAY);
        safe_ask(&owner, OWNER_O_RULE, &q);
}

static void go(const char *passphrase) {
        struct wire_o_go yes = {0};
        if (passphrase)
                WIRE_PUT(&yes, O_GO, passphrase, span_str(passphrase));
        safe_ask(&owner, OWNER_O_GO, &yes);
}

static void make_rule(size_t n, uint64_t quorum, uint64_t most) {
        ask_rule(n, quorum, most);
        go(NULL);
        assert_true(safe_done(&owner));
        safe_forget(&owner);
}

/* Home @by asks for clip @c, so many seconds from now. */
static void request(uint32_t by, size_t c, int64_t at) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash id;
        mesh_wall when = (mesh_wall)((int64_t)owner.wall + at);
        struct wire_request w = {.clip = SPAN_OF(clips[c].id.b),
                                 .household = SPAN_OF(street.homes[by].key.pub.b),
                                 .device = SPAN_OF(street.homes[by].device.pub.b),
                                 .created = when,
                                 .expires = when + MESH_DAY};
        WIRE_PUT(&w, REQUEST, reason, SPAN_STR("it burns"));
        assert_int_equal(clip_sign(CLIP_REQUEST, &w, &street.mesh, &street.homes[by].device, &paper, &id), 0);
        safe_bring_paper(&owner, OWNER_V_ASKED, buf_span(&paper));
}

static size_t granted(void) {
        size_t n = 0;
        for (size_t i = 0; i < owner.n_heard; i++)
                n += owner.heard[i].number == OWNER_V_GRANT;
        assert_int_equal(n, book_n_grants(owner.v.book));
        return n;
}

static enum wire_e_entry what(uint64_t n) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_entry e;
        assert_true(book_line(owner.v.book, n, &store, &e));
        return (enum wire_e_entry)e.what;
}

static void restart_locked(void) {
        safe_fini(&owner);
        safe_init(&owner, &street, 0, clips, "correct horse");
}

/* ---- made, shown, ended ---- */

static void test_made(void **state) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_c_none none = {0};
        union frame_message m;
        (void)state;
        ask_rule(2, 2, 3);
        pair_asked(&owner, "Let these households have clips of the camera");
        pair_asked(&owner, "\"Home AB\" (");
        pair_asked(&owner, " and \"Home AC\" (");
        pair_asked(&owner, "at least 2 of them");
        pair_asked(&owner, "within 15 min");
        pair_asked(&owner, "At most 3 clips");
        pair_asked(&owner, "has no passphrase");
        assert_int_equal(pair_lines(&owner), 0);
        go(NULL);
        assert_true(safe_row(&owner, OWNER_O_RULE_ROW, &store, &m));
        assert_true(m.o_rule_row.awake);
        assert_int_equal(pair_lines(&owner), 1);
        assert_int_equal(safe_heard(&owner, OWNER_V_RULE)->bytes.n, 64);
        safe_start(&owner);
        safe_ask(&owner, OWNER_O_RULES, &none);
        assert_true(safe_row(&owner, OWNER_O_RULE_ROW, &store, &m));
        assert_true(span_eq(m.o_rule_row.text, SPAN_STR("Home AB, Home AC")));
        safe_ask(&owner, OWNER_O_RULE_END, &none);
        assert_true(safe_done(&owner));
        assert_int_equal(safe_heard(&owner, OWNER_V_RULE)->bytes.n, 0);
        safe_ask(&owner, OWNER_O_RULES, &none);
        assert_false(safe_row(&owner, OWNER_O_RULE_ROW, &store, &m));
        safe_ask(&owner, OWNER_O_RULE_END, &none);
        assert_string_equal(safe_error(&owner), "no-rule");
        assert_int_equal(pair_lines(&owner), 2);
}

static void test_not_made(void **state) {
        (void)state;
        ask_rule(2, 3, 1);
        assert_string_equal(safe_error(&owner), "rule-quorum");
        ask_rule(3, 2, 1); /* the third is nobody */
        assert_string_equal(safe_error(&owner), "no-such-household");
        owner.fails = 1;
        ask_rule(2, 2, 1);
        go(NULL);
        assert_string_equal(safe_error(&owner), "ledger-disk");
        request(1, 0, 30);
        request(2, 0, 30);
        assert_int_equal(pair_lines(&owner), 0);
}

/* ---- what it grants ---- */

static void test_two_of_two(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        (void)state;
        make_rule(2, 2, 1);
        request(1, 0, 30);
        request(1, 0, 31); /* one who asks twice is one */
        assert_int_equal(granted(), 0);
        assert_int_equal(pair_lines(&owner), 1);
        request(2, 0, 40);
        assert_int_equal(granted(), 2);
        assert_int_equal(pair_lines(&owner), 4);
        assert_int_equal(what(1), ENTRY_RULE_USED);
        assert_int_equal(what(2), ENTRY_GRANTED);
        assert_int_equal(what(3), ENTRY_GRANTED);
        assert_null(safe_heard(&owner, OWNER_V_RELEASE)); /* the terms are signed first, as ever */
        pair_granted(&owner, &paper);
        uint32_t by = key_eq(&book_grant_at(owner.v.book, 1)->to, &street.homes[1].key.pub) ? 1 : 2;
        safe_receipt(&street, buf_span(&paper), by, owner.wall + 50, &receipt);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        assert_non_null(safe_heard(&owner, OWNER_V_RELEASE));
        request(1, 0, 60); /* has it */
        assert_int_equal(granted(), 2);
        request(1, 1, 60); /* the one clip is used up */
        request(2, 1, 60);
        assert_int_equal(granted(), 2);
}

/* A third who asks later for a clip that two were given has it, too; and a home that the rule does not name never. */
static void test_who_is_named(void **state) {
        (void)state;
        for (uint32_t i = 3; i < 5; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        owner.wall = street.now - 600; /* a minute or two have passed in the street */
        safe_clip_fini(&clips[0]);
        safe_clip_make(&clips[0], &street, &owner.seal.pub, 3, SMALL, false);
        owner.wall = street.now;
        make_rule(3, 2, 1);
        request(4, 0, 30);
        request(1, 0, 30);
        assert_int_equal(granted(), 0);
        request(3, 0, 30);
        assert_int_equal(granted(), 2);
        request(2, 0, 60);
        assert_int_equal(granted(), 3);
        request(4, 0, 60);
        assert_int_equal(granted(), 3);
}

static void both_ask(size_t c, int64_t at) {
        request(1, c, at);
        request(2, c, at);
}

static void test_too_late(void **state) {
        (void)state;
        make_rule(2, 2, 3);
        owner.wall += AGO + 100;
        both_ask(0, 0);
        assert_int_equal(granted(), 0);
}

static void test_before_the_rule(void **state) {
        (void)state;
        make_rule(2, 2, 3);
        both_ask(0, -1);
        assert_int_equal(granted(), 0);
        owner.v.book->rule.created = street.now + 100; /* a clip of before */
        both_ask(0, 200);
        assert_int_equal(granted(), 0);
}

static void test_another_camera(void **state) {
        (void)state;
        make_rule(2, 2, 3);
        owner.v.book->rule.camera.b[0] ^= 1;
        both_ask(0, 30);
        assert_int_equal(granted(), 0);
        assert_int_equal(pair_lines(&owner), 1);
}

static void test_removed_home(void **state) {
        (void)state;
        make_rule(2, 2, 3);
        request(1, 0, 30);
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 2), 0);
        request(2, 0, 30);
        assert_int_equal(granted(), 0);
}

/* A signature that is none, a paper of another kind, and nobody's rule: nothing is written. */
static void test_false_requests(void **state) {
        (void)state;
        both_ask(0, 30);
        assert_int_equal(pair_lines(&owner), 0);
        make_rule(2, 2, 3);
        struct sign_key was = street.homes[2].device;
        request(1, 0, 30);
        street.homes[2].device = street.homes[1].device; /* in another household's name */
        request(2, 0, 30);
        street.homes[2].device = was;
        assert_int_equal(granted(), 0);
        safe_bring_paper(&owner, OWNER_V_ASKED, buf_span(&clips[0].manifest));
        assert_int_equal(pair_lines(&owner), 1);
}

/* Every byte of its line, changed: the ledger is broken, or the rule that stands is the one that was signed. */
static void test_flips(void **state) {
        (void)state;
        make_rule(2, 2, 3);
        struct book_rule was = owner.v.book->rule;
        for (size_t i = 0; i < owner.disk.ledger.n; i++) {
                struct book b;
                owner.disk.ledger.p[i] ^= 0x10;
                assert_int_equal(book_open(&b, &owner.io, &street.mesh, &street.homes[0].key.pub), 0);
                if (!b.broken && b.rule.there) {
                        assert_memory_equal(&b.rule.id, &was.id, sizeof(was.id));
                        assert_memory_equal(b.rule.homes, was.homes, sizeof(was.homes));
                        assert_int_equal(b.rule.expires, was.expires);
                }
                book_fini(&b);
                owner.disk.ledger.p[i] ^= 0x10;
        }
}

/* ---- its end ---- */

static void test_ends(void **state) {
        struct wire_c_none none = {0};
        (void)state;
        make_rule(2, 2, 3);
        request(1, 0, 30);
        safe_ask(&owner, OWNER_O_RULE_END, &none);
        request(2, 0, 30);
        assert_int_equal(granted(), 0);
        make_rule(2, 2, 3);
        owner.wall += MESH_DAY;
        both_ask(0, 0);
        owner.wall -= MESH_DAY; /* a clock that goes back revives nothing */
        both_ask(0, 30);
        assert_int_equal(granted(), 0);
}

/* The vault has seen its end, and stops, and the clock is early when it starts again. */
static void test_stays_over(void **state) {
        struct wire_c_none none = {0};
        (void)state;
        make_rule(2, 2, 3);
        owner.wall += MESH_DAY;
        owner.now = vault_deadline(&owner.v);
        vault_tick(&owner.v, owner.now);
        uint64_t lines = pair_lines(&owner);
        owner.wall -= MESH_DAY;
        safe_start(&owner);
        safe_ask(&owner, OWNER_O_STATE, &none);
        both_ask(0, 30);
        assert_int_equal(granted(), 0);
        vault_tick(&owner.v, owner.now + UINT64_C(3600) * 1000);
        assert_int_equal(pair_lines(&owner), lines); /* its end is said once */
}

/* With a passphrase: it acts while the vault is locked, and not after a restart or `vault lock`. */
static void test_locked(void **state) {
        struct wire_c_none none = {0};
        (void)state;
        restart_locked();
        ask_rule(2, 2, 3);
        pair_asked(&owner, "keeps your household's key in its memory");
        go(NULL);
        assert_string_equal(safe_error(&owner), "locked");
        go("correct horse");
        assert_true(safe_done(&owner));
        safe_forget(&owner);
        assert_false(vault_unlocked(&owner.v, owner.now));
        both_ask(0, 30);
        assert_int_equal(granted(), 2);
        safe_ask(&owner, OWNER_O_LOCK, &none);
        assert_null(owner.v.rule_key);
        both_ask(1, 30);
        assert_int_equal(granted(), 2);
}

static void test_restart_puts_to_sleep(void **state) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_c_none none = {0};
        union frame_message m;
        (void)state;
        restart_locked();
        ask_rule(2, 2, 3);
        go("correct horse");
        safe_start(&owner);
        safe_forget(&owner);
        both_ask(0, 30);
        assert_int_equal(granted(), 0);
        safe_ask(&owner, OWNER_O_RULES, &none);
        assert_true(safe_row(&owner, OWNER_O_RULE_ROW, &store, &m));
        assert_false(m.o_rule_row.awake);
}

/* The time passes and nobody asks: the key goes by itself. */
static void test_key_is_wiped(void **state) {
        (void)state;
        restart_locked();
        ask_rule(2, 2, 3);
        go("correct horse");
        assert_non_null(owner.v.rule_key);
        owner.wall += MESH_DAY;
        owner.now += 3600 * 1000;
        vault_tick(&owner.v, owner.now);
        assert_null(owner.v.rule_key);
}

/* Wherever the disk fails there is a grant's line before a key is wrapped, or there is neither. */
static void test_disk_fails(void **state) {
        (void)state;
        make_rule(2, 2, 3);
        owner.fails = 1;
        both_ask(0, 30);
        assert_int_equal(book_n_grants(owner.v.book), 0);
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                assert_false(owner.disk.blobs[i].there);
        safe_start(&owner);
        both_ask(0, 60); /* asked again, with a disk that writes */
        assert_int_equal(book_n_grants(owner.v.book), 2);
}

/* While the owner's tool has something in hand it waits, and then it acts. */
static void test_waits_for_its_turn(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_grant q = {.clip = pair_hex(&id, &clips[1].id), .purpose = SPAN_STR("x")};
        (void)state;
        make_rule(2, 2, 3);
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("Home AB"));
        safe_ask(&owner, OWNER_O_GRANT, &q);
        both_ask(0, 30);
        assert_int_equal(granted(), 0);
        vault_peer_gone(&owner.v, &owner.peer);
        owner.now = vault_deadline(&owner.v);
        vault_tick(&owner.v, owner.now);
        struct wire_c_none none = {0};
        safe_ask(&owner, OWNER_O_STATE, &none);
        assert_int_equal(granted(), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_made),
                TEST(test_not_made),
                TEST(test_two_of_two),
                TEST(test_who_is_named),
                TEST(test_too_late),
                TEST(test_before_the_rule),
                TEST(test_another_camera),
                TEST(test_removed_home),
                TEST(test_false_requests),
                TEST(test_flips),
                TEST(test_ends),
                TEST(test_stays_over),
                TEST(test_locked),
                TEST(test_restart_puts_to_sleep),
                TEST(test_key_is_wiped),
                TEST(test_disk_fails),
                TEST(test_waits_for_its_turn),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
