/* SPDX-License-Identifier: Apache-2.0 */
/* Who may bring which paper: what an honest home brings is fine, and each change of who, what and when is named. */
#include "papers-made.h"

#include "node/paper_rules.h"

static struct street street;

/* Home 0 owns a clip, home 1 is given it, home 2 is there. */
static int set_up(void **state) {
        (void)state;
        street_found(&street, 11, (struct wire_list){0});
        for (uint32_t i = 1; i < 3; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        street_end(&street);
        return 0;
}

/* Home @self looks at what home @bringer brings. */
static struct paper_eye eye(uint32_t self, uint32_t bringer) {
        return (struct paper_eye){.roster = street.sides[0],
                                  .self = street.homes[self].key.pub,
                                  .bringer = street.homes[bringer].key.pub,
                                  .now = street.now};
}

static enum paper_verdict looked(uint32_t self, uint32_t bringer, const struct buf *paper, const struct buf *clip) {
        struct paper_eye e = eye(self, bringer);
        struct paper_grant g;
        return paper_grant_read(&e, buf_span(paper), buf_span(clip), &g);
}

static void test_grants(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, clip = BUF_NULL, other = BUF_NULL;
        (void)state;
        struct hash id = made_manifest(&street, 0, 0, &clip);
        made_grant(&street, 0, 1, &id, street.now + DAY, &paper);
        assert_int_equal(looked(1, 0, &paper, &clip), PAPER_FINE);
        assert_int_equal(looked(1, 2, &paper, &clip), PAPER_JUNK); /* who passes it on */
        assert_int_equal(looked(2, 0, &paper, &clip), PAPER_JUNK); /* for somebody else */
        assert_int_equal(looked(1, 0, &clip, &clip), PAPER_JUNK);
        assert_int_equal(looked(1, 0, &paper, &other), PAPER_JUNK); /* no manifest came */
        made_manifest(&street, 0, 0, &other);
        other.p[other.n - 1] ^= 1;
        assert_int_equal(looked(1, 0, &paper, &other), PAPER_JUNK);
        paper.p[paper.n - 1] ^= 1;
        assert_int_equal(looked(1, 0, &paper, &clip), PAPER_JUNK);
        made_grant(&street, 0, 1, &some, street.now + DAY, &paper); /* of another clip than it comes with */
        assert_int_equal(looked(1, 0, &paper, &clip), PAPER_JUNK);
        made_grant(&street, 0, 1, &id, street.now, &paper);
        assert_int_equal(looked(1, 0, &paper, &clip), PAPER_LATE);
        made_grant(&street, 0, 0, &id, street.now + DAY, &paper); /* for a device of the owner's own */
        assert_int_equal(looked(1, 0, &paper, &clip), PAPER_JUNK);
}

static enum paper_verdict leave(uint32_t asker, const struct key *device, const struct hash *clip,
                                const struct buf *paper) {
        struct paper_eye e = eye(0, asker);
        struct wire_grant g;
        struct hash id;
        return paper_leave_read(&e, buf_span(paper), clip, device, &g, &id);
}

/* A grant is leave for the household it names, for its clip, in its time, and for nobody and nothing else. */
static void test_leave(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        const struct key *device = &street.homes[1].device.pub;
        const struct hash other = {{8}};
        (void)state;
        made_grant(&street, 0, 1, &some, street.now + DAY, &paper);
        assert_int_equal(leave(1, device, &some, &paper), PAPER_FINE);
        assert_int_equal(leave(2, device, &some, &paper), PAPER_JUNK); /* who has got hold of it */
        assert_int_equal(leave(1, device, &other, &paper), PAPER_JUNK);
        paper.p[paper.n - 70] ^= 1;
        assert_int_equal(leave(1, device, &some, &paper), PAPER_JUNK);
        made_grant(&street, 0, 1, &some, street.now, &paper);
        assert_int_equal(leave(1, device, &some, &paper), PAPER_LATE);
        made_grant(&street, 0, 0, &some, street.now + DAY, &paper); /* for one device of the owner's own */
        assert_int_equal(leave(0, &street.homes[0].device.pub, &some, &paper), PAPER_FINE);
        assert_int_equal(leave(0, device, &some, &paper), PAPER_JUNK);
        made_grant(&street, 7, 1, &some, street.now + DAY, &paper);
        assert_int_equal(leave(1, device, &some, &paper), PAPER_JUNK); /* signed by who is no member */
}

/* A clip of the one home, granted by another, or signed by another home's device. */
static void test_clips_of_others(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, clip = BUF_NULL;
        (void)state;
        struct hash id = made_manifest(&street, 0, 0, &clip);
        made_grant(&street, 2, 1, &id, street.now + DAY, &paper);
        assert_int_equal(looked(1, 2, &paper, &clip), PAPER_JUNK);
        id = made_manifest(&street, 2, 0, &clip); /* its household's name, and a device that is not theirs */
        made_grant(&street, 2, 1, &id, street.now + DAY, &paper);
        assert_int_equal(looked(1, 2, &paper, &clip), PAPER_JUNK);
}

/* A device that took the clip in may be gone since. */
static void test_revoked_device(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, clip = BUF_NULL;
        struct sign_key laptop;
        (void)state;
        sign_key_from_seed(&laptop, (const uint8_t[32]){9, 9});
        assert_int_equal(street_device_add(&street, 0, 0, &laptop), 0);
        street.homes[0].device = laptop;
        struct hash id = made_manifest(&street, 0, 0, &clip);
        made_grant(&street, 0, 1, &id, street.now + DAY, &paper);
        assert_int_equal(looked(1, 0, &paper, &clip), PAPER_FINE);
        assert_int_equal(street_device_revoke(&street, 0, 0, &laptop.pub, NULL), 0);
        assert_int_equal(looked(1, 0, &paper, &clip), PAPER_FINE);
}

static void test_taken_back(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_grant_over got;
        struct paper_eye owner = eye(1, 0), other = eye(1, 2);
        struct hash id;
        (void)state;
        made_back(&street, 0, &some, street.now, &paper);
        assert_int_equal(paper_over_read(&owner, buf_span(&paper), &got, &id), PAPER_FINE);
        assert_int_equal(paper_over_read(&other, buf_span(&paper), &got, &id), PAPER_JUNK);
        paper.p[paper.n - 1] ^= 1;
        assert_int_equal(paper_over_read(&owner, buf_span(&paper), &got, &id), PAPER_JUNK);
}

static void test_receipts(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_receipt got;
        struct paper_eye recipient = eye(0, 1), other = eye(0, 2);
        struct hash id;
        (void)state;
        made_receipt(&street, 1, &some, &some, &paper);
        assert_int_equal(paper_receipt_read(&recipient, buf_span(&paper), &got, &id), PAPER_FINE);
        assert_int_equal(paper_receipt_read(&other, buf_span(&paper), &got, &id), PAPER_JUNK);
        assert_int_equal(paper_receipt_read(&recipient, SPAN_STR("no paper"), &got, &id), PAPER_JUNK);
}

static void test_attestations(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_attest w = {.grant = SPAN_OF(some.b),
                                .device = SPAN_OF(street.homes[1].device.pub.b),
                                .what = ATTESTED_DELETED,
                                .created = street.now},
                           got;
        struct paper_eye recipient = eye(0, 1), other = eye(0, 2);
        struct hash id;
        (void)state;
        made(&street, CLIP_ATTEST, &w, &street.homes[1].device, &paper);
        assert_int_equal(paper_attest_read(&recipient, buf_span(&paper), &got, &id), PAPER_FINE);
        assert_int_equal(paper_attest_read(&other, buf_span(&paper), &got, &id), PAPER_JUNK);
        w.what = 15;
        made(&street, CLIP_ATTEST, &w, &street.homes[1].device, &paper);
        assert_int_equal(paper_attest_read(&recipient, buf_span(&paper), &got, &id), PAPER_JUNK);
}

static void test_requests(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_request w = {.clip = SPAN_OF(some.b),
                                 .household = SPAN_OF(street.homes[1].key.pub.b),
                                 .device = SPAN_OF(street.homes[1].device.pub.b),
                                 .created = street.now,
                                 .expires = street.now + DAY},
                            got;
        struct paper_eye asker = eye(0, 1), other = eye(0, 2);
        struct hash id;
        (void)state;
        made(&street, CLIP_REQUEST, &w, &street.homes[1].device, &paper);
        assert_int_equal(paper_request_read(&asker, buf_span(&paper), &got, &id), PAPER_FINE);
        assert_int_equal(paper_request_read(&other, buf_span(&paper), &got, &id), PAPER_JUNK);
        asker.now += DAY;
        assert_int_equal(paper_request_read(&asker, buf_span(&paper), &got, &id), PAPER_LATE);
        asker.now -= DAY + 601; /* made in the future */
        assert_int_equal(paper_request_read(&asker, buf_span(&paper), &got, &id), PAPER_EARLY);
        asker.now = street.now;
        w.household = SPAN_OF(street.homes[2].key.pub.b); /* in another home's name */
        made(&street, CLIP_REQUEST, &w, &street.homes[1].device, &paper);
        assert_int_equal(paper_request_read(&asker, buf_span(&paper), &got, &id), PAPER_JUNK);
        assert_int_equal(paper_request_read(&other, buf_span(&paper), &got, &id), PAPER_JUNK);
}

/* ---- between devices of one household ---- */

static enum paper_verdict own_looked(struct paper_eye e, const struct hash *id, const struct buf *clip) {
        static const uint8_t sealed[80] = {1}, salt[32] = {2};
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_own_clip w = {
                .clip = SPAN_OF(id->b), .sealed = SPAN_OF(sealed), .camera = SPAN_STR("garden"), .salt = SPAN_OF(salt)};
        struct paper_own own;
        codec_encode(&wire_own_clip_desc, &w, &paper);
        return paper_own_read(&e, buf_span(&paper), buf_span(clip), &own);
}

/* A laptop of home 0 brings the hub its clip. Nobody else does, and it brings no other's. */
static void test_own_clips(void **state) {
        _clean_(buf_fini) struct buf clip = BUF_NULL, hub = BUF_NULL, theirs = BUF_NULL;
        struct sign_key laptop;
        (void)state;
        sign_key_from_seed(&laptop, (const uint8_t[32]){9, 9});
        struct hash hubs = made_manifest(&street, 0, 0, &hub), other = made_manifest(&street, 0, 1, &theirs);
        assert_int_equal(street_device_add(&street, 0, 0, &laptop), 0);
        struct sign_key was = street.homes[0].device;
        street.homes[0].device = laptop;
        struct hash id = made_manifest(&street, 0, 0, &clip);
        struct paper_eye e = eye(0, 0), stranger = eye(0, 1), elsewhere = eye(1, 0);
        e.device = elsewhere.device = laptop.pub;
        stranger.device = street.homes[1].device.pub;
        assert_int_equal(own_looked(e, &id, &clip), PAPER_FINE);
        assert_int_equal(own_looked(e, &some, &clip), PAPER_JUNK);           /* the key of another */
        assert_int_equal(own_looked(e, &hubs, &hub), PAPER_JUNK);            /* a clip of another own device */
        assert_int_equal(own_looked(stranger, &id, &clip), PAPER_JUNK);      /* passed on by another household … */
        assert_int_equal(own_looked(stranger, &other, &theirs), PAPER_JUNK); /* … or its own, in this one's name */
        assert_int_equal(own_looked(elsewhere, &id, &clip), PAPER_JUNK);     /* of one's own home to another */
        clip.p[clip.n - 1] ^= 1;
        assert_int_equal(own_looked(e, &id, &clip), PAPER_JUNK);
        clip.p[clip.n - 1] ^= 1;
        street.homes[0].device = was;
        assert_int_equal(street_device_revoke(&street, 0, 0, &laptop.pub, NULL), 0);
        assert_int_equal(own_looked(e, &id, &clip),
                         PAPER_JUNK); /* its link went with it; and nothing was left on the way */
}

/* A clip is gone where it was taken in, or is to go there: the first that device says of its own, the second the main one. */
static void test_own_ends(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        const struct key laptop = {{9}}, hub = street.homes[0].device.pub;
        struct wire_own_gone w = {.clip = SPAN_OF(some.b), .device = SPAN_OF(laptop.b)};
        struct paper_eye from_laptop = eye(0, 0), from_hub = eye(0, 0), stranger = eye(0, 1);
        struct hash id;
        (void)state;
        from_laptop.device = laptop;
        from_hub.device = hub;
        stranger.device = laptop;
        codec_encode(&wire_own_gone_desc, &w, &paper);
        struct span said = buf_span(&paper);
        assert_int_equal(paper_gone_read(&from_laptop, said, &id), PAPER_FINE);
        assert_memory_equal(&id, &some, sizeof(id));
        assert_int_equal(paper_gone_read(&from_hub, said, &id), PAPER_JUNK);
        assert_int_equal(paper_gone_read(&stranger, said, &id), PAPER_JUNK);
        assert_int_equal(paper_gone_read(&from_laptop, span_of(said.p, said.n - 1), &id), PAPER_JUNK);
        assert_int_equal(paper_destroy_read(&from_hub, &hub, &laptop, said, &id), PAPER_FINE);
        assert_int_equal(paper_destroy_read(&from_laptop, &hub, &laptop, said, &id), PAPER_JUNK);
        assert_int_equal(paper_destroy_read(&stranger, &laptop, &laptop, said, &id), PAPER_JUNK);
        assert_int_equal(paper_destroy_read(&from_hub, NULL, &laptop, said, &id),
                         PAPER_JUNK); /* it is the main one no more */
        assert_int_equal(paper_destroy_read(&from_hub, &hub, &hub, said, &id), PAPER_JUNK); /* for another device */
}

/* A clip that the main device shares with a further one: only that brings it, only to that device, and only of this household. */
static void test_own_grants(void **state) {
        _clean_(buf_fini) struct buf clip = BUF_NULL, theirs = BUF_NULL, paper = BUF_NULL, none = BUF_NULL;
        const struct key hub = street.homes[0].device.pub, laptop = {{9}};
        struct paper_eye from_hub = eye(0, 0), from_laptop = eye(0, 0), stranger = eye(0, 1);
        struct paper_grant got;
        (void)state;
        from_hub.device = hub;
        from_laptop.device = laptop;
        stranger.device = hub;
        const struct hash id = made_manifest(&street, 0, 0, &clip), other = made_manifest(&street, 1, 1, &theirs);
        made_grant(&street, 0, 0, &id, street.now + DAY,
                   &paper); /* it names the hub: the rules do not look which is which */
        struct span said = buf_span(&paper), m = buf_span(&clip);
        assert_int_equal(paper_own_grant_read(&from_hub, &hub, &hub, said, m, &got), PAPER_FINE);
        assert_memory_equal(&got.clip, &id, sizeof(id));
        assert_int_equal(paper_own_grant_read(&from_hub, &hub, &laptop, said, m, &got),
                         PAPER_JUNK); /* not this device */
        assert_int_equal(paper_own_grant_read(&from_laptop, &hub, &hub, said, m, &got), PAPER_JUNK);
        assert_int_equal(paper_own_grant_read(&from_hub, NULL, &hub, said, m, &got),
                         PAPER_JUNK); /* it is not the main one */
        assert_int_equal(paper_own_grant_read(&stranger, &hub, &hub, said, m, &got), PAPER_JUNK);
        assert_int_equal(paper_own_grant_read(&from_hub, &hub, &hub, said, buf_span(&theirs), &got), PAPER_JUNK);
        assert_int_equal(paper_own_grant_read(&from_hub, &hub, &hub, said, buf_span(&none), &got), PAPER_JUNK);
        made_grant(&street, 0, 0, &id, street.now - 1, &paper);
        assert_int_equal(paper_own_grant_read(&from_hub, &hub, &hub, buf_span(&paper), m, &got), PAPER_LATE);
        made_grant(&street, 0, 0, &other, street.now + DAY, &paper); /* a neighbour's clip is not ours to share */
        assert_int_equal(paper_own_grant_read(&from_hub, &hub, &hub, buf_span(&paper), buf_span(&theirs), &got),
                         PAPER_JUNK);
        made_grant(&street, 0, 1, &id, street.now + DAY, &paper); /* for another household: it names no device */
        assert_int_equal(paper_own_grant_read(&from_hub, &hub, &hub, buf_span(&paper), m, &got), PAPER_JUNK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_grants),    TEST(test_clips_of_others), TEST(test_revoked_device), TEST(test_taken_back),
                TEST(test_receipts),  TEST(test_attestations),    TEST(test_requests),       TEST(test_leave),
                TEST(test_own_clips), TEST(test_own_ends),        TEST(test_own_grants),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
