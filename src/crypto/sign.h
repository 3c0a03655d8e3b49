/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 under domains: what is signed is always a domain's text, its NUL and one 32-byte hash. */
#pragma once

#include "crypto/hash.h"
#include "crypto/rng.h"

#define SIGN_BYTES 64

struct sign_key {
        struct key pub;
        uint8_t secret[64]; /* libsodium's form: seed and public key */
};

void sign_key_from_seed(struct sign_key *ret, const uint8_t seed[32]);
void sign_key_new(struct sign_key *ret, struct rng *rng);
void sign_make(uint8_t ret_sig[SIGN_BYTES], const struct sign_key *k, enum domain d, const struct hash *what);
/* False for a wrong signature, a signature with S >= L, and a public key of small order or not on the curve. It does
 * not pay for the order of the key (see sign_key_valid), so that a check stays one double scalar multiplication. */
bool sign_check(const uint8_t sig[SIGN_BYTES], const struct key *pub, enum domain d, const struct hash *what);
/* What sign_check stands on: @message as it is, without a domain. For it and the published vectors only. */
bool sign_check_raw(const uint8_t sig[SIGN_BYTES], const struct key *pub, struct span message);
/* Whether @pub is a canonical point of the prime-order group: no small order, and no torsion added to an honest point
 * (Q + (0,-1) would be a second name of one key). It costs nearly two sign_checks: once, where a key enters. */
bool sign_key_valid(const struct key *pub);
