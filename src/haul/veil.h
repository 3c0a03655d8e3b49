/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a home asks after a clip where it does not know whether the clip is known there: by a hash that means something only to who has
 * the clip's manifest. That has a random salt, and comes with a grant alone; so the answer, the hash of the other direction,
 * proves as much of who gives it (PROTOCOL 15.49).
 */
#pragma once

#include "crypto/hash.h"

#define VEIL_SALT 16 /* of the manifest */

/* What device @from says to @to in the place of the id of @clip. */
void haul_veil(struct hash *ret, const struct hash *mesh, const struct hash *clip, const uint8_t salt[VEIL_SALT],
               const struct key *from, const struct key *to);
