/* SPDX-License-Identifier: Apache-2.0 */
#include "router/ask.h"

#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TABLE_BYTES 16384 /* 127 routes; the default one stands in front */

void ask_init(struct ask *a) {
        a->routes = open("/proc/self/net/route", O_RDONLY | O_CLOEXEC); /* systemd may hide /proc/net */
}

/* The kernel writes the table anew for who begins to read it. */
static bool find_gateway(const struct ask *a, uint32_t *ret) {
        static char table[TABLE_BYTES];
        size_t n = 0;
        ssize_t more = 1;
        if (a->routes < 0 || lseek(a->routes, 0, SEEK_SET) != 0)
                return false;
        for (; more > 0 && n<sizeof(table) - 1; n += more> 0 ? (size_t)more : 0)
                more = read(a->routes, table + n, sizeof(table) - 1 - n);
        table[n] = '\0';
        return place_gateway(table, (uint8_t *)ret);
}

/* How much is known of the router when one says so: the more is told. */
static int worse(int pmp, int upnp) {
        static const enum wire_e_unmapped order[] = {UNMAPPED_CARRIER, UNMAPPED_REFUSED, UNMAPPED_ABSURD};
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
                if (pmp == (int)order[i] || upnp == (int)order[i])
                        return (int)order[i];
        return upnp;
}

int ask_router(struct ask *a) {
        uint32_t gateway;
        if (!find_gateway(a, &gateway)) {
                a->held = false;
                return UNMAPPED_NO_ROUTER;
        }
        if (a->held && a->gateway != gateway)
                a->held = false; /* that one is out of reach: its lease ends by itself */
        a->gateway = gateway;
        if (a->held && a->by == MAPPER_UPNP && upnp_ask(a) == 0)
                return 0;
        int pmp = pmp_ask(a);
        if (pmp == 0 || pmp == UNMAPPED_CARRIER)
                return pmp;
        int upnp = upnp_ask(a);
        return upnp ? worse(pmp, upnp) : 0;
}

void ask_return(struct ask *a) {
        if (!a->held)
                return;
        if (a->by == MAPPER_NAT_PMP)
                pmp_return(a);
        else
                upnp_return(a);
        a->held = false;
}
