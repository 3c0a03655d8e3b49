/* SPDX-License-Identifier: Apache-2.0 */
/* What a router says about addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/place.h"

#include <arpa/inet.h>

static void test_public(void **state) {
        static const struct {
                const char *text;
                bool is;
        } rows[] = {
                {"0.0.0.0", false},    {"0.1.2.3", false},         {"9.255.255.255", true},
                {"10.0.0.1", false},   {"11.0.0.0", true},         {"100.63.255.255", true},
                {"100.64.0.1", false}, {"100.127.255.255", false}, {"100.128.0.0", true},
                {"127.0.0.1", false},  {"169.254.3.4", false},     {"172.15.0.1", true},
                {"172.16.0.1", false}, {"172.31.255.255", false},  {"172.32.0.1", true},
                {"192.0.0.2", false},  {"192.0.1.1", true},        {"192.168.1.1", false},
                {"192.169.1.1", true}, {"198.17.0.1", true},       {"198.18.0.1", false},
                {"198.20.0.1", true},  {"223.255.255.255", true},  {"224.0.0.1", false},
                {"240.0.0.1", false},  {"255.255.255.255", false},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                uint8_t ip[4];
                assert_int_equal(inet_pton(AF_INET, rows[i].text, ip), 1);
                struct place p;
                place_set_v4(&p, ip);
                assert_true(place_is_v4(p.ip));
                if (place_is_public(p.ip) != rows[i].is)
                        fail_msg("%s", rows[i].text);
        }
}

static void test_url(void **state) {
        static const uint8_t gateway[4] = {192, 168, 7, 1};
        static const char *const good[] = {"http://192.168.7.1", "http://192.168.7.1/", "http://192.168.7.1:5000/a.xml",
                                           "http://192.168.7.1?x"};
        static const char *const bad[] = {
                "",
                "http://",
                "https://192.168.7.1/",
                "http://192.168.7.10/",
                "http://192.168.7.2:5000/",
                "http://router.local/",
                "http://192.168.7.1@5.9.17.9/",
                "http://192.168.7.1.example/",
                "http://[::ffff:192.168.7.1]/",
                "http://0300.0250.07.01/",
                "http://3232237313/",
                "http:// 192.168.7.1/",
                "http://192.168.7.111111111111111111111/",
        };
        (void)state;
        assert_false(place_of_url(NULL, gateway));
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                if (!place_of_url(good[i], gateway))
                        fail_msg("refused: %s", good[i]);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (place_of_url(bad[i], gateway))
                        fail_msg("taken: %s", bad[i]);
}

static void test_public6(void **state) {
        static const struct {
                const char *text;
                bool is;
        } rows[] = {
                {"2a01:4f8::1", true},
                {"2001:db8::1", true},
                {"3fff::1", true},
                {"::", false},
                {"::1", false},
                {"fe80::1", false},
                {"fd00::1", false},
                {"ff02::1", false},
                {"64:ff9b::5.9.17.9", false},
                {"::ffff:5.9.17.9", true},
                {"::ffff:10.0.0.1", false},
                {"::5.9.17.9", false},
        };
        uint8_t ip[PLACE_IP];
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(inet_pton(AF_INET6, rows[i].text, ip), 1);
                if (place_is_public(ip) != rows[i].is)
                        fail_msg("%s", rows[i].text);
        }
}

static void test_url6(void **state) {
        static const char *const bad[] = {
                "",
                "http://",
                "http://[",
                "http://[]/",
                "http://[2001:db8::1",
                "http://[2001:db8::1]x/",
                "http://[2001:db8::1]@[2001:db8::2]/",
                "https://[2001:db8::1]/",
                "http://2001:db8::1/",
                "http://192.168.7.1/",
                "http://router.example/",
                "http://[fe80::1%25eth0]/",
                "http://[2001:db8::1::2]/",
                "http://[2001:db8:0000:0000:0000:0000:0000:0000:0001]/",
                "http://[11111111111111111111111111111111111111111111111111111]/",
        };
        static const char *const good[] = {"http://[2001:db8::1]", "http://[2001:DB8:0::1]/",
                                           "http://[2001:db8::1]:5000/a", "http://[2001:db8::1]?x"};
        uint8_t want[PLACE_IP], ip[PLACE_IP];
        (void)state;
        assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", want), 1);
        assert_false(place_in_url(NULL, ip));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (place_in_url(bad[i], ip))
                        fail_msg("taken: %s", bad[i]);
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                if (!place_in_url(good[i], ip) || memcmp(ip, want, sizeof(ip)) != 0)
                        fail_msg("refused: %s", good[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_public), cmocka_unit_test(test_public6),
                                           cmocka_unit_test(test_url), cmocka_unit_test(test_url6)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
