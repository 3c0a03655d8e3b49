/* SPDX-License-Identifier: Apache-2.0 */
/* help, version */
#include "cli/commands.h"

#include "wire/json.h"

/* All commands, or those of a group, one a line: what completions and the manual page are checked against. */
static void help_json(struct cli *c, const char *group) {
        for (size_t i = 0; commands[i]; i++)
                if (!group || (commands[i]->group && strcmp(commands[i]->group, group) == 0))
                        help_command_json(&c->out, commands[i]);
}

static int run_help(struct cli *c, const struct args *a) {
        const char *first = a->n_words > 0 ? a->words[0] : NULL, *second = a->n_words > 1 ? a->words[1] : NULL;
        if (!first) {
                if (c->json)
                        help_json(c, NULL);
                else
                        help_overview(&c->out);
                return 0;
        }
        const struct command *cmd = second ? command_find(first, second) : command_find(NULL, first);
        if (!cmd && !second)
                cmd = command_find(first, NULL);
        if (cmd) {
                (c->json ? help_command_json : help_command)(&c->out, cmd);
                return 0;
        }
        if (!group_exists(first) || second)
                return cli_usage(c, "`porchlight help` lists them", "there is no command \"%s%s%s\"", first,
                                 second ? " " : "", second ? second : "");
        if (c->json)
                help_json(c, first);
        else
                help_group(&c->out, first);
        return 0;
}

const struct command command_help = {
        .name = "help",
        .synopsis = "[COMMAND]",
        .brief = N_("explain a command"),
        .max_words = 2,
        .takes = WORD_COMMAND,
        .run = run_help,
};

static int run_version(struct cli *c, const struct args *a) {
        if (!c->json && !args_has(a, OPT_JSON)) {
                buf_add_str(&c->out, "porchlight " PORCHLIGHT_VERSION "\n");
                return 0;
        }
        buf_add_str(&c->out, "{\"v\":1,\"version\":");
        json_string(&c->out, SPAN_STR(PORCHLIGHT_VERSION));
        buf_add_str(&c->out, "}\n");
        return 0;
}

const struct command command_version = {
        .name = "version",
        .synopsis = "",
        .brief = N_("print the version of this tool; `status` has the daemon's"),
        .run = run_version,
};
