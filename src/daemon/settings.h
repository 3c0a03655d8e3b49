/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon is told: on its command line, and in its configuration file, from one table. The command line
 * outranks the file. Nothing here touches the disk or the network.
 *
 * The file: lines `key = value`; lines that are empty or begin with # are skipped; a key it does not know is an error.
 */
#pragma once

#include "base/buf.h"
#include "node/node.h"

#define SETTINGS_PATH_MAX 512
#define SETTINGS_WHY_MAX 256
#define SETTINGS_FILE_MAX (64 * 1024)
#define SETTINGS_GROUP_MAX 33 /* longer names of groups cannot be made on Linux */

enum setting {
        SETTING_DATA,
        SETTING_LISTEN,
        SETTING_ADVERTISE,
        SETTING_LAN,
        SETTING_GROUP,
        SETTING_CONFIG,
        SETTINGS_N
};

struct settings {
        bool given[SETTINGS_N];
        char data[SETTINGS_PATH_MAX], config[SETTINGS_PATH_MAX];
        struct node_endpoint listen[NODE_LISTEN_MAX];
        size_t n_listen;
        struct node_advertised advertise[NODE_ADVERTISE_MAX];
        size_t n_advertise;
        bool lan;
        char group[SETTINGS_GROUP_MAX]; /* of control.sock; empty: the daemon's user alone */
};

enum {
        SETTINGS_E_INPUT = 1, /* @ret_why says what is wrong */
        SETTINGS_E_HELP = 2,  /* --help was asked for */
        SETTINGS_E_VERSION = 3,
};

struct settings_why {
        char text[SETTINGS_WHY_MAX];
};

/* 0, SETTINGS_E_*. @ret is zero at first. */
int settings_args(struct settings *ret, int argc, char **argv, struct settings_why *ret_why);
/* A configuration file's text; @name stands before what is wrong. 0, SETTINGS_E_INPUT. */
int settings_file(struct settings *ret, struct span text, const char *name, struct settings_why *ret_why);
/* @args where it says something, else @file, else the defaults. */
void settings_merge(struct settings *ret, const struct settings *args, const struct settings *file);
void settings_help(struct buf *out);
