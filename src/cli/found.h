/* SPDX-License-Identifier: Apache-2.0 */
/* What founding a mesh and joining one have in common: names, the vault, and what is said afterwards. */
#pragma once

#include "cli/cli.h"

/* Checks the mesh's name (NULL: none to check) and --household. 0 or an exit code (said). */
int found_names(struct cli *c, const struct args *a, const char *mesh, struct span *ret_household);
/* Opens owner.sock. 0 or an exit code (said). */
int found_open(struct cli *c, struct call **ret);
/* Sends the request and waits, with progress on a terminal. 0 or an exit code (said). */
int found_ask(struct cli *c, struct call *owner, unsigned number, const void *msg, const char *doing);
/* Shows the mesh this home is in now. */
int found_done(struct cli *c, const char *done, const char *next);
void mesh_json(struct buf *out, const struct wire_c_mesh *m);
