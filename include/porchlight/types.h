/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars and small values that the core, the shell around it and the tools have in common. */
#pragma once

#include <stdint.h>

typedef uint64_t mesh_time; /* milliseconds on the caller's monotonic clock */
typedef uint64_t mesh_wall; /* seconds since 1970 */
typedef uint32_t mesh_link; /* names a connection; see mesh.h for who chooses it */

#define MESH_NEVER UINT64_MAX
#define MESH_DAY 86400       /* seconds */
#define PORCHLIGHT_PORT 7345 /* where a daemon listens unless it is told otherwise */

/* A BLAKE2b-256 hash that names something: a record, an operation, a mesh. */
struct hash {
        uint8_t b[32];
};

/* A 32-byte key, public or secret; the name of the variable says which. */
struct key {
        uint8_t b[32];
};

/* An IP address and port. IPv4 stands in the IPv6 form ::ffff:a.b.c.d. */
struct mesh_addr {
        uint8_t ip[16];
        uint16_t port;
        uint32_t scope; /* interface index of a link-local address, else 0 */
};

/* A place: geohash bits under a leading 1 bit; 31 bits long for an area, 36 for a block; 0 is no place. */
typedef uint64_t mesh_cell;
