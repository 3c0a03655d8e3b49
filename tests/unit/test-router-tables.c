/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about routers, and about this machine's own addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/tables.h"

#include <arpa/inet.h>

#define HEAD "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void test_gateway4(void **state) {
        uint8_t ip[4] = {0};
        const uint8_t want[4] = {192, 168, 7, 1};
        (void)state;
        assert_false(tables_gateway4("", ip));
        assert_false(tables_gateway4(HEAD, ip));
        assert_false(tables_gateway4(HEAD "eth0\t0007A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", ip));
        assert_false(tables_gateway4(HEAD "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n",
                                     ip)); /* no router */
        assert_false(
                tables_gateway4(HEAD "eth0\t00000000\t0107A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n", ip)); /* down */
        assert_false(tables_gateway4(HEAD "nonsense\n\n\n", ip));
        assert_true(tables_gateway4(HEAD "wlan0\t00000000\t0108A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
                                         "eth0\t00000000\t0107A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                                         "eth0\t0007A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n",
                                    ip));
        assert_memory_equal(ip, want, sizeof(want)); /* the one of the least metric */
}

#define NONE "00000000000000000000000000000000"
#define ROUTER "fe80000000000000000000fffe000001"
#define OTHER "fe80000000000000000000fffe000002"
/* A default route as `ipv6_route` has it: to whom, how dear, which flags, by which interface. */
#define TO(via, metric, flags, name) NONE " 00 " NONE " 00 " via " " metric " 00000003 00000000 " flags " " name "\n"

static void test_gateway6(void **state) {
        struct tables_gateway g;
        uint8_t want[PLACE_IP];
        (void)state;
        assert_int_equal(inet_pton(AF_INET6, "fe80::ff:fe00:1", want), 1);
        assert_false(tables_gateway6("", &g));
        assert_false(tables_gateway6("nonsense\n\n\n", &g));
        assert_false(tables_gateway6(TO(NONE, "00000400", "00000001", "tun0"), &g));   /* no router */
        assert_false(tables_gateway6(TO(ROUTER, "00000400", "00000002", "eth0"), &g)); /* down */
        assert_false(tables_gateway6(TO("fe80", "00000400", "00000003", "eth0"), &g)); /* no address */
        assert_false(tables_gateway6("fd000000000000000000000000000000 40 " NONE " 00 " ROUTER
                                     " 00000100 00000001 00000000 00000003 eth0\n",
                                     &g)); /* to one network */
        assert_true(tables_gateway6(TO(OTHER, "00000400", "00000003", "wlan0")
                                            TO(ROUTER, "00000064", "00000003", "eth0")
                                                    TO(OTHER, "00000065", "00450003", "eth1"),
                                    &g));
        assert_memory_equal(g.ip, want, sizeof(want)); /* the one of the least metric */
        assert_string_equal(g.interface, "eth0");
}

#define ROW(ip, flags, name) ip " 02 40 00 " flags " " name "\n"

static void test_own(void **state) {
        static const char table[] = ROW("2a0104f8001700070000000000000001", "80", "eth0")
                ROW("2a0104f8001700070000000000000002", "01", "eth0") ROW("short", "80", "eth0")
                        ROW("2a0104f8001700070000000000000003", "40", "wlan0")
                                ROW("2a0104f8001700070000000000000004", "08", "eth0")
                                        ROW("2a0104f8001700070000000000000005", "20", "eth0") "2a01";
        static const struct {
                uint8_t last;
                bool lasting, usable;
        } want[] = {{1, true, true}, {2, false, true}, {4, true, false}, {5, false, true}};
        const char *at = table;
        struct tables_own own;
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
                assert_true(tables_own_next(&at, "eth0", &own));
                assert_int_equal(own.ip[PLACE_IP - 1], want[i].last);
                assert_int_equal(own.index, 2);
                assert_int_equal(own.lasting, want[i].lasting);
                assert_int_equal(own.usable, want[i].usable);
        }
        assert_false(tables_own_next(&at, "eth0", &own));
        assert_false(tables_own_next(&at, "eth0", &own));
        at = table;
        for (size_t i = 0; i < ARRAY_LEN(want) + 1; i++)
                assert_true(tables_own_next(&at, NULL, &own));
        assert_false(tables_own_next(&at, NULL, &own));
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_gateway4), cmocka_unit_test(test_gateway6),
                                           cmocka_unit_test(test_own)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
