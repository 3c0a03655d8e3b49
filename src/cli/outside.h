/* SPDX-License-Identifier: Apache-2.0 */
/* Whether homes outside this home's own network can call it, in words, and what would mend it. */
#pragma once

#include "cli/cli.h"

/* The port this home listens on for others; 0: none. *ret_any: on any at all. */
uint64_t outside_port(const struct wire_c_status *s, bool *ret_any);
/* A clause that begins with a small letter, and another one that says what to do: empty where there is nothing to do.
 * False: the daemon does not tell. */
bool outside_words(const struct wire_c_status *s, struct buf *ret_what, struct buf *ret_fix);
/* Asks the daemon and says so on stderr, where tickets are handed out. Nothing with --json, whose rows have it, and nothing
 * where it does not tell. */
void outside_note(struct cli *c);
