/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticated encryption and sealing. AEAD is XChaCha20-Poly1305 (IETF) with the nonce in front of the ciphertext.
 * A sealed box is X25519 with an ephemeral key: key = hash_derive(SEALED, shared, ephemeral || recipient || context).
 */
#pragma once

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/rng.h"

#define BOX_NONCE 24
#define BOX_TAG 16
#define BOX_OVERHEAD (BOX_NONCE + BOX_TAG) /* of box_lock */
#define BOX_SEAL_OVERHEAD (32 + BOX_TAG)   /* of box_seal */

struct box_key { /* an X25519 pair */
        struct key pub, secret;
};

void box_key_new(struct box_key *ret, struct rng *rng);
void box_key_from_secret(struct box_key *ret, const struct key *secret);

/* Appends nonce, ciphertext, tag: @plain.n + BOX_OVERHEAD bytes. The nonce comes from @rng. */
void box_lock(struct buf *out, const struct key *key, struct span aad, struct span plain, struct rng *rng);
/* Appends the plaintext and returns true; false (nothing appended) if it does not open, or memory is out. */
bool box_open(struct buf *out, const struct key *key, struct span aad, struct span locked);

/* Appends ephemeral key, ciphertext, tag: @plain.n + BOX_SEAL_OVERHEAD bytes. False (nothing appended) if @to is a
 * point of low order, or memory is out. */
bool box_seal(struct buf *out, const struct key *to, struct span context, struct span plain, struct rng *rng);
/* Appends the plaintext and returns true; false (nothing appended) as box_open. */
bool box_unseal(struct buf *out, const struct box_key *mine, struct span context, struct span sealed);

/* The same for what devices say to each other in passing, in the domain MEET. It opens nothing that box_seal() made, of which
 * the vault alone opens any (lint: oneplace.py). */
bool box_seal_said(struct buf *out, const struct key *to, struct span context, struct span plain, struct rng *rng);
bool box_unseal_said(struct buf *out, const struct box_key *mine, struct span context, struct span sealed);
