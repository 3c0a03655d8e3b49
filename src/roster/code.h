/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device codes: what a household hands to itself so that a further device of its own joins. Text is "PORCHDEVICE1" and
 * base32 of wire_device_code, with what a ticket has: mesh, link key, addresses, the seed of a key that is used once, and a
 * signature; but it is the household that signs, and who comes on it comes into the household. PROTOCOL section 6.
 */
#pragma once

#include "roster/ticket.h"

#define CODE_PREFIX "PORCHDEVICE1"
#define CODE_BYTES_MAX 380

struct code {
        struct wire_device_code w; /* spans point into @store */
        struct buf store;
        struct sign_key key; /* from the seed */
        struct key household;
        struct hash mesh;
};

/* Makes a code. @c holds the values wanted (mesh, mesh_name, link_key, name, share, expires, addrs, cell) in c->w; seed,
 * household and signature are filled in, addresses are dropped from the last until 380 bytes hold. Appends the text. 0,
 * TICKET_E_VALUE, ERR_NOMEM. */
int code_make(struct code *c, const struct sign_key *household, struct rng *rng, struct buf *text);
/* Reads a text as ticket_parse does: 0, TICKET_E_*, ERR_NOMEM. @ret is to be code_fini'd on success. */
int code_parse(struct code *ret, struct span text);
void code_fini(struct code *c);     /* wipes */
const char *code_error_text(int e); /* "is not a device code" … */
/* The public half, as a device-add carries it: appends the encoded wire_code. */
void code_public(const struct code *c, struct buf *out);
/* Four words for comparing by telephone, as of a ticket. */
void code_words(const struct code *c, struct buf *out);

/* hash(CODE, mesh, key … blind): what the household signs. Two codes of one hash are one. */
void code_hash(struct hash *ret, const struct wire_code *code, const struct hash *mesh);
bool code_check(const struct wire_code *code, const struct hash *mesh, const struct key *household);
