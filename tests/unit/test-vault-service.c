/* SPDX-License-Identifier: Apache-2.0 */
/* The vault as a service, which nobody starts for himself: the daemon calls it at DIR/vault.sock, one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <signal.h>
#include <unistd.h>

#include "vault-world.h"
#include "vault/owner.h"
#include "vault/server.h"

static int serve(const char *dir) {
        return server_run(&(struct server_args){.dir = dir, .sockets = dir, .service = true, .owner = OWNER_NOBODY});
}

/* What world_init() has for a daemon is none here: the daemon calls. */
static void begin(struct world *w) {
        world_init(w);
        close(w->daemon);
        w->daemon = world_connect(w, "vault.sock");
}

static void ask(const struct world *w) {
        _clean_(answer_fini) struct answer a = {0};
        struct wire_c_none none = {0};
        int fd = owner_connect(w);
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &a, OWNER_O_STATE_ROW);
        assert_false(a.m.o_state.unlocked);
        hear_done(fd);
        close(fd);
}

static void test_called(void **state) {
        struct world w;
        (void)state;
        begin(&w);
        assert_false(world_has(&w, "owner.sock")); /* before it knows which device this is nobody can ask */
        device_says(&w, false);
        ask(&w);
        world_stop(&w); /* the daemon has hung up: whoever looks after the service starts it anew */
        assert_false(world_has(&w, "vault.sock") || world_has(&w, "owner.sock"));
        world_remove(&w);
}

/* A second one is sent away, and the first is served as before. */
static void test_one_daemon(void **state) {
        struct world w;
        (void)state;
        begin(&w);
        device_says(&w, false);
        ask(&w);
        int second = world_connect(&w, "vault.sock");
        hear_end(second);
        close(second);
        ask(&w);
        world_fini(&w);
}

/* Bytes that are no frame: the daemon is not itself, and both begin anew. */
static void test_no_sense(void **state) {
        static const uint8_t junk[64] = {0xff, 0xff, 0xff, 0xff, 1};
        struct world w;
        (void)state;
        begin(&w);
        device_says(&w, false);
        ask(&w);
        send_bytes(w.daemon, SPAN_OF(junk));
        assert_true(world_exit_code(&w) >= 0);
        close(w.daemon);
        world_remove(&w);
}

/* Told to end before anybody has called. */
static void test_ends(void **state) {
        struct world w;
        (void)state;
        world_init(&w);
        int daemon = world_connect(&w, "vault.sock"); /* it is there */
        close(daemon);
        assert_int_equal(world_exit_code(&w), 0);
        world_run(&w);
        close(w.daemon);
        w.daemon = world_connect(&w, "vault.sock");
        assert_int_equal(kill(w.pid, SIGTERM), 0);
        assert_int_equal(world_exit_code(&w), 0);
        assert_false(world_has(&w, "vault.sock"));
        close(w.daemon);
        world_remove(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_called),
                cmocka_unit_test(test_one_daemon),
                cmocka_unit_test(test_no_sense),
                cmocka_unit_test(test_ends),
        };
        world_serve = serve;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
