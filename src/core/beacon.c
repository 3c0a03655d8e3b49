/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A beacon is one UDP datagram of 48 bytes:
 *
 *     nonce (16) || tag (16) || box (16)
 *
 *     slot  = mesh time in seconds / 600, rounded down; 0 of a node whose clock is not trusted and that knows no neighbour's
 *     K     = BLAKE2b-256 keyed with the link key, of "porchlight/1 beacon\0" || slot as 8 bytes big-endian
 *     mask  = BLAKE2b-256 keyed with K, of "porchlight/1 beacon\0" || 0x01 || nonce, first 16 bytes
 *     box   = plain XOR mask
 *     tag   = BLAKE2b-256 keyed with K, of "porchlight/1 beacon\0" || 0x02 || nonce || box, first 16 bytes
 *     plain = port (2, big-endian) || first 8 bytes of the sender's device key || 6 bytes, zero when sent, ignored when read
 *
 * It says only: a member of a mesh you know listens on this TCP port, at the address this datagram came from. It is
 * sent to 239.255.73.45:7345 and [ff12::8000:7345]:7345 with a TTL (hop limit) of 1, under the newest link key alone.
 * Who hears one tries every link key it keeps with the slots before, of and after its own time and with slot 0.
 *
 * Without the link key all 48 bytes are noise: the nonce is random and the rest is a keyed hash of it, so that nothing is the
 * same in two beacons, of one node or of two, and there is no magic number, version or length to know them by. A new
 * format is known by its own domain. What stays to be seen is that a device at this address sends 48 bytes to this group.
 *
 * A recorded beacon opens for 20 minutes at most, and each node takes a nonce once. Replayed within that time on another
 * network it draws one handshake message, which is noise to whoever does not hold the link key. Of slot 0 the time is not
 * bounded: nodes without a clock pay for being found at all.
 */
#include "core/beacon.h"

#include "crypto/hash.h"

#define PART 16 /* bytes of nonce, tag and box */
#define USE_MASK 1
#define USE_TAG 2

static void slot_key(struct key *ret, const struct key *link_key, uint64_t slot) {
        uint8_t bytes[8];
        put_be64(bytes, slot);
        hash_derive(ret, DOMAIN_BEACON, link_key, SPAN_OF(bytes));
}

static void part(uint8_t ret[PART], const struct key *k, uint8_t use, struct span over) {
        const struct span parts[] = {span_of(&use, 1), over};
        struct key out;
        hash_derive_n(&out, DOMAIN_BEACON, k, parts, ARRAY_LEN(parts));
        memcpy(ret, out.b, PART);
        hash_wipe(&out, sizeof(out));
}

/* XORs @in, 16 bytes, with the mask of @nonce: seals and opens. */
static void mask(uint8_t ret[PART], const struct key *k, const uint8_t *nonce, const uint8_t *in) {
        uint8_t m[PART];
        part(m, k, USE_MASK, span_of(nonce, BEACON_NONCE));
        for (size_t i = 0; i < PART; i++)
                ret[i] = in[i] ^ m[i];
        hash_wipe(m, sizeof(m));
}

/* The tag is over nonce and box, which stand on either side of it. */
static void tag(uint8_t ret[PART], const struct key *k, const uint8_t *beacon) {
        uint8_t over[2 * PART];
        memcpy(over, beacon, PART);
        memcpy(over + PART, beacon + 2 * PART, PART);
        part(ret, k, USE_TAG, SPAN_OF(over));
}

uint64_t beacon_slot(mesh_wall now, bool known) {
        return known ? now / BEACON_SLOT : BEACON_NO_CLOCK;
}

void beacon_seal(uint8_t ret[BEACON_BYTES], const struct beacon *b, const struct key *link_key, uint64_t slot,
                 struct rng *rng) {
        uint8_t plain[PART] = {0};
        struct key k;
        put_be16(plain, b->port);
        memcpy(plain + 2, b->hint, sizeof(b->hint));
        slot_key(&k, link_key, slot);
        rng_bytes(rng, ret, BEACON_NONCE);
        mask(ret + 2 * PART, &k, ret, plain);
        tag(ret + PART, &k, ret);
        hash_wipe(&k, sizeof(k));
}

static bool open_one(const uint8_t *bytes, const struct key *link_key, uint64_t slot, struct beacon *ret) {
        uint8_t want[PART], plain[PART];
        struct key k;
        slot_key(&k, link_key, slot);
        tag(want, &k, bytes);
        bool good = hash_same(want, bytes + PART, PART);
        if (good) {
                mask(plain, &k, bytes, bytes + 2 * PART);
                ret->port = get_be16(plain);
                memcpy(ret->hint, plain + 2, sizeof(ret->hint));
        }
        hash_wipe(&k, sizeof(k));
        return good && ret->port;
}

int beacon_open(struct span bytes, const struct key *keys, size_t n, mesh_wall now, struct beacon *ret,
                size_t *ret_key) {
        const uint64_t at = now / BEACON_SLOT;
        const uint64_t slots[] = {at, at ? at - 1 : at, at + 1, BEACON_NO_CLOCK};
        struct beacon b;
        if (bytes.n != BEACON_BYTES)
                return BEACON_E_FOREIGN;
        for (size_t i = 0; i < n; i++)
                for (size_t s = 0; s < ARRAY_LEN(slots); s++) {
                        if (!open_one(bytes.p, &keys[i], slots[s], &b))
                                continue;
                        *ret = b;
                        *ret_key = i;
                        return 0;
                }
        return BEACON_E_FOREIGN;
}
