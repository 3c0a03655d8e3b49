/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel prints about the ways out of this machine and its own addresses, in /proc/self/net. Pure. */
#pragma once

#include "router/place.h"

#define TABLES_NAME 16 /* bytes: of an interface, with its NUL */

/* Over IPv6 a router is called by an address that is good on one wire only: which. */
struct tables_gateway {
        uint8_t ip[PLACE_IP];
        char interface[TABLES_NAME];
};

/* The default gateway in `route`; the one of the least metric. False: there is none. */
bool tables_gateway4(const char *table, uint8_t ret_ip[4]);
/* The same in `ipv6_route`. */
bool tables_gateway6(const char *table, struct tables_gateway *ret);

/* A row of `if_inet6`. */
struct tables_own {
        uint8_t ip[PLACE_IP];
        unsigned index; /* of the interface */
        bool lasting; /* it is there for as long as the network is: neither a temporary one (RFC 8981) nor on its way out … */
        bool usable; /* … and no other machine is known to have it, or may turn out to */
};

/* The next row of @interface, NULL: of any; @table goes on behind it. False: there is none. */
bool tables_own_next(const char **table, const char *interface, struct tables_own *ret);
