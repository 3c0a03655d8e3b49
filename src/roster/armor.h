/* SPDX-License-Identifier: Apache-2.0 */
/* What tickets and device codes have in common: how they are written as text, and the addresses in them. */
#pragma once

#include "roster/ticket.h"

/* Reads a text that begins with @word and the version's digit, in any case, whatever spaces, hyphens and line ends are in
 * it, and appends the bytes of its base32. 0, TICKET_E_PREFIX, TICKET_E_VERSION, TICKET_E_MANGLED, ERR_NOMEM. */
int armor_open(struct buf *ret, struct span text, const char *word);
void armor_put(struct buf *text, struct span raw, const char *word);

/* At most 3, and each of exactly one kind. */
bool armor_addrs_right(struct wire_list list);
/* Encodes @msg into @raw, and drops addresses from the last until that fits. @addrs and @has are members of @msg, @key is
 * that of its addresses. TICKET_E_VALUE: it does not fit without any. */
int armor_fit(const struct wire_desc *d, void *msg, struct wire_list *addrs, uint64_t *has, unsigned key,
              struct buf *raw);
/* In place of what @raw holds. 0, TICKET_E_VALUE, ERR_NOMEM. */
int armor_encode(const struct wire_desc *d, const void *msg, struct buf *raw);
bool armor_sig_is_last(struct span raw, uint8_t key); /* no pair stands behind it */
const char *armor_error_text(int e);                  /* of either: "was altered: …" */
