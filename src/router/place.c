/* SPDX-License-Identifier: Apache-2.0 */
#include "router/place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define HTTP "http://"
#define V4_OFFSET 12 /* an IPv4 address stands in the last 4 of 16 bytes */

static const uint8_t v4_prefix[V4_OFFSET] = {[10] = 0xff, [11] = 0xff};

/* Blocks that RFC 6890 and its successors name; those for documentation are left, which labs live in. */
static const struct {
        uint8_t ip[4];
        unsigned bits;
} inside[] = {
        {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},    {{100, 64, 0, 0}, 10}, {{127, 0, 0, 0}, 8},
        {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12}, {{192, 0, 0, 0}, 24},  {{192, 168, 0, 0}, 16},
        {{198, 18, 0, 0}, 15},  {{224, 0, 0, 0}, 3},
};

void place_set_v4(struct place *p, const uint8_t ip[4]) {
        memcpy(p->ip, v4_prefix, sizeof(v4_prefix));
        memcpy(p->ip + V4_OFFSET, ip, 4);
}

bool place_is_v4(const uint8_t ip[PLACE_IP]) {
        return memcmp(ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool place_is_link_local(const uint8_t ip[PLACE_IP]) {
        return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

socklen_t place_to_sockaddr(const uint8_t ip[PLACE_IP], uint32_t scope, uint16_t port, struct sockaddr_storage *ret) {
        struct sockaddr_in *in = (void *)ret;
        struct sockaddr_in6 *in6 = (void *)ret;
        memset(ret, 0, sizeof(*ret));
        if (place_is_v4(ip)) {
                in->sin_family = AF_INET;
                in->sin_port = htons(port);
                memcpy(&in->sin_addr, ip + V4_OFFSET, 4);
                return sizeof(*in);
        }
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        in6->sin6_scope_id = place_is_link_local(ip) ? scope : 0;
        memcpy(&in6->sin6_addr, ip, PLACE_IP);
        return sizeof(*in6);
}

void place_from_sockaddr(const struct sockaddr_storage *sa, uint8_t ret_ip[PLACE_IP]) {
        const struct sockaddr_in *in = (const void *)sa;
        const struct sockaddr_in6 *in6 = (const void *)sa;
        struct place p = {.ip = {0}};
        if (sa->ss_family == AF_INET)
                place_set_v4(&p, (const uint8_t *)&in->sin_addr);
        else if (sa->ss_family == AF_INET6)
                memcpy(p.ip, &in6->sin6_addr, PLACE_IP);
        memcpy(ret_ip, p.ip, PLACE_IP);
}

static bool is_public4(const uint8_t ip[4]) {
        uint32_t a = get_be32(ip);
        for (size_t i = 0; i < ARRAY_LEN(inside); i++)
                if (((a ^ get_be32(inside[i].ip)) >> (32 - inside[i].bits)) == 0)
                        return false;
        return true;
}

bool place_is_public(const uint8_t ip[PLACE_IP]) {
        if (place_is_v4(ip))
                return is_public4(ip + V4_OFFSET);
        return (ip[0] & 0xe0) == 0x20; /* 2000::/3, all that IANA has given out */
}

/* The host of an HTTP URL as it is written, into @ret. False: it is none, or too long to be an address. */
static bool host_of(const char *url, const char *end, char ret[INET6_ADDRSTRLEN]) {
        size_t n = strcspn(url, end);
        if (n >= INET6_ADDRSTRLEN)
                return false;
        memcpy(ret, url, n);
        ret[n] = '\0';
        return true;
}

bool place_of_url(const char *url, const uint8_t ip[4]) {
        char host[INET6_ADDRSTRLEN];
        uint8_t there[4];
        return url && strncmp(url, HTTP, strlen(HTTP)) == 0 && host_of(url + strlen(HTTP), ":/?#", host) &&
               inet_pton(AF_INET, host, there) == 1 && memcmp(there, ip, sizeof(there)) == 0;
}

bool place_in_url(const char *url, uint8_t ret_ip[PLACE_IP]) {
        char host[INET6_ADDRSTRLEN];
        if (!url || strncmp(url, HTTP "[", strlen(HTTP "[")) != 0)
                return false;
        url += strlen(HTTP "[");
        if (!host_of(url, "]", host) || url[strlen(host)] != ']')
                return false;
        char next = url[strlen(host) + 1]; /* nothing between the address and what follows a host */
        return (!next || strchr(":/?#", next)) && inet_pton(AF_INET6, host, ret_ip) == 1;
}
