/* SPDX-License-Identifier: Apache-2.0 */
#include "router/tables.h"

#include <stdio.h>
#include <string.h>

#define TO_GATEWAY 3u /* RTF_UP | RTF_GATEWAY (linux/route.h) */
/* IFA_F_* (linux/if_addr.h) */
#define TEMPORARY 0x01u
#define FAILED 0x08u
#define DEPRECATED 0x20u
#define TENTATIVE 0x40u
#define HEX_ADDRESS 32 /* digits */

bool tables_gateway4(const char *table, uint8_t ret_ip[4]) {
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

static int digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool address(const char *text, uint8_t ret_ip[PLACE_IP]) {
        for (size_t i = 0; i < PLACE_IP; i++) {
                int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);
                if (low < 0)
                        return false;
                ret_ip[i] = (uint8_t)(high << 4 | low);
        }
        return true;
}

static const char *next_line(const char *line) {
        line = strchr(line, '\n');
        return line ? line + 1 : NULL;
}

bool tables_gateway6(const char *table, struct tables_gateway *ret) {
        static const uint8_t none[PLACE_IP];
        unsigned best = 0;
        bool found = false;
        for (const char *line = table; line && *line; line = next_line(line)) {
                char to[HEX_ADDRESS + 1], via[HEX_ADDRESS + 1], name[TABLES_NAME];
                unsigned bits, metric, flags;
                struct tables_gateway g = {.interface = ""};
                uint8_t ip[PLACE_IP];
                if (sscanf(line, "%32s %x %*32s %*x %32s %x %*x %*x %x %15s", to, &bits, via, &metric, &flags, name) !=
                    6)
                        continue;
                if (!address(to, ip) || !address(via, g.ip) || memcmp(ip, none, sizeof(none)) != 0 || bits)
                        continue;
                if (memcmp(g.ip, none, sizeof(none)) == 0 || (flags & TO_GATEWAY) != TO_GATEWAY ||
                    (found && metric >= best))
                        continue;
                memcpy(g.interface, name, sizeof(name));
                *ret = g;
                best = metric;
                found = true;
        }
        return found;
}

bool tables_own_next(const char **table, const char *interface, struct tables_own *ret) {
        const char *line = *table;
        while (line && *line) {
                char ip[HEX_ADDRESS + 1], name[TABLES_NAME];
                unsigned flags;
                struct tables_own own = {.index = 0};
                bool row = sscanf(line, "%32s %x %*x %*x %x %15s", ip, &own.index, &flags, name) == 4 &&
                           address(ip, own.ip);
                line = next_line(line);
                if (!row || (interface && strcmp(name, interface) != 0))
                        continue;
                own.usable = !(flags & (FAILED | TENTATIVE));
                own.lasting = !(flags & (TEMPORARY | DEPRECATED));
                *table = line;
                *ret = own;
                return true;
        }
        *table = line;
        return false;
}
