/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts and what leaves the vault behind them; the end of grants; the word of the recipient's device. */
#include "../support/pair.h"

#include "base/log.h"
#include "vault/book.h"

static void test_release(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL, again = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        assert_null(safe_heard(&owner, OWNER_V_RELEASE));
        pair_granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall + 5, &receipt);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        const struct safe_heard *h = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(h);
        assert_true(pair_opens(&friend.seal, h, &clips[0].key));
        assert_int_equal(pair_lines(&owner), 3);
        buf_add(&again, buf_span(&h->bytes));
        safe_start(&owner); /* and after a restart */
        safe_forget(&owner);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        h = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(h);
        assert_true(span_eq(buf_span(&h->bytes), buf_span(&again)));
        assert_int_equal(pair_lines(&owner), 3);
        assert_int_equal(pair_state(&owner, 0), GRANTED_RELEASED);
}

static void test_false_receipts(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, right = BUF_NULL, wrong = BUF_NULL, late = BUF_NULL;
        struct wire_grant g;
        struct hash id, receipt;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &right);
        safe_receipt(&street, buf_span(&paper), 2, owner.wall, &wrong); /* a neighbour who was not asked */
        pair_no_release(buf_span(&wrong), "receipt-false");
        right.p[right.n - 1] ^= 1;
        pair_no_release(buf_span(&right), "receipt-false");
        right.p[right.n - 1] ^= 1;
        safe_receipt(&street, buf_span(&paper), 1, owner.wall + WEEK, &late);
        pair_no_release(buf_span(&late), "receipt-false");
        assert_int_equal(clip_read(CLIP_GRANT, buf_span(&paper), &street.mesh, &g, &id), 0);
        struct wire_receipt w = {.grant = SPAN_OF(id.b), /* the right grant, for another clip */
                                 .clip = SPAN_OF(clips[1].id.b),
                                 .household = SPAN_OF(street.homes[1].key.pub.b),
                                 .created = owner.wall};
        buf_clear(&wrong);
        assert_int_equal(clip_sign(CLIP_RECEIPT, &w, &street.mesh, &street.homes[1].key, &wrong, &receipt), 0);
        pair_no_release(buf_span(&wrong), "receipt-false");
        w.grant = SPAN_OF(clips[0].id.b);
        buf_clear(&wrong);
        assert_int_equal(clip_sign(CLIP_RECEIPT, &w, &street.mesh, &street.homes[1].key, &wrong, &receipt), 0);
        pair_no_release(buf_span(&wrong), "no-such-grant");
        assert_int_equal(pair_lines(&owner), 1);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&right));
        assert_non_null(safe_heard(&owner, OWNER_V_RELEASE));
}

static void test_revoke(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        struct hash id;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &paper);
        id = book_grant_at(owner.v.book, 0)->id;
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        assert_true(safe_revoke(&owner, &id));
        assert_non_null(safe_heard(&owner, OWNER_V_REVOKED));
        pair_no_release(buf_span(&receipt), "grant-revoked");
        safe_start(&owner);
        pair_no_release(buf_span(&receipt), "grant-revoked");
        assert_false(safe_revoke(&owner, &id));
        assert_string_equal(safe_error(&owner), "grant-revoked");
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                assert_false(owner.disk.blobs[i].there);
}

/* The recipient signs between the sentence and the owner's yes: the grant ends, and the owner hears that the key had left. */
static void test_revoke_too_late(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL, id = BUF_NULL, store = BUF_NULL;
        struct wire_o_go go = {0};
        union frame_message m;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &paper);
        struct wire_o_about q = {.id = pair_hex(&id, &book_grant_at(owner.v.book, 0)->id)};
        safe_ask(&owner, OWNER_O_REVOKE, &q);
        pair_asked(&owner, "has not left yet");
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        assert_non_null(safe_heard(&owner, OWNER_V_RELEASE));
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_row(&owner, OWNER_O_DONE, &store, &m));
        assert_true(WIRE_HAS(&m.c_done, C_DONE, warning));
        assert_int_equal(pair_state(&owner, 0), GRANTED_REVOKED);
        pair_no_release(buf_span(&receipt), "grant-revoked");
}

/* What is over stays over, whatever the clock says later, and wherever the vault was stopped. */
static void test_expiry(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        mesh_wall began = owner.wall;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, 3600));
        pair_granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        owner.wall = began + 3600;
        pair_no_release(buf_span(&receipt), "grant-expired");
        owner.wall = began;
        pair_no_release(buf_span(&receipt), "grant-expired");
        safe_start(&owner);
        pair_no_release(buf_span(&receipt), "grant-broken-off"); /* its key is gone for good */
        assert_int_equal(pair_lines(&owner), 1);
}

/* Nor where the disk does not let go of what was wrapped: then a line says it. */
static void test_expiry_on_a_bad_disk(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        mesh_wall began = owner.wall;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, 3600));
        pair_granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        for (unsigned i = 0; i < 2; i++) {
                owner.wall = began + 3600;
                owner.fails = 1;
                safe_spared = true; /* one is enough: of two failures nobody remembers anything */
                vault_tick(&owner.v, owner.now += UINT64_C(3600) * 1000);
                safe_spared = false;
                owner.fails = 0;
                owner.wall = began;
                safe_start(&owner);
                pair_no_release(buf_span(&receipt), "grant-expired");
                assert_int_equal(pair_lines(&owner), 2);
        }
}

static void test_expiry_by_itself(void **state) {
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, 3600));
        vault_tick(&owner.v, owner.now);
        assert_true(owner.disk.blobs[0].there);
        mesh_time due = vault_deadline(&owner.v);
        assert_true(due > owner.now && due <= owner.now + 3600 * 1000);
        owner.wall += 3600;
        owner.now = due;
        vault_tick(&owner.v, owner.now);
        assert_false(owner.disk.blobs[0].there);
}

static void attest(struct safe *s, enum wire_e_attested what, uint32_t by, struct buf *ret) {
        struct hash id;
        struct wire_attest w = {.grant = SPAN_OF(book_grant_at(s->v.book, 0)->id.b),
                                .device = SPAN_OF(street.homes[by].device.pub.b),
                                .what = what,
                                .created = s->wall};
        buf_clear(ret);
        assert_int_equal(clip_sign(CLIP_ATTEST, &w, &street.mesh, &street.homes[by].device, ret, &id), 0);
}

static void test_attest(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL, word = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &paper);
        attest(&owner, ATTESTED_DELETED, 1, &word);
        safe_bring_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        pair_refused(&owner, "attest-false"); /* nothing was released */
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        attest(&owner, ATTESTED_COMPLETE, 2, &word);
        safe_bring_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        pair_refused(&owner, "attest-false"); /* another home's device */
        attest(&owner, ATTESTED_COMPLETE, 1, &word);
        safe_forget(&owner);
        safe_bring_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        assert_non_null(safe_heard(&owner, OWNER_V_TOOK));
        assert_int_equal(pair_state(&owner, 0), GRANTED_COMPLETE);
        owner.wall += WEEK;
        assert_int_equal(pair_state(&owner, 0), GRANTED_OVERDUE);
        attest(&owner, ATTESTED_DELETED, 1, &word);
        safe_bring_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        safe_bring_paper(&owner, OWNER_V_ATTEST, buf_span(&word)); /* twice the same does no harm */
        assert_int_equal(pair_state(&owner, 0), GRANTED_DELETED);
        assert_int_equal(pair_lines(&owner), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_release),
                TEST(test_false_receipts),
                TEST(test_revoke),
                TEST(test_revoke_too_late),
                TEST(test_expiry),
                TEST(test_expiry_by_itself),
                TEST(test_expiry_on_a_bad_disk),
                TEST(test_attest),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
