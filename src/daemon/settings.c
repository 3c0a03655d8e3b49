/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"
#include "base/text.h"
#include "node/endpoint.h"

#include <stdio.h>

#define HELP_COLUMN 25

struct row {
        const char *key; /* in the file; NULL: command line only */
        const char *flag;
        const char *arg; /* NULL: the flag alone */
        const char *help;
        bool many;
        bool (*set)(struct settings *s, struct span value, const char **ret_why);
};

/* ---- values ---- */

static bool set_path(char ret[SETTINGS_PATH_MAX], struct span value, const char **ret_why) {
        if (value.n == 0 || value.n >= SETTINGS_PATH_MAX) {
                *ret_why = value.n ? "is too long" : "is empty";
                return false;
        }
        memcpy(ret, value.p, value.n);
        ret[value.n] = '\0';
        return true;
}

static bool set_data(struct settings *s, struct span value, const char **ret_why) {
        return set_path(s->data, value, ret_why);
}

static bool set_config(struct settings *s, struct span value, const char **ret_why) {
        return set_path(s->config, value, ret_why);
}

static bool set_listen(struct settings *s, struct span value, const char **ret_why) {
        struct node_endpoint e = {.optional = false};
        int r = endpoint_parse(value, &e.addr);
        if (s->n_listen == NODE_LISTEN_MAX)
                *ret_why = "is one address too many";
        else if (r == ENDPOINT_E_PORT)
                *ret_why = "has no port: write ADDR:PORT, [ADDR]:PORT for IPv6";
        else if (r == ENDPOINT_E_NAME)
                *ret_why = "is a name: write an IP address of this machine, or 0.0.0.0:PORT for all";
        else if (r)
                *ret_why = "is not ADDR:PORT, or [ADDR]:PORT for IPv6";
        else
                s->listen[s->n_listen++] = e;
        return !*ret_why;
}

static bool set_advertise(struct settings *s, struct span value, const char **ret_why) {
        struct node_advertised a = {.is_name = false};
        struct span host;
        int r = endpoint_parse(value, &a.addr);
        if (r == ENDPOINT_E_NAME && endpoint_split(value, &host, &a.addr.port) == 0) {
                memcpy(a.name, host.p, host.n); /* endpoint_parse has seen that it is at most ENDPOINT_DNS_MAX long */
                a.is_name = true;
                r = 0;
        }
        if (s->n_advertise == NODE_ADVERTISE_MAX)
                *ret_why = "is one address too many: a ticket has room for 3";
        else if (r || a.addr.port == 0 || (!a.is_name && endpoint_is_wild(&a.addr)))
                *ret_why = "is not HOST:PORT that others can reach";
        else
                s->advertise[s->n_advertise++] = a;
        return !*ret_why;
}

static bool set_lan(struct settings *s, struct span value, const char **ret_why) {
        bool yes = text_eq_nocase(value, SPAN_STR("yes"));
        if (!yes && !text_eq_nocase(value, SPAN_STR("no")))
                *ret_why = "is not yes or no";
        s->lan = yes;
        return !*ret_why;
}

static bool set_no_lan(struct settings *s, _unused_ struct span value, _unused_ const char **ret_why) {
        s->lan = false;
        return true;
}

static bool is_group_name(struct span value) {
        for (size_t i = 0; i < value.n; i++)
                if (value.p[i] <= ' ' || value.p[i] > '~' || value.p[i] == ':')
                        return false;
        return value.n > 0 && value.n < SETTINGS_GROUP_MAX;
}

/* Whether this machine has such a group is seen when the daemon starts. */
static bool set_group(struct settings *s, struct span value, const char **ret_why) {
        if (!is_group_name(value)) {
                *ret_why = "is not a group's name";
                return false;
        }
        memcpy(s->group, value.p, value.n);
        s->group[value.n] = '\0';
        return true;
}

/* clang-format off */
static const struct row rows[SETTINGS_N] = {
        [SETTING_DATA]      = {"data",      "--data",      "DIR",       "keep everything in DIR", false, set_data},
        [SETTING_LISTEN]    = {"listen",    "--listen",    "ADDR:PORT", "where homes can knock; again for more", true, set_listen},
        [SETTING_ADVERTISE] = {"advertise", "--advertise", "HOST:PORT", "what tickets say instead, as from outside", true, set_advertise},
        [SETTING_LAN]       = {"lan",       "--no-lan",    NULL,        "do not look for homes on the local network", false, set_lan},
        [SETTING_GROUP]     = {"control.group", "--control-group", "NAME", "let this group's members read and post", false, set_group},
        [SETTING_CONFIG]    = {NULL,        "--config",    "FILE",      "settings: lines `key = value`", false, set_config},
};
/* clang-format on */

static bool apply(struct settings *s, enum setting i, struct span value, bool flag, const char **ret_why) {
        *ret_why = NULL;
        if (s->given[i] && !rows[i].many) {
                *ret_why = "is given twice";
                return false;
        }
        s->given[i] = true;
        return flag && !rows[i].arg ? set_no_lan(s, value, ret_why) : rows[i].set(s, value, ret_why);
}

/* What a person gave may hold anything: shown escaped, and cut. */
static void say_value(struct settings_why *ret, const char *before, struct span value, const char *why) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, span_of(value.p, MIN(value.n, (size_t)64)), false);
        snprintf(ret->text, sizeof(ret->text), "%s: `%s` %s", before, buf_cstr(&shown), why);
}

/* ---- the command line ---- */

/* --flag VALUE or --flag=VALUE. The row, or SETTINGS_N. */
static enum setting find_flag(const char *arg, const char **ret_inline) {
        size_t n = strcspn(arg, "=");
        for (enum setting i = 0; i < SETTINGS_N; i++)
                if (strlen(rows[i].flag) == n && strncmp(rows[i].flag, arg, n) == 0) {
                        *ret_inline = arg[n] ? arg + n + 1 : NULL;
                        return i;
                }
        return SETTINGS_N;
}

static int take_arg(struct settings *s, char **argv, int argc, int *at, struct settings_why *ret_why) {
        const char *arg = argv[*at], *value = NULL, *why = NULL;
        enum setting i = find_flag(arg, &value);
        if (i == SETTINGS_N) {
                say_value(ret_why, "usage", span_str(arg), "is not an option; see --help");
                return SETTINGS_E_INPUT;
        }
        if (value && !rows[i].arg) {
                say_value(ret_why, "usage", span_str(arg), "takes no value");
                return SETTINGS_E_INPUT;
        }
        if (!value && rows[i].arg && *at + 1 < argc)
                value = argv[++*at];
        if (!value && rows[i].arg) {
                say_value(ret_why, "usage", span_str(arg), "wants a value; see --help");
                return SETTINGS_E_INPUT;
        }
        if (apply(s, i, span_str(value), true, &why))
                return 0;
        say_value(ret_why, rows[i].flag, span_str(value), why);
        return SETTINGS_E_INPUT;
}

int settings_args(struct settings *ret, int argc, char **argv, struct settings_why *ret_why) {
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--help") == 0)
                        return SETTINGS_E_HELP;
                if (strcmp(argv[i], "--version") == 0)
                        return SETTINGS_E_VERSION;
                int r = take_arg(ret, argv, argc, &i, ret_why);
                if (r)
                        return r;
        }
        return 0;
}

/* ---- the file ---- */

static bool is_blank(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s) {
        while (s.n && is_blank(s.p[0]))
                s = span_from(s, 1);
        while (s.n && is_blank(s.p[s.n - 1]))
                s.n--;
        return s;
}

static enum setting find_key(struct span key) {
        for (enum setting i = 0; i < SETTINGS_N; i++)
                if (rows[i].key && span_eq(span_str(rows[i].key), key))
                        return i;
        return SETTINGS_N;
}

static int take_line(struct settings *s, struct span line, const char *where, struct settings_why *ret_why) {
        const char *why;
        const uint8_t *equals = line.n ? memchr(line.p, '=', line.n) : NULL;
        if (!equals) {
                say_value(ret_why, where, line, "is not `key = value`");
                return SETTINGS_E_INPUT;
        }
        struct span key = trim(span_of(line.p, (size_t)(equals - line.p)));
        struct span value = trim(span_from(line, (size_t)(equals - line.p) + 1));
        enum setting i = find_key(key);
        if (i == SETTINGS_N) {
                say_value(ret_why, where, key, "is not a setting");
                return SETTINGS_E_INPUT;
        }
        if (text_utf8(value) && apply(s, i, value, false, &why))
                return 0;
        say_value(ret_why, where, value, text_utf8(value) ? why : "is not text");
        return SETTINGS_E_INPUT;
}

int settings_file(struct settings *ret, struct span text, const char *name, struct settings_why *ret_why) {
        char where[SETTINGS_WHY_MAX / 2];
        for (unsigned number = 1; text.n; number++) {
                const uint8_t *end = memchr(text.p, '\n', text.n);
                size_t n = end ? (size_t)(end - text.p) : text.n;
                struct span line = trim(span_of(text.p, n));
                text = span_from(text, end ? n + 1 : n);
                if (line.n == 0 || line.p[0] == '#')
                        continue;
                snprintf(where, sizeof(where), "%.*s:%u", (int)sizeof(where) - 16, name, number);
                int r = take_line(ret, line, where, ret_why);
                if (r)
                        return r;
        }
        return 0;
}

/* ---- both ---- */

/* Both families, on every interface; a machine may lack one of them. */
static void listen_everywhere(struct settings *s) {
        struct mesh_addr v4 = {.ip = {[10] = 0xff, [11] = 0xff}, .port = NODE_PORT}, v6 = {.port = NODE_PORT};
        s->listen[0] = (struct node_endpoint){v6, true};
        s->listen[1] = (struct node_endpoint){v4, true};
        s->n_listen = 2;
}

void settings_merge(struct settings *ret, const struct settings *args, const struct settings *file) {
        *ret = *args;
        if (!args->given[SETTING_DATA])
                memcpy(ret->data, file->data, sizeof(ret->data));
        if (!args->given[SETTING_LISTEN]) {
                memcpy(ret->listen, file->listen, sizeof(ret->listen));
                ret->n_listen = file->n_listen;
        }
        if (!args->given[SETTING_ADVERTISE]) {
                memcpy(ret->advertise, file->advertise, sizeof(ret->advertise));
                ret->n_advertise = file->n_advertise;
        }
        if (!args->given[SETTING_LAN])
                ret->lan = !file->given[SETTING_LAN] || file->lan;
        if (!args->given[SETTING_GROUP])
                memcpy(ret->group, file->group, sizeof(ret->group));
        for (enum setting i = 0; i < SETTINGS_N; i++)
                ret->given[i] = args->given[i] || file->given[i];
        if (ret->n_listen == 0)
                listen_everywhere(ret);
}

void settings_help(struct buf *out) {
        char left[64];
        buf_add_str(out, "usage: porchlightd [OPTION]...\n\n"
                         "The Porchlight daemon: links homes, keeps their alerts, answers `porchlight`.\n\n");
        for (enum setting i = 0; i < SETTINGS_N; i++) {
                snprintf(left, sizeof(left), "%s %s", rows[i].flag, rows[i].arg ? rows[i].arg : "");
                buf_printf(out, "  %-*s%s\n", HELP_COLUMN, left, rows[i].help);
        }
        buf_printf(out, "  %-*s%s\n", HELP_COLUMN, "--help", "this text");
        buf_printf(out, "  %-*s%s\n\n", HELP_COLUMN, "--version", "the version");
        buf_printf(out, "Without --listen it listens on port %d of every interface. DIR is, by default,\n", NODE_PORT);
        buf_add_str(out, "$PORCHLIGHT_DATA, or ~/.local/share/porchlight; /var/lib/porchlight for root.\n");
}
