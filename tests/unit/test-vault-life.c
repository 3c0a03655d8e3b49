/* SPDX-License-Identifier: Apache-2.0 */
/* The vault as a program, its ends and starts: signals, crashes, what stands in its folder, and its arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vault-world.h"

static void test_signals(void **state) {
        struct world w;
        struct wire_c_none none = {0};
        _clean_(answer_fini) struct answer a = {0};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        kill(w.pid, SIGINT);
        kill(w.pid, SIGPIPE);
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &a, OWNER_O_STATE_ROW);
        hear_done(fd);
        kill(w.pid, SIGTERM);
        assert_int_equal(world_exit_code(&w), 0);
        assert_false(world_has(&w, "owner.sock"));
        close(fd);
        close(w.daemon);
        world_remove(&w);
}

static void found_and_stop(struct world *w, bool finish) {
        _clean_(answer_fini) struct answer a = {0};
        struct wire_o_create q = create_plain();
        device_says(w, false);
        int fd = owner_connect(w);
        say(fd, OWNER_O_CREATE, &q);
        hear_number(w->daemon, &a, OWNER_V_FOUND);
        if (finish) {
                result_says(w, true, NULL, false);
                hear_done(fd);
        }
        kill(w->pid, SIGKILL);
        assert_int_equal(world_exit_code(w), -1);
        close(fd);
        close(w->daemon);
}

/* A crash between the key file and the daemon's answer: the daemon's word decides at the next start. */
static void test_leftover_founding(void **state) {
        struct world w;
        (void)state;
        world_init(&w);
        found_and_stop(&w, false);
        assert_int_equal(key_state(&w), KEYFILE_FOUNDING);
        assert_true(world_has(&w, "owner.sock")); /* stale: the next clears it away */
        world_run(&w);
        device_says(&w, true);
        close(owner_connect(&w));
        world_stop(&w);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);

        world_run(&w); /* and a member's key outlives a daemon that has lost its mesh */
        device_says(&w, false);
        close(owner_connect(&w));
        world_stop(&w);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        world_remove(&w);
}

/* A daemon that has no mesh may still be founding it, so the key waits; the owner's next request takes its place. */
static void test_leftover_founding_void(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        _clean_(buf_fini) struct buf before = BUF_NULL, after = BUF_NULL;
        struct wire_o_create q = create_plain();
        struct wire_c_none none = {0};
        (void)state;
        world_init(&w);
        found_and_stop(&w, false);
        key_file(&w, &before);
        world_run(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &a, OWNER_O_STATE_ROW);
        assert_false(a.m.o_state.has_household);
        hear_done(fd);
        key_file(&w, &after);
        assert_true(span_eq(buf_span(&before), buf_span(&after)));
        say(fd, OWNER_O_CREATE, &q);
        hear_number(w.daemon, &a, OWNER_V_FOUND);
        key_file(&w, &after);
        assert_false(span_eq(buf_span(&before), buf_span(&after)));
        result_says(&w, true, NULL, false);
        hear_done(fd);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        close(fd);
        world_fini(&w);
}

static void test_damaged_file(void **state) {
        static const struct {
                const char *error;
                struct span bytes;
        } rows[] = {
                {"key-file-damaged", SPAN_STR("")},
                {"key-file-unknown", SPAN_STR("something else")},
                {"key-file-damaged", SPAN_STR("PLHK1\x01\x03")},
        };
        struct world w;
        struct wire_o_create q = create_plain();
        char path[128];
        (void)state;
        world_init(&w);
        found_and_stop(&w, true);
        world_path(&w, "vault/household", path);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct stat st;
                int fd = open(path, O_WRONLY | O_TRUNC);
                assert_true(fd >= 0);
                assert_int_equal(write(fd, rows[i].bytes.p, rows[i].bytes.n), (ssize_t)rows[i].bytes.n);
                close(fd);
                world_run(&w);
                device_says(&w, true);
                fd = owner_connect(&w);
                say(fd, OWNER_O_CREATE, &q);
                hear_error(fd, rows[i].error, EXIT_FAILED);
                close(fd);
                world_stop(&w);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_size, (off_t)rows[i].bytes.n);
        }
        world_remove(&w);
}

static void test_readable_file_is_tightened(void **state) {
        struct world w;
        char path[128];
        (void)state;
        world_init(&w);
        found_and_stop(&w, true);
        world_path(&w, "vault/household", path);
        assert_int_equal(chmod(path, 0644), 0);
        world_run(&w);
        device_says(&w, true);
        close(owner_connect(&w));
        assert_int_equal(world_mode(&w, "vault/household"), 0600);
        world_fini(&w);
}

static void test_one_vault_a_folder(void **state) {
        struct world first, second;
        (void)state;
        world_init(&first);
        device_says(&first, false);
        close(owner_connect(&first));
        second = first;
        world_run(&second);
        device_says(&second, false);
        assert_int_equal(world_exit_code(&second), 1);
        close(second.daemon);
        close(owner_connect(&first)); /* its socket was left alone */
        second = first;
        world_run(&second); /* waits for the first to end */
        device_says(&second, false);
        world_stop(&first);
        close(owner_connect(&second));
        world_fini(&second);
}

static void test_folder_in_the_way(void **state) {
        struct world w;
        char path[128];
        (void)state;
        world_init(&w);
        device_says(&w, false);
        close(owner_connect(&w));
        world_stop(&w);
        world_path(&w, "owner.sock", path);
        int fd = open(path, O_WRONLY | O_CREAT, 0600); /* somebody's file: not ours to remove */
        assert_true(fd >= 0);
        close(fd);
        world_run(&w);
        assert_int_equal(world_exit_code(&w), 1);
        close(w.daemon);
        assert_true(world_has(&w, "owner.sock"));
        world_remove(&w);

        world_init(&w);
        device_says(&w, false);
        close(owner_connect(&w));
        world_stop(&w);
        world_path(&w, "vault/lock", path);
        assert_int_equal(unlink(path), 0);
        world_path(&w, "vault", path);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(symlink("/tmp", path), 0);
        world_run(&w);
        assert_int_equal(world_exit_code(&w), 1);
        close(w.daemon);
        assert_int_equal(unlink(path), 0);
        world_remove(&w);
}

static int run_with(const char *a, const char *b) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR);
                dup2(null, STDOUT_FILENO);
                dup2(null, STDERR_FILENO);
                close_range(3, ~0u, 0);
                execl(world_program, world_program, a, b, (char *)NULL);
                _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_arguments(void **state) {
        (void)state;
        assert_int_equal(run_with("--help", NULL), 0);
        assert_int_equal(run_with("--version", NULL), 0);
        assert_int_equal(run_with(NULL, NULL), 2);
        assert_int_equal(run_with("--nonsense", NULL), 2);
        assert_int_equal(run_with("/tmp", "/tmp"), 2);
        assert_int_equal(run_with("/tmp", NULL), 1); /* no daemon */
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_signals),
                cmocka_unit_test(test_leftover_founding),
                cmocka_unit_test(test_leftover_founding_void),
                cmocka_unit_test(test_damaged_file),
                cmocka_unit_test(test_readable_file_is_tightened),
                cmocka_unit_test(test_one_vault_a_folder),
                cmocka_unit_test(test_folder_in_the_way),
                cmocka_unit_test(test_arguments),
        };
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
