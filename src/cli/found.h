/* SPDX-License-Identifier: Apache-2.0 */
/* What founding a mesh and joining one have in common: names, the vault, and what is said afterwards. */
#pragma once

#include "cli/cli.h"

/* Checks the mesh's name (NULL: none to check) and --household. 0 or an exit code (said). */
int found_names(struct cli *c, const struct args *a, const char *mesh, struct span *ret_household);
/* Shows the mesh this home is in now. */
int found_done(struct cli *c, const char *done, const char *next);
