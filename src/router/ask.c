/* SPDX-License-Identifier: Apache-2.0 */
#include "router/ask.h"

#include "router/tables.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TABLE_BYTES 32768 /* 255 routes of IPv4, 218 of IPv6; the default ones stand in front */
#define WAYS_MOST 3
#define SUBNET_BYTES 8 /* RFC 4291, 2.5.1: an interface is told from others in the last 64 bits */

/* The ways to ask, in turn: what costs least is tried first. */
static const struct way {
        enum wire_e_mapper by;
        int (*ask)(struct ask *a);
        void (*give_back)(struct ask *a);
} ways4[] = {{MAPPER_PCP, pcp_ask, pcp_return},
             {MAPPER_NAT_PMP, pmp_ask, pmp_return},
             {MAPPER_UPNP, upnp_ask, upnp_return}},
  ways6[] = {{MAPPER_PCP, pcp_ask, pcp_return}, {MAPPER_UPNP, pinhole_ask, pinhole_return}};

int64_t ask_now(void) {
        struct timespec ts;
        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void ask_init(struct ask *a) {
        const int how = O_RDONLY | O_CLOEXEC;
        a->tables = (struct ask_tables){.routes4 = open("/proc/self/net/route", how), /* systemd may hide /proc/net */
                                        .routes6 = open("/proc/self/net/ipv6_route", how),
                                        .own6 = open("/proc/self/net/if_inet6", how)};
}

/* ---- which router ---- */

/* The kernel writes a table anew for who begins to read it. "": there is none. */
static const char *read_table(int fd) {
        static char table[TABLE_BYTES];
        size_t n = 0;
        ssize_t more = fd < 0 || lseek(fd, 0, SEEK_SET) != 0 ? 0 : 1;
        for (; more > 0 && n<sizeof(table) - 1; n += more> 0 ? (size_t)more : 0)
                more = read(fd, table + n, sizeof(table) - 1 - n);
        table[n] = '\0';
        return table;
}

bool ask_gateway4(const struct ask *a, struct place *ret) {
        uint8_t ip[4];
        if (!tables_gateway4(read_table(a->tables.routes4), ip))
                return false;
        place_set_v4(ret, ip);
        return true;
}

/* How good @own is for what is wanted; the one that is held stays while it is there. 0: not at all. */
static int rank(const struct ask *a, const struct tables_own *own) {
        for (size_t i = 0; i < a->n_inside; i++)
                if (own->usable && memcmp(own->ip, a->inside[i].ip, PLACE_IP) == 0)
                        return a->held && memcmp(own->ip, a->outside.ip, PLACE_IP) == 0 ? 3 : own->lasting ? 2 : 1;
        return 0;
}

/* The address of this machine that is to be open: on the wire that the router is on, one that lasts if there is one. */
static bool choose_own(struct ask *a, const char *interface, struct place *ret_own, uint32_t *ret_scope) {
        const char *table = read_table(a->tables.own6);
        struct tables_own own;
        int best = 0;
        while (tables_own_next(&table, interface, &own)) {
                if (rank(a, &own) <= best)
                        continue;
                best = rank(a, &own);
                memcpy(ret_own->ip, own.ip, PLACE_IP);
                *ret_scope = own.index;
        }
        return best > 0;
}

bool ask_is_beside(const struct ask *a, const uint8_t ip[PLACE_IP]) {
        const char *table = read_table(a->tables.own6);
        struct tables_own own;
        bool beside = false;
        while (tables_own_next(&table, NULL, &own)) {
                if (memcmp(own.ip, ip, PLACE_IP) == 0)
                        return false;
                beside |= own.index == a->scope && !place_is_link_local(ip) && memcmp(own.ip, ip, SUBNET_BYTES) == 0;
        }
        return beside;
}

/* What is held of another router, or of another address, is out of reach: its lease ends by itself. */
static void settle(struct ask *a, const uint8_t gateway[PLACE_IP], uint32_t scope, const struct place *own) {
        bool same = memcmp(a->gateway, gateway, PLACE_IP) == 0 && a->scope == scope;
        if (!same) {
                memcpy(a->gateway, gateway, PLACE_IP);
                a->scope = scope;
                a->no_pcp = false;
                a->epoch.known = false;
        }
        if (!same || (a->six && memcmp(a->outside.ip, own->ip, PLACE_IP) != 0))
                a->held = false;
        if (!a->held)
                a->outside = *own;
}

static bool find_gateway(struct ask *a) {
        struct tables_gateway gateway;
        struct place four, own = {.port = a->port};
        uint32_t scope = 0;
        if (!a->six) {
                if (!ask_gateway4(a, &four))
                        return false;
                place_set_v4(&own, (const uint8_t[4]){0});
                settle(a, four.ip, 0, &own);
                return true;
        }
        if (!tables_gateway6(read_table(a->tables.routes6), &gateway) ||
            !choose_own(a, gateway.interface, &own, &scope))
                return false;
        settle(a, gateway.ip, scope, &own);
        return true;
}

/* ---- the ways ---- */

/* How much is known of the router when one says so: the more is told. */
static int worse(int one, int other) {
        static const enum wire_e_unmapped order[] = {UNMAPPED_CARRIER, UNMAPPED_REFUSED, UNMAPPED_ABSURD};
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
                if (one == (int)order[i] || other == (int)order[i])
                        return (int)order[i];
        return other;
}

/* First the one that has worked before. */
static size_t ways_of(const struct ask *a, const struct way *ret[WAYS_MOST]) {
        const struct way *all = a->six ? ways6 : ways4;
        size_t n_all = a->six ? ARRAY_LEN(ways6) : ARRAY_LEN(ways4), n = 0;
        for (size_t i = 0; i < n_all; i++)
                if (a->held && a->by == all[i].by)
                        ret[n++] = &all[i];
        for (size_t i = 0; i < n_all; i++)
                if (!a->held || a->by != all[i].by)
                        ret[n++] = &all[i];
        return n;
}

int ask_router(struct ask *a) {
        const struct way *ways[WAYS_MOST];
        int why = 0;
        if (!find_gateway(a)) {
                a->held = false;
                return UNMAPPED_NO_ROUTER;
        }
        size_t n = ways_of(a, ways);
        for (size_t i = 0; i < n; i++) {
                int r = ways[i]->ask(a);
                a->held = r == 0;
                a->by = r == 0 ? ways[i]->by : 0;
                if (r == 0 || r == UNMAPPED_CARRIER)
                        return r;
                why = worse(why, r);
        }
        return why;
}

void ask_return(struct ask *a) {
        const struct way *ways[WAYS_MOST];
        if (a->held && ways_of(a, ways))
                ways[0]->give_back(a);
        a->held = false;
}
