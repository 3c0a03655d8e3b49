/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault says again to a daemon that has lost it, and how the key of a grant that is over goes. */
#include "../support/pair.h"

#include "base/log.h"

static size_t heard(const struct safe *s, enum wire_owner number) {
        size_t n = 0;
        for (size_t i = 0; i < s->n_heard; i++)
                n += s->heard[i].number == number;
        return n;
}

/* Asked from line @from on: so many grants, revocations and receipts. */
static void expect_said(struct safe *s, uint64_t from, size_t grants, size_t back, size_t receipts) {
        struct wire_v_papers q = {.from = from};
        safe_forget(s);
        safe_bring(s, OWNER_V_PAPERS, &q);
        assert_int_equal(heard(s, OWNER_V_GRANT), grants);
        assert_int_equal(heard(s, OWNER_V_REVOKED), back);
        assert_int_equal(heard(s, OWNER_V_SIGNED), receipts);
        assert_int_equal(heard(s, OWNER_V_RELEASE), 0);
        assert_int_equal(heard(s, OWNER_V_PAPERS_END), 1);
}

static void revoke(struct safe *s, size_t i) {
        assert_true(safe_revoke(s, &book_grant_at(s->v.book, i)->id));
}

static void keep(const struct safe *s, enum wire_owner number, struct buf *ret) {
        const struct safe_heard *h = safe_heard(s, number);
        assert_non_null(h);
        buf_clear(ret);
        buf_add(ret, buf_span(&h->bytes));
}

static size_t kept(const struct safe *s) {
        size_t n = 0;
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                n += s->disk.blobs[i].there;
        return n;
}

static void test_said_again(void **state) {
        (void)state;
        expect_said(&owner, 0, 0, 0, 0);
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        assert_true(safe_grant(&owner, 0, 2, WEEK));
        assert_true(safe_grant(&owner, 1, 1, 3600));
        expect_said(&owner, 0, 3, 0, 0);
        expect_said(&owner, 1, 2, 0, 0);
        expect_said(&owner, 1000, 0, 0, 0);
        revoke(&owner, 1);
        expect_said(&owner, 0, 2, 1, 0);
        safe_start(&owner);
        expect_said(&owner, 0, 2, 1, 0);
        owner.wall += 3600;
        expect_said(&owner, 0, 1, 1, 0);
        owner.wall += WEEK;
        expect_said(&owner, 0, 0, 0, 0);
        owner.wall -= WEEK; /* a clock that goes back revives nothing */
        expect_said(&owner, 0, 0, 0, 0);
}

/* A daemon that has lost the grant is told whom its end is for; where it was for an own device, nobody. */
static void test_whom_it_ends_for(void **state) {
        struct wire_v_papers q = {.from = 0};
        (void)state;
        assert_true(safe_grant(&owner, 0, 2, WEEK));
        revoke(&owner, 0);
        assert_memory_equal(safe_heard(&owner, OWNER_V_REVOKED)->grant.b, street.homes[2].key.pub.b, 32);
        safe_start(&owner);
        safe_forget(&owner);
        safe_bring(&owner, OWNER_V_PAPERS, &q);
        assert_memory_equal(safe_heard(&owner, OWNER_V_REVOKED)->grant.b, street.homes[2].key.pub.b, 32);
}

/* As long as its key has not come. */
static void test_receipts(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        keep(&owner, OWNER_V_GRANT, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "");
        keep(&friend, OWNER_V_SIGNED, &receipt);
        safe_start(&friend);
        expect_said(&friend, 0, 0, 0, 1);
        struct wire_v_paper msg = {.paper = buf_span(&receipt)};
        safe_bring(&owner, OWNER_V_RECEIPT, &msg);
        const struct safe_heard *key = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(key);
        struct wire_v_key box = {.grant = SPAN_OF(key->grant.b), .blob = buf_span(&key->bytes)};
        safe_bring(&friend, OWNER_V_KEY, &box);
        expect_said(&friend, 0, 0, 0, 0);
}

static void over(struct safe *s, const struct hash *grant, struct span paper, const char *no) {
        struct wire_v_over q = {.grant = SPAN_OF(grant->b)};
        if (paper.n)
                WIRE_PUT(&q, V_OVER, paper, paper);
        safe_forget(s);
        safe_bring(s, OWNER_V_OVER, &q);
        const struct safe_heard *h = safe_heard(s, no ? OWNER_V_REFUSED : OWNER_V_TOOK);
        assert_non_null(h);
        assert_true(hash_eq(&h->grant, grant));
        if (no)
                pair_refused(s, no);
}

/* A key that was taken goes at its end, or when its owner says so, and on nobody else's word. */
static void test_key_goes(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, back = BUF_NULL, false_back = BUF_NULL, id = BUF_NULL;
        struct hash paper_id;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        struct hash grant = book_grant_at(owner.v.book, 0)->id;
        keep(&owner, OWNER_V_GRANT, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "");
        assert_int_equal(kept(&friend), 1);
        over(&friend, &grant, SPAN_NONE, "grant-false"); /* its time is not over */
        struct wire_grant_over w = {
                .grant = SPAN_OF(grant.b), .household = SPAN_OF(street.homes[2].key.pub.b), .created = friend.wall};
        assert_int_equal(clip_sign(CLIP_GRANT_OVER, &w, &street.mesh, &street.homes[2].key, &false_back, &paper_id), 0);
        over(&friend, &grant, buf_span(&false_back), "grant-false");
        assert_true(safe_grant(&owner, 1, 1, WEEK)); /* the owner's word, about another grant */
        revoke(&owner, 1);
        keep(&owner, OWNER_V_REVOKED, &back);
        over(&friend, &grant, buf_span(&back), "grant-false");
        assert_int_equal(kept(&friend), 1);
        revoke(&owner, 0);
        keep(&owner, OWNER_V_REVOKED, &back);
        over(&friend, &grant, buf_span(&back), NULL);
        assert_int_equal(kept(&friend), 0);
        over(&friend, &grant, buf_span(&back), NULL); /* twice is once */
}

static void test_key_goes_at_its_end(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        struct hash grant = book_grant_at(owner.v.book, 0)->id;
        keep(&owner, OWNER_V_GRANT, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "");
        friend.wall += WEEK;
        over(&friend, &grant, SPAN_NONE, NULL);
        assert_int_equal(kept(&friend), 0);
}

/* What is said to be gone is: a key whose file was damaged goes as well. */
static void test_damaged_key_goes(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        struct hash grant = book_grant_at(owner.v.book, 0)->id;
        keep(&owner, OWNER_V_GRANT, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "");
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                if (friend.disk.blobs[i].there)
                        friend.disk.blobs[i].bytes.p[friend.disk.blobs[i].bytes.n / 2] ^= 1;
        assert_int_equal(kept(&friend), 1);
        over(&friend, &grant, SPAN_NONE, NULL);
        assert_int_equal(kept(&friend), 0);
        over(&friend, &grant, SPAN_NONE, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_set_up, pair_tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_said_again), TEST(test_whom_it_ends_for),    TEST(test_receipts),
                TEST(test_key_goes),   TEST(test_key_goes_at_its_end), TEST(test_damaged_key_goes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
