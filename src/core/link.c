/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection's life: handshake, greeting, up, closing. Every connection is bounded: 4 KiB before it has proved itself, ten
 * seconds to do so; what is sent over it is bounded, too (link_send.c).
 */
#include "core/link.h"

#include "base/array.h"
#include "core/belong.h"
#include "core/core.h"
#include "core/doubt.h"
#include "core/epoch.h"
#include "core/frames.h"
#include "core/limits.h"
#include "core/packet.h"
#include "core/reach.h"
#include "core/recon.h"
#include "core/relay.h"
#include "core/spread.h"
#include "roster/roster.h"

#include <stdlib.h>

#define PLACES_FIRST 8

struct link *link_find(const struct mesh *m, mesh_link id) {
        for (size_t i = 0; i < m->n_links; i++)
                if (m->links[i].id == id && m->links[i].link->state != LINK_CLOSING)
                        return m->links[i].link;
        return NULL;
}

struct link *link_busy(const struct mesh *m, mesh_link id) {
        for (size_t i = 0; id && i < m->n_links; i++)
                if (m->links[i].id == id && m->links[i].busy)
                        return m->links[i].link;
        return NULL;
}

static struct link_place *place_of(const struct link *l) {
        struct link_place *p = l->m->links;
        while (p->link != l)
                p++;
        return p;
}

void link_touch(struct link *l) {
        place_of(l)->busy = true;
}

static int place_add(struct mesh *m, struct link *l) {
        struct link_place *links = array_room(m->links, m->n_links, &m->cap_links, sizeof(*links), PLACES_FIRST);
        if (!links)
                return ERR_NOMEM;
        m->links = links;
        m->links[m->n_links++] = (struct link_place){.link = l, .id = l->id, .busy = true};
        return 0;
}

static void place_del(const struct link *l) {
        struct mesh *m = l->m;
        struct link_place *p = place_of(l);
        memmove(p, p + 1, (size_t)(m->links + --m->n_links - p) * sizeof(*p));
}

struct link *link_to_device(const struct mesh *m, const struct key *device) {
        LINK_EACH(l, m) {
                if (l->state == LINK_UP && key_eq(&l->device, device))
                        return l;
        }
        return NULL;
}

size_t links_up(const struct mesh *m) {
        size_t n = 0;
        LINK_EACH(l, m)
        n += l->state == LINK_UP;
        return n;
}

/* PROTOCOL 8.28: "A link *lasts* that is up and no visit." */
static bool lasts(const struct link *l) {
        return l->state == LINK_UP && !l->visit && !l->visiting;
}

size_t links_lasting(const struct mesh *m) {
        size_t n = 0;
        LINK_EACH(l, m)
        n += lasts(l);
        return n;
}

uint64_t link_sid(const struct link *l, const struct hash *id) {
        return hash_short(l->frames.salt, SPAN_OF(id->b));
}

void link_free(struct link *l) {
        place_del(l);
        clock_listen(l->m);
        links_share(l->m);
        dial_soon(l->m);
        frames_fini(&l->frames);
        buf_fini(&l->out);
        buf_fini(&l->plea);
        for (size_t i = 0; i < ARRAY_LEN(l->queue); i++)
                packet_queue_fini(&l->queue[i]);
        want_fini(&l->want);
        recon_fini(&l->recon);
        for (size_t i = 0; i < LINK_SETS; i++)
                push_fini(&l->push[i]);
        free(l);
}

void links_free(struct mesh *m) {
        while (m->n_links)
                link_free(m->links[0].link);
        free(m->links);
}

/* The mesh whose links these are, and the keys that open them: the roster's, or while joining the ticket's. */
static const struct hash *link_mesh(const struct mesh *m) {
        if (m->roster)
                return roster_mesh(m->roster);
        if (m->recover.on)
                return &m->recover.mesh;
        return m->joining ? &m->join_mesh : NULL;
}

size_t link_keys(struct mesh *m, struct key ret[SECRETS_MOST]) {
        size_t n = recover_keys(m, epoch_link_keys(m, ret), ret);
        if (n == 0 && m->joining)
                ret[n++] = m->join_key;
        return n;
}

size_t link_dial_keys(struct mesh *m, struct key ret[DIAL_KEYS_MOST]) {
        return refresh_keys(m, link_keys(m, ret), ret);
}

static int shaking(struct link *l, struct span bytes);

static bool nobody_yet(const struct link *l) { /* accepted, and has shown nothing */
        return !l->dialled && l->state == LINK_HANDSHAKE;
}

size_t links_shown(const struct mesh *m) {
        size_t n = 0;
        LINK_EACH(l, m)
        n += !l->haul && !nobody_yet(l);
        return n;
}

static size_t links_counted(const struct mesh *m) { /* those for footage have bounds of their own */
        size_t n = 0;
        LINK_EACH(l, m)
        n += !l->haul;
        return n;
}

/* Connections that say nothing keep nobody out: the oldest of them gives way. */
static bool make_place(struct mesh *m) {
        if (m->n_links < LINKS_MAX || links_counted(m) < LINKS_MAX)
                return true;
        LINK_EACH(l, m) {
                if (!nobody_yet(l))
                        continue;
                link_hangup(l, REASON_FULL);
                return true;
        }
        return false;
}

int link_up(struct mesh *m, const struct mesh_event *ev) {
        struct key psks[DIAL_KEYS_MOST];
        const struct hash *mesh = link_mesh(m);
        struct address *a = ev->up.dialled ? address_of_link(m, ev->link) : NULL;
        size_t n_psk = !mesh ? 0 : ev->up.dialled ? link_dial_keys(m, psks) : link_keys(m, psks);
        bool place = make_place(m);
        meet_up(m, ev->link);
        struct link *l = calloc(1, sizeof(*l));
        if (!l)
                return ERR_NOMEM;
        *l = (struct link){.m = m, .id = ev->link, .dialled = ev->up.dialled, .lan = ev->up.lan, .addr = ev->up.addr};
        l->visit = a == &m->visit;
        l->haul = carry_of_link(m, ev->link);
        l->room = relay_room_of(m, ev->link);
        l->since = l->heard = l->spoke = m->now;
        int r = place_add(m, l);
        if (r) {
                free(l);
                return r;
        }
        if (!n_psk || m->stopping || !place || (ev->up.dialled && !a)) {
                link_hangup(l, REASON_FULL);
                return 0;
        }
        if (!ev->up.dialled)
                return 0; /* a responder begins with the first bytes: until then a stranger costs nothing but the struct */
        struct frames_config cfg = {.initiator = true, .mesh = mesh, .s = recover_noise(m), .psks = psks, .n_psk = 1};
        size_t tries;
        cfg.psks = psks + psk_pick(m, a, psks, n_psk, &tries);
        l->psk_spare = tries > 1;
        l->ticket = refresh_has(m, cfg.psks);
        rng_bytes(&m->rng, cfg.e_secret.b, sizeof(cfg.e_secret));
        r = frames_init(&l->frames, &cfg, &l->out);
        hash_wipe(&cfg.e_secret, sizeof(cfg.e_secret));
        return r;
}

/* What ended is told to the address it was dialled at, so that dialling can learn from it. @lost: nobody has ended it. */
static void link_forget_address(struct link *l, enum wire_e_reason why, bool lost) {
        struct address *a = l->dialled ? address_of_link(l->m, l->id) : NULL;
        if (!a)
                return;
        bool shut = l->state == LINK_HANDSHAKE && (why == REASON_SILENT || why == REASON_BAD_HANDSHAKE);
        bool more = shut && psk_next(l->m, a);
        if (l->visit) {
                visit_ended(l->m, l->caught_up, more);
                return;
        }
        if (l->haul) {
                carry_ended(l->m, carry_of_link(l->m, l->id), why, l->state == LINK_HAUL, more);
                return;
        }
        a->link = 0;
        a->down_since = clock_now(l->m);
        if (why == REASON_DUPLICATE)
                address_proven(a, &l->device);
        if (l->state == LINK_UP && why != REASON_DUPLICATE) {
                a->failures = 0;
                a->psk_try = 0;
                a->show_add = false;
                if (l->m->now >= l->since + DIAL_STOOD)
                        dial_stood(l->m, a);
        }
        if (l->state == LINK_GREETING) {
                if (a->show_add)
                        leave_ignored(l->m);
                a->show_add = true;
                recover_refused(l->m);
        }
        refresh_refused(l, why);
        a->stood = l->state == LINK_UP && why != REASON_DUPLICATE;
        dial_failed(l->m, a, why, more);
        if (a->stood && lost && l->m->now >= l->since + DIAL_STOOD)
                dial_at_once(l->m, a);
}

/* @lasting: with it everything had been compared, and it was no visit. */
static void neighbour_gone(struct mesh *m, bool lasting) {
        if (lasting && !links_lasting(m))
                m->lone_since = clock_now(m);
        mesh_state_changed(m);
        doorstep_look(m);
}

int link_down(struct mesh *m, mesh_link id) {
        struct link *l = link_find(m, id);
        int r = meet_down(m, id);
        if (l) {
                enum wire_e_reason why = l->state == LINK_HANDSHAKE ? REASON_BAD_HANDSHAKE : REASON_SHUTDOWN;
                bool up = l->state == LINK_UP, lasting = lasts(l) && l->caught_up;
                carry_down(l);
                link_forget_address(l, why, true);
                link_free(l);
                if (up)
                        neighbour_gone(m, lasting);
                return r || !up ? r : doubt_others(m);
        }
        relay_give_up(m, id);
        struct address *a = address_of_link(m, id);
        struct carry *h = carry_of_link(m, id);
        if (h)
                carry_ended(m, h, REASON_SILENT, false, false);
        if (a == &m->visit)
                visit_vain(m);
        if (!a || h || a == &m->visit)
                return r;
        a->link = 0; /* it could not be made, which says nothing of keys */
        dial_failed(m, a, REASON_SILENT, false);
        return r;
}

void link_hangup(struct link *l, enum wire_e_reason why) {
        if (l->state == LINK_CLOSING)
                return;
        bool up = l->state == LINK_UP, lasting = lasts(l) && l->caught_up;
        if (l->room && (why == REASON_SILENT || why == REASON_BAD_FRAME || why == REASON_BAD_HANDSHAKE))
                lately_useless(l->m, &l->room->doorstep);
        if ((up || l->state == LINK_HAUL) && why != REASON_REMOVED) {
                struct wire_bye bye = {.reason = why};
                link_say(l, LINK_BYE, &bye);
                link_flush(l);
        }
        carry_down(l);
        link_forget_address(l, why, why == REASON_SILENT);
        mesh_trace(l->m, "link %u: hanging up: %s", (unsigned)l->id,
                   wire_enum_text(&wire_reason_enum, why) ? wire_enum_text(&wire_reason_enum, why) : "?");
        l->state = LINK_CLOSING;
        clock_listen(l->m);
        l->ending = why;
        link_touch(l);
        if (up)
                neighbour_gone(l->m, lasting);
}

/* What ended the device at the other end, and all that it takes to see so: its votes may have come one by one, and those that
 * waited here are dropped. Where nothing did, its coming does not stand: what came from place @first on says why. */
static size_t endings(const struct link *l, size_t first, const struct roster_op *ret[DISMISS_OPS], bool *ret_ended) {
        const struct roster *r = l->m->roster;
        size_t n = roster_ending(r, &l->device, ret, DISMISS_OPS);
        *ret_ended = n > 0;
        while (!*ret_ended && n < DISMISS_OPS && (ret[n] = roster_op_at(r, first + n)))
                n++;
        return n;
}

/* Drops what waits, but for operations where its coming does not stand: what says why may rest on them. */
static int drop_waiting(struct link *l, bool ended) {
        struct packet_queue kept = {0};
        struct packet *p;
        int r = 0;
        for (; !ended && !r && (p = packet_queue_first(&l->queue[0])); packet_queue_drop(&l->queue[0]))
                if (p->bytes[0] == LINK_OP)
                        r = packet_queue_put(&kept, p);
        for (size_t i = 0; i < ARRAY_LEN(l->queue); i++)
                packet_queue_fini(&l->queue[i]);
        l->queue[0] = kept;
        return r;
}

/* PROTOCOL 8.25: "the node MUST drop what waits for it, send it as OP those that ended it, and close" */
int link_dismiss(struct link *l, size_t first) {
        const struct roster_op *ops[DISMISS_OPS];
        bool ended;
        size_t n = endings(l, first, ops, &ended);
        int r = drop_waiting(l, ended);
        for (size_t i = 0; !r && i < n; i++) {
                _clean_(packet_freep) struct packet *p = packet_of(LINK_OP, 0, ops[i]->bytes);
                packet_queue_unput(&l->queue[0], ops[i]->bytes);
                r = p ? link_send(l, p) : ERR_NOMEM;
        }
        if (!r)
                r = link_flush(l);
        link_hangup(l, REASON_REMOVED);
        return r;
}

/* ---- receiving ---- */
int link_recv(struct mesh *m, mesh_link id, struct span bytes) {
        struct link *l = link_find(m, id);
        if (!l)
                return 0;
        link_touch(l);
        if (l->state == LINK_HANDSHAKE && (l->dialled || l->received))
                l->trip = MAX(l->trip, m->now - l->heard);
        l->received += bytes.n;
        l->heard = m->heard = m->now;
        if (l->frames.state != FRAMES_OPEN && l->frames.in.n - l->frames.at + bytes.n > PREAUTH_BYTES) {
                link_hangup(l, REASON_BAD_HANDSHAKE);
                return 0;
        }
        return shaking(l, bytes);
}

/* A meeting is with one device, and its place in the book, too. */
static bool met_expected(const struct link *l) {
        const struct address *a = l->dialled && meet_is(l) ? address_of_link(l->m, l->id) : NULL;
        return !a || (!l->unproven && key_eq(&l->device, &a->device));
}

/* The handshake is over: who is it? A responder says nothing to a key that is no current device's. */
static int link_identify(struct link *l) {
        struct mesh *m = l->m;
        const struct roster_device *d = m->roster ? roster_noise_find(m->roster, &l->frames.peer) : NULL;
        l->state = LINK_GREETING;
        if (hash_same(&l->frames.peer, &recover_noise(m)->pub, sizeof(struct key))) {
                struct address *a = l->dialled ? address_of_link(m, l->id) : NULL;
                if (a)
                        a->self = true;
                link_hangup(l, REASON_SELF);
                return 0;
        }
        if (d) {
                l->device = d->sign;
                l->household = d->home->key;
        } else if (l->dialled) {
                l->unproven = true;
        } else {
                /* PROTOCOL 8.16: "To one that is none of these, a *stranger*, it MUST NOT send anything but REFUSED
                 * (rule 6.10), until an operation makes it a current device's." */
                l->stranger = true;
        }
        if (!carry_expects(l) || !met_expected(l) || !relay_expects(l)) {
                link_hangup(l, REASON_ELSEWHERE);
                return 0;
        }
        return l->dialled ? link_greet(l) : 0;
}

static int take_frames(struct link *l, const struct frames_config *cfg, struct span bytes) {
        int r = frames_feed(&l->frames, bytes);
        while (!r && l->state != LINK_CLOSING) {
                struct span body;
                r = cfg->mesh ? frames_next(&l->frames, cfg, &l->out, &body) : FRAMES_E_BAD;
                if (r == FRAMES_E_MORE) {
                        r = 0;
                        break;
                }
                if (r == FRAMES_E_BAD) {
                        link_hangup(l, l->state == LINK_HANDSHAKE ? REASON_BAD_HANDSHAKE : REASON_BAD_FRAME);
                        r = 0;
                        break;
                }
                if (r == FRAMES_E_SHAKEN)
                        r = l->frames.state == FRAMES_OPEN ? link_identify(l) : 0;
                else if (r == 0)
                        r = on_body(l, body);
        }
        return r;
}

/* A responder's first bytes: any of its link keys may open them. */
static int first_bytes(struct link *l, struct frames_config *cfg, struct span bytes) {
        struct key psks[SECRETS_MOST];
        cfg->psks = psks;
        cfg->n_psk = link_keys(l->m, psks);
        rng_bytes(&l->m->rng, cfg->e_secret.b, sizeof(cfg->e_secret));
        if (l->frames.in.n == 0)
                frames_init(&l->frames, cfg, &l->out);
        int r = take_frames(l, cfg, bytes);
        hash_wipe(&cfg->e_secret, sizeof(cfg->e_secret));
        hash_wipe(psks, sizeof(psks));
        return r;
}

static int shaking(struct link *l, struct span bytes) {
        struct frames_config cfg = {.initiator = l->dialled, .mesh = link_mesh(l->m)};
        if (l->frames.state != FRAMES_OPEN) /* then no key of this side's is asked for any more */
                cfg.s = recover_noise(l->m);
        return l->frames.state == FRAMES_WAIT_1 ? first_bytes(l, &cfg, bytes) : take_frames(l, &cfg, bytes);
}

/* ---- greeting ---- */
/* PROTOCOL 15.31: "A further one is told BYE `full` in the place of HELLO." */
static int turn_away(struct link *l) {
        struct wire_bye bye = {.reason = REASON_FULL};
        int r = link_say(l, LINK_BYE, &bye);
        if (!r)
                r = link_flush(l);
        link_hangup(l, REASON_FULL);
        return r;
}

int link_greet(struct link *l) {
        struct mesh *m = l->m;
        if (l->hello_sent)
                return 0;
        uint8_t seen[18];
        if (l->haul && !l->dialled && !carry_welcome(l))
                return turn_away(l);
        l->hello_sent = true;
        if (l->dialled)
                l->until = clock_now(m);
        int r = l->haul ? 0 : sync_digests(l); /* of zeros nothing is learnt, and nothing will be compared */
        if (r)
                return r;
        memcpy(seen, l->addr.ip, 16);
        put_be16(seen + 16, l->addr.port);
        struct wire_hello h = {.version = 1,
                               .time = clock_now(m),
                               .until = l->until,
                               .ops = SPAN_OF(l->mine[LINK_OPS]),
                               .contacts = SPAN_OF(l->mine[LINK_CONTACTS]),
                               .records = SPAN_OF(l->mine[LINK_RECORDS])};
        if (!l->room) /* else it is the doorstep that is seen */
                WIRE_PUT(&h, HELLO, seen, SPAN_OF(seen));
        bool joining = m->joining && !m->member;
        if (joining)
                WIRE_PUT(&h, HELLO, joining, true);
        if (l->visit)
                WIRE_PUT(&h, HELLO, visiting, true);
        if (l->haul)
                WIRE_PUT(&h, HELLO, haul, true);
        r = link_say(l, LINK_HELLO, &h);
        if (!r)
                r = link_flush(l); /* the first frame holds the hello alone: 128 bytes */
        if (r || !l->dialled)
                return r;
        if (joining) {
                struct wire_admit a = {.op = buf_span(&m->join_op)};
                return link_say(l, LINK_ADMIT, &a);
        }
        /* PROTOCOL 8.17: "To a static key it does not know it MUST NOT send more than HELLO, ADMIT (rule 6.8), one
         * operation (rule 6.16), and RECON for `ops` while it joins or restores (rule 6.31) or with a ticket in
         * hand (rule 6.54), until its roster knows the key." */
        /* They may not know us yet: bring the operation along that made this device a member's. */
        const struct address *at = address_of_link(m, l->id);
        if (!at || !at->show_add || !m->roster || m->recover.on)
                return 0;
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        if (!me)
                return 0;
        _clean_(packet_freep) struct packet *p = packet_of(LINK_OP, 0, roster_device_op(m->roster, me)->bytes);
        return p ? link_send(l, p) : ERR_NOMEM;
}

/* Who dials has no link, as far as it knows. So one that has stood for long is dead, though nobody told this side: the other
 * moved, slept, or lost its power. Two that began together are two homes that dialled each other at once. */
static bool newer_stays(const struct link *older, const struct link *l) {
        bool mine_lower = memcmp(recover_device(l->m)->b, l->device.b, 32) < 0;
        /* PROTOCOL 8.21: "if they began within 3 s of each other and were dialled by different sides, the one dialled by
         * the device with the higher signing key; else the older" */
        bool at_once = l->since < older->since + CROSSED_TIME && l->dialled != older->dialled;
        return !at_once || l->dialled == mine_lower;
}

/* It has come again: so those of its links for footage that are older may be dead, too, and rooms stand on them. */
static int doubt_hauls(const struct link *l) {
        int r = 0;
        LINK_EACH(other, l->m) {
                if (!r && other->state == LINK_HAUL && key_eq(&other->device, &l->device))
                        r = doubt_link(other);
        }
        return r;
}

#define LINK_E_SPARE 1 /* there is another one, which stays */

/* PROTOCOL 8.21: "Of two links that are up between the same two devices one MUST go, with BYE `duplicate`" */
static int link_settle_duplicate(struct link *l) {
        struct mesh *m = l->m;
        enum link_state up = l->haul ? LINK_HAUL : LINK_UP; /* the two kinds stand side by side */
        LINK_EACH(other, m) {
                if (other == l || other->state != up || !key_eq(&other->device, &l->device))
                        continue;
                /* PROTOCOL 18.12: "the one that is relayed MUST go" */
                bool stays = !other->room == !l->room ? newer_stays(other, l) : !l->room;
                link_hangup(stays ? other : l, REASON_DUPLICATE);
                int r = stays && !l->haul ? doubt_hauls(l) : 0;
                return r ? r : stays ? 0 : LINK_E_SPARE;
        }
        return 0;
}

/* PROTOCOL 8.28: "of those that have compared everything and began 3 s ago or earlier the one that began first MUST go" */
/* PROTOCOL 8.28: "then those who have need not have been there for 3 s" */
static bool visitor_leaves(struct mesh *m, const struct link *newcomer) {
        struct link *oldest = NULL;
        bool lone = !contact_back(m, &newcomer->device);
        LINK_EACH(l, m) {
                mesh_time grace = lone && contact_back(m, &l->device) ? 0 : VISIT_GRACE;
                bool done = l->state == LINK_UP && l->visiting && l->caught_up && m->now >= l->since + grace;
                if (done && (!oldest || l->since < oldest->since))
                        oldest = l;
        }
        if (oldest)
                link_hangup(oldest, REASON_VISITED);
        return oldest;
}

/* PROTOCOL 8.22: "A member whose HELLO says `joining` counts as any other, but for 2 of them at a time" */
static bool link_welcome(const struct link *l) {
        size_t inbound = 0, halfway = 0, visitors = 0;
        LINK_EACH(other, l->m) {
                bool up = other != l && other->state == LINK_UP && !other->dialled;
                visitors += up && other->visiting;
                inbound += up && !other->visiting;
                halfway += up && other->joining && !other->newcomer;
        }
        if (l->visiting)
                return visitors < VISITORS_MOST || visitor_leaves(l->m, l);
        return l->dialled || l->newcomer || inbound < INBOUND_MOST || (l->joining && halfway < HALFWAY_MOST);
}

static void trace_up(const struct link *l, const struct address *a) {
        if (a)
                mesh_trace(l->m, "link %u: up, dialled %u ms ago", (unsigned)l->id, (unsigned)(l->m->now - a->begun));
        else
                mesh_trace(l->m, "link %u: up, %s", (unsigned)l->id, l->dialled ? "dialled" : "accepted");
}

int link_greeted(struct link *l) {
        struct mesh *m = l->m;
        if (l->state != LINK_GREETING || !l->hello_got || !l->hello_sent || l->stranger || l->unproven)
                return 0;
        int e = link_settle_duplicate(l);
        if (e)
                return MIN(e, 0);
        meet_of_use(l);
        if (l->haul)
                return carry_up(l);
        if (!link_welcome(l)) {
                l->state = LINK_UP; /* so that the reason is sent */
                link_hangup(l, REASON_FULL);
                return 0;
        }
        l->state = LINK_UP;
        l->wall = clock_now(m);
        struct address *a = l->dialled ? address_of_link(m, l->id) : NULL;
        if (a) {
                a->failures = 0;
                a->problem = 0;
                a->show_add = false;
                bool fresh = !address_meets(a) && !a->addr.scope && !l->visit &&
                             (!a->stored || !key_eq(&a->device, &l->device));
                address_proven(a, &l->device);
                int r = fresh && !m->joining ? address_store(m, a) : 0;
                if (r)
                        return r;
        }
        trace_up(l, a);
        mesh_state_changed(m);
        seen_look(m);
        int r = doorstep_came(m, &l->device);
        return r ? r : sync_begin(l);
}

/* PROTOCOL 8.22: "When a newcomer has caught up and more than 7 accepted links but visits are up, the node MUST close, with
 * BYE `full`, the oldest link of a newcomer that has." */
/* A newcomer is always heard out; who came before it has heard of everybody by now, and makes room. */
static void part_with_newcomer(struct mesh *m) {
        struct link *oldest = NULL;
        size_t inbound = 0;
        LINK_EACH(l, m) {
                if (l->state != LINK_UP || l->dialled || l->visiting)
                        continue;
                inbound++;
                if (!oldest && l->joining && l->caught_up)
                        oldest = l;
        }
        if (oldest && inbound > INBOUND_MOST)
                link_hangup(oldest, REASON_FULL);
}

void link_caught_up(struct link *l) {
        if (l->caught_up)
                return;
        l->caught_up = true;
        if (l->m->meets.helper) /* it has told who is there */
                dial_soon(l->m);
        mesh_state_changed(l->m);
        if (l->joining && !l->dialled)
                part_with_newcomer(l->m);
}

/* ---- time ---- */
/* PROTOCOL 8.28: "A node MUST close it 600 s after it began" */
static mesh_time life_due(const struct link *l) {
        return l->since + (l->visit || l->visiting ? VISIT_TIME : LINK_LIFE);
}

static mesh_time silence_due(const struct link *l) {
        return MIN(l->heard + SILENCE_TIME, doubt_due(l));
}

/* Who has nothing to say there need not keep it. */
static mesh_time idle_due(const struct link *l) {
        return relay_holds(l) ? MESH_NEVER : l->hauled + HAUL_IDLE;
}

static mesh_time alive_due(const struct link *l) {
        switch (l->state) {
        case LINK_HANDSHAKE:
                return l->since + (l->psk_spare && l->frames.state == FRAMES_WAIT_2 ? DIAL_PSK_TIME : HANDSHAKE_TIME);
        case LINK_GREETING: /* a joiner first hears the whole roster, which may take long */
                return (l->m->joining || l->ticket ? l->heard : l->since) + HANDSHAKE_TIME;
        case LINK_UP: {
                /* Who only listens must be asked too, before its silence counts against it. */
                mesh_time spoke = MIN(l->spoke, l->heard + KEEPALIVE_TIME / 2);
                mesh_time wait = KEEPALIVE_TIME + (l->dialled ? 0 : KEEPALIVE_LATER);
                mesh_time ping = MAX(MAX(l->heard, l->pinged), spoke) + wait;
                return MIN(MIN(MIN(silence_due(l), doubt_posted_due(l)), ping), life_due(l));
        }
        case LINK_HAUL:
                return MIN(MIN(doubt_due(l), idle_due(l)), life_due(l));
        case LINK_CLOSING:
                break;
        }
        return MESH_NEVER;
}

mesh_time link_due(const struct link *l) {
        return MIN(MIN(alive_due(l), carry_due(l)), MIN(sync_due(l), spread_due(l)));
}

mesh_time link_deadline(const struct mesh *m) {
        mesh_time at = doubt_quiet_due(m);
        for (size_t i = 0; i < m->n_links; i++)
                at = MIN(at, m->links[i].busy ? link_due(m->links[i].link) : m->links[i].due);
        return at;
}

static int found_silent(struct link *l) {
        bool stood = l->state == LINK_UP || l->state == LINK_HAUL;
        link_hangup(l, REASON_SILENT);
        return stood ? doubt_others(l->m) : 0;
}

static int ask(struct link *l) {
        struct wire_nothing nothing = {0};
        if (doubt_posted_due(l) <= l->m->now || doubt_quiet(l->m))
                return doubt_link(l);
        l->pinged = l->m->now;
        return link_say(l, LINK_PING, &nothing);
}

int link_tick(struct mesh *m) {
        int r = 0;
        if (m->now < link_deadline(m))
                return 0;
        LINK_EACH_DUE(l, m) {
                link_touch(l); /* whatever comes of its time here and in the ticks behind: it is asked for anew */
                if (r || alive_due(l) > m->now || l->state == LINK_CLOSING)
                        continue;
                if (l->state == LINK_HAUL && idle_due(l) <= m->now) {
                        link_hangup(l, REASON_IDLE);
                } else if (l->state == LINK_HAUL ? doubt_due(l) <= m->now
                                                 : l->state != LINK_UP || silence_due(l) <= m->now) {
                        r = found_silent(l);
                } else if (life_due(l) <= m->now) {
                        link_hangup(l, l->visit || l->visiting ? REASON_VISITED : REASON_REKEYED);
                } else {
                        r = ask(l);
                }
        }
        return r ? r : doubt_tick(m);
}
