/* SPDX-License-Identifier: Apache-2.0 */
/* For zsh 5: _arguments does the work, with a line of specifications a command. */
#include "cli/complete.h"

#define SPEC_SPECIAL "[]:\\" /* characters with a meaning in a specification */

/* clang-format off */
static const char head[] =
        "#compdef porchlight\n"
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# Completes command lines of porchlight in zsh. Written by `porchlight completion zsh`.\n"
        "\n"
        COMPLETE_ASKING
        "\n"
        "__porchlight_offer() {\n"
        "        local -a lines=(\"${(@f)$(cat)}\") expl\n"
        "        lines=(\"${(@)lines:#}\")\n"
        "        _wanted words expl \"$1\" compadd -M 'm:{a-zA-Z}={A-Za-z}' -a lines\n"
        "}\n"
        "\n"
        "__porchlight_alerts() {\n"
        "        __porchlight_offer alert < <(__porchlight_ask nearby | __porchlight_ids)\n"
        "}\n"
        "\n"
        "__porchlight_households() {\n"
        "        __porchlight_offer household < <(__porchlight_ask member list | __porchlight_field name)\n"
        "}\n"
        "\n"
        "__porchlight_proposals() {\n"
        "        __porchlight_offer proposal < <(__porchlight_ask member proposals | __porchlight_ids)\n"
        "}\n"
        "\n"
        "__porchlight_places() {\n"
        "        __porchlight_offer place < <(echo home; __porchlight_ask place list | __porchlight_field name | grep -vx home)\n"
        "}\n"
        "\n"
        "__porchlight_tickets() {\n"
        "        __porchlight_offer ticket < <(__porchlight_ask invite list | __porchlight_ids)\n"
        "}\n"
        "\n"
        "__porchlight_devices() {\n"
        "        __porchlight_offer device < <(__porchlight_ask device list | __porchlight_field name; __porchlight_ask device codes | __porchlight_ids)\n"
        "}\n";
/* clang-format on */

/* clang-format off */
static const char tail[] =
        "\n"
        "_porchlight() {\n"
        "        local data= word command\n"
        "        local -i i=2 at=${words[(i)--data]}\n"
        "        local -a named\n"
        "        (( at < $#words )) && data=${(Q)words[at + 1]/#\\~/$HOME}\n"
        "        while (( i < CURRENT && $#named < 2 )); do\n"
        "                word=$words[i]\n"
        "                case $word in\n"
        "                --data) (( i += 2 )); continue ;;\n"
        "                --data=* | --json | --help | -h | --version) (( i += 1 )); continue ;;\n"
        "                -*) break ;;\n"
        "                esac\n"
        "                (( ! $#named )) || __porchlight_is \"$named[1] $word\" || break\n"
        "                named+=(\"$word\")\n"
        "                (( i += 1 ))\n"
        "        done\n"
        "        command=\"$named\"\n"
        "        if (( i >= CURRENT )) && [[ $words[CURRENT] != -* ]]; then\n"
        "                (( $#named < 2 )) && __porchlight_names \"$command\" && return\n"
        "        fi\n"
        "        (( i <= CURRENT )) || i=CURRENT\n"
        "        words=(porchlight \"${(@)words[i,-1]}\")\n"
        "        (( CURRENT += 2 - i ))\n"
        "        __porchlight_arguments\n"
        "}\n"
        "\n"
        "if [[ $funcstack[1] == _porchlight ]]; then\n"
        "        _porchlight \"$@\"\n"
        "else\n"
        "        compdef _porchlight porchlight\n"
        "fi\n";
/* clang-format on */

/* In single quotes for the shell. */
static void spec_text(struct buf *out, const char *text) {
        _clean_(buf_fini) struct buf escaped = BUF_NULL;
        complete_escape(&escaped, text, SPEC_SPECIAL);
        for (const char *p = buf_cstr(&escaped); *p; p++)
                if (*p == '\'')
                        buf_add_str(out, "'\\''");
                else
                        buf_add_u8(out, (uint8_t)*p);
}

static void action(struct buf *out, const struct option *o) {
        switch (o->kind) {
        case OPTION_FLAG:
                return;
        case OPTION_ENUM:
                buf_add_u8(out, '(');
                complete_enum(out, o->of);
                buf_add_u8(out, ')');
                return;
        case OPTION_FILE:
                buf_add_str(out, o->id == OPT_DATA ? "_files -/" : "_files");
                return;
        case OPTION_PLACE:
                buf_add_str(out, "__porchlight_places");
                return;
        case OPTION_REST:
                buf_add_str(out, "_normal");
                return;
        case OPTION_TEXT:
        case OPTION_DURATION:
        case OPTION_TIME:
        case OPTION_NUMBER:
        case OPTION_DISTANCE:
                buf_add_u8(out, ' ');
                return;
        }
}

/* '--expires=[when it ends]:D: ' */
static void option_spec(struct buf *out, const struct option *o) {
        bool rest = o->kind == OPTION_REST;
        buf_printf(out, " \\\n                        '%s--%s%s[", o->many ? "*" : "", o->name,
                   o->kind == OPTION_FLAG || rest ? "" : "=");
        spec_text(out, o->help);
        buf_add_u8(out, ']');
        if (o->value) {
                buf_add_str(out, rest ? ":*::" : ":");
                spec_text(out, o->value);
                buf_add_u8(out, ':');
                action(out, o);
        }
        buf_add_u8(out, '\'');
}

static const char *first_word(enum word_kind takes) {
        switch (takes) {
        case WORD_OTHER:
                return NULL;
        case WORD_KIND:
                return "1:kind:__porchlight_kinds";
        case WORD_ALERT:
                return "1:alert:__porchlight_alerts";
        case WORD_HOUSEHOLD:
                return "1:household:__porchlight_households";
        case WORD_PROPOSAL:
                return "1:proposal:__porchlight_proposals";
        case WORD_TICKET_ID:
                return "1:ticket:__porchlight_tickets";
        case WORD_DEVICE:
                return "1:device:__porchlight_devices";
        case WORD_FILE:
                return "1:file:_files";
        case WORD_SHELL:
                return "1:shell:(bash zsh fish)";
        case WORD_SETTING:
                return "1:setting:__porchlight_settings";
        case WORD_PLACE:
                return "1:place:__porchlight_places";
        case WORD_COMMAND:
                return "1:command:{__porchlight_names \"\"}' '2:command:{__porchlight_names \"$words[2]\"}";
        }
        return NULL;
}

static void command_specs(struct buf *out, const struct command *cmd) {
        const char *first = first_word(cmd->takes);
        buf_add_str(out, "        '");
        complete_words(out, cmd);
        buf_add_str(out, "')\n                _arguments");
        for (const struct option *o = cmd->options; o && o->name; o++)
                option_spec(out, o);
        if (first)
                buf_printf(out, " \\\n                        '%s'", first);
        if (cmd->max_words != 0)
                buf_add_str(out, " \\\n                        '*:word: '");
        buf_add_str(out, " $everywhere\n                ;;\n");
}

static void arguments_function(struct buf *out) {
        buf_add_str(out, "\n__porchlight_arguments() {\n        local -a everywhere=(");
        for (const struct option *o = options_everywhere; o->name; o++)
                option_spec(out, o);
        buf_add_str(out, "\n        )\n        case $command in\n");
        for (size_t i = 0; commands[i]; i++)
                command_specs(out, commands[i]);
        buf_add_str(out, "        *) _arguments $everywhere ;;\n        esac\n}\n");
}

static void described(struct buf *out, const char *word, const char *brief) {
        buf_printf(out, " \\\n                        '%s:", word);
        spec_text(out, brief);
        buf_add_u8(out, '\'');
}

/* Offers the words that may come first, or second behind a group's. Fails where none may. */
static void names_function(struct buf *out) {
        buf_add_str(out, "\n__porchlight_names() {\n        local -a names\n        case $1 in\n"
                         "        '')\n                names=(");
        for (size_t i = 0; commands[i]; i++)
                if (complete_is_first(i))
                        described(out, complete_first(commands[i]), complete_first_brief(commands[i]));
        buf_add_str(out, ")\n                ;;\n");
        for (size_t i = 0; commands[i]; i++) {
                const char *group = commands[i]->group;
                if (!group || !complete_is_first(i))
                        continue;
                buf_printf(out, "        %s)\n                names=(", group);
                for (size_t k = i; commands[k]; k++)
                        if (commands[k]->name && commands[k]->group && strcmp(commands[k]->group, group) == 0)
                                described(out, commands[k]->name, commands[k]->brief);
                buf_add_str(out, ")\n                ;;\n");
        }
        buf_add_str(out, "        *) return 1 ;;\n        esac\n        _describe command names\n}\n");
}

static void is_function(struct buf *out) {
        const char *between = "        ";
        buf_add_str(out, "\n__porchlight_is() {\n        case $1 in\n");
        for (size_t i = 0; commands[i]; i++) {
                if (!commands[i]->group || !commands[i]->name)
                        continue;
                buf_printf(out, "%s'%s %s'", between, commands[i]->group, commands[i]->name);
                between = " | ";
        }
        buf_add_str(out, ") return 0 ;;\n        esac\n        return 1\n}\n");
}

static void kinds_function(struct buf *out) {
        buf_add_str(out, "\n__porchlight_kinds() {\n        local -a kinds=(");
        for (size_t i = 0; i < wire_kinds_n; i++)
                described(out, wire_kinds[i].spelling, wire_kinds[i].doc);
        buf_add_str(out, ")\n        _describe kind kinds\n}\n");
}

static void settings_function(struct buf *out) {
        buf_add_str(out,
                    "\n__porchlight_settings() {\n        local expl\n        _wanted words expl setting compadd ");
        complete_settings(out);
        buf_add_str(out, "\n}\n");
}

void complete_zsh(struct buf *out) {
        buf_add_str(out, head);
        kinds_function(out);
        settings_function(out);
        names_function(out);
        is_function(out);
        arguments_function(out);
        buf_add_str(out, tail);
}
