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

enum wire_e_reach reach_unproven(const struct reach_facts *f) {
        if (f->n_listens == 0 || endpoint_is_loopback(&f->listens[0]))
                return REACH_HERE;
        if (f->mapped)
                return REACH_MAPPED;
        if (f->advertised)
                return REACH_TOLD;
        if (any_public(f))
                return REACH_PUBLIC;
        return f->why == UNMAPPED_CARRIER ? REACH_CARRIER : REACH_ROUTER;
}

bool reach_behind(const struct listen_net *nets, size_t n,
                  uint16_t (*port_at)(const void *ctx, const struct mesh_addr *a), const void *ctx,
                  uint16_t *ret_port) {
        uint16_t port = 0;
        for (size_t i = 0; i < n; i++) {
                uint16_t here = nets[i].internal || !endpoint_is_v4(&nets[i].addr) ? 0 : port_at(ctx, &nets[i].addr);
                if (here && is_public(&nets[i].addr))
                        return false;
                if (here && endpoint_is_private(&nets[i].addr) && !port)
                        port = here;
        }
        *ret_port = port;
        return port;
}
