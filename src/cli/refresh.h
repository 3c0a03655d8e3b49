/* SPDX-License-Identifier: Apache-2.0 */
/* `join` on a home that is a member: its ticket brings link key and addresses, and nothing is joined. */
#pragma once

#include "cli/cli.h"

struct ticket;

/* Whether this home is in a mesh, or was put out of one. False also where the daemon does not say. */
bool refresh_is_due(struct cli *c);
/* Gives the daemon the ticket @t, whose letters are @text, and says what came of it: the exit code. */
int refresh_run(struct cli *c, const struct args *a, const struct ticket *t, struct span text);
