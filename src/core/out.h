/* SPDX-License-Identifier: Apache-2.0 */
/* Actions waiting for mesh_next, in order. An item owns everything its action points to until the one after it is taken. */
#pragma once

#include "porchlight/mesh.h"

struct out_item;

struct out {
        struct out_item *first, *last;
        struct out_item *given; /* handed out, still borrowed */
        bool starved; /* there was no memory for an action that somebody counts on: the step must not end well */
};

void out_init(struct out *o);
void out_fini(struct out *o);
/* A new action at the end; fill it in. NULL: no memory. */
struct mesh_action *out_add(struct out *o, enum mesh_action_type type);
/* Copies @s into memory that lives as long as the action last added. SPAN_NONE with *ret_ok=false if memory is out. */
struct span out_keep(struct out *o, struct span s, bool *ok);
int out_row(struct out *o, uint64_t token, const struct mesh_row *row); /* STORE, with a deep copy of the row */
bool out_next(struct out *o, struct mesh_action *ret);
