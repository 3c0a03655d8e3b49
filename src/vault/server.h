/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's sockets and files: a poll(2) loop over the daemon's socketpair, owner.sock and the owner's tools. It ends
 * when the daemon's end closes or SIGTERM comes. All it reads passes through memory that is locked and wiped, because a
 * passphrase may be among it.
 */
#pragma once

#include "base/base.h"

#define SERVER_DAEMON_FD 3

/* Runs until the end. The exit code of the process: 0, or 1 after a line in the log that says what is wrong. */
int server_run(const char *dir);
