/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault says again to a daemon that has lost it, and how the key of a grant that is over goes. */
#include "../support/safe.h"

#include "base/text.h"
#include "vault/book.h"

#define WEEK (7 * (uint64_t)MESH_DAY)
#define SIZE 1000

static struct street street;
static struct safe owner, friend;
static struct safe_clip clips[SAFE_CLIPS];

/* Home 0 has clips, home 1 can open what it is given, home 2 is there. */
static int set_up(void **state) {
        struct box_key seal[2];
        (void)state;
        street_found(&street, 7, (struct wire_list){0});
        for (uint32_t i = 0; i < 2; i++) {
                struct key k = {{(uint8_t)(i + 1), 5}};
                box_key_from_secret(&seal[i], &k);
        }
        street.homes[1].seal = seal[1].pub;
        for (uint32_t i = 1; i < 3; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_make(&clips[i], &street, &seal[0].pub, i + 1, SIZE, false);
        safe_init(&owner, &street, 0, clips, NULL);
        safe_init(&friend, &street, 1, clips, NULL);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        safe_fini(&owner);
        safe_fini(&friend);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_fini(&clips[i]);
        street_end(&street);
        return 0;
}

static void tell(struct safe *s, enum wire_owner number, const void *msg) {
        struct wire_c_none none = {0};
        safe_tell(s, number, msg);
        safe_ask(s, OWNER_O_STATE, &none); /* a turn for it */
}

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
        tell(s, OWNER_V_PAPERS, &q);
        assert_int_equal(heard(s, OWNER_V_GRANT), grants);
        assert_int_equal(heard(s, OWNER_V_REVOKED), back);
        assert_int_equal(heard(s, OWNER_V_SIGNED), receipts);
        assert_int_equal(heard(s, OWNER_V_RELEASE), 0);
        assert_int_equal(heard(s, OWNER_V_PAPERS_END), 1);
}

static void revoke(struct safe *s, size_t i) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        text_hex(&id, SPAN_OF(book_grant_at(s->v.book, i)->id.b));
        struct wire_o_about q = {.id = buf_span(&id)};
        safe_ask(s, OWNER_O_REVOKE, &q);
        safe_ask(s, OWNER_O_GO, &go);
        assert_true(safe_done(s));
}

static void keep(const struct safe *s, enum wire_owner number, struct buf *ret) {
        const struct safe_heard *h = safe_heard(s, number);
        assert_non_null(h);
        buf_clear(ret);
        buf_add(ret, buf_span(&h->bytes));
}

static void accept(struct safe *s, struct span grant, struct span manifest) {
        struct wire_o_go go = {0};
        struct wire_o_accept q = {.grant = grant, .manifest = manifest};
        safe_ask(s, OWNER_O_ACCEPT, &q);
        safe_ask(s, OWNER_O_GO, &go);
        assert_true(safe_done(s));
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

/* As long as its key has not come. */
static void test_receipts(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        keep(&owner, OWNER_V_GRANT, &paper);
        accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest));
        keep(&friend, OWNER_V_SIGNED, &receipt);
        safe_start(&friend);
        expect_said(&friend, 0, 0, 0, 1);
        struct wire_v_paper msg = {.paper = buf_span(&receipt)};
        tell(&owner, OWNER_V_RECEIPT, &msg);
        const struct safe_heard *key = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(key);
        struct wire_v_key box = {.grant = SPAN_OF(key->grant.b), .blob = buf_span(&key->bytes)};
        tell(&friend, OWNER_V_KEY, &box);
        expect_said(&friend, 0, 0, 0, 0);
}

static void over(struct safe *s, const struct hash *grant, struct span paper, const char *no) {
        struct wire_v_over q = {.grant = SPAN_OF(grant->b)};
        if (paper.n)
                WIRE_PUT(&q, V_OVER, paper, paper);
        safe_forget(s);
        tell(s, OWNER_V_OVER, &q);
        const struct safe_heard *h = safe_heard(s, no ? OWNER_V_REFUSED : OWNER_V_TOOK);
        assert_non_null(h);
        assert_true(hash_eq(&h->grant, grant));
        if (no)
                assert_true(span_eq(buf_span(&h->bytes), span_str(no)));
}

/* A key that was taken goes at its end, or when its owner says so, and on nobody else's word. */
static void test_key_goes(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, back = BUF_NULL, false_back = BUF_NULL, id = BUF_NULL;
        struct hash paper_id;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        struct hash grant = book_grant_at(owner.v.book, 0)->id;
        keep(&owner, OWNER_V_GRANT, &paper);
        accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest));
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
        accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest));
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
        accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest));
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                if (friend.disk.blobs[i].there)
                        friend.disk.blobs[i].bytes.p[friend.disk.blobs[i].bytes.n / 2] ^= 1;
        assert_int_equal(kept(&friend), 1);
        over(&friend, &grant, SPAN_NONE, NULL);
        assert_int_equal(kept(&friend), 0);
        over(&friend, &grant, SPAN_NONE, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_said_again),          TEST(test_receipts),         TEST(test_key_goes),
                TEST(test_key_goes_at_its_end), TEST(test_damaged_key_goes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
