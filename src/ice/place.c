/* SPDX-License-Identifier: Apache-2.0 */
#include "ice/place.h"

#include "wire/codec.h"

#include <arpa/inet.h>
#include <string.h>

#define IP4 4
#define IP6 16

static bool ip4_ok(const uint8_t ip[IP4], bool loopback) {
        if (ip[0] == 127)
                return loopback;
        return ip[0] != 0 && ip[0] < 224; /* neither "this host", nor a group, nor all */
}

/* fe80::/10 says nothing without an interface; ::ffff:0:0/96 and other forms of IPv4 are to be named as IPv4. */
static bool ip6_ok(const uint8_t ip[IP6], bool loopback) {
        static const uint8_t low[10] = {0};
        struct in6_addr a;
        memcpy(&a, ip, sizeof(a));
        if (IN6_IS_ADDR_LOOPBACK(&a))
                return loopback;
        return !IN6_IS_ADDR_MULTICAST(&a) && !IN6_IS_ADDR_LINKLOCAL(&a) && memcmp(ip, low, sizeof(low)) != 0;
}

bool place_ok(const struct wire_ice_place *p, bool loopback) {
        return p->ip.n == IP4 ? ip4_ok(p->ip.p, loopback) : p->ip.n == IP6 && ip6_ok(p->ip.p, loopback);
}

bool place_to_nice(const struct wire_ice_place *p, NiceAddress *ret) {
        struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)p->port)};
        struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)p->port)};
        nice_address_init(ret);
        if (p->ip.n == IP4)
                memcpy(&a4.sin_addr, p->ip.p, IP4);
        else if (p->ip.n == IP6)
                memcpy(&a6.sin6_addr, p->ip.p, IP6);
        else
                return false;
        nice_address_set_from_sockaddr(ret, p->ip.n == IP4 ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6);
        return true;
}

void place_list(const NiceAddress *a, struct buf *out, struct wire_list *ret) {
        struct sockaddr_storage sa;
        struct wire_ice_place p = {0};
        nice_address_copy_to_sockaddr(a, (struct sockaddr *)&sa);
        const struct sockaddr_in *a4 = (const void *)&sa;
        const struct sockaddr_in6 *a6 = (const void *)&sa;
        p.ip = sa.ss_family == AF_INET ? span_of((const uint8_t *)&a4->sin_addr, IP4)
                                       : span_of((const uint8_t *)&a6->sin6_addr, IP6);
        uint16_t port = ntohs(sa.ss_family == AF_INET ? a4->sin_port : a6->sin6_port);
        if (port)
                WIRE_PUT(&p, ICE_PLACE, port, port);
        codec_encode(&wire_ice_place_desc, &p, out);
        *ret = (struct wire_list){.count = 1, .items = buf_span(out)};
}

bool place_only(const struct wire_list *list, struct wire_ice_place *ret) {
        struct wire_list rest = *list;
        return wire_list_next(&wire_ice_place_desc, &rest, ret);
}

bool place_ice_chars(struct span s) {
        for (size_t i = 0; i < s.n; i++)
                if (!g_ascii_isalnum(s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
                        return false;
        return s.n > 0;
}

enum wire_e_candidate place_kind(NiceCandidateType type) {
        switch (type) {
        case NICE_CANDIDATE_TYPE_HOST:
                return CANDIDATE_HOST;
        case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE:
                return CANDIDATE_SERVER_REFLEXIVE;
        case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE:
                return CANDIDATE_PEER_REFLEXIVE;
        case NICE_CANDIDATE_TYPE_RELAYED:
                return CANDIDATE_RELAYED;
        }
        return CANDIDATE_HOST;
}

static bool type_of(uint64_t kind, NiceCandidateType *ret) {
        switch ((enum wire_e_candidate)kind) {
        case CANDIDATE_HOST:
                *ret = NICE_CANDIDATE_TYPE_HOST;
                return true;
        case CANDIDATE_SERVER_REFLEXIVE:
                *ret = NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE;
                return true;
        case CANDIDATE_RELAYED:
                *ret = NICE_CANDIDATE_TYPE_RELAYED;
                return true;
        case CANDIDATE_PEER_REFLEXIVE: /* is learned from packets, and said by nobody */
                return false;
        }
        return false;
}

NiceCandidate *place_candidate(const struct wire_ice_candidate *row, guint stream, bool loopback) {
        struct wire_ice_place place;
        NiceCandidateType type;
        NiceAddress addr;
        if (!type_of(row->kind, &type) || !place_ice_chars(row->foundation) || !place_only(&row->place, &place) ||
            !WIRE_HAS(&place, ICE_PLACE, port) || !place_ok(&place, loopback) || !place_to_nice(&place, &addr))
                return NULL;
        NiceCandidate *c = nice_candidate_new(type);
        c->transport = NICE_CANDIDATE_TRANSPORT_UDP;
        c->addr = addr;
        c->priority = (guint32)row->priority;
        c->stream_id = stream;
        c->component_id = 1;
        memcpy(c->foundation, row->foundation.p, row->foundation.n); /* at most 32, and 33 places of zeros */
        return c;
}
