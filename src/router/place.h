/* SPDX-License-Identifier: Apache-2.0 */
/* What a router says about addresses, looked at before anything comes of it. Pure. */
#pragma once

#include "base/base.h"

#include <sys/socket.h>

#define PLACE_IP 16 /* bytes */

struct place {
        uint8_t ip[PLACE_IP]; /* IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), which is also what PCP writes */
        uint16_t port;
};

void place_set_v4(struct place *p, const uint8_t ip[4]);
bool place_is_v4(const uint8_t ip[PLACE_IP]);
bool place_is_link_local(const uint8_t ip[PLACE_IP]); /* of IPv6 */
/* @scope: the interface, where the address is good on one wire only. Returns the length. */
socklen_t place_to_sockaddr(const uint8_t ip[PLACE_IP], uint32_t scope, uint16_t port, struct sockaddr_storage *ret);
void place_from_sockaddr(const struct sockaddr_storage *sa, uint8_t ret_ip[PLACE_IP]); /* zeros: it is neither kind */
/* Could anybody outside call there? No address of a home, a provider's inside, one machine, a group, or none. */
bool place_is_public(const uint8_t ip[PLACE_IP]);
/* "http://192.0.2.1:5000/…": whether that is HTTP at exactly this address; a name never is. */
bool place_of_url(const char *url, const uint8_t ip[4]);
/* "http://[2001:db8::1]:5000/…": at which address that is. False: it is at none, or at one with a zone. */
bool place_in_url(const char *url, uint8_t ret_ip[PLACE_IP]);
