/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UPnP, by miniupnpc. Whoever is on the network may answer a search and name any machine at all: no URL is fetched, and none
 * is sent anything, whose host is not the gateway by number.
 */
#include "router/upnp.h"

#include <arpa/inet.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_MS 1200    /* for each of the two kinds; the search tells devices to answer within a second */
#define TTL 2             /* UPnP Device Architecture 1.1, 1.3.2 */
#define TOLD "Porchlight" /* what the router's pages show */
#define TRIES 4           /* ports outside, where others have them */
#define PORT_STEP 1009    /* prime: the next one to try is nobody's neighbour */
#define PORT_LEAST 1024
#define NUMBER_ROOM 12
/* WANIPConnection:1, 2.4.16 */
#define E_CONFLICT 718
#define E_PERMANENT 725

static const char *const kinds[] = {"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
                                    "urn:schemas-upnp-org:device:InternetGatewayDevice:2", NULL};
static const char *const services[] = {"urn:schemas-upnp-org:service:WANIPConnection:",
                                       "urn:schemas-upnp-org:service:WANPPPConnection:"};

static bool passes_on(const char *service) {
        for (size_t i = 0; i < ARRAY_LEN(services); i++)
                if (strncmp(service, services[i], strlen(services[i])) == 0)
                        return true;
        return false;
}

/* ---- finding it ---- */

/* Reads what the router says it can do. */
static bool describe(const char *url, const uint8_t gateway[4], struct ask_upnp *ret) {
        struct UPNPUrls urls = {0};
        struct IGDdatas data = {0};
        char self[64] = "";
        struct in_addr own;
        bool fine = UPNP_GetIGDFromUrl(url, &urls, &data, self, sizeof(self)) == 1 && urls.controlURL &&
                    strlen(urls.controlURL) < sizeof(ret->control) && place_of_url(urls.controlURL, gateway) &&
                    passes_on(data.first.servicetype) && inet_pton(AF_INET, self, &own) == 1;
        if (fine) {
                snprintf(ret->control, sizeof(ret->control), "%s", urls.controlURL);
                snprintf(ret->service, sizeof(ret->service), "%s", data.first.servicetype);
                snprintf(ret->self, sizeof(ret->self), "%s", self);
        }
        FreeUPNPUrls(&urls);
        return fine;
}

bool upnp_search(const uint8_t gateway[4], char ret_url[ASK_URL_MAX]) {
        int error = 0;
        bool found = false;
        struct UPNPDev *all = upnpDiscoverDevices(kinds, SEARCH_MS, NULL, "", UPNP_LOCAL_PORT_ANY, 0, TTL, &error, 0);
        for (const struct UPNPDev *d = all; d && !found; d = d->pNext) {
                found = place_of_url(d->descURL, gateway) && strlen(d->descURL) < ASK_URL_MAX;
                snprintf(ret_url, ASK_URL_MAX, "%s", found ? d->descURL : "");
        }
        freeUPNPDevlist(all);
        return found;
}

/* 0; UNMAPPED_SILENT: nobody has answered who could be it; UNMAPPED_ABSURD. */
static int find(struct ask *a) {
        const uint8_t *gateway = a->gateway + PLACE_IP - 4;
        char url[ASK_URL_MAX];
        if (!upnp_search(gateway, url))
                return UNMAPPED_SILENT;
        return describe(url, gateway, &a->upnp) ? 0 : UNMAPPED_ABSURD;
}

/* ---- asking ---- */

static int ask_address(const struct ask_upnp *u, struct place *ret) {
        char text[64] = "";
        uint8_t ip[4];
        if (UPNP_GetExternalIPAddress(u->control, u->service, text) != UPNPCOMMAND_SUCCESS ||
            inet_pton(AF_INET, text, ip) != 1)
                return UNMAPPED_ABSURD;
        place_set_v4(ret, ip);
        return place_is_public(ret->ip) ? 0 : UNMAPPED_CARRIER;
}

static void number(char ret[NUMBER_ROOM], uint32_t n) {
        snprintf(ret, NUMBER_ROOM, "%u", n);
}

/* Some routers give a port to whoever asks last: nobody else's is asked for. */
static bool is_anothers(const struct ask *a, const char *outside) {
        char client[64] = "", port[16] = "", told[128] = "", enabled[16] = "", left[32] = "", own[NUMBER_ROOM];
        int r = UPNP_GetSpecificPortMappingEntry(a->upnp.control, a->upnp.service, outside, "TCP", NULL, client, port,
                                                 told, enabled, left);
        number(own, a->port);
        return r == UPNPCOMMAND_SUCCESS && (strcmp(client, a->upnp.self) != 0 || strcmp(port, own) != 0);
}

/* 0, or what UPnP says. */
static int ask_port(const struct ask *a, uint16_t outside, uint32_t lease) {
        char there[NUMBER_ROOM], here[NUMBER_ROOM], time[NUMBER_ROOM];
        number(there, outside);
        number(here, a->port);
        number(time, lease);
        if (is_anothers(a, there))
                return E_CONFLICT;
        return UPNP_AddPortMapping(a->upnp.control, a->upnp.service, there, here, a->upnp.self, TOLD, "TCP", NULL,
                                   time);
}

static uint16_t next_port(uint16_t port) {
        uint32_t next = port + (uint32_t)PORT_STEP;
        return (uint16_t)(next > UINT16_MAX ? PORT_LEAST + next - UINT16_MAX : next);
}

/* A port that is free, for a while or, where the router knows no other, for ever. */
static int ask_ports(struct ask *a, struct place *outside) {
        uint32_t lease = a->lease;
        int r = E_CONFLICT;
        for (int i = 0; i < TRIES && r == E_CONFLICT; i++) {
                outside->port = i ? next_port(outside->port) : outside->port;
                r = ask_port(a, outside->port, lease);
                if (r == E_PERMANENT)
                        r = ask_port(a, outside->port, lease = 0);
        }
        a->granted = lease;
        return r == 0 ? 0 : r > 0 ? UNMAPPED_REFUSED : UNMAPPED_ABSURD;
}

int upnp_ask(struct ask *a) {
        struct place outside = a->outside;
        int r = find(a);
        if (r == 0)
                r = ask_address(&a->upnp, &outside);
        if (r == 0)
                r = ask_ports(a, &outside);
        if (r == 0)
                a->outside = outside;
        return r;
}

void upnp_return(struct ask *a) {
        char there[NUMBER_ROOM];
        number(there, a->outside.port);
        if (!is_anothers(a, there))
                UPNP_DeletePortMapping(a->upnp.control, a->upnp.service, there, "TCP", NULL);
}
