/* SPDX-License-Identifier: Apache-2.0 */
#include "node/stay.h"

#include "base/err.h"
#include "crypto/hash.h"
#include "store/store.h"
#include "wire/codec.h"

const struct kinds_keep kinds_preset = {.of = {[KIND_FIRE] = KINDS_KEEP,
                                               [KIND_BREAK_IN] = KINDS_KEEP,
                                               [KIND_CRASH] = KINDS_KEEP,
                                               [KIND_THEFT] = KINDS_KEEP,
                                               [KIND_VANDALISM] = KINDS_KEEP}};

static mesh_wall behind(mesh_wall since, uint64_t keep) {
        return keep >= CAMERA_KEEP_FOREVER ? STAY_FOREVER : since + keep;
}

static void longer(struct stay *s, mesh_wall until, enum wire_e_stay why, uint8_t kind) {
        if (until > s->until)
                *s = (struct stay){until, why, kind};
}

struct stay stay_of(const struct stay_facts *f) {
        struct stay s = {behind(f->created, f->camera ? f->camera : f->retention),
                         f->camera ? STAY_CAMERA : STAY_RETENTION, 0};
        longer(&s, f->kind_until, STAY_KIND, f->kind);
        longer(&s, f->grant, STAY_GRANT, 0);
        longer(&s, f->alert, STAY_ALERT, 0);
        if (f->pinned)
                s = (struct stay){STAY_FOREVER, STAY_PINNED, 0};
        return s;
}

void stay_name(const struct buf *all, const struct hash *clip, const struct kinds_keep *keep, struct stay_facts *f) {
        const struct stay_named *rows = (const struct stay_named *)all->p;
        for (size_t i = 0; i < all->n / sizeof(*rows); i++) {
                if (!hash_eq(&rows[i].clip, clip))
                        continue;
                uint64_t k = rows[i].kind < KINDS_MOST ? keep->of[rows[i].kind] : 0;
                if (k && behind(rows[i].since, k) > f->kind_until) {
                        f->kind_until = behind(rows[i].since, k);
                        f->kind = rows[i].kind;
                }
                f->alert = MAX(f->alert, rows[i].in_force);
        }
}

/* ---- on the pool ---- */

struct reading {
        struct buf *all;
        mesh_wall now;
};

static int take_named(void *ctx, const struct store_named *n) {
        struct reading *k = ctx;
        bool lives = (n->state == STATE_ACTIVE || n->state == STATE_UPDATED) && n->expires > k->now;
        struct stay_named row = {.clip = n->clip, .kind = n->kind, .since = n->created};
        row.in_force = lives ? n->expires : 0;
        buf_add(k->all, span_of(&row, sizeof(row)));
        return buf_ok(k->all) ? 0 : ERR_NOMEM;
}

/* Newest first, so what was made from a clip comes before it. */
static int pass_on(void *ctx, const struct store_clip *c) {
        struct reading *k = ctx;
        struct wire_manifest w;
        if (!c->manifest.n || codec_decode(&wire_manifest_desc, c->manifest, &w, NULL) ||
            !WIRE_HAS(&w, MANIFEST, parent))
                return 0;
        size_t n = k->all->n / sizeof(struct stay_named);
        for (size_t i = 0; i < n; i++) {
                struct stay_named row = ((const struct stay_named *)k->all->p)[i];
                if (!hash_eq(&row.clip, &c->id))
                        continue;
                memcpy(row.clip.b, w.parent.p, sizeof(row.clip.b));
                buf_add(k->all, span_of(&row, sizeof(row)));
                if (!buf_ok(k->all))
                        return ERR_NOMEM;
        }
        return 0;
}

int stay_read(struct store_reader *r, mesh_wall now, struct buf *ret) {
        struct reading k = {ret, now};
        int e = store_named(r, take_named, &k);
        return e || !ret->n ? e : store_clips(r, pass_on, &k);
}
