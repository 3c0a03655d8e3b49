/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a household signs because its owner says so, in vaults in memory: each kind of operation asked for, said yes to and
 * handed to the daemon; and each way in which a request is none. As a program, with passphrases, it is in test-vault-vote.c.
 */
#include "../support/pair.h"

static struct wire_o_op op_of(enum wire_e_op type, const char *target) {
        struct wire_o_op q = {.type = type};
        if (target)
                WIRE_PUT(&q, O_OP, target, span_str(target));
        return q;
}

static const char *refused(struct safe *s, const struct wire_o_op *q) {
        safe_ask(s, OWNER_O_OP, q);
        return safe_error(s);
}

static void says_no(enum wire_e_op type, const char *target, const char *why) {
        struct wire_o_op q = op_of(type, target);
        assert_string_equal(refused(&owner, &q), why);
}

/* The owner says yes; what the daemon gets is signed, and the street takes it. */
static struct wire_o_voted signs(struct safe *s, const struct wire_o_op *q) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_v_result yes = {.ok = true};
        struct wire_o_go go = {0};
        union frame_message m;
        safe_ask(s, OWNER_O_OP, q);
        assert_true(safe_row(s, OWNER_O_SENTENCE, &store, &m));
        safe_ask(s, OWNER_O_GO, &go);
        assert_non_null(safe_heard(s, OWNER_V_OP));
        safe_spared = q->type == OP_LEAVE; /* what did not come to its end then does at the next start */
        safe_tell(s, OWNER_V_RESULT, &yes);
        safe_spared = false;
        if (!safe_row(s, OWNER_O_VOTED, &store, &m))
                fail_msg("not signed: %s", safe_error(s));
        if (q->type != OP_INVITE_UNDO)
                assert_int_equal(street_take(&street, 0, buf_span(&safe_heard(s, OWNER_V_OP)->bytes), false), 0);
        safe_forget(s);
        return m.o_voted;
}

static bool votes(struct safe *s, enum wire_e_op type, const char *target) {
        struct wire_o_op q = op_of(type, target);
        return signs(s, &q).in_force;
}

static const char *home(uint32_t n) {
        return roster_home_find(street.sides[0], &street.homes[n].key.pub)->name;
}

/* ---- what is signed ---- */

static void test_promote_and_demote(void **state) {
        (void)state;
        says_no(OP_PROMOTE, home(0), "self");
        says_no(OP_DEMOTE, home(1), "is-no-steward");
        assert_true(votes(&owner, OP_PROMOTE, home(1)));
        says_no(OP_PROMOTE, home(1), "is-a-steward");
        assert_false(votes(&owner, OP_PROMOTE, home(2))); /* of two stewards both vote for a third one */
        says_no(OP_PROMOTE, home(2), "already-voted");
        assert_true(votes(&owner, OP_DEMOTE, home(1)));
}

static void test_remove_and_return(void **state) {
        struct wire_o_op q = op_of(OP_REMOVE, home(2));
        (void)state;
        WIRE_PUT(&q, O_OP, reason, SPAN_STR("the kitchen \xe2\x80\x94 twice"));
        WIRE_PUT(&q, O_OP, subtree, true);
        assert_true(signs(&owner, &q).in_force);
        says_no(OP_REMOVE, home(2), "gone");
        votes(&owner, OP_RETURN, home(2));
        says_no(OP_RETURN, home(1), "is-a-member");
}

static void test_endorse(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct hash proposal;
        (void)state;
        assert_true(votes(&owner, OP_PROMOTE, home(1)));
        assert_int_equal(street_about(&street, 0, 1, OP_REMOVE, 2), 0);
        proposal = street.last;
        text_hex(&id, span_of(proposal.b, 4));
        buf_cstr(&id);
        assert_true(votes(&owner, OP_ENDORSE, (const char *)id.p));
        says_no(OP_ENDORSE, (const char *)id.p, "not-open");
        says_no(OP_ENDORSE, "00000000", "no-such-proposal");
}

static void test_vouch_and_undo(void **state) {
        (void)state;
        says_no(OP_VOUCH, home(1), "own-invite");
        assert_int_equal(street_join(&street, 0, 3, 1), 0);
        assert_true(votes(&owner, OP_VOUCH, home(3)));
        says_no(OP_VOUCH, home(3), "already-vouched");
        says_no(OP_INVITE_UNDO, home(3), "not-own-invite");
        votes(&owner, OP_INVITE_UNDO, home(2));
        owner.wall += 2 * MESH_DAY;
        says_no(OP_INVITE_UNDO, home(2), "undo-too-late");
}

static void test_few_for_undo(void **state) {
        (void)state;
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 2), 0);
        says_no(OP_INVITE_UNDO, home(1), "too-few-homes");
}

static void test_devices(void **state) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_go go = {0};
        struct wire_o_op q = op_of(OP_DEVICE_ADD, NULL);
        union frame_message m;
        uint8_t seed[32] = {42};
        struct sign_key laptop;
        (void)state;
        WIRE_PUT(&q, O_OP, expires_in, 600);
        safe_ask(&owner, OWNER_O_OP, &q);
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_row(&owner, OWNER_O_CODE, &store, &m) && safe_heard(&owner, OWNER_V_CODE));
        sign_key_from_seed(&laptop, seed);
        assert_int_equal(street_device_add(&street, 0, 0, &laptop), 0);
        assert_true(votes(&owner, OP_DEVICE_REVOKE, "laptop"));
        says_no(OP_DEVICE_REVOKE, "laptop", "device-gone");
        says_no(OP_DEVICE_REVOKE, "toaster", "no-such-device");
        says_no(OP_DEVICE_REVOKE, "hub", "this-device");
}

static void test_leave(void **state) {
        struct wire_o_op q = op_of(OP_LEAVE, NULL);
        (void)state;
        assert_true(signs(&friend, &q).in_force);
}

/* ---- what is not ---- */

static void test_no_request(void **state) {
        static const struct {
                enum wire_e_op type;
                const char *target;
                bool reason, expires, subtree;
                const char *why;
        } rows[] = {
                {OP_GENESIS, NULL, false, false, false, "bad-request"},
                {OP_ADD, NULL, false, false, false, "bad-request"},
                {OP_REMOVE, NULL, false, false, false, "bad-request"},
                {OP_LEAVE, "Home AB", false, false, false, "bad-request"},
                {OP_PROMOTE, "Home AB", true, false, false, "bad-request"},
                {OP_PROMOTE, "Home AB", false, true, false, "bad-request"},
                {OP_DEMOTE, "Home AB", false, false, true, "bad-request"},
                {OP_DEVICE_REVOKE, NULL, false, false, false, "bad-request"},
                {OP_PROMOTE, "Home ZZ", false, false, false, "no-such-household"},
                {OP_PROMOTE, "123", false, false, false, "no-such-household"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct wire_o_op q = op_of(rows[i].type, rows[i].target);
                if (rows[i].reason)
                        WIRE_PUT(&q, O_OP, reason, SPAN_STR("because"));
                if (rows[i].expires)
                        WIRE_PUT(&q, O_OP, expires_in, 600);
                if (rows[i].subtree)
                        WIRE_PUT(&q, O_OP, subtree, true);
                assert_string_equal(refused(&owner, &q), rows[i].why);
        }
        struct wire_o_op q = op_of(OP_REMOVE, home(1));
        WIRE_PUT(&q, O_OP, reason, SPAN_STR("two\nlines"));
        assert_string_equal(refused(&owner, &q), "bad-reason");
        assert_null(safe_heard(&owner, OWNER_V_OP));
}

static void test_not_now(void **state) {
        struct wire_o_go go = {0};
        struct wire_v_ops_end end = {.time = owner.wall};
        struct wire_v_result no = {.ok = false};
        struct wire_o_op q = op_of(OP_PROMOTE, home(1));
        (void)state;
        safe_spared = true; /* what was asked in the test before is no question of this one's */
        safe_ask(&owner, OWNER_O_GO, &go);
        safe_spared = false;
        assert_string_equal(safe_error(&owner), "nothing-to-confirm");
        owner.silent = true;
        safe_ask(&owner, OWNER_O_OP, &q);
        says_no(OP_PROMOTE, home(1), "busy");
        safe_forget(&owner);
        safe_tell(&owner, OWNER_V_OPS_END, &end); /* of nothing */
        assert_string_equal(safe_error(&owner), "wrong-mesh");
        owner.silent = false;
        safe_tell(&owner, OWNER_V_OPS_END, &end); /* that nobody asked for */
        safe_tell(&owner, OWNER_V_RESULT, &no);
        owner.wall = 5;
        says_no(OP_PROMOTE, home(1), "no-clock");
        owner.wall = street.now;
        owner.outside = true;
        safe_start(&owner);
        says_no(OP_PROMOTE, home(1), "no-mesh");
}

/* Not by who is not a member any more. */
static void test_removed(void **state) {
        struct wire_o_op q = op_of(OP_VOUCH, home(2)), leave = op_of(OP_LEAVE, NULL);
        (void)state;
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 1), 0);
        assert_string_equal(refused(&friend, &q), "removed");
        safe_ask(&friend, OWNER_O_OP, &leave); /* that the mesh is over for it needs no signature */
        pair_asked(&friend, "");
}

/* An ordinary household's vote for what takes a steward. */
static void test_too_little(void **state) {
        struct wire_o_op q = op_of(OP_PROMOTE, home(2));
        _clean_(buf_fini) struct buf store = BUF_NULL;
        union frame_message m;
        (void)state;
        safe_ask(&friend, OWNER_O_OP, &q);
        assert_true(safe_row(&friend, OWNER_O_SENTENCE, &store, &m) || safe_error(&friend)[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_promote_and_demote),
                TEST(test_remove_and_return),
                TEST(test_endorse),
                TEST(test_vouch_and_undo),
                TEST(test_few_for_undo),
                TEST(test_devices),
                TEST(test_leave),
                TEST(test_no_request),
                TEST(test_not_now),
                TEST(test_removed),
                TEST(test_too_little),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
