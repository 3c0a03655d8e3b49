/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hole in the router's firewall for IPv6, by UPnP (WANIPv6FirewallControl:1), which miniupnpc speaks. Who asks has to be who is let
 * in, so the router is called over IPv6, and there at an address that it names itself: the one it is known by, of the kernel's
 * table, is good on the wire only. So the search is ours, and heard from that address alone; what it names has to be on
 * this wire too, and not this machine. Routers that answer searches over IPv4 alone are called there, and may refuse.
 */
#include "base/file.h"
#include "router/ask.h"
#include "router/ssdp.h"
#include "router/upnp.h"

#include <arpa/inet.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SEARCH_MS 1500 /* devices are told to answer within a second */
#define HOPS 2         /* UPnP Device Architecture 1.1, annex A.2 */
#define SSDP_PORT 1900
#define DATAGRAM_MOST 2048
#define DATAGRAMS_MOST 64 /* of anybody's, in one search */
#define TCP "6"
#define NUMBER_ROOM 12
#define FIREWALL "urn:schemas-upnp-org:service:WANIPv6FirewallControl:"

static const char *const searched[] = {FIREWALL "1", "urn:schemas-upnp-org:device:InternetGatewayDevice:2"};
static const struct in6_addr everybody = {{{0xff, 0x02, [15] = 0x0c}}}; /* of this wire who speaks SSDP */

/* ---- finding it ---- */

static int open_search(const struct ask *a) {
        int hops = HOPS, scope = (int)a->scope;
        _clean_(file_close) int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &scope, sizeof(scope)) != 0 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) != 0)
                return -1;
        int open = fd;
        fd = -1;
        return open;
}

static void search(int fd, uint32_t scope) {
        const struct sockaddr_in6 to = {
                .sin6_family = AF_INET6, .sin6_port = htons(SSDP_PORT), .sin6_addr = everybody, .sin6_scope_id = scope};
        for (size_t i = 0; i < ARRAY_LEN(searched); i++) {
                char text[256];
                int n = snprintf(text, sizeof(text),
                                 "M-SEARCH * HTTP/1.1\r\nHOST: [FF02::C]:1900\r\nST: %s\r\nMAN: \"ssdp:discover\"\r\n"
                                 "MX: 1\r\n\r\n",
                                 searched[i]);
                (void)sendto(fd, text, (size_t)n, 0, (const struct sockaddr *)&to, sizeof(to));
        }
}

/* What the gateway itself says. 0; UNMAPPED_SILENT, UNMAPPED_ABSURD. */
static int hear(const struct ask *a, int fd, char ret_url[ASK_URL_MAX]) {
        int64_t until = ask_now() + SEARCH_MS;
        int why = UNMAPPED_SILENT;
        for (int i = 0; i < DATAGRAMS_MOST; i++) {
                uint8_t bytes[DATAGRAM_MOST];
                struct sockaddr_in6 who;
                socklen_t n_who = sizeof(who);
                struct pollfd p = {.fd = fd, .events = POLLIN};
                int64_t left = until - ask_now();
                if (left <= 0 || poll(&p, 1, (int)left) <= 0)
                        break;
                ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&who, &n_who);
                if (n < 0 || memcmp(&who.sin6_addr, a->gateway, PLACE_IP) != 0)
                        continue;
                if (ssdp_location(span_of(bytes, (size_t)n), ret_url, ASK_URL_MAX))
                        return 0;
                why = UNMAPPED_ABSURD;
        }
        return why;
}

/* Reads what the router says it can do, at @url, whose host was looked at; what it names must be at the same one. */
static int describe(const char *url, const uint8_t host[PLACE_IP], struct ask_upnp *ret) {
        struct UPNPUrls urls = {0};
        struct IGDdatas data = {0};
        char self[64] = "";
        uint8_t there[PLACE_IP];
        bool four = place_is_v4(host);
        int r = UPNP_GetIGDFromUrl(url, &urls, &data, self, sizeof(self)) == 1 ? UNMAPPED_SILENT : UNMAPPED_ABSURD;
        if (r == UNMAPPED_SILENT && strncmp(data.IPv6FC.servicetype, FIREWALL, strlen(FIREWALL)) == 0) {
                const char *c = urls.controlURL_6FC;
                bool same = c && (four ? place_of_url(c, host + PLACE_IP - 4)
                                       : place_in_url(c, there) && memcmp(there, host, PLACE_IP) == 0);
                r = same && strlen(c) < sizeof(ret->control) ? 0 : UNMAPPED_ABSURD;
                snprintf(ret->control, sizeof(ret->control), "%s", r ? "" : c);
                snprintf(ret->service, sizeof(ret->service), "%s", data.IPv6FC.servicetype);
        }
        FreeUPNPUrls(&urls);
        return r;
}

static int find6(struct ask *a) {
        char url[ASK_URL_MAX];
        uint8_t host[PLACE_IP];
        _clean_(file_close) int fd = open_search(a);
        if (fd < 0)
                return UNMAPPED_SILENT;
        search(fd, a->scope);
        int r = hear(a, fd, url);
        if (r)
                return r;
        if (!place_in_url(url, host) || !ask_is_beside(a, host))
                return UNMAPPED_ABSURD;
        return describe(url, host, &a->upnp);
}

static int find4(struct ask *a) {
        struct place gateway;
        char url[ASK_URL_MAX];
        if (!ask_gateway4(a, &gateway) || !upnp_search(gateway.ip + PLACE_IP - 4, url))
                return UNMAPPED_SILENT;
        return describe(url, gateway.ip, &a->upnp);
}

/* ---- asking ---- */

static void number(char ret[NUMBER_ROOM], uint32_t n) {
        snprintf(ret, NUMBER_ROOM, "%u", n);
}

/* It is a number of the router's, which goes back into XML as it came. */
static bool is_id(const char *id) {
        size_t n = strspn(id, "0123456789");
        return n > 0 && n < ASK_ID_MAX && !id[n];
}

/* 0: the firewall lets holes be made in it, or there is none. */
static int look_at_firewall(const struct ask_upnp *u, bool *ret_off) {
        int on = 0, allowed = 0;
        int r = UPNP_GetFirewallStatus(u->control, u->service, &on, &allowed);
        *ret_off = r == UPNPCOMMAND_SUCCESS && !on;
        if (r == UPNPCOMMAND_SUCCESS)
                return *ret_off || allowed ? 0 : UNMAPPED_REFUSED;
        return r > 0 ? UNMAPPED_REFUSED : UNMAPPED_ABSURD;
}

static int open_hole(struct ask *a) {
        char own[INET6_ADDRSTRLEN], port[NUMBER_ROOM], lease[NUMBER_ROOM], anywhere[] = "", any[] = "0", id[16] = "";
        struct ask_upnp *u = &a->upnp;
        inet_ntop(AF_INET6, a->outside.ip, own, sizeof(own));
        number(port, a->port);
        number(lease, a->lease);
        if (a->held && is_id(u->id) && UPNP_UpdatePinhole(u->control, u->service, u->id, lease) == 0)
                return 0;
        int r = UPNP_AddPinhole(u->control, u->service, anywhere, any, own, port, TCP, lease, id);
        if (r)
                return r > 0 ? UNMAPPED_REFUSED : UNMAPPED_ABSURD;
        if (!is_id(id))
                return UNMAPPED_ABSURD;
        snprintf(u->id, sizeof(u->id), "%s", id);
        return 0;
}

int pinhole_ask(struct ask *a) {
        bool off = false;
        int r = find6(a);
        if (r == UNMAPPED_SILENT)
                r = find4(a);
        if (r == 0)
                r = look_at_firewall(&a->upnp, &off);
        if (r == 0 && off)
                a->upnp.id[0] = '\0';
        else if (r == 0)
                r = open_hole(a);
        a->granted = a->lease;
        return r;
}

void pinhole_return(struct ask *a) {
        if (is_id(a->upnp.id))
                UPNP_DeletePinhole(a->upnp.control, a->upnp.service, a->upnp.id);
}
