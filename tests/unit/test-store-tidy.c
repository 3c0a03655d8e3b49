/* SPDX-License-Identifier: Apache-2.0 */
/* What an ended store leaves, and who may clear it away. Looked at from another process, as the porter does: a process's own
 * locks never stand in its own way. */
#include "store-check.h"

#include <sys/wait.h>

/* store_tidy() in a process of its own; what it says. */
static int tidied(void) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
                _exit(store_tidy(dir));
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        return WEXITSTATUS(status);
}

static bool there(const char *name) {
        struct stat st;
        return lstat(in_dir(name), &st) == 0;
}

static void closed_store_is_one_file(void **state) {
        (void)state;
        struct store *s = opened();
        struct hash id = put_alert(s, 1, 1, "text");
        store_close(s);
        assert_true(there("porchlight.db-wal") && there("porchlight.db-shm"));
        assert_int_equal(tidied(), 0);
        assert_false(there("porchlight.db-wal") || there("porchlight.db-shm"));
        assert_int_equal(tidied(), 0);
        s = opened();
        put_follow(s, 2, 2, RECORD_COMMENT, id, "it is all there");
        assert_int_equal(mode_of("porchlight.db-wal"), 0600);
        store_close(s);
}

static void open_store_is_left_alone(void **state) {
        (void)state;
        struct store *s = opened();
        put_alert(s, 1, 1, "text");
        assert_int_equal(tidied(), STORE_E_SHARED);
        struct store_reader *r = reading();
        store_close(s);
        assert_int_equal(tidied(), STORE_E_SHARED); /* no writer, but somebody reads */
        assert_true(there("porchlight.db-wal") && there("porchlight.db-shm"));
        store_reader_close(r);
        assert_int_equal(tidied(), 0);
        assert_true(there("porchlight.db-wal")); /* the reader kept the writer from emptying it */
        store_close(opened());
        assert_int_equal(tidied(), 0);
        assert_false(there("porchlight.db-wal"));
}

static int count_row(void *ctx, const struct mesh_row *row) {
        (void)row;
        ++*(unsigned *)ctx;
        return 0;
}

/* The log of a process that was killed is part of the database. */
static void log_of_a_crash_stays(void **state) {
        (void)state;
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                struct store *s = opened();
                put_alert(s, 1, 1, "text");
                _exit(s ? 0 : 1);
        }
        assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(tidied(), 0);
        assert_true(there("porchlight.db-wal"));
        struct store *s = opened();
        unsigned rows = 0;
        assert_int_equal(store_restore(s, 0, count_row, &rows), 0);
        assert_int_equal(rows, 1);
        store_close(s);
        assert_int_equal(tidied(), 0);
        assert_false(there("porchlight.db-wal"));
}

static void nothing_is_made(void **state) {
        (void)state;
        assert_int_equal(tidied(), 0);
        assert_false(there("porchlight.db") || there("porchlight.db-wal") || there("lock"));
        assert_int_equal(symlink("/dev/null", in_dir("porchlight.db-wal")), 0);
        assert_int_equal(tidied(), STORE_E_ACCESS);
        assert_true(there("porchlight.db-wal"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(closed_store_is_one_file),
                TEST(open_store_is_left_alone),
                TEST(log_of_a_crash_stays),
                TEST(nothing_is_made),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
