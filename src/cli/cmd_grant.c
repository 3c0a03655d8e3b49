/* SPDX-License-Identifier: Apache-2.0 */
/* grant list, revoke: who was given which clip, and what became of it, as the vault's ledger says. */
#include "cli/commands.h"

#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/given.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/owner.h"

#define NAME_COLUMNS 16
#define STATE_COLUMNS 11
#define UNTIL_COLUMNS 17

/* ---- list ---- */

static void grant_line(struct cli *c, const struct wire_o_granted *g) {
        _clean_(buf_fini) struct buf state = BUF_NULL, until = BUF_NULL;
        layout_enum(&state, &wire_granted_enum, g->state);
        when_local(&until, g->expires, c->now);
        layout_id(&c->out, g->grant);
        buf_add_str(&c->out, "  ");
        layout_id(&c->out, g->clip);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, WIRE_HAS(g, O_GRANTED, name) ? g->name : SPAN_NONE, NAME_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, buf_span(&state), STATE_COLUMNS);
        layout_cell(&c->out, buf_span(&until), UNTIL_COLUMNS);
        layout_cell(&c->out, g->purpose, CLI_COLUMNS - 20 - NAME_COLUMNS - 2 - STATE_COLUMNS - UNTIL_COLUMNS);
        layout_trim(&c->out);
        buf_add_u8(&c->out, '\n');
}

static void grant_head(struct buf *out) {
        buf_add_str(out, "ID        ");
        layout_word(out, _("CLIP"), 10);
        layout_word(out, _("TO"), NAME_COLUMNS + 2);
        layout_word(out, _("STATE"), STATE_COLUMNS);
        layout_word(out, _("UNTIL"), UNTIL_COLUMNS);
        buf_printf(out, "%s\n", _("FOR"));
}

struct grants_page {
        struct ledger_page page;
        bool overdue_only;
};

static int row_grant(struct cli *c, const struct call_row *row, void *arg) {
        struct ledger_page *p = arg;
        const struct grants_page *all = CONTAINER_OF(p, struct grants_page, page);
        bool overdue = row->number == OWNER_O_GRANTED_ROW && row->m->o_granted.state == GRANTED_OVERDUE;
        if (row->number != OWNER_O_GRANTED_ROW)
                return 0;
        p->next = row->m->o_granted.line + 1;
        p->overdue += overdue;
        if (all->overdue_only && !overdue)
                return 0;
        if (c->json) {
                p->any = true;
                return cli_row_json(c, row, NULL);
        }
        if (!p->any)
                grant_head(&c->out);
        p->any = true;
        grant_line(c, &row->m->o_granted);
        return cli_flush(c);
}

/* What others gave to this home. */
static int row_received(struct cli *c, const struct call_row *row, void *arg) {
        const bool *any = arg;
        if (row->number == CONTROL_GIVEN_ROW && !*any && !c->json)
                buf_printf(&c->out, "\n%s\n\n", _("Given to this home:"));
        return row_given(c, row, arg);
}

static int run_list(struct cli *c, const struct args *a) {
        struct grants_page p = {.overdue_only = args_has(a, OPT_OVERDUE)};
        struct wire_c_none none = {0};
        bool any = false;
        int r = ledger_pages(c, a, OWNER_O_GRANTS, row_grant, &p.page);
        if (!r && !p.page.any && !c->json)
                buf_add_str(&c->out,
                            p.overdue_only ? _("No grant is overdue.\n") : _("No clip was granted to anybody.\n"));
        if (!r && !p.overdue_only && !args_has(a, OPT_CLIP) && !args_has(a, OPT_SINCE))
                r = cli_ask(c, CONTROL_GIVEN, &none, row_received, &any);
        if (!r && p.page.overdue)
                cli_note(c, "overdue: the time is over, and the recipient has not said that its copy is gone");
        return r;
}

static const struct option list_options[] = {
        OPTION_ROWS_LEDGER,
        {OPT_OVERDUE, "overdue", NULL,
         N_("only those whose recipient should have deleted its copy, and has not said so"), OPTION_FLAG},
        OPTION_END,
};

const struct command command_grant_list = {
        .group = "grant",
        .name = "list",
        .synopsis = "[--clip ID] [--since T] [--overdue]",
        .brief = N_("who was given which clip, and what became of it"),
        .help = N_("open: the recipient has not signed your terms, and has no key. released: it has.\n"
                   "complete: and every byte. deleted: it says that its copy is gone. overdue: the\n"
                   "time is over and it has not said so. expired, revoked, destroyed: no key will\n"
                   "leave. broken-off: the vault was stopped before it had wrapped the key.\n"),
        .examples = N_("  porchlight grant list --json | jq -r 'select(.state==\"overdue\").name'\n"),
        .options = list_options,
        .run = run_list,
};

/* ---- revoke ---- */

static int run_revoke(struct cli *c, const struct args *a) {
        return ledger_consent(c, a, OWNER_O_REVOKE, _("Take it back? [y/N] "), _("taken back\n"));
}

static const struct option revoke_options[] = {OPTION_ROWS_SIGN, OPTION_END};

const struct command command_grant_revoke = {
        .group = "grant",
        .name = "revoke",
        .synopsis = "ID [--yes] [--passphrase-file F]",
        .brief = N_("take a grant back"),
        .help = N_("A key that has not left never will. Of one that has, the recipient is told to\n"
                   "delete its copy; nobody can force that.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight grant revoke 7c21e0aa\n"),
        .options = revoke_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_revoke,
};
