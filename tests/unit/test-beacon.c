/* SPDX-License-Identifier: Apache-2.0 */
/* What a beacon lets nobody see, and who can open it when. */
#include "core/beacon.h"

#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW ((mesh_wall)1790000000)
#define MANY 10000
#define CHI_MOST 400 /* over 255 degrees of freedom: noise exceeds it once in 10^8 runs */

static struct rng rng;
static const struct beacon mine = {.port = 7345, .hint = {1, 2, 3, 4, 5, 6, 7, 8}};

static void key_of(struct key *ret, uint8_t i) {
        memset(ret->b, i, sizeof(ret->b));
}

/* Sealed at @sealed, opened at @opened, under one key. */
static int travel(uint64_t slot, mesh_wall opened, struct beacon *ret) {
        uint8_t bytes[BEACON_BYTES];
        struct key k;
        size_t at = 77;
        key_of(&k, 9);
        beacon_seal(bytes, &mine, &k, slot, &rng);
        int r = beacon_open(SPAN_OF(bytes), &k, 1, opened, ret, &at);
        assert_int_equal(at, r ? 77 : 0);
        return r;
}

static void test_round_trip(void **state) {
        (void)state;
        struct beacon b = {0};
        assert_int_equal(travel(beacon_slot(NOW, true), NOW, &b), 0);
        assert_int_equal(b.port, mine.port);
        assert_memory_equal(b.hint, mine.hint, sizeof(b.hint));
}

static void test_slots(void **state) {
        (void)state;
        struct beacon b;
        const uint64_t slot = beacon_slot(NOW, true);
        const mesh_wall begin = slot * BEACON_SLOT;
        assert_int_equal(travel(slot, begin - BEACON_SLOT, &b), 0);
        assert_int_equal(travel(slot, begin - BEACON_SLOT - 1, &b), BEACON_E_FOREIGN);
        assert_int_equal(travel(slot, begin + 2 * BEACON_SLOT - 1, &b), 0);
        assert_int_equal(travel(slot, begin + 2 * BEACON_SLOT, &b), BEACON_E_FOREIGN);
        assert_int_equal(travel(slot, begin + 21 * 60, &b),
                         BEACON_E_FOREIGN); /* recorded, and played 21 minutes later */
}

static void test_no_clock(void **state) {
        (void)state;
        struct beacon b;
        assert_int_equal(beacon_slot(12345, false), BEACON_NO_CLOCK);
        assert_int_equal(travel(BEACON_NO_CLOCK, NOW, &b), 0);
        assert_int_equal(travel(BEACON_NO_CLOCK, NOW + 86400, &b), 0);
        assert_int_equal(travel(BEACON_NO_CLOCK, 0, &b), 0);
        assert_int_equal(travel(beacon_slot(NOW, true), 0, &b),
                         BEACON_E_FOREIGN); /* who has no clock is heard, and hears not */
}

static void test_keys(void **state) {
        (void)state;
        struct key keys[64];
        uint8_t bytes[BEACON_BYTES];
        struct beacon b;
        size_t at;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                key_of(&keys[i], (uint8_t)i);
        beacon_seal(bytes, &mine, &keys[63], beacon_slot(NOW, true), &rng);
        assert_int_equal(beacon_open(SPAN_OF(bytes), keys, ARRAY_LEN(keys), NOW, &b, &at), 0);
        assert_int_equal(at, 63);
        assert_int_equal(beacon_open(SPAN_OF(bytes), keys, ARRAY_LEN(keys) - 1, NOW, &b, &at), BEACON_E_FOREIGN);
        assert_int_equal(beacon_open(SPAN_OF(bytes), keys, 0, NOW, &b, &at), BEACON_E_FOREIGN);
}

/* Every bit counts, and so does the length. */
static void test_altered(void **state) {
        (void)state;
        uint8_t bytes[BEACON_BYTES + 1] = {0};
        struct key k;
        struct beacon b;
        size_t at;
        key_of(&k, 9);
        beacon_seal(bytes, &mine, &k, beacon_slot(NOW, true), &rng);
        for (size_t bit = 0; bit < BEACON_BYTES * 8; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_int_equal(beacon_open(span_of(bytes, BEACON_BYTES), &k, 1, NOW, &b, &at), BEACON_E_FOREIGN);
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t n = 0; n <= sizeof(bytes); n++)
                assert_int_equal(beacon_open(span_of(bytes, n), &k, 1, NOW, &b, &at),
                                 n == BEACON_BYTES ? 0 : BEACON_E_FOREIGN);
}

static void test_port_zero(void **state) {
        (void)state;
        uint8_t bytes[BEACON_BYTES];
        const struct beacon none = {.port = 0};
        struct key k;
        struct beacon b;
        size_t at;
        key_of(&k, 9);
        beacon_seal(bytes, &none, &k, BEACON_NO_CLOCK, &rng);
        assert_int_equal(beacon_open(SPAN_OF(bytes), &k, 1, NOW, &b, &at), BEACON_E_FOREIGN);
}

/* The format as PROTOCOL.md has it, from its words alone. */
static void test_by_hand(void **state) {
        (void)state;
        static const uint8_t nonce[16] = {0xa0, 0xa1, 0xa2, 0xa3};
        uint8_t slot[8], plain[16] = {0x1c, 0xb1, 1, 2, 3, 4, 5, 6, 7, 8}, use = 1, bytes[BEACON_BYTES];
        struct key link, k, out;
        struct beacon b;
        size_t at;
        key_of(&link, 9);
        put_be64(slot, NOW / 600);
        hash_derive(&k, DOMAIN_BEACON, &link, SPAN_OF(slot));
        const struct span over[] = {span_of(&use, 1), SPAN_OF(nonce), span_of(bytes + 32, 16)};
        hash_derive_n(&out, DOMAIN_BEACON, &k, over, 2);
        memcpy(bytes, nonce, 16);
        for (size_t i = 0; i < 16; i++)
                bytes[32 + i] = plain[i] ^ out.b[i];
        use = 2;
        hash_derive_n(&out, DOMAIN_BEACON, &k, over, 3);
        memcpy(bytes + 16, out.b, 16);
        assert_int_equal(beacon_open(SPAN_OF(bytes), &link, 1, NOW, &b, &at), 0);
        assert_int_equal(b.port, 7345);
        assert_memory_equal(b.hint, mine.hint, sizeof(b.hint));
}

static double chi_square(const size_t counts[256], double all) {
        double chi = 0;
        for (size_t i = 0; i < 256; i++) {
                double off = (double)counts[i] - all / 256;
                chi += off * off / (all / 256);
        }
        return chi;
}

/* Of 10,000 beacons of one node, in one slot, no byte tells anything; nor do bits of neighbours in time agree. */
static void test_like_noise(void **state) {
        (void)state;
        static size_t counts[BEACON_BYTES][256], all[256];
        uint8_t bytes[BEACON_BYTES], last[BEACON_BYTES] = {0};
        size_t equal_bits = 0;
        struct key k;
        key_of(&k, 9);
        memset(counts, 0, sizeof(counts));
        for (size_t i = 0; i < MANY; i++) {
                beacon_seal(bytes, &mine, &k, beacon_slot(NOW, true), &rng);
                for (size_t at = 0; at < BEACON_BYTES; at++) {
                        counts[at][bytes[at]]++;
                        all[bytes[at]]++;
                        equal_bits += 8 - (size_t)__builtin_popcount(bytes[at] ^ last[at]);
                }
                memcpy(last, bytes, sizeof(last));
        }
        for (size_t at = 0; at < BEACON_BYTES; at++)
                assert_true(chi_square(counts[at], MANY) < CHI_MOST);
        assert_true(chi_square(all, (double)MANY * BEACON_BYTES) < CHI_MOST);
        double half = (double)MANY * BEACON_BYTES * 4; /* a deviation is 980 bits */
        assert_true((double)equal_bits > half - 6000 && (double)equal_bits < half + 6000);
}

int main(void) {
        static const uint8_t seed[32] = {42};
        rng_init(&rng, seed);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_slots),      cmocka_unit_test(test_no_clock),
                cmocka_unit_test(test_keys),       cmocka_unit_test(test_altered),    cmocka_unit_test(test_port_zero),
                cmocka_unit_test(test_by_hand),    cmocka_unit_test(test_like_noise),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
