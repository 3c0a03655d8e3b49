/* SPDX-License-Identifier: Apache-2.0 */
/* Where a daemon lives: its folder and the files in it that more than one program must find. */
#pragma once

#include "base/buf.h"

#define DIR_CONTROL_SOCK "control.sock" /* the daemon: reads and posts */
#define DIR_OWNER_SOCK "owner.sock"     /* the vault: what needs the owner */
#define DIR_VAULT_SOCK "vault.sock"     /* a vault that runs by itself: its daemon */
#define DIR_VAULT "vault"               /* 0700: the household's keys */
#define DIR_CLIPS "clips"               /* ciphertext of clips, the hashes of its chunks: clip/files.h */
#define DIR_DB "porchlight.db"
#define DIR_DEVICE_KEY "device.key"

enum {
        DIR_E_NONE = 1, /* no folder is named and none of the usual places fits (HOME unset) */
        DIR_E_LONG = 2, /* too long for a socket path inside it */
};

/* The folder: @arg if not NULL, else $PORCHLIGHT_DATA, else $XDG_DATA_HOME/porchlight (or ~/.local/share/porchlight) if its
 * control.sock exists, else /var/lib/porchlight. Appends the path. 0, DIR_E_*. */
int dir_find(struct buf *out, const char *arg);
/* As dir_find, for a daemon that is about to be started: the user's own folder where the caller is not root. */
int dir_find_new(struct buf *out, const char *arg);
/* Appends DIR/NAME and a NUL that is not counted. */
void dir_join(struct buf *out, const char *dir, const char *name);
