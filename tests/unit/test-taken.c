/* SPDX-License-Identifier: Apache-2.0 */
/* The recipient's vault: which offers it signs for, and the keys that come. */
#include "../support/pair.h"

#include "base/log.h"
#include "vault/book.h"

static void test_two_vaults(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, id = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        pair_granted(&owner, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "");
        const struct safe_heard *signed_ = safe_heard(&friend, OWNER_V_SIGNED);
        assert_non_null(signed_);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&signed_->bytes));
        const struct safe_heard *key = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(key);
        struct wire_v_key msg = {.grant = SPAN_OF(key->grant.b), .blob = buf_span(&key->bytes)};
        safe_tell(&friend, OWNER_V_KEY, &msg);
        safe_start(&friend);
        assert_true(pair_reads(&friend, 1));
        assert_int_equal(pair_lines(&friend), 1); /* it looked at it */
        friend.wall += WEEK;
        assert_false(pair_reads(&friend, 1)); /* its time is over */
        friend.now += 3600 * 1000;
        vault_tick(&friend.v, friend.now);
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                assert_false(friend.disk.blobs[i].there);
}

static void test_false_key(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, blob = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        pair_granted(&owner, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "");
        struct hash grant = book_grant_at(owner.v.book, 0)->id;
        assert_true(box_seal(&blob, &friend.seal.pub, SPAN_OF(grant.b), SPAN_OF(clips[0].key.b), &street.rng));
        struct wire_v_key msg = {.grant = SPAN_OF(grant.b), .blob = buf_span(&blob)};
        safe_forget(&friend);
        safe_tell(&friend, OWNER_V_KEY, &msg);
        safe_bring_paper(&friend, OWNER_V_RECEIPT, buf_span(&paper)); /* a turn */
        assert_true(friend.n_heard > 0);
        assert_true(span_eq(buf_span(&friend.heard[0].bytes), SPAN_STR("clip-key")));
        assert_false(pair_reads(&friend, 1));
}

/* ---- a daemon that lies while nobody can look ---- */

static const char *bring_key(const struct hash *grant, struct span box) {
        struct wire_v_key msg = {.grant = SPAN_OF(grant->b), .blob = box};
        safe_forget(&friend);
        safe_bring(&friend, OWNER_V_KEY, &msg);
        if (safe_heard(&friend, OWNER_V_TOOK))
                return "";
        struct buf *name = &friend.heard[0].bytes;
        buf_add_u8(name, 0);
        return (const char *)name->p;
}

static void unlock(void) {
        struct wire_o_unlock q = {.passphrase = SPAN_STR("correct horse"), .seconds = 600};
        safe_ask(&friend, OWNER_O_UNLOCK, &q);
        assert_true(safe_done(&friend));
}

/* The friend's key is locked; the grant of clip 1 is accepted. In @ret[0] the right box, in the others wrong ones. */
static struct hash locked_friend(struct buf ret[3]) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_c_none none = {0};
        safe_fini(&friend);
        safe_init(&friend, &street, 1, clips, "correct horse");
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        pair_granted(&owner, &paper);
        struct hash grant = book_grant_at(owner.v.book, 0)->id;
        for (size_t i = 0; i < 3; i++) {
                const struct key other = {{(uint8_t)i}}, *key = i ? &other : &clips[1].key;
                assert_true(box_seal(&ret[i], &friend.seal.pub, SPAN_OF(grant.b), SPAN_OF(key->b), &street.rng));
        }
        unlock();
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "");
        safe_ask(&friend, OWNER_O_LOCK, &none);
        return grant;
}

/* In whatever order keys come while the vault is locked: what it once said it took it does not lose. */
static void test_key_is_not_lost(void **state) {
        static const unsigned orders[][3] = {{0, 1, 2}, {1, 0, 2}};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
                struct buf boxes[3] = {BUF_NULL, BUF_NULL, BUF_NULL};
                pair_tear_down(NULL);
                pair_set_up(NULL);
                struct hash grant = locked_friend(boxes);
                assert_string_equal(bring_key(&grant, buf_span(&boxes[orders[i][0]])), "");
                assert_string_equal(bring_key(&grant, buf_span(&boxes[orders[i][1]])), "");
                assert_string_equal(bring_key(&grant, buf_span(&boxes[orders[i][2]])), "locked");
                assert_string_equal(bring_key(&grant, buf_span(&boxes[orders[i][1]])), ""); /* again */
                safe_start(&friend);
                unlock();
                assert_true(pair_reads(&friend, 1));
                assert_string_equal(bring_key(&grant, buf_span(&boxes[2])), ""); /* and while it can look */
                assert_true(pair_reads(&friend, 1));
                for (size_t k = 0; k < 3; k++)
                        buf_fini(&boxes[k]);
        }
}

/* Two that are not it: once the vault is open the right one is taken. */
static void test_key_after_lies(void **state) {
        struct buf boxes[3] = {BUF_NULL, BUF_NULL, BUF_NULL};
        (void)state;
        struct hash grant = locked_friend(boxes);
        assert_string_equal(bring_key(&grant, buf_span(&boxes[1])), "");
        assert_string_equal(bring_key(&grant, buf_span(&boxes[2])), "");
        assert_string_equal(bring_key(&grant, buf_span(&boxes[0])), "locked");
        unlock();
        assert_false(pair_reads(&friend, 1));
        assert_string_equal(bring_key(&grant, buf_span(&boxes[0])), "");
        assert_true(pair_reads(&friend, 1));
        for (size_t k = 0; k < 3; k++)
                buf_fini(&boxes[k]);
}

/* PROTOCOL 15.13 */
static void test_false_offers(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, other = BUF_NULL;
        struct wire_grant g;
        struct hash id;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "grant-false");
        assert_string_equal(pair_accept(&friend, buf_span(&clips[1].manifest), buf_span(&clips[1].manifest)),
                            "grant-false");
        assert_int_equal(clip_read(CLIP_GRANT, buf_span(&paper), &street.mesh, &g, &id), 0);
        g.household = SPAN_OF(street.homes[2].key.pub.b); /* a member, but not whose clip it is */
        assert_int_equal(clip_sign(CLIP_GRANT, &g, &street.mesh, &street.homes[2].key, &other, &id), 0);
        assert_string_equal(pair_accept(&friend, buf_span(&other), buf_span(&clips[0].manifest)), "grant-false");
        buf_clear(&other);
        g.household = SPAN_OF(street.homes[0].key.pub.b);
        g.to = SPAN_OF(street.homes[2].key.pub.b);
        assert_int_equal(clip_sign(CLIP_GRANT, &g, &street.mesh, &street.homes[0].key, &other, &id), 0);
        assert_string_equal(pair_accept(&friend, buf_span(&other), buf_span(&clips[0].manifest)), "grant-not-ours");
        friend.wall += WEEK;
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "grant-expired");
        assert_null(safe_heard(&friend, OWNER_V_SIGNED));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_two_vaults),     TEST(test_false_key),    TEST(test_key_is_not_lost),
                TEST(test_key_after_lies), TEST(test_false_offers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
