/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For bash 4.2 and later, without the bash-completion package. "--severity=minor" reaches a completion function as
 * three words, of which "=" is one. Names of homes have spaces and quotes: they are offered quoted.
 */
#include "cli/complete.h"

/* clang-format off */
static const char head[] =
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# Completes command lines of porchlight in bash. Written by `porchlight completion bash`.\n"
        "\n"
        COMPLETE_ASKING
        "\n"
        "# Offers the lines that begin with what was typed, in any case.\n"
        "__porchlight_offer() {\n"
        "        local word typed=${cur//[\\\\\\\"\\']/}\n"
        "        while IFS= read -r word; do\n"
        "                [[ -n $word && ${word,,} == \"${typed,,}\"* ]] || continue\n"
        "                [[ $cur == [\\\"\\']* ]] || printf -v word %q \"$word\"\n"
        "                COMPREPLY+=(\"$word\")\n"
        "        done\n"
        "}\n"
        "\n"
        "__porchlight_words() {\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"${cur,,}\")\n"
        "}\n"
        "\n"
        "__porchlight_places() {\n"
        "        __porchlight_offer < <({ echo home; __porchlight_ask place list | __porchlight_field name; } | sort -u)\n"
        "}\n"
        "\n"
        "__porchlight_paths() {\n"
        "        compopt -o filenames 2>/dev/null\n"
        "        mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
        "}\n";
/* clang-format on */

/* clang-format off */
static const char tail[] =
        "\n"
        "_porchlight() {\n"
        "        local cur=${COMP_WORDS[COMP_CWORD]} data='' command='' word option i=1 n=0\n"
        "        local -a words=()\n"
        "        COMPREPLY=()\n"
        "        while ((i < COMP_CWORD)); do\n"
        "                word=${COMP_WORDS[i++]}\n"
        "                if __porchlight_has_value \"$word\"; then\n"
        "                        option=$word\n"
        "                        [[ ${COMP_WORDS[i]-} != = ]] || ((++i))\n"
        "                        if ((i >= COMP_CWORD)); then\n"
        "                                [[ $cur != = ]] || cur=\n"
        "                                __porchlight_value \"$option\"\n"
        "                                return\n"
        "                        fi\n"
        "                        word=${COMP_WORDS[i++]}\n"
        "                        [[ $option != --data ]] || data=${word/#\\~/$HOME}\n"
        "                        if [[ $option == --exec ]]; then\n"
        "                                __porchlight_paths -f\n"
        "                                return\n"
        "                        fi\n"
        "                elif [[ $word != -* ]]; then\n"
        "                        words+=(\"$word\")\n"
        "                fi\n"
        "        done\n"
        "        __porchlight_command\n"
        "        n=$((${#words[@]} - n))\n"
        "        if [[ $cur == -* ]]; then\n"
        "                __porchlight_options\n"
        "        elif ((${#words[@]} == 0)); then\n"
        "                __porchlight_words \"$(__porchlight_names)\"\n"
        "        elif ((${#words[@]} == 1)) && [[ -n $(__porchlight_names \"${words[0]}\") ]]; then\n"
        "                __porchlight_words \"$(__porchlight_names \"${words[0]}\")\"\n"
        "        elif [[ $command == help && $n == 1 ]]; then\n"
        "                __porchlight_words \"$(__porchlight_names \"${words[1]}\")\"\n"
        "        elif ((n == 0)); then\n"
        "                __porchlight_first_word\n"
        "        fi\n"
        "}\n"
        "\n"
        "complete -F _porchlight porchlight\n";
/* clang-format on */

/* "a | b | c)": the options that @wanted likes, as a pattern of a case. */
static void pattern(struct buf *out, bool (*wanted)(const struct option *o)) {
        const struct option *o;
        const char *between = "        ";
        for (size_t i = 0; (o = complete_option(i)); i++) {
                if (!wanted(o))
                        continue;
                buf_printf(out, "%s--%s", between, o->name);
                between = " | ";
        }
        buf_add_u8(out, ')');
}

static bool has_value(const struct option *o) {
        return o->kind != OPTION_FLAG;
}

static bool is_file(const struct option *o) {
        return o->kind == OPTION_FILE && o->id != OPT_DATA;
}

static void options_with_value(struct buf *out) {
        buf_add_str(out, "\n__porchlight_has_value() {\n        case $1 in\n");
        pattern(out, has_value);
        buf_add_str(out, " return 0 ;;\n        esac\n        return 1\n}\n");
}

static void value_enum(struct buf *out, const struct option *o) {
        buf_printf(out, "        --%s) __porchlight_words \"", o->name);
        complete_enum(out, o->of);
        buf_add_str(out, "\" ;;\n");
}

static void values(struct buf *out) {
        const struct option *o;
        buf_add_str(out, "\n__porchlight_value() {\n        case $1 in\n");
        for (size_t i = 0; (o = complete_option(i)); i++)
                if (o->kind == OPTION_ENUM)
                        value_enum(out, o);
                else if (o->kind == OPTION_PLACE)
                        buf_printf(out, "        --%s) __porchlight_places ;;\n", o->name);
                else if (o->kind == OPTION_REST)
                        buf_printf(out, "        --%s) __porchlight_paths -c ;;\n", o->name);
        pattern(out, is_file);
        buf_add_str(out, " __porchlight_paths -f ;;\n        --data) __porchlight_paths -d ;;\n        esac\n}\n");
}

/* The words that come first, and behind each group's. */
static void names(struct buf *out) {
        buf_add_str(out, "\n__porchlight_names() {\n        case ${1-} in\n        '') echo \"");
        for (size_t i = 0; commands[i]; i++)
                if (complete_is_first(i))
                        buf_printf(out, "%s%s", i ? " " : "", complete_first(commands[i]));
        buf_add_str(out, "\" ;;\n");
        for (size_t i = 0; commands[i]; i++) {
                const char *group = commands[i]->group, *between = "";
                if (!group || !complete_is_first(i))
                        continue;
                buf_printf(out, "        %s) echo \"", group);
                for (size_t k = i; commands[k]; k++) {
                        if (!commands[k]->name || !commands[k]->group || strcmp(commands[k]->group, group) != 0)
                                continue;
                        buf_printf(out, "%s%s", between, commands[k]->name);
                        between = " ";
                }
                buf_add_str(out, "\" ;;\n");
        }
        buf_add_str(out, "        esac\n}\n");
}

/* Sets command, and n to how many words name it. */
static void find_command(struct buf *out) {
        static const char *const arms[] = {"        case ${words[0]-} in\n",
                                           "        case \"${words[0]-} ${words[1]-}\" in\n"};
        buf_add_str(out, "\n__porchlight_command() {\n");
        for (unsigned words = 1; words <= 2; words++) {
                const char *between = "        ";
                buf_add_str(out, arms[words - 1]);
                for (size_t i = 0; commands[i]; i++) {
                        bool two = commands[i]->group && commands[i]->name;
                        if (two != (words == 2))
                                continue;
                        buf_printf(out, "%s%s", between, two ? "\"" : "");
                        complete_words(out, commands[i]);
                        buf_add_str(out, two ? "\"" : "");
                        between = " | ";
                }
                buf_printf(out, ") command=%s n=%u ;;\n        esac\n",
                           words == 2 ? "\"${words[0]} ${words[1]}\"" : "${words[0]}", words);
        }
        buf_add_str(out, "}\n");
}

static void options_of(struct buf *out) {
        buf_add_str(out, "\n__porchlight_options() {\n        local options=\n        case $command in\n");
        for (size_t i = 0; commands[i]; i++) {
                const char *between = "";
                if (!commands[i]->options)
                        continue;
                buf_add_str(out, "        \"");
                complete_words(out, commands[i]);
                buf_add_str(out, "\") options=\"");
                for (const struct option *o = commands[i]->options; o->name; o++, between = " ")
                        buf_printf(out, "%s--%s", between, o->name);
                buf_add_str(out, "\" ;;\n");
        }
        buf_add_str(out, "        esac\n        __porchlight_words \"$options");
        for (const struct option *o = options_everywhere; o->name; o++)
                buf_printf(out, " --%s", o->name);
        buf_add_str(out, "\"\n}\n");
}

static void first_word_of(struct buf *out, enum word_kind takes) {
        switch (takes) {
        case WORD_OTHER:
                return;
        case WORD_KIND:
                buf_add_str(out, "__porchlight_words \"");
                complete_enum(out, &wire_kind_enum);
                buf_add_str(out, "\"");
                return;
        case WORD_ALERT:
                buf_add_str(out, "__porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids)");
                return;
        case WORD_HOUSEHOLD:
                buf_add_str(out, "__porchlight_offer < <(__porchlight_ask member list | __porchlight_field name)");
                return;
        case WORD_PROPOSAL:
                buf_add_str(out, "__porchlight_offer < <(__porchlight_ask member proposals | __porchlight_ids)");
                return;
        case WORD_TICKET_ID:
                buf_add_str(out, "__porchlight_offer < <(__porchlight_ask invite list | __porchlight_ids)");
                return;
        case WORD_DEVICE:
                buf_add_str(out, "__porchlight_offer < <(__porchlight_ask device list | __porchlight_field name; "
                                 "__porchlight_ask device codes | __porchlight_ids)");
                return;
        case WORD_SHELL:
                buf_add_str(out, "__porchlight_words \"bash zsh fish\"");
                return;
        case WORD_SETTING:
                buf_add_str(out, "__porchlight_words \"");
                complete_settings(out);
                buf_add_str(out, "\"");
                return;
        case WORD_PLACE:
                buf_add_str(out, "__porchlight_places");
                return;
        case WORD_COMMAND:
                buf_add_str(out, "__porchlight_words \"$(__porchlight_names)\"");
                return;
        case WORD_FILE:
                buf_add_str(out, "__porchlight_paths -f");
                return;
        }
}

static void first_words(struct buf *out) {
        buf_add_str(out, "\n__porchlight_first_word() {\n        case $command in\n");
        for (size_t i = 0; commands[i]; i++) {
                if (commands[i]->takes == WORD_OTHER)
                        continue;
                buf_add_str(out, "        \"");
                complete_words(out, commands[i]);
                buf_add_str(out, "\") ");
                first_word_of(out, commands[i]->takes);
                buf_add_str(out, " ;;\n");
        }
        buf_add_str(out, "        esac\n}\n");
}

void complete_bash(struct buf *out) {
        buf_add_str(out, head);
        options_with_value(out);
        values(out);
        names(out);
        find_command(out);
        options_of(out);
        first_words(out);
        buf_add_str(out, tail);
}
