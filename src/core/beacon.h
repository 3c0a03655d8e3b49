/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a beacon: what a home says to its local network, and how a member reads it. Pure functions; when to speak and
 * whom to dial is lan.c's to decide. The format stands in beacon.c.
 */
#pragma once

#include "crypto/rng.h"
#include "porchlight/types.h"

#define BEACON_BYTES 48
#define BEACON_NONCE 16
#define BEACON_SLOT 600   /* seconds of mesh time a slot lasts */
#define BEACON_NO_CLOCK 0 /* the slot of a node that does not know the time */
#define BEACON_HINT 8

struct beacon {
        uint16_t port;             /* TCP, at the address the datagram came from; never 0 */
        uint8_t hint[BEACON_HINT]; /* the first bytes of the sender's device key */
};

enum {
        BEACON_E_FOREIGN = 1, /* under none of these keys and slots, or no beacon at all */
};

/* The slot at mesh time @now; BEACON_NO_CLOCK if the time is not known. */
uint64_t beacon_slot(mesh_wall now, bool known);
/* Seals @b under @link_key for @slot with a nonce from @rng. */
void beacon_seal(uint8_t ret[BEACON_BYTES], const struct beacon *b, const struct key *link_key, uint64_t slot,
                 struct rng *rng);
/* Opens @bytes under any of @n keys, in the slot of @now, those beside it, and the one of nodes without a clock.
 * 0 with *ret_key the index of the key; BEACON_E_FOREIGN. */
int beacon_open(struct span bytes, const struct key *keys, size_t n, mesh_wall now, struct beacon *ret,
                size_t *ret_key);
