/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a store and who may see them: 0600 under any umask, never through a symbolic link, one writer at a time.
 *
 * Nothing here opens a database that SQLite may have open: closing any descriptor of such a file would drop the locks the
 * process holds on it.
 */
#pragma once

#include "base/base.h"

#define FILE_DB "porchlight.db"
#define FILE_NEW "porchlight.db.new"           /* being made; renamed when it is whole */
#define FILE_SALVAGED "porchlight.db.salvaged" /* what was whole of a damaged one: from when it is there on it counts */
#define FILE_LOCK "lock"

int file_dir(const char *dir, char **ret);                              /* resolved; STORE_E_ACCESS */
char *file_path(const char *dir, const char *name, const char *suffix); /* NULL: no memory */
/* Takes DIR/lock until the descriptor is closed. STORE_E_SHARED if another has it. */
int file_lock(const char *dir, int *ret_fd);
/* STORE_E_NONE if it is not there, STORE_E_ACCESS if it is no plain file; takes away what others may do with it. */
int file_check(const char *path, uint64_t *ret_size);
int file_create(const char *path);                                      /* empty, 0600; must not exist */
int file_unlink(const char *dir, const char *name, const char *suffix); /* absent is fine */
int file_remove(const char *dir, const char *name); /* with its -wal, -shm and -journal; absent is fine */
int file_sync_names(const char *dir);               /* what was renamed and removed so far is durable */
int file_publish(const char *dir, const char *from, const char *to); /* renames, durably */

void file_freep(char **p);
#define _path_ _clean_(file_freep) char *
