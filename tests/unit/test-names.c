/* SPDX-License-Identifier: Apache-2.0 */
/* porchlight-names as a program, which is the argument: a socketpair, and questions whose answers need no network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/helper.h"
#include "wire/frame.h"

#define PORT 4711
#define MANY 20 /* more than it takes at a time */
#define WAIT_S 20

static const char *program;

struct names {
        int fd;
        pid_t pid;
};

static int begin(void **state) {
        static struct names n;
        int pair[2];
        struct timeval tv = {.tv_sec = WAIT_S};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        n.pid = fork();
        if (n.pid == 0) {
                if (pair[1] != 3 ? dup2(pair[1], 3) == 3 : fcntl(3, F_SETFD, 0) == 0)
                        execl(program, program, (char *)NULL);
                _exit(127);
        }
        assert_true(n.pid > 0);
        close(pair[1]);
        n.fd = pair[0];
        assert_int_equal(setsockopt(n.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
        *state = &n;
        return 0;
}

static int exit_code(pid_t pid) {
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ends(const struct names *n, int code) {
        close(n->fd);
        assert_int_equal(exit_code(n->pid), code);
}

static void question(struct buf *out, uint64_t number) {
        const struct wire_names_find q = {.number = number, .name = SPAN_STR("localhost"), .port = PORT};
        frame_put(out, wire_names_find(NAMES_FIND), &q);
        assert_true(buf_ok(out));
}

static void say(const struct names *n, struct span s) {
        assert_int_equal(send(n->fd, s.p, s.n, MSG_NOSIGNAL), (ssize_t)s.n);
}

/* The next answer; its spans are in @store. */
static struct wire_names_found hear(const struct names *n, struct buf *store) {
        uint8_t head[4];
        const struct wire_number *row;
        union frame_message m;
        buf_clear(store);
        assert_int_equal(recv(n->fd, head, sizeof(head), MSG_WAITALL), (ssize_t)sizeof(head));
        size_t len = get_be32(head);
        assert_int_equal(recv(n->fd, buf_room(store, len), len, MSG_WAITALL), (ssize_t)len);
        buf_used(store, len);
        assert_int_equal(frame_read(buf_span(store), wire_names_find, &row, &m, NULL), 0);
        assert_int_equal(row->number, NAMES_FOUND);
        return m.names_found;
}

static void is_loopback(const struct wire_names_found *found) {
        struct wire_list left = found->addrs;
        struct wire_addr a;
        assert_true(WIRE_HAS(found, NAMES_FOUND, addrs) && left.count > 0);
        while (wire_list_next(&wire_addr_desc, &left, &a)) {
                assert_int_equal(a.port, PORT);
                assert_true(WIRE_HAS(&a, ADDR, ip4) ? a.ip4.p[0] == 127 : WIRE_HAS(&a, ADDR, ip6) && a.ip6.p[15] == 1);
        }
}

/* A question that comes in two halves, and then one more. */
static void test_found(void **state) {
        _clean_(buf_fini) struct buf out = BUF_NULL, store = BUF_NULL;
        const struct names *n = *state;
        question(&out, 7);
        say(n, span_of(out.p, 5));
        say(n, span_from(buf_span(&out), 5));
        struct wire_names_found found = hear(n, &store);
        assert_int_equal(found.number, 7);
        is_loopback(&found);
        buf_clear(&out);
        question(&out, UINT32_MAX);
        say(n, buf_span(&out));
        found = hear(n, &store);
        assert_int_equal(found.number, UINT32_MAX);
        is_loopback(&found);
        ends(n, 0);
}

/* Each is answered once, if only that these are too many. */
static void test_many(void **state) {
        _clean_(buf_fini) struct buf out = BUF_NULL, store = BUF_NULL;
        const struct names *n = *state;
        bool heard[MANY + 1] = {false};
        for (uint64_t i = 1; i <= MANY; i++)
                question(&out, i);
        say(n, buf_span(&out));
        for (int i = 0; i < MANY; i++) {
                struct wire_names_found found = hear(n, &store);
                assert_true(found.number >= 1 && found.number <= MANY && !heard[found.number]);
                heard[found.number] = true;
                if (!WIRE_HAS(&found, NAMES_FOUND, problem))
                        is_loopback(&found);
                else
                        assert_true(span_eq(found.problem, SPAN_STR("too many names at a time")));
        }
        ends(n, 0);
}

/* A message of another's, of its own, and none at all. */
static void test_nonsense(void **state) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        const struct wire_names_found mine = {.number = 1};
        frame_put(&out, wire_names_find(NAMES_FOUND), &mine);
        say(*state, buf_span(&out));
        ends(*state, 1);
        begin(state);
        say(*state, SPAN_STR("\0\0\0\5hello"));
        ends(*state, 1);
        begin(state);
        say(*state, SPAN_STR("\377\377\377\377"));
        ends(*state, 1);
}

static void test_by_hand(void **state) {
        (void)state;
        pid_t pid = fork();
        if (pid == 0) {
                close(3);
                execl(program, program, (char *)NULL);
                _exit(127);
        }
        assert_int_equal(exit_code(pid), HELPER_USAGE);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_found, begin),
                cmocka_unit_test_setup(test_many, begin),
                cmocka_unit_test_setup(test_nonsense, begin),
                cmocka_unit_test(test_by_hand),
        };
        if (argc != 2)
                return EXIT_FAILURE;
        program = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
