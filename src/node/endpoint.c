/* SPDX-License-Identifier: Apache-2.0 */
#include "node/endpoint.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#define PORT_MAX 65535
#define V4_OFFSET 12 /* an IPv4 address stands in the last 4 of 16 bytes */
#define IP_BITS 128

static const uint8_t v4_prefix[V4_OFFSET] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t loopback6[16] = {[15] = 1};
static const uint8_t wild6[16];

static void set_v4(struct mesh_addr *a, const void *four) {
        memcpy(a->ip, v4_prefix, sizeof(v4_prefix));
        memcpy(a->ip + V4_OFFSET, four, 4);
}

static size_t find_last(struct span s, char c) {
        size_t at = s.n;
        while (at && s.p[at - 1] != (uint8_t)c)
                at--;
        return at; /* one past it; 0: none */
}

int endpoint_split(struct span s, struct span *ret_host, uint16_t *ret_port) {
        size_t colon = find_last(s, ':');
        uint64_t port;
        if (colon == 0)
                return ENDPOINT_E_PORT;
        if (!text_u64(span_from(s, colon), PORT_MAX, &port))
                return ENDPOINT_E_PORT;
        struct span host = span_of(s.p, colon - 1);
        bool bracket = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
        if (bracket)
                host = span_of(host.p + 1, host.n - 2);
        else if (memchr(host.p, ':', host.n))
                return ENDPOINT_E_INPUT;
        if (host.n == 0)
                return ENDPOINT_E_INPUT;
        *ret_host = host;
        *ret_port = (uint16_t)port;
        return 0;
}

bool endpoint_name_ok(struct span host) {
        if (host.n == 0 || host.n > ENDPOINT_DNS_MAX)
                return false;
        for (size_t i = 0; i < host.n; i++) {
                uint8_t c = host.p[i];
                bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.')
                        return false;
        }
        return true;
}

/* "fe80::1%eth0" or "%2": cuts the zone off @host. False: no such interface. */
static bool take_zone(char *host, uint32_t *ret_scope) {
        char *zone = strchr(host, '%');
        uint64_t index;
        *ret_scope = 0;
        if (!zone)
                return true;
        *zone++ = '\0';
        *ret_scope = if_nametoindex(zone);
        if (*ret_scope == 0 && text_u64(span_str(zone), UINT32_MAX, &index))
                *ret_scope = (uint32_t)index;
        return *ret_scope != 0;
}

int endpoint_parse(struct span s, struct mesh_addr *ret) {
        struct mesh_addr a = {0};
        char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
        struct span host;
        int r = endpoint_split(s, &host, &a.port);
        if (r)
                return r;
        if (host.n >= sizeof(text) || memchr(host.p, '\0', host.n))
                return ENDPOINT_E_INPUT;
        memcpy(text, host.p, host.n);
        text[host.n] = '\0';
        if (!take_zone(text, &a.scope))
                return ENDPOINT_E_INPUT;
        uint8_t four[4];
        if (inet_pton(AF_INET, text, four) == 1)
                set_v4(&a, four);
        else if (inet_pton(AF_INET6, text, a.ip) != 1)
                return endpoint_name_ok(host) ? ENDPOINT_E_NAME : ENDPOINT_E_INPUT;
        *ret = a;
        return 0;
}

void endpoint_text(struct buf *out, const struct mesh_addr *a) {
        char text[INET6_ADDRSTRLEN] = "", name[IF_NAMESIZE];
        if (endpoint_is_v4(a)) {
                inet_ntop(AF_INET, a->ip + V4_OFFSET, text, sizeof(text));
                buf_printf(out, "%s:%u", text, a->port);
                return;
        }
        inet_ntop(AF_INET6, a->ip, text, sizeof(text));
        if (a->scope == 0)
                buf_printf(out, "[%s]:%u", text, a->port);
        else if (if_indextoname(a->scope, name))
                buf_printf(out, "[%s%%%s]:%u", text, name, a->port);
        else
                buf_printf(out, "[%s%%%u]:%u", text, a->scope, a->port);
}

bool endpoint_from_sockaddr(const struct sockaddr *sa, struct mesh_addr *ret) {
        struct mesh_addr a = {0};
        if (sa->sa_family == AF_INET) {
                const struct sockaddr_in *in = (const void *)sa;
                set_v4(&a, &in->sin_addr);
                a.port = ntohs(in->sin_port);
        } else if (sa->sa_family == AF_INET6) {
                const struct sockaddr_in6 *in6 = (const void *)sa;
                memcpy(a.ip, &in6->sin6_addr, sizeof(a.ip));
                a.port = ntohs(in6->sin6_port);
                a.scope = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) ? in6->sin6_scope_id : 0;
        } else {
                return false;
        }
        *ret = a;
        return true;
}

void endpoint_to_sockaddr(const struct mesh_addr *a, struct sockaddr_storage *ret) {
        memset(ret, 0, sizeof(*ret));
        if (endpoint_is_v4(a)) {
                struct sockaddr_in *in = (void *)ret;
                in->sin_family = AF_INET;
                in->sin_port = htons(a->port);
                memcpy(&in->sin_addr, a->ip + V4_OFFSET, sizeof(in->sin_addr));
                return;
        }
        struct sockaddr_in6 *in6 = (void *)ret;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        in6->sin6_scope_id = a->scope;
        memcpy(&in6->sin6_addr, a->ip, sizeof(in6->sin6_addr));
}

void endpoint_to_wire(const struct mesh_addr *a, struct wire_addr *ret) {
        struct wire_addr w = {.port = a->port};
        if (endpoint_is_v4(a))
                WIRE_PUT(&w, ADDR, ip4, span_of(a->ip + V4_OFFSET, 4));
        else
                WIRE_PUT(&w, ADDR, ip6, SPAN_OF(a->ip));
        *ret = w;
}

bool endpoint_from_wire(const struct wire_addr *w, struct mesh_addr *ret) {
        struct mesh_addr a = {.port = (uint16_t)w->port};
        if (WIRE_HAS(w, ADDR, ip4))
                set_v4(&a, w->ip4.p);
        else if (WIRE_HAS(w, ADDR, ip6))
                memcpy(a.ip, w->ip6.p, sizeof(a.ip));
        else
                return false;
        *ret = a;
        return true;
}

bool endpoint_is_v4(const struct mesh_addr *a) {
        return memcmp(a->ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool endpoint_is_wild(const struct mesh_addr *a) {
        static const uint8_t zero[4];
        if (endpoint_is_v4(a))
                return memcmp(a->ip + V4_OFFSET, zero, sizeof(zero)) == 0;
        return memcmp(a->ip, wild6, sizeof(wild6)) == 0;
}

bool endpoint_is_loopback(const struct mesh_addr *a) {
        if (endpoint_is_v4(a))
                return a->ip[V4_OFFSET] == 127;
        return memcmp(a->ip, loopback6, sizeof(loopback6)) == 0;
}

bool endpoint_is_link_local(const struct mesh_addr *a) {
        const uint8_t *ip = a->ip;
        if (endpoint_is_v4(a))
                return ip[V4_OFFSET] == 169 && ip[V4_OFFSET + 1] == 254;
        return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

bool endpoint_is_private(const struct mesh_addr *a) {
        const uint8_t *four = a->ip + V4_OFFSET;
        if (!endpoint_is_v4(a))
                return (a->ip[0] & 0xfe) == 0xfc;
        return four[0] == 10 || (four[0] == 172 && (four[1] & 0xf0) == 16) || (four[0] == 192 && four[1] == 168) ||
               (four[0] == 100 && (four[1] & 0xc0) == 64);
}

bool endpoint_eq(const struct mesh_addr *a, const struct mesh_addr *b) {
        return endpoint_same_ip(a, b) && a->port == b->port;
}

bool endpoint_same_ip(const struct mesh_addr *a, const struct mesh_addr *b) {
        return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->scope == b->scope;
}

bool endpoint_same_net(const struct mesh_addr *a, const struct mesh_addr *b, unsigned bits) {
        unsigned whole = MIN(bits, IP_BITS) / 8, rest = MIN(bits, IP_BITS) % 8;
        if (memcmp(a->ip, b->ip, whole) != 0)
                return false;
        return rest == 0 || ((a->ip[whole] ^ b->ip[whole]) & (0xff00u >> rest & 0xff)) == 0;
}
