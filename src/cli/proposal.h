/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals that are under vote, or were decided. */
#pragma once

#include "cli/cli.h"

/* "Number 9 is removed". Who it is the daemon tells; if it does not, @target is taken, as it was typed (may be NULL). */
void proposal_outcome(struct cli *c, struct buf *out, struct span id, const char *target);
/* Lists those under vote, or @all. Prints nothing if there are none, and sets *ret_any. 0 or an exit code (said). */
int proposals_list(struct cli *c, bool all, const char *heading, bool *ret_any);
