/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"
#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "node/cameras.h"
#include "node/clips.h"
#include "node/endpoint.h"
#include "node/fetch.h"

#include <stdio.h>

#define HELP_COLUMN 29
#define WHERE_MAX 128
#define KEEP_LEAST 3600 /* seconds */

enum effect { EFFECT_NOW, EFFECT_RESTART };
enum reach { REACH_FILE, REACH_CONFIG };

struct row {
        const char *key;
        const char *flag;
        const char *arg; /* empty: the flag alone, which says no */
        const char *doc;
        unsigned most;
        enum effect effect;
        enum reach reach;
        size_t at, size; /* its part of struct settings */
        bool (*read)(void *part, struct span value, const char **ret_why);
        void (*show)(const void *part, struct buf *out);
};

/* ---- values: each type is read, and shown as it would be written ---- */

static bool read_text(char *ret, size_t room, struct span value, const char **ret_why) {
        if (value.n == 0 || value.n >= room) {
                *ret_why = value.n ? N_("is too long") : N_("is empty");
                return false;
        }
        memcpy(ret, value.p, value.n);
        ret[value.n] = '\0';
        return true;
}

static bool read_path(void *part, struct span value, const char **ret_why) {
        return read_text(part, SETTINGS_PATH_MAX, value, ret_why);
}

/* Whoever uses it runs elsewhere. */
static bool read_folder(void *part, struct span value, const char **ret_why) {
        if (value.n && value.p[0] != '/')
                *ret_why = N_("does not begin with /");
        return !*ret_why && read_path(part, value, ret_why);
}

static void show_path(const void *part, struct buf *out) {
        buf_add_str(out, part);
}

static bool read_listen(void *part, struct span value, const char **ret_why) {
        struct settings_listen *list = part;
        struct node_endpoint e = {.optional = false};
        int r = endpoint_parse(value, &e.addr);
        if (list->n == NODE_LISTEN_MAX)
                *ret_why = N_("is one address too many");
        else if (r == ENDPOINT_E_PORT)
                *ret_why = N_("has no port: write ADDR:PORT, [ADDR]:PORT for IPv6");
        else if (r == ENDPOINT_E_NAME)
                *ret_why = N_("is a name: write an IP address of this machine, or 0.0.0.0:PORT for all");
        else if (r)
                *ret_why = N_("is not ADDR:PORT, or [ADDR]:PORT for IPv6");
        else
                list->at[list->n++] = e;
        return !*ret_why;
}

static void show_listen(const void *part, struct buf *out) {
        const struct settings_listen *list = part;
        for (size_t i = 0; i < list->n; i++) {
                buf_add_str(out, i ? ", " : "");
                endpoint_text(out, &list->at[i].addr);
        }
}

static bool read_advertise(void *part, struct span value, const char **ret_why) {
        struct settings_advertise *list = part;
        struct node_advertised a = {.is_name = false};
        struct span host;
        int r = endpoint_parse(value, &a.addr);
        if (r == ENDPOINT_E_NAME && endpoint_split(value, &host, &a.addr.port) == 0) {
                memcpy(a.name, host.p, host.n); /* endpoint_parse has seen that it is at most ENDPOINT_DNS_MAX long */
                a.is_name = true;
                r = 0;
        }
        if (list->n == NODE_ADVERTISE_MAX)
                *ret_why = N_("is one address too many: a ticket has room for 3");
        else if (r || a.addr.port == 0 || (!a.is_name && endpoint_is_wild(&a.addr)))
                *ret_why = N_("is not HOST:PORT that others can reach");
        else
                list->at[list->n++] = a;
        return !*ret_why;
}

static void show_advertise(const void *part, struct buf *out) {
        const struct settings_advertise *list = part;
        for (size_t i = 0; i < list->n; i++) {
                const struct node_advertised *a = &list->at[i];
                buf_add_str(out, i ? ", " : "");
                if (a->is_name)
                        buf_printf(out, "%s:%u", a->name, (unsigned)a->addr.port);
                else
                        endpoint_text(out, &a->addr);
        }
}

static bool read_yes(void *part, struct span value, const char **ret_why) {
        bool yes = text_eq_nocase(value, SPAN_STR("yes"));
        if (!yes && !text_eq_nocase(value, SPAN_STR("no")))
                *ret_why = N_("is not yes or no");
        else
                *(bool *)part = yes;
        return !*ret_why;
}

static void show_yes(const void *part, struct buf *out) {
        buf_add_str(out, *(const bool *)part ? "yes" : "no");
}

static bool is_group_name(struct span value) {
        for (size_t i = 0; i < value.n; i++)
                if (value.p[i] <= ' ' || value.p[i] > '~' || value.p[i] == ':')
                        return false;
        return value.n > 0 && value.n < SETTINGS_GROUP_MAX;
}

/* Whether this machine has such a group is seen when the daemon starts, and by `config set`. */
static bool read_group(void *part, struct span value, const char **ret_why) {
        if (is_group_name(value))
                return read_text(part, SETTINGS_GROUP_MAX, value, ret_why);
        *ret_why = N_("is not a group's name");
        return false;
}

static void show_group(const void *part, struct buf *out) {
        buf_add_str(out, part);
}

/* The same letters; whether there is such a user is seen when the daemon starts. */
static bool read_user(void *part, struct span value, const char **ret_why) {
        if (is_group_name(value))
                return read_text(part, SETTINGS_GROUP_MAX, value, ret_why);
        *ret_why = N_("is not a user's name or number");
        return false;
}

/* Bytes, with K, M, G or T behind the number for powers of 1,024. */
static bool read_bytes(struct span value, uint64_t *ret, const char **ret_why) {
        static const char units[] = "KMGT";
        uint64_t n;
        const char *unit = value.n ? strchr(units, value.p[value.n - 1]) : NULL;
        unsigned shift = unit && *unit ? 10 * (unsigned)(unit - units + 1) : 0;
        struct span digits = span_of(value.p, value.n - (shift > 0));
        if (text_u64(digits, UINT64_MAX >> shift, &n))
                *ret = n << shift;
        else
                *ret_why = N_("is not a number of bytes, as 64M");
        return !*ret_why;
}

static bool read_size(void *part, struct span value, const char **ret_why) {
        uint64_t n;
        if (!read_bytes(value, &n, ret_why))
                return false;
        if (n < TAPE_SIZE_MIN || n > TAPE_SIZE_MAX)
                *ret_why = N_("is not between 1M and 1G");
        else
                *(uint64_t *)part = n;
        return !*ret_why;
}

static bool read_quota(void *part, struct span value, const char **ret_why) {
        uint64_t n;
        if (!read_bytes(value, &n, ret_why))
                return false;
        if (n > SETTINGS_QUOTA_MAX)
                *ret_why = N_("is more than 1024T");
        else
                *(uint64_t *)part = n;
        return !*ret_why;
}

static bool read_rate(void *part, struct span value, const char **ret_why) {
        uint64_t n;
        if (!text_u64(value, SETTINGS_RATE_MAX, &n))
                *ret_why = N_("is not a number of kbit/s, from 0 to 100000000");
        else
                *(uint64_t *)part = n;
        return !*ret_why;
}

/* "30d", "12h", "forever". Shorter than an hour is a slip of the hand. */
static bool read_keep(void *part, struct span value, const char **ret_why) {
        uint64_t n = CAMERA_KEEP_FOREVER;
        bool forever = text_eq_nocase(value, SPAN_STR("forever"));
        if (!forever && (!when_duration(value, &n) || n < KEEP_LEAST))
                *ret_why = N_("is not a time of an hour or more, as 30d, or forever");
        else
                *(uint64_t *)part = n;
        return !*ret_why;
}

static void show_keep(const void *part, struct buf *out) {
        uint64_t n = *(const uint64_t *)part;
        if (n == CAMERA_KEEP_FOREVER)
                buf_add_str(out, "forever");
        else if (n % MESH_DAY == 0)
                buf_printf(out, "%llud", (unsigned long long)(n / MESH_DAY));
        else
                buf_printf(out, "%llus", (unsigned long long)n);
}

/* "break-in=90d", one of several; or "none" alone. */
static bool read_kind(void *part, struct span value, const char **ret_why) {
        struct settings_kinds *kinds = part;
        const uint8_t *equals = value.n ? memchr(value.p, '=', value.n) : NULL;
        size_t n = equals ? (size_t)(equals - value.p) : value.n;
        uint64_t kind = wire_enum_value(&wire_kind_enum, text_trim(span_of(value.p, n)));
        bool none = text_eq_nocase(value, SPAN_STR("none")), any = false;
        for (size_t i = 0; i < KINDS_MOST; i++)
                any |= kinds->keep.of[i] != 0;
        if (kinds->none || (none && any))
                *ret_why = N_("does not go together with `none`");
        else if (none)
                kinds->none = true;
        else if (!equals)
                *ret_why = N_("is not KIND=D, as break-in=90d, or none");
        else if (!kind || kind >= KINDS_MOST)
                *ret_why = N_("does not begin with a kind; `porchlight help post` lists them");
        else if (kinds->keep.of[kind])
                *ret_why = N_("is the same kind again");
        else
                return read_keep(&kinds->keep.of[kind], text_trim(span_from(value, n + 1)), ret_why);
        return !*ret_why;
}

static void show_kinds(const void *part, struct buf *out) {
        const struct settings_kinds *kinds = part;
        bool any = false;
        for (size_t i = 0; i < KINDS_MOST; i++) {
                if (!kinds->keep.of[i])
                        continue;
                buf_printf(out, "%s%s=", any ? ", " : "", wire_enum_text(&wire_kind_enum, i));
                show_keep(&kinds->keep.of[i], out);
                any = true;
        }
        if (!any)
                buf_add_str(out, "none");
}

static bool read_full(void *part, struct span value, const char **ret_why) {
        bool oldest = text_eq_nocase(value, SPAN_STR("oldest"));
        if (!oldest && !text_eq_nocase(value, SPAN_STR("refuse")))
                *ret_why = N_("is not refuse or oldest");
        else
                *(enum settings_full *)part = oldest ? SETTINGS_FULL_OLDEST : SETTINGS_FULL_REFUSE;
        return !*ret_why;
}

static void show_full(const void *part, struct buf *out) {
        buf_add_str(out, *(const enum settings_full *)part == SETTINGS_FULL_OLDEST ? "oldest" : "refuse");
}

static void show_size(const void *part, struct buf *out) {
        buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)part);
}

/* ---- the table ---- */

#define PART_DATA data
#define PART_LISTEN listen
#define PART_ADVERTISE advertise
#define PART_LAN lan
#define PART_MAPPING mapping
#define PART_STUN stun
#define PART_HIDDEN hidden
#define PART_RELAY relay_quota
#define PART_GROUP group
#define PART_VAULT_OWNER owner
#define PART_VAULT_SERVICE vault_service
#define PART_RECORD record
#define PART_RECORD_SIZE record_size
#define PART_RECORD_PASSPHRASE record_passphrase
#define PART_CONFIG config
#define PART_CLIPS_QUOTA clips_quota
#define PART_CLIPS_UPLINK clips_uplink
#define PART_CLIPS_CACHE clips_cache
#define PART_CLIPS_RETENTION clips_retention
#define PART_CLIPS_KINDS clips_kinds
#define PART_CLIPS_WHEN_FULL clips_when_full
#define PART_CLIPS_WATCH clips_watch
#define READ_PATH read_path, show_path
#define READ_LISTEN read_listen, show_listen
#define READ_ADVERTISE read_advertise, show_advertise
#define READ_YES read_yes, show_yes
#define READ_SIZE read_size, show_size
#define READ_QUOTA read_quota, show_size
#define READ_RATE read_rate, show_size
#define READ_FOLDER read_folder, show_path
#define READ_KEEP read_keep, show_keep
#define READ_KIND read_kind, show_kinds
#define READ_FULL read_full, show_full
#define READ_GROUP read_group, show_group
#define READ_USER read_user, show_group
#define SETTING_ROW(NAME, key_, flag_, arg_, TYPE, most_, WHEN, BY, doc_)                                              \
        [SETTING_##NAME] = {key_,                                                                                      \
                            flag_,                                                                                     \
                            arg_,                                                                                      \
                            doc_,                                                                                      \
                            most_,                                                                                     \
                            EFFECT_##WHEN,                                                                             \
                            REACH_##BY,                                                                                \
                            offsetof(struct settings, PART_##NAME),                                                    \
                            sizeof(((struct settings *)NULL)->PART_##NAME),                                            \
                            READ_##TYPE},
static const struct row rows[SETTINGS_N] = {SETTINGS(SETTING_ROW)};
_Static_assert(SETTINGS_N == 22, "a setting that was added needs its PART_ line, and a default in defaults()");

static void *part_of(struct settings *s, enum setting i) {
        return (uint8_t *)s + rows[i].at;
}

static const void *part_in(const struct settings *s, enum setting i) {
        return (const uint8_t *)s + rows[i].at;
}

/* One value, or several with commas between where the setting may have several. @ret_bad: the one that is wrong. */
static bool apply(struct settings *s, enum setting i, struct span value, const char **ret_why, struct span *ret_bad) {
        const uint8_t *comma = rows[i].most > 1 && value.n ? memchr(value.p, ',', value.n) : NULL;
        struct span one = comma ? text_trim(span_of(value.p, (size_t)(comma - value.p))) : value;
        *ret_why = NULL;
        *ret_bad = one;
        if (s->given[i] && rows[i].most == 1) {
                *ret_bad = span_str(*rows[i].key ? rows[i].key : rows[i].flag);
                *ret_why = N_("is given twice");
                return false;
        }
        if (!rows[i].read(part_of(s, i), one, ret_why))
                return false;
        s->given[i] = true;
        return !comma || apply(s, i, text_trim(span_from(value, (size_t)(comma - value.p) + 1)), ret_why, ret_bad);
}

/* What a person gave may hold anything: shown escaped, and cut. */
static void say_value(struct said *ret, const char *before, struct span value, const char *why) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, span_of(value.p, MIN(value.n, (size_t)64)), false);
        said_set(ret, "%s: `%s` %s", before, buf_cstr(&shown), why);
        said_words(ret, 2);
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

static int take_arg(struct settings *s, char **argv, int argc, int *at, struct said *ret_why) {
        const char *arg = argv[*at], *value = NULL, *why = NULL;
        struct span bad;
        enum setting i = find_flag(arg, &value);
        if (i == SETTINGS_N) {
                say_value(ret_why, "usage", span_str(arg), "is not an option; see --help");
                return SETTINGS_E_INPUT;
        }
        if (value && !*rows[i].arg) {
                say_value(ret_why, "usage", span_str(arg), "takes no value");
                return SETTINGS_E_INPUT;
        }
        if (!value && *rows[i].arg && *at + 1 < argc)
                value = argv[++*at];
        if (!value && *rows[i].arg) {
                say_value(ret_why, "usage", span_str(arg), "wants a value; see --help");
                return SETTINGS_E_INPUT;
        }
        if (apply(s, i, span_str(value ? value : "no"), &why, &bad))
                return 0;
        say_value(ret_why, rows[i].flag, bad, why);
        return SETTINGS_E_INPUT;
}

int settings_args(struct settings *ret, int argc, char **argv, struct said *ret_why) {
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

enum setting settings_find(struct span key) {
        for (enum setting i = 0; i < SETTINGS_N; i++)
                if (*rows[i].key && span_eq(span_str(rows[i].key), key))
                        return i;
        return SETTINGS_N;
}

static int take_line(struct settings *s, struct span line, unsigned number, const char *where, struct said *ret_why) {
        const char *why;
        struct span bad;
        const uint8_t *equals = line.n ? memchr(line.p, '=', line.n) : NULL;
        if (!equals) {
                say_value(ret_why, where, line, "is not `key = value`");
                return SETTINGS_E_INPUT;
        }
        struct span key = text_trim(span_of(line.p, (size_t)(equals - line.p)));
        struct span value = text_trim(span_from(line, (size_t)(equals - line.p) + 1));
        enum setting i = settings_find(key);
        if (i == SETTINGS_N) {
                say_value(ret_why, where, key, "is not a setting");
                return SETTINGS_E_INPUT;
        }
        if (!text_utf8(value)) {
                say_value(ret_why, where, value, "is not text");
                return SETTINGS_E_INPUT;
        }
        if (!s->line[i])
                s->line[i] = number;
        if (apply(s, i, value, &why, &bad))
                return 0;
        say_value(ret_why, where, bad, why);
        return SETTINGS_E_INPUT;
}

int settings_file(struct settings *ret, struct span text, const char *name, struct said *ret_why) {
        char where[WHERE_MAX];
        for (unsigned number = 1; text.n; number++) {
                const uint8_t *end = memchr(text.p, '\n', text.n);
                size_t n = end ? (size_t)(end - text.p) : text.n;
                struct span line = text_trim(span_of(text.p, n));
                text = span_from(text, end ? n + 1 : n);
                if (line.n == 0 || line.p[0] == '#')
                        continue;
                snprintf(where, sizeof(where), "%.*s:%u", (int)sizeof(where) - 16, name, number);
                int r = take_line(ret, line, number, where, ret_why);
                if (r)
                        return r;
        }
        return 0;
}

void settings_format(struct buf *out, const struct settings *s) {
        for (enum setting i = 0; i < SETTINGS_N; i++) {
                if (!s->given[i] || !*rows[i].key)
                        continue;
                buf_printf(out, "%s = ", rows[i].key);
                settings_show(out, s, i);
                buf_add_u8(out, '\n');
        }
}

/* ---- `config set` ---- */

void settings_drop(struct settings *s, enum setting i) {
        memset(part_of(s, i), 0, rows[i].size);
        s->given[i] = false;
        s->line[i] = 0;
}

/* A value with a newline would be two lines of the file, of which the second could say anything. */
static bool is_one_line(struct span value) {
        return !value.n || (!memchr(value.p, '\n', value.n) && !memchr(value.p, '\0', value.n));
}

int settings_put(struct settings *s, enum setting i, struct span value, struct said *ret_why) {
        struct settings was = *s;
        const char *why = N_("has more than one line");
        struct span bad = value;
        settings_drop(s, i);
        if (is_one_line(value) && apply(s, i, text_trim(value), &why, &bad))
                return 0;
        *s = was;
        say_value(ret_why, rows[i].key, bad, why);
        return SETTINGS_E_INPUT;
}

/* ---- all together ---- */

/* Listening: both families, on every interface; a machine may lack one of them. */
static void defaults(struct settings *ret) {
        struct mesh_addr v4 = {.ip = {[10] = 0xff, [11] = 0xff}, .port = NODE_PORT}, v6 = {.port = NODE_PORT};
        *ret = (struct settings){.lan = true,
                                 .mapping = true,
                                 .stun = true,
                                 .listen = {.at = {{v6, true}, {v4, true}}, .n = 2},
                                 .record_size = TAPE_SIZE,
                                 .relay_quota = NODE_RELAY_QUOTA,
                                 .clips_quota = CLIPS_QUOTA,
                                 .clips_cache = FETCH_CACHE,
                                 .clips_retention = CLIPS_RETENTION,
                                 .clips_kinds = {.keep = kinds_preset}};
}

void settings_merge(struct settings *ret, const struct settings *ranks) {
        defaults(ret);
        for (enum setting i = 0; i < SETTINGS_N; i++) {
                enum settings_rank rank = SETTINGS_ARGS;
                while (rank < SETTINGS_RANKS && !ranks[rank].given[i])
                        rank++;
                ret->from[i] = rank;
                if (rank == SETTINGS_DEFAULT)
                        continue;
                memcpy(part_of(ret, i), part_in(&ranks[rank], i), rows[i].size);
                ret->given[i] = true;
                ret->line[i] = ranks[rank].line[i];
        }
}

/* ---- one of them ---- */

const char *settings_key(enum setting i) {
        return rows[i].key;
}

const char *settings_flag(enum setting i) {
        return rows[i].flag;
}

bool settings_needs_restart(enum setting i) {
        return rows[i].effect == EFFECT_RESTART;
}

bool settings_may_set(enum setting i) {
        return rows[i].reach == REACH_CONFIG;
}

void settings_show(struct buf *out, const struct settings *s, enum setting i) {
        rows[i].show(part_in(s, i), out);
}

bool settings_same(const struct settings *a, const struct settings *b, enum setting i) {
        _clean_(buf_fini) struct buf x = BUF_NULL, y = BUF_NULL;
        settings_show(&x, a, i);
        settings_show(&y, b, i);
        return span_eq(buf_span(&x), buf_span(&y));
}

void settings_help(struct buf *out) {
        char left[64];
        buf_add_str(out, "usage: porchlightd [OPTION]...\n\n"
                         "The Porchlight daemon: links homes, keeps their alerts, answers `porchlight`.\n\n");
        for (enum setting i = 0; i < SETTINGS_N; i++) {
                snprintf(left, sizeof(left), "%s %s", rows[i].flag, rows[i].arg);
                buf_printf(out, "  %-*s%s%s\n", HELP_COLUMN, left, *rows[i].arg ? "" : "do not ", rows[i].doc);
        }
        buf_printf(out, "  %-*s%s\n", HELP_COLUMN, "--help", "this text");
        buf_printf(out, "  %-*s%s\n\n", HELP_COLUMN, "--version", "the version");
        buf_printf(out, "Without --listen it listens on port %d of every interface. DIR is, by default,\n", NODE_PORT);
        buf_add_str(out, "$PORCHLIGHT_DATA, or ~/.local/share/porchlight; /var/lib/porchlight for root.\n");
}
