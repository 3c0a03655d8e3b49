/* SPDX-License-Identifier: Apache-2.0 */
/* Making and reading operations: what is hashed, who signs what. PROTOCOL section 5. */
#pragma once

#include "base/buf.h"
#include "crypto/sign.h"
#include "wire/codec.h"

enum {
        OP_E_INPUT = 1,     /* not an operation of the right shape; codec_why says more */
        OP_E_SIGNATURE = 2, /* a signature is wrong */
        OP_E_VALUE = 3,     /* a value nobody may sign: a name refused, a charter row out of bounds */
};

/* hash(OP_ID, mesh, all bytes). @mesh is NULL for a genesis, whose id is the mesh id. */
void op_id(struct hash *ret, const struct hash *mesh, struct span op);
/* hash(OP, mesh, bytes before sig): what the household, and of an add the invite key, sign. */
void op_signed_hash(struct hash *ret, const struct hash *mesh, struct span op);
/* Encodes @op with its household signature (sig is filled in) and appends it. 0, OP_E_INPUT, ERR_NOMEM. */
int op_make(struct buf *out, struct wire_op *op, const struct hash *mesh, const struct sign_key *household);
/* What a device says for itself before its household certifies it (device.proof): its signing key's word that these keys
 * are one device of @household in @mesh. Share and name are the household's to choose, and not in it. */
void op_device_prove(uint8_t ret_proof[SIGN_BYTES], const struct sign_key *device, const struct key *noise,
                     const struct key *seal, const struct hash *mesh, const struct key *household);
/* A joiner's add: signed by household and invite key, not countersigned. */
int op_make_add(struct buf *out, struct wire_op *op, const struct hash *mesh, const struct sign_key *household,
                const struct sign_key *invite);
/* A further device's plea to be admitted: signed by the code's key, for the household @op names; not countersigned. */
int op_make_device_add(struct buf *out, struct wire_op *op, const struct hash *mesh, const struct sign_key *code);
/* Appends @add, or a device-add, with the countersignature of @device at mesh time @at, over @n_heads (at most 4) heads. */
int op_countersign(struct buf *out, struct span add, const struct hash *mesh, const struct sign_key *device,
                   mesh_wall at, const struct hash *heads, size_t n_heads);
/* Shape by type: which rows must and must not be there; and every signature. 0, OP_E_INPUT, OP_E_SIGNATURE.
 * @countersigned: an add must have its countersignature (true) or must not (false). */
int op_check(struct span op, const struct hash *mesh, bool countersigned, bool signatures, struct wire_op *ret);
