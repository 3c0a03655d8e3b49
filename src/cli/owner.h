/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations with the vault, over owner.sock: they may take long, since keys are derived and neighbours are asked. */
#pragma once

#include "cli/cli.h"

/* Opens owner.sock. 0 or an exit code (said). */
int owner_open(struct cli *c, struct call **ret);
/* The next row of an answer, with @doing and the seconds on a terminal. 0; CALL_E_END (a warning in it is said);
 * CALL_E_FAILED with *ret_exit (said). */
int owner_row(struct cli *c, struct call *owner, const char *doing, struct call_row *ret, int *ret_exit);
/* Sends the request and takes all rows, each to @row if it is not NULL. 0 or an exit code (said). */
int owner_ask(struct cli *c, struct call *owner, unsigned number, const void *msg, const char *doing, cli_row_fn row,
              void *arg);
/* What the vault holds. 0 or an exit code (said). */
int owner_state(struct cli *c, struct call *owner, struct wire_o_state *ret);

/* What the household is to sign: shows the vault's sentence, asks for a yes and, where the vault wants it, for the
 * passphrase (--yes, --passphrase-file). 0 with what became of it, its spans held by @store; or an exit code (said). */
int owner_sign(struct cli *c, const struct args *a, const struct wire_o_op *op, struct wire_o_voted *ret,
               struct buf *store);
/* The same for any request whose answer begins with a sentence; @question asks for the yes. The row @number of the answer, which
 * @desc describes, goes to @ret, its spans held by @store; 0: there is none. */
int owner_consent(struct cli *c, const struct args *a, unsigned request, const void *msg, const char *question,
                  unsigned number, const struct wire_desc *desc, void *ret, struct buf *store);
/* The same, and the connection stays open for what follows; @owner is to be freed. */
int owner_consent_on(struct cli *c, const struct args *a, unsigned request, const void *msg, const char *question,
                     unsigned number, const struct wire_desc *desc, void *ret, struct buf *store, struct call **owner);
/* The same for terms that are accepted by asking: they are always shown, and nobody is asked for a yes. */
int owner_terms(struct cli *c, const struct args *a, unsigned request, const void *msg, unsigned number,
                const struct wire_desc *desc, void *ret, struct buf *store);
/* The same for a device code. Nothing is lost by making one, so nobody is asked but for the passphrase. */
int owner_code(struct cli *c, const struct args *a, const struct wire_o_op *op, struct wire_o_code *ret,
               struct buf *store);
/* The same where the owner has said yes to all of it before, in words of this tool: no sentence is shown and nobody is asked, but for
 * the passphrase where the vault is locked. @number 0: there is no row. */
int owner_agreed(struct cli *c, const struct args *a, unsigned request, const void *msg, unsigned number,
                 const struct wire_desc *desc, void *ret, struct buf *store);
