/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: the fold speaks in numbers; what others read are homes and devices with names, times and pointers that stay. After a
 * fold of everything all of them are rewritten, after a plain add only its own.
 */
#include "roster/inside.h"
#include "wire/codec.h"

#include <stdlib.h>

#include "wire/codec.h"

/* ---- devices ---- */

static void device_publish(const struct roster *r, struct cert *c) {
        const struct state *st = &r->now;
        const struct home_state *h = &st->homes[c->home];
        mesh_wall ended = h->gone == NONE ? 0 : r->ops[h->gone]->pub.time;
        mesh_wall revoked = st->revoked[c->index] == NONE ? 0 : r->ops[st->revoked[c->index]]->pub.time;
        c->pub.since = fold_certifier(r, NULL, st, c)->pub.time;
        c->pub.gone_at = revoked && (!ended || revoked < ended) ? revoked : ended;
}

static void devices_publish(struct roster *r, struct home *h) {
        h->pub.n_devices = 0;
        for (uint32_t i = h->certs; i != NONE; i = r->certs[i]->next_of_home) {
                struct cert *c = r->certs[i];
                device_publish(r, c);
                uint8_t s = r->now.certs[i];
                if (s == CERT_NONE || s == CERT_LOST || s == CERT_SPARE || s == CERT_WAITS)
                        continue;
                h->devices[h->pub.n_devices++] = &c->pub;
        }
        h->pub.devices = h->devices;
}

/* ---- homes ---- */

/* A gone home whose add fell later is still shown: what it wrote before stands. */
static bool was_member(const struct home_state *h) {
        return h->add != NONE || h->gone != NONE;
}

static const struct op *add_of(const struct roster *r, const struct home *h) {
        uint32_t add = r->now.homes[h->index].add;
        if (add != NONE)
                return r->ops[add];
        const struct op *best = NULL; /* the lowest id of those that fell */
        for (uint32_t i = h->ops; i != NONE; i = r->ops[i]->next_of_home) {
                const struct op *o = r->ops[i];
                if (o->seq == 0 && (!best || memcmp(o->pub.id.b, best->pub.id.b, sizeof(o->pub.id.b)) < 0))
                        best = o;
        }
        return best;
}

static void name_copy(char ret[33], struct span name) {
        memset(ret, 0, 33);
        memcpy(ret, name.p, MIN(name.n, (size_t)32));
}

/* Name and key are those of the add that stands; a home that signed two has changed them. */
static void words_publish(struct home *h, const struct op *add) {
        struct wire_op w;
        if (codec_decode(&wire_op_desc, add->pub.bytes, &w, NULL))
                return;
        name_copy(h->pub.name, w.name);
        memcpy(h->pub.seal.b, w.seal.p, sizeof(h->pub.seal.b));
}

static void home_publish(struct roster *r, struct home *h) {
        const struct home_state *st = &r->now.homes[h->index];
        const struct op *add = add_of(r, h);
        if (r->n_rivals)
                words_publish(h, add);
        h->shown = was_member(st) && st->waits == ROSTER_WAITS_NOT;
        h->pub.waits = (enum roster_waits)st->waits;
        h->pub.member = st->member;
        h->pub.left = st->left;
        h->pub.steward = st->member && st->steward;
        h->pub.joined = add->pub.time;
        h->pub.gone_at = st->gone == NONE ? 0 : r->ops[st->gone]->pub.time;
        h->pub.depth = add->depth;
        h->pub.inviter = add->inv_cert == NONE ? NULL : &r->homes[r->certs[add->inv_cert]->home]->pub;
        h->pub.name_clash = false;
        devices_publish(r, h);
}

/* ---- look-alike names ---- */

static bool home_senior(const struct roster *r, const struct home *a, const struct home *b) {
        return op_senior(r, add_of(r, a), add_of(r, b));
}

/* Of all homes shown with one skeleton the most senior carries its name alone, the others with their id. */
static void alike_publish(struct roster *r, struct home *first) {
        struct home *senior = NULL;
        for (struct home *h = first; h; h = h->next_alike == NONE ? NULL : r->homes[h->next_alike]) {
                if (!h->shown)
                        continue;
                h->pub.name_clash = true;
                if (!senior || home_senior(r, h, senior))
                        senior = h;
        }
        if (senior)
                senior->pub.name_clash = false;
}

void publish_all(struct roster *r) {
        r->n_shown = 0;
        for (uint32_t i = 0; i < r->n_homes; i++) {
                home_publish(r, r->homes[i]);
                if (r->homes[i]->shown)
                        r->shown[r->n_shown++] = i;
        }
        MAP_EACH (first, &r->by_skeleton, struct home)
                alike_publish(r, first);
}

void publish_added(struct roster *r, const struct op *o) {
        struct home *h = r->homes[o->home];
        home_publish(r, h);
        if (op_is_first(o)) {
                r->shown[r->n_shown++] = o->home;
                alike_publish(r, map_find(&r->by_skeleton, h->skeleton));
        }
}

/* ---- the removed set ---- */

static int by_key(const void *a, const void *b) {
        return memcmp(a, b, sizeof(struct key));
}

/* hash(REMOVED, mesh, keys in rising order, each once). */
static void keys_hash(const struct roster *r, struct key *keys, size_t n, struct hash *ret) {
        size_t kept = 0;
        if (n)
                qsort(keys, n, sizeof(*keys), by_key);
        for (size_t i = 0; i < n; i++)
                if (i == 0 || !key_eq(&keys[i], &keys[kept - 1]))
                        keys[kept++] = keys[i];
        hash_make(ret, DOMAIN_REMOVED, &r->mesh, span_of(keys, kept * sizeof(*keys)));
}

int removed_hash(const struct roster *r, const struct state *st, struct hash *ret) {
        size_t n = 0;
        for (uint32_t i = 0; i < r->n_homes; i++)
                n += st->homes[i].gone != NONE;
        for (uint32_t i = 0; i < r->n_certs; i++)
                n += st->revoked[i] != NONE;
        struct key *keys = calloc(n + 1, sizeof(*keys));
        if (!keys)
                return ERR_NOMEM;
        n = 0;
        for (uint32_t i = 0; i < r->n_homes; i++)
                if (st->homes[i].gone != NONE)
                        keys[n++] = r->homes[i]->pub.key;
        for (uint32_t i = 0; i < r->n_certs; i++)
                if (st->revoked[i] != NONE)
                        keys[n++] = r->certs[i]->pub.sign;
        keys_hash(r, keys, n, ret);
        free(keys);
        return 0;
}
