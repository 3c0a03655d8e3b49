/* SPDX-License-Identifier: Apache-2.0 */
/* A quick sum of bytes in their order, for histories and for what stands in for AEADs: no secret hangs on it. */
#pragma once

#include "base/base.h"

static inline uint64_t mix(uint64_t h, uint64_t v) {
        h = (h ^ v) * 0x9fb21c651e98df25u;
        return h ^ h >> 32;
}

#define MIX_SIDES 4 /* sums side by side, none of which waits for another */

static inline uint64_t mix_bytes(uint64_t h, struct span s) {
        h = mix(h, s.n);
        if (s.n >= 64) {
                uint64_t side[MIX_SIDES] = {h, h + 1, h + 2, h + 3};
                for (; s.n >= sizeof(side); s = span_from(s, sizeof(side)))
                        for (size_t i = 0; i < MIX_SIDES; i++)
                                side[i] = mix(side[i], get_be64(s.p + 8 * i));
                for (size_t i = 0; i < MIX_SIDES; i++)
                        h = mix(h, side[i]);
        }
        for (; s.n >= 8; s = span_from(s, 8))
                h = mix(h, get_be64(s.p));
        for (size_t i = 0; i < s.n; i++)
                h = mix(h, s.p[i]);
        return h;
}
