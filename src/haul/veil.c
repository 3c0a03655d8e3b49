/* SPDX-License-Identifier: Apache-2.0 */
#include "haul/veil.h"

/* PROTOCOL 15.49: "`veil(from, to)` is `hash(SEEK, mesh, clip || salt of its manifest || from || to)`, of two devices." */
void haul_veil(struct hash *ret, const struct hash *mesh, const struct hash *clip, const uint8_t salt[VEIL_SALT],
               const struct key *from, const struct key *to) {
        const struct span parts[] = {SPAN_OF(clip->b), span_of(salt, VEIL_SALT), SPAN_OF(from->b), SPAN_OF(to->b)};
        hash_make_n(ret, DOMAIN_SEEK, mesh, parts, ARRAY_LEN(parts));
}
