/* SPDX-License-Identifier: Apache-2.0 */
/* config get, set, unset, list: what the daemon is told. The table is porchlight/settings.def, which the daemon reads by. */
#include "cli/commands.h"

#include "base/text.h"
#include "cli/config.h"

#include <stdio.h>

#define VALUE_COLUMN 16
#define KEY_COLUMN 24
#define VALUE_MAX 1536 /* as in proto/control.def */

#define WHEN_NOW N_("at once")
#define WHEN_RESTART N_("after a restart")
#define KEY_ROW(NAME, key_, flag_, arg_, TYPE, most_, WHEN, BY, doc_)                                                  \
        {.key = key_,                                                                                                  \
         .value = sizeof(arg_) > 1 ? (arg_) : "yes|no",                                                                \
         .doc = doc_,                                                                                                  \
         .when = WHEN_##WHEN,                                                                                          \
         .may_set = SETTABLE_##BY},
#define SETTABLE_CONFIG true
#define SETTABLE_FILE false

#include "porchlight/settings.def"

static const struct known {
        const char *key, *value, *doc, *when;
        bool may_set;
} keys[] = {SETTINGS(KEY_ROW)};

const char *config_key(size_t i) {
        for (size_t at = 0; at < ARRAY_LEN(keys); at++)
                if (*keys[at].key && i-- == 0)
                        return keys[at].key;
        return NULL;
}

/* 0, or an exit code (said) where the table has no such key. */
static int check_key(struct cli *c, const char *typed) {
        const char *candidates[ARRAY_LEN(keys) + 1] = {0};
        char hint[96] = N_("`porchlight config list` shows them");
        for (size_t i = 0; (candidates[i] = config_key(i)); i++)
                if (strcmp(candidates[i], typed) == 0)
                        return 0;
        const char *near = nearest(typed, candidates);
        if (near)
                snprintf(hint, sizeof(hint), _("did you mean `%s`?"), near);
        return cli_fail(c, EXIT_NOT_FOUND, "no-such-setting", hint, "there is no setting \"%.64s\"", typed);
}

/* ---- rows ---- */

static void origin_text(struct buf *out, const struct wire_c_setting *m) {
        switch ((enum wire_e_origin)m->origin) {
        case ORIGIN_DEFAULT:
                buf_add_str(out, _("by default"));
                return;
        case ORIGIN_SET:
                buf_add_str(out, _("by `porchlight config set`"));
                return;
        case ORIGIN_FILE:
                buf_add_str(out, _("by "));
                text_show(out, m->where, false);
                return;
        case ORIGIN_ARGS:
                buf_add_str(out, _("by the daemon's option "));
                text_show(out, m->where, false);
                return;
        }
        layout_enum(out, &wire_origin_enum, m->origin);
}

static const char restart_text[] = N_("takes effect when the daemon is started again");

static bool is_size(struct span key) {
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if (span_eq(span_str(keys[i].key), key))
                        return strcmp(keys[i].value, "SIZE") == 0;
        return false;
}

/* As people write a size: with the largest of K, M, G and T that leaves nothing over. Whatever it is, `config set` takes it. */
static void size_text(struct buf *out, uint64_t n) {
        static const char units[] = "KMGT";
        size_t unit = 0;
        for (; n && n % 1024 == 0 && unit < sizeof(units) - 1; unit++)
                n /= 1024;
        buf_printf(out, "%llu", (unsigned long long)n);
        if (unit)
                buf_add_u8(out, (uint8_t)units[unit - 1]);
}

static void value_text(struct buf *out, const struct wire_c_setting *m, const char *none) {
        uint64_t n;
        if (!m->value.n)
                buf_add_str(out, none);
        else if (is_size(m->key) && text_u64(m->value, UINT64_MAX, &n))
                size_text(out, n);
        else
                buf_add(out, m->value);
}

static int row_get(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        (void)arg;
        if (row->number != CONTROL_SETTING_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        value_text(&text, &row->m->c_setting, "");
        text_show(&c->out, buf_span(&text), false);
        buf_add_u8(&c->out, '\n');
        return 0;
}

static int row_set(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        (void)arg;
        if (row->number != CONTROL_SETTING_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        const struct wire_c_setting *m = &row->m->c_setting;
        buf_add(&text, m->key);
        buf_add_str(&text, " = ");
        value_text(&text, m, "-");
        if (m->origin != ORIGIN_SET) {
                buf_add_str(&text, ", ");
                origin_text(&text, m);
        }
        if (m->restart)
                buf_printf(&text, "; %s", _(restart_text));
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        return 0;
}

static int row_list(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf text = BUF_NULL, wrapped = BUF_NULL;
        const bool *origin = arg;
        if (row->number != CONTROL_SETTING_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        const struct wire_c_setting *m = &row->m->c_setting;
        value_text(&text, m, "-");
        if (m->restart)
                buf_printf(&text, "\n(%s)", _(restart_text));
        if (*origin) {
                buf_add_u8(&text, '\n');
                origin_text(&text, m);
        }
        layout_wrap(&wrapped, buf_span(&text), VALUE_COLUMN, CLI_COLUMNS);
        layout_cell(&c->out, m->key, VALUE_COLUMN);
        buf_add(&c->out, span_from(buf_span(&wrapped), VALUE_COLUMN)); /* which begins with as many spaces */
        return cli_flush(c);
}

/* ---- commands ---- */

static int run_get(struct cli *c, const struct args *a) {
        struct wire_c_config m = {0};
        int r = check_key(c, a->words[0]);
        if (r)
                return r;
        WIRE_PUT(&m, C_CONFIG, key, span_str(a->words[0]));
        return cli_ask(c, CONTROL_CONFIG, &m, row_get, NULL);
}

const struct command command_config_get = {
        .group = "config",
        .name = "get",
        .synopsis = "KEY",
        .brief = N_("what the daemon is told about one thing"),
        .help = N_("`porchlight help config set` lists the keys.\n\nExamples:\n  porchlight config get listen\n"),
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_SETTING,
        .run = run_get,
};

static int run_set(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf value = BUF_NULL;
        struct wire_c_config m = {0};
        int r = check_key(c, a->words[0]);
        if (r)
                return r;
        for (size_t i = 1; i < a->n_words; i++)
                buf_printf(&value, "%s%s", i > 1 ? ", " : "", a->words[i]);
        if (value.n > VALUE_MAX || !text_utf8(buf_span(&value)))
                return cli_usage(c, "`porchlight help config set` says what each takes", "that is no value");
        WIRE_PUT(&m, C_CONFIG, key, span_str(a->words[0]));
        WIRE_PUT(&m, C_CONFIG, value, buf_span(&value));
        return cli_ask(c, CONTROL_CONFIG_SET, &m, row_set, NULL);
}

static void config_keys(struct buf *out) {
        _clean_(buf_fini) struct buf left = BUF_NULL, right = BUF_NULL;
        buf_add_str(out, _("Keys:\n"));
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                if (!keys[i].may_set)
                        continue;
                buf_clear(&left);
                buf_clear(&right);
                buf_printf(&left, "%s %s", keys[i].key, keys[i].value);
                buf_printf(&right, "%s; %s", _(keys[i].doc), _(keys[i].when));
                help_row(out, buf_span(&left), KEY_COLUMN, buf_cstr(&right));
        }
}

const struct command command_config_set = {
        .group = "config",
        .name = "set",
        .synopsis = "KEY VALUE…",
        .brief = N_("tell the daemon something, for good"),
        .help = N_("It is on disk when the command returns, and outranks the default. What stands in\n"
                   "porchlight.conf or on the daemon's command line outranks it: then it is refused,\n"
                   "with the line. Several values stand with spaces or commas between.\n"),
        .more = config_keys,
        .examples = N_("  porchlight config set lan no\n"
                       "  porchlight config set advertise hub.example.org:7345\n"
                       "  porchlight config set listen 192.0.2.7:7345 '[2001:db8::7]:7345'\n"),
        .min_words = 2,
        .max_words = -1,
        .takes = WORD_SETTING,
        .run = run_set,
};

static int run_unset(struct cli *c, const struct args *a) {
        struct wire_c_config m = {0};
        int r = check_key(c, a->words[0]);
        if (r)
                return r;
        WIRE_PUT(&m, C_CONFIG, key, span_str(a->words[0]));
        return cli_ask(c, CONTROL_CONFIG_SET, &m, row_set, NULL);
}

const struct command command_config_unset = {
        .group = "config",
        .name = "unset",
        .synopsis = "KEY",
        .brief = N_("forget what was set, back to the default"),
        .help = N_("\nExamples:\n  porchlight config unset listen\n"),
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_SETTING,
        .run = run_unset,
};

static const struct option list_options[] = {
        {OPT_SHOW_ORIGIN, "show-origin", NULL, N_("say who said so: file and line, option, or default"), OPTION_FLAG},
        OPTION_END,
};

static int run_list(struct cli *c, const struct args *a) {
        struct wire_c_config m = {0};
        bool origin = args_has(a, OPT_SHOW_ORIGIN);
        return cli_ask(c, CONTROL_CONFIG, &m, row_list, &origin);
}

const struct command command_config_list = {
        .group = "config",
        .name = "list",
        .synopsis = "[--show-origin]",
        .brief = N_("all that the daemon is told"),
        .help = N_("First counts the daemon's command line, then porchlight.conf, then what was set\n"
                   "with `porchlight config set`, then the default.\n"),
        .options = list_options,
        .run = run_list,
};
