/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams that come to the beacons' group. The input is first heard as it is: nobody but a holder of the key makes one that
 * opens, so all that may happen is nothing. Then it chooses what is sealed, and when it is opened, which must fit together.
 */
#include "core/beacon.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEYS 3
#define DRAWN 12 /* bytes of the input that a sealed beacon is made of */

static bool in_time(uint64_t slot, mesh_wall now) {
        uint64_t at = now / BEACON_SLOT;
        return slot == BEACON_NO_CLOCK || slot + 1 == at || slot == at || slot == at + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct key keys[KEYS] = {{{1}}, {{2}}, {{3}}};
        static const uint8_t seed[32] = {1};
        uint8_t bytes[BEACON_BYTES];
        struct beacon b, in = {0};
        struct rng rng;
        size_t at;
        REQUIRE(beacon_open(span_of(data, size), keys, KEYS, size, &b, &at) == BEACON_E_FOREIGN);
        if (size < DRAWN)
                return 0;
        rng_init(&rng, seed);
        in.port = get_be16(data);
        memcpy(in.hint, data + 2, sizeof(in.hint));
        uint64_t slot = data[10] % 4, now = data[11] * UINT64_C(100);
        size_t key = data[10] / 4 % (KEYS + 1);
        const struct key *with = key < KEYS ? &keys[key] : &(struct key){{4}};
        beacon_seal(bytes, &in, with, slot, &rng);
        bool opens = beacon_open(SPAN_OF(bytes), keys, KEYS, now, &b, &at) == 0;
        REQUIRE(opens == (in.port != 0 && key < KEYS && in_time(slot, now)));
        REQUIRE(!opens || (at == key && b.port == in.port && memcmp(b.hint, in.hint, sizeof(in.hint)) == 0));
        rng_fini(&rng);
        return 0;
}
