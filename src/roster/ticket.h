/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: what one neighbour hands to another so that a home joins. Text is "PORCHLIGHT1" and base32 of wire_ticket;
 * readable before joining, with four check words to compare by telephone. At most 380 bytes before base32.
 */
#pragma once

#include "base/buf.h"
#include "crypto/sign.h"
#include "wire/codec.h"

#define TICKET_PREFIX "PORCHLIGHT1"
#define TICKET_BYTES_MAX 380
#define TICKET_ADDRS_MAX 3
#define TICKET_LIFE_MAX (30 * 86400) /* seconds */

enum {
        TICKET_E_PREFIX = 1,    /* does not begin with PORCHLIGHT: not a ticket */
        TICKET_E_VERSION = 2,   /* a PORCHLIGHT ticket of a newer version */
        TICKET_E_MANGLED = 3,   /* letters are missing, changed or added */
        TICKET_E_SIGNATURE = 4, /* reads well but its signature is wrong: altered */
        TICKET_E_VALUE = 5,     /* making: a value out of bounds */
};

struct ticket {
        struct wire_ticket w; /* spans point into @store */
        struct buf store;
        struct sign_key invite; /* from the seed */
        struct hash mesh;
};

/* Makes a ticket. @t holds the values wanted (mesh, mesh_name, link_key, inviter, expires, uses, addrs, cell) in t->w; seed
 * and signature are filled in, addresses are dropped from the last until 380 bytes hold. Appends the text to @text. */
int ticket_make(struct ticket *t, const struct sign_key *device, struct rng *rng, struct buf *text);
/* Reads a text: any case, spaces, hyphens and line breaks inside are skipped. @ret is to be ticket_fini'd on success. */
int ticket_parse(struct ticket *ret, struct span text);
void ticket_fini(struct ticket *t);   /* wipes */
const char *ticket_error_text(int e); /* "is not a Porchlight ticket" … */
/* The public half, as an add carries it: appends the encoded wire_invite. */
void ticket_invite(const struct ticket *t, struct buf *out);
/* The public half's signature and hash as the fold checks them. */
bool invite_check(const struct wire_invite *inv, const struct hash *mesh);
/* Four words from a list of 2,048 for comparing by telephone: 44 bits of a hash over the whole ticket. */
void ticket_words(const struct ticket *t, struct buf *out);
