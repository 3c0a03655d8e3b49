/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device codes at the vault as a program.
 */
#include "roster/code.h"
#include "vault-street.h"

#include <signal.h>
#include <unistd.h>

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
                cmocka_unit_test(test_clock_of_the_joiner),
        };
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
