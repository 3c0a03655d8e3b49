/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/address.h"

#include "base/text.h"

#include <arpa/inet.h>

#define PORT_MAX 65535
#define DNS_MAX 48 /* as in proto/records.def */
#define HOST_MAX 64

static bool host_name(struct span host) {
        if (!host.n || host.n > DNS_MAX || host.p[0] == '-' || host.p[0] == '.')
                return false;
        for (size_t i = 0; i < host.n; i++) {
                uint8_t ch = host.p[i], low = ch | 0x20;
                if (!(low >= 'a' && low <= 'z') && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '.')
                        return false;
        }
        return true;
}

/* All digits and dots: meant as an IPv4 address, never as a name. */
static bool numeric(const char *host) {
        return strspn(host, "0123456789.") == strlen(host);
}

static bool put_host(struct span host, bool bracketed, struct address_text *room, struct wire_addr *ret) {
        char text[HOST_MAX];
        if (host.n >= sizeof(text))
                return false;
        memcpy(text, host.p, host.n);
        text[host.n] = 0;
        if (bracketed) {
                WIRE_PUT(ret, ADDR, ip6, SPAN_OF(room->ip));
                return inet_pton(AF_INET6, text, room->ip) == 1;
        }
        if (inet_pton(AF_INET, text, room->ip) == 1) {
                WIRE_PUT(ret, ADDR, ip4, span_of(room->ip, 4));
                return true;
        }
        WIRE_PUT(ret, ADDR, dns, host);
        return host_name(host) && !numeric(text);
}

/* Where the port's colon stands; NULL: there is no port. The colons inside brackets are the address's. */
static const char *port_colon(const char *text) {
        const char *bracket = strrchr(text, ']');
        return strrchr(bracket ? bracket : text, ':');
}

bool address_parse(const char *text, struct address_text *room, struct wire_addr *ret) {
        struct wire_addr got = {0};
        uint64_t port = PORCHLIGHT_PORT;
        const char *colon = port_colon(text);
        if (colon && (!text_u64(span_str(colon + 1), PORT_MAX, &port) || !port))
                return false;
        struct span host = colon ? span_of(text, (size_t)(colon - text)) : span_str(text);
        bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
        if (bracketed)
                host = span_of(host.p + 1, host.n - 2);
        got.port = port;
        if (!put_host(host, bracketed, room, &got))
                return false;
        *ret = got;
        return true;
}
