/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether homes outside can call this one, and what is done about it. The router is asked for a port through porchlight-router
 * (reach.mapping), as long as this machine listens at an address that is good at home only. What it says goes into contacts
 * and tickets, unless neighbours see this home at another address. Nobody is asked whether that works: who comes in from
 * outside proves it, and nothing else does.
 */
#pragma once

#include "node/helper_link.h"
#include "porchlight/mesh.h"

struct reach {
        struct helper_link link;
        uv_timer_t timer;    /* to ask again, or when what the router gave is over */
        bool mapping;        /* reach.mapping */
        uint16_t port;       /* that the router is asked for; 0: none */
        bool mapped;         /* it passes calls on, by its own account … */
        struct mesh_addr at; /* … those to this address */
        enum wire_e_mapper by;
        enum wire_e_unmapped why; /* where it does not; 0: it was not asked yet */
        unsigned failures;        /* of the helper, one after the other */
        unsigned news;            /* how often the router has changed its mind … */
        uint64_t news_since;      /* … since then, by the loop's clock */
        struct mesh_addr from;    /* who came in from outside last … */
        mesh_wall called;         /* … and when; 0: nobody yet */
        bool named, told;         /* as the core knows it: @at is among the addresses; homes outside get in */
        bool again;               /* ask as soon as the helper that ends has ended */
        uint64_t nets;            /* which networks this machine is on, in one number */
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

/* Where homes outside knock, by the router's account, if that can be true. */
bool reach_mapped(const struct node *n, struct mesh_addr *ret);
/* Is it known that they get in? */
bool reach_outside(const struct node *n);
enum wire_e_reach reach_state(const struct node *n);
/* Of STATUS; what the row points to stands in @store. */
void reach_status(const struct node *n, struct wire_c_status *msg, struct buf *store);
