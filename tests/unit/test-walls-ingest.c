/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of porchlight-ingest, as a file that has taken it over would meet them; and that what it needs goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/walls.h"

#include <errno.h>
#include <stdlib.h>
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

static int remove_file(const char *dir) {
        return probe_unlink(dir, "porchlight.db");
}

static int other_descriptor(_unused_ const char *dir) {
        char byte;
        return read(STDERR_FILENO, &byte, 1) >= 0 ? 0 : errno;
}

static const struct probe_row rows[] = {
        {"reading its file", read_in, 0, PROBE_NONE},
        {"writing its stream", write_out, 0, PROBE_NONE},
        {"memory", have_memory, 0, PROBE_NONE},
        {"opening a file", probe_read_file, ENOSYS, PROBE_CALLS},
        {"making one", probe_make_file, ENOSYS, PROBE_CALLS},
        {"removing one", remove_file, ENOSYS, PROBE_CALLS},
        {"reading /etc", probe_read_etc, ENOSYS, PROBE_CALLS},
        {"reading what is no file of its own", other_descriptor, ENOSYS, PROBE_CALLS},
        {"a TCP socket", probe_tcp_socket, ENOSYS, PROBE_CALLS},
        {"a local socket", probe_local_socket, ENOSYS, PROBE_CALLS},
        {"memory that is run", probe_memory_to_run, ENOSYS, PROBE_CALLS},
        {"a process", probe_start_process, ENOSYS, PROBE_CALLS},
        {"another program", probe_run_program, PROBE_ENDED, PROBE_CALLS},
};

static void test_walls(void **state) {
        (void)state;
        assert_int_equal(probe_helper(shut, rows, ARRAY_LEN(rows)), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_walls)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
