/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses between their four shapes: what a person types, struct mesh_addr, the kernel's sockaddr, and the wire's
 * addr row. No name is looked up here (resolve.h does that).
 */
#pragma once

#include "base/buf.h"
#include "porchlight/types.h"
#include "wire/messages.h"

#include <sys/socket.h>

#define ENDPOINT_TEXT_MAX 80 /* longest endpoint_text, with an interface's name */
#define ENDPOINT_DNS_MAX 48  /* longest host name a ticket carries */

enum {
        ENDPOINT_E_INPUT = 1, /* not HOST:PORT */
        ENDPOINT_E_NAME = 2,  /* the host is a name, not an IP address */
        ENDPOINT_E_PORT = 3,  /* no port, or not a number up to 65535 */
};

/* "192.0.2.1:7345", "[2001:db8::1]:7345", "[fe80::1%eth0]:7345". Port 0 is fine. 0, ADDR_E_*. */
int endpoint_parse(struct span s, struct mesh_addr *ret);
/* "HOST:PORT" into host (brackets taken off; a bare IPv6 address without them is refused) and port.
 * 0, ENDPOINT_E_INPUT, ENDPOINT_E_PORT. */
int endpoint_split(struct span s, struct span *ret_host, uint16_t *ret_port);
/* Letters, digits, hyphens and dots, at most 48 of them. */
bool endpoint_name_ok(struct span host);
/* "192.0.2.1:7345", "[2001:db8::1]:7345" */
void endpoint_text(struct buf *out, const struct mesh_addr *a);

/* False: neither IPv4 nor IPv6. */
bool endpoint_from_sockaddr(const struct sockaddr *sa, struct mesh_addr *ret);
void endpoint_to_sockaddr(const struct mesh_addr *a, struct sockaddr_storage *ret);
/* @ret's spans point into @a. */
void endpoint_to_wire(const struct mesh_addr *a, struct wire_addr *ret);
/* False: a host name, or no address at all. */
bool endpoint_from_wire(const struct wire_addr *w, struct mesh_addr *ret);

bool endpoint_is_v4(const struct mesh_addr *a);
bool endpoint_is_wild(const struct mesh_addr *a); /* 0.0.0.0 or :: */
bool endpoint_is_loopback(const struct mesh_addr *a);
bool endpoint_is_link_local(const struct mesh_addr *a);
bool endpoint_is_private(const struct mesh_addr *a); /* RFC 1918, RFC 6598, RFC 4193: works at home only */
bool endpoint_eq(const struct mesh_addr *a, const struct mesh_addr *b);
bool endpoint_same_ip(const struct mesh_addr *a, const struct mesh_addr *b);
/* Whether the first @bits of 128 agree. */
bool endpoint_same_net(const struct mesh_addr *a, const struct mesh_addr *b, unsigned bits);
