/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR as the vault needs it: DIR/vault and its lock, and the sockets. These stand in DIR itself; those of a vault with a
 * user of its own, who may not write there, in a folder of its own, and DIR has links to them.
 */
#pragma once

#include "base/base.h"

struct folder {
        int dir_fd, vault_fd, lock_fd, sockets_fd; /* -1: not open */
        const char *sockets;                       /* the folder they stand in */
        uint32_t dir_uid;                          /* whose DIR is: the daemon's user */
};

#define FOLDER_NULL ((struct folder){.dir_fd = -1, .vault_fd = -1, .lock_fd = -1, .sockets_fd = -1})

/* What is wrong, for the log: "NAME: what happened; what to do". */
struct folder_why {
        const char *name, *message, *hint;
        int err; /* errno, where it says more; else 0 */
};

/* Opens DIR/vault (makes it, 0700 under any umask), locks it, and clears away what a crash left behind. Waits up to
 * 2 s for the lock. False: *@ret_why says why. @f is to be closed either way. */
bool folder_open(struct folder *f, const char *dir, const char *sockets, struct folder_why *ret_why);
/* Listens on the socket @name: 0600, or 0666 where users besides root and the vault's own may have to be heard; who they
 * are is then the caller's to check. The socket, or -1 as above. */
int folder_listen(const struct folder *f, const char *name, bool for_others, struct folder_why *ret_why);
void folder_unlisten(const struct folder *f, const char *name);
void folder_close(struct folder *f);
