/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCP (RFC 6887) in bytes: the request to map one TCP port, and what may be believed of the datagrams that come back. Sections are
 * those of the RFC. Pure.
 */
#pragma once

#include "router/place.h"

#define PCP_PORT 5351
#define PCP_ANNOUNCE_PORT 5350
#define PCP_NONCE 12        /* bytes */
#define PCP_MAP_BYTES 60    /* a request to map, and the answer where it has no options */
#define PCP_BYTES_MOST 1100 /* 7: longer ones are no messages */

/* 7.4 */
enum pcp_result {
        PCP_SUCCESS = 0,
        PCP_UNSUPP_VERSION = 1,
        PCP_NOT_AUTHORIZED = 2,
        PCP_MALFORMED_REQUEST = 3,
        PCP_UNSUPP_OPCODE = 4,
        PCP_UNSUPP_OPTION = 5,
        PCP_MALFORMED_OPTION = 6,
        PCP_NETWORK_FAILURE = 7,
        PCP_NO_RESOURCES = 8,
        PCP_UNSUPP_PROTOCOL = 9,
        PCP_USER_EX_QUOTA = 10,
        PCP_CANNOT_PROVIDE_EXTERNAL = 11,
        PCP_ADDRESS_MISMATCH = 12,
        PCP_EXCESSIVE_REMOTE_PEERS = 13,
};

/* What is asked for. */
struct pcp_query {
        uint8_t client[PLACE_IP]; /* this machine's address, as the router sees it */
        uint8_t nonce[PCP_NONCE]; /* the same each time that this port is asked for */
        uint16_t port;            /* of this machine, TCP */
        uint32_t lifetime;        /* seconds; 0: let it go */
        struct place outside;     /* what is hoped for; address and port may be 0 */
};

struct pcp_answer {
        unsigned result;      /* enum pcp_result, or another number up to 255 */
        uint32_t lifetime;    /* seconds: of what was given, or for which asking again is vain */
        uint32_t epoch;       /* seconds */
        struct place outside; /* where it succeeded */
};

void pcp_write(const struct pcp_query *q, uint8_t ret[PCP_MAP_BYTES]);

enum {
        PCP_E_OTHER = 1, /* the answer to something else: nothing was heard */
        PCP_E_OLD = 2,   /* the router speaks NAT-PMP, or another version of PCP, and not this one (9) */
        PCP_E_INPUT = 3, /* no message at all */
};
/* What the router has sent. 0; PCP_E_*. Whose datagram it is the caller knows. */
int pcp_read(struct span datagram, const struct pcp_query *q, struct pcp_answer *ret);
/* A word of the router's to everybody, that it has been started (14.1; RFC 6886, 3.2.1). False: it is none. */
bool pcp_read_announce(struct span datagram, uint32_t *ret_epoch);
/* The name of a result in the RFC, "?" for another. */
const char *pcp_result_text(unsigned result);
