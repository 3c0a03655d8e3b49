/* SPDX-License-Identifier: Apache-2.0 */
/* inbox: what waits for this home's owner to decide: asks of others that clips of this home fit, requests for its clips, and
 * clips that were given to it. */
#include "cli/cmd_ask.h"
#include "cli/commands.h"
#include "cli/given.h"

static const struct option inbox_options[] = {
        {OPT_MUTED, "muted", NULL, N_("also what is muted"), OPTION_FLAG},
        OPTION_END,
};

static int row_policy(struct cli *c, const struct call_row *row) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        const struct wire_c_came *m = &row->m->c_came;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!WIRE_HAS(m, C_CAME, policy_until))
                return 0;
        policy_asleep_text(&text, m->policy_until, c->now);
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        buf_add_u8(&c->out, '\n');
        return cli_flush(c);
}

static int row_inbox(struct cli *c, const struct call_row *row, void *arg) {
        if (row->number == CONTROL_CAME_ROW)
                return row_policy(c, row);
        if (row->number == CONTROL_GIVEN_ROW)
                return row_given(c, row, arg);
        return row->number == CONTROL_REQUEST_ROW ? row_request(c, row, arg) : row_ask(c, row, arg);
}

static int run_inbox(struct cli *c, const struct args *a) {
        struct wire_c_asks m = {0};
        bool any = false;
        if (args_has(a, OPT_MUTED))
                WIRE_PUT(&m, C_ASKS, muted, true);
        int r = cli_ask(c, CONTROL_INBOX, &m, row_inbox, &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out,
                            _("Nothing waits for you: nobody asks for footage that this home has, and none was\n"
                              "given to it.\n"));
        return r;
}

const struct command command_inbox = {
        .name = "inbox",
        .synopsis = "[--muted]",
        .brief = N_("asks that clips of this home fit, requests, and clips given to it"),
        .help = N_("What waits for you to decide: asks of other households for a place and a time\n"
                   "of which this home has clips (`porchlight ask match` lists those), requests for\n"
                   "one clip of this home, and clips that others gave you, until you have taken\n"
                   "them. It is looked up in this house, and nobody learns that something fits. To\n"
                   "say nothing is an answer: it looks to the others as if there were nothing.\n"
                   "`porchlight grant give` answers, `porchlight grant deny` takes it off the list.\n"
                   "Muted households are left out. Above all else it says if your rule for an\n"
                   "emergency (`porchlight policy`) sleeps.\n"),
        .options = inbox_options,
        .run = run_inbox,
};
