/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device signs for others to pass on (records, contacts, epoch headers, revocations) is one map whose last field is
 * the signature, over the bytes before it. So it is encoded once, with a blank signature, and signed in place.
 */
#include "core/core.h"
#include "roster/roster.h"
#include "wire/codec.h"

const uint8_t signed_blank[SIGN_BYTES];

void signed_hash(const struct mesh *m, enum domain d, struct span raw, uint8_t key, struct hash *ret) {
        hash_make(ret, d, roster_mesh(m->roster), codec_before(raw, key));
}

int signed_finish(const struct mesh *m, enum domain d, struct buf *raw, uint8_t key, struct hash *ret) {
        uint8_t sig[SIGN_BYTES];
        if (!buf_ok(raw))
                return ERR_NOMEM;
        signed_hash(m, d, buf_span(raw), key, ret);
        sign_make(sig, &m->sign, d, ret);
        codec_patch(raw, codec_before(buf_span(raw), key).n, SPAN_OF(sig));
        return CHECK_FAILS(buf_ok(raw)) ? ERR_BROKEN : 0;
}
