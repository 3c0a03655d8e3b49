/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/chunk.h"

#include <sodium.h>

#define NONCE crypto_aead_chacha20poly1305_IETF_NPUBBYTES

_Static_assert(CHUNK_TAG == crypto_aead_chacha20poly1305_IETF_ABYTES, "Poly1305's tag");
_Static_assert(NONCE == 8 + 4, "le64 and le32");

static void nonce_make(uint8_t ret[NONCE], uint64_t i, bool last) {
        for (unsigned at = 0; at < 8; at++)
                ret[at] = (uint8_t)(i >> (8 * at));
        memset(ret + 8, 0, 4);
        ret[8] = last;
}

void chunk_lock(struct buf *out, const struct key *key, const uint8_t salt[CHUNK_SALT], uint64_t i, bool last,
                struct span plain) {
        uint8_t nonce[NONCE], *p = buf_room(out, plain.n + CHUNK_TAG);
        if (!p)
                return;
        nonce_make(nonce, i, last);
        crypto_aead_chacha20poly1305_ietf_encrypt(p, NULL, plain.p, plain.n, salt, CHUNK_SALT, NULL, nonce, key->b);
        buf_used(out, plain.n + CHUNK_TAG);
}

bool chunk_open(struct buf *out, const struct key *key, const uint8_t salt[CHUNK_SALT], uint64_t i, bool last,
                struct span cipher) {
        uint8_t nonce[NONCE], nothing;
        if (cipher.n < CHUNK_TAG)
                return false;
        size_t n = cipher.n - CHUNK_TAG;
        uint8_t *p = n ? buf_room(out, n) : &nothing;
        nonce_make(nonce, i, last);
        if (!p || crypto_aead_chacha20poly1305_ietf_decrypt(p, NULL, NULL, cipher.p, cipher.n, salt, CHUNK_SALT, nonce,
                                                            key->b))
                return false;
        buf_used(out, n);
        return true;
}

void chunk_hash(struct hash *ret, uint64_t i, struct span cipher) {
        uint8_t at[8];
        put_be64(at, i);
        const struct span parts[] = {SPAN_OF(at), cipher};
        hash_make_n(ret, DOMAIN_CHUNK, NULL, parts, ARRAY_LEN(parts));
}

void chunk_hashes(struct hash *ret, struct span list) {
        hash_make(ret, DOMAIN_CHUNK, NULL, list);
}

void chunk_commit(struct hash *ret, const struct key *key, const uint8_t salt[CHUNK_SALT]) {
        const struct span parts[] = {span_of(salt, CHUNK_SALT), SPAN_OF(key->b)};
        hash_make_n(ret, DOMAIN_CLIP_KEY, NULL, parts, ARRAY_LEN(parts));
}

bool chunk_seal_key(struct buf *out, const struct key *household, const uint8_t salt[CHUNK_SALT], const struct key *key,
                    struct rng *rng) {
        return box_seal(out, household, span_of(salt, CHUNK_SALT), SPAN_OF(key->b), rng);
}
