/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defences taken out of the cores of honest homes on purpose, so that it is seen that they are what keeps a byzantine home
 * from doing harm, and not luck. The linker leads these calls through here (meson.build); in each the core's own code runs
 * first, or instead.
 */
#include "sim/byz.h"

#include "core/core.h"
#include "core/epoch.h"
#include "crypto/keytree.h"
#include "roster/inside.h"

#include <stdlib.h>

void __real_clock_tick(struct mesh *m);
void __wrap_clock_tick(struct mesh *m);
bool __real_keytree_prove(const struct hash *mesh, struct span root, uint64_t day, const struct key *key,
                          struct span left, struct keytree *ret);
bool __wrap_keytree_prove(const struct hash *mesh, struct span root, uint64_t day, const struct key *key,
                          struct span left, struct keytree *ret);
bool __real_fold_settle(const struct roster *r, const struct bits *in, struct state *st);
bool __wrap_fold_settle(const struct roster *r, const struct bits *in, struct state *st);
int __real_places_give(const struct roster *r, const struct bits *in, struct state *st);
int __wrap_places_give(const struct roster *r, const struct bits *in, struct state *st);
struct epoch *__real_epoch_usable(const struct mesh *m);
struct epoch *__wrap_epoch_usable(const struct mesh *m);
bool __real_record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d);
bool __wrap_record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d);

/* It follows whoever is furthest from its own time, instead of what most say. */
void __wrap_clock_tick(struct mesh *m) {
        __real_clock_tick(m);
        if (!seam_victim(seam_acting(), SABOTAGE_GULLIBLE))
                return;
        LINK_EACH(l, m)
        if (l->hello_got && llabs(l->clock_offset) > llabs(m->clock_offset))
                m->clock_offset = l->clock_offset;
}

/* Whatever is said to be an epoch's key is, to every honest home. */
bool __wrap_keytree_prove(const struct hash *mesh, struct span root, uint64_t day, const struct key *key,
                          struct span left, struct keytree *ret) {
        const struct node *n = seam_acting();
        bool good = __real_keytree_prove(mesh, root, day, key, left, ret);
        if (good || !n || n->byz || !seam_broken(SABOTAGE_ANYKEY))
                return good;
        *ret = (struct keytree){.day = (uint32_t)day, .key = *key};
        if (left.n)
                memcpy(ret->left, left.p, MIN(left.n, sizeof(ret->left)));
        return true;
}

/* PROTOCOL's fold voids what a removed home signs behind the backs of those who removed it. Here it stands. */
bool __wrap_fold_settle(const struct roster *r, const struct bits *in, struct state *st) {
        const struct node *leader = seam_broken(SABOTAGE_CLEMENT) ? byz_next(seam_world(), &byz_removed, NULL) : NULL;
        const struct home *h = leader ? map_find(&r->by_home, leader->house.sign.pub.b) : NULL;
        for (uint32_t i = 0, n = h ? fold_limit(r, in) : 0; i < n; i++)
                if (r->ops[i]->home == h->index)
                        st->ops[i] &= ~OP_VOID;
        return __real_fold_settle(r, in, st) || leader;
}

/* Whatever has been removed since, it goes on with the first key of all that today still opens. */
struct epoch *__wrap_epoch_usable(const struct mesh *m) {
        struct epoch *first = __real_epoch_usable(m);
        uint32_t today = (uint32_t)(clock_now(m) / MESH_DAY);
        if (!first || !seam_victim(seam_acting(), SABOTAGE_LOYAL))
                return first;
        for (size_t i = 0; i < m->n_epochs; i++)
                if (m->epochs[i]->w.generation < first->w.generation && epoch_opens(m->epochs[i], today))
                        first = m->epochs[i];
        return first;
}

/* A slot may be any, and anybody has as many as he likes. */
bool __wrap_record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d) {
        return seam_victim(seam_acting(), SABOTAGE_ROWS) || __real_record_fits(m, w, d);
}

/* PROTOCOL's fold counts places over the whole set. Here what an add names is all that counts. */
int __wrap_places_give(const struct roster *r, const struct bits *in, struct state *st) {
        return seam_broken(SABOTAGE_ROOMY) ? 0 : __real_places_give(r, in, st);
}
