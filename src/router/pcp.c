/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCP (RFC 6887): a question and an answer of 60 bytes each, from the gateway alone. Over IPv6 the question goes out from the address
 * that is to be open, for which the router opens its firewall.
 */
#include "base/file.h"
#include "base/log.h"
#include "router/ask.h"

#include <poll.h>
#include <sys/socket.h>

/* As NAT-PMP has it (RFC 6886, 3.1), for three questions. RFC 6887, 8.1.1 begins with 3 s, in which a router that speaks something else
 * has answered that. */
#define WAIT_FIRST_MS 250
#define TRIES 3
#define LEASE_LEAST 1     /* s */
#define DATAGRAMS_MOST 64 /* in one of these times: whoever sends more is not answering */

/* A socket that hears nobody but the router; -1. @ret_client: from where it speaks. */
static int open_socket(const struct ask *a, uint8_t ret_client[PLACE_IP]) {
        struct sockaddr_storage to, own;
        socklen_t n = place_to_sockaddr(a->gateway, a->scope, PCP_PORT, &to);
        socklen_t n_own = place_to_sockaddr(a->outside.ip, 0, 0, &own);
        _clean_(file_close) int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || (a->six && bind(fd, (struct sockaddr *)&own, n_own) != 0) ||
            connect(fd, (struct sockaddr *)&to, n) != 0)
                return -1;
        n_own = sizeof(own);
        if (getsockname(fd, (struct sockaddr *)&own, &n_own) != 0)
                return -1;
        place_from_sockaddr(&own, ret_client);
        int open = fd;
        fd = -1;
        return open;
}

/* ---- one question ---- */

enum heard { HEARD, HEARD_OLD, HEARD_NOTHING, HEARD_NOBODY };

/* Until the answer is there or @until. What is none is passed over, and remembered in @absurd: whoever sends such things may not be
 * the router, for all that its address is on them. */
static enum heard hear(int fd, int64_t until, const struct pcp_query *q, struct pcp_answer *ret, bool *absurd) {
        uint8_t bytes[PCP_BYTES_MOST + 1];
        for (int i = 0; i < DATAGRAMS_MOST; i++) {
                struct pollfd p = {.fd = fd, .events = POLLIN};
                int64_t left = until - ask_now();
                if (left <= 0 || poll(&p, 1, (int)left) <= 0)
                        return HEARD_NOTHING;
                ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
                if (n < 0)
                        return HEARD_NOBODY; /* nobody listens there, as ICMP says */
                int r = pcp_read(span_of(bytes, (size_t)n), q, ret);
                if (r == 0 || r == PCP_E_OLD)
                        return r ? HEARD_OLD : HEARD;
                *absurd = true;
        }
        return HEARD_NOTHING;
}

/* 0; enum wire_e_unmapped. */
static int exchange(struct ask *a, int fd, const struct pcp_query *q, struct pcp_answer *ret) {
        uint8_t bytes[PCP_MAP_BYTES];
        enum heard heard = HEARD_NOTHING;
        bool absurd = false;
        pcp_write(q, bytes);
        for (int i = 0; i < TRIES && heard == HEARD_NOTHING; i++) {
                int64_t until = ask_now() + ((int64_t)WAIT_FIRST_MS << i);
                if (send(fd, bytes, sizeof(bytes), 0) < 0)
                        return UNMAPPED_SILENT;
                heard = hear(fd, until, q, ret, &absurd);
        }
        a->no_pcp = heard == HEARD_OLD;
        if (heard == HEARD)
                return 0;
        return absurd ? UNMAPPED_ABSURD : UNMAPPED_SILENT;
}

/* ---- what becomes of it ---- */

/* Over IPv4 the router's own address, if that is one; over IPv6 nothing but this machine's, since nothing else can be checked. */
static int look_at(const struct ask *a, const struct pcp_answer *said) {
        if (!said->lifetime || !said->outside.port)
                return UNMAPPED_ABSURD;
        if (!a->six && !place_is_v4(said->outside.ip))
                return UNMAPPED_ABSURD;
        if (!a->six)
                return place_is_public(said->outside.ip) ? 0 : UNMAPPED_CARRIER;
        bool own = memcmp(said->outside.ip, a->outside.ip, PLACE_IP) == 0 && said->outside.port == a->port;
        return own ? 0 : UNMAPPED_ABSURD;
}

static int why_not(const struct ask *a, unsigned result) {
        log_info("PCP over %s: the router says %u, %s", a->six ? "IPv6" : "IPv4", result, pcp_result_text(result));
        return UNMAPPED_REFUSED;
}

static struct pcp_query query_of(const struct ask *a) {
        struct pcp_query q = {.port = a->port, .lifetime = a->lease, .outside = a->outside};
        memcpy(q.nonce, a->nonce, sizeof(q.nonce));
        return q;
}

static int ask_port(struct ask *a, int fd, struct pcp_query *q) {
        struct pcp_answer said, left;
        int r = exchange(a, fd, q, &said);
        if (r)
                return r;
        if (!epoch_heard(&a->epoch, said.epoch, ask_now()))
                log_info("the router has forgotten what it gave: it has been started anew");
        if (said.result != PCP_SUCCESS)
                return why_not(a, said.result);
        r = look_at(a, &said);
        if (r) { /* of no use: it is not left there */
                q->lifetime = 0;
                (void)exchange(a, fd, q, &left);
                return r;
        }
        a->outside = said.outside;
        a->granted = said.lifetime;
        return 0;
}

int pcp_ask(struct ask *a) {
        struct pcp_query q = query_of(a);
        _clean_(file_close) int fd = a->no_pcp ? -1 : open_socket(a, q.client);
        return fd < 0 ? UNMAPPED_SILENT : ask_port(a, fd, &q);
}

/* 15: with the same nonce, and nothing hoped for. Debian 12's miniupnpd refuses that over IPv6 once what it gave was renewed: then it is
 * asked for the least time there is. */
void pcp_return(struct ask *a) {
        struct pcp_query q = query_of(a);
        struct pcp_answer said;
        _clean_(file_close) int fd = open_socket(a, q.client);
        if (fd < 0)
                return;
        q.lifetime = 0;
        q.outside = (struct place){.port = 0};
        if (!a->six)
                place_set_v4(&q.outside, (const uint8_t[4]){0});
        if (exchange(a, fd, &q, &said) || said.result == PCP_SUCCESS)
                return;
        q.lifetime = LEASE_LEAST;
        q.outside = a->outside;
        (void)exchange(a, fd, &q, &said);
}
