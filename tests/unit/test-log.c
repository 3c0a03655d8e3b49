/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives at the other end of stderr. Each case is a process of its own: where stderr goes is found out once. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4
#define LINES_EACH 200

typedef void (*said_fn)(void);

static void read_all(int fd, char *out, size_t max) {
        size_t n = 0;
        ssize_t got;
        while (n + 1 < max && (got = read(fd, out + n, max - 1 - n)) > 0)
                n += (size_t)got;
        out[n] = 0;
}

/* Runs @say in a child whose stderr is a pipe, told to be the journal's if @journal. */
static void catch (said_fn say, bool journal, char *out, size_t max) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        fflush(NULL); /* or the child's end would print our cases a second time */
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                struct stat st;
                char stream[64];
                dup2(ends[1], STDERR_FILENO);
                close(ends[0]);
                close(ends[1]);
                fstat(STDERR_FILENO, &st);
                snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                         (unsigned long long)st.st_ino + !journal);
                setenv("JOURNAL_STREAM", stream, 1);
                log_set_name("porchlightd");
                say();
                exit(0);
        }
        close(ends[1]);
        read_all(ends[0], out, max);
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

static void say_levels(void) {
        log_set_level(LOG_DEBUG);
        log_error("disk %d%% full", 99);
        log_warning("late");
        log_info("ready");
        log_debug("why");
        log_set_level(LOG_WARNING);
        log_info("not this");
        log_warning("last");
}

static void say_lines(void) {
        log_info("two\nlines\x1b[2J");
}

static void say_errno(void) {
        errno = ENOENT;
        log_info("%m");
        if (errno == ENOENT)
                log_info("kept");
}

static void say_much(void) {
        char much[5000];
        memset(much, 'x', sizeof(much));
        much[sizeof(much) - 1] = 0;
        log_info("%s", much);
        log_info("next");
}

static void *chatter(void *arg) {
        for (int i = 0; i < LINES_EACH; i++)
                log_info("thread %c says %0100d", *(const char *)arg, i);
        return NULL;
}

static void say_together(void) {
        static char names[THREADS] = {'a', 'b', 'c', 'd'};
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++)
                if (pthread_create(&threads[i], NULL, chatter, &names[i]) != 0)
                        exit(1);
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
}

static void levels(void **state) {
        (void)state;
        char got[1000];
        catch (say_levels, false, got, sizeof(got));
        assert_string_equal(got, "porchlightd: error: disk 99% full\nporchlightd: warning: late\nporchlightd: ready\n"
                                 "porchlightd: debug: why\nporchlightd: warning: last\n");
        catch (say_levels, true, got, sizeof(got));
        assert_string_equal(got, "<3>porchlightd: error: disk 99% full\n<4>porchlightd: warning: late\n"
                                 "<6>porchlightd: ready\n<7>porchlightd: debug: why\n<4>porchlightd: warning: last\n");
}

static void one_line_an_event(void **state) {
        (void)state;
        char got[4000];
        catch (say_lines, false, got, sizeof(got));
        assert_string_equal(got, "porchlightd: two?lines?[2J\n");
        catch (say_errno, false, got, sizeof(got));
        assert_string_equal(got, "porchlightd: No such file or directory\nporchlightd: kept\n");
        catch (say_much, false, got, sizeof(got));
        const char *end = strchr(got, '\n');
        assert_non_null(end);
        assert_true(end - got > 900 && end - got <= 1024);
        assert_string_equal(end + 1, "porchlightd: next\n");
}

static void threads_do_not_mix(void **state) {
        (void)state;
        static char got[THREADS * LINES_EACH * 200];
        int lines = 0;
        catch (say_together, false, got, sizeof(got));
        for (char *line = got, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
                assert_int_equal(end - line, strlen("porchlightd: thread a says ") + 100);
                assert_memory_equal(line, "porchlightd: thread ", strlen("porchlightd: thread "));
        }
        assert_int_equal(lines, THREADS * LINES_EACH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(levels),
                cmocka_unit_test(one_line_an_event),
                cmocka_unit_test(threads_do_not_mix),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
