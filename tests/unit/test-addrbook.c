/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that others name: which of them are private, what of them is read, and which one makes room for a new one. */
#include "core/core.h"
#include "core/meet.h"
#include "core/reach.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

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

/* ---- more contacts than places ---- */
#define DEVICES 1500

static struct key device_of(size_t n) {
        struct key k = {{0}};
        put_be64(k.b, n + 1);
        return k;
}

static bool drawn(struct mesh *m, size_t n) {
        struct mesh_addr addr = nth(n);
        struct key device = device_of(n);
        struct address *a = draw_address(m, &addr, &device);
        if (a)
                a->device = device;
        return a != NULL;
}

static bool has(struct mesh *m, size_t n) {
        struct mesh_addr addr = nth(n);
        return address_find(m, &addr) != NULL;
}

static size_t in_both(struct mesh *m, struct mesh *other) {
        size_t n = 0;
        for (size_t i = 0; i < DEVICES; i++)
                n += has(m, i) && has(other, i);
        return n;
}

/* Two homes hear of a large street in the same order, and keep others of it: no more are in both books than chance wants, a
 * third of them. One that hears of it in another order keeps the same as before. */
static void test_drawn(void **state) {
        (void)state;
        struct street *s = street_bare(3, 1);
        struct mesh *m[3] = {street_core(s, 0), street_core(s, 1), street_core(s, 2)};
        memcpy(m[2]->map_seed, m[0]->map_seed, sizeof(m[0]->map_seed));
        for (size_t i = 0; i < DEVICES; i++) {
                drawn(m[0], i);
                drawn(m[1], i);
                drawn(m[2], DEVICES - 1 - i);
        }
        for (size_t k = 0; k < 3; k++)
                assert_int_equal(m[k]->n_addresses, ADDRESSES_MOST);
        assert_in_range(in_both(m[0], m[1]), ADDRESSES_MOST / 4, ADDRESSES_MOST / 2);
        assert_int_equal(in_both(m[0], m[2]), ADDRESSES_MOST);
        street_free(s);
}

/* What somebody answered at, what is in use and what a person typed stays; and what he types now finds a place. */
static void test_drawn_give_way(void **state) {
        (void)state;
        struct street *s = street_bare(1, 1);
        struct mesh *m = street_core(s, 0);
        struct mesh_addr typed = nth(DEVICES + 1);
        for (size_t i = 0; i < ADDRESSES_MOST; i++)
                assert_true(drawn(m, i));
        m->addresses[1].stored = m->addresses[2].manual = m->addresses[3].ticket = m->addresses[4].lan = true;
        m->addresses[5].link = 1;
        for (size_t i = 0; i < ADDRESSES_MOST; i++)
                m->addresses[i].failures = 1;
        for (size_t i = ADDRESSES_MOST; i < DEVICES; i++)
                drawn(m, i);
        for (size_t i = 1; i < 6; i++)
                assert_true(has(m, i));
        const struct address *last = draw_last(m);
        for (size_t i = 0; i < ADDRESSES_MOST; i++)
                m->addresses[i].failures = 0;
        assert_ptr_equal(address_named(m, &typed), last);
        m->addresses[5].link = 0;
        street_free(s);
}

/* When all have been tried others come in, not sooner than five minutes after; who has just said that it is full is
 * remembered. */
static void test_drawn_again(void **state) {
        (void)state;
        struct street *s = street_bare(1, 1);
        struct mesh *m = street_core(s, 0);
        assert_false(draw_again(m));
        for (size_t i = 0; i < ADDRESSES_MOST; i++)
                drawn(m, i);
        m->member = true;
        assert_int_equal(draw_deadline(m), MESH_NEVER); /* there is nobody else */
        for (size_t i = ADDRESSES_MOST; i < DEVICES; i++)
                drawn(m, i);
        struct mesh_addr full = m->addresses[7].addr, stale = m->addresses[8].addr;
        m->now += 1000000;
        dial_refused(m, &m->addresses[7]);
        m->addresses[8].refused = m->now - 60000;
        assert_true(draw_again(m));
        assert_int_equal(m->n_addresses, 1); /* contacts, of which there are none here, would be learned now */
        assert_non_null(address_find(m, &full));
        assert_null(address_find(m, &stale));
        uint64_t rank = draw_rank(m, SPAN_STR("somebody"));
        for (size_t i = 0; i < DEVICES; i++)
                drawn(m, i);
        assert_false(draw_again(m));
        m->now += 299999;
        assert_false(draw_again(m));
        m->now++;
        assert_true(draw_again(m));
        assert_true(draw_rank(m, SPAN_STR("somebody")) != rank);
        street_free(s);
}

/* Who is full is asked again after one minute, then after two, four and five; after it was of use, after one. */
static void test_full_doubles(void **state) {
        (void)state;
        static const mesh_time waits[] = {60000, 120000, 240000, 300000, 300000};
        struct street *s = street_bare(1, 1);
        struct mesh *m = street_core(s, 0);
        struct mesh_addr addr = nth(1);
        struct address *a = address_add(m, &addr);
        for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
                dial_refused(m, a);
                assert_int_equal(a->next, m->now + waits[i]);
                m->now = a->next;
        }
        dial_stood(m, a);
        dial_refused(m, a);
        assert_int_equal(a->next, m->now + waits[0]);
        street_free(s);
}

/* ---- looking in ---- */
#define WALKS 200
/* Seconds of the processor for all of them, under valgrind too; begun anew for each row they took 1.4. */
#define WALKS_TIME 0.4

/* Half of the book are devices that can be called, half are those to meet; most are both, and come in no order. */
static void fill(struct mesh *m) {
        m->n_addresses = 0;
        for (size_t i = 0; i < ADDRESSES_MOST; i++) {
                struct key device = device_of(i / 2 * 37 % (ADDRESSES_MOST / 2 - 10 * (i & 1)));
                struct mesh_addr addr = i & 1 ? nth(i) : meet_place(&device);
                struct address *a = &m->addresses[m->n_addresses++];
                address_begin(m, a, &addr);
                a->device = device;
                a->self = i % 100 == 1;
        }
}

static bool can_be_called(const struct mesh *m, const struct key *device) {
        for (size_t i = 0; i < m->n_addresses; i++)
                if (!address_meets(&m->addresses[i]) && key_eq(&m->addresses[i].device, device))
                        return true;
        return false;
}

/* Each that is not this home's own nor linked, in the order of the book; who can be called is not listed for a meeting, too. */
static void test_known(void **state) {
        (void)state;
        struct street *s = street_new(2, 1);
        struct mesh *m = street_core(s, 0);
        struct mesh_walk walk = {0};
        struct mesh_peer p, linked;
        size_t only_met = 0;
        fill(m);
        assert_true(mesh_peer_at(m, 0, &linked) && linked.up && !mesh_peer_at(m, 1, &p));
        m->addresses[3].device = m->addresses[8].device = linked.device;
        m->addresses[5].link = linked.link;
        for (size_t i = 0; i < ADDRESSES_MOST; i++) {
                const struct address *a = &m->addresses[i];
                if (a->self || i == 3 || i == 5 || i == 8 || (address_meets(a) && can_be_called(m, &a->device)))
                        continue;
                assert_true(mesh_known_next(m, &walk, &p) && key_eq(&p.device, &a->device) && !p.up);
                assert_true(address_meets(a) ? p.met && !p.addr.port : !p.met && addr_eq(&p.addr, &a->addr));
                only_met += p.met;
        }
        assert_false(mesh_known_next(m, &walk, &p) || mesh_known_next(m, &walk, &p));
        assert_in_range(only_met, 1, 20);
        m->addresses[5].link = 0;
        street_free(s);
}

/* Whoever fills the book of a home makes nobody wait who asks it for its peers. */
static void test_known_quick(void **state) {
        (void)state;
        struct street *s = street_new(2, 1);
        struct mesh *m = street_core(s, 0);
        struct mesh_peer p;
        size_t n = 0;
        fill(m);
        clock_t began = clock();
        for (int i = 0; i < WALKS; i++) {
                struct mesh_walk walk = {0};
                while (mesh_known_next(m, &walk, &p))
                        n++;
        }
        double took = (double)(clock() - began) / CLOCKS_PER_SEC;
        print_message("# %zu rows of a full book: %.1f us each\n", n, took / (double)n * 1e6);
        assert_true(n > WALKS * ADDRESSES_MOST / 3 && took < WALKS_TIME);
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_private),     cmocka_unit_test(test_networks),
                cmocka_unit_test(test_wire),        cmocka_unit_test(test_full),
                cmocka_unit_test(test_drawn),       cmocka_unit_test(test_drawn_give_way),
                cmocka_unit_test(test_drawn_again), cmocka_unit_test(test_full_doubles),
                cmocka_unit_test(test_known),       cmocka_unit_test(test_known_quick),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
