/* SPDX-License-Identifier: Apache-2.0 */
/* Where to knock: addresses from tickets, people, contacts and past links. Bounded; the least useful gives way. */
#include "core/core.h"
#include "core/reach.h"
#include "roster/roster.h"

#define NET_BYTES_4 2 /* of an IPv4 address name a network: what one provider hands out in a region, at least */
#define NET_BYTES_6 4 /* of an IPv6 address: what one provider has in all, as a rule */

bool addr_eq(const struct mesh_addr *a, const struct mesh_addr *b) {
        return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->scope == b->scope;
}

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool addr_is_ip4(const struct mesh_addr *a) {
        return memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}

static bool ip4_private(const uint8_t ip[4]) { /* RFC 1918, 1122, 3927, 6598 */
        return ip[0] == 10 || ip[0] == 127 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
               (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
               (ip[0] == 100 && (ip[1] & 0xc0) == 64);
}

bool addr_private(const struct mesh_addr *a) {
        static const uint8_t loopback[16] = {[15] = 1};
        if (addr_is_ip4(a))
                return ip4_private(a->ip + sizeof(mapped));
        return a->scope || memcmp(a->ip, loopback, sizeof(loopback)) == 0 || (a->ip[0] & 0xfe) == 0xfc ||
               (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80); /* RFC 4193, 4291 */
}

bool addr_same_net(const struct mesh_addr *a, const struct mesh_addr *b) {
        size_t n = addr_is_ip4(a) ? sizeof(mapped) + NET_BYTES_4 : NET_BYTES_6;
        return addr_is_ip4(a) == addr_is_ip4(b) && memcmp(a->ip, b->ip, n) == 0;
}

/* PROTOCOL 2.12: "A reader that finds several MUST take `ip6` before `ip4`; one that finds only `dns` MAY ignore the
 * address." */
bool addr_from_wire(const struct wire_addr *w, struct mesh_addr *ret) {
        struct mesh_addr a = {.port = (uint16_t)w->port};
        if (WIRE_HAS(w, ADDR, ip6)) {
                memcpy(a.ip, w->ip6.p, sizeof(a.ip));
        } else if (WIRE_HAS(w, ADDR, ip4)) {
                memcpy(a.ip, mapped, sizeof(mapped));
                memcpy(a.ip + sizeof(mapped), w->ip4.p, 4);
        } else {
                return false;
        }
        *ret = a;
        return true;
}

void addr_to_wire(const struct mesh_addr *a, struct wire_addr *ret) {
        *ret = (struct wire_addr){.port = a->port};
        if (addr_is_ip4(a))
                WIRE_PUT(ret, ADDR, ip4, span_of(a->ip + sizeof(mapped), 4));
        else
                WIRE_PUT(ret, ADDR, ip6, SPAN_OF(a->ip));
}

/* Contacts name thousands of addresses that are not in the book: a mark tells most of them apart at once. Marks are never
 * taken away, so one says little, and none says for certain that the address is not here. */
static uint64_t *mark_of(struct mesh *m, const struct mesh_addr *addr, uint64_t *ret_bit) {
        uint64_t x = get_be64(addr->ip) * 3 ^ get_be64(addr->ip + 8) ^ (uint64_t)addr->port << 48;
        x *= UINT64_C(0x9fb21c651e98df25);
        *ret_bit = UINT64_C(1) << (x >> 58);
        return &m->address_marks[(x >> 32) % ARRAY_LEN(m->address_marks)];
}

static bool marked(struct mesh *m, const struct mesh_addr *addr) {
        uint64_t bit;
        return (*mark_of(m, addr, &bit) & bit) != 0;
}

void address_begin(struct mesh *m, struct address *a, const struct mesh_addr *addr) {
        uint64_t bit;
        *mark_of(m, addr, &bit) |= bit;
        *a = (struct address){.addr = *addr, .next = m->now};
}

struct address *address_find(struct mesh *m, const struct mesh_addr *addr) {
        if (!marked(m, addr))
                return NULL;
        for (size_t i = 0; i < m->n_addresses; i++)
                if (addr_eq(&m->addresses[i].addr, addr))
                        return &m->addresses[i];
        return NULL;
}

struct address *address_of_link(struct mesh *m, mesh_link id) {
        if (id && m->visit.link == id)
                return &m->visit;
        struct carry *h = carry_of_link(m, id);
        if (h)
                return &h->at;
        for (size_t i = 0; i < m->n_addresses; i++)
                if (m->addresses[i].link == id)
                        return &m->addresses[i];
        return NULL;
}

/* The one to give up for a new one: not in use, not a person's, failed most often; or what a contact alone brought. */
static struct address *least_useful(struct mesh *m) {
        struct address *worst = NULL;
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                if (a->link || a->manual || a->ticket || a->failures == 0)
                        continue;
                if (!worst || a->failures > worst->failures)
                        worst = a;
        }
        return worst ? worst : draw_last(m);
}

struct address *address_add(struct mesh *m, const struct mesh_addr *addr) {
        struct address *known = address_find(m, addr);
        if (known) {
                known->lan_only = false;
                return known;
        }
        struct address *a = m->n_addresses < ADDRESSES_MOST ? &m->addresses[m->n_addresses++] : least_useful(m);
        if (!a)
                return NULL;
        address_begin(m, a, addr);
        dial_soon(m);
        return a;
}

bool address_current(const struct mesh *m, const struct key *device) {
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, device) : NULL;
        return d && !d->gone_at;
}

/* PROTOCOL 11.17: "Who says that an address is his, or of whom a beacon says so, need not be there." */
/* Were the last one believed, a neighbour could name one address after the other his, and be all there is to dial. Nor does a
 * claim shorten how long is waited between dials: two that take turns would have it dialled without end. */
void address_claim(struct mesh *m, struct address *a, const struct key *device) {
        if (key_eq(&a->device, device))
                return;
        a->self = false;
        dial_soon(m);
        a->disputed = address_current(m, &a->device);
        if (a->disputed)
                return;
        a->device = *device;
        a->failures = 0;
        a->next = m->now;
}

void address_proven(struct address *a, const struct key *device) {
        a->device = *device;
        a->disputed = false;
}

/* Whoever answered there before may be gone, and somebody else may have moved in. */
static void forget_gone(const struct mesh *m, struct address *a) {
        if (!address_current(m, &a->device))
                memset(&a->device, 0, sizeof(a->device));
}

struct address *address_named(struct mesh *m, const struct mesh_addr *addr) {
        struct address *a = address_add(m, addr);
        if (!a)
                return NULL;
        forget_gone(m, a);
        a->manual = true;
        a->next = m->now;
        a->self = false;
        dial_soon(m);
        return a;
}

int address_store(struct mesh *m, struct address *a) {
        struct mesh_row row = {.kind = MESH_ROW_ADDR,
                               .addr = {.addr = a->addr, .device = a->device, .manual = a->manual}};
        a->stored = true;
        a->lan_only = false;
        return mesh_store(m, &row, NULL);
}
