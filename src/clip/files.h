/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the files of a clip are called in DIR/clips: `<id>` has its chunks, one after the other, `<id>.list` their hashes. The
 * daemon writes them and the vault reads them, so both take the names from here.
 *
 * Where the vault has a user of its own, whoever sets the machine up (contrib/systemd: tmpfiles.d) makes the folder
 * beforehand, with the vault's group and mode CLIP_FOLDER_SHARED: what is made in it has that group, and the daemon gives each
 * file CLIP_FILE_SHARED. Anywhere else it is closed to everybody but the daemon's user.
 */
#pragma once

#include "crypto/hash.h"

#define CLIP_FILE_NAME_MAX 72
#define CLIP_FOLDER_MODE 0700
#define CLIP_FOLDER_SHARED 02750
#define CLIP_FILE_MODE 0600
#define CLIP_FILE_SHARED 0640

/* Of its bytes, or of their list. */
void clip_file_name(char ret[CLIP_FILE_NAME_MAX], const struct hash *id, bool list);
/* Whose file it is. False: of no clip. */
bool clip_file_id(const char *name, struct hash *ret);
