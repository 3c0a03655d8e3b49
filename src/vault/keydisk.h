/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file on its disk: DIR/vault/household, 0600, never written in place. Whoever finds the file after a crash
 * finds it whole, old or new; and no call here ever writes over a file it was not told to replace.
 */
#pragma once

#include "base/buf.h"

#define KEYDISK_NAME "household"
#define KEYDISK_TEMP "household.new"

enum {
        KEYDISK_E_NONE = 1,  /* there is no such file */
        KEYDISK_E_THING = 2, /* something stands there that is not a regular file of at most KEYFILE_BYTES_MAX bytes */
        KEYDISK_E_THERE = 3, /* writing: a file stands there already */
};

/* Appends the file's bytes. *@ret_tightened: others could read it; they no longer can. 0, KEYDISK_E_NONE,
 * KEYDISK_E_THING, <0. */
int keydisk_read(int vault_fd, struct buf *out, bool *ret_tightened);
/* Writes it durably. @replace: an older one may stand there; else a failure leaves no file behind. 0,
 * KEYDISK_E_THERE, <0 (ERR_FULL: no space). */
int keydisk_write(int vault_fd, struct span bytes, bool replace);
/* Overwrites the file with zeros, as far as that helps on this disk, and removes it durably. 0 (also if there is
 * none), <0. */
int keydisk_remove(int vault_fd);
/* Removes what a crash in the middle of a write or a removal left behind: it may hold a key. */
void keydisk_tidy(int vault_fd);
