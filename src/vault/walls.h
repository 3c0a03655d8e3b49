/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's walls: once DIR/vault is open and locked, the kernel lets it use that folder and the one its sockets are
 * in, take connections there, and nothing else. It can call nobody: no network, no other socket, no other program.
 */
#pragma once

#include "base/syscalls.h"

struct walls {
        unsigned landlock; /* the kernel's version of it; 0: none */
        bool syscalls;     /* filtered */
};

/* Has the filter of system calls made meanwhile: early, so that nobody waits for it. */
void walls_begin(struct syscalls *filter);
/* For good. Goes on, with a line in the log, where the kernel or the build lacks one of the two. False (logged): a wall
 * that this kernel has does not stand. */
bool walls_shut(const char *dir, const char *sockets, struct syscalls *filter, struct walls *ret);
