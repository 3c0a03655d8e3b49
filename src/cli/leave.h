/* SPDX-License-Identifier: Apache-2.0 */
/* What `mesh leave`, `me erase` and a `join` that takes the place of another have in common. */
#pragma once

#include "cli/cli.h"

/* Waits until the daemon has forgotten the mesh, and a moment for the vault; false: it has not, within half a minute. */
bool leave_cleared(const struct cli *c);
/* Leaves, whether this home is in or waits to be let in, once the vault has said what is lost and the owner yes. 0 or an exit
 * code (said); @ret with what @store holds. */
int leave_run(struct cli *c, const struct args *a, struct wire_o_voted *ret, struct buf *store);
/* For a person: that this home is out, or that nobody has heard of it. */
void leave_text(struct cli *c, bool cleared);
