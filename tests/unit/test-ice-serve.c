/* SPDX-License-Identifier: Apache-2.0 */
/* How many questions a doorstep answers, and whose. */
#include "ice/serve.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nets),
                cmocka_unit_test(test_neighbours),
                cmocka_unit_test(test_street),
                cmocka_unit_test(test_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
