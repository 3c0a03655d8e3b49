/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of porchlight-ingest, as a file that has taken it over would meet them; and that what it needs goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

#define MUCH (8 * 1024 * 1024) /* bytes: had from the system, not from what is there */

static bool shut(_unused_ const char *dir, struct probe_walls *ret) {
        struct helper_walls walls;
        bool ok = ingest_walls_shut(&walls);
        *ret = (struct probe_walls){walls.landlock, walls.syscalls};
        return ok;
}

/* ---- what it needs ---- */

static int read_in(_unused_ const char *dir) {
        char byte;
        return read(STDIN_FILENO, &byte, 0) == 0 ? 0 : errno;
}

static int write_out(_unused_ const char *dir) {
        return write(STDOUT_FILENO, "", 0) == 0 ? 0 : errno;
}

static int have_memory(_unused_ const char *dir) {
        volatile char *p = malloc(MUCH);
        if (!p)
                return ENOMEM;
        p[MUCH - 1] = 1;
        free((void *)p);
        return 0;
}

/* ---- what it must not ---- */

static int read_file(const char *dir) {
        return probe_open(dir, "porchlight.db", O_RDONLY);
}

static int make_file(const char *dir) {
        return probe_open(dir, "new", O_WRONLY | O_CREAT);
}

static int remove_file(const char *dir) {
        return probe_unlink(dir, "porchlight.db");
}

static int other_descriptor(_unused_ const char *dir) {
        char byte;
        return read(STDERR_FILENO, &byte, 1) >= 0 ? 0 : errno;
}

static int local_socket(_unused_ const char *dir) {
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int memory_to_run(_unused_ const char *dir) {
        return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : errno;
}

static int start_process(_unused_ const char *dir) {
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        return pid > 0 ? 0 : errno;
}

static int run_program(_unused_ const char *dir) {
        char *argv[] = {NULL};
        return execve("/bin/true", argv, argv) == 0 ? 0 : errno;
}

static const struct probe_row rows[] = {
        {"reading its file", read_in, 0, PROBE_NONE},
        {"writing its stream", write_out, 0, PROBE_NONE},
        {"memory", have_memory, 0, PROBE_NONE},
        {"opening a file", read_file, ENOSYS, PROBE_CALLS},
        {"making one", make_file, ENOSYS, PROBE_CALLS},
        {"removing one", remove_file, ENOSYS, PROBE_CALLS},
        {"reading /etc", probe_read_etc, ENOSYS, PROBE_CALLS},
        {"reading what is no file of its own", other_descriptor, ENOSYS, PROBE_CALLS},
        {"a TCP socket", probe_tcp_socket, ENOSYS, PROBE_CALLS},
        {"a local socket", local_socket, ENOSYS, PROBE_CALLS},
        {"memory that is run", memory_to_run, ENOSYS, PROBE_CALLS},
        {"a process", start_process, ENOSYS, PROBE_CALLS},
        {"another program", run_program, PROBE_ENDED, PROBE_CALLS},
};

static void test_walls(void **state) {
        char dir[64];
        (void)state;
        probe_begin(dir);
        size_t wrong = probe_run(dir, shut, rows, ARRAY_LEN(rows));
        probe_end(dir);
        assert_int_equal(wrong, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_walls)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
