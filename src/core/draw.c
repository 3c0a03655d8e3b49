/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the addresses in contacts get a place in the book. A street may have more than it holds, and contacts come to all
 * homes in much the same order. A home that kept the first that came would knock where everybody knocks: at doors that are
 * soon full, while nobody comes to the others. And who made sure to be early would stand in every book. So those are kept
 * that are first in the node's own rank. When none of them is left to try the rank changes, and others get their turn.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "core/reach.h"
#include "crypto/hash.h"

#define DRAW_PERIOD 300000 /* ms between two draws: nobody is dialled more often for being drawn again */

uint64_t draw_rank(const struct mesh *m, struct span whom) {
        uint8_t salt[16];
        memcpy(salt, m->map_seed, sizeof(salt));
        for (size_t i = 0; i < sizeof(m->draw.turn); i++)
                salt[i] ^= (uint8_t)(m->draw.turn >> 8 * i);
        return hash_short(salt, whom);
}

/* Nothing but a contact speaks for it, nobody has answered there, and it is not in use. */
static bool only_drawn(const struct address *a) {
        return a->drawn && !a->stored && !a->manual && !a->ticket && !a->lan;
}

static bool loose(const struct address *a) {
        return only_drawn(a) && !a->link;
}

static bool names(const struct card *card, const struct mesh_addr *addr) {
        for (size_t i = 0; i < card->n_addrs; i++)
                if (addr_eq(&card->addrs[i], addr))
                        return true;
        return false;
}

/* PROTOCOL 11.18: "A node MUST NOT dial it on account of an earlier contact, unless somebody has answered there." */
/* Those that are being dialled keep their places as long. */
void draw_forget(struct mesh *m, const struct card *card) {
        size_t kept = 0;
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                a->over = key_eq(&a->device, &card->device) && only_drawn(a) && !address_meets(a) &&
                          !names(card, &a->addr);
                if (!a->over || a->link)
                        m->addresses[kept++] = *a;
        }
        m->n_addresses = kept;
}

/* It answered there once, does not any more, and says now that it is elsewhere, where there is a link to it. */
static bool outlived(const struct mesh *m, const struct address *a) {
        const struct card *card =
                a->stored && a->failures && !a->link && !a->manual && !a->ticket ? contact_card(m, &a->device) : NULL;
        return card && !names(card, &a->addr) && link_to_device(m, &a->device);
}

/* PROTOCOL 11.18: "it SHOULD forget, too, where somebody answered once, and was dialled in vain since" */
/* A provider that gives out others each night would fill the book with them. */
int draw_outlive(struct mesh *m) {
        size_t kept = 0;
        int r = 0;
        if (!m->draw.outlived)
                return 0;
        m->draw.outlived = false;
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                struct mesh_row row = {.kind = MESH_ROW_ADDR, .addr = {.addr = a->addr, .gone = true}};
                bool over = !r && outlived(m, a);
                if (over)
                        r = mesh_store(m, &row, NULL);
                else
                        m->addresses[kept++] = *a;
        }
        m->n_addresses = kept;
        return r;
}

struct address *draw_last(struct mesh *m) {
        struct address *last = NULL;
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                if (loose(a) && (!last || a->rank > last->rank))
                        last = a;
        }
        return last;
}

/* All places are taken: the one that goes for somebody of this rank. NULL: the others come before him. */
static struct address *give_way(struct mesh *m, uint64_t rank) {
        struct address *last = rank < m->draw.bar ? draw_last(m) : NULL;
        m->draw.left_out = true;
        m->draw.bar = last ? last->rank : m->draw.bar;
        return last && rank < last->rank ? last : NULL;
}

/* PROTOCOL 11.15: "it MUST choose them in that order, and MUST NOT keep those that came first" */
struct address *draw_address(struct mesh *m, const struct mesh_addr *addr, const struct key *device) {
        uint64_t rank = draw_rank(m, SPAN_OF(device->b));
        struct address *a = address_find(m, addr);
        if (a) {
                a->lan_only = a->over = false;
        } else if (m->n_addresses < ADDRESSES_MOST) {
                a = address_add(m, addr);
                if (a)
                        a->drawn = true;
        } else if ((a = give_way(m, rank))) {
                address_begin(m, a, addr);
                a->drawn = true;
        }
        if (a)
                a->rank = rank;
        return a;
}

void draw_meeting(struct mesh *m, const struct card *card) {
        struct mesh_addr nowhere = meet_place(&card->device);
        struct address *a = draw_address(m, &nowhere, &card->device);
        if (!a)
                return;
        a->device = card->device;
        a->closed = true;
        dial_soon(m);
        memcpy(a->shared, card->epoch, sizeof(a->shared));
}

/* PROTOCOL 8.22: "A dialler that gets `full` waits at least 60 s before it tries that address again." */
static bool waits(const struct mesh *m, const struct address *a) {
        return a->refused && m->now < a->refused + DIAL_FULL;
}

mesh_time draw_deadline(const struct mesh *m) {
        return m->draw.left_out && m->member ? MAX(m->draw.due, m->now) : MESH_NEVER;
}

bool draw_again(struct mesh *m) {
        size_t kept = 0;
        if (m->now < draw_deadline(m))
                return false;
        for (size_t i = 0; i < m->n_addresses; i++)
                if (!loose(&m->addresses[i]) || waits(m, &m->addresses[i]))
                        m->addresses[kept++] = m->addresses[i];
        m->n_addresses = kept;
        m->draw = (struct draw){.turn = m->draw.turn + 1, .due = m->now + DRAW_PERIOD, .bar = UINT64_MAX};
        contacts_learn(m);
        return true;
}
