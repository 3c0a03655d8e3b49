/* SPDX-License-Identifier: Apache-2.0 */
#include "router/pcp_message.h"

#define VERSION 2
#define TCP 6 /* IANA's number */
#define ANSWER 0x80u
#define OP_ANNOUNCE 0
#define OP_MAP 1

/* 7.1, 7.2, 11.1: where in a message a field stands */
enum {
        AT_VERSION = 0,
        AT_OP = 1,
        AT_RESULT = 3, /* of an answer */
        AT_LIFETIME = 4,
        AT_EPOCH = 8,  /* of an answer */
        AT_CLIENT = 8, /* of a request */
        AT_MAP = 24,
        AT_NONCE = AT_MAP,
        AT_PROTOCOL = AT_NONCE + PCP_NONCE,
        AT_PORT = AT_PROTOCOL + 4,
        AT_OUTSIDE_PORT = AT_PORT + 2,
        AT_OUTSIDE_IP = AT_OUTSIDE_PORT + 2,
        AT_END = AT_OUTSIDE_IP + PLACE_IP,
};

/* RFC 6886: an answer of NAT-PMP, which is version 0 */
enum {
        PMP_VERSION = 0,
        PMP_RESULT = 2,
        PMP_EPOCH = 4,
        PMP_ADDRESS_BYTES = 12,
};

_Static_assert((int)AT_END == PCP_MAP_BYTES, "RFC 6887, 11.1");

void pcp_write(const struct pcp_query *q, uint8_t ret[PCP_MAP_BYTES]) {
        memset(ret, 0, PCP_MAP_BYTES);
        ret[AT_VERSION] = VERSION;
        ret[AT_OP] = OP_MAP;
        put_be32(ret + AT_LIFETIME, q->lifetime);
        memcpy(ret + AT_CLIENT, q->client, PLACE_IP);
        memcpy(ret + AT_NONCE, q->nonce, PCP_NONCE);
        ret[AT_PROTOCOL] = TCP;
        put_be16(ret + AT_PORT, q->port);
        put_be16(ret + AT_OUTSIDE_PORT, q->outside.port);
        memcpy(ret + AT_OUTSIDE_IP, q->outside.ip, PLACE_IP);
}

/* 9: what speaks an older version says so in its own words, which may be shorter than a header of this one. */
static bool is_old(struct span d) {
        return d.n >= 4 && d.p[AT_VERSION] != VERSION && d.p[AT_OP] & ANSWER && d.p[AT_RESULT] == PCP_UNSUPP_VERSION;
}

/* 11.4: which request it answers. */
static bool answers(struct span d, const struct pcp_query *q) {
        return d.p[AT_OP] == (ANSWER | OP_MAP) && memcmp(d.p + AT_NONCE, q->nonce, PCP_NONCE) == 0 &&
               d.p[AT_PROTOCOL] == TCP && get_be16(d.p + AT_PORT) == q->port;
}

/* 8.3; options that nobody asked for are passed over. */
int pcp_read(struct span datagram, const struct pcp_query *q, struct pcp_answer *ret) {
        struct pcp_answer a = {.result = 0};
        if (is_old(datagram))
                return PCP_E_OLD;
        if (datagram.n < PCP_MAP_BYTES || datagram.n > PCP_BYTES_MOST || datagram.n % 4 ||
            datagram.p[AT_VERSION] != VERSION || !(datagram.p[AT_OP] & ANSWER))
                return PCP_E_INPUT;
        if (!answers(datagram, q))
                return PCP_E_OTHER;
        a.result = datagram.p[AT_RESULT];
        a.lifetime = get_be32(datagram.p + AT_LIFETIME);
        a.epoch = get_be32(datagram.p + AT_EPOCH);
        if (a.result == PCP_SUCCESS) {
                a.outside.port = get_be16(datagram.p + AT_OUTSIDE_PORT);
                memcpy(a.outside.ip, datagram.p + AT_OUTSIDE_IP, PLACE_IP);
        }
        if (a.result == PCP_UNSUPP_VERSION)
                return PCP_E_OLD;
        *ret = a;
        return 0;
}

bool pcp_read_announce(struct span d, uint32_t *ret_epoch) {
        if (d.n == PMP_ADDRESS_BYTES && d.p[AT_VERSION] == PMP_VERSION && d.p[AT_OP] == ANSWER &&
            get_be16(d.p + PMP_RESULT) == 0) {
                *ret_epoch = get_be32(d.p + PMP_EPOCH);
                return true;
        }
        if (d.n < AT_MAP || d.n > PCP_BYTES_MOST || d.p[AT_VERSION] != VERSION ||
            d.p[AT_OP] != (ANSWER | OP_ANNOUNCE) || d.p[AT_RESULT] != PCP_SUCCESS)
                return false;
        *ret_epoch = get_be32(d.p + AT_EPOCH);
        return true;
}

const char *pcp_result_text(unsigned result) {
        static const char *const names[] = {
                [PCP_SUCCESS] = "SUCCESS",
                [PCP_UNSUPP_VERSION] = "UNSUPP_VERSION",
                [PCP_NOT_AUTHORIZED] = "NOT_AUTHORIZED",
                [PCP_MALFORMED_REQUEST] = "MALFORMED_REQUEST",
                [PCP_UNSUPP_OPCODE] = "UNSUPP_OPCODE",
                [PCP_UNSUPP_OPTION] = "UNSUPP_OPTION",
                [PCP_MALFORMED_OPTION] = "MALFORMED_OPTION",
                [PCP_NETWORK_FAILURE] = "NETWORK_FAILURE",
                [PCP_NO_RESOURCES] = "NO_RESOURCES",
                [PCP_UNSUPP_PROTOCOL] = "UNSUPP_PROTOCOL",
                [PCP_USER_EX_QUOTA] = "USER_EX_QUOTA",
                [PCP_CANNOT_PROVIDE_EXTERNAL] = "CANNOT_PROVIDE_EXTERNAL",
                [PCP_ADDRESS_MISMATCH] = "ADDRESS_MISMATCH",
                [PCP_EXCESSIVE_REMOTE_PEERS] = "EXCESSIVE_REMOTE_PEERS",
        };
        return result < ARRAY_LEN(names) ? names[result] : "?";
}
