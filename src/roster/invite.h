/* SPDX-License-Identifier: Apache-2.0 */
/* The public half of a ticket: what its signature covers, and what names it. Shared by tickets and operations. */
#pragma once

#include "roster/ticket.h"

/* hash(INVITE, mesh, key … blind): what the inviter's device signs. Two invites of one hash are one. */
void invite_hash(struct hash *ret, const struct wire_invite *inv, const struct hash *mesh);
