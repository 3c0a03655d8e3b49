/* SPDX-License-Identifier: Apache-2.0 */
/* DIR as the vault needs it: DIR/vault and its lock, and DIR/owner.sock. */
#pragma once

#include "base/base.h"

struct folder {
        int dir_fd, vault_fd, lock_fd; /* -1: not open */
};

#define FOLDER_NULL ((struct folder){-1, -1, -1})

/* What is wrong, for the log: "NAME: what happened; what to do". */
struct folder_why {
        const char *name, *message, *hint;
        int err; /* errno, where it says more; else 0 */
};

/* Opens DIR/vault (makes it, 0700 under any umask), locks it, and clears away what a crash left behind. Waits up to
 * 2 s for the lock. False: *@ret_why says why. @f is to be closed either way. */
bool folder_open(struct folder *f, const char *dir, struct folder_why *ret_why);
/* Listens on DIR/owner.sock, 0600. The socket, or -1 as above. */
int folder_listen(const struct folder *f, const char *dir, struct folder_why *ret_why);
void folder_unlisten(const struct folder *f);
void folder_close(struct folder *f);
