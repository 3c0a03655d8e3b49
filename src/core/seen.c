/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address from which others see this node. Behind a router a home does not know its address outside; those it talks to
 * do, and say so in their HELLO. Where two neighbours of different branches of the invite tree name the same one, and it is
 * none of this node's own, it goes into the contact with the port this node listens on. Whether the router lets anybody in
 * there is not known: who dials finds out. A lie costs others a dial that fails.
 */
#include "core/core.h"
#include "core/link.h"
#include "core/reach.h"
#include "roster/roster.h"

static bool usable(const struct link *l) {
        static const uint8_t nowhere[16];
        return l->state == LINK_UP && !addr_private(&l->seen) && memcmp(l->seen.ip, nowhere, sizeof(nowhere)) != 0;
}

/* Two links under which this node is seen at one address, of homes that did not come in through one ordinary home. */
static bool agree(const struct mesh *m, const struct link *a, const struct link *b) {
        const struct roster_home *x = roster_home_find(m->roster, &a->household);
        const struct roster_home *y = roster_home_find(m->roster, &b->household);
        return x && y && dial_branch(x) != dial_branch(y) && memcmp(a->seen.ip, b->seen.ip, sizeof(a->seen.ip)) == 0;
}

/* PROTOCOL 11.14: "It MUST NOT put an address there that fewer than two neighbours of different subtrees agree on." */
static const struct link *witnessed(const struct mesh *m) {
        LINK_EACH(a, m)
        LINK_EACH(b, m)
        if (usable(a) && usable(b) && agree(m, a, b))
                return a;
        return NULL;
}

/* The port this node listens on with addresses of that kind; 0: none, or the address is its own. */
static uint16_t port_for(const struct mesh *m, const struct mesh_addr *seen) {
        uint16_t port = 0;
        for (size_t i = 0; i < m->n_listening; i++) {
                const struct mesh_addr *own = &m->listening[i];
                if (memcmp(own->ip, seen->ip, sizeof(own->ip)) == 0)
                        return 0;
                if (!port && addr_is_ip4(own) == addr_is_ip4(seen))
                        port = own->port;
        }
        return port;
}

void seen_look(struct mesh *m) {
        const struct link *l = witnessed(m);
        if (!l)
                return; /* those who said it may only be away */
        struct mesh_addr seen = {.port = port_for(m, &l->seen)};
        if (seen.port)
                memcpy(seen.ip, l->seen.ip, sizeof(seen.ip));
        if (addr_eq(&seen, &m->seen))
                return;
        m->seen = seen;
        m->contact_dirty = true;
        m->contact_lost |= contact_astray(m);
}

bool mesh_seen(const struct mesh *m, struct mesh_addr *ret) {
        const struct link *l = m->roster ? witnessed(m) : NULL;
        if (l) {
                *ret = l->seen;
                ret->port = 0;
        }
        return l;
}
