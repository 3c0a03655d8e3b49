/* SPDX-License-Identifier: Apache-2.0 */
/* For fish 3: a list of `complete` lines, each with the condition under which it counts. */
#include "cli/complete.h"

/* clang-format off */
static const char head[] =
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# Completes command lines of porchlight in fish. Written by `porchlight completion fish`.\n"
        "\n"
        "# Asks the daemon. Without one there is nothing to offer, and nothing is said.\n"
        "function __porchlight_ask\n"
        "    set -l data\n"
        "    set -l tokens (commandline -opc)\n"
        "    if set -l at (contains -i -- --data $tokens)\n"
        "        set -l next (math $at + 1)\n"
        "        set -q tokens[$next]; and set data --data $tokens[$next]\n"
        "    end\n"
        "    command porchlight $data $argv --json 2>/dev/null </dev/null\n"
        "end\n"
        "\n"
        "# A field of each line of JSON.\n"
        "function __porchlight_field\n"
        "    sed -nE 's/^.*\"'$argv[1]'\":\"(([^\"\\\\\\\\]|\\\\\\\\.)*)\".*$/\\\\1/p' | sed -E 's/\\\\\\\\([\"\\\\\\\\])/\\\\1/g'\n"
        "end\n"
        "\n"
        "function __porchlight_ids\n"
        "    __porchlight_field id | string sub -l 8\n"
        "end\n"
        "\n"
        "function __porchlight_places\n"
        "    begin; echo home; __porchlight_ask place list | __porchlight_field name; end | sort -u\n"
        "end\n"
        "\n"
        "# Alerts with what they are, behind a tab.\n"
        "function __porchlight_alerts\n"
        "    __porchlight_ask nearby | string replace -rf '^.*?\"id\":\"(.{8}).*?\"kind\":\"([a-z-]*)\".*\"state\":\"([a-z]*)\".*$' '$1\\t$2, $3'\n"
        "end\n"
        "\n"
        "# Succeeds if the words so far, without options, are just these.\n"
        "function __porchlight_at\n"
        "    set -l words (__porchlight_words)\n"
        "    test \"$words\" = \"$argv\"\n"
        "end\n"
        "\n"
        "# Succeeds if the words so far, without options, begin with these.\n"
        "function __porchlight_in\n"
        "    set -l words (__porchlight_words)\n"
        "    set -l n (count $argv)\n"
        "    test (count $words) -ge $n; and test \"$words[1..$n]\" = \"$argv\"\n"
        "end\n";
/* clang-format on */

static void words_function(struct buf *out) {
        const struct option *o;
        buf_add_str(out, "\n# The words so far, without options and their values.\n"
                         "function __porchlight_words\n"
                         "    set -l tokens (commandline -opc)\n"
                         "    set -l value no\n"
                         "    for token in $tokens[2..-1]\n"
                         "        if test $value = yes\n"
                         "            set value no\n"
                         "            continue\n"
                         "        end\n"
                         "        switch $token\n"
                         "            case");
        for (size_t i = 0; (o = complete_option(i)); i++)
                if (o->kind != OPTION_FLAG)
                        buf_printf(out, " --%s", o->name);
        buf_add_str(out, "\n"
                         "                set value yes\n"
                         "            case '-*'\n"
                         "            case '*'\n"
                         "                printf '%s\\n' $token\n"
                         "        end\n"
                         "    end\n"
                         "end\n\n");
}

static void quoted(struct buf *out, const char *text) {
        buf_add_u8(out, '\'');
        complete_escape(out, text, "'\\");
        buf_add_u8(out, '\'');
}

static void option_line(struct buf *out, const struct option *o, struct span condition) {
        buf_add_str(out, "complete -c porchlight");
        if (condition.n) {
                buf_add_str(out, " -n '");
                buf_add(out, condition);
                buf_add_u8(out, '\'');
        }
        buf_printf(out, " -l %s", o->name);
        if (o->id == OPT_DATA)
                buf_add_str(out, " -x -a '(__fish_complete_directories)'");
        else if (o->kind == OPTION_REST)
                buf_add_str(out, " -x -a '(__fish_complete_command)'");
        else if (o->kind == OPTION_FILE)
                buf_add_str(out, " -r -F");
        else if (o->kind == OPTION_PLACE)
                buf_add_str(out, " -x -a '(__porchlight_places)'");
        else if (o->kind != OPTION_FLAG)
                buf_add_str(out, " -x");
        if (o->kind == OPTION_ENUM) {
                buf_add_str(out, " -a '");
                complete_enum(out, o->of);
                buf_add_u8(out, '\'');
        }
        buf_add_str(out, " -d ");
        quoted(out, o->help);
        buf_add_u8(out, '\n');
}

/* "__porchlight_in invite; and not __porchlight_in invite list": a group's own word is a command only by itself. */
static void condition_of(struct buf *out, const struct command *cmd) {
        buf_add_str(out, "__porchlight_in ");
        complete_words(out, cmd);
        for (size_t i = 0; !cmd->name && commands[i]; i++)
                if (commands[i]->name && commands[i]->group && strcmp(commands[i]->group, cmd->group) == 0)
                        buf_printf(out, "; and not __porchlight_in %s %s", cmd->group, commands[i]->name);
}

static void kind_lines(struct buf *out) {
        for (size_t i = 0; i < wire_kinds_n; i++) {
                buf_printf(out, "complete -c porchlight -n '__porchlight_at post' -a %s -d ", wire_kinds[i].spelling);
                quoted(out, wire_kinds[i].doc);
                buf_add_u8(out, '\n');
        }
}

static void setting_line(struct buf *out, const struct command *cmd) {
        buf_add_str(out, "complete -c porchlight -n '__porchlight_at ");
        complete_words(out, cmd);
        buf_add_str(out, "' -a '");
        complete_settings(out);
        buf_add_str(out, "'\n");
}

static const char *candidates(enum word_kind takes) {
        switch (takes) {
        case WORD_ALERT:
                return "(__porchlight_alerts)";
        case WORD_HOUSEHOLD:
                return "(__porchlight_ask member list | __porchlight_field name)";
        case WORD_PROPOSAL:
                return "(__porchlight_ask member proposals | __porchlight_ids)";
        case WORD_TICKET_ID:
                return "(__porchlight_ask invite list | __porchlight_ids)";
        case WORD_DEVICE:
                return "(__porchlight_ask device list | __porchlight_field name; __porchlight_ask device codes | "
                       "__porchlight_ids)";
        case WORD_SHELL:
                return "bash zsh fish";
        case WORD_PLACE:
                return "(__porchlight_places)";
        case WORD_FILE:
                return "(__fish_complete_path (commandline -ct))";
        case WORD_OTHER:
        case WORD_SETTING:
        case WORD_KIND: /* have lines of their own */
        case WORD_COMMAND:
                return NULL;
        }
        return NULL;
}

static void command_lines(struct buf *out, const struct command *cmd) {
        _clean_(buf_fini) struct buf condition = BUF_NULL;
        const char *offer = candidates(cmd->takes);
        condition_of(&condition, cmd);
        for (const struct option *o = cmd->options; o && o->name; o++)
                option_line(out, o, buf_span(&condition));
        if (cmd->takes == WORD_KIND)
                kind_lines(out);
        if (cmd->takes == WORD_SETTING)
                setting_line(out, cmd);
        if (!offer)
                return;
        buf_add_str(out, "complete -c porchlight -n '__porchlight_at ");
        complete_words(out, cmd);
        buf_printf(out, "' -a '%s'\n", offer);
}

static void name_lines(struct buf *out, const char *before) {
        for (size_t i = 0; commands[i]; i++) {
                if (!complete_is_first(i))
                        continue;
                buf_printf(out, "complete -c porchlight -n '__porchlight_at%s' -a %s -d ", before,
                           complete_first(commands[i]));
                quoted(out, complete_first_brief(commands[i]));
                buf_add_u8(out, '\n');
        }
        for (size_t i = 0; commands[i]; i++) {
                if (!commands[i]->group || !commands[i]->name)
                        continue;
                buf_printf(out, "complete -c porchlight -n '__porchlight_at%s %s' -a %s -d ", before,
                           commands[i]->group, commands[i]->name);
                quoted(out, commands[i]->brief);
                buf_add_u8(out, '\n');
        }
}

void complete_fish(struct buf *out) {
        buf_add_str(out, head);
        words_function(out);
        buf_add_str(out, "complete -c porchlight -f\n");
        for (const struct option *o = options_everywhere; o->name; o++)
                option_line(out, o, SPAN_NONE);
        name_lines(out, "");
        name_lines(out, " help");
        for (size_t i = 0; commands[i]; i++)
                command_lines(out, commands[i]);
}
