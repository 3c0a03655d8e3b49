/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that carry footage. A clip is a thousand times as long as an alert, so it goes over a connection of its own: same
 * handshake, same keys, same proof of membership, and then only messages about footage. Such a link is no neighbour: it is in
 * another state than UP, so that no gossip, comparing or choosing of links ever finds it. What is said over it is not looked
 * at here but for its shape: the shell is told, and the shell answers (src/node/haul_link.c). Who is to be reached, it says,
 * too; this file knocks at every address that is known of that device, one after the other, with the link keys that may fit.
 */
#include "core/core.h"
#include "core/frames.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/reach.h"
#include "core/relay.h"
#include "crypto/chunk.h"
#include "roster/roster.h"
#include "wire/codec.h"

/* ---- where a device may be ---- */
static void way_add(struct carry *h, const struct mesh_addr *a) {
        if (h->shy && a->port)
                return;
        for (size_t i = 0; i < h->n_ways; i++)
                if (addr_eq(&h->ways[i], a))
                        return;
        if (h->n_ways < HAUL_WAYS)
                h->ways[h->n_ways++] = *a;
}

static bool sees_this_home(const struct mesh *m, const struct key *device) {
        LINK_EACH(l, m) {
                if (l->state == LINK_UP && !l->room && key_eq(&l->device, device))
                        return true;
        }
        return false;
}

/* And its device has not called since: who does is on again. */
static bool has_failed(const struct mesh *m, const struct address *a) {
        mesh_time called = 0;
        LINK_EACH(l, m)
        if (l->state == LINK_UP && !l->dialled && !l->room && !meet_is(l) && key_eq(&l->device, &a->device))
                called = MAX(called, l->since);
        return dial_in_vain(a) && a->failed >= called;
}

/* It has failed already, or its device says that strangers cannot call it there. */
static bool is_doubtful(const struct mesh *m, const struct address *a) {
        return has_failed(m, a) || (a->closed && (!addr_private(&a->addr) || !dial_may_answer(m, a)));
}

/* In the book and in its contact: those that will hardly answer, or the others. */
static void ways_add(struct mesh *m, struct carry *h, const struct contact *c, bool doubtful) {
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                if (key_eq(&a->device, &h->at.device) && !address_meets(a) && is_doubtful(m, a) == doubtful)
                        way_add(h, &a->addr);
        }
        for (size_t i = 0; c && i < c->n_addrs; i++) {
                const struct address *a = address_find(m, &c->card->addrs[i]);
                if ((a && is_doubtful(m, a)) == doubtful)
                        way_add(h, &c->card->addrs[i]);
        }
}

/* Those on the local network first, then where a link to it was dialled, then what else the book has, then its contact. One that
 * will hardly answer comes behind a meeting: each may take as long as a whole one. */
static void ways_find(struct mesh *m, struct carry *h) {
        const struct key *device = &h->at.device;
        h->shy = m->hidden && !sees_this_home(m, device);
        const struct contact *c = map_find(&m->contacts, device->b);
        struct mesh_addr meeting = meet_place(device);
        for (size_t i = 0; i < m->n_addresses; i++)
                if (key_eq(&m->addresses[i].device, device) && lan_fresh(m, &m->addresses[i]))
                        way_add(h, &m->addresses[i].addr);
        LINK_EACH(l, m)
        if (l->state == LINK_UP && l->dialled && !meet_is(l) && key_eq(&l->device, device))
                way_add(h, &l->addr);
        ways_add(m, h, c, false);
        h->n_ways = MIN(h->n_ways, (size_t)HAUL_WAYS - 1);
        bool may = (meet_may(m, device) && doorstep_likely(m, device)) ||
                   meet_runs(m, device); /* that one is waited for */
        if (c && c->read && (!c->card->open || h->shy) && may)
                way_add(h, &meeting);
        ways_add(m, h, c, true);
        if (c)
                memcpy(h->at.shared, c->card->epoch, sizeof(h->at.shared));
}

/* ---- who asked for it ---- */
static int answer(struct mesh *m, uint64_t command, enum mesh_outcome o, mesh_link link) {
        struct mesh_action *a = command ? out_add(&m->out, MESH_DO_REPLY) : NULL;
        if (!a)
                return command ? ERR_NOMEM : 0;
        a->token = command;
        a->link = link;
        a->reply.outcome = o;
        return 0;
}

static struct link *carry_to(struct mesh *m, const struct key *device) {
        LINK_EACH(l, m) {
                if (l->state == LINK_HAUL && key_eq(&l->device, device))
                        return l;
        }
        return NULL;
}

static void plan(struct mesh *m) {
        m->carry_due = MESH_NEVER;
        for (size_t i = 0; i < ARRAY_LEN(m->carries); i++)
                if (m->carries[i].used)
                        m->carry_due = MIN(m->carry_due, m->carries[i].due);
}

static void carry_free(struct mesh *m, struct carry *h, enum mesh_outcome o, mesh_link link) {
        struct key device = h->at.device;
        answer(m, h->command, o, link);
        *h = (struct carry){.due = MESH_NEVER};
        if (!link)
                relay_unreached(m, &device);
}

struct carry *carry_of_link(struct mesh *m, mesh_link id) {
        for (size_t i = 0; id && i < ARRAY_LEN(m->carries); i++)
                if (m->carries[i].used && m->carries[i].at.link == id)
                        return &m->carries[i];
        return NULL;
}

static struct carry *place_for(struct mesh *m, const struct key *device, enum mesh_outcome *ret_why) {
        struct carry *place = NULL;
        *ret_why = MESH_OUT_HAUL_MANY;
        for (size_t i = 0; i < ARRAY_LEN(m->carries); i++) {
                if (!m->carries[i].used)
                        place = place ? place : &m->carries[i];
                else if (key_eq(&m->carries[i].at.device, device))
                        *ret_why = MESH_OUT_BUSY; /* somebody is waiting for it already */
        }
        return *ret_why == MESH_OUT_BUSY ? NULL : place;
}

/* ---- knocking ---- */
static int knock(struct mesh *m, struct carry *h) {
        h->due = MESH_NEVER;
        return dial_start(m, &h->at);
}

/* The meeting that it was for is over. */
static bool in_vain(const struct mesh *m, const struct carry *h) {
        return h->relay && !relay_waits(m, &h->at.device);
}

/* Its meeting has given way to one that the other side began: when that is over, it begins anew. */
static bool gave_way(const struct mesh *m, const struct carry *h) {
        return h->met && meet_runs(m, &h->at.device) && h->waited < HAUL_WAITS;
}

static int next_way(struct mesh *m, struct carry *h) {
        h->way -= gave_way(m, h);
        h->met = false;
        if (h->way == h->n_ways || in_vain(m, h)) {
                carry_free(m, h, h->full ? MESH_OUT_HAUL_FULL : h->old ? MESH_OUT_HAUL_OLD : MESH_OUT_HAUL_SILENT, 0);
                return 0;
        }
        h->at.addr = h->ways[h->way++];
        h->at.psk_try = 0;
        if (!address_meets(&h->at) || meet_may(m, &h->at.device)) {
                h->met = address_meets(&h->at);
                return knock(m, h);
        }
        if (!meet_runs(m, &h->at.device) || h->waited++ >= HAUL_WAITS)
                return next_way(m, h);
        h->way--;
        h->due = m->now + HAUL_NEXT_KEY;
        plan(m);
        return 0;
}

static int start(struct mesh *m, const struct key *device, uint64_t command, bool relay) {
        enum mesh_outcome o = mesh_standing(m);
        if (o != MESH_OUT_DONE)
                return answer(m, command, o, 0);
        if (!address_current(m, device) || key_eq(device, &m->sign.pub))
                return answer(m, command, MESH_OUT_NO_DEVICE, 0);
        const struct link *there = carry_to(m, device);
        if (there)
                return answer(m, command, MESH_OUT_DONE, there->id);
        struct carry *h = place_for(m, device, &o);
        if (!h)
                return answer(m, command, o, 0);
        *h = (struct carry){.used = true, .command = command, .at = {.device = *device}, .due = MESH_NEVER};
        h->relay = relay;
        ways_find(m, h);
        if (h->n_ways)
                return next_way(m, h);
        carry_free(m, h, MESH_OUT_HAUL_NO_WAY, 0);
        return 0;
}

int carry_start(struct mesh *m, const struct mesh_event *ev) {
        return start(m, &ev->haul.device, ev->token, false);
}

/* PROTOCOL 17.13: "A node SHOULD have no more than 4 links to doorsteps for this at a time" */
static bool may_relay(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < ARRAY_LEN(m->carries); i++)
                n += m->carries[i].used && m->carries[i].relay;
        return n < HAULS_RELAYED;
}

int carry_reach(struct mesh *m, const struct key *device, bool *ret_on_its_way) {
        enum mesh_outcome busy = MESH_OUT_DONE;
        int r = may_relay(m) ? start(m, device, 0, true) : 0;
        *ret_on_its_way = !place_for(m, device, &busy) && busy == MESH_OUT_BUSY;
        return r;
}

void carry_ended(struct mesh *m, struct carry *h, enum wire_e_reason why, bool up, bool more) {
        if (!h)
                return;
        h->at.link = 0;
        h->full |= why == REASON_FULL;
        const struct link *other = carry_to(m, &h->at.device);
        if (up || other || m->stopping) { /* it has been what it was for, or another one is */
                carry_free(m, h, other ? MESH_OUT_DONE : MESH_OUT_HAUL_SILENT, other ? other->id : 0);
                return;
        }
        if (!more || h->at.psk_try >= HAUL_KEYS)
                h->at.psk_try = 0;
        h->due = m->now + (h->at.psk_try ? HAUL_NEXT_KEY : 0);
        plan(m);
}

static bool knocks_again(const struct mesh *m, const struct carry *h) {
        return h->at.psk_try && !in_vain(m, h) && (!address_meets(&h->at) || meet_may(m, &h->at.device));
}

int carry_tick(struct mesh *m) {
        int r = 0;
        if (m->now < m->carry_due)
                return 0;
        for (size_t i = 0; !r && i < ARRAY_LEN(m->carries); i++) {
                struct carry *h = &m->carries[i];
                if (h->used && h->due <= m->now)
                        r = knocks_again(m, h) ? knock(m, h) : next_way(m, h);
        }
        plan(m);
        return r;
}

mesh_time carry_deadline(const struct mesh *m) {
        return m->carry_due;
}

/* ---- coming up, and going ---- */
bool carry_expects(const struct link *l) {
        const struct carry *h = l->haul && l->dialled ? carry_of_link(l->m, l->id) : NULL;
        return !h || (!l->unproven && key_eq(&l->device, &h->at.device));
}

void carry_unknown(struct link *l) {
        struct carry *h = carry_of_link(l->m, l->id);
        if (h)
                h->old = true;
        link_hangup(l, REASON_ELSEWHERE);
}

/* PROTOCOL 15.31: "A node accepts 16 of them, at most 2 of one household." */
bool carry_welcome(const struct link *l) {
        size_t all = 0, same = 0;
        LINK_EACH(other, l->m) {
                if (other == l || other->dialled || other->state != LINK_HAUL)
                        continue;
                all++;
                same += key_eq(&other->household, &l->household);
        }
        return all < HAULS_ACCEPTED && same < HAULS_HOUSEHOLD && l->m->member;
}

/* It goes round by a third one, for there was no time to find out whether there is a way. What comes of that is a link in the
 * place of this one. */
static int look_beside(struct mesh *m, const struct link *l) {
        if (!l->room || !l->dialled || !meet_searches(m, &l->device))
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(m->carries); i++) {
                struct carry *h = &m->carries[i];
                if (h->used)
                        continue;
                *h = (struct carry){
                        .used = true, .at = {.device = l->device}, .ways = {meet_place(&l->device)}, .n_ways = 1};
                const struct card *card = contact_card(m, &l->device);
                if (card)
                        memcpy(h->at.shared, card->epoch, sizeof(h->at.shared));
                return next_way(m, h);
        }
        return 0;
}

int carry_up(struct link *l) {
        struct mesh *m = l->m;
        struct mesh_action *a = out_add(&m->out, MESH_DO_HAUL_UP);
        if (!a)
                return ERR_NOMEM;
        l->state = LINK_HAUL;
        l->hauled = m->now;
        l->wall = clock_now(m);
        a->link = l->id;
        a->haul_up.device = l->device;
        a->haul_up.household = l->household;
        a->haul_up.dialled = l->dialled;
        mesh_trace(m, "link %u: carries footage, %s", (unsigned)l->id, l->dialled ? "dialled" : "accepted");
        clock_listen(m);
        struct carry *h = carry_of_link(m, l->id);
        uint64_t command = h ? h->command : 0;
        if (h)
                h->command = 0;
        int r = answer(m, command, MESH_OUT_DONE, l->id);
        if (r)
                return r;
        return l->room ? look_beside(m, l) : relay_outer_up(l);
}

void carry_down(struct link *l) {
        struct mesh_action *a = l->state == LINK_HAUL ? out_add(&l->m->out, MESH_DO_HAUL_DOWN) : NULL;
        if (a)
                a->link = l->id;
        relay_outer_gone(l);
}

void carry_finish(struct mesh *m, mesh_link id) {
        struct link *l = link_find(m, id);
        if (l && l->state == LINK_HAUL && !relay_holds(l)) /* it is idle when the last room is gone */
                link_hangup(l, REASON_IDLE);
}

/* ---- making way ---- */
/* PROTOCOL 15.36: "For 500 ms after an urgent record was queued on any link, a node SHOULD send nothing of class 5" */
void carry_yield(struct mesh *m, size_t klass) {
        if (klass > CLASS_NORMAL)
                return;
        m->haul_hurried = m->now + HAUL_HURRIED;
        if (klass > CLASS_URGENT)
                return;
        m->haul_pause = m->now + HAUL_PAUSE;
        relay_pause(m);
        LINK_EACH(l, m)
        if (l->state == LINK_HAUL)
                link_touch(l);
}

mesh_time carry_due(const struct link *l) {
        bool paused = l->state == LINK_HAUL && l->queue[5].count && l->m->now < l->m->haul_pause;
        return paused ? l->m->haul_pause : relay_due(l);
}

/* ---- messages ---- */
/* PROTOCOL 15.34: "`hashes` MUST be a multiple of 32 bytes that ends with the last chunk a clip can have, or before; WANT and
 * PIECE MUST NOT reach beyond the 65,552 bytes of a chunk's ciphertext." */
static bool shaped(uint64_t number, const void *msg) {
        const struct wire_haul_list *list = msg;
        const struct wire_haul_want *want = msg;
        const struct wire_haul_piece *piece = msg;
        switch (number) {
        case LINK_LIST:
                return list->hashes.n % sizeof(struct hash) == 0 &&
                       list->from + list->hashes.n / sizeof(struct hash) <= CHUNKS_MAX;
        case LINK_WANT:
                return want->at + want->n <= CHUNK_CIPHER;
        case LINK_PIECE:
                return piece->at + piece->bytes.n <= CHUNK_CIPHER;
        }
        return true;
}

int carry_took(struct link *l, uint64_t number, const void *msg, struct span raw) {
        if (!shaped(number, msg)) {
                link_hangup(l, REASON_BAD_FRAME);
                return 0;
        }
        struct mesh_action *a = out_add(&l->m->out, MESH_DO_HAUL);
        bool ok = a;
        if (!ok)
                return ERR_NOMEM;
        l->hauled = l->m->now;
        a->link = l->id;
        a->haul.number = (uint8_t)number;
        /* In the link's own buffer, which stays until all is handed out; to one within another more may come before. */
        a->haul.map = l->room ? out_keep(&l->m->out, raw, &ok) : raw;
        return ok ? 0 : ERR_NOMEM;
}

static const struct wire_number *row_of(uint8_t number) {
        return number >= LINK_PAPER && number <= LINK_STOP ? wire_link_find(number) : NULL;
}

int carry_say(struct mesh *m, const struct mesh_event *ev) {
        struct link *l = link_find(m, ev->link);
        const struct wire_number *row = row_of(ev->say.number);
        if (!row || ev->say.map.n > row->desc->max || !mesh_haul_room(m, ev->link))
                return 0;
        _clean_(packet_freep) struct packet *p = packet_of((enum wire_link)ev->say.number, row->klass, ev->say.map);
        if (!p)
                return ERR_NOMEM;
        l->hauled = m->now;
        return link_send(l, p);
}

/* More than a LINK_WINDOW of it would be asked of the system, a page at a time, and given back, each time. */
_Static_assert(HAUL_QUEUE + FRAMES_BULK + FRAMES_OVERHEAD <= LINK_WINDOW, "what goes out at once is kept in memory");

size_t mesh_haul_room(const struct mesh *m, mesh_link link) {
        const struct link *l = link_find(m, link);
        if (!l || l->state != LINK_HAUL)
                return 0;
        size_t waits = l->queue[5].bytes;
        return waits < HAUL_QUEUE ? HAUL_QUEUE - waits : 0;
}

/* What is in a frame besides the bytes: number, map, id, places and the length of the bytes. */
#define PIECE_AROUND 64

size_t mesh_haul_piece(const struct mesh *m, mesh_link link) {
        const struct link *l = link_find(m, link);
        bool slow = !l || window_room(l, 5) < HAUL_WINDOW_SLOW;
        return (slow ? HAUL_FRAME_SLOW : FRAMES_BULK + FRAMES_OVERHEAD) - FRAMES_OVERHEAD - PIECE_AROUND;
}
