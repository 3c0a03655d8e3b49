/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where the key of a clip comes out of its sealed box, and only behind a line that is in the ledger: for a
 * grant it goes into the recipient's box here and nowhere else, for a reading into memory that is wiped. Who calls has to
 * name the line; a caller that has none gets nothing, whatever it says. A test looks at the program with `nm`: there is no
 * other call of box_unseal() in it (PROTOCOL 15.11).
 */
#pragma once

#include "vault/book.h"

/* A clip, and its key as it is kept. */
struct unwrap_clip {
        struct hash id;
        const struct wire_manifest *m;
        struct span context, sealed;
};

/* Appends the key, sealed to @to with the grant's id as context (PROTOCOL 15.12). VAULT_OK; VAULT_NO_NOT_GRANTED: the ledger
 * has no such grant in force for this clip; VAULT_NO_CLIP_KEY; VAULT_NO_MEMORY. */
enum vault_error unwrap_grant(const struct book *b, const struct hash *grant, const struct household *h,
                              const struct unwrap_clip *clip, const struct key *to, struct rng *rng, struct buf *ret);
/* The key, for the reading, or the bundle of evidence, that line @n tells of. @ret is to be wiped. The same errors. */
enum vault_error unwrap_read(const struct book *b, uint64_t n, const struct household *h,
                             const struct unwrap_clip *clip, struct key *ret);
/* Is it the key of this clip? Opened, looked at, and wiped. */
bool unwrap_fits(const struct household *h, const struct unwrap_clip *clip);
