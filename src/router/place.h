/* SPDX-License-Identifier: Apache-2.0 */
/* What a router says about addresses, looked at before anything comes of it. Pure. */
#pragma once

#include "base/base.h"

/* IPv4: nobody maps ports over IPv6. */
struct place {
        uint8_t ip[4];
        uint16_t port;
};

/* Could anybody outside call there? No address of a home, a provider's inside, one machine, a group, or none. */
bool place_is_public(const uint8_t ip[4]);
/* "http://192.0.2.1:5000/…": whether that is HTTP at exactly this address; a name never is. */
bool place_of_url(const char *url, const uint8_t ip[4]);
/* The default gateway in /proc/self/net/route as the kernel prints it; the one of the least metric. False: there is none. */
bool place_gateway(const char *table, uint8_t ret_ip[4]);
