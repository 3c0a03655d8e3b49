/* SPDX-License-Identifier: Apache-2.0 */
/* Help, printed from the rows of the commands. */
#include "cli/cli.h"

#include "base/text.h"
#include "wire/json.h"

#define OPTION_COLUMN 28 /* where the explanation of an option begins */
#define BRIEF_COLUMN 19
#define WORD_COLUMN 23
#define OPTION_INDENT 2

static const char opening[] =
        N_("Porchlight: the homes of a neighbourhood warn each other, without a company in between.\n"
           "It is not an emergency service: call 112 or 911 first.\n"
           "\n"
           "Usage: porchlight COMMAND [WORDS] [--data DIR] [--json]\n");

static const char closing[] = N_("Examples:\n"
                                 "  porchlight nearby                      what is going on\n"
                                 "  porchlight post smoke \"Behind no. 12\"  warn the others\n"
                                 "  porchlight help post                   how a command works\n"
                                 "\n"
                                 "Exit codes: 0 done, 1 failed, 2 usage, 3 daemon not reachable, 4 no such thing,\n"
                                 "5 refused by a rule, 6 saved but not yet sent, 7 passphrase needed.\n");

void help_words(struct buf *out, const struct command *cmd) {
        buf_add_str(out, "porchlight");
        if (cmd->group)
                buf_printf(out, " %s", cmd->group);
        if (cmd->name)
                buf_printf(out, " %s", cmd->name);
}

/* On the next line if there is no room between. */
void help_row(struct buf *out, struct span left, size_t column, const char *right) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        size_t used = OPTION_INDENT + text_columns(left);
        layout_wrap(&text, span_str(right), column, CLI_COLUMNS);
        buf_add_str(out, "  ");
        buf_add(out, left);
        if (used + 2 > column) {
                buf_add_u8(out, '\n');
                buf_add(out, buf_span(&text));
                return;
        }
        buf_add(out, span_from(buf_span(&text), used)); /* the wrapped text begins with at least so many spaces */
}

static void option_row(struct buf *out, const struct option *o) {
        _clean_(buf_fini) struct buf left = BUF_NULL;
        buf_printf(&left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        help_row(out, buf_span(&left), OPTION_COLUMN, _(o->help));
}

static void options_of(struct buf *out, const struct command *cmd) {
        buf_add_str(out, _("\nOptions:\n"));
        for (const struct option *o = cmd->options; o && o->name; o++)
                option_row(out, o);
        for (const struct option *o = options_everywhere; o->name; o++)
                if (o->id != OPT_VERSION)
                        option_row(out, o);
}

static void enum_rows(struct buf *out, const struct option *o) {
        buf_printf(out, _("\n%s of --%s:\n"), o->value, o->name);
        for (size_t i = 0; i < o->of->n; i++)
                help_row(out, span_str(o->of->rows[i].spelling), WORD_COLUMN, _(o->of->rows[i].doc));
}

/* The words an option may take are explained where the command posts; elsewhere its line lists enough. */
static void enums_of(struct buf *out, const struct command *cmd) {
        for (const struct option *o = cmd->options; o && o->name; o++)
                if (o->kind == OPTION_ENUM && o->id != OPT_KIND && o->id != OPT_SOURCE && o->id != OPT_PRECISION)
                        enum_rows(out, o);
}

static void brief_row(struct buf *out, const struct command *cmd) {
        _clean_(buf_fini) struct buf left = BUF_NULL;
        buf_printf(&left, "%s%s%s", cmd->group ? cmd->group : "", cmd->group && cmd->name ? " " : "",
                   cmd->name ? cmd->name : "");
        help_row(out, buf_span(&left), BRIEF_COLUMN, _(cmd->brief));
}

/* `invite` makes a ticket, and is also the first word of what else is done with tickets. */
static void also(struct buf *out, const struct command *cmd) {
        buf_add_str(out, _("\nAlso:\n"));
        for (size_t i = 0; commands[i]; i++)
                if (commands[i] != cmd && commands[i]->group && strcmp(commands[i]->group, cmd->group) == 0)
                        brief_row(out, commands[i]);
}

void help_command(struct buf *out, const struct command *cmd) {
        _clean_(buf_fini) struct buf usage = BUF_NULL;
        help_words(&usage, cmd);
        if (*cmd->synopsis)
                buf_printf(&usage, " %s", cmd->synopsis);
        buf_printf(out, _("%s\n\nUsage:\n"), _(cmd->brief));
        layout_wrap(out, buf_span(&usage), OPTION_INDENT, CLI_COLUMNS);
        if (cmd->help)
                buf_printf(out, "\n%s%s%s", cmd->before ? _(cmd->before) : "", _(cmd->help),
                           cmd->after ? _(cmd->after) : "");
        if (cmd->more) {
                buf_add_u8(out, '\n');
                cmd->more(out);
        }
        if (cmd->examples)
                buf_printf(out, _("\nExamples:\n%s"), _(cmd->examples));
        options_of(out, cmd);
        if (cmd->options)
                enums_of(out, cmd);
        if (cmd->group && !cmd->name)
                also(out, cmd);
}

static void json_text(struct buf *out, const char *name, const char *value) {
        buf_printf(out, ",\"%s\":", name);
        json_string(out, span_str(value));
}

static void option_json(struct buf *out, const struct option *o) {
        buf_printf(out, "{\"name\":\"--%s\"", o->name);
        if (o->value)
                json_text(out, "value", o->value);
        json_text(out, "help", o->help);
        if (o->kind == OPTION_ENUM) {
                buf_add_str(out, ",\"words\":[");
                for (size_t i = 0; i < o->of->n; i++)
                        buf_printf(out, "%s\"%s\"", i ? "," : "", o->of->rows[i].spelling);
                buf_add_u8(out, ']');
        }
        buf_add_u8(out, '}');
}

void help_command_json(struct buf *out, const struct command *cmd) {
        _clean_(buf_fini) struct buf words = BUF_NULL;
        const char *between = "";
        help_words(&words, cmd);
        buf_add_str(out, "{\"v\":1");
        json_text(out, "command", buf_cstr(&words));
        json_text(out, "synopsis", cmd->synopsis);
        json_text(out, "brief", cmd->brief);
        buf_add_str(out, ",\"options\":[");
        for (const struct option *o = cmd->options; o && o->name; o++, between = ",") {
                buf_add_str(out, between);
                option_json(out, o);
        }
        for (const struct option *o = options_everywhere; o->name; o++, between = ",") {
                buf_add_str(out, between);
                option_json(out, o);
        }
        buf_add_str(out, "]}\n");
}

void help_group(struct buf *out, const char *group) {
        buf_printf(out, _("Usage: porchlight %s COMMAND\n\n"), group);
        for (size_t i = 0; commands[i]; i++)
                if (commands[i]->group && strcmp(commands[i]->group, group) == 0)
                        brief_row(out, commands[i]);
        buf_printf(out, _("\n`porchlight %s COMMAND --help` explains one.\n"), group);
}

void help_overview(struct buf *out) {
        layout_wrap(out, span_str(_(opening)), 0, CLI_COLUMNS);
        buf_add_str(out, _("\nCommands:\n"));
        for (size_t i = 0; commands[i]; i++)
                brief_row(out, commands[i]);
        buf_printf(out, "\n%s", _(closing));
}
