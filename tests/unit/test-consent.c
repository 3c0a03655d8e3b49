/* SPDX-License-Identifier: Apache-2.0 */
/* Grants: what the owner is asked, what the vault looks at itself, what it writes before the key is opened. */
#include "../support/pair.h"

#include "base/log.h"
#include "vault/book.h"

/* ---- sentences ---- */

static void test_sentence(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        struct wire_o_grant q = {.clip = pair_hex(&id, &clips[1].id), .purpose = SPAN_STR("the \"stolen\" bicycle")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("Home AB"));
        safe_ask(&owner, OWNER_O_GRANT, &q);
        pair_asked(&owner, "Give the clip ");
        pair_asked(&owner, "to the household \"Home AB\" (");
        pair_asked(&owner, "plays for 60 s and has 132.0 kB. It has sound. For: \"the 'stolen' bicycle\". Until ");
        assert_int_equal(pair_lines(&owner), 0); /* nothing is written before the yes */
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        assert_int_equal(pair_lines(&owner), 1);
        safe_ask(&owner, OWNER_O_GO, &go); /* one yes, one grant */
        assert_string_equal(safe_error(&owner), "nothing-to-confirm");
}

static void test_whom(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        static const struct {
                const char *to, *error;
        } rows[] = {{"Home AA", "grant-self"}, {"hub", "grant-here"}, {"nobody", "no-such-household"}};
        (void)state;
        struct wire_o_grant q = {.clip = pair_hex(&id, &clips[0].id), .purpose = SPAN_STR("x")};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                WIRE_PUT(&q, O_GRANT, to, span_str(rows[i].to));
                safe_ask(&owner, OWNER_O_GRANT, &q);
                assert_string_equal(safe_error(&owner), rows[i].error);
        }
        q.purpose = SPAN_STR("two\nlines");
        safe_ask(&owner, OWNER_O_GRANT, &q);
        assert_string_equal(safe_error(&owner), "bad-purpose");
        assert_int_equal(owner.disk.ledger.n, 0);
}

static void test_removed_recipient(void **state) {
        (void)state;
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 1), 0);
        assert_false(safe_grant(&owner, 0, 1, WEEK));
        assert_string_equal(safe_error(&owner), "gone");
}

/* ---- a daemon that holds something else ---- */

static void grant_fails(const char *error) {
        assert_false(safe_grant(&owner, 0, 1, WEEK));
        assert_string_equal(safe_error(&owner), error);
        assert_int_equal(pair_lines(&owner), 0);
}

static void test_false_clips(void **state) {
        struct safe_clip other, *mine = &clips[0];
        (void)state;
        owner.no_clip = true;
        grant_fails("no-such-clip");
        owner.no_clip = false;
        struct buf was = mine->manifest;
        mine->manifest = clips[1].manifest; /* another clip than was asked for */
        grant_fails("clip-false");
        mine->manifest = was;
        mine->manifest.p[mine->manifest.n - 1] ^= 1;
        grant_fails("clip-false");
        mine->manifest.p[mine->manifest.n - 1] ^= 1;
        street.homes[STREET_HOMES - 1].device = street.homes[0].device;
        street.homes[0].device = street.homes[2].device; /* a neighbour's device says that it is ours */
        safe_clip_make(&other, &street, &owner.seal.pub, 3, SMALL, false);
        street.homes[0].device = street.homes[STREET_HOMES - 1].device;
        struct safe_clip kept = *mine;
        *mine = other;
        grant_fails("clip-false");
        *mine = kept;
        safe_clip_fini(&other);
        mine->sealed.n = 0;
        grant_fails("no-clip-key");
        mine->sealed.n = CHUNK_SEALED;
}

/* The key in the box is not the manifest's: the line stands, and nothing leaves. */
static void test_other_key(void **state) {
        (void)state;
        struct buf was = clips[0].sealed;
        clips[0].sealed = clips[1].sealed;
        assert_false(safe_grant(&owner, 0, 1, WEEK));
        assert_string_equal(safe_error(&owner), "clip-key");
        assert_null(safe_heard(&owner, OWNER_V_GRANT));
        assert_int_equal(pair_state(&owner, 0), GRANTED_BROKEN_OFF);
        clips[0].sealed = was;
}

static void test_clock(void **state) {
        (void)state;
        owner.wall = 1000;
        grant_fails("no-clock");
        owner.wall = street.now;
}

/* ---- to whom ---- */

static void test_all(void **state) {
        (void)state;
        assert_true(safe_grant(&owner, 0, UINT32_MAX, WEEK));
        assert_int_equal(book_n_grants(owner.v.book), 2);
        assert_int_equal(pair_lines(&owner), 2);
        assert_memory_equal(book_grant_at(owner.v.book, 0)->to.b, street.homes[1].key.pub.b, 32);
        assert_memory_equal(book_grant_at(owner.v.book, 1)->to.b, street.homes[2].key.pub.b, 32);
}

/* Of many the tool hears in between, or it would give up; the last row has all. */
static void test_many(void **state) {
        const struct wire_number *row;
        union frame_message m;
        uint64_t told = 0, grants = 0;
        size_t used;
        (void)state;
        for (uint32_t i = 3; i < 40; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        owner.wall = street.now;
        assert_true(safe_grant(&owner, 0, UINT32_MAX, WEEK));
        struct span left = buf_span(&owner.peer.out), body;
        for (; left.n; left = span_from(left, used)) {
                assert_int_equal(frame_take(left, &body, &used), 0);
                assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
                if (row->number != OWNER_O_SHARED_ROW)
                        continue;
                assert_true(m.o_shared.grants > grants);
                grants = m.o_shared.grants;
                told++;
        }
        assert_int_equal(told, 3);
        assert_int_equal(grants, 39);
        assert_int_equal(pair_lines(&owner), 39);
        assert_true(safe_done(&owner));
}

static void test_locked(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        safe_fini(&owner);
        safe_init(&owner, &street, 0, clips, "correct horse");
        struct wire_o_grant q = {.clip = pair_hex(&id, &clips[0].id), .purpose = SPAN_STR("x")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("Home AB"));
        safe_ask(&owner, OWNER_O_GRANT, &q);
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_string_equal(safe_error(&owner), "locked");
        assert_int_equal(pair_lines(&owner), 0);
        WIRE_PUT(&go, O_GO, passphrase, SPAN_STR("correct horse"));
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        struct wire_o_read r = {.clip = pair_hex(&id, &clips[0].id)};
        safe_ask(&owner, OWNER_O_READ, &r);
        assert_string_equal(safe_error(&owner), "locked");
        assert_int_equal(pair_lines(&owner), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_sentence),    TEST(test_whom),      TEST(test_removed_recipient),
                TEST(test_false_clips), TEST(test_other_key), TEST(test_clock),
                TEST(test_all),         TEST(test_many),      TEST(test_locked),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
