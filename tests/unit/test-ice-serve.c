/* SPDX-License-Identifier: Apache-2.0 */
/* How many questions a doorstep answers, whose, and by how much. */
#include "ice/serve.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#define HEAD 20
#define AROUND 28 /* bytes of IPv4 and UDP */
#define COOKIE 0x2112a442u
#define NETS 8

static struct sockaddr_storage at(const char *text) {
        struct sockaddr_storage s = {0};
        struct sockaddr_in *a4 = (void *)&s;
        struct sockaddr_in6 *a6 = (void *)&s;
        s.ss_family = inet_pton(AF_INET, text, &a4->sin_addr) == 1 ? AF_INET : AF_INET6;
        if (s.ss_family == AF_INET6)
                assert_int_equal(inet_pton(AF_INET6, text, &a6->sin6_addr), 1);
        return s;
}

static unsigned answered(struct serve *s, const char *from, unsigned asked, gint64 now) {
        struct sockaddr_storage who = at(from);
        unsigned n = 0;
        for (unsigned i = 0; i < asked; i++)
                n += serve_may_answer(s, &who, now);
        return n;
}

/* Whoever floods, or has others' answers sent to one place, takes nothing from anybody else. */
static void test_nets(void **state) {
        static const char *const nets[][2] = {{"192.0.2.1", "198.51.100.7"}, {"2001:db8:1::1", "2001:db8:2::1"}};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
                struct serve s = {.left = SERVE_A_SECOND, .salt = 7};
                assert_int_equal(answered(&s, nets[i][0], 10000, 1000), SERVE_A_NET);
                assert_int_equal(answered(&s, nets[i][1], 1, 1000), 1);
                assert_int_equal(answered(&s, nets[i][0], 10000, 1000 + G_USEC_PER_SEC), SERVE_A_NET);
        }
}

/* Addresses of one network are one. */
static void test_neighbours(void **state) {
        (void)state;
        struct serve s = {.left = SERVE_A_SECOND, .salt = 7};
        assert_int_equal(answered(&s, "192.0.2.1", 100, 1000) + answered(&s, "192.0.2.250", 100, 1000), SERVE_A_NET);
        assert_int_equal(answered(&s, "2001:db8:1::1", 100, 1000) + answered(&s, "2001:db8:1:ffff::9", 100, 1000),
                         SERVE_A_NET);
}

/* A street of one carrier comes back after a power cut (ADR 88): 30 homes, each of which has three meetings at once. */
static void test_street(void **state) {
        (void)state;
        struct serve s = {.left = SERVE_A_SECOND, .salt = 7};
        for (int i = 1; i <= 30; i++) {
                char from[INET_ADDRSTRLEN];
                snprintf(from, sizeof(from), "203.0.113.%d", i);
                assert_int_equal(answered(&s, from, 3, 1000), 3);
        }
}

/* All together get no more than would hurt nobody. */
static void test_all(void **state) {
        (void)state;
        struct serve s = {.left = SERVE_A_SECOND, .salt = 7};
        unsigned n = 0;
        for (unsigned i = 0; i < 4000; i++) {
                struct sockaddr_storage who = at("10.0.0.1");
                struct sockaddr_in *a4 = (void *)&who;
                a4->sin_addr.s_addr = htonl(0x0a000001 + (i << 8));
                n += serve_may_answer(&s, &who, 1000);
        }
        assert_int_equal(n, SERVE_A_SECOND);
}

/* ---- what is said ---- */

/* With so many attributes that nobody knows. */
static size_t question(uint8_t *q, bool old, size_t attributes) {
        memset(q, 7, HEAD);
        put_be16(q, 1);
        put_be16(q + 2, (uint16_t)(4 * attributes));
        if (!old)
                put_be32(q + 4, COOKIE);
        for (size_t i = 0; i < attributes; i++)
                put_be32(q + HEAD + 4 * i, (uint32_t)(0x7000 + i) << 16);
        return HEAD + 4 * attributes;
}

/* Whoever has answers sent to somebody else sends nearly as much himself. */
static void test_hardly_longer(void **state) {
        const struct sockaddr_storage who4 = at("192.0.2.1"), who6 = at("2001:db8::1");
        uint8_t q[548], said[548];
        (void)state;
        for (size_t attributes = 0; HEAD + 4 * attributes <= sizeof(q); attributes++)
                for (int old = 0; old < 2; old++) {
                        size_t n = question(q, old, attributes);
                        size_t four =
                                serve_answer(span_of(q, n), &who4, sizeof(struct sockaddr_in), said, sizeof(said));
                        size_t six =
                                serve_answer(span_of(q, n), &who6, sizeof(struct sockaddr_in6), said, sizeof(said));
                        assert_true(4 * (AROUND + four) <= 7 * (AROUND + n));
                        assert_true(4 * (AROUND + 20 + six) <= 7 * (AROUND + 20 + n));
                        assert_true(attributes || (four == 32 && six == 44));
                }
}

/* ---- by real sockets ---- */

struct world {
        struct serve serve;
        uint16_t port;
        int asks[NETS]; /* each from a network of its own */
};

static int ask_from(unsigned net) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001 + (net << 8))};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        return fd;
}

static int begin(void **state) {
        static struct world w;
        serve_init(&w.serve, g_main_context_default());
        for (w.port = 20000; serve_at(&w.serve, w.port) || w.serve.fd[0] < 0; w.port++)
                assert_true(w.port < 60000);
        for (unsigned i = 0; i < NETS; i++)
                w.asks[i] = ask_from(i);
        *state = &w;
        return 0;
}

static int end(void **state) {
        struct world *w = *state;
        serve_fini(&w->serve);
        for (unsigned i = 0; i < NETS; i++)
                file_close(&w->asks[i]);
        return 0;
}

static void ask(struct world *w, unsigned net, const uint8_t *q, size_t n) {
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(w->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        assert_int_equal(sendto(w->asks[net], q, n, 0, (struct sockaddr *)&to, sizeof(to)), n);
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static unsigned answers(struct world *w, unsigned net) {
        uint8_t said[600];
        unsigned n = 0;
        while (recv(w->asks[net], said, sizeof(said), 0) > 0)
                n++;
        return n;
}

/* Both forms, with and without attributes; and nothing else, whether the kernel throws it away or this process does. */
static void test_what_is_answered(void **state) {
        struct world *w = *state;
        uint8_t q[1472] = {0};
        for (unsigned i = 0; i < 4; i++)
                ask(w, 0, q, question(q, i % 2, i / 2 * 3));
        assert_int_equal(answers(w, 0), 4);
        question(q, false, 0);
        for (size_t n = 0; n < HEAD; n++)
                ask(w, 0, q, n);
        for (int by = -4; by <= 8; by += 4) { /* it is shorter or longer than it says */
                size_t n = question(q, false, 2);
                if (by)
                        ask(w, 0, q, (size_t)((int)n + by));
        }
        size_t n = question(q, false, 0);
        put_be16(q, 0x0101); /* an answer, and what wants none */
        ask(w, 0, q, n);
        put_be16(q, 0x0011);
        ask(w, 0, q, n);
        question(q, false, 1);
        put_be16(q + HEAD + 2, 400); /* an attribute that is longer than all of it */
        ask(w, 0, q, HEAD + 4);
        assert_int_equal(answers(w, 0), 0);
}

/* The kernel sees datagrams of IPv6 as it sees the others. */
static void test_ipv6(void **state) {
        struct world *w = *state;
        const struct sockaddr_in6 to = {
                .sin6_family = AF_INET6, .sin6_port = htons(w->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        uint8_t q[HEAD], said[600];
        size_t n = question(q, false, 0);
        _clean_(file_close) int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (w->serve.fd[1] < 0 || fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)))
                skip(); /* this machine has none */
        assert_int_equal(send(fd, q, n - 1, 0), n - 1);
        assert_int_equal(send(fd, q, n, 0), n);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        assert_int_equal(recv(fd, said, sizeof(said), 0), 44);
        assert_true(recv(fd, said, sizeof(said), 0) < 0);
}

/* When all answers for now are spent nothing is read for a while; then it goes on by itself. */
static void test_rest(void **state) {
        struct world *w = *state;
        uint8_t q[HEAD];
        size_t n = question(q, false, 0);
        unsigned had = 0;
        w->serve.left = NETS / 2;
        w->serve.filled = g_get_monotonic_time();
        for (unsigned i = 0; g_source_get_ready_time(w->serve.source) < 0; i++)
                ask(w, i % NETS, q, n);
        for (unsigned i = 0; i < NETS; i++)
                had += answers(w, i);
        assert_true(had >= NETS / 2);
        while (g_source_get_ready_time(w->serve.source) >= 0)
                g_main_context_iteration(NULL, TRUE);
        ask(w, 0, q, n);
        assert_int_equal(answers(w, 0), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nets),
                cmocka_unit_test(test_neighbours),
                cmocka_unit_test(test_street),
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_hardly_longer),
                cmocka_unit_test_setup_teardown(test_what_is_answered, begin, end),
                cmocka_unit_test_setup_teardown(test_ipv6, begin, end),
                cmocka_unit_test_setup_teardown(test_rest, begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
