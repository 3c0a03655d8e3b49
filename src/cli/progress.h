/* SPDX-License-Identifier: Apache-2.0 */
/* How far something long has come, on a terminal's stderr. */
#pragma once

#include "cli/cli.h"

/* Draws it; whole, or @all 0, wipes it away. What is there at once is not drawn. */
void progress_bar(const struct cli *c, uint64_t done, uint64_t all);
