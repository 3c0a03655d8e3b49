/* SPDX-License-Identifier: Apache-2.0 */
/* See box.h. A box that does not open leaves its output as it was: nobody can act on bytes that nobody vouches for. */
#include "crypto/box.h"

#include <sodium.h>

_Static_assert(BOX_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "XChaCha20's nonce");
_Static_assert(BOX_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "Poly1305's tag");

/* A derived key serves one box, so its nonce says nothing. */
static const uint8_t zero_nonce[BOX_NONCE];

void box_key_from_secret(struct box_key *ret, const struct key *secret) {
        struct key s = *secret; /* @secret may lie in @ret */
        ret->secret = s;
        crypto_scalarmult_base(ret->pub.b, s.b);
        sodium_memzero(&s, sizeof(s));
}

void box_key_new(struct box_key *ret, struct rng *rng) {
        rng_bytes(rng, ret->secret.b, sizeof(ret->secret.b));
        crypto_scalarmult_base(ret->pub.b, ret->secret.b);
}

static void encrypt(uint8_t *out, const struct key *key, const uint8_t nonce[BOX_NONCE], struct span aad,
                    struct span plain) {
        crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n, aad.p, aad.n, NULL, nonce, key->b);
}

static bool decrypt(struct buf *out, const struct key *key, const uint8_t nonce[BOX_NONCE], struct span aad,
                    struct span cipher) {
        uint8_t nothing;
        size_t n = cipher.n - BOX_TAG;
        uint8_t *p = n ? buf_room(out, n) : &nothing;
        if (!p)
                return false;
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(p, NULL, NULL, cipher.p, cipher.n, aad.p, aad.n, nonce, key->b))
                return false;
        buf_used(out, n);
        return true;
}

void box_lock(struct buf *out, const struct key *key, struct span aad, struct span plain, struct rng *rng) {
        uint8_t *p = buf_room(out, plain.n + BOX_OVERHEAD);
        if (!p)
                return;
        rng_bytes(rng, p, BOX_NONCE);
        encrypt(p + BOX_NONCE, key, p, aad, plain);
        buf_used(out, plain.n + BOX_OVERHEAD);
}

bool box_open(struct buf *out, const struct key *key, struct span aad, struct span locked) {
        if (locked.n < BOX_OVERHEAD)
                return false;
        return decrypt(out, key, locked.p, aad, span_from(locked, BOX_NONCE));
}

/* The key of a sealed box, from either side's secret. False if @theirs is a point of low order. */
static bool seal_key(struct key *ret, enum domain d, const struct key *secret, const struct key *theirs,
                     const struct key *ephemeral, const struct key *recipient, struct span context) {
        struct key shared;
        bool ok = crypto_scalarmult(shared.b, secret->b, theirs->b) == 0;
        const struct span parts[] = {SPAN_OF(ephemeral->b), SPAN_OF(recipient->b), context};
        if (ok)
                hash_derive_n(ret, d, &shared, parts, ARRAY_LEN(parts));
        sodium_memzero(&shared, sizeof(shared));
        return ok;
}

static bool seal(struct buf *out, enum domain d, const struct key *to, struct span context, struct span plain,
                 struct rng *rng) {
        struct box_key once;
        struct key key;
        box_key_new(&once, rng);
        bool ok = seal_key(&key, d, &once.secret, to, &once.pub, to, context);
        uint8_t *p = ok ? buf_room(out, plain.n + BOX_SEAL_OVERHEAD) : NULL;
        if (p) {
                memcpy(p, once.pub.b, sizeof(once.pub.b));
                encrypt(p + sizeof(once.pub.b), &key, zero_nonce, SPAN_NONE, plain);
                buf_used(out, plain.n + BOX_SEAL_OVERHEAD);
        }
        sodium_memzero(&once, sizeof(once));
        sodium_memzero(&key, sizeof(key));
        return p != NULL;
}

static bool unseal(struct buf *out, enum domain d, const struct box_key *mine, struct span context,
                   struct span sealed) {
        struct key ephemeral, key;
        if (sealed.n < BOX_SEAL_OVERHEAD)
                return false;
        memcpy(ephemeral.b, sealed.p, sizeof(ephemeral.b));
        if (!seal_key(&key, d, &mine->secret, &ephemeral, &ephemeral, &mine->pub, context))
                return false;
        bool ok = decrypt(out, &key, zero_nonce, SPAN_NONE, span_from(sealed, sizeof(ephemeral.b)));
        sodium_memzero(&key, sizeof(key));
        return ok;
}

bool box_seal(struct buf *out, const struct key *to, struct span context, struct span plain, struct rng *rng) {
        return seal(out, DOMAIN_SEALED, to, context, plain, rng);
}

bool box_unseal(struct buf *out, const struct box_key *mine, struct span context, struct span sealed) {
        return unseal(out, DOMAIN_SEALED, mine, context, sealed);
}

bool box_seal_said(struct buf *out, const struct key *to, struct span context, struct span plain, struct rng *rng) {
        return seal(out, DOMAIN_MEET, to, context, plain, rng);
}

bool box_unseal_said(struct buf *out, const struct box_key *mine, struct span context, struct span sealed) {
        return unseal(out, DOMAIN_MEET, mine, context, sealed);
}
