/* SPDX-License-Identifier: Apache-2.0 */
#include "node/reach_rules.h"

#include "node/endpoint.h"

#define HOME_BITS 56 /* of IPv6: what a provider gives a home, as a rule (RIPE-690); a /48 at most, a /64 at least */

static bool is_public(const struct mesh_addr *a) {
        return !endpoint_is_wild(a) && !endpoint_is_loopback(a) && !endpoint_is_link_local(a) &&
               !endpoint_is_private(a);
}

static bool of_this_home(const struct reach_facts *f, const struct mesh_addr *from) {
        for (size_t i = 0; i < f->n_nets; i++) {
                const struct listen_net *net = &f->nets[i];
                unsigned bits = endpoint_is_v4(from) ? net->bits : MIN(net->bits, HOME_BITS);
                if (!net->internal && bits && endpoint_same_net(&net->addr, from, bits))
                        return true;
        }
        return false;
}

bool reach_proves(const struct reach_facts *f, const struct mesh_addr *from) {
        return is_public(from) && !of_this_home(f, from) && !(f->mapped && endpoint_same_ip(f->mapped, from)) &&
               !(f->seen && endpoint_same_ip(f->seen, from));
}

static bool any_public(const struct reach_facts *f) {
        for (size_t i = 0; i < f->n_listens; i++)
                if (is_public(&f->listens[i]))
                        return true;
        return false;
}

static bool any_public4(const struct reach_facts *f) {
        for (size_t i = 0; i < f->n_listens; i++)
                if (endpoint_is_v4(&f->listens[i]) && is_public(&f->listens[i]))
                        return true;
        return false;
}

enum wire_e_reach reach_unproven(const struct reach_facts *f) {
        if (f->n_listens == 0 || endpoint_is_loopback(&f->listens[0]))
                return REACH_HERE;
        if (f->mapped || f->opened)
                return REACH_MAPPED;
        if (f->advertised)
                return REACH_TOLD;
        if (any_public(f))
                return REACH_PUBLIC;
        return f->why == UNMAPPED_CARRIER ? REACH_CARRIER : REACH_ROUTER;
}

bool reach_only6(const struct reach_facts *f, enum wire_e_reach state, const struct mesh_addr *from) {
        bool four = f->mapped || f->advertised || any_public4(f);
        switch (state) {
        case REACH_YES:
                return !four && !endpoint_is_v4(from);
        case REACH_MAPPED:
        case REACH_PUBLIC:
                return !four;
        case REACH_TOLD:
        case REACH_ROUTER:
        case REACH_CARRIER:
        case REACH_HERE:
                break;
        }
        return false;
}

typedef uint16_t port_fn(const void *ctx, const struct mesh_addr *a);

static uint16_t port_of(const struct listen_net *net, port_fn *port_at, const void *ctx) {
        return net->internal ? 0 : port_at(ctx, &net->addr);
}

/* Is it reached over IPv4 without any router's help? */
static bool is_outside(const struct listen_net *nets, size_t n, port_fn *port_at, const void *ctx) {
        for (size_t i = 0; i < n; i++)
                if (endpoint_is_v4(&nets[i].addr) && is_public(&nets[i].addr) && port_of(&nets[i], port_at, ctx))
                        return true;
        return false;
}

bool reach_behind(const struct listen_net *nets, size_t n,
                  uint16_t (*port_at)(const void *ctx, const struct mesh_addr *a), const void *ctx,
                  uint16_t *ret_port) {
        uint16_t port = 0;
        if (is_outside(nets, n, port_at, ctx))
                return false;
        for (size_t i = 0; i < n && !port; i++)
                if (endpoint_is_v4(&nets[i].addr) && endpoint_is_private(&nets[i].addr))
                        port = port_of(&nets[i], port_at, ctx);
        *ret_port = port;
        return port;
}

size_t reach_inside(const struct listen_net *nets, size_t n,
                    uint16_t (*port_at)(const void *ctx, const struct mesh_addr *a), const void *ctx,
                    struct mesh_addr ret[REACH_INSIDE_MAX]) {
        size_t count = 0;
        if (is_outside(nets, n, port_at, ctx))
                return 0;
        for (size_t i = 0; i < n && count < REACH_INSIDE_MAX; i++) {
                struct mesh_addr a = nets[i].addr;
                a.port = port_of(&nets[i], port_at, ctx);
                if (!endpoint_is_v4(&a) && is_public(&a) && a.port && (!count || a.port == ret[0].port))
                        ret[count++] = a;
        }
        return count;
}
