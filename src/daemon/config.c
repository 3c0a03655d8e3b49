/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"
#include "base/dir.h"
#include "base/lang.h"
#include "base/log.h"
#include "daemon/configfile.h"
#include "node/porter.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>

void config_fini(struct config *c) {
        buf_fini(&c->shown);
}

bool config_group(const struct settings *s, struct node_group *ret) {
        if (!*s->group)
                return true;
        errno = 0;
        const struct group *g = getgrnam(s->group);
        if (g)
                *ret = (struct node_group){true, g->gr_gid};
        return g;
}

/* ---- reading ---- */

/* @must: it has to be there. */
static bool read_rank(const struct config *c, enum porter_file which, const char *path, bool must, const char *hint,
                      struct settings *ret) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct said why;
        int fd, e = c->porter >= 0 ? porter_open(c->porter, which, &fd) : configfile_open(path, &fd);
        if (e == 0)
                e = configfile_read(fd, &text);
        if (e && (must || e != ENOENT)) {
                log_error("config: %s: %s; %s", path, e == EINVAL ? "it is not a plain file" : strerror(e), hint);
                return false;
        }
        if (e == 0 && which == PORTER_SETTINGS && !configfile_whole(buf_span(&text))) {
                log_error("config: %s: it is not as it was written, and may be damaged; look through it, and take its "
                          "first line out",
                          path);
                return false;
        }
        if (e == 0 && settings_file(ret, buf_span(&text), path, &why)) {
                log_error("config: %s", why.text);
                return false;
        }
        return true;
}

bool config_read(struct config *c) {
        _clean_(buf_fini) struct buf own = BUF_NULL;
        struct settings ranks[SETTINGS_RANKS] = {[SETTINGS_ARGS] = c->ranks[SETTINGS_ARGS]};
        if (!read_rank(c, PORTER_CONFIG, c->file, ranks[SETTINGS_ARGS].given[SETTING_CONFIG], "check --config",
                       &ranks[SETTINGS_FILE]))
                return false;
        if (c->dir) {
                dir_join(&own, c->dir, CONFIGFILE_OWN);
                if (!read_rank(c, PORTER_SETTINGS, buf_cstr(&own), false,
                               "`porchlight config set` writes it; check its owner and mode", &ranks[SETTINGS_OWN]))
                        return false;
        }
        memcpy(c->ranks, ranks, sizeof(ranks));
        settings_merge(&c->now, ranks);
        return true;
}

/* ---- showing ---- */

static void say_where(struct config *c, enum setting i, enum settings_rank rank) {
        c->where[0] = '\0';
        if (rank == SETTINGS_ARGS)
                snprintf(c->where, sizeof(c->where), "%s", settings_flag(i));
        else if (rank == SETTINGS_FILE)
                snprintf(c->where, sizeof(c->where), "%s:%u", c->file, c->ranks[rank].line[i]);
}

static enum wire_e_origin origin_of(enum settings_rank rank) {
        switch (rank) {
        case SETTINGS_ARGS:
                return ORIGIN_ARGS;
        case SETTINGS_FILE:
                return ORIGIN_FILE;
        case SETTINGS_OWN:
                return ORIGIN_SET;
        case SETTINGS_DEFAULT:
                break;
        }
        return ORIGIN_DEFAULT;
}

bool config_at(struct config *c, size_t at, struct node_setting *ret) {
        enum setting i = 0;
        for (size_t keys = 0; i < SETTINGS_N; i++)
                if (*settings_key(i) && keys++ == at)
                        break;
        if (i == SETTINGS_N)
                return false;
        buf_clear(&c->shown);
        settings_show(&c->shown, &c->now, i);
        if (i == SETTING_DATA && !c->now.given[i])
                buf_add_str(&c->shown, c->dir);
        say_where(c, i, c->now.from[i]);
        *ret = (struct node_setting){
                .key = settings_key(i),
                .where = c->where,
                .value = buf_span(&c->shown),
                .origin = origin_of(c->now.from[i]),
                .restart = settings_needs_restart(i) && !settings_same(&c->now, &c->started, i),
        };
        return true;
}

/* ---- setting ---- */

_printf_(5, 6) static bool refuse(struct node_refusal *ret, const char *name, enum wire_e_exit code, const char *hint,
                                  const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        said_vset(&ret->message, fmt, ap);
        va_end(ap);
        ret->name = name;
        ret->hint = hint;
        ret->exit = code;
        return false;
}

static bool refuse_value(struct node_refusal *ret, const struct said *why) {
        *ret = (struct node_refusal){.name = "bad-value",
                                     .hint = N_("`porchlight help config set` says what each takes"),
                                     .exit = EXIT_USAGE,
                                     .message = *why};
        return false;
}

/* Whether `config set` has a say in it. */
static bool may_set(struct config *c, enum setting i, struct node_refusal *ret_why) {
        if (i == SETTINGS_N)
                return refuse(ret_why, "no-such-setting", EXIT_NOT_FOUND, "`porchlight config list` shows them",
                              "there is no setting of that name");
        if (!settings_may_set(i))
                return refuse(ret_why, "file-only", EXIT_REFUSED, "write it there, and start the daemon again",
                              "only the command line and %.200s say %s", c->file, settings_key(i));
        if (c->now.from[i] > SETTINGS_FILE)
                return true;
        say_where(c, i, c->now.from[i]);
        return refuse(ret_why, "outranked", EXIT_REFUSED,
                      c->now.from[i] == SETTINGS_FILE
                              ? N_("change it there and send the daemon SIGHUP, or take the line out")
                              : N_("start the daemon without it"),
                      "%.200s says what %s is, and that outranks this", c->where, settings_key(i));
}

static bool check(const struct settings *next, enum setting i, struct node_refusal *ret_why) {
        struct node_group group;
        if (i != SETTING_GROUP || config_group(next, &group))
                return true;
        return refuse(ret_why, "no-such-group", EXIT_NOT_FOUND, "make it first, or name another",
                      "this machine has no group `%s`", next->group);
}

static bool keep(struct config *c, const struct settings *own, const struct settings *next,
                 struct node_refusal *ret_why) {
        _clean_(buf_fini) struct buf lines = BUF_NULL, text = BUF_NULL;
        if (!c->use(c->ctx, next))
                return refuse(ret_why, "not-usable", EXIT_FAILED, "see the daemon's log; nothing was changed",
                              "the daemon cannot do that");
        settings_format(&lines, own);
        configfile_seal(&text, buf_span(&lines));
        int e = buf_ok(&lines) && buf_ok(&text) ? porter_keep(c->porter, buf_span(&text)) : ENOMEM;
        if (e == 0)
                return true;
        c->use(c->ctx, &c->now);
        return refuse(ret_why, "cannot-write", EXIT_FAILED, "make room, or check the folder; nothing was changed",
                      "%.200s/%s: %s", c->dir, CONFIGFILE_OWN, strerror(e));
}

bool config_set(struct config *c, struct span key, const struct span *value, struct node_refusal *ret_why) {
        struct said why;
        struct settings ranks[SETTINGS_RANKS], next;
        enum setting i = settings_find(key);
        if (!may_set(c, i, ret_why))
                return false;
        memcpy(ranks, c->ranks, sizeof(ranks));
        if (!value)
                settings_drop(&ranks[SETTINGS_OWN], i);
        else if (settings_put(&ranks[SETTINGS_OWN], i, *value, &why))
                return refuse_value(ret_why, &why);
        settings_merge(&next, ranks);
        if (!check(&next, i, ret_why) || !keep(c, &ranks[SETTINGS_OWN], &next, ret_why))
                return false;
        c->ranks[SETTINGS_OWN] = ranks[SETTINGS_OWN];
        c->now = next;
        log_info("config: %s was %s", settings_key(i), value ? "set" : "set back");
        return true;
}
