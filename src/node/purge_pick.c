/* SPDX-License-Identifier: Apache-2.0 */
#include "node/purge.h"

bool kept_has(struct span ids, const struct hash *id) {
        for (; ids.n >= sizeof(*id); ids = span_from(ids, sizeof(*id)))
                if (memcmp(ids.p, id->b, sizeof(*id)) == 0)
                        return true;
        return false;
}

static bool goes_by_rule(const struct purge_clip *c, const struct purge_want *want) {
        return c->away ? c->lost : want->sure > c->until;
}

/* The oldest of those that @by_kind keeps, or does not. Returns the bytes that will be free. */
static uint64_t make_room(struct purge_clip *all, size_t n, bool by_kind, uint64_t freed, uint64_t free) {
        for (size_t i = 0; i < n && freed < free; i++) {
                struct purge_clip *c = &all[i];
                if (c->goes || c->pinned || c->away || c->by_kind != by_kind)
                        continue;
                c->goes = true;
                freed += c->bytes;
        }
        return freed;
}

size_t purge_pick(struct purge_clip *all, size_t n, const struct purge_want *want) {
        uint64_t most = 0, freed = 0;
        size_t picked = 0;
        for (size_t i = 0; i < n; i++)
                most += all[i].pinned || all[i].away ? 0 : all[i].bytes;
        uint64_t free = most < want->free ? 0 : want->free; /* nothing goes in vain */
        for (size_t i = 0; i < n; i++) {
                all[i].goes = !all[i].pinned && goes_by_rule(&all[i], want);
                freed += all[i].goes && !all[i].away ? all[i].bytes : 0;
        }
        freed = make_room(all, n, false, freed, free);
        make_room(all, n, true, freed, free);
        for (size_t i = 0; i < n; i++)
                picked += all[i].goes;
        return picked;
}
