/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines. The words that name the command come first; its options and the other words may stand in any order
 * behind them, the options of every command also before. "--" ends the options. Nothing here prints: what is wrong is
 * handed back as a sentence and what to do about it.
 */
#include "cli/cli.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define CANDIDATES_MAX 128

const struct option options_everywhere[] = {
        {OPT_DATA, "data", "DIR", N_("the daemon's folder"), OPTION_FILE},
        {OPT_JSON, "json", NULL, N_("answer in JSON: one object, or one a line"), OPTION_FLAG},
        {OPT_HELP, "help", NULL, N_("explain the command"), OPTION_FLAG},
        {OPT_VERSION, "version", NULL, N_("print the version"), OPTION_FLAG},
        OPTION_END,
};

_printf_(3, 4) static int wrong(struct parse_error *ret, const char *hint, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(ret->message, sizeof(ret->message), _(fmt), ap);
        va_end(ap);
        snprintf(ret->hint, sizeof(ret->hint), "%s", _(hint));
        return EXIT_USAGE;
}

/* "did you mean X?", or @otherwise. */
static const char *mean(char *room, size_t n, const char *before, const char *near, const char *otherwise) {
        if (!near)
                return otherwise;
        snprintf(room, n, _("did you mean %s%s?"), before, near);
        return room;
}

const struct option_value *args_get(const struct args *a, enum option_id id) {
        for (size_t i = a->n_values; i-- > 0;)
                if (a->values[i].option->id == id)
                        return &a->values[i];
        return NULL;
}

const char *args_text(const struct args *a, enum option_id id) {
        const struct option_value *v = args_get(a, id);
        return v ? v->text : NULL;
}

bool args_has(const struct args *a, enum option_id id) {
        return args_get(a, id) != NULL;
}

/* ---- which command ---- */

static bool same(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

const struct command *command_find(const char *group, const char *name) {
        for (size_t i = 0; commands[i]; i++)
                if (same(commands[i]->group, group) && same(commands[i]->name, name))
                        return commands[i];
        return NULL;
}

bool group_exists(const char *word) {
        for (size_t i = 0; commands[i]; i++)
                if (commands[i]->group && same(commands[i]->group, word))
                        return true;
        return false;
}

static int unknown_command(const char *word, struct parse_error *ret) {
        const char *names[CANDIDATES_MAX] = {0};
        char hint[128];
        for (size_t i = 0, n = 0; commands[i] && n < CANDIDATES_MAX - 1; i++)
                names[n++] = commands[i]->group ? commands[i]->group : commands[i]->name;
        return wrong(ret,
                     mean(hint, sizeof(hint), "porchlight ", nearest(word, names), _("`porchlight help` lists them")),
                     "there is no command \"%.64s\"", word);
}

static int unknown_member(const char *group, const char *word, struct parse_error *ret) {
        const char *names[CANDIDATES_MAX] = {0};
        char hint[128], list[160] = "";
        size_t n = 0;
        for (size_t i = 0; commands[i] && n < CANDIDATES_MAX - 1; i++)
                if (same(commands[i]->group, group) && commands[i]->name)
                        names[n++] = commands[i]->name;
        for (size_t i = 0, at = 0; i < n && at < sizeof(list); i++)
                at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : _("it has "), names[i]);
        if (!word)
                return wrong(ret, list, "`porchlight %s` wants one more word", group);
        char before[64];
        snprintf(before, sizeof(before), "porchlight %s ", group);
        return wrong(ret, mean(hint, sizeof(hint), before, nearest(word, names), list),
                     "there is no command \"%s %.64s\"", group, word);
}

/* The command that the words name, and how many of them are its name. A group's own row (`invite`) takes words that
 * are none of its members' names only if it takes words at all. */
static int find_command(const char *const *words, size_t n, const struct command **ret, size_t *ret_used,
                        struct parse_error *ret_error) {
        const struct command *cmd = command_find(NULL, words[0]);
        if (cmd) {
                *ret = cmd;
                *ret_used = 1;
                return 0;
        }
        if (!group_exists(words[0]))
                return unknown_command(words[0], ret_error);
        cmd = n > 1 ? command_find(words[0], words[1]) : NULL;
        if (cmd) {
                *ret = cmd;
                *ret_used = 2;
                return 0;
        }
        cmd = command_find(words[0], NULL);
        if (!cmd || (n > 1 && cmd->max_words == 0))
                return unknown_member(words[0], n > 1 ? words[1] : NULL, ret_error);
        *ret = cmd;
        *ret_used = 1;
        return 0;
}

/* ---- options ---- */

static const struct option *option_in(const struct option *table, struct span name) {
        for (; table && table->name; table++)
                if (span_eq(span_str(table->name), name))
                        return table;
        return NULL;
}

static int unknown_option(const struct command *cmd, const char *typed, struct parse_error *ret) {
        const char *names[CANDIDATES_MAX] = {0};
        char hint[128];
        size_t n = 0;
        for (const struct option *o = options_everywhere; o->name; o++)
                names[n++] = o->name;
        for (const struct option *o = cmd ? cmd->options : NULL; o && o->name && n < CANDIDATES_MAX - 1; o++)
                names[n++] = o->name;
        if (strncmp(typed, "--", 2) != 0)
                return wrong(ret, "put -- before words that begin with a hyphen", "there is no option %.64s", typed);
        return wrong(ret,
                     mean(hint, sizeof(hint), "--", nearest(typed + 2, names),
                          cmd ? _("--help lists them") : _("options of a command stand behind its name")),
                     "there is no option %.64s", typed);
}

struct cursor {
        char *const *at; /* the word to be read next */
        uint64_t now;
        struct args *args;
        struct parse_error *error;
};

static int keep_value(struct cursor *k, const struct option_value *v) {
        if (k->args->n_values == ARGS_VALUES_MAX)
                return wrong(k->error, "leave some out", "there are too many options");
        k->args->values[k->args->n_values++] = *v;
        return 0;
}

/* Takes "--name", "--name=value" or "--name value", and the two letters that every other tool has: -h, -o. */
static int take_option(struct cursor *k, const struct command *cmd) {
        const char *word = *k->at++;
        const char *equals = strchr(word, '=');
        bool help = same(word, "-h"), output = same(word, "-o");
        size_t n = equals ? (size_t)(equals - word) : strlen(word);
        struct span name = help                     ? SPAN_STR("help")
                           : output                 ? SPAN_STR("output")
                           : strncmp(word, "--", 2) ? SPAN_NONE
                                                    : span_of(word + 2, n - 2);
        const struct option *o = option_in(options_everywhere, name);
        if (!o && cmd)
                o = option_in(cmd->options, name);
        if (!o)
                return unknown_option(cmd, word, k->error);
        struct option_value v = {.option = o};
        if (o->kind == OPTION_FLAG) {
                if (equals)
                        return wrong(k->error, "write it without =", "--%s takes no value", o->name);
                return keep_value(k, &v);
        }
        if (o->kind == OPTION_REST && !equals) {
                if (!*k->at)
                        return wrong(k->error, "put the command and its words behind it", "--%s wants %s", o->name,
                                     o->value);
                v.text = *k->at;
                v.rest = k->at;
                while (*k->at)
                        k->at++;
                return keep_value(k, &v);
        }
        const char *text = equals ? equals + 1 : *k->at;
        if (!text)
                return wrong(k->error, "--help explains it", "--%s wants %s", o->name, o->value);
        if (!equals)
                k->at++;
        if (!value_parse(o, text, k->now, &v, k->error))
                return EXIT_USAGE;
        return keep_value(k, &v);
}

/* No option begins with a digit, but a place in the south and a text about frost do. */
static bool is_option(const char *word) {
        return word[0] == '-' && word[1] != 0 && !strchr(".0123456789", word[1]);
}

/* ---- words ---- */

static int keep_word(struct cursor *k, const char *word) {
        if (k->args->n_words == ARGS_WORDS_MAX)
                return wrong(k->error, "put the text in quotes", "there are too many words");
        k->args->words[k->args->n_words++] = word;
        return 0;
}

static int count_words(const struct args *a, struct parse_error *ret) {
        const struct command *cmd = a->command;
        _clean_(buf_fini) struct buf line = BUF_NULL;
        char hint[sizeof(ret->hint)];
        if (args_has(a, OPT_HELP) || args_has(a, OPT_VERSION))
                return 0;
        help_words(&line, cmd);
        buf_printf(&line, "%s%s", *cmd->synopsis ? " " : "", cmd->synopsis);
        snprintf(hint, sizeof(hint), _("write it as: %.220s"), buf_cstr(&line));
        if (a->n_words < (size_t)cmd->min_words)
                return wrong(ret, hint, "a word is missing");
        if (cmd->max_words >= 0 && a->n_words > (size_t)cmd->max_words)
                return wrong(ret, hint, "\"%.64s\" is one word too many", a->words[cmd->max_words]);
        return 0;
}

/* An option of every command, as it stands in @word. */
static bool is_everywhere(const char *word) {
        size_t n = strcspn(word, "=");
        return same(word, "-h") || (n > 2 && option_in(options_everywhere, span_of(word + 2, n - 2)));
}

/* The words before and of the command, and the options of every command among them. */
static int take_names(struct cursor *k, const char *ret_names[2], size_t *ret_n) {
        size_t n = 0;
        while (*k->at && n < 2) {
                if (is_option(*k->at)) {
                        if (n && !is_everywhere(*k->at))
                                break;
                        int r = take_option(k, NULL);
                        if (r)
                                return r;
                        continue;
                }
                if (n && !group_exists(ret_names[0]))
                        break;
                ret_names[n++] = *k->at;
                if (n == 1)
                        k->at++; /* the second one may not belong to the name */
        }
        *ret_n = n;
        return 0;
}

static int take_command(struct cursor *k) {
        const char *names[2] = {0};
        size_t n = 0, used = 0;
        int r = take_names(k, names, &n);
        if (r || !n)
                return r;
        r = find_command(names, n, &k->args->command, &used, k->error);
        if (r && n == 1 && args_has(k->args, OPT_HELP) && group_exists(names[0]))
                return keep_word(k, names[0]); /* `porchlight alert --help` explains the group */
        if (used == 2)
                k->at++;
        return r;
}

int args_parse(struct args *ret, char *const *argv, uint64_t now, struct parse_error *ret_error) {
        struct cursor k = {.at = argv, .now = now, .args = ret, .error = ret_error};
        bool options = true;
        *ret = (struct args){0};
        int r = take_command(&k);
        while (r == 0 && *k.at) {
                if (options && same(*k.at, "--")) {
                        options = false;
                        k.at++;
                } else if (options && is_option(*k.at)) {
                        r = take_option(&k, ret->command);
                } else {
                        r = keep_word(&k, *k.at++);
                }
        }
        if (r || !ret->command)
                return r;
        return count_words(ret, ret_error);
}
