/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles of evidence as an honest vault makes them, out of fixed seeds: a home with clips, neighbours that sign for one, and a
 * ledger with lines about others. The same bytes in each run.
 */
#pragma once

#include "safe.h"

enum evidence {
        EVIDENCE_FULL, /* grants, receipts, a word of a device, records of others, hidden lines; 1,000 bytes of footage */
        EVIDENCE_BARE,    /* nobody but the owner knows of the clip */
        EVIDENCE_EMPTY,   /* a file of no bytes */
        EVIDENCE_CHUNKS,  /* several chunks */
        EVIDENCE_DERIVED, /* made from another clip, with sound, by a device that did not trust its clock */
        EVIDENCES
};

/* An alert of home @by, as a daemon holds it: what is in it stays locked. */
void evidence_record(struct street *s, uint32_t by, uint64_t index, mesh_wall at, struct buf *ret, struct hash *ret_id);
/* Puts it to what the daemon brings with the clip. */
void evidence_bring(struct safe_clip *c, struct span record);
/* The clip's manifest with other values in it, signed anew. */
void evidence_sign_again(struct street *s, struct safe_clip *c, const struct wire_manifest *w);
/* Appends it. @ret_plain (may be NULL): the footage. */
void evidence_make(enum evidence which, struct buf *ret, struct buf *ret_plain);
