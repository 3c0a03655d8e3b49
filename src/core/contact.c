/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contacts: where a device can be reached just now, signed by it, readable by members only, the latest sequence wins. One is
 * published when the addresses change (at most every ten minutes) and daily, and lives a week. Addresses stand nowhere else.
 */
#include "core/core.h"
#include "core/digest.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/reach.h"
#include "core/spread.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

#define CONTACTS_TIME 3600000 /* ms: of CONTACTS_HOUR */

static void contact_free(struct mesh *m, struct contact *c) {
        card_drop(m, c->card);
        free(c);
}

void contacts_fini(struct mesh *m) {
        MAP_EACH (c, &m->contacts, struct contact)
                contact_free(m, c);
        map_fini(&m->contacts);
}

static void contact_hash(const struct mesh *m, struct span raw, struct hash *ret) {
        signed_hash(m, DOMAIN_CONTACT, raw, CONTACT_KEY_sig, ret);
}

static bool contact_key(struct mesh *m, const struct wire_contact *w, struct key *ret) {
        const struct epoch *e = epoch_find(m, w->epoch);
        struct key day;
        uint8_t context[32 + 8];
        if (!e || !epoch_day_key(e, (uint32_t)(w->time / MESH_DAY), &day))
                return false;
        memcpy(context, w->device.p, 32);
        put_be64(context + 32, w->seq);
        hash_derive(ret, DOMAIN_CONTACT_KEY, &day, SPAN_OF(context));
        hash_wipe(&day, sizeof(day));
        return true;
}

/* PROTOCOL 17.1: "`via` is a multiple of 32 bytes; what is left over is ignored." */
static void card_features(struct card *card, const struct wire_contact_body *body) {
        card->open = WIRE_HAS(body, CONTACT_BODY, open);
        card->relays = WIRE_HAS(body, CONTACT_BODY, relays);
        card->hidden = WIRE_HAS(body, CONTACT_BODY, hidden);
        card->stun = WIRE_HAS(body, CONTACT_BODY, stun) ? (uint16_t)body->stun : 0;
        for (size_t n = WIRE_HAS(body, CONTACT_BODY, via) ? body->via.n / sizeof(struct key) : 0; card->n_via < n;
             card->n_via++)
                memcpy(card->via[card->n_via].b, body->via.p + card->n_via * sizeof(struct key), sizeof(struct key));
}

/* What the key opens is the same for all who have it. */
static int card_read(struct card *card, const struct wire_contact *w, struct span raw, const struct key *key) {
        _clean_(buf_fini) struct buf plain = BUF_NULL;
        struct wire_contact_body body;
        struct wire_addr a;
        if (!box_open(&plain, key, codec_before(raw, CONTACT_KEY_body), w->body) ||
            codec_decode(&wire_contact_body_desc, buf_span(&plain), &body, NULL))
                return plain.starved ? ERR_NOMEM : 0;
        card_features(card, &body);
        while (card->n_addrs < MESH_ADDRS_MAX && wire_list_next(&wire_addr_desc, &body.addrs, &a)) {
                if (addr_from_wire(&a, &card->addrs[card->n_addrs]))
                        card->n_addrs++;
                else if (host_read(card, &a))
                        return ERR_NOMEM;
        }
        card->read = true;
        return 0;
}

static int read_addresses(struct mesh *m, struct contact *c, const struct wire_contact *w, struct span raw) {
        struct key key;
        if (!contact_key(m, w, &key))
                return 0;
        int r = c->card->read ? 0 : card_read(c->card, w, raw, &key);
        c->read = c->card->read;
        c->n_addrs = c->card->n_addrs;
        return r;
}

/* PROTOCOL 9.1: "`contacts`: one for each device that is known and has no end (rule 5.70)" */
/* Nobody takes the contact of a device that has gone; who has it from before must not count what others refuse. */
static bool contact_counts(const struct mesh *m, const struct key *device, mesh_wall time) {
        const struct roster_device *d = roster_device_find(m->roster, device);
        return d && !d->gone_at && time + CONTACT_LIFE > clock_now(m);
}

static void contact_look(struct mesh *m, struct contact *c) {
        bool counts = contact_counts(m, &c->card->device, c->card->time);
        digest_contact(m, c, counts);
        if (counts)
                m->contacts_end = MIN(m->contacts_end, c->card->time + CONTACT_LIFE);
}

void contacts_look(struct mesh *m) {
        mesh_wall now = clock_now(m);
        size_t ops = m->roster ? roster_ops(m->roster) : 0;
        if (ops == m->contacts_ops && now >= m->contacts_since && now < m->contacts_end)
                return;
        m->contacts_ops = ops;
        m->contacts_since = now; /* where the clock goes back, what was over may not be */
        m->contacts_end = MESH_NEVER;
        MAP_EACH (c, &m->contacts, struct contact)
                contact_look(m, c);
}

/* Instead of what is held of that device. The card holds the key of the map, so the old one goes last. */
static int contact_replace(struct mesh *m, struct contact *c) {
        struct contact *old = map_del(&m->contacts, c->card->device.b);
        if (old) {
                digest_contact(m, old, false);
                c->lately = old->lately;
                c->lately_since = old->lately_since;
                contact_free(m, old);
        }
        return map_put(&m->contacts, c->card->device.b, c);
}

static int contact_keep(struct mesh *m, const struct wire_contact *w, struct span raw, struct contact **ret) {
        struct contact *c = calloc(1, sizeof(*c));
        struct hash hash;
        contact_hash(m, raw, &hash);
        struct card *card = c ? card_hold(m, w, raw, &hash) : NULL;
        if (!card) {
                free(c);
                return ERR_NOMEM;
        }
        c->card = card;
        c->number = ++m->contact_number;
        if (read_addresses(m, c, w, raw) || contact_replace(m, c)) {
                contact_free(m, c);
                return ERR_NOMEM;
        }
        contact_look(m, c);
        *ret = c;
        return 0;
}

/* Where it says it is, we may knock; and where it says that others pass things on to it, ask for a meeting. */
static void contact_learn(struct mesh *m, const struct contact *c) {
        const struct card *card = c->card;
        if (key_eq(&card->device, &m->sign.pub) || !c->read)
                return;
        bool meets = (!card->open && card->n_via) || m->hidden;
        if (meets)
                draw_meeting(m, card);
        for (size_t i = 0; i < c->n_addrs; i++) {
                struct address *a = draw_address(m, &card->addrs[i], &card->device);
                if (!a)
                        continue;
                memcpy(a->shared, card->epoch, sizeof(a->shared));
                a->open = card->open;
                a->closed = meets;
                address_claim(m, a, &card->device);
        }
}

void contacts_learn(struct mesh *m) {
        MAP_EACH (c, &m->contacts, struct contact)
                contact_learn(m, c);
}

int contacts_open(struct mesh *m) {
        MAP_EACH (c, &m->contacts, struct contact) {
                struct wire_contact w;
                if (c->read || codec_decode(&wire_contact_desc, card_bytes(c->card), &w, NULL))
                        continue;
                if (read_addresses(m, c, &w, card_bytes(c->card)))
                        return ERR_NOMEM;
                contact_learn(m, c);
        }
        return 0;
}

static bool contact_fits(const struct mesh *m, const struct wire_contact *w) {
        struct key device;
        memcpy(device.b, w->device.p, sizeof(device.b));
        return contact_counts(m, &device, w->time) && w->time <= clock_now(m) + FUTURE_SLACK;
}

static bool contact_signed(const struct mesh *m, const struct wire_contact *w, struct span raw) {
        struct key device;
        struct hash h;
        memcpy(device.b, w->device.p, sizeof(device.b));
        contact_hash(m, raw, &h);
        return sign_check(w->sig.p, &device, DOMAIN_CONTACT, &h);
}

static int contact_store(struct mesh *m, const struct contact *c) {
        struct mesh_row row = {
                .kind = MESH_ROW_CONTACT,
                .contact = {.device = c->card->device, .seq = c->card->seq, .bytes = card_bytes(c->card)}};
        return mesh_store(m, &row, NULL);
}

/* PROTOCOL 11.12: "A node MAY take no more than 12 contacts of one device in an hour" */
/* Of a device with none here yet it takes one. */
static bool contact_spaced(const struct mesh *m, struct contact *old) {
        if (!old)
                return true;
        if (m->now - old->lately_since >= CONTACTS_TIME) {
                old->lately = 0;
                old->lately_since = m->now;
        }
        return old->lately < CONTACTS_HOUR;
}

int contact_take(struct link *from, const struct wire_contact *w, struct span raw) {
        struct mesh *m = from->m;
        struct contact *old = map_find(&m->contacts, w->device.p);
        if ((old && old->card->seq >= w->seq) || !contact_fits(m, w) || !contact_spaced(m, old))
                return 0;
        /* PROTOCOL 11.4: "A wrong signature MUST end the link, `bad-signature`" */
        if (!contact_signed(m, w, raw)) {
                link_hangup(from, REASON_BAD_SIGNATURE);
                return 0;
        }
        struct contact *c = NULL;
        int r = contact_keep(m, w, raw, &c);
        if (r)
                return r;
        c->lately++;
        draw_forget(m, c->card);
        contact_learn(m, c);
        doorstep_heard(m, c->card);
        m->draw.outlived = true;
        r = contact_store(m, c);
        _clean_(packet_freep) struct packet *p = r ? NULL : packet_of(LINK_CONTACT, 2, raw);
        return p ? spread_packet(m, p, from) : ERR_NOMEM;
}

int contact_restore(struct mesh *m, struct span raw) {
        struct wire_contact w;
        struct contact *c = NULL;
        if (!m->roster || codec_decode(&wire_contact_desc, raw, &w, NULL))
                return 0;
        int r = contact_keep(m, &w, raw, &c);
        if (r)
                return r;
        if (key_eq(&c->card->device, &m->sign.pub)) {
                m->contact_seq = c->card->seq;
                m->contact_time = c->card->time;
        }
        contact_learn(m, c);
        return 0;
}

static bool says_of_itself(const struct mesh *m, const struct card *own) {
        return own->open == m->open && own->relays == m->relays && own->hidden == m->hidden && own->stun == m->stun &&
               doorstep_enough(m, own);
}

/* Names come first: an address may be over tomorrow. */
static size_t shown_of(const struct mesh *m, size_t n) {
        return m->hidden ? 0 : MIN(n, (size_t)MESH_ADDRS_MAX - m->n_names);
}

bool contact_says(const struct mesh *m) {
        const struct contact *own = map_find(&m->contacts, m->sign.pub.b);
        size_t shown = shown_of(m, m->n_listening);
        bool says = own && own->n_addrs == shown && says_of_itself(m, own->card) && host_said(m, own->card);
        for (size_t i = 0; says && i < shown; i++)
                says = addr_eq(&own->card->addrs[i], &m->listening[i]);
        return says;
}

static bool is_here(const struct mesh *m, const struct mesh_addr *addr) {
        for (size_t i = 0; i < m->n_listening; i++)
                if (addr_eq(&m->listening[i], addr))
                        return true;
        return addr_eq(&m->seen, addr);
}

/* Of what it names to callers, public addresses if there are any, nothing is this node's any more. */
static bool leads_nowhere(const struct mesh *m, const struct card *own) {
        size_t here[2] = {0}, all[2] = {0};
        for (size_t i = 0; i < own->n_addrs; i++) {
                bool outside = !addr_private(&own->addrs[i]);
                here[outside] += is_here(m, &own->addrs[i]);
                all[outside]++;
        }
        return all[1] ? !here[1] : all[0] && !here[0];
}

/* PROTOCOL 11.5: "One that can be called may do so as soon as one that nobody leads to, where its contact does not say so, or names no
 * address any more that leads to it." */
bool contact_astray(const struct mesh *m) {
        const struct card *own = contact_card(m, &m->sign.pub);
        if (!own || m->hidden)
                return false;
        if (m->open && !own->open)
                return true;
        return (own->open || own->n_names) && leads_nowhere(m, own);
}

/* PROTOCOL 17.1: "A hidden one names no addresses." */
static void body_addrs(const struct mesh *m, struct wire_contact_body *body, struct buf *store) {
        size_t seen = m->seen.port != 0, all = shown_of(m, m->n_listening + seen), own = all - MIN(seen, all);
        struct wire_list names = {.items = buf_span(&m->names), .count = m->hidden ? 0 : m->n_names};
        struct wire_addr name;
        while (wire_list_next(&wire_addr_desc, &names, &name))
                wire_list_add(&wire_addr_desc, &body->addrs, store, &name);
        for (size_t i = 0; i < all; i++) {
                struct wire_addr a;
                addr_to_wire(i < own ? &m->listening[i] : &m->seen, &a);
                wire_list_add(&wire_addr_desc, &body->addrs, store, &a);
        }
}

static void body_features(const struct mesh *m, struct wire_contact_body *body, struct key via[MEETS_WAYS]) {
        size_t n = doorstep_via(m, via);
        if (m->open)
                WIRE_PUT(body, CONTACT_BODY, open, true);
        if (m->stun)
                WIRE_PUT(body, CONTACT_BODY, stun, m->stun);
        if (m->relays)
                WIRE_PUT(body, CONTACT_BODY, relays, true);
        if (n)
                WIRE_PUT(body, CONTACT_BODY, via, span_of(via, n * sizeof(struct key)));
        if (m->hidden)
                WIRE_PUT(body, CONTACT_BODY, hidden, true);
}

static int contact_body(const struct mesh *m, struct buf *out) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_contact_body body = {0};
        struct key via[MEETS_WAYS];
        body_addrs(m, &body, &store);
        body_features(m, &body, via);
        codec_encode(&wire_contact_body_desc, &body, out);
        return buf_ok(out) && buf_ok(&store) ? 0 : ERR_NOMEM;
}

static int contact_make(struct mesh *m, const struct epoch *e, struct buf *raw, struct wire_contact *w) {
        static const uint8_t blank[512];
        _clean_(buf_fini) struct buf plain = BUF_NULL, body = BUF_NULL;
        struct key key;
        struct hash h;
        size_t at;
        int r = contact_body(m, &plain);
        if (r)
                return r;
        *w = (struct wire_contact){.device = SPAN_OF(m->sign.pub.b),
                                   .seq = m->contact_seq + 1,
                                   .time = clock_now(m),
                                   .epoch = span_of(e->id, sizeof(e->id)),
                                   .body = span_of(blank, plain.n + BOX_OVERHEAD),
                                   .sig = SPAN_OF(signed_blank)};
        if (CHECK_FAILS(plain.n + BOX_OVERHEAD <= sizeof(blank)) || !contact_key(m, w, &key))
                return ERR_BROKEN;
        codec_encode_until(&wire_contact_desc, w, CONTACT_KEY_body, raw, &at);
        if (buf_ok(raw))
                box_lock(&body, &key, span_of(raw->p, at), buf_span(&plain), &m->rng);
        hash_wipe(&key, sizeof(key));
        if (!buf_ok(raw) || !buf_ok(&body))
                return ERR_NOMEM;
        codec_patch(raw, at, buf_span(&body));
        return signed_finish(m, DOMAIN_CONTACT, raw, CONTACT_KEY_sig, &h);
}

const struct card *contact_card(const struct mesh *m, const struct key *device) {
        const struct contact *c = map_find(&m->contacts, device->b);
        return c && c->read ? c->card : NULL;
}

bool contact_back(const struct mesh *m, const struct key *device) {
        const struct card *card = contact_card(m, device);
        return card && card->time >= m->lone_since;
}

/* PROTOCOL 17.2: "SHOULD NOT take that back before it was alone for 60 s: whoever calls proves it anew" */
static bool was_open(const struct mesh *m) {
        const struct card *own = contact_card(m, &m->sign.pub);
        return own && own->open && !m->open && !m->hidden;
}

/* When the next contact is due; NEVER while there is nothing to say or nobody to say it to. */
static mesh_wall contact_due(const struct mesh *m) {
        if (!m->member || m->joining || (!m->n_listening && !m->hidden))
                return MESH_NEVER;
        mesh_wall spacing = m->contact_dirty ? CONTACT_SPACING : CONTACT_PERIOD;
        mesh_wall due = m->contact_time ? m->contact_time + spacing : doorstep_told(m);
        if (m->contact_lost) /* PROTOCOL 17.2: "sooner, at most twice in 600 s" */
                due = MIN(due, MAX(m->contact_time + CONTACT_LOST, m->contact_before + CONTACT_SPACING));
        /* Asked in each step: what has to be looked up for it comes last. */
        mesh_wall proven = m->lone_since + CONTACT_PROVEN;
        if (due < proven && was_open(m))
                due = proven;
        if (due > clock_now(m))
                return due;
        return !doorstep_waits(m) && clock_usable(m) && epoch_usable(m) ? due : MESH_NEVER;
}

mesh_time contact_deadline(const struct mesh *m) {
        mesh_wall due = contact_due(m), now = clock_now(m);
        if (due == MESH_NEVER)
                return MESH_NEVER;
        return due <= now ? m->now : m->now + MIN(due - now, (mesh_wall)CONTACT_PERIOD) * 1000;
}

int contact_publish(struct mesh *m) {
        struct wire_contact w;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        if (contact_due(m) > clock_now(m))
                return 0;
        int r = contact_make(m, epoch_usable(m), &raw, &w);
        if (r)
                return r;
        /* Spans of w point into buffers that are gone: it is read again from its bytes. */
        struct contact *c = NULL;
        r = codec_decode(&wire_contact_desc, buf_span(&raw), &w, NULL);
        if (!r)
                r = contact_keep(m, &w, buf_span(&raw), &c);
        if (r)
                return err_fold(r);
        m->contact_dirty = m->contact_lost = false;
        m->contact_before = m->contact_time;
        m->contact_seq = c->card->seq;
        m->contact_time = c->card->time;
        r = contact_store(m, c);
        _clean_(packet_freep) struct packet *p = r ? NULL : packet_of(LINK_CONTACT, 2, card_bytes(c->card));
        return p ? spread_packet(m, p, NULL) : ERR_NOMEM;
}
