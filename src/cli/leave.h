/* SPDX-License-Identifier: Apache-2.0 */
/* What `mesh leave` and `me erase` have in common. */
#pragma once

#include "cli/cli.h"

/* Waits until the daemon has forgotten the mesh; false: it has not, within half a minute. */
bool leave_cleared(const struct cli *c);
/* For a person: that this home is out, or that nobody has heard of it. */
void leave_text(struct cli *c, bool cleared);
