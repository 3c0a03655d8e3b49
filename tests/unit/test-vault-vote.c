/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault as a program, signing for its household: test-vault-vote PROGRAM. The street is real, the daemon is played
 * by the test.
 */
#include "vault-street.h"

#include <signal.h>
#include <unistd.h>

/* Home n of a street is called "Home A" and its letter: 0 is Home AA, the founder and first steward. */
static struct street street;

/* ---- votes that count ---- */

static void test_remove_by_the_only_steward(void **state) {
        struct street_vault sv;
        char want[128];
        (void)state;
        sv_found(&street, 3);
        sv_init(&sv, &street, 0, NULL);
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        WIRE_PUT(&q, O_OP, reason, SPAN_STR("false \"alarms\", daily"));
        sv_ask(&sv, &q);
        assert_false(sv.a.m.o_sentence.passphrase);
        snprintf(want, sizeof(want), "Remove the household \"Home AB\" (%s) from Elm Street? ", sv_id(&street, 1, 8));
        sv_says(&sv, want);
        sv_says(&sv, "Reason, readable by every home: \"false 'alarms', daily\". ");
        sv_says(&sv, "Your vote counts as 1 of the 1 needed: it takes effect at once.");
        sv_go(&sv, NULL);
        sv_take(&sv);
        sv_voted(&sv, true, 1, 1);
        assert_true(span_eq(sv.a.m.o_voted.proposal, sv.a.m.o_voted.id));
        assert_false(street_member(&street, 0, 1));
        struct wire_op op;
        assert_int_equal(op_check(sv.d.m.v_op.op, &street.mesh, false, true, &op), 0);
        assert_true(span_eq(op.reason, SPAN_STR("false \"alarms\", daily")));
        assert_int_equal(op.time, street.now);
        sv_refused(&sv, OP_REMOVE, "Home AB", "gone", EXIT_REFUSED);
        sv_fini(&sv);
        street_end(&street);
}

static void test_two_stewards(void **state) {
        struct street_vault first, second;
        char proposal[9];
        (void)state;
        sv_found(&street, 4);
        assert_int_equal(street_about(&street, 0, 0, OP_PROMOTE, 1), 0);
        sv_init(&first, &street, 0, NULL);
        sv_init(&second, &street, 1, NULL);
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AC");
        WIRE_PUT(&q, O_OP, reason, SPAN_STR("spam"));
        sv_ask(&first, &q);
        sv_says(&first, "Your vote counts as 1 of the 2 needed.");
        sv_says(&first, "Then there are 1 of 2 stewards, or 1 of ");
        sv_go(&first, NULL);
        sv_take(&first);
        sv_voted(&first, false, 1, 2);
        assert_true(street_member(&street, 0, 2));
        for (size_t i = 0; i < 4; i++)
                snprintf(proposal + 2 * i, 3, "%02X", first.a.m.o_voted.id.p[i]);
        sv_refused(&first, OP_REMOVE, "Home AC", "already-voted", EXIT_REFUSED);
        sv_refused(&first, OP_ENDORSE, proposal, "already-voted", EXIT_REFUSED);

        q = sv_op(OP_ENDORSE, proposal); /* in capitals */
        sv_ask(&second, &q);
        sv_says(&second, "Vote for proposal ");
        sv_says(&second, " of \"Home AA\" (");
        sv_says(&second, ": remove the household \"Home AC\" (");
        sv_says(&second, "Its reason: \"spam\".");
        sv_says(&second, "With yours, 2 of the 2 votes needed are there: it takes effect at once.");
        sv_go(&second, NULL);
        sv_take(&second);
        sv_voted(&second, true, 2, 2);
        assert_true(span_eq(second.a.m.o_voted.proposal, first.a.m.o_voted.id));
        assert_false(street_member(&street, 0, 2));
        sv_refused(&first, OP_ENDORSE, proposal, "not-open", EXIT_REFUSED);
        sv_refused(&first, OP_ENDORSE, "0000000", "no-such-proposal", EXIT_NOT_FOUND);
        sv_fini(&first);
        sv_fini(&second);
        street_end(&street);
}

static void test_subtree(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 2);
        for (uint32_t i = 2; i < 9; i++)
                assert_int_equal(street_join(&street, 0, i, i == 8 ? 7 : 1), 0);
        sv_init(&sv, &street, 0, NULL);
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        WIRE_PUT(&q, O_OP, subtree, true);
        sv_ask(&sv, &q);
        sv_says(&sv, "With it go 7 homes that it and they brought: \"Home A");
        sv_says(&sv, " and 2 more.");
        q = sv_op(OP_REMOVE, "Home AH");
        WIRE_PUT(&q, O_OP, subtree, true);
        sv_ask(&sv, &q); /* in place of the first */
        sv_says(&sv, "With it goes 1 home that it brought: \"Home AI\" (");
        sv_go(&sv, NULL);
        sv_take(&sv);
        sv_voted(&sv, true, 1, 1);
        assert_true(street_member(&street, 0, 1) && !street_member(&street, 0, 7) && !street_member(&street, 0, 8));
        q = sv_op(OP_REMOVE, "Home AC");
        WIRE_PUT(&q, O_OP, subtree, true);
        sv_ask(&sv, &q);
        sv_says(&sv, "It brought no other home that would go with it.");
        sv_fini(&sv);
        street_end(&street);
}

static void test_endorse_subtree(void **state) {
        struct street_vault sv;
        char proposal[9];
        (void)state;
        sv_found(&street, 3);
        assert_int_equal(street_join(&street, 0, 3, 2), 0);
        assert_int_equal(street_about(&street, 0, 0, OP_PROMOTE, 1), 0);
        assert_int_equal(street_remove_below(&street, 0, 1, 2), 0);
        for (size_t i = 0; i < 4; i++)
                snprintf(proposal + 2 * i, 3, "%02x", street.last.b[i]);
        sv_init(&sv, &street, 0, NULL);
        struct wire_o_op q = sv_op(OP_ENDORSE, proposal);
        sv_ask(&sv, &q);
        sv_says(&sv, "With it goes 1 home that it brought: \"Home AD\" (");
        q = sv_op(OP_REMOVE, "Home AC"); /* another wish: without those it brought */
        sv_ask(&sv, &q);
        sv_says(&sv, "Your vote counts as 1 of the 2 needed.");
        sv_fini(&sv);
        street_end(&street);
}

static void test_stewards_come_and_go(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 3);
        sv_init(&sv, &street, 0, NULL);
        sv_sign(&sv, OP_PROMOTE, "Home AB");
        sv_says(&sv, "Make the household \"Home AB\" (");
        sv_says(&sv, ") a steward of Elm Street? Your vote");
        sv_voted(&sv, true, 1, 1);
        assert_true(street_steward(&street, 0, 1));
        sv_refused(&sv, OP_PROMOTE, "Home AB", "is-a-steward", EXIT_REFUSED);
        sv_refused(&sv, OP_DEMOTE, "Home AC", "is-no-steward", EXIT_REFUSED);
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        sv_ask(&sv, &q);
        sv_says(&sv, " It is a steward.");
        sv_sign(&sv, OP_DEMOTE, "Home AB");
        sv_says(&sv, "Make the steward \"Home AB\" (");
        sv_says(&sv, ") an ordinary home of Elm Street again?");
        sv_voted(&sv, true, 1, 1); /* of two stewards the senior alone */
        assert_false(street_steward(&street, 0, 1));
        sv_fini(&sv);
        street_end(&street);
}

static void test_return(void **state) {
        struct street_vault first, second;
        char proposal[9];
        (void)state;
        sv_found(&street, 4);
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 2), 0);
        assert_int_equal(street_about(&street, 0, 0, OP_PROMOTE, 1), 0);
        assert_int_equal(street_leave(&street, 0, 3), 0);
        sv_init(&first, &street, 0, NULL);
        sv_init(&second, &street, 1, NULL);
        sv_refused(&first, OP_RETURN, "Home AB", "is-a-member", EXIT_REFUSED);
        sv_refused(&first, OP_RETURN, "Home AD", "has-left", EXIT_REFUSED);
        sv_sign(&first, OP_RETURN, "Home AC");
        sv_says(&first, "Let the removed household \"Home AC\" (");
        sv_says(&first, ") return to Elm Street?");
        sv_voted(&first, false, 1, 2);
        for (size_t i = 0; i < 4; i++)
                snprintf(proposal + 2 * i, 3, "%02x", first.a.m.o_voted.id.p[i]);
        sv_sign(&second, OP_ENDORSE, proposal);
        sv_voted(&second, true, 2, 2);
        assert_true(street_member(&street, 0, 2));
        sv_fini(&first);
        sv_fini(&second);
        street_end(&street);
}

static void test_leave(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 3);
        sv_init(&sv, &street, 2, NULL);
        sv_sign(&sv, OP_LEAVE, NULL);
        sv_says(&sv, "Leave Elm Street with the household \"Home AC\" (");
        sv_says(&sv, "coming back takes a new invitation");
        sv_says(&sv, "All that this home keeps of the mesh is then removed from it");
        assert_false(street_member(&street, 0, 2));
        hear_number(sv.fd, &sv.a, OWNER_O_VOTED);
        assert_true(sv.a.m.o_voted.in_force && WIRE_HAS(&sv.a.m.o_voted, O_VOTED, cleared));
        assert_false(WIRE_HAS(&sv.a.m.o_voted, O_VOTED, proposal));
        hear_done(sv.fd);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_CLEAR);
        assert_int_equal(key_state(&sv.w), KEYFILE_OVER);
        struct wire_o_op again = sv_op(OP_LEAVE, NULL);
        say(sv.fd, OWNER_O_OP, &again);
        hear_error(sv.fd, "busy", EXIT_FAILED); /* the daemon is at it */
        sv_fini(&sv);
        sv_init(&sv, &street, 0, NULL);
        struct wire_o_op q = sv_op(OP_LEAVE, NULL);
        sv_ask(&sv, &q);
        sv_says(&sv, "It is the only steward");
        sv_fini(&sv);
        street_end(&street);
}

/* Nobody has heard of it: nothing is removed, and what the owner asks for next is to forget the mesh. */
static void test_leave_unheard(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_LEAVE, NULL);
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 1, "correct horse");
        sv_ask(&sv, &q);
        assert_true(sv.a.m.o_sentence.passphrase);
        sv_go(&sv, "correct horse");
        hear_number(sv.w.daemon, &sv.d, OWNER_V_OP);
        assert_int_equal(street_take(sv.s, 0, sv.d.m.v_op.op, false), 0);
        result_says(&sv.w, true, NULL, true);
        hear_number(sv.fd, &sv.a, OWNER_O_VOTED);
        assert_true(sv.a.m.o_voted.in_force && !WIRE_HAS(&sv.a.m.o_voted, O_VOTED, cleared));
        hear_done(sv.fd);
        assert_int_equal(key_state(&sv.w), KEYFILE_MEMBER);
        sv_ask(&sv, &q);
        sv_says(&sv, "\" (");
        sv_says(&sv, " has left Elm Street. Forget it here?");
        assert_false(sv.a.m.o_sentence.passphrase); /* nothing is signed */
        assert_int_equal(key_state(&sv.w), KEYFILE_MEMBER);
        sv_go(&sv, NULL);
        hear_number(sv.fd, &sv.a, OWNER_O_VOTED);
        assert_true(WIRE_HAS(&sv.a.m.o_voted, O_VOTED, cleared));
        hear_done(sv.fd);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_CLEAR);
        sv_fini(&sv);
        street_end(&street);
}

/* A home that was removed; then the vault, the daemon or both are killed, however often: what is due is not forgotten. */
static void test_forget_to_the_end(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_LEAVE, NULL);
        (void)state;
        sv_found(&street, 3);
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 1), 0);
        sv_init(&sv, &street, 1, NULL);
        device_says(&sv.w, false); /* a lie alone gives up no key */
        device_says(&sv.w, true);
        sv_ask(&sv, &q);
        sv_says(&sv, " was removed from Elm Street. Forget it here?");
        assert_int_equal(key_state(&sv.w), KEYFILE_MEMBER);
        sv_go(&sv, NULL);
        hear_number(sv.fd, &sv.a, OWNER_O_VOTED);
        hear_done(sv.fd);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_CLEAR);
        for (int i = 0; i < 3; i++) {
                world_stop(&sv.w);
                assert_int_equal(key_state(&sv.w), KEYFILE_OVER);
                world_run(&sv.w);
                device_says(&sv.w, true);
                hear_number(sv.w.daemon, &sv.d, OWNER_V_CLEAR);
        }
        world_stop(&sv.w);
        world_run(&sv.w);
        device_says(&sv.w, false);
        close(owner_connect(&sv.w));
        assert_false(world_has(&sv.w, "vault/household"));
        sv_fini(&sv);
        street_end(&street);
}

static void test_vouch(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 3);
        assert_int_equal(street_join(&street, 0, 3, 1), 0);
        sv_init(&sv, &street, 2, NULL);
        sv_sign(&sv, OP_VOUCH, "Home AD");
        sv_says(&sv, "Vouch in Elm Street for the household \"Home AD\" (");
        sv_says(&sv, "which came on a ticket of \"Home AB\" (");
        sv_voted(&sv, true, 1, 1);
        sv_refused(&sv, OP_VOUCH, "Home AD", "already-vouched", EXIT_REFUSED);
        sv_fini(&sv);
        sv_init(&sv, &street, 1, NULL);
        sv_refused(&sv, OP_VOUCH, "Home AD", "own-invite", EXIT_REFUSED);
        sv_fini(&sv);
        street_end(&street);
}

/* ---- whom the words mean ---- */

static void join_as(uint32_t n, const char *name) {
        _clean_(buf_fini) struct buf add = BUF_NULL;
        struct ticket t;
        street_ticket(&street, 0, 1, street.now + MESH_DAY, &t);
        street_add_sign(&street, n, span_str(name), &t, &add);
        assert_int_equal(street_admit(&street, 0, buf_span(&add), 0, ++street.now), 0);
        ticket_fini(&t);
}

static void test_ambiguous_target(void **state) {
        struct street_vault sv;
        _clean_(buf_fini) struct buf text = BUF_NULL;
        char want[128];
        (void)state;
        sv_found(&street, 3);
        join_as(3, "Home AB");            /* a namesake of home 1 */
        join_as(4, sv_id(&street, 2, 8)); /* called as home 2's id begins */
        sv_init(&sv, &street, 0, NULL);
        sv_say(&sv, OP_REMOVE, "Home AB");
        sv_tell(&sv, street.sides[0], street.now);
        hear_number(sv.fd, &sv.a, OWNER_O_ERROR);
        assert_true(span_eq(sv.a.m.c_error.name, SPAN_STR("ambiguous")));
        buf_add(&text, sv.a.m.c_error.message);
        assert_non_null(strstr(buf_cstr(&text), sv_id(&street, 1, 8)));
        assert_non_null(strstr(buf_cstr(&text), sv_id(&street, 3, 8)));
        sv_refused(&sv, OP_REMOVE, sv_id(&street, 2, 8), "ambiguous", EXIT_NOT_FOUND);

        struct wire_o_op q = sv_op(OP_REMOVE, sv_id(&street, 2, 9));
        sv_ask(&sv, &q);
        snprintf(want, sizeof(want), "\"Home AC\" (%s)", sv_id(&street, 2, 8));
        sv_says(&sv, want);
        q = sv_op(OP_REMOVE, sv_id(&street, 3, 4));
        sv_ask(&sv, &q);
        snprintf(want, sizeof(want), "\"Home AB\" (%s)", sv_id(&street, 3, 8));
        sv_says(&sv, want);
        sv_refused(&sv, OP_REMOVE, sv_id(&street, 2, 3), "no-such-household", EXIT_NOT_FOUND);
        sv_refused(&sv, OP_REMOVE, "Home A", "no-such-household", EXIT_NOT_FOUND);

        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 1), 0); /* who is gone stands in nobody's way */
        q = sv_op(OP_REMOVE, "Home AB");
        sv_ask(&sv, &q);
        sv_says(&sv, want);
        sv_fini(&sv);
        street_end(&street);
}

/* ---- undoing the use of a ticket ---- */

/* As the daemon: has home @by countersign what the vault signed, and says yes. */
static void take_undo(struct street_vault *sv, uint32_t by, struct hash *ret_what) {
        _clean_(buf_fini) struct buf whole = BUF_NULL;
        struct hash heads[ROSTER_HEADS_MAX];
        struct wire_op op;
        hear_number(sv->w.daemon, &sv->d, OWNER_V_OP);
        struct span half = sv->d.m.v_op.op;
        assert_int_equal(op_check(half, &street.mesh, false, true, &op), 0);
        assert_int_equal(op.type, OP_INVITE_UNDO);
        op_signed_hash(ret_what, &street.mesh, half);
        size_t n = roster_heads(street.sides[0], heads);
        assert_int_equal(op_countersign(&whole, half, &street.mesh, &street.homes[by].device, street.now, heads,
                                        MIN(n, (size_t)ROSTER_PARENTS_MAX)),
                         0);
        assert_int_equal(street_take(&street, 0, buf_span(&whole), false), 0);
        result_says(&sv->w, true, NULL, false);
}

static void test_undo(void **state) {
        struct street_vault sv;
        struct hash what;
        char want[128];
        (void)state;
        sv_found(&street, 4);
        sv_init(&sv, &street, 0, NULL);
        struct wire_o_op q = sv_op(OP_INVITE_UNDO, sv_id(&street, 2, 6));
        sv_ask(&sv, &q);
        snprintf(want, sizeof(want),
                 "Undo the invite of the household \"Home AC\" (%s), which came to Elm Street on a ",
                 sv_id(&street, 2, 8));
        sv_says(&sv, want);
        sv_says(&sv, "It reads nothing that is posted afterwards");
        sv_says(&sv, "it comes back only by a vote for its return");
        sv_go(&sv, NULL);
        take_undo(&sv, 1, &what);
        hear_number(sv.fd, &sv.a, OWNER_O_VOTED);
        assert_true(sv.a.m.o_voted.in_force);
        assert_true(span_eq(sv.a.m.o_voted.id, SPAN_OF(what.b)));
        hear_done(sv.fd);
        assert_false(street_member(&street, 0, 2));
        sv_refused(&sv, OP_INVITE_UNDO, "Home AC", "gone", EXIT_REFUSED);
        sv_refused(&sv, OP_INVITE_UNDO, "Home AA", "self", EXIT_REFUSED);
        sv_refused(&sv, OP_INVITE_UNDO, "Home AZ", "no-such-household", EXIT_NOT_FOUND);
        sv_fini(&sv);
        street_end(&street);
}

static void test_undo_refused(void **state) {
        struct street_vault first, second;
        (void)state;
        sv_found(&street, 2);
        sv_init(&first, &street, 0, NULL);
        sv_init(&second, &street, 1, NULL);
        sv_refused(&first, OP_INVITE_UNDO, "Home AB", "too-few-homes", EXIT_REFUSED);
        assert_int_equal(street_join(&street, 0, 2, 0), 0);
        sv_refused(&second, OP_INVITE_UNDO, "Home AC", "not-own-invite", EXIT_REFUSED);
        sv_refused(&second, OP_INVITE_UNDO, "Home AA", "not-own-invite", EXIT_REFUSED);
        street.now += MESH_DAY + 1;
        sv_refused(&first, OP_INVITE_UNDO, "Home AC", "undo-too-late", EXIT_REFUSED);
        sv_daemon_heard_nothing(&first);
        street.now -= MESH_DAY / 2;
        struct wire_o_op q = sv_op(OP_INVITE_UNDO, "Home AC");
        sv_ask(&first, &q);
        sv_go(&first, NULL);
        hear_number(first.w.daemon, &first.d, OWNER_V_OP);
        result_says(&first.w, false, "no-third-home", false);
        hear_error(first.fd, "no-third-home", EXIT_UNREACHABLE);
        assert_true(street_member(&street, 0, 2));
        sv_fini(&first);
        sv_fini(&second);
        street_end(&street);
}

static void test_requests_refused(void **state) {
        static const struct {
                enum wire_e_op type;
                const char *target, *reason;
                bool subtree;
                const char *error;
                enum wire_e_exit exit;
        } rows[] = {
                {OP_INVITE_UNDO, NULL, NULL, false, "bad-request", EXIT_FAILED},
                {OP_INVITE_UNDO, "Home AB", "why", false, "bad-request", EXIT_FAILED},
                {OP_GENESIS, NULL, NULL, false, "bad-request", EXIT_FAILED},
                {OP_ADD, "Home AB", NULL, false, "bad-request", EXIT_FAILED},
                {OP_DEVICE_REVOKE, NULL, NULL, false, "bad-request", EXIT_FAILED},
                {OP_DEVICE_ADD, "Home AB", NULL, false, "bad-request", EXIT_FAILED},
                {OP_REMOVE, NULL, NULL, false, "bad-request", EXIT_FAILED},
                {OP_LEAVE, "Home AB", NULL, false, "bad-request", EXIT_FAILED},
                {OP_PROMOTE, "Home AB", "why", false, "bad-request", EXIT_FAILED},
                {OP_DEMOTE, "Home AB", NULL, true, "bad-request", EXIT_FAILED},
                {OP_REMOVE, "Home AB", "two\nlines", false, "bad-reason", EXIT_USAGE},
                {OP_REMOVE, "Home AB", "\xe2\x80\xae", false, "bad-reason", EXIT_USAGE},
        };
        struct street_vault sv;
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct wire_o_op q = sv_op(rows[i].type, rows[i].target);
                if (rows[i].reason)
                        WIRE_PUT(&q, O_OP, reason, span_str(rows[i].reason));
                if (rows[i].subtree)
                        WIRE_PUT(&q, O_OP, subtree, true);
                say(sv.fd, OWNER_O_OP, &q);
                hear_error(sv.fd, rows[i].error, rows[i].exit);
        }
        sv_daemon_heard_nothing(&sv);
        sv_refused(&sv, OP_REMOVE, "Home AA", "self", EXIT_REFUSED);
        device_says(&sv.w, false);
        close(sv.fd);
        sv.fd = owner_connect(&sv.w);
        sv_say(&sv, OP_LEAVE, NULL);
        hear_error(sv.fd, "no-mesh", EXIT_REFUSED);
        sv_fini(&sv);
        street_end(&street);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_remove_by_the_only_steward),
                cmocka_unit_test(test_two_stewards),
                cmocka_unit_test(test_subtree),
                cmocka_unit_test(test_endorse_subtree),
                cmocka_unit_test(test_stewards_come_and_go),
                cmocka_unit_test(test_return),
                cmocka_unit_test(test_leave),
                cmocka_unit_test(test_leave_unheard),
                cmocka_unit_test(test_forget_to_the_end),
                cmocka_unit_test(test_vouch),
                cmocka_unit_test(test_ambiguous_target),
                cmocka_unit_test(test_undo),
                cmocka_unit_test(test_undo_refused),
                cmocka_unit_test(test_requests_refused),
        };
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
