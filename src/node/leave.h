/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may have a clip's locked bytes from here. A home asks its own household's devices by the clip's id alone, and devices of the
 * clip's owner with the grant. Of any other home it does not know whether that has the clip at all: there it says a veil in the
 * id's place (haul/veil.h), and shows the grant only to who proves that it knows what is behind it (PROTOCOL 15.40, 15.48, 15.49).
 *
 * Called by give.c, which answers; what is asked, fetch_ways.c says.
 */
#pragma once

#include "haul/serve.h"
#include "node/haul_link.h"

struct wire_haul_clip;

/* What @l's other side may hear about the clip it asks after, by what it shows. @ret_proof: where that is SHOW. */
enum haul_leave leave_of(struct node *n, const struct haul_link *l, const struct wire_haul_clip *seek,
                         struct hash *ret_proof);
