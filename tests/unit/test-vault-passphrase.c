/* SPDX-License-Identifier: Apache-2.0 */
/* The vault as a program, and the passphrase of its key: test-vault-passphrase PROGRAM. */
#include "vault-street.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

static struct street street;

/* Says yes with it. False: the vault still waits because of the last wrong one. */
static bool sv_tries(struct street_vault *sv, const char *passphrase) {
        struct pollfd fds[2] = {{.fd = sv->fd, .events = POLLIN}, {.fd = sv->w.daemon, .events = POLLIN}};
        sv_go(sv, passphrase);
        assert_true(poll(fds, 2, 20000) > 0);
        if (fds[1].revents & POLLIN)
                return true;
        hear_error(sv->fd, "passphrase-wait", EXIT_LOCKED);
        return false;
}

static void test_passphrase_at_go(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        (void)state;
        sv_found(&street, 2);
        sv_init(&sv, &street, 0, "correct horse");
        sv_ask(&sv, &q);
        assert_true(sv.a.m.o_sentence.passphrase);
        sv_go(&sv, NULL);
        hear_error(sv.fd, "locked", EXIT_LOCKED);
        sv_go(&sv, "wrong horse");
        sv_go(&sv, "correct horse"); /* too soon, however long it took to look at the other */
        hear_error(sv.fd, "passphrase-wrong", EXIT_LOCKED);
        hear_error(sv.fd, "passphrase-wait", EXIT_LOCKED);
        sv_daemon_heard_nothing(&sv);
        while (!sv_tries(&sv, "correct horse"))
                world_nap();
        sv_take(&sv);
        sv_voted(&sv, true, 1, 1);
        assert_false(sv_unlocked(&sv)); /* it was open for one yes */
        sv_fini(&sv);
        street_end(&street);
}

static void unlock(struct street_vault *sv, const char *passphrase, uint64_t seconds) {
        struct wire_o_unlock q = {.passphrase = span_str(passphrase)};
        if (seconds)
                WIRE_PUT(&q, O_UNLOCK, seconds, seconds);
        say(sv->fd, OWNER_O_UNLOCK, &q);
}

static void test_unlock_and_lock(void **state) {
        struct street_vault sv;
        struct wire_o_op q = sv_op(OP_REMOVE, "Home AB");
        struct wire_c_none none = {0};
        (void)state;
        sv_found(&street, 3);
        sv_init(&sv, &street, 0, "correct horse");
        assert_false(sv_unlocked(&sv));
        unlock(&sv, "correct horse", 0);
        hear_done(sv.fd);
        assert_true(sv_unlocked(&sv));
        sv_ask(&sv, &q);
        assert_false(sv.a.m.o_sentence.passphrase);
        sv_go(&sv, NULL);
        sv_take(&sv);
        sv_voted(&sv, true, 1, 1);
        q = sv_op(OP_REMOVE, "Home AC");
        sv_ask(&sv, &q);
        int other = owner_connect(&sv.w);
        say(other, OWNER_O_LOCK, &none);
        hear_done(other);
        close(other);
        assert_false(sv_unlocked(&sv));
        sv_go(&sv, NULL); /* the sentence was said while it was open */
        hear_error(sv.fd, "locked", EXIT_LOCKED);
        unlock(&sv, "wrong horse", 60);
        hear_error(sv.fd, "passphrase-wrong", EXIT_LOCKED);
        assert_false(sv_unlocked(&sv));
        sv_fini(&sv);
        street_end(&street);
}

static void test_unlocked_for_a_second(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 1);
        sv_init(&sv, &street, 0, "correct horse");
        unlock(&sv, "correct horse", 1);
        hear_done(sv.fd);
        while (sv_unlocked(&sv))
                world_nap();
        sv_fini(&sv);
        street_end(&street);
}

static void test_plain_key_is_open(void **state) {
        struct street_vault sv;
        struct wire_c_none none = {0};
        (void)state;
        sv_found(&street, 1);
        sv_init(&sv, &street, 0, NULL);
        assert_true(sv_unlocked(&sv));
        unlock(&sv, "whatever it is", 0);
        hear_number(sv.fd, &sv.a, OWNER_O_DONE);
        assert_true(WIRE_HAS(&sv.a.m.c_done, C_DONE, warning));
        say(sv.fd, OWNER_O_LOCK, &none);
        hear_number(sv.fd, &sv.a, OWNER_O_DONE);
        assert_true(WIRE_HAS(&sv.a.m.c_done, C_DONE, warning));
        sv_fini(&sv);
        street_end(&street);
}

static void change(struct street_vault *sv, const char *old, const char *fresh, bool none) {
        struct wire_o_passphrase q = {0};
        if (old)
                WIRE_PUT(&q, O_PASSPHRASE, old, span_str(old));
        if (fresh)
                WIRE_PUT(&q, O_PASSPHRASE, fresh, span_str(fresh));
        if (none)
                WIRE_PUT(&q, O_PASSPHRASE, no_passphrase, true);
        say(sv->fd, OWNER_O_PASSPHRASE, &q);
}

static bool opens(const struct street_vault *sv, const char *passphrase) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct keyfile_secret secret;
        key_file(&sv->w, &file);
        return keyfile_open(buf_span(&file), span_str(passphrase), &secret) == 0;
}

static void test_passphrase(void **state) {
        struct street_vault sv;
        (void)state;
        sv_found(&street, 1);
        sv_init(&sv, &street, 0, NULL);
        change(&sv, NULL, "short", false);
        hear_error(sv.fd, "passphrase-short", EXIT_USAGE);
        change(&sv, NULL, NULL, false);
        hear_error(sv.fd, "passphrase-needed", EXIT_USAGE);
        change(&sv, NULL, "correct horse", true);
        hear_error(sv.fd, "passphrase-both", EXIT_USAGE);
        change(&sv, NULL, "correct horse", false);
        hear_done(sv.fd);
        assert_true(opens(&sv, "correct horse"));
        assert_int_equal(world_mode(&sv.w, "vault/household"), 0600);
        assert_false(sv_unlocked(&sv));

        unlock(&sv, "correct horse", 60);
        hear_done(sv.fd);
        change(&sv, NULL, "battery staple", false); /* not even now */
        hear_error(sv.fd, "locked", EXIT_LOCKED);
        change(&sv, "correct horse", "battery staple", false);
        hear_done(sv.fd);
        assert_true(opens(&sv, "battery staple") && !opens(&sv, "correct horse"));
        assert_false(sv_unlocked(&sv));
        change(&sv, "correct horse", NULL, true);
        hear_error(sv.fd, "passphrase-wrong", EXIT_LOCKED);
        assert_true(opens(&sv, "battery staple"));
        assert_int_equal(key_state(&sv.w), KEYFILE_MEMBER);
        sv_fini(&sv);
        street_end(&street);
}

static void test_no_household(void **state) {
        struct world w;
        struct wire_c_none none = {0};
        struct wire_o_unlock unlock_q = {.passphrase = SPAN_STR("correct horse")};
        struct wire_o_passphrase change_q = {0};
        struct wire_o_op q = sv_op(OP_LEAVE, NULL);
        (void)state;
        WIRE_PUT(&change_q, O_PASSPHRASE, no_passphrase, true);
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        say(fd, OWNER_O_OP, &q);
        hear_error(fd, "no-mesh", EXIT_REFUSED);
        device_says(&w, true); /* a further device */
        close(fd);
        fd = owner_connect(&w);
        say(fd, OWNER_O_OP, &q);
        hear_error(fd, "no-household", EXIT_REFUSED);
        say(fd, OWNER_O_UNLOCK, &unlock_q);
        hear_error(fd, "no-household", EXIT_REFUSED);
        say(fd, OWNER_O_LOCK, &none);
        hear_error(fd, "no-household", EXIT_REFUSED);
        say(fd, OWNER_O_PASSPHRASE, &change_q);
        hear_error(fd, "no-household", EXIT_REFUSED);
        close(fd);
        world_fini(&w);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_passphrase_at_go),
                cmocka_unit_test(test_unlock_and_lock),
                cmocka_unit_test(test_unlocked_for_a_second),
                cmocka_unit_test(test_plain_key_is_open),
                cmocka_unit_test(test_passphrase),
                cmocka_unit_test(test_no_household),
        };
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
