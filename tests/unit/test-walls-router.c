/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of porchlight-router, as an answer that has taken it over would meet them; and that what it needs goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/walls.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

static bool shut(_unused_ const char *dir, struct probe_walls *ret) {
        struct helper_walls walls;
        bool ok = router_walls_shut(&walls);
        *ret = (struct probe_walls){walls.landlock, walls.syscalls};
        return ok;
}

/* ---- what it needs ---- */

static int be_late(_unused_ const char *dir) {
        alarm(60);
        return alarm(0) ? 0 : EIO;
}

static int speak_udp6(_unused_ const char *dir) {
        return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int tcp_socket6(_unused_ const char *dir) {
        return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static const struct probe_row rows[] = {
        {"UDP", probe_speak_udp, 0, PROBE_NONE},
        {"UDP over IPv6", speak_udp6, 0, PROBE_NONE},
        {"a TCP socket over IPv6", tcp_socket6, 0, PROBE_NONE},
        {"a TCP socket", probe_tcp_socket, 0, PROBE_NONE},
        {"an end to what takes too long", be_late, 0, PROBE_NONE},
        {"opening a file", probe_read_file, ENOSYS, PROBE_CALLS},
        {"making one", probe_make_file, ENOSYS, PROBE_CALLS},
        {"reading /etc", probe_read_etc, ENOSYS, PROBE_CALLS},
        {"a local socket", probe_local_socket, ENOSYS, PROBE_CALLS},
        {"a pair of them", probe_socket_pair, ENOSYS, PROBE_CALLS},
        {"a raw socket", probe_raw_socket, ENOSYS, PROBE_CALLS},
        {"memory that is run", probe_memory_to_run, ENOSYS, PROBE_CALLS},
        {"memory that is made to run", probe_memory_made_to_run, ENOSYS, PROBE_CALLS},
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
