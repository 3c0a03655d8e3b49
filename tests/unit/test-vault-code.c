/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault as a program signs device codes: the daemon hears a code's name, and the owner sees the code when that name is on
 * disk, and not before.
 */
#include "roster/code.h"
#include "vault-street.h"

#include <signal.h>
#include <unistd.h>

static struct street street;

static void open_vault(struct street_vault *sv) {
        sv_found(&street, 2);
        sv_init(sv, &street, 0, NULL);
}

static void close_vault(struct street_vault *sv) {
        sv_fini(sv);
        street_end(&street);
}

/* Up to the daemon's hearing of a name. */
static void ask_code(struct street_vault *sv) {
        struct wire_o_op q = sv_op(OP_DEVICE_ADD, NULL);
        WIRE_PUT(&q, O_OP, expires_in, 600);
        sv_ask(sv, &q);
        sv_says(sv, "it can be taken back");
        sv_go(sv, NULL);
        hear_number(sv->w.daemon, &sv->d, OWNER_V_CODE);
}

/* What the daemon has heard is of the very code, and no more of it than its name. */
static void test_name_first(void **state) {
        struct street_vault sv;
        struct code code;
        (void)state;
        open_vault(&sv);
        ask_code(&sv);
        const struct wire_v_code *name = &sv.d.m.v_code;
        assert_int_equal(name->share, SHARE_QUARTER);
        assert_int_equal(name->expires, street.now + 600);
        result_says(&sv.w, true, NULL, false);
        hear_number(sv.fd, &sv.a, OWNER_O_CODE);
        const struct wire_o_code *made = &sv.a.m.o_code;
        assert_int_equal(code_parse(&code, made->code), 0);
        assert_true(span_eq(SPAN_OF(code.key.pub.b), name->id) && span_eq(made->id, name->id));
        assert_int_equal(code.w.expires, name->expires);
        code_fini(&code);
        hear_done(sv.fd);
        sv_daemon_heard_nothing(&sv);
        close_vault(&sv);
}

/* A disk that refuses the name: the owner hears that, and nothing of a code; then it may be asked again. */
static void test_disk_refuses(void **state) {
        struct street_vault sv;
        (void)state;
        open_vault(&sv);
        ask_code(&sv);
        result_says(&sv.w, false, "disk", false);
        hear_error(sv.fd, "disk", EXIT_FAILED);
        ask_code(&sv);
        result_says(&sv.w, true, NULL, false);
        hear_number(sv.fd, &sv.a, OWNER_O_CODE);
        hear_done(sv.fd);
        close_vault(&sv);
}

/* Who hangs up while the daemon writes gets no code; nor does the next who asks get that one. */
static void test_owner_hangs_up(void **state) {
        struct street_vault sv;
        (void)state;
        open_vault(&sv);
        ask_code(&sv);
        uint8_t lost[32];
        memcpy(lost, sv.d.m.v_code.id.p, sizeof(lost));
        close(sv.fd);
        sv.fd = owner_connect(&sv.w);
        sv_say(&sv, OP_DEVICE_ADD, NULL);
        hear_error(sv.fd, "busy", EXIT_FAILED); /* the daemon has the first in hand */
        result_says(&sv.w, true, NULL, false);
        ask_code(&sv);
        result_says(&sv.w, true, NULL, false);
        hear_number(sv.fd, &sv.a, OWNER_O_CODE);
        assert_memory_not_equal(sv.a.m.o_code.id.p, lost, sizeof(lost));
        hear_done(sv.fd);
        close_vault(&sv);
}

/* A code that has ended long ago by this machine's clock, which may be wrong: the members will say. */
static void test_clock_of_the_joiner(void **state) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct world w;
        struct answer heard = {.body = BUF_NULL};
        struct sign_key household;
        uint8_t seed[32] = {5}, mesh[32] = {6};
        struct code code = {.w = {.mesh = SPAN_OF(mesh),
                                  .mesh_name = SPAN_STR("Elm Street"),
                                  .link_key = SPAN_OF(seed),
                                  .name = SPAN_STR("Home"),
                                  .share = SHARE_QUARTER,
                                  .expires = 1000000}};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        sign_key_from_seed(&household, seed);
        assert_int_equal(code_make(&code, &household, &w.rng, &text), 0);
        code_fini(&code);
        int fd = owner_connect(&w);
        struct wire_o_device_join q = {.code = buf_span(&text), .name = SPAN_STR("laptop")};
        WIRE_PUT(&q, O_DEVICE_JOIN, no_passphrase, true);
        say(fd, OWNER_O_DEVICE_JOIN, &q);
        hear_number(w.daemon, &heard, OWNER_V_DEVICE_JOIN);
        assert_true(span_eq(heard.m.v_device_join.code, buf_span(&text)));
        result_says(&w, false, "code-expired", false);
        hear_error(fd, "code-expired", EXIT_REFUSED);
        answer_fini(&heard);
        close(fd);
        world_fini(&w);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_name_first),
                cmocka_unit_test(test_disk_refuses),
                cmocka_unit_test(test_owner_hangs_up),
                cmocka_unit_test(test_clock_of_the_joiner),
        };
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
