/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b under domains, key derivation, SipHash, constant-time comparison. */
#pragma once

#include "base/base.h"
#include "crypto/domain.h"
#include "porchlight/types.h"

/* BLAKE2b-256 of: domain text and its NUL, the 32 bytes of @mesh (zeros if NULL), @body. */
void hash_make(struct hash *ret, enum domain d, const struct hash *mesh, struct span body);
/* The same over the concatenation of @n spans. */
void hash_make_n(struct hash *ret, enum domain d, const struct hash *mesh, const struct span *parts, size_t n);
/* BLAKE2b-256 keyed with @secret, of: domain text and its NUL, @context. */
void hash_derive(struct key *ret, enum domain d, const struct key *secret, struct span context);
/* The same over the concatenation of @n spans. */
void hash_derive_n(struct key *ret, enum domain d, const struct key *secret, const struct span *parts, size_t n);
/* SipHash-2-4; @salt is its 16-byte key. The 8 bytes of the result are read as a little-endian number. */
uint64_t hash_short(const uint8_t salt[16], struct span body);
/* In constant time. */
bool hash_same(const void *a, const void *b, size_t n);
void hash_wipe(void *p, size_t n);

static inline bool hash_eq(const struct hash *a, const struct hash *b) {
        return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
static inline bool key_eq(const struct key *a, const struct key *b) { /* public keys only */
        return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
