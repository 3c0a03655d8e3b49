/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One port of this machine: over IPv4 the router is to pass it on, over IPv6 to let calls in to it. What the router says is believed
 * as far as it can be: its address outside has to be a public one, a port has to be one, and over IPv6 both have to be this
 * machine's own. Only the default gateway itself is spoken with, whatever other machine answers, and whatever other machine it
 * names.
 */
#pragma once

#include "router/epoch.h"
#include "router/pcp_message.h"
#include "router/place.h"
#include "wire/messages.h"

#define ASK_URL_MAX 512
#define ASK_INSIDE_MAX 8 /* addresses of this machine to choose from (proto/router.def) */
#define ASK_ID_MAX 6     /* bytes of what a router calls a hole in its firewall: "65535" at most */

/* A router that speaks UPnP, as it was found. */
struct ask_upnp {
        char control[ASK_URL_MAX];
        char service[128];
        char self[16];       /* IPv4: this machine's address towards it */
        char id[ASK_ID_MAX]; /* IPv6: of the hole; "": its firewall is off, and none is needed */
};

/* The tables of the kernel's, open for good; -1: could not be opened. */
struct ask_tables {
        int routes4, routes6, own6;
};

struct ask {
        bool six;                            /* over IPv6 */
        uint16_t port;                       /* of this machine */
        struct place inside[ASK_INSIDE_MAX]; /* IPv6: one of these is to be open */
        size_t n_inside;
        uint8_t nonce[PCP_NONCE];
        uint32_t lease; /* seconds to ask for */
        bool held;      /* it is done, as far as is known … */
        enum wire_e_mapper by;
        struct place outside; /* where homes outside knock; IPv6: which of @inside that is */
        uint32_t granted;     /* seconds; 0: for ever */
        /* Which router that is. */
        uint8_t gateway[PLACE_IP];
        uint32_t scope; /* IPv6: the interface behind which it is */
        bool no_pcp;    /* it has said that it speaks none */
        struct epoch epoch;
        struct ask_upnp upnp;
        struct ask_tables tables;
};

/* Opens what cannot be opened later. */
void ask_init(struct ask *a);
/* Asks for what is wanted, or once more for what is held. 0: held; else why not: enum wire_e_unmapped. */
int ask_router(struct ask *a);
/* Gives back what is held. Where the router does not answer, the lease ends by itself. */
void ask_return(struct ask *a);
/* The default gateway over IPv4, whichever way is asked by. False: there is none. */
bool ask_gateway4(const struct ask *a, struct place *ret);
/* IPv6: is that an address on the wire behind which the router is, and none of this machine's own? */
bool ask_is_beside(const struct ask *a, const uint8_t ip[PLACE_IP]);
/* ms, by a clock that goes on while the machine sleeps */
int64_t ask_now(void);

/* One way each, of the router at @a->gateway. As ask_router() and ask_return(). */
int pcp_ask(struct ask *a);
void pcp_return(struct ask *a);
int pmp_ask(struct ask *a);
void pmp_return(struct ask *a);
int upnp_ask(struct ask *a);
void upnp_return(struct ask *a);
int pinhole_ask(struct ask *a);
void pinhole_return(struct ask *a);
