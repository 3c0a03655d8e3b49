/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's settings while it runs: read from command line, porchlight.conf and DIR/settings, read again on SIGHUP,
 * and changed by `porchlight config set`. A change is first tried, then written, so that what is on disk is what works;
 * where either fails everything is as it was.
 *
 * Writing waits for the disk in the middle of the loop: a kilobyte, when a person has typed a command.
 */
#pragma once

#include "daemon/settings.h"

struct config {
        struct settings ranks[SETTINGS_RANKS];
        struct settings now;     /* what counts */
        struct settings started; /* what counted when the daemon started: for what a start alone changes */
        const char *file;        /* the path of porchlight.conf, or what --config names */
        const char *dir;         /* once it is known */
        int porter;              /* through whom files are opened and written, once it is there; else -1 */
        /* Makes the node do as @next says. False: it could not (logged), and does as before. */
        bool (*use)(void *ctx, const struct settings *next);
        void *ctx;
        struct buf shown; /* of config_at() */
        char where[SETTINGS_PATH_MAX + 32];
};

void config_fini(struct config *c);
/* Reads porchlight.conf, and DIR/settings once the folder is known, into @c->now; ranks[SETTINGS_ARGS] is there. The file
 * may be missing unless --config names it. False: something is wrong (logged), and nothing has changed. */
bool config_read(struct config *c);
/* For the node (node/node.h); @ctx of both is the struct config. */
bool config_at(struct config *c, size_t i, struct node_setting *ret);
bool config_set(struct config *c, struct span key, const struct span *value, struct node_refusal *ret_why);
/* True: this machine has such a group, and *@ret is it; or none is named. False with errno, 0 where there is none. */
bool config_group(const struct settings *s, struct node_group *ret);
