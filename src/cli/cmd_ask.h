/* SPDX-License-Identifier: Apache-2.0 */
/* Asks, as ask, inbox, watch and post show them. */
#pragma once

#include "cli/cli.h"

void ask_layout(struct buf *out, const struct wire_c_ask *a, uint64_t now);
/* Prints an ask; a cli_row_fn with @arg a bool that it sets. */
int row_ask(struct cli *c, const struct call_row *row, void *arg);
/* Asks for asks by request @number; a person reads @none where there are none. 0 or an exit code (said). */
int ask_list(struct cli *c, const struct args *a, unsigned number, const char *none);
/* The word as an id or the beginning of one. 0 or an exit code (said). */
int id_word(struct cli *c, const char *word, const char *hint, struct span *ret);
