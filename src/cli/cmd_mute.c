/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mute add, list, remove: what nearby and watch of this home leave out. Nothing else changes: the daemon keeps it and
 * passes it on as before, and no other home learns of it.
 */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"

#define MUTE_MAX (365 * 86400) /* seconds, as in proto/control.def */
#define WHAT_COLUMNS 34
#define WHICH_COLUMNS 9

#define OPTION_ROW_MUTE_KIND                                                                                           \
        { OPT_KIND, "kind", "K", N_("a kind, in place of a household"), OPTION_ENUM, &wire_kind_enum }

static void what_text(struct buf *out, const struct wire_c_muted *m) {
        if (WIRE_HAS(m, C_MUTED, kind)) {
                layout_enum(out, &wire_kind_enum, m->kind);
                return;
        }
        text_show(out, m->household, false);
        buf_add_str(out, " (");
        layout_id(out, m->id);
        buf_add_str(out, ")");
}

/* ---- add, remove ---- */

static int row_muted(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        const char *done = arg;
        if (row->number != CONTROL_MUTE_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        const struct wire_c_muted *m = &row->m->c_muted;
        buf_printf(&text, "%s: ", _(done));
        what_text(&text, m);
        if (WIRE_HAS(m, C_MUTED, until)) {
                buf_add_str(&text, _(", until "));
                when_local(&text, m->until, c->now);
        }
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        return 0;
}

/* What is meant: --kind, or the word. 0 or an exit code (said). */
static int mute_from(struct cli *c, const struct args *a, struct wire_c_mute *ret) {
        const struct option_value *kind = args_get(a, OPT_KIND);
        bool household = a->n_words == 1 && *a->words[0];
        if (!kind == !household)
                return cli_usage(c, "give one of both", "it takes a household or --kind K");
        if (kind)
                WIRE_PUT(ret, C_MUTE, kind, kind->n);
        else
                WIRE_PUT(ret, C_MUTE, household, span_str(a->words[0]));
        return 0;
}

static const struct option add_options[] = {
        OPTION_ROW_MUTE_KIND,
        {OPT_FOR_TIME, "for", "2h", N_("only so long; until it is removed if absent"), OPTION_DURATION, NULL, 1,
         MUTE_MAX},
        OPTION_END,
};

static int run_add(struct cli *c, const struct args *a) {
        const struct option_value *lasts = args_get(a, OPT_FOR_TIME);
        struct wire_c_mute m = {0};
        static char done[] = N_("Muted");
        int r = mute_from(c, a, &m);
        if (r)
                return r;
        if (lasts)
                WIRE_PUT(&m, C_MUTE, expires_in, lasts->n);
        return cli_ask(c, CONTROL_MUTE, &m, row_muted, done);
}

const struct command command_mute_add = {
        .group = "mute",
        .name = "add",
        .synopsis = "(H | --kind K) [--for 2h]",
        .brief = N_("leave a household or a kind out of nearby and watch"),
        .help = N_("H is a household's name, its id, or 4 letters and digits of the id's beginning\n"
                   "or more. Muting stays in this house: what is muted is kept and passed on as\n"
                   "before, nobody learns of it, and --muted of nearby and watch shows it.\n"
                   "\n"
                   "A muted household's asks for footage are left out of `ask list`, `inbox` and\n"
                   "watch as well.\n"
                   "\n"
                   "Urgent alerts of a muted household are shown all the same. Only --kind leaves\n"
                   "urgent ones out, too: those of that very kind.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight mute add --kind noise --for 8h\n"
                   "  porchlight mute add \"Number 9\"\n"),
        .options = add_options,
        .max_words = 1,
        .takes = WORD_HOUSEHOLD,
        .run = run_add,
};

static const struct option remove_options[] = {
        OPTION_ROW_MUTE_KIND,
        OPTION_END,
};

static int run_remove(struct cli *c, const struct args *a) {
        struct wire_c_mute m = {0};
        static char done[] = N_("No longer muted");
        int r = mute_from(c, a, &m);
        return r ? r : cli_ask(c, CONTROL_UNMUTE, &m, row_muted, done);
}

const struct command command_mute_remove = {
        .group = "mute",
        .name = "remove",
        .synopsis = "H | --kind K",
        .brief = N_("show a household or a kind again"),
        .help = N_("What came meanwhile is there: nearby shows what of it is in force.\n"
                   "\nExamples:\n  porchlight mute remove --kind noise\n  porchlight mute remove \"Number 9\"\n"),
        .options = remove_options,
        .max_words = 1,
        .takes = WORD_HOUSEHOLD,
        .run = run_remove,
};

/* ---- list ---- */

static void list_head(struct buf *out) {
        layout_word(out, _("MUTED"), WHICH_COLUMNS + 2 + WHAT_COLUMNS + 2);
        buf_printf(out, "%s\n", _("UNTIL"));
}

static int row_list(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf what = BUF_NULL;
        bool *any = arg;
        if (row->number != CONTROL_MUTE_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!*any)
                list_head(&c->out);
        *any = true;
        const struct wire_c_muted *m = &row->m->c_muted;
        what_text(&what, m);
        layout_word(&c->out, WIRE_HAS(m, C_MUTED, kind) ? _("kind") : _("household"), WHICH_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, buf_span(&what), WHAT_COLUMNS);
        buf_add_str(&c->out, "  ");
        if (WIRE_HAS(m, C_MUTED, until))
                when_local(&c->out, m->until, c->now);
        else
                buf_add_str(&c->out, _("it is removed"));
        buf_add_u8(&c->out, '\n');
        return cli_flush(c);
}

static int run_list(struct cli *c, const struct args *a) {
        (void)a;
        return cli_list(c, CONTROL_MUTES, row_list, _("Nothing is muted.\n"));
}

const struct command command_mute_list = {
        .group = "mute",
        .name = "list",
        .synopsis = "",
        .brief = N_("what nearby and watch leave out"),
        .run = run_list,
};
