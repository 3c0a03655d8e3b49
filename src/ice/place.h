/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and candidates between libnice and the rows of proto/ice.def. What another home named is looked at before
 * libnice sees it: the library has fallen over candidates before, and a home must not have packets sent where it likes.
 */
#pragma once

#include "base/buf.h"
#include "wire/messages.h"

#include <nice/agent.h>

/* An address that a packet may go to from here. @loopback: also those of this machine alone. */
bool place_ok(const struct wire_ice_place *p, bool loopback);
/* Of 4 or 16 bytes. */
bool place_to_nice(const struct wire_ice_place *p, NiceAddress *ret);
/* The one row of a list; appended to @out, which @ret borrows. */
void place_list(const NiceAddress *a, struct buf *out, struct wire_list *ret);
bool place_only(const struct wire_list *list, struct wire_ice_place *ret);

/* Letters, digits, + and / (RFC 8445, 5.3). */
bool place_ice_chars(struct span s);
/* A candidate to be freed with nice_candidate_free(); NULL: it may not be used here, or no memory. */
NiceCandidate *place_candidate(const struct wire_ice_candidate *row, guint stream, bool loopback);
enum wire_e_candidate place_kind(NiceCandidateType type);
