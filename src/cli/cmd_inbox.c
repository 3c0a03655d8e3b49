/* SPDX-License-Identifier: Apache-2.0 */
/* inbox: what waits for this home's owner to decide: asks of others that clips of this home fit. */
#include "cli/cmd_ask.h"
#include "cli/commands.h"

static const struct option inbox_options[] = {
        {OPT_MUTED, "muted", NULL, N_("also what is muted"), OPTION_FLAG},
        OPTION_END,
};

static int run_inbox(struct cli *c, const struct args *a) {
        return ask_list(c, a, CONTROL_INBOX, _("Nobody asks for footage that this home has.\n"));
}

const struct command command_inbox = {
        .name = "inbox",
        .synopsis = "[--muted]",
        .brief = N_("asks that clips of this home fit"),
        .help = N_("What waits for you to decide: asks of other households for a place and a time\n"
                   "of which this home has clips; `porchlight ask match` lists those. It is looked\n"
                   "up in this house, and nobody learns that something fits. To say nothing is an\n"
                   "answer: it looks to the others as if there were nothing. Muted households are\n"
                   "left out.\n"),
        .options = inbox_options,
        .run = run_inbox,
};
