/* SPDX-License-Identifier: Apache-2.0 */
/* Whether homes outside can call this one: what proves it, and what is said where nothing does. Pure. */
#pragma once

#include "node/listen.h"

/* What is known of this home's ways in. */
struct reach_facts {
        const struct listen_net *nets; /* of this machine */
        size_t n_nets;
        const struct mesh_addr *listens; /* what it is reached at by its own account, loopback only if that is all */
        size_t n_listens;
        bool advertised;                /* a person has named an address outside */
        const struct mesh_addr *mapped; /* IPv4, by the router, and not at odds with @seen; NULL: nothing */
        const struct mesh_addr *opened; /* IPv6, by the router; NULL: nothing */
        const struct mesh_addr *seen;   /* as neighbours see it; NULL: not known */
        enum wire_e_unmapped why;       /* the router passes nothing on; 0: it was not asked yet */
};

/* Does a connection from @from show that homes outside get in? It comes from no network of this home's: neither from one this
 * machine is on, nor from the rest of the home's IPv6 prefix, nor from the router, which lends its address outside to whoever
 * is inside and calls that. */
bool reach_proves(const struct reach_facts *f, const struct mesh_addr *from);
/* Where nobody has come so far. */
enum wire_e_reach reach_unproven(const struct reach_facts *f);
/* Does @state hold for homes that have IPv6 alone? @from: who called last, of REACH_YES. */
bool reach_only6(const struct reach_facts *f, enum wire_e_reach state, const struct mesh_addr *from);
/* The port that a router would have to pass on, and this machine's address at which it is open; false: there is none, or it has
 * a public IPv4 address and needs no router's help. @port_at: as listen_port_at(). */
bool reach_behind(const struct listen_net *nets, size_t n,
                  uint16_t (*port_at)(const void *ctx, const struct mesh_addr *a), const void *ctx, uint16_t *ret_port);

#define REACH_INSIDE_MAX 8 /* proto/router.def */
/* This machine's public IPv6 addresses at which it listens, those of one port: behind a router whose firewall has to open for one of
 * them. 0: there is none, or it has a public IPv4 address, and so is behind no home's router. */
size_t reach_inside(const struct listen_net *nets, size_t n,
                    uint16_t (*port_at)(const void *ctx, const struct mesh_addr *a), const void *ctx,
                    struct mesh_addr ret[REACH_INSIDE_MAX]);
