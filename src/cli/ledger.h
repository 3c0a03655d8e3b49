/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about the ledger and its grants have in common. */
#pragma once

#include "cli/cli.h"

extern const struct option ledger_options[]; /* --clip, --since */
/* clang-format off */
#define OPTION_ROWS_LEDGER \
        {OPT_CLIP, "clip", "ID", N_("only what is about this clip"), OPTION_TEXT}, \
        {OPT_SINCE, "since", "T", N_("only what happened since then: -2h, 14:05, yesterday"), OPTION_TIME}
/* clang-format on */

/* A list that comes in pages. */
struct ledger_page {
        uint64_t next; /* the line behind the last row; the row function sets it */
        uint64_t overdue;
        bool any;
        struct buf grants; /* of each that was listed its id, and what its recipient was called (ledger_entry_line) */
};
/* Asks for one page after the other. 0 or an exit code (said). */
int ledger_pages(struct cli *c, const struct args *a, unsigned number, cli_row_fn row, struct ledger_page *p);
/* A line for a person, below the words over the columns where @head. Who it is about a line before may have said, of that grant:
 * @grants remembers it, and is to be finished; NULL: ids alone. */
void ledger_entry_line(struct cli *c, const struct wire_o_entry *e, struct buf *grants, bool head);
/* Is it an id of a clip or a grant? 0 or an exit code (said). */
int clip_word(struct cli *c, const char *id);
/* --purpose, which has to be there. 0 or an exit code (said). */
int grant_purpose(struct cli *c, const struct args *a, struct wire_o_grant *m);
/* Has the vault write the grant, with the owner's yes, and tells of it. 0 or an exit code (said). */
int grant_make(struct cli *c, const struct args *a, struct wire_o_grant *m);
/* Asks the vault for @request about the clip or grant that the first word names, shows its sentence, and takes the owner's yes;
 * then tells a person @done. 0 or an exit code (said). */
int ledger_consent(struct cli *c, const struct args *a, unsigned request, const char *question, const char *done);
