/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets and device codes taken back. Any device of the household that wrote a ticket, or whose key signed a code, may sign
 * a revocation; it goes round with the operations and is remembered as long as the ticket or code would have lived, so that
 * whoever is asked to admit on it refuses it by name. The fold does not look at it: a home already admitted is undone or
 * removed, a device already admitted is revoked by its household.
 */
#include "core/belong.h"

#include "base/array.h"
#include "core/core.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/spread.h"
#include "roster/roster.h"
#include "roster/ticket.h"
#include "wire/codec.h"

#include <stdlib.h>

#define REVOKES_FIRST 8 /* items; then it doubles */

static void revoke_free(struct revoke *v) {
        if (!v)
                return;
        buf_fini(&v->bytes);
        free(v);
}
DEFINE_FREEP(struct revoke, revoke_free)

void revokes_fini(struct mesh *m) {
        for (size_t i = 0; i < m->n_revokes; i++)
                revoke_free(m->revokes[i]);
        free(m->revokes);
        m->revokes = NULL;
        m->n_revokes = m->cap_revokes = 0;
}

static struct revoke *revoke_find(const struct mesh *m, const struct hash *hash) {
        for (size_t i = 0; i < m->n_revokes; i++)
                if (hash_eq(&m->revokes[i]->hash, hash))
                        return m->revokes[i];
        return NULL;
}

static void revoke_hash(const struct mesh *m, struct span raw, struct hash *ret) {
        signed_hash(m, DOMAIN_REVOKE, raw, REVOKE_KEY_sig, ret);
}

static void revoke_drop(struct mesh *m, size_t i) {
        revoke_free(m->revokes[i]);
        m->revokes[i] = m->revokes[--m->n_revokes];
}

/* Of one that this home has made and nobody has heard yet there is no other copy, so its time must have surely passed. */
static void revokes_expire(struct mesh *m) {
        mesh_wall now = clock_sure(m);
        for (size_t i = 0; i < m->n_revokes;) {
                if (m->revokes[i]->expires > now)
                        i++;
                else
                        revoke_drop(m, i);
        }
}

/* The order in which they give way does not depend on the order in which they came: so all nodes keep the same. */
static bool ends_first(const struct revoke *a, const struct revoke *b) {
        return a->expires != b->expires ? a->expires < b->expires : memcmp(a->hash.b, b->hash.b, sizeof(a->hash.b)) < 0;
}

/* How many are held of @device (NULL: of all), and which of them ends first. */
static size_t revoke_first(const struct mesh *m, const struct key *device, size_t *ret_first) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_revokes; i++) {
                if (device && !key_eq(&m->revokes[i]->device, device))
                        continue;
                if (n++ == 0 || ends_first(m->revokes[i], m->revokes[*ret_first]))
                        *ret_first = i;
        }
        return n;
}

/* PROTOCOL 6.15: "Of more than 256 of one device, and of more than 4,096 in all, it gives up the one that ends first" */
static bool revoke_place(struct mesh *m, const struct revoke *v) {
        size_t first = 0;
        bool full = revoke_first(m, &v->device, &first) >= REVOKES_DEVICE;
        if (!full && revoke_first(m, NULL, &first) < REVOKES_MOST)
                return true;
        if (ends_first(v, m->revokes[first]))
                return false;
        revoke_drop(m, first);
        return true;
}

static int revoke_room(struct mesh *m) {
        struct revoke **vs =
                array_room(m->revokes, m->n_revokes, &m->cap_revokes, sizeof(struct revoke *), REVOKES_FIRST);
        if (!vs)
                return ERR_NOMEM;
        m->revokes = vs;
        return 0;
}

/* *ret_kept: false if those that are held end later, and there is no room for it. */
static int revoke_keep(struct mesh *m, const struct wire_revoke *w, struct span raw, const struct hash *hash,
                       bool *ret_kept) {
        _clean_(revoke_freep) struct revoke *v = calloc(1, sizeof(*v));
        if (!v)
                return ERR_NOMEM;
        v->hash = *hash;
        memcpy(v->invite.b, w->invite.p, sizeof(v->invite.b));
        memcpy(v->device.b, w->device.p, sizeof(v->device.b));
        v->time = w->time;
        v->expires = w->expires;
        buf_add(&v->bytes, raw);
        revokes_expire(m);
        *ret_kept = revoke_place(m, v);
        if (!buf_ok(&v->bytes) || revoke_room(m))
                return ERR_NOMEM;
        if (*ret_kept)
                m->revokes[m->n_revokes++] = TAKE(v);
        return 0;
}

static int revoke_store(struct mesh *m, struct span raw, const struct hash *hash, mesh_wall expires,
                        const struct wait *w) {
        struct mesh_row row = {.kind = MESH_ROW_REVOKE, .revoke = {.id = *hash, .expires = expires, .bytes = raw}};
        return mesh_store(m, &row, w);
}

int revoke_make(struct mesh *m, const struct key *what, mesh_wall expires, const struct wait *wait) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct hash hash;
        struct wire_revoke w = {
                .invite = SPAN_OF(what->b),
                .device = SPAN_OF(m->sign.pub.b),
                .time = clock_now(m),
                /* PROTOCOL 6.23: "`expires` of a `revoke` SHOULD be one second later than the end of the
                                 * ticket or code, which admits in that second still" */
                .expires = MAX(expires, clock_now(m)) + 1,
                .sig = SPAN_OF(signed_blank)};
        codec_encode(&wire_revoke_desc, &w, &raw);
        bool kept;
        int r = signed_finish(m, DOMAIN_REVOKE, &raw, REVOKE_KEY_sig, &hash);
        if (!r)
                r = revoke_keep(m, &w, buf_span(&raw), &hash, &kept);
        return r ? r : revoke_store(m, buf_span(&raw), &hash, w.expires, wait);
}

int revoke_announce(struct mesh *m, const struct key *what) {
        for (size_t i = 0; i < m->n_revokes; i++) {
                if (!key_eq(&m->revokes[i]->invite, what))
                        continue;
                _clean_(packet_freep) struct packet *p = packet_of(LINK_REVOKE, 0, buf_span(&m->revokes[i]->bytes));
                return p ? spread_packet(m, p, NULL) : ERR_NOMEM;
        }
        return 0;
}

void revoke_undo(struct mesh *m, const struct key *what) {
        for (size_t i = 0; i < m->n_revokes;) {
                const struct revoke *v = m->revokes[i];
                if (key_eq(&v->invite, what) && key_eq(&v->device, &m->sign.pub))
                        revoke_drop(m, i);
                else
                        i++;
        }
}

int revoke_take(struct link *from, const struct wire_revoke *w, struct span raw) {
        struct mesh *m = from->m;
        struct key device;
        struct hash hash;
        mesh_wall now = clock_now(m);
        memcpy(device.b, w->device.p, sizeof(device.b));
        revoke_hash(m, raw, &hash);
        const struct roster_device *d = roster_device_find(m->roster, &device);
        if (revoke_find(m, &hash) || !d || w->expires <= now || w->expires > now + TICKET_LIFE_MAX + MESH_DAY ||
            !budget_left(m, &device, BUDGET_REVOKES))
                return 0;
        if (!sign_check(w->sig.p, &device, DOMAIN_REVOKE, &hash)) {
                link_hangup(from, REASON_BAD_SIGNATURE);
                return 0;
        }
        bool kept;
        int r = budget_charge(m, &device, BUDGET_REVOKES);
        if (!r)
                r = revoke_keep(m, w, raw, &hash, &kept);
        if (r || !kept)
                return r;
        r = revoke_store(m, raw, &hash, w->expires, NULL);
        _clean_(packet_freep) struct packet *p = r ? NULL : packet_of(LINK_REVOKE, 0, raw);
        return p ? spread_packet(m, p, from) : ERR_NOMEM;
}

int revoke_restore(struct mesh *m, struct span raw) {
        struct wire_revoke w;
        struct hash hash;
        if (!m->roster || codec_decode(&wire_revoke_desc, raw, &w, NULL) || w.expires <= clock_sure(m))
                return 0;
        revoke_hash(m, raw, &hash);
        bool kept;
        return revoke_keep(m, &w, raw, &hash, &kept);
}

/* One that a known device of @of has signed. */
static bool holds(const struct mesh *m, struct span what, const struct roster_home *of) {
        for (size_t i = 0; i < m->n_revokes; i++) {
                const struct revoke *v = m->revokes[i];
                const struct roster_device *d = roster_device_find(m->roster, &v->device);
                if (span_eq(SPAN_OF(v->invite.b), what) && d && d->home == of)
                        return true;
        }
        return false;
}

bool revoke_holds(const struct mesh *m, const struct wire_invite *inv) {
        struct key writer;
        memcpy(writer.b, inv->device.p, sizeof(writer.b));
        const struct roster_device *wrote = roster_device_find(m->roster, &writer);
        return wrote && holds(m, inv->key, wrote->home);
}

/* PROTOCOL 6.20: "It holds for a code if `revoke.invite` is the code's key, and the signing device is a known device of the
 * code's household." */
bool revoke_holds_code(const struct mesh *m, const struct key *code, const struct roster_home *of) {
        return holds(m, SPAN_OF(code->b), of);
}
