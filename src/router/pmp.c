/* SPDX-License-Identifier: Apache-2.0 */
/* NAT-PMP (RFC 6886), by libnatpmp: a question and an answer of a few bytes each, from the gateway alone. */
#include "router/ask.h"

#include <natpmp.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

/* Bytes of an answer: one that refuses, of an address, of a port (RFC 6886, 3.2, 3.3, 3.5) */
#define REFUSAL 8
#define ADDRESS 12
#define WHOLE 16
#define ANSWER 128       /* the operation of an answer: this, and the question's */
#define PATIENCE_MS 1800 /* three questions: 250, 500 and 1,000 ms (RFC 6886, 3.1 goes on for a minute) */

/* Until something has come, or the question is due again. */
static void pause_for(natpmp_t *p) {
        struct timeval wait = {.tv_usec = 250000};
        fd_set fds;
        FD_ZERO(&fds);
        FD_SET(p->s, &fds);
        getnatpmprequesttimeout(p, &wait);
        if (wait.tv_sec < 0)
                wait = (struct timeval){0};
        select(p->s + 1, &fds, NULL, NULL, &wait);
}

/* libnatpmp takes it that all of an answer has come, and reads what lay there before. */
static bool is_cut(natpmp_t *p) {
        uint8_t b[WHOLE];
        ssize_t n = recv(p->s, b, sizeof(b), MSG_PEEK | MSG_DONTWAIT);
        if (n < 0)
                return false;
        if (n < REFUSAL)
                return true;
        bool refused = get_be16(b + 2) != 0;
        return n < (refused ? REFUSAL : b[1] == ANSWER ? ADDRESS : WHOLE);
}

/* The answer of @type. 0; enum wire_e_unmapped. */
static int hear(natpmp_t *p, uint16_t type, natpmpresp_t *ret) {
        int64_t end = ask_now() + PATIENCE_MS;
        int r;
        do {
                pause_for(p);
                if (is_cut(p))
                        return UNMAPPED_ABSURD;
                r = readnatpmpresponseorretry(p, ret);
        } while (r == NATPMP_TRYAGAIN && ask_now() < end);
        if (r == NATPMP_TRYAGAIN || r == NATPMP_ERR_NOGATEWAYSUPPORT || r == NATPMP_ERR_RECVFROM)
                return UNMAPPED_SILENT;
        if (r == NATPMP_ERR_NOTAUTHORIZED || r == NATPMP_ERR_OUTOFRESOURCES || r == NATPMP_ERR_NETWORKFAILURE)
                return UNMAPPED_REFUSED;
        return r == 0 && ret->type == type ? 0 : UNMAPPED_ABSURD;
}

static int ask_address(natpmp_t *p, struct place *ret) {
        natpmpresp_t said = {0};
        int r = sendpublicaddressrequest(p) < 0 ? UNMAPPED_SILENT : hear(p, NATPMP_RESPTYPE_PUBLICADDRESS, &said);
        if (r)
                return r;
        place_set_v4(ret, (const uint8_t *)&said.pnu.publicaddress.addr);
        return place_is_public(ret->ip) ? 0 : UNMAPPED_CARRIER;
}

static int ask_port(natpmp_t *p, const struct ask *a, uint16_t wanted, natpmpresp_t *ret) {
        int r = sendnewportmappingrequest(p, NATPMP_PROTOCOL_TCP, a->port, wanted, a->lease) < 0
                        ? UNMAPPED_SILENT
                        : hear(p, NATPMP_RESPTYPE_TCPPORTMAPPING, ret);
        if (r)
                return r;
        bool sound = ret->pnu.newportmapping.privateport == a->port && ret->pnu.newportmapping.mappedpublicport &&
                     ret->pnu.newportmapping.lifetime;
        return sound ? 0 : UNMAPPED_ABSURD;
}

static int ask_both(natpmp_t *p, struct ask *a) {
        struct place outside = a->outside;
        natpmpresp_t said = {0};
        int r = ask_address(p, &outside);
        if (r == 0)
                r = ask_port(p, a, outside.port, &said);
        if (r)
                return r;
        (void)epoch_heard(&a->epoch, said.epoch, ask_now());
        outside.port = said.pnu.newportmapping.mappedpublicport;
        a->outside = outside;
        a->granted = said.pnu.newportmapping.lifetime;
        return 0;
}

static bool begin(const struct ask *a, natpmp_t *ret) {
        in_addr_t gateway;
        memcpy(&gateway, a->gateway + PLACE_IP - sizeof(gateway), sizeof(gateway));
        return initnatpmp(ret, 1, gateway) >= 0;
}

int pmp_ask(struct ask *a) {
        natpmp_t p;
        if (!begin(a, &p))
                return UNMAPPED_SILENT;
        int r = ask_both(&p, a);
        closenatpmp(&p);
        return r;
}

void pmp_return(struct ask *a) {
        natpmp_t p;
        natpmpresp_t said;
        if (!begin(a, &p))
                return;
        if (sendnewportmappingrequest(&p, NATPMP_PROTOCOL_TCP, a->port, 0, 0) >= 0)
                (void)hear(&p, NATPMP_RESPTYPE_TCPPORTMAPPING, &said); /* sent again where nothing comes */
        closenatpmp(&p);
}
