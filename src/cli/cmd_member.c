/* SPDX-License-Identifier: Apache-2.0 */
/* member list, member proposals */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/proposal.h"

#define NAME_COLUMNS 24
#define BY_COLUMNS 12
#define RIGHT_COLUMNS 8
#define LINK_COLUMNS 7
#define TEXT_INDENT 10 /* behind the ids */

/* They take space in every home. Who signs them on purpose can be put out. */
static void contradictions_line(struct cli *c, const struct wire_c_member *m) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        buf_printf(&text, _("signed %llu operations that contradict each other"),
                   (unsigned long long)m->contradictions);
        if (!m->mine) {
                buf_add_str(&text, _("; to put it out: porchlight member remove "));
                layout_id(&text, m->id);
        }
        layout_wrap(&c->out, buf_span(&text), TEXT_INDENT, CLI_COLUMNS);
}

/* It is no member yet, and what would make it one. */
static void waits_line(struct cli *c, enum wire_e_waits why) {
        const char *text = "";
        switch (why) {
        case WAITS_PLACE:
                text = _("WAITS FOR A PLACE: who invited it has as many homes as it may. It is a member when one of "
                         "those goes, or as a new household on somebody else's ticket.");
                break;
        case WAITS_DAY:
                text = _("WAITS FOR A PLACE: who invited it had as many homes that day as a steward may. It can join "
                         "as a new household on a ticket of today.");
                break;
        case WAITS_FULL:
                text = _("WAITS FOR A PLACE: the mesh has as many homes as its charter allows. It is a member when "
                         "one of them goes.");
                break;
        case WAITS_INVITER:
                text = _("WAITS FOR A PLACE, as who invited it does. It is a member when that home is, or as a new "
                         "household on somebody else's ticket.");
                break;
        }
        layout_wrap(&c->out, span_str(text), TEXT_INDENT, CLI_COLUMNS);
}

static void member_line(struct cli *c, const struct wire_c_member *m) {
        layout_id(&c->out, m->id);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, m->name, NAME_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_word(&c->out, m->steward ? _("steward") : "", RIGHT_COLUMNS);
        layout_word(&c->out, m->mine ? _("yours") : m->linked ? _("linked") : "", LINK_COLUMNS);
        layout_cell(&c->out, WIRE_HAS(m, C_MEMBER, invited_by) ? m->invited_by : span_str(_("(founder)")), BY_COLUMNS);
        buf_add_str(&c->out, " ");
        when_local(&c->out, m->joined, c->now);
        buf_add_u8(&c->out, '\n');
        if (WIRE_HAS(m, C_MEMBER, contradictions))
                contradictions_line(c, m);
        if (WIRE_HAS(m, C_MEMBER, waits))
                waits_line(c, (enum wire_e_waits)m->waits);
}

static void member_head(struct buf *out) {
        buf_add_str(out, "ID        ");
        layout_word(out, _("HOUSEHOLD"), NAME_COLUMNS + 2 + RIGHT_COLUMNS + LINK_COLUMNS);
        layout_word(out, _("INVITED BY"), BY_COLUMNS);
        buf_printf(out, " %s\n", _("JOINED"));
}

static int row_member(struct cli *c, const struct call_row *row, void *arg) {
        uint64_t *n = arg;
        if (row->number != CONTROL_MEMBER_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!(*n)++)
                member_head(&c->out);
        member_line(c, &row->m->c_member);
        return cli_flush(c);
}

static int run_members(struct cli *c, const struct args *a) {
        struct wire_c_none none = {0};
        uint64_t n = 0;
        bool any;
        (void)a;
        int r = cli_ask(c, CONTROL_MEMBERS, &none, row_member, &n);
        return r || c->json ? r : proposals_list(c, false, _("\nUnder vote:\n"), &any);
}

const struct command command_member_list = {
        .group = "member",
        .name = "list",
        .synopsis = "",
        .brief = N_("the homes of the mesh"),
        .help = N_("\"linked\" says that a link to one of its devices is up at the moment: a home\n"
                   "talks to a few others at a time, and alerts get around all the same. A home\n"
                   "that signed many operations which contradict each other is named: they take\n"
                   "space in every home. One that waits for a place is no member yet: more homes\n"
                   "were let in than may be; with --json it has \"waits\". Under the table stands\n"
                   "what is under vote.\n"),
        .run = run_members,
};

static int run_proposals(struct cli *c, const struct args *a) {
        bool any;
        (void)a;
        int r = proposals_list(c, true, "", &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, _("Nothing is under vote, and nothing was.\n"));
        return r;
}

const struct command command_member_proposals = {
        .group = "member",
        .name = "proposals",
        .synopsis = "",
        .brief = N_("what is under vote, and what was decided"),
        .help = N_("The newest first. Removing a home, and making or unmaking a steward, takes the\n"
                   "votes of several homes: each adds its own with `porchlight member endorse`.\n"
                   "\nExample:\n  porchlight member proposals --json | jq -r 'select(.in_force | not).id'\n"),
        .run = run_proposals,
};
