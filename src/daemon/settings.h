/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon is told, in four ranks: on its command line, in its configuration file, by `porchlight config set`,
 * and by default. The first that says something about a setting counts. All of them are read by one table
 * (porchlight/settings.def). Nothing here touches the disk or the network.
 *
 * The files: lines `key = value`; lines that are empty or begin with # are skipped; a key that is not known is an error,
 * for what somebody wanted would be left undone.
 */
#pragma once

#include "base/buf.h"
#include "node/node.h"
#include "node/stay.h"
#include "wire/said.h"

#define SETTINGS_PATH_MAX 512
#define SETTINGS_FILE_MAX (64 * 1024)
#define SETTINGS_RATE_MAX 100000000            /* kbit/s: 100 Gbit/s */
#define SETTINGS_QUOTA_MAX (UINT64_C(1) << 50) /* more than there are disks for */
#define SETTINGS_GROUP_MAX 33                  /* longer names of groups cannot be made on Linux */

#define SETTING_NAME(NAME, ...) SETTING_##NAME,
#include "porchlight/settings.def"
enum setting { SETTINGS(SETTING_NAME) SETTINGS_N };

/* Who said it; the lower rank counts. */
enum settings_rank { SETTINGS_ARGS, SETTINGS_FILE, SETTINGS_OWN, SETTINGS_RANKS, SETTINGS_DEFAULT = SETTINGS_RANKS };

struct settings {
        bool given[SETTINGS_N];
        unsigned line[SETTINGS_N];           /* of a file: where it is given first */
        enum settings_rank from[SETTINGS_N]; /* after settings_merge() */
        char data[SETTINGS_PATH_MAX], config[SETTINGS_PATH_MAX];
        struct settings_listen {
                struct node_endpoint at[NODE_LISTEN_MAX];
                size_t n;
        } listen;
        struct settings_advertise {
                struct node_advertised at[NODE_ADVERTISE_MAX];
                size_t n;
        } advertise;
        bool lan, mapping, stun, hidden;
        uint64_t relay_quota;           /* bytes a day */
        char group[SETTINGS_GROUP_MAX]; /* of control.sock; empty: the daemon's user alone */
        char owner[SETTINGS_GROUP_MAX]; /* whom the vault obeys besides root; empty: who founded or joined */
        bool vault_service;             /* the vault runs by itself, and listens on DIR/vault.sock */
        char record[SETTINGS_PATH_MAX], record_passphrase[SETTINGS_PATH_MAX];
        uint64_t record_size;     /* bytes */
        uint64_t clips_uplink;    /* kbit/s; 0: no limit */
        uint64_t clips_quota;     /* bytes */
        uint64_t clips_cache;     /* bytes */
        uint64_t clips_retention; /* seconds; CAMERA_KEEP_FOREVER */
        struct settings_kinds {
                bool none; /* it was said so */
                struct kinds_keep keep;
        } clips_kinds;
        enum settings_full { SETTINGS_FULL_REFUSE, SETTINGS_FULL_OLDEST } clips_when_full;
        char clips_watch[SETTINGS_PATH_MAX]; /* a folder; empty: none. What watches it is `porchlight clip watch` */
};

enum {
        SETTINGS_E_INPUT = 1, /* @ret_why says what is wrong */
        SETTINGS_E_HELP = 2,  /* --help was asked for */
        SETTINGS_E_VERSION = 3,
};

/* 0, SETTINGS_E_*. @ret is zero at first. */
int settings_args(struct settings *ret, int argc, char **argv, struct said *ret_why);
/* A file's text; @name stands before what is wrong. 0, SETTINGS_E_INPUT. @ret is zero at first. */
int settings_file(struct settings *ret, struct span text, const char *name, struct said *ret_why);
/* One value in place of what @s says; an empty one is as good as any other. On failure @s is as it was. 0,
 * SETTINGS_E_INPUT. */
int settings_put(struct settings *s, enum setting i, struct span value, struct said *ret_why);
/* @s says nothing about it any more. */
void settings_drop(struct settings *s, enum setting i);
/* Of each setting what the lowest of the ranks says, else the default. @ranks: SETTINGS_RANKS of them. */
void settings_merge(struct settings *ret, const struct settings *ranks);
void settings_help(struct buf *out);

/* ---- one setting ---- */

enum setting settings_find(struct span key); /* SETTINGS_N: there is none */
const char *settings_key(enum setting i);    /* empty: of the command line alone */
const char *settings_flag(enum setting i);
bool settings_needs_restart(enum setting i);
bool settings_may_set(enum setting i); /* by `porchlight config set` */
bool settings_same(const struct settings *a, const struct settings *b, enum setting i);
/* The value as a file would have it. */
void settings_show(struct buf *out, const struct settings *s, enum setting i);
/* All that @s says, as settings_file() reads it. */
void settings_format(struct buf *out, const struct settings *s);
