/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names. Many providers give a home another address every night, and all of a street have another one after a power cut. Who
 * can be called has a name for that, as a rule ("DynDNS"), which its owner has told this program. A contact says it besides
 * addresses. Whoever dials these in vain has the name looked up, and knocks where it leads: so a street finds the one home
 * that can be called also where that has moved, and nobody else has changed.
 *
 * Looking up is the shell's (src/node/resolve.c). It is told to no more often than dials fail, and of one device not at once
 * again: whoever runs the server that knows the name sees who asks.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "core/out.h"
#include "core/reach.h"
#include "wire/codec.h"

/* PROTOCOL 2.12: "An `addr` has exactly one of `ip4`, `ip6` and `dns`, and a TCP port." */
static bool is_name(const struct wire_addr *row) {
        return WIRE_HAS(row, ADDR, dns) && !WIRE_HAS(row, ADDR, ip4) && !WIRE_HAS(row, ADDR, ip6);
}

static int name_add(struct buf *names, uint8_t *n, const struct wire_addr *row) {
        struct wire_list list = {.items = buf_span(names), .count = *n};
        struct wire_addr name = {.port = row->port};
        if (!is_name(row) || *n == NAMES_MOST)
                return 0;
        WIRE_PUT(&name, ADDR, dns, row->dns);
        wire_list_add(&wire_addr_desc, &list, names, &name);
        *n += buf_ok(names);
        return buf_ok(names) ? 0 : ERR_NOMEM;
}

int host_read(struct card *card, const struct wire_addr *row) {
        int r = name_add(&card->names, &card->n_names, row);
        if (r) { /* it is read anew */
                buf_fini(&card->names);
                card->n_names = 0;
        }
        return r;
}

/* Where there is no memory for it, the shell's first look has to do. */
void host_ticket(struct mesh *m, const struct wire_addr *row) {
        if (name_add(&m->join_names, &m->n_join_names, row) || !m->n_join_names)
                return;
        m->join_named = m->now; /* by the shell, which is about to */
        m->names_due = MIN(m->names_due, m->now + NAMES_TICKET);
}

/* ---- this node's own ---- */
int host_listening(struct mesh *m, struct wire_list names, bool *ret_news) {
        _clean_(buf_fini) struct buf now = BUF_NULL;
        struct wire_addr row;
        uint8_t n = 0;
        while (wire_list_next(&wire_addr_desc, &names, &row))
                if (name_add(&now, &n, &row))
                        return ERR_NOMEM;
        *ret_news = !span_eq(buf_span(&now), buf_span(&m->names));
        if (!*ret_news)
                return 0;
        const struct buf before = m->names;
        m->names = now;
        m->n_names = n;
        now = before;
        return 0;
}

bool host_said(const struct mesh *m, const struct card *own) {
        return m->hidden ? !own->n_names : span_eq(buf_span(&own->names), buf_span(&m->names));
}

/* ---- others' ---- */
static bool is_vain(const struct mesh *m, const struct address *a) {
        if (a->link)
                return dial_pending(m, a) && m->now >= a->begun + NAMES_SLOW;
        return dial_in_vain(a) || !dial_may_answer(m, a);
}

/* What its name leads to is not to wait for it. */
bool host_asked(const struct mesh *m, const struct address *a) {
        const struct contact *c = dial_pending(m, a) ? map_find(&m->contacts, a->device.b) : NULL;
        return c && c->named && c->named >= a->begun;
}

/* Those that its contact names; where it was years ago may be tried later. One that the book has no place for is not waited for. */
static bool all_in_vain(struct mesh *m, const struct card *card) {
        for (size_t i = 0; i < card->n_addrs; i++) {
                const struct address *a = address_find(m, &card->addrs[i]);
                bool its = a && !a->self &&
                           key_eq(&a->device, &card->device); /* who answers there now may be somebody else */
                if (its && !is_vain(m, a))
                        return false;
        }
        return true;
}

/* PROTOCOL 11.19: "not sooner than 10 s after the last time, or, where it has no link at all, than 2 s, or than a quarter of the time
 * for which it has been asking" */
/* After a power cut a name leads to where its home was until that is back, too; and nobody else can tell. */
static mesh_time again(const struct mesh *m, const struct contact *c) {
        if (!c->named)
                return 0;
        if (links_up(m))
                return c->named + NAMES_AGAIN;
        mesh_time asking = m->names_since ? c->named - MIN(m->names_since, c->named) : 0;
        return c->named + MIN(MAX(asking / NAMES_PART, (mesh_time)NAMES_LONE), (mesh_time)DIAL_LAST);
}

/* PROTOCOL 11.19: "Whoever has dialled each address that the contact names in vain, or for 1 s without an answer, and has no link
 * to the device, SHOULD have its names looked up" */
static bool worth_asking(struct mesh *m, const struct contact *c) {
        const struct key *device = &c->card->device;
        return c->read && c->card->n_names && address_current(m, device) && !link_to_device(m, device) &&
               all_in_vain(m, c->card);
}

static void ask(struct mesh *m, const struct key *device, const struct buf *names, uint8_t n) {
        struct mesh_action *a = out_add(&m->out, MESH_DO_LOOK_UP);
        bool ok = true;
        if (!a)
                return;
        a->look_up.device = *device;
        a->look_up.names.items = out_keep(&m->out, buf_span(names), &ok);
        a->look_up.names.count = ok ? n : 0;
}

/* What is not asked now, since there is no memory for it, is asked when the next dial fails. */
void host_seek(struct mesh *m, const struct key *device) {
        struct contact *c = map_find(&m->contacts, device->b);
        if (!c || m->now < again(m, c) || !worth_asking(m, c))
                return;
        c->named = m->now;
        ask(m, device, &c->card->names, c->card->n_names);
        if (links_up(m))
                return;
        if (!m->names_since)
                m->names_since = m->now;
        m->names_due = MIN(m->names_due, again(m, c));
}

/* It does not wait for the next dial in vain: these come ever more rarely. */
static void seek_again(struct mesh *m) {
        MAP_EACH (c, &m->contacts, struct contact) {
                if (!c->named)
                        continue;
                host_seek(m, &c->card->device);
                m->names_due = MIN(m->names_due, MAX(again(m, c), m->now + NAMES_SLOW));
        }
}

/* PROTOCOL 11.19: "Names in a ticket it looks up at once, and every 30 s until it has joined or has a link." */
/* Whoever joins while his router starts has nobody to ask yet. */
static void seek_ticket(struct mesh *m) {
        static const struct key nobody;
        if (!m->joining || !m->n_join_names || links_up(m))
                return;
        if (m->now >= m->join_named + NAMES_TICKET) {
                m->join_named = m->now;
                ask(m, &nobody, &m->join_names, m->n_join_names);
        }
        m->names_due = MIN(m->names_due, m->join_named + NAMES_TICKET);
}

void host_came(struct mesh *m) {
        m->names_since = 0;
}

void host_dialled(struct mesh *m, const struct key *device) {
        const struct card *card = contact_card(m, device);
        if (card && card->n_names)
                m->names_due = MIN(m->names_due, m->now + NAMES_SLOW);
}

void host_tick(struct mesh *m) {
        if (m->now < m->names_due)
                return;
        m->names_due = MESH_NEVER;
        seek_ticket(m);
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                if (dial_pending(m, a) && is_vain(m, a))
                        host_seek(m, &a->device);
                else if (dial_pending(m, a))
                        host_dialled(m, &a->device);
        }
        if (!links_up(m) && !m->joining)
                seek_again(m);
}

/* PROTOCOL 11.19: "What is found counts as an address of that contact." */
static void found_of(struct mesh *m, const struct card *card, const struct mesh_addr *addr) {
        struct address *a = draw_address(m, addr, &card->device);
        if (!a)
                return;
        memcpy(a->shared, card->epoch, sizeof(a->shared));
        a->open = card->open;
        a->closed = false; /* its owner says that it can be called there */
        address_claim(m, a, &card->device);
}

static void found_of_ticket(struct mesh *m, const struct mesh_addr *addr) {
        struct address *a = address_add(m, addr);
        if (a)
                a->ticket = true;
}

void host_found(struct mesh *m, const struct mesh_event *ev) {
        const struct card *card = contact_card(m, &ev->looked_up.device);
        for (size_t i = 0; i < ev->looked_up.n && i < MESH_ADDRS_MAX; i++) {
                const struct mesh_addr *addr = &ev->looked_up.addrs[i];
                if (addr->port && card && card->n_names)
                        found_of(m, card, addr);
                else if (addr->port && m->joining && m->n_join_names)
                        found_of_ticket(m, addr);
        }
}
