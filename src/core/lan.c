/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Homes on the local network find each other without an address: a member says now and then that it is there (beacon.c has
 * the bytes), and who hears it knocks. What is heard is a hint and proves nothing: the handshake decides. So a forged or
 * replayed beacon costs its victim one dial, and no more than one in a while.
 *
 * Who speaks: members, under the newest link key. A home that is joining only listens, under its ticket's key. Who dials: of
 * two members the device with the lower key, at once; the other one after five seconds, should nothing have come of it. A
 * home that is joining, and who hears a beacon under an older key, dials at once: the other side can't have heard it.
 *
 * A network that changes also puts the links over it in doubt: a home that has got another address is found again in
 * seconds, and not when its old link has been silent for minutes.
 */
#include "core/beacon.h"
#include "core/belong.h"
#include "core/core.h"
#include "core/doubt.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/reach.h"
#include "roster/roster.h"

#define FIRST_SPREAD 1500 /* ms until the first beacon: after a power cut all homes start at once */
#define QUICK_BEACONS 2   /* that follow the first: datagrams get lost, and an IPv6 address takes a second to settle */
#define QUICK_LEAST 2000  /* ms between them */
#define QUICK_SPREAD 2000
#define SLOW_LEAST 30000 /* ms between beacons; random, so that nobody is told from others by his rhythm */
#define SLOW_SPREAD 30000
#define INVITED_TIME 600000 /* ms after a ticket was written in which beacons are more frequent: `join` waits 30 s */
#define INVITED_LEAST 5000
#define INVITED_SPREAD 5000
#define DIAL_SPREAD 300 /* ms: not all who hear a beacon dial at once */
#define OTHER_TURN 5000 /* ms the device with the higher key waits */
#define URGE_TIME 20000 /* ms between dials of one address that beacons bring about; doubled with its failures */
#define URGE_DOUBLINGS 4
#define FRESH_TIME 300000 /* ms a home counts as near after its last beacon */
#define NEWS_TIME 180000  /* ms after which an address that is heard again is news about its device */
#define KNOWN_MOST 64 /* addresses that only beacons speak for: one more would take KNOWN_MOST * HINT_SPACING to dial */
#define HINT_SPACING 8000 /* ms between dials of such addresses, on average: longer than the waits of all of them … */
#define HINT_BURST 8      /* … and so many at once, after a power cut */

bool lan_fresh(const struct mesh *m, const struct address *a) {
        return a->lan && a->heard + FRESH_TIME > m->now;
}

/* ---- speaking ---- */

static bool speaks(const struct mesh *m) {
        return m->started && !m->stopping && !m->hidden && m->lan.n && m->member && !m->joining && m->n_epochs;
}

void lan_soon(struct mesh *m) {
        struct lan *lan = &m->lan;
        if (!lan->n)
                return;
        mesh_time at = m->now + rng_below(&m->rng, FIRST_SPREAD);
        lan->due = lan->speaking ? MIN(lan->due, at) : at;
        lan->quick = QUICK_BEACONS;
}

void lan_invited(struct mesh *m) {
        m->lan.invited = m->now + INVITED_TIME;
        lan_soon(m);
}

int lan_changed(struct mesh *m, const struct mesh_event *ev) {
        struct lan *lan = &m->lan;
        lan->n = MIN(ev->lan.n, (size_t)MESH_LANS_MAX);
        memcpy(lan->ports, ev->lan.ports, sizeof(lan->ports));
        lan_soon(m);
        return doubt_moved(m);
}

static mesh_time until_next(struct mesh *m) {
        struct lan *lan = &m->lan;
        if (lan->quick) {
                lan->quick--;
                return QUICK_LEAST + rng_below(&m->rng, QUICK_SPREAD);
        }
        if (m->now < lan->invited)
                return INVITED_LEAST + rng_below(&m->rng, INVITED_SPREAD);
        return SLOW_LEAST + rng_below(&m->rng, SLOW_SPREAD);
}

/* A beacon of its own for each network, so that nobody who sees two of them sees that they are of one node. */
static int say(struct mesh *m) {
        struct key keys[SECRETS_MOST];
        uint8_t bytes[MESH_LANS_MAX * BEACON_BYTES];
        if (!link_keys(m, keys))
                return 0;
        struct beacon b;
        memcpy(b.hint, m->sign.pub.b, sizeof(b.hint));
        for (size_t i = 0; i < m->lan.n; i++) {
                b.port = m->lan.ports[i];
                beacon_seal(bytes + i * BEACON_BYTES, &b, &keys[0], beacon_slot(clock_now(m), clock_usable(m)),
                            &m->rng);
        }
        hash_wipe(keys, sizeof(keys));
        bool ok = true;
        struct mesh_action *a = out_add(&m->out, MESH_DO_BEACON);
        if (!a)
                return ERR_NOMEM;
        a->beacons = out_keep(&m->out, span_of(bytes, m->lan.n * BEACON_BYTES), &ok);
        return ok ? 0 : ERR_NOMEM;
}

int lan_tick(struct mesh *m) {
        struct lan *lan = &m->lan;
        bool can = speaks(m);
        if (can && !lan->speaking)
                lan_soon(m);
        lan->speaking = can;
        if (!can || m->now < lan->due)
                return 0;
        lan->due = m->now + until_next(m);
        return say(m);
}

mesh_time lan_deadline(const struct mesh *m) {
        bool can = speaks(m);
        if (can != m->lan.speaking)
                return m->now;
        return can ? m->lan.due : MESH_NEVER;
}

/* ---- hearing ---- */

static bool seen_before(struct lan *lan, const uint8_t *nonce) {
        uint64_t id = get_be64(nonce);
        for (size_t i = 0; i < LAN_SEEN; i++)
                if (lan->seen[i] == id)
                        return true;
        lan->seen[lan->seen_at] = id;
        lan->seen_at = (lan->seen_at + 1) % LAN_SEEN;
        return false;
}

static const struct roster_device *device_of_hint(const struct mesh *m, const uint8_t hint[BEACON_HINT]) {
        const struct roster_home *h;
        for (size_t i = 0; m->roster && (h = roster_home_at(m->roster, i)); i++)
                for (size_t k = 0; k < h->n_devices; k++)
                        if (memcmp(h->devices[k]->sign.b, hint, BEACON_HINT) == 0)
                                return h->devices[k];
        return NULL;
}

/* ms between dials that beacons bring about. */
static mesh_time urge_spacing(const struct address *a) {
        return (mesh_time)URGE_TIME << MIN(a->failures, (uint32_t)URGE_DOUBLINGS);
}

/* Nobody was there: forgetting it would have it dialled again at the next beacon, and not when its wait is over. */
static bool waits(const struct mesh *m, const struct address *a) {
        return a->failures && m->now < MAX(a->urged + urge_spacing(a), a->next);
}

static size_t known(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_addresses; i++)
                n += m->addresses[i].lan_only;
        return n;
}

/* Of the addresses that only beacons speak for the one heard longest ago gives way. NULL: all are needed. */
static struct address *make_room(struct mesh *m) {
        struct address *oldest = NULL;
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                if (a->lan_only && !a->link && !waits(m, a) && (!oldest || a->heard < oldest->heard))
                        oldest = a;
        }
        return oldest;
}

static struct address *remember(struct mesh *m, const struct mesh_addr *addr) {
        struct address *a = address_find(m, addr);
        if (a)
                return a;
        bool full = known(m) >= KNOWN_MOST;
        a = full ? make_room(m) : address_add(m, addr);
        if (a && full)
                address_begin(m, a, addr);
        if (a)
                a->lan_only = true;
        return a;
}

/* The other side has answered, and had a reason that a beacon does not take away. */
static bool turned_away(const struct mesh *m, const struct address *a) {
        return a->next > m->now && a->problem && a->problem != REASON_SILENT && a->problem != REASON_BAD_HANDSHAKE &&
               a->problem != REASON_SHUTDOWN;
}

/* PROTOCOL 11.11: "of addresses of which beacons alone speak one every 8 s on average, after a burst of 8" */
mesh_time lan_dial_due(const struct mesh *m) {
        const mesh_time ahead = (mesh_time)(HINT_BURST - 1) * HINT_SPACING;
        return m->lan.dials_paid > ahead ? m->lan.dials_paid - ahead : 0;
}

void lan_dialled(struct mesh *m) {
        m->lan.dials++;
        m->lan.dials_paid = MAX(m->lan.dials_paid, m->now) + HINT_SPACING;
}

static void urge(struct mesh *m, struct address *a, bool my_turn, const struct key *key, size_t place) {
        if (a->link || turned_away(m, a) || (a->urged && m->now < a->urged + urge_spacing(a)))
                return;
        mesh_time at = m->now + rng_below(&m->rng, DIAL_SPREAD) + (my_turn ? 0 : OTHER_TURN);
        a->next = a->urged && a->next > m->now ? MIN(a->next, at) : at;
        a->urged = m->now;
        psk_heard(m, a, key, place);
        dial_soon(m);
}

static int meet(struct mesh *m, const struct mesh_addr *at, const struct beacon *b, const struct key *key,
                size_t place) {
        const struct roster_device *d = device_of_hint(m, b->hint);
        if (d && (d->gone_at || !d->home->member))
                return 0;
        struct address *a = remember(m, at);
        if (!a)
                return 0;
        bool news = !a->heard || a->heard + NEWS_TIME < m->now;
        a->lan = true;
        a->heard = m->now;
        memcpy(a->hint, b->hint, sizeof(a->hint));
        if (d)
                address_claim(m, a, &d->sign);
        struct link *l = d ? link_to_device(m, &d->sign) : NULL;
        if (l)
                return news && memcmp(l->addr.ip, at->ip, sizeof(at->ip)) != 0 ? doubt_link(l) : 0;
        urge(m, a, m->joining || m->recover.on || place > 0 || memcmp(m->sign.pub.b, b->hint, sizeof(b->hint)) < 0, key,
             place);
        return 0;
}

/* PROTOCOL 11.10: "It MUST answer nothing by UDP." */
int lan_heard(struct mesh *m, const struct mesh_event *ev) {
        struct key keys[DIAL_KEYS_MOST];
        struct mesh_addr at = ev->heard.from;
        struct beacon b;
        size_t place;
        if (!m->started || m->stopping || m->hidden || !(m->member || m->joining || m->recover.on))
                return 0;
        int r = beacon_open(ev->heard.datagram, keys, link_dial_keys(m, keys), clock_now(m), &b, &place);
        struct key key = r ? (struct key){0} : keys[place];
        hash_wipe(keys, sizeof(keys));
        if (r || memcmp(b.hint, recover_device(m)->b, sizeof(b.hint)) == 0 ||
            seen_before(&m->lan, ev->heard.datagram.p))
                return 0;
        at.port = b.port;
        r = meet(m, &at, &b, &key, place);
        hash_wipe(&key, sizeof(key));
        return r;
}
