/* SPDX-License-Identifier: Apache-2.0 */
/* Asks back when a text describes a person and tells no event. */
#pragma once

#include "cli/cli.h"

/* Whether @text says what somebody looks like, wears or where they come from, and not what happened; in English or
 * German. */
bool person_described(struct span text);
/* Kinds under which such a text tells a neighbour nothing: vague ones, and those of security. Not `animal`, which has an
 * owner, nor `community-event`, which has a host: whom to look for may have to be said. */
bool person_kind(uint64_t kind);
/* Asks on a terminal whether to post @text all the same; elsewhere only says so on stderr. @doing: a --doing is given.
 * 0: go on; an exit code (said). */
int person_ask(struct cli *c, const struct args *a, uint64_t kind, bool doing, struct span text);
/* The same for text under an alert, whose kind the daemon is asked for, if the text needs it. */
int person_ask_under(struct cli *c, const struct args *a, struct span target, struct span text);
