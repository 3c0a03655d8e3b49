/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that others name: which of them are private, what of them is read, and which one makes room for a new one. */
#include "core/core.h"
#include "core/reach.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct mesh_addr of_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
        return (struct mesh_addr){.ip = {[10] = 0xff, 0xff, a, b, c, d}, .port = 7345};
}

static struct mesh_addr of_ip6(uint8_t a, uint8_t b, uint8_t last) {
        return (struct mesh_addr){.ip = {a, b, [15] = last}, .port = 7345};
}

/* The first and the last of each private network, and their neighbours outside. */
static void test_private(void **state) {
        (void)state;
        const struct {
                struct mesh_addr addr;
                bool private;
        } rows[] = {
                {of_ip4(10, 0, 0, 1), true},     {of_ip4(10, 255, 255, 255), true},  {of_ip4(9, 255, 255, 255), false},
                {of_ip4(11, 0, 0, 0), false},    {of_ip4(127, 0, 0, 1), true},       {of_ip4(126, 0, 0, 1), false},
                {of_ip4(172, 16, 0, 0), true},   {of_ip4(172, 31, 255, 255), true},  {of_ip4(172, 15, 255, 255), false},
                {of_ip4(172, 32, 0, 0), false},  {of_ip4(192, 168, 0, 1), true},     {of_ip4(192, 167, 0, 1), false},
                {of_ip4(192, 169, 0, 1), false}, {of_ip4(169, 254, 1, 1), true},     {of_ip4(169, 253, 1, 1), false},
                {of_ip4(100, 64, 0, 0), true},   {of_ip4(100, 127, 255, 255), true}, {of_ip4(100, 63, 255, 255), false},
                {of_ip4(100, 128, 0, 0), false}, {of_ip4(198, 51, 100, 7), false},   {of_ip6(0, 0, 1), true},
                {of_ip6(0, 0, 2), false},        {of_ip6(0xfc, 0, 1), true},         {of_ip6(0xfd, 0xff, 1), true},
                {of_ip6(0xfe, 0, 1), false},     {of_ip6(0xfe, 0x80, 1), true},      {of_ip6(0xfe, 0xbf, 1), true},
                {of_ip6(0xfe, 0xc0, 1), false},  {of_ip6(0x20, 0x01, 1), false},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(addr_private(&rows[i].addr), rows[i].private);
        struct mesh_addr scoped = of_ip6(0x20, 0x01, 1);
        scoped.scope = 2; /* reached through one interface only */
        assert_true(addr_private(&scoped));
}

static void test_networks(void **state) {
        (void)state;
        struct mesh_addr a = of_ip4(198, 51, 100, 7), near = of_ip4(198, 51, 200, 9), far = of_ip4(198, 52, 100, 7);
        struct mesh_addr six = of_ip6(0x20, 0x01, 7), same = of_ip6(0x20, 0x01, 9), other = of_ip6(0x20, 0x02, 7);
        struct mesh_addr zeros = {.port = 7345};
        assert_true(addr_same_net(&a, &near));
        assert_false(addr_same_net(&a, &far));
        assert_true(addr_same_net(&six, &same));
        assert_false(addr_same_net(&six, &other));
        assert_false(addr_same_net(&a, &zeros)); /* of an IPv4 address in IPv6's form the first bytes are zeros too */
}

static void test_wire(void **state) {
        (void)state;
        static const uint8_t ip4[4] = {198, 51, 100, 7};
        struct mesh_addr six = of_ip6(0x20, 0x01, 7), four = of_ip4(198, 51, 100, 7), got;
        struct wire_addr w;
        addr_to_wire(&six, &w);
        assert_false(WIRE_HAS(&w, ADDR, ip4));
        assert_true(addr_from_wire(&w, &got));
        assert_true(addr_eq(&got, &six));
        WIRE_PUT(&w, ADDR, ip4, SPAN_OF(ip4));
        assert_true(addr_from_wire(&w, &got));
        assert_true(addr_eq(&got, &six)); /* before the other */
        addr_to_wire(&four, &w);
        assert_false(WIRE_HAS(&w, ADDR, ip6));
        assert_true(addr_from_wire(&w, &got));
        assert_true(addr_eq(&got, &four));
        w = (struct wire_addr){.port = 7345};
        WIRE_PUT(&w, ADDR, dns, SPAN_STR("home.example"));
        assert_false(addr_from_wire(&w, &got));
        assert_true(addr_eq(&got, &four)); /* as it was */
}

static struct mesh_addr nth(size_t n) {
        return of_ip4(198, 51, (uint8_t)(n >> 8), (uint8_t)n);
}

/* However many are named, 512 are kept: where somebody answers, where a person or a ticket says so, and where nobody failed
 * to answer yet; of the others the one that failed most often goes. */
static void test_full(void **state) {
        (void)state;
        struct street *s = street_bare(1, 1);
        struct mesh *m = street_core(s, 0);
        struct mesh_addr next = nth(ADDRESSES_MOST), known = nth(3), often = nth(9);
        for (size_t i = 0; i < ADDRESSES_MOST; i++) {
                struct mesh_addr addr = nth(i);
                assert_non_null(address_add(m, &addr));
        }
        assert_null(address_add(m, &next));
        assert_ptr_equal(address_add(m, &known), address_find(m, &known));
        struct address *a = m->addresses;
        a[5].failures = a[6].failures = a[7].failures = 1000;
        a[5].manual = a[6].ticket = true;
        a[7].link = 1;
        assert_null(address_add(m, &next));
        a[8].failures = 1;
        a[9].failures = 2;
        assert_ptr_equal(address_add(m, &next), &a[9]);
        assert_null(address_find(m, &often));
        assert_int_equal(a[9].failures, 0);
        assert_int_equal(m->n_addresses, ADDRESSES_MOST);
        a[7].link = 0;
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_private),
                cmocka_unit_test(test_networks),
                cmocka_unit_test(test_wire),
                cmocka_unit_test(test_full),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
