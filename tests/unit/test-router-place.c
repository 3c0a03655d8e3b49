/* SPDX-License-Identifier: Apache-2.0 */
/* What a router says about addresses, and the kernel about routers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/place.h"

#include <arpa/inet.h>

#define HEAD "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

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
                if (place_is_public(ip) != rows[i].is)
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

static void test_gateway(void **state) {
        uint8_t ip[4] = {0};
        const uint8_t want[4] = {192, 168, 7, 1};
        (void)state;
        assert_false(place_gateway("", ip));
        assert_false(place_gateway(HEAD, ip));
        assert_false(place_gateway(HEAD "eth0\t0007A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", ip));
        assert_false(
                place_gateway(HEAD "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", ip)); /* no router */
        assert_false(place_gateway(HEAD "eth0\t00000000\t0107A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n", ip)); /* down */
        assert_false(place_gateway(HEAD "nonsense\n\n\n", ip));
        assert_true(place_gateway(HEAD "wlan0\t00000000\t0108A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
                                       "eth0\t00000000\t0107A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                                       "eth0\t0007A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n",
                                  ip));
        assert_memory_equal(ip, want, sizeof(want)); /* the one of the least metric */
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_public), cmocka_unit_test(test_url),
                                           cmocka_unit_test(test_gateway)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
