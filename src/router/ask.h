/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One port of this machine, passed on by the router. What the router says is believed as far as it can be: its address outside
 * has to be a public one, a port has to be one; UPnP is spoken only with the default gateway itself, whatever other machine
 * answers, and whatever other machine it names.
 */
#pragma once

#include "router/place.h"
#include "wire/messages.h"

#define ASK_URL_MAX 512

/* A router that speaks UPnP, as it was found. */
struct ask_upnp {
        char control[ASK_URL_MAX];
        char service[128];
        char self[16]; /* this machine's address towards it */
};

struct ask {
        uint16_t port;  /* of this machine */
        uint32_t lease; /* seconds to ask for */
        bool held;      /* the router passes it on, as far as is known … */
        enum wire_e_mapper by;
        struct place outside;
        uint32_t granted; /* seconds; 0: for ever */
        uint32_t gateway; /* which router that is: network byte order */
        struct ask_upnp upnp;
        int routes; /* descriptor of the kernel's table; -1: it could not be opened */
};

/* Opens what cannot be opened later. */
void ask_init(struct ask *a);
/* Asks for @port, or once more for what is held. 0: held; else why not: enum wire_e_unmapped. */
int ask_router(struct ask *a);
/* Gives back what is held. Where the router does not answer, the lease ends by itself. */
void ask_return(struct ask *a);

/* One way each, of the router at @a->gateway. As ask_router(). */
int pmp_ask(struct ask *a);
void pmp_return(struct ask *a);
int upnp_ask(struct ask *a);
void upnp_return(struct ask *a);
