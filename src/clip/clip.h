/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a clip is on paper: manifest, request, grant, receipt, attestation, ledger. Bytes in, bytes out; no files, no clock, no
 * secrets but the key that signs. Used by whoever makes one of these (the core a manifest, the vault the rest) and by
 * whoever reads one: the other home, the ledger's reader, and the verifier of a bundle, which has neither daemon nor
 * network.
 *
 * Every object here is one map whose last field is a signature over the bytes before it. Its id is the hash that is signed,
 * with the mesh in it, so nothing of one mesh means anything in another.
 */
#pragma once

#include "crypto/chunk.h"
#include "crypto/sign.h"
#include "wire/codec.h"

enum clip_object {
        CLIP_MANIFEST,
        CLIP_GRANT,
        CLIP_RECEIPT,
        CLIP_ATTEST,
        CLIP_GRANT_OVER,
        CLIP_BUNDLE,
        CLIP_REQUEST,
        CLIP_RULE,
};

#define CLIP_RULE_LIFE_S (30 * (mesh_wall)MESH_DAY)
#define CLIP_REQUEST_LIFE_S (7 * (mesh_wall)MESH_DAY) /* as an ask lives */

enum {
        CLIP_E_SHAPE = 1,     /* the bytes are no such object */
        CLIP_E_RULE = 2,      /* they are, and say what none may say */
        CLIP_E_SIGNATURE = 3, /* not signed by whom it names */
};

/* Appends @msg (struct wire_manifest …; its sig is not looked at) signed by @signer, and its id. 0; CLIP_E_SHAPE: a value
 * is out of its bounds; CLIP_E_RULE; ERR_NOMEM. */
int clip_sign(enum clip_object what, const void *msg, const struct hash *mesh, const struct sign_key *signer,
              struct buf *out, struct hash *ret_id);

/* Decodes @raw, checks its rules and its signature by the key it names itself. Whether that key may say so (a current
 * device, a member) is the caller's to ask of the roster; a receipt's must be the grant's recipient. @ret borrows @raw.
 * 0, CLIP_E_*. */
int clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id);

/* ---- the ledger ---- */

/* A chain of lines: each has the hash of the one before, so that nothing can be taken out, put in or changed but at the
 * end. Where it ends is signed by each grant. */
struct ledger {
        uint64_t n;       /* lines so far */
        struct hash last; /* of the last; zeros before the first */
        struct hash mesh;
};

enum {
        LEDGER_E_LINE = 1,  /* the bytes are no line */
        LEDGER_E_CHAIN = 2, /* another number than the next, or it does not follow the line before */
};

/* Appends the line to @out, its number and predecessor filled in, and moves the end. 0, CLIP_E_SHAPE, ERR_NOMEM. */
int ledger_add(struct ledger *l, struct wire_entry *line, struct buf *out);
/* What a line comes to, alone: a reader who has that and not the line can go on behind it. */
void ledger_line_hash(struct hash *ret, const struct hash *mesh, struct span raw);
void ledger_skip(struct ledger *l, const struct hash *line);
/* What a line says, as its reader is shown it: without papers and salt. @hash is that of the line. Borrows @e and @hash. */
struct wire_o_entry ledger_row(const struct wire_entry *e, const struct hash *hash);
/* Takes a line as it stands in a file. @ret borrows @raw. 0, LEDGER_E_*; then the end has not moved. */
int ledger_take(struct ledger *l, struct span raw, struct wire_entry *ret);
