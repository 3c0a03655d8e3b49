/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complete.h"
#include "cli/config.h"

#define OPTIONS_MAX 128

void complete_words(struct buf *out, const struct command *cmd) {
        buf_printf(out, "%s%s%s", cmd->group ? cmd->group : "", cmd->group && cmd->name ? " " : "",
                   cmd->name ? cmd->name : "");
}

void complete_enum(struct buf *out, const struct wire_enum *e) {
        for (size_t i = 0; i < e->n; i++) {
                if (i)
                        buf_add_u8(out, ' ');
                for (const char *p = e->rows[i].spelling; *p; p++)
                        buf_add_u8(out, (uint8_t)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p));
        }
}

void complete_settings(struct buf *out) {
        const char *key;
        for (size_t i = 0; (key = config_key(i)); i++)
                buf_printf(out, "%s%s", i ? " " : "", key);
}

const char *complete_first(const struct command *cmd) {
        return cmd->group ? cmd->group : cmd->name;
}

bool complete_is_first(size_t i) {
        for (size_t k = 0; k < i; k++)
                if (strcmp(complete_first(commands[k]), complete_first(commands[i])) == 0)
                        return false;
        return true;
}

/* Of a group: what all of it is about. */
const char *complete_first_brief(const struct command *cmd) {
        static const struct {
                const char *group, *brief;
        } briefs[] = {
                {"alert", "what follows an alert"},
                {"mesh", "the mesh of this neighbourhood"},
                {"invite", "tickets for neighbours"},
                {"member", "the homes of the mesh"},
                {"device", "the devices of this household"},
                {"vault", "the household's key"},
                {"peer", "where neighbours can be reached"},
                {"mute", "what nearby and watch leave out"},
                {"place", "names for places"},
                {"clip", "footage of this home, locked"},
                {"camera", "what may be told of each camera, and how long it is kept"},
                {"grant", "who may open which clip"},
                {"ledger", "what became of this home's footage"},
                {"me", "what this home holds about you"},
                {"config", "what the daemon is told"},
        };
        for (size_t i = 0; cmd->group && i < ARRAY_LEN(briefs); i++)
                if (strcmp(briefs[i].group, cmd->group) == 0)
                        return briefs[i].brief;
        return cmd->brief;
}

void complete_escape(struct buf *out, const char *text, const char *special) {
        for (; *text; text++) {
                if (strchr(special, *text))
                        buf_add_u8(out, '\\');
                buf_add_u8(out, (uint8_t)*text);
        }
}

static size_t put_once(const struct option **list, size_t n, const struct option *o) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(list[i]->name, o->name) == 0)
                        return n;
        if (n < OPTIONS_MAX)
                list[n++] = o;
        return n;
}

const struct option *complete_option(size_t at) {
        const struct option *list[OPTIONS_MAX];
        size_t n = 0;
        for (size_t i = 0; commands[i]; i++)
                for (const struct option *o = commands[i]->options; o && o->name; o++)
                        n = put_once(list, n, o);
        for (const struct option *o = options_everywhere; o->name; o++)
                n = put_once(list, n, o);
        return at < n ? list[at] : NULL;
}
