/* SPDX-License-Identifier: Apache-2.0 */
/* Homes on one local network, in virtual time: who finds whom, how soon, and what forged and replayed beacons bring about. */
#include "core/beacon.h"
#include "core/core.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR 3600.0
#define HEARD_MOST 2048
#define WORD 8 /* bytes: by chance two of 40,000 such words are one in 10^10 runs once */

static uint64_t seed;

static void lan_all(struct street *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                street_lan(s, i, true);
}

static bool met(struct street *s, void *ctx) {
        for (size_t i = 0; i < *(size_t *)ctx; i++)
                if (street_links(s, i) == 0)
                        return false;
        return true;
}

static bool wait_met(struct street *s, size_t n, double seconds) {
        return street_wait(s, seconds, met, &n);
}

/* Three homes that all moved while they were off: no address anybody knows is any good. */
static void test_find_each_other(void **state) {
        (void)state;
        struct hash id;
        struct street *s = street_new(3, seed);
        for (size_t i = 0; i < 3; i++)
                street_off(s, i);
        for (size_t i = 0; i < 3; i++) {
                street_on(s, i);
                street_move(s, i);
        }
        street_run_for(s, 120);
        assert_int_equal(street_links(s, 0) + street_links(s, 1) + street_links(s, 2), 0);
        lan_all(s, 3);
        assert_true(wait_met(s, 3, 15));
        assert_int_equal(street_post(s, 0, KIND_FIRE, "found", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        street_free(s);
}

/* The ticket's address is dead; the neighbour who wrote it is on the same network. */
static void test_join(void **state) {
        (void)state;
        struct hash id;
        struct street *s = street_bare(3, seed);
        lan_all(s, 3);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 2));
        street_move(s, 0);
        assert_int_equal(street_join(s, 1, ticket), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 2, ticket), MESH_OUT_DONE);
        assert_int_equal(street_post(s, 2, KIND_FIRE, "joined", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        free(ticket);
        street_free(s);
}

/* A ticket written long ago: `join` gives up waiting, joining does not. */
static void test_join_late(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        lan_all(s, 2);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 1));
        street_move(s, 0);
        street_run_for(s, HOUR);
        enum mesh_outcome o = street_join(s, 1, ticket);
        assert_true(o == MESH_OUT_DONE || o == MESH_OUT_UNREACHABLE);
        assert_true(street_wait_links(s, 1, 62));
        free(ticket);
        street_free(s);
}

/* Nobody speaks who is no member, and who is joining only listens. */
static void test_strangers_are_silent(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        lan_all(s, 2);
        street_run_for(s, HOUR);
        assert_int_equal(street_beacons(s, 0) + street_beacons(s, 1), 0);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 1));
        street_off(s, 0);
        assert_int_equal(street_join(s, 1, ticket), MESH_OUT_UNREACHABLE);
        street_run_for(s, HOUR);
        assert_int_equal(street_beacons(s, 1), 0);
        free(ticket);
        street_free(s);
}

/* One each 45 s on average once a street has settled, a few at once when something has changed. */
static void test_rhythm(void **state) {
        (void)state;
        struct street *s = street_new(3, seed);
        street_run_for(s, HOUR);
        lan_all(s, 3);
        street_run_for(s, 10);
        assert_in_range(street_beacons(s, 1), 3, 4);
        size_t before = street_beacons(s, 1);
        street_run_for(s, HOUR);
        assert_in_range(street_beacons(s, 1) - before, 60, 121);
        before = street_beacons(s, 1);
        assert_non_null(street_invite(s, 1, 1));
        street_run_for(s, 600);
        assert_in_range(street_beacons(s, 1) - before, 60, 123);
        before = street_beacons(s, 1);
        street_lan(s, 1, false);
        street_run_for(s, HOUR);
        assert_int_equal(street_beacons(s, 1), before);
        street_free(s);
}

/* A home that gets another address is found again long before its old link would have been given up. */
static void test_new_address(void **state) {
        (void)state;
        struct hash id;
        struct street *s = street_new(3, seed);
        lan_all(s, 3);
        street_run_for(s, 300);
        for (size_t i = 0; i < 3; i++) {
                street_run_for(s, 400);
                street_move(s, i);
                assert_int_equal(street_post(s, i, KIND_FIRE, "moved", &id), MESH_OUT_DONE);
                assert_true(street_wait_all_have(s, &id, 40));
        }
        street_free(s);
}

/* Of ten homes on one network nobody has more than three outbound links on it. */
static void test_at_most_three(void **state) {
        (void)state;
        struct hash id;
        struct street *s = street_new(10, seed);
        for (size_t i = 0; i < 10; i++)
                street_off(s, i);
        for (size_t i = 0; i < 10; i++) {
                street_on(s, i);
                street_move(s, i);
        }
        lan_all(s, 10);
        assert_true(wait_met(s, 10, 30));
        street_run_for(s, 120);
        for (size_t i = 0; i < 10; i++) {
                struct mesh_peer p;
                size_t out = 0;
                for (size_t k = 0; mesh_peer_at(street_core(s, i), k, &p); k++)
                        out += p.dialled;
                assert_in_range(out, 0, 3);
        }
        assert_int_equal(street_post(s, 4, KIND_FIRE, "ten", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        street_free(s);
}

/* A clock of January 1970 is heard, and dialled. */
static void test_no_clock(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        for (size_t i = 0; i < 2; i++)
                street_off(s, i);
        street_clock(s, 1, -1789900000);
        for (size_t i = 0; i < 2; i++) {
                street_on(s, i);
                street_move(s, i);
        }
        lan_all(s, 2);
        assert_true(wait_met(s, 2, 30));
        street_free(s);
}

static size_t known(struct street *s, size_t i) {
        struct mesh_walk walk = {0};
        struct mesh_peer p;
        size_t n = 0;
        while (mesh_peer_at(street_core(s, i), n, &p))
                n++;
        while (mesh_known_next(street_core(s, i), &walk, &p))
                n++;
        return n;
}

/* A recorded beacon: once is enough, after 21 minutes it is worth nothing, and to another mesh it never was. */
static void test_replay(void **state) {
        (void)state;
        struct street *s = street_new(2, seed), *other = street_new(2, seed + 1);
        uint8_t recorded[BEACON_BYTES];
        street_run_for(s, 10);
        street_run_for(other, 10);
        street_lan(s, 0, true);
        street_run_for(s, 60);
        memcpy(recorded, street_beacon(s, 0).p, sizeof(recorded));
        street_off(s, 0);
        street_move(s, 1); /* where a beacon seems to come from: nobody knows that address */
        street_run_for(s, 60);
        size_t before = known(s, 1);
        street_heard(s, 1, 1, SPAN_OF(recorded));
        assert_int_equal(known(s, 1), before + 1); /* never heard before: somebody may be there */
        street_move(s, 1);
        street_heard(s, 1, 1, SPAN_OF(recorded));
        assert_int_equal(known(s, 1), before + 1);

        street_off(s, 1);
        street_on(s, 1); /* nothing is remembered */
        street_run_for(s, 21 * 60);
        before = known(s, 1);
        street_heard(s, 1, 1, SPAN_OF(recorded));
        assert_int_equal(known(s, 1), before);

        before = known(other, 1);
        street_heard(other, 1, 0, SPAN_OF(recorded));
        assert_int_equal(known(other, 1), before);
        street_free(s);
        street_free(other);
}

/* Anything may come to the group. */
static void test_garbage(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct rng rng;
        uint8_t key[32] = {5}, junk[100];
        rng_init(&rng, key);
        street_run_for(s, 10);
        size_t before = known(s, 0);
        for (size_t i = 0; i < 2000; i++) {
                rng_bytes(&rng, junk, sizeof(junk));
                street_heard(s, 0, 1, span_of(junk, i % 4 ? BEACON_BYTES : i % sizeof(junk)));
        }
        assert_int_equal(known(s, 0), before);
        street_free(s);
}

static struct key link_key(struct street *s) {
        const struct mesh_row *row;
        struct key ret = {{0}};
        for (size_t i = 0; (row = street_row(s, 0, i)); i++)
                if (row->kind == MESH_ROW_EPOCH)
                        ret = row->epoch.link_key;
        return ret;
}

/* Home 0 hears that a device without a name listens on @port. */
static void forge(struct street *s, struct rng *rng, const struct key *link, uint16_t port) {
        struct beacon b = {.port = port};
        uint8_t bytes[BEACON_BYTES];
        rng_bytes(rng, b.hint, sizeof(b.hint));
        beacon_seal(bytes, &b, link, beacon_slot(street_wall(s), true), rng);
        street_heard(s, 0, 1, SPAN_OF(bytes));
}

/* Nor does it have its neighbours try one door after the other, or the same one again and again among others. */
static void test_flood_brings_few_dials(void **state) {
        (void)state;
        enum { SECONDS = 600, BURST = 8, SPACING = 8, KNOWN = 12 }; /* KNOWN: dials of where home 1 was */
        struct street *s = street_new(2, seed);
        struct key link = link_key(s);
        struct rng rng;
        uint8_t k[32] = {6};
        rng_init(&rng, k);
        street_off(s, 1);
        street_run_for(s, 200);
        mesh_link before = street_core(s, 0)->next_dial;
        for (size_t i = 0; i < SECONDS; i++) {
                for (uint16_t p = 0; p < 10; p++)
                        forge(s, &rng, &link, (uint16_t)(p ? 1000 + i * 10 + p : 999));
                street_run_for(s, 1);
        }
        assert_in_range(street_core(s, 0)->next_dial - before, BURST, BURST + SECONDS / SPACING + KNOWN);
        street_on(s, 1);
        street_lan(s, 0, true);
        street_lan(s, 1, true);
        assert_true(wait_met(s, 2, 120));
        street_free(s);
}

/* A member that beacons without end from everywhere fills no more than its share of what is remembered. */
static void test_member_flood(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct key link = link_key(s);
        struct rng rng;
        uint8_t k[32] = {5};
        rng_init(&rng, k);
        street_off(s, 1);
        street_run_for(s, 200);
        size_t before = known(s, 0);
        for (size_t i = 0; i < 3000; i++)
                forge(s, &rng, &link, (uint16_t)(1 + i));
        assert_in_range(known(s, 0) - before, 32, 64);
        street_on(s, 1);
        street_lan(s, 0, true);
        street_lan(s, 1, true);
        assert_true(wait_met(s, 2, 60));
        street_free(s);
}

struct heard {
        uint8_t bytes[HEARD_MOST][BEACON_BYTES];
        size_t n;
};

/* Looks every second: of several that a home sends within one, the last is kept. */
static void listen_for(struct street *s, size_t homes, double seconds, struct heard *ret) {
        size_t before[8];
        assert_true(homes <= ARRAY_LEN(before));
        for (size_t i = 0; i < homes; i++)
                before[i] = street_beacons(s, i);
        for (double t = 0; t < seconds; t++) {
                street_run_for(s, 1);
                for (size_t i = 0; i < homes; i++) {
                        if (street_beacons(s, i) == before[i])
                                continue;
                        assert_true(ret->n < HEARD_MOST);
                        memcpy(ret->bytes[ret->n++], street_beacon(s, i).p, BEACON_BYTES);
                        before[i] = street_beacons(s, i);
                }
        }
}

static int by_bytes(const void *a, const void *b) {
        return memcmp(a, b, WORD);
}

static void nothing_comes_twice(const struct heard *h) {
        static uint8_t words[HEARD_MOST * (BEACON_BYTES - WORD + 1)][WORD];
        size_t n = 0;
        for (size_t i = 0; i < h->n; i++)
                for (size_t at = 0; at + WORD <= BEACON_BYTES; at++)
                        memcpy(words[n++], h->bytes[i] + at, WORD);
        qsort(words, n, WORD, by_bytes);
        for (size_t i = 1; i < n; i++)
                assert_memory_not_equal(words[i - 1], words[i], WORD);
}

/* At each place of a beacon most of 256 values come, and none of them often. */
static void every_byte_moves(const struct heard *h) {
        for (size_t at = 0; at < BEACON_BYTES; at++) {
                size_t counts[256] = {0}, seen = 0;
                for (size_t i = 0; i < h->n; i++)
                        seen += counts[h->bytes[i][at]]++ == 0;
                for (size_t value = 0; value < ARRAY_LEN(counts); value++)
                        assert_in_range(counts[value], 0, 5 + h->n / 25);
                assert_true(seen > MIN(h->n, ARRAY_LEN(counts)) / 2);
        }
}

/* Beacons of two hours, which are a dozen slots, under two link keys, of homes that stay and of one that is removed: nothing
 * in them tells that two are of one home, of one slot or of one mesh. */
static void test_nothing_to_know_them_by(void **state) {
        (void)state;
        static struct heard h;
        struct key keys[MESH_PSKS_MAX];
        struct beacon b;
        size_t at;
        struct street *s = street_new(4, seed);
        h.n = 0;
        lan_all(s, 4);
        listen_for(s, 4, HOUR, &h);
        size_t before = h.n;
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        listen_for(s, 4, HOUR, &h);
        assert_true(before > 200 && h.n - before > 150);
        assert_int_equal(mesh_psks(street_core(s, 0), keys), 2);
        assert_int_equal(beacon_open(street_beacon(s, 0), keys, 2, street_wall(s), &b, &at), 0);
        assert_int_equal(at, 0); /* it is the newer key that they speak under now */
        every_byte_moves(&h);
        nothing_comes_twice(&h);
        print_message("# %zu beacons\n", h.n);
        street_free(s);
}

static void test_idle_is_quiet(void **state) {
        (void)state;
        struct street *s = street_new(5, seed);
        lan_all(s, 5);
        street_run_for(s, 300);
        size_t spoken = street_beacons(s, 0);
        uint64_t before = street_bytes(s);
        street_run_for(s, HOUR);
        uint64_t beacons =
                (street_beacons(s, 0) - spoken) * 5 * (48 + 48 + 48 + 28); /* over IPv6 and IPv4, with their headers */
        assert_true((street_bytes(s) - before + beacons) / 3600 / 5 < 80);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find_each_other),
                cmocka_unit_test(test_join),
                cmocka_unit_test(test_join_late),
                cmocka_unit_test(test_strangers_are_silent),
                cmocka_unit_test(test_rhythm),
                cmocka_unit_test(test_new_address),
                cmocka_unit_test(test_at_most_three),
                cmocka_unit_test(test_no_clock),
                cmocka_unit_test(test_replay),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_member_flood),
                cmocka_unit_test(test_flood_brings_few_dials),
                cmocka_unit_test(test_nothing_to_know_them_by),
                cmocka_unit_test(test_idle_is_quiet),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
