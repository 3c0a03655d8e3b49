/* SPDX-License-Identifier: Apache-2.0 */
/* What proves that homes outside get in, and what is said where nothing does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "node/endpoint.h"
#include "node/reach_rules.h"

static struct mesh_addr at(const char *text) {
        struct mesh_addr a;
        assert_int_equal(endpoint_parse(span_str(text), &a), 0);
        return a;
}

static struct listen_net net(const char *text, unsigned bits) {
        return (struct listen_net){.addr = at(text), .bits = bits};
}

static void test_proof(void **state) {
        const struct listen_net nets[] = {net("192.168.7.2:0", 120),
                                          net("[2001:db8:12:3401::2]:0", 64),
                                          {.addr = at("127.0.0.1:0"), .bits = 104, .internal = true}};
        const struct mesh_addr mapped = at("5.9.17.10:7345"), seen = at("5.9.17.11:0");
        struct reach_facts f = {.nets = nets, .n_nets = ARRAY_LEN(nets), .mapped = &mapped, .seen = &seen};
        static const struct {
                const char *from;
                bool proves;
        } rows[] = {
                {"5.9.17.12:40000", true},              /* somebody outside */
                {"[2001:db8:12:3500::9]:40000", true},  /* another home of the same provider */
                {"192.168.7.9:40000", false},           /* this network */
                {"192.168.8.9:40000", false},           /* another one that is good at home only */
                {"100.64.3.4:40000", false},            /* of the provider's inside, or of a VPN */
                {"127.0.0.1:40000", false},             /* this machine */
                {"[fe80::1]:40000", false},             /* this network */
                {"[fd00::1]:40000", false},             /* good at home only */
                {"[2001:db8:12:34ff::9]:40000", false}, /* another network of this home's */
                {"5.9.17.10:40000", false},             /* the router, for somebody inside */
                {"5.9.17.11:40000", false},             /* the same, as neighbours see it */
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct mesh_addr from = at(rows[i].from);
                if (reach_proves(&f, &from) != rows[i].proves)
                        fail_msg("%s", rows[i].from);
        }
        f.mapped = f.seen = NULL;
        assert_true(reach_proves(&f, &mapped)); /* until it is known whose it is */
}

static void test_unproven(void **state) {
        const struct mesh_addr loop = at("127.0.0.1:7345"), home = at("192.168.7.2:7345"), public = at("5.9.17.9:7345");
        const struct mesh_addr both[] = {public, home};
        struct reach_facts f = {.listens = &loop, .n_listens = 1};
        (void)state;
        assert_int_equal(reach_unproven(&f), REACH_HERE);
        f.n_listens = 0;
        assert_int_equal(reach_unproven(&f), REACH_HERE);
        f = (struct reach_facts){.listens = &home, .n_listens = 1};
        assert_int_equal(reach_unproven(&f), REACH_ROUTER);
        f.why = UNMAPPED_SILENT;
        assert_int_equal(reach_unproven(&f), REACH_ROUTER);
        f.why = UNMAPPED_CARRIER;
        assert_int_equal(reach_unproven(&f), REACH_CARRIER);
        f.advertised = true;
        assert_int_equal(reach_unproven(&f), REACH_TOLD);
        f.mapped = &public;
        assert_int_equal(reach_unproven(&f), REACH_MAPPED);
        f = (struct reach_facts){.listens = both, .n_listens = 2, .why = UNMAPPED_CARRIER};
        assert_int_equal(reach_unproven(&f), REACH_PUBLIC);
}

/* For whom that holds. */
static void test_only6(void **state) {
        const struct mesh_addr home = at("192.168.7.2:7345"), four = at("5.9.17.9:7345");
        const struct mesh_addr six = at("[2001:db8::2]:7345"), both[] = {home, six}, all[] = {four, six};
        struct reach_facts f = {.listens = both, .n_listens = 2, .why = UNMAPPED_CARRIER};
        (void)state;
        assert_int_equal(reach_unproven(&f), REACH_PUBLIC);
        assert_true(reach_only6(&f, REACH_PUBLIC, &six));
        f.opened = &six;
        assert_int_equal(reach_unproven(&f), REACH_MAPPED);
        assert_true(reach_only6(&f, REACH_MAPPED, &six));
        assert_true(reach_only6(&f, REACH_YES, &six));
        assert_false(reach_only6(&f, REACH_YES, &four)); /* somebody did come over IPv4 */
        f.mapped = &four;
        assert_false(reach_only6(&f, REACH_MAPPED, &six) || reach_only6(&f, REACH_YES, &six));
        f.mapped = NULL;
        f.advertised = true;
        assert_false(reach_only6(&f, REACH_MAPPED, &six) || reach_only6(&f, REACH_TOLD, &six));
        f = (struct reach_facts){.listens = all, .n_listens = 2};
        assert_false(reach_only6(&f, REACH_PUBLIC, &six));
        f = (struct reach_facts){.listens = &home, .n_listens = 1};
        assert_false(reach_only6(&f, REACH_ROUTER, &six) || reach_only6(&f, REACH_CARRIER, &six));
}

/* Listens on every IPv4 address but those that begin with @ctx. */
static uint16_t port_at(const void *ctx, const struct mesh_addr *a) {
        return ctx && a->ip[12] == *(const uint8_t *)ctx ? 0 : 7345;
}

static void test_behind(void **state) {
        const struct listen_net loop = {.addr = at("127.0.0.1:0"), .bits = 104, .internal = true};
        const struct listen_net home = net("192.168.7.2:0", 120), public = net("5.9.17.9:0", 120);
        const struct listen_net six = net("[2001:db8::2]:0", 64);
        const uint8_t not_five = 5;
        struct listen_net nets[3] = {loop, home, six};
        uint16_t port = 0;
        (void)state;
        assert_true(reach_behind(nets, 3, port_at, NULL, &port));
        assert_int_equal(port, 7345);
        nets[0] = public; /* it needs no router's help */
        assert_false(reach_behind(nets, 3, port_at, NULL, &port));
        assert_true(reach_behind(nets, 3, port_at, &not_five, &port)); /* nobody knocks there */
        nets[0] = nets[1] = loop;
        assert_false(reach_behind(nets, 3, port_at, NULL, &port));
        assert_false(reach_behind(NULL, 0, port_at, NULL, &port));
}

/* Another port for addresses that end with 9. */
static uint16_t port_by_last(const void *ctx, const struct mesh_addr *a) {
        return a->ip[15] == 9 ? 7447 : port_at(ctx, a);
}

static void test_inside(void **state) {
        struct listen_net nets[] = {{.addr = at("[::1]:0"), .bits = 128, .internal = true},
                                    net("192.168.7.2:0", 120),
                                    net("[fe80::2]:0", 64),
                                    net("[fd00::2]:0", 64),
                                    net("[2001:db8::2]:0", 64),
                                    net("[2001:db8::9]:0", 64),
                                    net("[2001:db8::3]:0", 64)};
        struct listen_net many[REACH_INSIDE_MAX + 4];
        struct mesh_addr inside[REACH_INSIDE_MAX], want = at("[2001:db8::2]:7345"), other = at("[2001:db8::3]:7345");
        (void)state;
        assert_int_equal(reach_inside(nets, 4, port_by_last, NULL, inside), 0);
        assert_int_equal(reach_inside(nets, ARRAY_LEN(nets), port_by_last, NULL, inside), 2);
        assert_true(endpoint_eq(&inside[0], &want) && endpoint_eq(&inside[1], &other));
        for (size_t i = 0; i < ARRAY_LEN(many); i++)
                many[i] = nets[4];
        assert_int_equal(reach_inside(many, ARRAY_LEN(many), port_at, NULL, inside), REACH_INSIDE_MAX);
        nets[1] = net("5.9.17.9:0", 120); /* it is behind no home's router */
        assert_int_equal(reach_inside(nets, ARRAY_LEN(nets), port_by_last, NULL, inside), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_proof), cmocka_unit_test(test_unproven),
                                           cmocka_unit_test(test_only6), cmocka_unit_test(test_behind),
                                           cmocka_unit_test(test_inside)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
