/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's sockets and files: a poll(2) loop over the daemon's stream, owner.sock and the owner's tools. It ends
 * when the daemon's end closes or SIGTERM comes. The stream is a socketpair that was there from the start, or, where the
 * vault is a service, the first connection of the daemon's user to vault.sock. All it reads passes through memory that is locked and wiped, because a
 * passphrase may be among it.
 */
#pragma once

#include "base/base.h"

#define SERVER_DAEMON_FD 3 /* of the socketpair */

struct server_args {
        const char *dir;
        const char *sockets; /* the folder for the sockets: DIR, unless the vault has a user of its own */
        bool service;        /* the daemon comes to vault.sock */
        uint32_t owner;      /* whom to obey besides root and whoever founds or joins; OWNER_NOBODY: nobody */
};

/* Runs until the end. The exit code of the process: 0, or 1 after a line in the log that says what is wrong. */
int server_run(const struct server_args *args);
