/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of porchlight-router, as an answer that has taken it over would meet them; and that what it needs goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
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

static int speak_udp(_unused_ const char *dir) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof(a);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || getsockname(fd, (struct sockaddr *)&a, &n))
                return errno;
        return sendto(fd, "x", 1, 0, (struct sockaddr *)&a, n) == 1 ? 0 : errno;
}

static int make_stream(_unused_ const char *dir) {
        int ends[2];
        return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? 0 : errno;
}

static int be_late(_unused_ const char *dir) {
        alarm(60);
        return alarm(0) ? 0 : EIO;
}

/* ---- what it must not ---- */

static int read_file(const char *dir) {
        return probe_open(dir, "porchlight.db", O_RDONLY);
}

static int make_file(const char *dir) {
        return probe_open(dir, "new", O_WRONLY | O_CREAT);
}

static int local_socket(_unused_ const char *dir) {
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int raw_socket(_unused_ const char *dir) {
        return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 ? 0 : errno;
}

static int memory_to_run(_unused_ const char *dir) {
        return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : errno;
}

static int memory_made_to_run(_unused_ const char *dir) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
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
        {"UDP", speak_udp, 0, PROBE_NONE},
        {"a TCP socket", probe_tcp_socket, 0, PROBE_NONE},
        {"an end to what takes too long", be_late, 0, PROBE_NONE},
        {"opening a file", read_file, ENOSYS, PROBE_CALLS},
        {"making one", make_file, ENOSYS, PROBE_CALLS},
        {"reading /etc", probe_read_etc, ENOSYS, PROBE_CALLS},
        {"a local socket", local_socket, ENOSYS, PROBE_CALLS},
        {"a pair of them", make_stream, ENOSYS, PROBE_CALLS},
        {"a raw socket", raw_socket, ENOSYS, PROBE_CALLS},
        {"memory that is run", memory_to_run, ENOSYS, PROBE_CALLS},
        {"memory that is made to run", memory_made_to_run, ENOSYS, PROBE_CALLS},
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
