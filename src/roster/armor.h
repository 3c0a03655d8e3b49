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
struct wire_list armor_addrs_first(struct wire_list list, uint32_t n); /* @n of at least so many */
