/* SPDX-License-Identifier: Apache-2.0 */
/* Papers about clips as the homes of a street sign them, for the tests of the daemon's side. */
#pragma once

#include "roster-street.h"

#include "clip/clip.h"

#define DAY ((mesh_wall)MESH_DAY)

static const struct hash some = {{7}};
static const uint8_t sixteen[16] = {6};

static inline struct hash made(const struct street *s, enum clip_object what, const void *msg,
                               const struct sign_key *by, struct buf *ret) {
        struct hash id;
        buf_clear(ret);
        assert_int_equal(clip_sign(what, msg, &s->mesh, by, ret, &id), 0);
        return id;
}

static inline struct hash made_manifest(const struct street *s, uint32_t household, uint32_t device, struct buf *ret) {
        struct wire_manifest w = {.device = SPAN_OF(s->homes[device].device.pub.b),
                                  .household = SPAN_OF(s->homes[household].key.pub.b),
                                  .created = s->now,
                                  .sure = true,
                                  .camera = SPAN_OF(some.b),
                                  .media = MEDIA_MP4,
                                  .size = 5,
                                  .chunks = 1,
                                  .salt = SPAN_OF(sixteen),
                                  .hashes = SPAN_OF(some.b),
                                  .commit = SPAN_OF(some.b)};
        return made(s, CLIP_MANIFEST, &w, &s->homes[device].device, ret);
}

static inline struct hash made_grant(const struct street *s, uint32_t owner, uint32_t to, const struct hash *clip,
                                     mesh_wall expires, struct buf *ret) {
        struct wire_grant w = {.household = SPAN_OF(s->homes[owner].key.pub.b),
                               .clip = SPAN_OF(clip->b),
                               .to = SPAN_OF(s->homes[to].key.pub.b),
                               .purpose = SPAN_STR("the stolen bicycle"),
                               .created = s->now - DAY,
                               .expires = expires};
        if (owner == to)
                WIRE_PUT(&w, GRANT, device, SPAN_OF(s->homes[to].device.pub.b));
        return made(s, CLIP_GRANT, &w, &s->homes[owner].key, ret);
}

static inline struct hash made_back(const struct street *s, uint32_t owner, const struct hash *grant, mesh_wall at,
                                    struct buf *ret) {
        struct wire_grant_over w = {
                .grant = SPAN_OF(grant->b), .household = SPAN_OF(s->homes[owner].key.pub.b), .created = at};
        return made(s, CLIP_GRANT_OVER, &w, &s->homes[owner].key, ret);
}

static inline struct hash made_receipt(const struct street *s, uint32_t by, const struct hash *grant,
                                       const struct hash *clip, struct buf *ret) {
        struct wire_receipt w = {.grant = SPAN_OF(grant->b),
                                 .clip = SPAN_OF(clip->b),
                                 .household = SPAN_OF(s->homes[by].key.pub.b),
                                 .created = s->now};
        return made(s, CLIP_RECEIPT, &w, &s->homes[by].key, ret);
}
