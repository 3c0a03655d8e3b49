/* SPDX-License-Identifier: Apache-2.0 */
/* Four words from a list of 2,048 for comparing by telephone: 44 bits of a hash over all of a ticket or device code. */
#pragma once

#include "base/buf.h"
#include "crypto/hash.h"

void words_put(struct buf *out, const struct hash *mesh, struct span whole);
