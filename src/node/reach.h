/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether homes outside can call this one, and what is done about it. The router is asked for a port, and over IPv6 to let calls in,
 * through porchlight-router (reach.mapping), as long as this machine's IPv4 addresses are good at home only. What it says goes
 * into contacts and tickets, unless neighbours see this home at another address. Nobody is asked whether that works: who comes
 * in from outside proves it, and nothing else does.
 */
#pragma once

#include "node/reach_rules.h"
#include "node/reach_way.h"

/* Ways in. */
enum { REACH_FOUR, REACH_SIX, REACH_WAYS };

struct reach {
        struct reach_way ways[REACH_WAYS]; /* over IPv4; over IPv6 */
        bool mapping;                      /* reach.mapping */
        struct mesh_addr from;             /* who came in from outside last … */
        mesh_wall called;                  /* … and when; 0: nobody yet */
        unsigned named; /* as the core knows it: which ways are among the addresses, one bit each … */
        bool told;      /* … and that homes outside get in */
        uint64_t nets;  /* which networks this machine is on, in one number */
        /* By which a router knows this home again, one for each way, also after it was off: it would give nobody else what it
         * gave this one, not even to this one by another name, for as long as that lasts. */
        uint8_t nonces[REACH_WAYS][REACH_NONCE];
        bool known; /* the store has them */
};

void reach_init(struct node *n);
/* Addresses, listeners or settings may have changed; @anew: and the router must be asked in any case. */
void reach_look(struct node *n, bool anew);
/* What neighbours say may have changed. */
void reach_seen(struct node *n);
/* Somebody's connection was accepted. */
void reach_accepted(struct node *n, const struct mesh_addr *from);
void reach_stop(struct node *n); /* what the router gave is given back */
void reach_kill(struct node *n); /* it takes too long */
bool reach_gone(const struct node *n);
void reach_close(struct node *n);

/* Where homes outside knock, by the router's account, if that can be true: over IPv4, then over IPv6. Returns how many there are;
 * @ret_ways: as `named`. */
size_t reach_mapped(const struct node *n, struct mesh_addr ret[REACH_WAYS], unsigned *ret_ways);
/* Is it known that they get in? */
bool reach_outside(const struct node *n);
/* The `reach` of STATUS, and FIELDS_C_REACH but for `hidden`; what the row points to stands in @store and @store6. */
void reach_status(const struct node *n, struct wire_c_status *msg, struct buf *store, struct buf *store6);
