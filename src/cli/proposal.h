/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals that are under vote, or were decided. */
#pragma once

#include "cli/cli.h"

/* How a vote stands; needed 0: that way to count is not told. */
struct proposal_count {
        unsigned votes, needed, stewards, stewards_needed, homes, homes_needed;
};
/* "0 of 1 steward, or 1 of 3 homes"; "1 of 2 votes" where the ways are not told. */
void proposal_count(struct buf *out, const struct proposal_count *n);
/* "Number 9 is removed". Who it is the daemon tells; if it does not, @target is taken, as it was typed (may be NULL). */
void proposal_outcome(struct cli *c, struct buf *out, struct span id, const char *target);
/* Lists those under vote, or @all. Prints nothing if there are none, and sets *ret_any. 0 or an exit code (said). */
int proposals_list(struct cli *c, bool all, const char *heading, bool *ret_any);
