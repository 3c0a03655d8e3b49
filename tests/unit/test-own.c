/* SPDX-License-Identifier: Apache-2.0 */
/* Clips that a household shares with its own further device: the main vault, and that device's. */
#include "../support/pair.h"

#include "base/log.h"
#include "vault/book.h"

/* Home 0's laptop is played by `friend`, whose daemon has the device key of home 1. */
#define MEANWHILE 3600

static struct sign_key laptop;
static struct box_key mine; /* what is sealed to it */

static int set_up(void **state) {
        static const uint8_t secret[32] = {66};
        static const struct key box = {{67}};
        int r = pair_set_up(state);
        sign_key_from_seed(&laptop, secret);
        box_key_from_secret(&mine, &box);
        assert_int_equal(street_device_add(&street, 0, 0, &laptop), 0);
        owner.wall = friend.wall = street.now;
        return r;
}

/* ---- the main device ---- */

/* The receipt that the vault signed for it, in @receipt. */
static struct hash share(size_t clip, struct buf *receipt) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        struct wire_o_grant q = {.clip = pair_hex(&id, &clips[clip].id), .purpose = SPAN_STR("to look at it")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("laptop"));
        safe_forget(&owner);
        safe_ask(&owner, OWNER_O_GRANT, &q);
        pair_asked(&owner, "own device \"laptop\" (");
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        const struct safe_heard *h = safe_heard(&owner, OWNER_V_GRANT);
        assert_non_null(h);
        buf_add(receipt, buf_span(&h->more));
        assert_true(receipt->n > 0);
        return book_grant_at(owner.v.book, book_n_grants(owner.v.book) - 1)->id;
}

/* The key stays until the device brings the receipt back, and comes again when that does. */
static void test_key_waits(void **state) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL;
        (void)state;
        share(0, &receipt);
        assert_null(safe_heard(&owner, OWNER_V_RELEASE));
        assert_int_equal(pair_lines(&owner), 2);
        assert_true(book_grant_at(owner.v.book, 0)->to_device);
        for (unsigned i = 0; i < 2; i++) {
                safe_forget(&owner);
                safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
                assert_non_null(safe_heard(&owner, OWNER_V_RELEASE));
                assert_int_equal(pair_lines(&owner), 3);
        }
}

static void test_said_again(void **state) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL;
        struct wire_v_papers q = {.from = 0};
        (void)state;
        share(0, &receipt);
        safe_start(&owner);
        safe_forget(&owner);
        safe_bring(&owner, OWNER_V_PAPERS, &q);
        const struct safe_heard *h = safe_heard(&owner, OWNER_V_GRANT);
        assert_non_null(h);
        assert_true(span_eq(buf_span(&h->more), buf_span(&receipt)));
        assert_int_equal(owner.n_heard, 3); /* beside that there is no rule, and that this was all */
}

static void test_taken_back(void **state) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL;
        (void)state;
        struct hash grant = share(0, &receipt);
        safe_forget(&owner);
        assert_true(safe_revoke(&owner, &grant));
        const struct safe_heard *h = safe_heard(&owner, OWNER_V_REVOKED);
        assert_non_null(h);
        assert_memory_equal(h->grant.b, laptop.pub.b, sizeof(h->grant.b)); /* that device hears of it */
        pair_no_release(buf_span(&receipt), "grant-revoked");
}

/* A daemon that says another device is here does not get the main one's key used. */
static void test_never_to_main(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_v_device lie = {.sign = SPAN_OF(laptop.pub.b),
                                    .noise = SPAN_OF(laptop.pub.b),
                                    .seal = SPAN_OF(laptop.pub.b),
                                    .in_mesh = true};
        struct wire_o_grant q = {.clip = pair_hex(&id, &clips[0].id), .purpose = SPAN_STR("x")};
        (void)state;
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("hub"));
        safe_tell(&owner, OWNER_V_DEVICE, &lie);
        safe_ask(&owner, OWNER_O_GRANT, &q);
        assert_string_equal(safe_error(&owner), "grant-here");
}

/* What was shared is taken back before the operation is signed: of what has left the sentence says how much. */
static void test_device_revoked(void **state) {
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL;
        struct wire_o_op q = {.type = OP_DEVICE_REVOKE};
        struct wire_o_go go = {0};
        (void)state;
        share(0, &first);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&first));
        share(1, &second);
        WIRE_PUT(&q, O_OP, target, SPAN_STR("laptop"));
        safe_ask(&owner, OWNER_O_OP, &q);
        pair_asked(&owner, "The key of 1 clip that you shared with it has left");
        safe_ask(&owner, OWNER_O_GO, &go);
        for (size_t i = 0; i < 2; i++)
                assert_true(book_grant_at(owner.v.book, i)->revoked);
        assert_int_equal(pair_lines(&owner), 7);
        pair_no_release(buf_span(&first), "grant-revoked");
        pair_no_release(buf_span(&second), "grant-revoked");
}

static void revoke_laptop(void) {
        struct wire_o_op q = {.type = OP_DEVICE_REVOKE};
        struct wire_o_go go = {0};
        WIRE_PUT(&q, O_OP, target, SPAN_STR("laptop"));
        safe_forget(&owner);
        safe_ask(&owner, OWNER_O_OP, &q);
        assert_string_equal(safe_error(&owner), "");
        safe_ask(&owner, OWNER_O_GO, &go);
}

/* A disk that is full is not for ever: the grant would stand again. A ledger that is damaged stays so, and keeps nobody from
 * revoking a laptop that was lost. */
static void test_device_revoked_without_ledger(void **state) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL;
        (void)state;
        struct hash grant = share(0, &receipt);
        safe_forget(&owner);
        owner.fails = 8;
        assert_false(safe_revoke(&owner, &grant));
        owner.fails = 0;
        revoke_laptop();
        assert_string_equal(safe_error(&owner), "ledger-stuck");
        assert_null(safe_heard(&owner, OWNER_V_OP));
        safe_start(&owner);
        revoke_laptop();
        assert_non_null(safe_heard(&owner, OWNER_V_OP));
        assert_true(book_grant_at(owner.v.book, 0)->revoked);
        owner.disk.ledger.p[20] ^= 1;
        safe_start(&owner);
        revoke_laptop();
        assert_non_null(safe_heard(&owner, OWNER_V_OP));
}

static void ask_destroy(size_t clip) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_about q = {.id = pair_hex(&id, &clips[clip].id)};
        safe_forget(&owner);
        safe_ask(&owner, OWNER_O_DESTROY, &q);
}

/* What was shared is taken back before the line says that the clip is gone, and the device hears of it. */
static void test_clip_destroyed(void **state) {
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        share(0, &first);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, buf_span(&first));
        share(1, &second);
        ask_destroy(0);
        pair_asked(&owner, "What you shared with your own devices is taken back");
        safe_ask(&owner, OWNER_O_GO, &go);
        const struct safe_heard *h = safe_heard(&owner, OWNER_V_REVOKED);
        assert_non_null(h);
        assert_memory_equal(h->grant.b, laptop.pub.b, sizeof(h->grant.b));
        assert_non_null(safe_heard(&owner, OWNER_V_DESTROY));
        assert_true(book_grant_at(owner.v.book, 0)->revoked && book_grant_at(owner.v.book, 0)->destroyed);
        assert_false(book_grant_over(book_grant_at(owner.v.book, 1)));
        assert_int_equal(pair_lines(&owner), 7);
        pair_no_release(buf_span(&first), "grant-revoked");
}

/* A clip that no own device has is destroyed without its grants being touched. */
static void test_destroyed_unshared(void **state) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL, store = BUF_NULL;
        union frame_message m;
        struct wire_o_go go = {0};
        (void)state;
        struct hash grant = share(0, &receipt);
        assert_true(safe_revoke(&owner, &grant));
        ask_destroy(0);
        assert_true(safe_row(&owner, OWNER_O_SENTENCE, &store, &m));
        assert_null(memmem(m.o_sentence.text.p, m.o_sentence.text.n, "own devices", 11));
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_non_null(safe_heard(&owner, OWNER_V_DESTROY));
        assert_null(safe_heard(&owner, OWNER_V_REVOKED));
        assert_int_equal(pair_lines(&owner), 4);
}

/* ---- a further device ---- */

/* `friend` becomes the laptop; @passphrase NULL: its key is plain. */
static void become_laptop(const char *passphrase) {
        struct keyfile_secret secret = {.seal = mine.secret};
        struct keyfile head = {
                .lock = passphrase ? KEYFILE_LOCKED : KEYFILE_PLAIN,
                .state = KEYFILE_DEVICE,
                .owner = 1000,
                .mesh = street.mesh,
                .household = street.homes[0].key.pub,
                .seal = mine.pub,
                .passes = passphrase ? 1 : 0,
                .memory_kib = passphrase ? KEYFILE_MEMORY_KIB_MIN : 0,
        };
        buf_clear(&friend.disk.key);
        assert_int_equal(keyfile_encode(&friend.disk.key, &head, &secret, span_str(passphrase), &friend.rng), 0);
        safe_start(&friend);
}

struct papers {
        struct hash grant;
        struct buf paper, receipt, box;
};

static void papers_fini(struct papers *p) {
        buf_fini(&p->paper);
        buf_fini(&p->receipt);
        buf_fini(&p->box);
}

/* Clip 0 for @device, signed by home @by; the receipt by home @receipt. */
static void papers_make(struct papers *ret, const struct key *device, uint32_t by, uint32_t receipt) {
        const struct street_home *home = &street.homes[by], *other = &street.homes[receipt];
        struct hash id;
        struct wire_grant g = {.household = SPAN_OF(home->key.pub.b),
                               .clip = SPAN_OF(clips[0].id.b),
                               .to = SPAN_OF(home->key.pub.b),
                               .purpose = SPAN_STR("to look at it"),
                               .created = street.now,
                               .expires = street.now + WEEK};
        WIRE_PUT(&g, GRANT, device, SPAN_OF(device->b));
        *ret = (struct papers){.paper = BUF_NULL};
        assert_int_equal(clip_sign(CLIP_GRANT, &g, &street.mesh, &home->key, &ret->paper, &ret->grant), 0);
        struct wire_receipt r = {.grant = SPAN_OF(ret->grant.b),
                                 .clip = SPAN_OF(clips[0].id.b),
                                 .household = SPAN_OF(other->key.pub.b),
                                 .created = street.now};
        assert_int_equal(clip_sign(CLIP_RECEIPT, &r, &street.mesh, &other->key, &ret->receipt, &id), 0);
        assert_true(box_seal(&ret->box, &mine.pub, SPAN_OF(ret->grant.b), SPAN_OF(clips[0].key.b), &street.rng));
}

/* "", or why the vault does not keep it. */
static const char *bring(const struct papers *p) {
        struct wire_o_taken m = {.grant = buf_span(&p->paper),
                                 .manifest = buf_span(&clips[0].manifest),
                                 .receipt = buf_span(&p->receipt)};
        WIRE_PUT(&m, O_TAKEN, key, buf_span(&p->box));
        safe_forget(&friend);
        safe_bring(&friend, OWNER_V_OWN_KEY, &m);
        if (safe_heard(&friend, OWNER_V_TOOK))
                return "";
        buf_add_u8(&friend.heard[0].bytes, 0);
        return (const char *)friend.heard[0].bytes.p;
}

static uint64_t lines(void) {
        return friend.v.book->chain.n;
}

static void test_opened_there(void **state) {
        struct papers p;
        (void)state;
        become_laptop(NULL);
        papers_make(&p, &street.homes[1].device.pub, 0, 0);
        assert_false(pair_reads(&friend, 0));
        assert_string_equal(safe_error(&friend), "not-shared");
        assert_string_equal(bring(&p), "");
        assert_string_equal(bring(&p), ""); /* again is as good as once */
        safe_start(&friend);
        assert_true(pair_reads(&friend, 0));
        assert_int_equal(lines(), 1); /* it looked at it */
        assert_false(pair_reads(&friend, 1));
        friend.wall += WEEK;
        assert_false(pair_reads(&friend, 0)); /* its time is over */
        friend.now += MEANWHILE * 1000;
        vault_tick(&friend.v, friend.now);
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                assert_false(friend.disk.blobs[i].there);
        papers_fini(&p);
}

/* PROTOCOL 15.87 */
static void test_false_papers(void **state) {
        static const struct {
                bool other_device;
                uint32_t by, receipt;
                const char *name;
        } rows[] = {
                {true, 0, 0, "grant-not-ours"}, /* the household's other laptop */
                {false, 2, 2, "grant-false"},   /* another household says that it is ours */
                {false, 0, 2, "grant-false"},   /* no receipt of ours */
        };
        struct papers p;
        (void)state;
        become_laptop(NULL);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const struct key *device = rows[i].other_device ? &laptop.pub : &street.homes[1].device.pub;
                papers_make(&p, device, rows[i].by, rows[i].receipt);
                assert_string_equal(bring(&p), rows[i].name);
                assert_false(pair_reads(&friend, 0));
                papers_fini(&p);
        }
        papers_make(&p, &street.homes[1].device.pub, 0, 0);
        for (size_t at = 0; at < p.paper.n; at += 7) {
                p.paper.p[at] ^= 1;
                assert_string_equal(bring(&p), "grant-false");
                p.paper.p[at] ^= 1;
        }
        p.box.p[40] ^= 1; /* a box that is none: it can look, as its key is plain */
        assert_string_equal(bring(&p), "clip-key");
        papers_fini(&p);
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                assert_false(friend.disk.blobs[i].there);
}

/* A household's own vault takes none of it, and a device's does nothing but open. */
static void test_roles(void **state) {
        static const enum wire_owner asked[] = {OWNER_O_GRANT, OWNER_O_REVOKE, OWNER_O_DESTROY,
                                                OWNER_O_WHO,   OWNER_O_EXPORT, OWNER_O_OP};
        struct papers p;
        (void)state;
        papers_make(&p, &street.homes[1].device.pub, 0, 0);
        assert_string_equal(bring(&p), "grant-not-ours");
        become_laptop(NULL);
        assert_string_equal(bring(&p), "");
        for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
                union {
                        struct wire_o_grant grant;
                        struct wire_o_about about;
                        struct wire_o_export export;
                        struct wire_o_op op;
                } q = {0};
                if (asked[i] == OWNER_O_GRANT)
                        q.grant = (struct wire_o_grant){.clip = SPAN_STR("12345678"), .purpose = SPAN_STR("x")};
                else if (asked[i] == OWNER_O_EXPORT)
                        q.export = (struct wire_o_export){.clip = SPAN_STR("12345678"), .file = SPAN_STR("/x")};
                else if (asked[i] == OWNER_O_OP)
                        q.op = (struct wire_o_op){.type = OP_LEAVE};
                else
                        q.about = (struct wire_o_about){.id = SPAN_STR("12345678")};
                safe_ask(&friend, asked[i], &q);
                assert_string_equal(safe_error(&friend), "no-household");
        }
        papers_fini(&p);
}

/* Boxes come while it is locked; what they are good for is seen when it is open. */
static void test_locked(void **state) {
        struct wire_c_none none = {0};
        struct wire_o_unlock unlock = {.passphrase = SPAN_STR("correct horse"), .seconds = 600};
        struct papers p;
        (void)state;
        become_laptop("correct horse");
        papers_make(&p, &street.homes[1].device.pub, 0, 0);
        assert_string_equal(bring(&p), "");
        assert_false(pair_reads(&friend, 0));
        assert_string_equal(safe_error(&friend), "locked");
        safe_ask(&friend, OWNER_O_UNLOCK, &unlock);
        assert_true(safe_done(&friend));
        assert_true(pair_reads(&friend, 0));
        safe_ask(&friend, OWNER_O_LOCK, &none);
        assert_false(pair_reads(&friend, 0));
        papers_fini(&p);
}

static void test_over_there(void **state) {
        _clean_(buf_fini) struct buf back = BUF_NULL;
        struct hash id;
        struct papers p;
        (void)state;
        become_laptop(NULL);
        papers_make(&p, &street.homes[1].device.pub, 0, 0);
        assert_string_equal(bring(&p), "");
        struct wire_v_over over = {.grant = SPAN_OF(p.grant.b)};
        safe_forget(&friend);
        safe_bring(&friend, OWNER_V_OVER, &over); /* on the daemon's word alone it does not go */
        pair_refused(&friend, "grant-false");
        assert_true(pair_reads(&friend, 0));
        struct wire_grant_over w = {
                .grant = SPAN_OF(p.grant.b), .household = SPAN_OF(street.homes[0].key.pub.b), .created = street.now};
        assert_int_equal(clip_sign(CLIP_GRANT_OVER, &w, &street.mesh, &street.homes[0].key, &back, &id), 0);
        WIRE_PUT(&over, V_OVER, paper, buf_span(&back));
        safe_bring(&friend, OWNER_V_OVER, &over);
        assert_false(pair_reads(&friend, 0));
        papers_fini(&p);
}

static void taken_back(const struct papers *p, struct buf *store) {
        struct hash id;
        struct wire_grant_over w = {
                .grant = SPAN_OF(p->grant.b), .household = SPAN_OF(street.homes[0].key.pub.b), .created = street.now};
        struct wire_v_over over = {.grant = SPAN_OF(p->grant.b)};
        assert_int_equal(clip_sign(CLIP_GRANT_OVER, &w, &street.mesh, &street.homes[0].key, store, &id), 0);
        WIRE_PUT(&over, V_OVER, paper, buf_span(store));
        safe_forget(&friend);
        safe_bring(&friend, OWNER_V_OVER, &over);
        assert_non_null(safe_heard(&friend, OWNER_V_TOOK));
}

/* PROTOCOL 15.92: a daemon that has kept the box of a grant that was taken back does not bring it back, whether the word or the box
 * came first, and whenever the vault was started. */
static void test_old_box(void **state) {
        _clean_(buf_fini) struct buf back = BUF_NULL;
        (void)state;
        for (unsigned first = 0; first < 2; first++) {
                struct papers p;
                buf_clear(&friend.disk.ledger);
                become_laptop(NULL);
                papers_make(&p, &street.homes[1].device.pub, 0, 0);
                if (first)
                        assert_string_equal(bring(&p), "");
                for (unsigned twice = 0; twice < 2; twice++) {
                        buf_clear(&back);
                        taken_back(&p, &back);
                        assert_int_equal(lines(), 1); /* said once */
                        assert_string_equal(bring(&p), "grant-expired");
                        assert_false(pair_reads(&friend, 0));
                        safe_start(&friend);
                }
                assert_string_equal(bring(&p), "grant-expired");
                papers_fini(&p);
        }
}

/* ---- joining ---- */

/* PROTOCOL 15.86: the daemon hears of the public half once the secret is on the disk. */
static void test_joins(void **state) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct wire_v_device fresh = {.in_mesh = false};
        struct wire_v_result no = {.ok = false}, yes = {.ok = true};
        struct keyfile head;
        static const uint8_t link_key[32];
        struct code code = {.w = {.mesh = SPAN_OF(street.mesh.b),
                                  .mesh_name = SPAN_STR("Elm Street"),
                                  .link_key = SPAN_OF(link_key),
                                  .name = SPAN_STR("Home"),
                                  .share = SHARE_QUARTER,
                                  .expires = street.now + MESH_DAY}};
        (void)state;
        assert_int_equal(code_make(&code, &street.homes[0].key, &street.rng, &text), 0);
        struct wire_o_device_join q = {.code = buf_span(&text), .name = SPAN_STR("laptop")};
        safe_fini(&friend);
        safe_init(&friend, &street, 1, clips, NULL);
        buf_clear(&friend.disk.key);
        safe_start(&friend);
        fresh.sign = fresh.noise = fresh.seal = SPAN_OF(street.homes[1].device.pub.b);
        safe_tell(&friend, OWNER_V_DEVICE, &fresh);
        safe_ask(&friend, OWNER_O_DEVICE_JOIN, &q);
        assert_string_equal(safe_error(&friend), "passphrase-needed");
        WIRE_PUT(&q, O_DEVICE_JOIN, no_passphrase, true);
        safe_ask(&friend, OWNER_O_DEVICE_JOIN, &q);
        assert_non_null(safe_heard(&friend, OWNER_V_DEVICE_JOIN));
        assert_int_equal(keyfile_decode(buf_span(&friend.disk.key), &head), 0);
        assert_int_equal(head.state, KEYFILE_DEVICE_JOINING);
        assert_true(span_eq(buf_span(&safe_heard(&friend, OWNER_V_DEVICE_JOIN)->bytes), SPAN_OF(head.seal.b)));
        safe_tell(&friend, OWNER_V_RESULT, &no); /* nobody admits it */
        assert_int_equal(friend.disk.key.n, 0);
        safe_ask(&friend, OWNER_O_DEVICE_JOIN, &q);
        safe_tell(&friend, OWNER_V_RESULT, &yes);
        assert_true(safe_done(&friend));
        assert_int_equal(keyfile_decode(buf_span(&friend.disk.key), &head), 0);
        assert_int_equal(head.state, KEYFILE_DEVICE);
        assert_true(key_eq(&head.household, &street.homes[0].key.pub));
        safe_tell(&friend, OWNER_V_RESULT, &no); /* it is one now, whatever the daemon says */
        assert_true(friend.disk.key.n > 0);
        code_fini(&code);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, pair_tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_key_waits),      TEST(test_said_again),
                TEST(test_taken_back),     TEST(test_never_to_main),
                TEST(test_device_revoked), TEST(test_device_revoked_without_ledger),
                TEST(test_clip_destroyed), TEST(test_destroyed_unshared),
                TEST(test_opened_there),   TEST(test_false_papers),
                TEST(test_roles),          TEST(test_locked),
                TEST(test_over_there),     TEST(test_old_box),
                TEST(test_joins),
        };
        log_set_level(LOG_ERROR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
