/* SPDX-License-Identifier: Apache-2.0 */
/* Clips that other homes granted to this one, and requests for clips, as inbox, watch, grant and clip get show them. */
#pragma once

#include "cli/cli.h"

void given_layout(struct buf *out, const struct wire_c_given *g, uint64_t now);
void request_layout(struct buf *out, const struct wire_c_requested *q, uint64_t now);
const char *given_word(uint64_t state);
/* Rows of GIVEN and REQUEST; cli_row_fn with @arg a bool that is set. */
int row_given(struct cli *c, const struct call_row *row, void *arg);
int row_request(struct cli *c, const struct call_row *row, void *arg);

/* Is @id the beginning of a grant's, or of its clip's, that was given to this home? Then its terms are shown and accepted,
 * and its key is waited for; where it is for what reads stdout (@reading), no longer than that is there. 0, also where it was
 * not given to this home, or an exit code (said). */
int given_take(struct cli *c, const struct args *a, const char *id, bool reading);
