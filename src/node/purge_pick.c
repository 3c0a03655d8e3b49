/* SPDX-License-Identifier: Apache-2.0 */
#include "node/purge.h"

bool kept_has(struct span ids, const struct hash *id) {
        for (; ids.n >= sizeof(*id); ids = span_from(ids, sizeof(*id)))
                if (memcmp(ids.p, id->b, sizeof(*id)) == 0)
                        return true;
        return false;
}

static bool is_old(const struct purge_clip *c, const struct purge_want *want) {
        return c->keep < CAMERA_KEEP_FOREVER && want->sure > c->created && want->sure - c->created > c->keep;
}

size_t purge_pick(struct purge_clip *all, size_t n, const struct purge_want *want) {
        uint64_t most = 0, freed = 0;
        size_t picked = 0;
        for (size_t i = 0; i < n; i++)
                most += all[i].pinned || all[i].away ? 0 : all[i].bytes;
        uint64_t free = most < want->free ? 0 : want->free; /* nothing goes in vain */
        for (size_t i = 0; i < n; i++) {
                bool rule = all[i].away ? all[i].lost : is_old(&all[i], want) || freed < free;
                all[i].goes = !all[i].pinned && rule;
                freed += all[i].goes && !all[i].away ? all[i].bytes : 0;
                picked += all[i].goes;
        }
        return picked;
}
