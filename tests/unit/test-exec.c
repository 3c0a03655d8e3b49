/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that `watch --exec` runs for an event, and its 30 seconds. What exec.c waits for passes here at once, as soon as
 * the program does what the case is about (poll is wrapped): no case lasts as long as a person would wait.
 */
#include "cli/cli.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN_MS 30000
#define END_MS 2000
#define WAITS_MOST 8

static char folder[64], ready[96], told[96];
static struct {
        int ms[WAITS_MOST];
        size_t n;
} waits;

int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);

static bool exists(const char *path) {
        struct stat st;
        return stat(path, &st) == 0;
}

/* The time is over when the program hangs, which it says by a file; whatever ends by itself has all the time it needs. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms) {
        assert_true(waits.n < WAITS_MOST);
        waits.ms[waits.n++] = ms;
        while (!exists(ready)) {
                int r = __real_poll(fds, n, 1);
                if (r)
                        return r;
        }
        return ms == END_MS && !exists(told) ? __real_poll(fds, n, -1) : 0;
}

static int run(const char *script, const char *event) {
        char *const argv[] = {
                (char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script, (char[]){"sh"}, ready, told, NULL};
        struct cli c = {0};
        waits.n = 0;
        return exec_run(&c, argv, span_str(event));
}

static int set_up(void **state) {
        (void)state;
        snprintf(folder, sizeof(folder), "/tmp/pl-exec-XXXXXX");
        assert_non_null(mkdtemp(folder));
        snprintf(ready, sizeof(ready), "%s/ready", folder);
        snprintf(told, sizeof(told), "%s/told", folder);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        unlink(ready);
        unlink(told);
        rmdir(folder);
        return 0;
}

static void the_next_event_runs(const char *event) {
        char got[64] = "";
        unlink(ready);
        unlink(told);
        assert_int_equal(run("cat >\"$2\"", event), 0);
        FILE *f = fopen(told, "r");
        assert_non_null(f);
        assert_non_null(fgets(got, sizeof(got), f));
        fclose(f);
        assert_string_equal(got, event);
        assert_int_equal(waits.n, 1);
}

static void ends_in_time(void **state) {
        (void)state;
        the_next_event_runs("first");
        assert_int_equal(waits.ms[0], RUN_MS);
        the_next_event_runs("second");
}

static bool is_alive(long pid) {
        char path[64], is = 'Z';
        snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%*d %*s %c", &is) != 1)
                is = 'Z';
        if (f)
                fclose(f);
        return is != 'Z'; /* gone, or nobody has fetched what it ended with */
}

/* It hangs: after 30 s it is asked to end, and does. What it has started does not listen, and ends all the same. */
static void hangs(void **state) {
        (void)state;
        static const char script[] = "(trap '' TERM; sh -c 'echo $PPID' >\"$1.new\"; mv \"$1.new\" \"$1\";"
                                     " while :; do sleep 1; done) & wait";
        assert_int_equal(run(script, "event"), 0);
        assert_int_equal(waits.n, 2);
        assert_int_equal(waits.ms[0], RUN_MS);
        assert_int_equal(waits.ms[1], END_MS);
        long child = 0;
        FILE *f = fopen(ready, "r");
        assert_non_null(f);
        assert_int_equal(fscanf(f, "%ld", &child), 1);
        fclose(f);
        while (is_alive(child))
                __real_poll(NULL, 0, 1);
        the_next_event_runs("after it");
}

/* It does not want to end: two seconds later it is ended. */
static void does_not_listen(void **state) {
        (void)state;
        assert_int_equal(run("trap '' TERM; : >\"$2\"; : >\"$1\"; while :; do sleep 1; done", "event"), 0);
        assert_int_equal(waits.n, 2);
        assert_int_equal(waits.ms[1], END_MS);
        the_next_event_runs("after it");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(ends_in_time, set_up, tear_down),
                cmocka_unit_test_setup_teardown(hangs, set_up, tear_down),
                cmocka_unit_test_setup_teardown(does_not_listen, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
