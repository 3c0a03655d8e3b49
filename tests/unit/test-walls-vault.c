/* SPDX-License-Identifier: Apache-2.0 */
/* The vault's walls, as an intruder in it would meet them; and that what it needs goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "vault/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/landlock.h"
#include "probe.h"
#include "vault/keydisk.h"

static bool shut(const char *dir, struct probe_walls *ret) {
        struct walls walls;
        struct syscalls filter;
        walls_begin(&filter);
        bool ok = walls_shut(dir, dir, &filter, &walls);
        *ret = (struct probe_walls){walls.landlock, walls.syscalls};
        return ok;
}

/* Before the walls, as the vault opens its folder. */
static int vault_fd = -1;

/* ---- what it needs ---- */

static int keep_key(_unused_ const char *dir) {
        _clean_(buf_fini) struct buf back = BUF_NULL;
        bool tightened;
        int r = keydisk_remove(vault_fd);
        if (r == 0)
                r = keydisk_write(vault_fd, SPAN_STR("first"), false);
        if (r == 0)
                r = keydisk_write(vault_fd, SPAN_STR("second"), true);
        if (r == 0)
                r = keydisk_read(vault_fd, &back, &tightened);
        return r == 0 && span_eq(buf_span(&back), SPAN_STR("second")) ? 0 : EIO;
}

static int listen_at(const char *dir) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/owner.sock", dir);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0)
                return errno;
        return unlink(at.sun_path) == 0 ? 0 : errno;
}

static int listen_dir(const char *dir) {
        return listen_at(dir);
}

/* ---- what it must not ---- */

static int listen_tmp(_unused_ const char *dir) {
        return listen_at("/tmp");
}

static int read_db(const char *dir) {
        return probe_open(dir, "porchlight.db", O_RDONLY);
}

static int udp_socket(_unused_ const char *dir) {
        return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int netlink_socket(_unused_ const char *dir) {
        return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int call_anybody(const char *dir) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        snprintf(to.sun_path, sizeof(to.sun_path), "%s/control.sock", dir);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
}

static const struct probe_row rows[] = {
        {"writing, replacing and reading the key", keep_key, 0, PROBE_NONE},
        {"a socket in DIR", listen_dir, 0, PROBE_NONE},
        {"a socket elsewhere", listen_tmp, EACCES, PROBE_FILES},
        {"reading the database", read_db, EACCES, PROBE_FILES},
        {"reading /etc", probe_read_etc, EACCES, PROBE_FILES},
        {"a TCP socket", probe_tcp_socket, ENOSYS, PROBE_CALLS},
        {"a UDP socket", udp_socket, ENOSYS, PROBE_CALLS},
        {"a netlink socket", netlink_socket, ENOSYS, PROBE_CALLS},
        {"calling a local socket", call_anybody, ENOSYS, PROBE_CALLS},
};

static void test_walls(void **state) {
        char dir[64], path[80];
        (void)state;
        probe_begin(dir);
        snprintf(path, sizeof(path), "%s/vault", dir);
        vault_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t wrong = probe_run(dir, shut, rows, ARRAY_LEN(rows)) + probe_never(dir, shut);
        close(vault_fd);
        probe_end(dir);
        assert_int_equal(wrong, 0);
}

/* The network is closed by Landlock as well, where the kernel's knows of it: each of the two walls is enough. */
static int connect_tcp(const char *dir) {
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = *(const int *)dir;
        return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
}

static bool shut_tcp(_unused_ const char *dir, struct probe_walls *ret) {
        *ret = (struct probe_walls){0};
        return landlock_shut(NULL, 0, false, &ret->landlock) >= 0;
}

static void test_tcp_by_landlock(void **state) {
        const struct probe_row row = {"TCP on a socket from before", connect_tcp, EACCES, PROBE_TCP};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)state;
        assert_int_equal(probe_run((const char *)&fd, shut_tcp, &row, 1), 0);
        close(fd);
}

static void test_without_landlock(void **state) {
        (void)state;
        assert_true(probe_goes_on_without_landlock(shut));
}

static void test_both_stand(void **state) {
        (void)state;
        assert_true(probe_both_stand(shut));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_walls),
                cmocka_unit_test(test_tcp_by_landlock),
                cmocka_unit_test(test_without_landlock),
                cmocka_unit_test(test_both_stand),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
