/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault as a program, before a daemon that lies and a tool that goes away: test-vault-yes PROGRAM. It signs what its
 * owner said yes to, once, and nothing else.
 */
#include "vault-street.h"

#include <signal.h>
#include <unistd.h>

static struct street street;

/* ---- a daemon that lies ---- */

static void tell_bytes(struct street_vault *sv, struct span op) {
        struct wire_v_ops msg = {.op = op};
        say(sv->w.daemon, OWNER_V_OPS, &msg);
}

static void ask_and_tell(struct street_vault *sv, const struct span *ops, size_t n) {
        struct wire_v_ops_end end = {.time = street.now};
        sv_say(sv, OP_REMOVE, "Home AB");
        hear_number(sv->w.daemon, &sv->d, OWNER_V_WANT_OPS);
        for (size_t i = 0; i < n; i++)
                tell_bytes(sv, ops[i]);
        say(sv->w.daemon, OWNER_V_OPS_END, &end);
}

static void test_false_rosters(void **state) {
        struct street_vault sv;
        _clean_(buf_fini) struct buf forged = BUF_NULL;
        (void)state;
        sv_found(&street, 3);
        struct span genesis = roster_op_at(street.sides[0], 0)->bytes, one = roster_op_at(street.sides[0], 1)->bytes,
                    two = roster_op_at(street.sides[0], 2)->bytes;
        buf_add(&forged, two); /* nothing rests on it; its last byte is of the countersignature */
        forged.p[forged.n - 1] ^= 1;
        sv_init(&sv, &street, 0, NULL);
        ask_and_tell(&sv, (struct span[]){genesis, one, buf_span(&forged)}, 3);
        hear_error(sv.fd, "false-roster", EXIT_FAILED);
        ask_and_tell(&sv, (struct span[]){genesis, two}, 2); /* its ancestor is missing */
        hear_error(sv.fd, "false-roster", EXIT_FAILED);
        ask_and_tell(&sv, &genesis, 1);
        hear_error(sv.fd, "no-such-household", EXIT_NOT_FOUND); /* left out: then not there */
        ask_and_tell(&sv, (struct span[]){one, genesis}, 2);
        hear_error(sv.fd, "wrong-mesh", EXIT_FAILED);
        ask_and_tell(&sv, NULL, 0);
        hear_error(sv.fd, "wrong-mesh", EXIT_FAILED);
        sv_go(&sv, NULL);
        hear_error(sv.fd, "nothing-to-confirm", EXIT_FAILED);
        sv_daemon_heard_nothing(&sv);
        ask_and_tell(&sv, (struct span[]){genesis, one, one, two}, 4); /* twice the same does no harm */
        hear_number(sv.fd, &sv.a, OWNER_O_SENTENCE);
        sv_fini(&sv);
        street_end(&street);
}

/* The founder's own key, and another mesh: nothing but the pinned id tells them apart. */
static void test_other_genesis(void **state) {
        static struct street other;
        struct street_vault sv;
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        struct wire_charter_row row = {.key = CHARTER_normal, .value = 24};
        _clean_(buf_fini) struct buf rows = BUF_NULL;
        struct wire_list list = {0};
        wire_list_add(&wire_charter_row_desc, &list, &rows, &row);
        street_found(&other, 7, list);
        assert_int_equal(street_join(&other, 0, 1, 0), 0);
        sv_say(&sv, OP_REMOVE, "Home AB");
        sv_tell(&sv, other.sides[0], other.now);
        hear_error(sv.fd, "wrong-mesh", EXIT_FAILED);
        sv_daemon_heard_nothing(&sv);
        sv_fini(&sv);
        street_end(&other);
        street_end(&street);
}

static void test_no_clock(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        sv_say(&sv, OP_REMOVE, "Home AB");
        sv_tell(&sv, street.sides[0], 0);
        hear_error(sv.fd, "no-clock", EXIT_REFUSED);
        sv_fini(&sv);
        street_end(&street);
}

static void test_removed_oneself(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 3);
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 1), 0);
        sv_init(&sv, &street, 1, NULL);
        sv_refused(&sv, OP_REMOVE, "Home AC", "removed", EXIT_REFUSED);
        sv_fini(&sv);
        street_end(&street);
}

static void test_daemon_refuses(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        for (int i = 0; i < 2; i++) {
                sv_ask(&sv, &q);
                sv_go(&sv, NULL);
                hear_number(sv.w.daemon, &sv.d, OWNER_V_OP);
                result_says(&sv.w, false, "disk", false);
                hear_error(sv.fd, "disk", EXIT_FAILED);
        }
        sv_sign(&sv, OP_REMOVE, "Home AB");
        sv_voted(&sv, true, 1, 1);
        sv_fini(&sv);
        street_end(&street);
}

static void test_stray_messages_of_the_daemon(void **state) {
        struct street_vault sv;
        struct wire_v_ops_end end = {.time = STREET_NOW};
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        tell_bytes(&sv, roster_op_at(street.sides[0], 0)->bytes);
        say(sv.w.daemon, OWNER_V_OPS_END, &end);
        result_says(&sv.w, true, NULL, false);
        sv_sign(&sv, OP_REMOVE, "Home AB");
        sv_voted(&sv, true, 1, 1);
        sv_fini(&sv);
        street_end(&street);
}

/* ---- yes, and no yes ---- */

static void test_go_without_op(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        struct wire_o_go go = {0};
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        sv_go(&sv, NULL);
        hear_error(sv.fd, "nothing-to-confirm", EXIT_FAILED);
        sv_ask(&sv, &q);
        int other = owner_connect(&sv.w);
        say(other, OWNER_O_GO, &go); /* somebody else's sentence */
        hear_error(other, "nothing-to-confirm", EXIT_FAILED);
        close(other);
        sv_daemon_heard_nothing(&sv);
        sv_go(&sv, NULL);
        sv_take(&sv);
        sv_voted(&sv, true, 1, 1);
        sv_go(&sv, NULL); /* one yes, one signature */
        hear_error(sv.fd, "nothing-to-confirm", EXIT_FAILED);
        sv_daemon_heard_nothing(&sv);
        sv_fini(&sv);
        street_end(&street);
}

/* A question that nobody answers holds nobody up: who asks next is asked, and the first is told. */
static void test_overtaken(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        struct wire_o_go go = {0};
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        sv_ask(&sv, &q);
        int first = sv.fd;
        sv.fd = owner_connect(&sv.w);
        sv_ask(&sv, &q);
        hear_error(first, "overtaken", EXIT_FAILED);
        say(first, OWNER_O_GO, &go); /* its yes is to nothing */
        hear_error(first, "nothing-to-confirm", EXIT_FAILED);
        sv_daemon_heard_nothing(&sv);
        sv_go(&sv, NULL);
        sv_take(&sv);
        sv_voted(&sv, true, 1, 1);
        close(first);
        sv_fini(&sv);
        street_end(&street);
}

static void test_closed_before_go(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        sv_ask(&sv, &q);
        close(sv.fd);
        sv.fd = owner_connect(&sv.w);
        sv_go(&sv, NULL);
        hear_error(sv.fd, "nothing-to-confirm", EXIT_FAILED);
        sv_daemon_heard_nothing(&sv);
        sv_fini(&sv);
        street_end(&street);
}

/* The daemon has been asked, and is heard out: what it sends belongs to nobody. */
static void test_closed_while_folding(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        struct wire_v_ops_end end = {.time = STREET_NOW};
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, NULL);
        sv_say(&sv, OP_REMOVE, "Home AB");
        hear_number(sv.w.daemon, &sv.d, OWNER_V_WANT_OPS);
        close(sv.fd);
        sv.fd = owner_connect(&sv.w);
        sv_say(&sv, OP_REMOVE, "Home AB");
        hear_error(sv.fd, "busy", EXIT_FAILED);
        tell_bytes(&sv, roster_op_at(street.sides[0], 0)->bytes);
        say(sv.w.daemon, OWNER_V_OPS_END, &end);
        sv_ask(&sv, &q);
        sv_go(&sv, NULL);
        sv_take(&sv);
        sv_voted(&sv, true, 1, 1);
        sv_fini(&sv);
        street_end(&street);
}

static void test_closed_while_sent(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_PROMOTE, "Home AB");
        (void)state;
        sv_found(&street, 3);
        sv_init(&sv, &street, 0, NULL);
        sv_ask(&sv, &q);
        sv_go(&sv, NULL);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_OP);
        close(sv.fd);
        sv.fd = owner_connect(&sv.w);
        sv_say(&sv, OP_LEAVE, NULL);
        hear_error(sv.fd, "busy", EXIT_FAILED);
        assert_int_equal(street_take(&street, 0, sv.d.m.v_op.op, false), 0);
        result_says(&sv.w, true, NULL, false);
        q = sv_op(OP_REMOVE, "Home AC");
        sv_ask(&sv, &q);
        sv_says(&sv, "Your vote counts as 1 of the 2 needed."); /* the next place in the chain */
        sv_go(&sv, NULL);
        sv_take(&sv);
        sv_voted(&sv, false, 1, 2);
        sv_fini(&sv);
        street_end(&street);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_false_rosters),     cmocka_unit_test(test_other_genesis),
                cmocka_unit_test(test_no_clock),          cmocka_unit_test(test_removed_oneself),
                cmocka_unit_test(test_daemon_refuses),    cmocka_unit_test(test_stray_messages_of_the_daemon),
                cmocka_unit_test(test_go_without_op),     cmocka_unit_test(test_overtaken),
                cmocka_unit_test(test_closed_before_go),  cmocka_unit_test(test_closed_while_folding),
                cmocka_unit_test(test_closed_while_sent),
        };
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
