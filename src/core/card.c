/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices have published, as their contacts say it. In a street of n homes there are n of them at each: a process that
 * runs all these homes keeps each once, as long as somebody holds it. A process of one home has no pool, and each is its own.
 */
#include "core/core.h"
#include "core/reach.h"

#include <stdlib.h>

static struct card *card_new(const struct wire_contact *w, struct span raw, const struct hash *hash) {
        struct card *c = calloc(1, sizeof(*c) + raw.n);
        if (!c)
                return NULL;
        memcpy(c->device.b, w->device.p, sizeof(c->device.b));
        memcpy(c->epoch, w->epoch.p, sizeof(c->epoch));
        memcpy(c->bytes, raw.p, raw.n);
        c->hash = *hash;
        c->seq = w->seq;
        c->time = w->time;
        c->n = raw.n;
        return c;
}

/* Its hash leaves the signature out, so that there may be several with one hash: the first is shared. */
struct card *card_hold(struct mesh *m, const struct wire_contact *w, struct span raw, const struct hash *hash) {
        struct map *pool = m->shared ? &m->shared->cards : NULL;
        struct card *c = pool ? map_find(pool, hash->b) : NULL;
        bool first = !c;
        if (c && span_eq(card_bytes(c), raw)) {
                c->others++;
                return c;
        }
        c = card_new(w, raw, hash);
        if (!c || !pool || !first)
                return c;
        c->pooled = true;
        if (map_put(pool, c->hash.b, c)) {
                free(c);
                return NULL;
        }
        return c;
}

struct card *card_drop(struct mesh *m, struct card *c) {
        if (!c)
                return NULL;
        if (c->others) {
                c->others--;
                return NULL;
        }
        if (c->pooled)
                map_del(&m->shared->cards, c->hash.b);
        buf_fini(&c->names);
        free(c);
        return NULL;
}

/* ---- the pool ---- */
int mesh_shared_new(struct mesh_shared **ret, const uint64_t seed[4]) {
        struct mesh_shared *s = calloc(1, sizeof(*s));
        if (!s || roster_pool_new(&s->rosters, seed)) {
                free(s);
                return ERR_NOMEM;
        }
        map_init(&s->cards, seed);
        *ret = s;
        return 0;
}

struct mesh_shared *mesh_shared_free(struct mesh_shared *s) {
        if (!s)
                return NULL;
        roster_pool_free(s->rosters);
        map_fini(&s->cards);
        free(s);
        return NULL;
}
