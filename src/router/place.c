/* SPDX-License-Identifier: Apache-2.0 */
#include "router/place.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP "http://"
#define TO_GATEWAY 3u /* RTF_UP | RTF_GATEWAY */

/* Blocks that RFC 6890 and its successors name; those for documentation are left, which labs live in. */
static const struct {
        uint8_t ip[4];
        unsigned bits;
} inside[] = {
        {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},    {{100, 64, 0, 0}, 10}, {{127, 0, 0, 0}, 8},
        {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12}, {{192, 0, 0, 0}, 24},  {{192, 168, 0, 0}, 16},
        {{198, 18, 0, 0}, 15},  {{224, 0, 0, 0}, 3},
};

bool place_is_public(const uint8_t ip[4]) {
        uint32_t a = get_be32(ip);
        for (size_t i = 0; i < ARRAY_LEN(inside); i++)
                if (((a ^ get_be32(inside[i].ip)) >> (32 - inside[i].bits)) == 0)
                        return false;
        return true;
}

bool place_of_url(const char *url, const uint8_t ip[4]) {
        char host[INET_ADDRSTRLEN];
        uint8_t there[4];
        if (!url || strncmp(url, HTTP, strlen(HTTP)) != 0)
                return false;
        url += strlen(HTTP);
        size_t n = strcspn(url, ":/?#");
        if (n >= sizeof(host))
                return false;
        memcpy(host, url, n);
        host[n] = '\0';
        return inet_pton(AF_INET, host, there) == 1 && memcmp(there, ip, sizeof(there)) == 0;
}

bool place_gateway(const char *table, uint8_t ret_ip[4]) {
        unsigned long best = 0;
        bool found = false;
        for (const char *line = strchr(table, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
                uint32_t to, via; /* as they lie in memory: in network byte order */
                unsigned flags;
                unsigned long metric;
                if (sscanf(line + 1, "%*s %x %x %x %*u %*u %lu", &to, &via, &flags, &metric) != 4)
                        continue;
                if (to || !via || (flags & TO_GATEWAY) != TO_GATEWAY || (found && metric >= best))
                        continue;
                memcpy(ret_ip, &via, sizeof(via));
                best = metric;
                found = true;
        }
        return found;
}
