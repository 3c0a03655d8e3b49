/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of porchlight-names, as an answer that has taken it over would meet them; and that what it needs goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "names/walls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "probe.h"

static bool shut(_unused_ const char *dir, struct probe_walls *ret) {
        struct helper_walls walls;
        bool ok = names_walls_shut(&walls);
        *ret = (struct probe_walls){walls.landlock, walls.syscalls};
        return ok;
}

/* ---- what it needs ---- */

static void *find_localhost(void *ret) {
        struct addrinfo *found = NULL;
        *(int *)ret = getaddrinfo("localhost", NULL, NULL, &found);
        if (found)
                freeaddrinfo(found);
        return NULL;
}

static int look_up(_unused_ const char *dir) {
        pthread_t thread;
        int r = EIO, e = pthread_create(&thread, NULL, find_localhost, &r);
        return e ? e : (pthread_join(thread, NULL), r);
}

static int speak_udp(_unused_ const char *dir) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : errno;
}

/* ---- what it must not ---- */

static int raw_socket(_unused_ const char *dir) {
        return socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? 0 : errno;
}

static const struct probe_row rows[] = {
        {"looking up a name, in a thread", look_up, 0, PROBE_NONE},
        {"UDP", speak_udp, 0, PROBE_NONE},
        {"a TCP socket", probe_tcp_socket, 0, PROBE_NONE},
        {"reading /etc", probe_read_etc, 0, PROBE_NONE},
        {"opening a file of DIR", probe_read_file, EACCES, PROBE_FILES},
        {"making one", probe_make_file, ENOSYS, PROBE_CALLS},
        {"a local socket", probe_local_socket, ENOSYS, PROBE_CALLS},
        {"a raw socket", raw_socket, ENOSYS, PROBE_CALLS},
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
