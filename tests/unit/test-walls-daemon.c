/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's walls, as an intruder in it would meet them; and that what it needs goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

static bool shut(const char *dir, struct probe_walls *ret) {
        struct node_walls walls;
        struct syscalls filter;
        walls_begin(&filter);
        bool ok = walls_shut(dir, &filter, &walls);
        *ret = (struct probe_walls){walls.landlock, walls.syscalls};
        return ok;
}

/* ---- what it needs ---- */

static int read_db(const char *dir) {
        return probe_open(dir, "porchlight.db", O_RDWR);
}

static int write_log(const char *dir) {
        return probe_open(dir, "porchlight.db-wal", O_RDWR | O_CREAT | O_NOFOLLOW);
}

static int open_index(const char *dir) {
        return probe_open(dir, "porchlight.db-shm", O_RDWR | O_CREAT | O_NOFOLLOW);
}

static int sync_dir(const char *dir) {
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && fsync(fd) == 0 ? 0 : errno;
}

static void *on_thread(void *arg) {
        return arg;
}

static int start_thread(_unused_ const char *dir) {
        pthread_t t;
        int r = pthread_create(&t, NULL, on_thread, NULL);
        return r ? r : pthread_join(t, NULL);
}

static int find_group(_unused_ const char *dir) {
        return getgrnam("root") ? 0 : ENOENT;
}

static int name_interface(_unused_ const char *dir) {
        return if_nametoindex("lo") ? 0 : errno;
}

/* Without it the core would take every link for empty. */
static int ask_backlog(_unused_ const char *dir) {
        int queued, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd >= 0 && ioctl(fd, SIOCOUTQ, &queued) == 0 ? 0 : errno;
}

static int abort_self(_unused_ const char *dir) {
        return raise(0) == 0 ? 0 : errno;
}

/* One end of each goes to porchlight-ice. */
static int make_pair(_unused_ const char *dir) {
        int ends[2];
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
}

/* ---- what it must not ---- */

static int read_household(const char *dir) {
        return probe_open(dir, "vault/household", O_RDONLY);
}

static int write_household(const char *dir) {
        return probe_open(dir, "vault/household", O_WRONLY | O_TRUNC);
}

static int cut_household(const char *dir) {
        char path[160];
        snprintf(path, sizeof(path), "%s/vault/household", dir);
        return truncate(path, 0) == 0 ? 0 : errno;
}

static int remove_household(const char *dir) {
        return probe_unlink(dir, "vault/household");
}

static int make_in_vault(const char *dir) {
        return probe_open(dir, "vault/new", O_CREAT | O_WRONLY);
}

static int read_beside(const char *dir) {
        return probe_open(dir, "beside", O_RDONLY);
}

static int local_stream(_unused_ const char *dir) {
        return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int local_packets(_unused_ const char *dir) {
        return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

/* With the one kind of local socket it may have: owner.sock is of another. */
static int call_owner(const char *dir) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        snprintf(to.sun_path, sizeof(to.sun_path), "%s/owner.sock", dir);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
}

/* Made, given its name, removed; in the folder that is there before the walls. */
static int take_clip(const char *dir) {
        char from[96], to[96];
        snprintf(from, sizeof(from), "%s/clips/1.part", dir);
        snprintf(to, sizeof(to), "%s/clips/name", dir);
        int fd = open(from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, "x", 1) != 1 || rename(from, to) != 0)
                return errno;
        return unlink(to) == 0 ? 0 : errno;
}

static int call_owner_by_pair(const char *dir) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        int ends[2];
        snprintf(to.sun_path, sizeof(to.sun_path), "%s/owner.sock", dir);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) || close(ends[1]))
                return errno;
        return connect(ends[0], (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
}

static const struct probe_row rows[] = {
        {"its database", read_db, 0, PROBE_NONE},
        {"its log", write_log, 0, PROBE_NONE},
        {"the log's index", open_index, 0, PROBE_NONE},
        {"syncing its folder", sync_dir, 0, PROBE_NONE},
        {"where groups are named", probe_read_etc, 0, PROBE_NONE},
        {"a group", find_group, 0, PROBE_NONE},
        {"an interface", name_interface, 0, PROBE_NONE},
        {"a thread", start_thread, 0, PROBE_NONE},
        {"a TCP socket", probe_tcp_socket, 0, PROBE_NONE},
        {"what waits in one", ask_backlog, 0, PROBE_NONE},
        {"a pair of streams", make_pair, 0, PROBE_NONE},
        {"a signal to itself", abort_self, 0, PROBE_NONE},
        {"reading the household's key", read_household, EACCES, PROBE_FILES},
        {"writing over it", write_household, EACCES, PROBE_FILES},
        {"cutting it off", cut_household, ENOSYS, PROBE_CALLS},
        {"removing it", remove_household, EACCES, PROBE_FILES},
        {"a file in DIR/vault", make_in_vault, EACCES, PROBE_FILES},
        {"reading a stranger's file in DIR", read_beside, EACCES, PROBE_FILES},
        {"taking a clip in", take_clip, 0, PROBE_NONE},
        {"a local stream", local_stream, ENOSYS, PROBE_CALLS},
        {"local packets", local_packets, ENOSYS, PROBE_CALLS},
        {"calling owner.sock", call_owner, EPROTOTYPE, PROBE_CALLS},
        {"calling it by one of a pair", call_owner_by_pair, EISCONN, PROBE_NONE},
};

static void test_walls(void **state) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        char dir[64];
        (void)state;
        probe_begin(dir);
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/owner.sock", dir);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(fd, 1), 0);
        size_t wrong = probe_run(dir, shut, rows, ARRAY_LEN(rows)) + probe_never(dir, shut);
        close(fd);
        probe_end(dir);
        assert_int_equal(wrong, 0);
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
                cmocka_unit_test(test_without_landlock),
                cmocka_unit_test(test_both_stand),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
