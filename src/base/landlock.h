/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock: a process tells the kernel which files it may still touch, and can never take it back; what it starts is
 * bound as well. The kernel's interface has no wrappers in libc, so the three system calls are made by number
 * (landlock(7), Documentation/userspace-api/landlock.rst).
 *
 * A rule opens a file, or a folder with all below it; there is no rule that closes a folder inside an open one. Whatever
 * no rule opens is closed: reading, writing, making, removing, running. What was open before stays open. Looking at
 * names and modes (stat) is not Landlock's matter.
 *
 * Kernels know more of it from version to version ("ABI"), or nothing at all; each gives what it has.
 */
#pragma once

#include "base/base.h"

enum landlock_may {
        LANDLOCK_MAY_READ = 1,  /* open for reading, list a folder */
        LANDLOCK_MAY_WRITE = 2, /* open for writing, shorten */
        LANDLOCK_MAY_MAKE = 4,  /* in a folder: make, rename and remove plain files */
        LANDLOCK_MAY_BIND = 8,  /* in a folder: make and remove sockets */
        LANDLOCK_MAY_LIST = 16, /* a folder's names, and having them on disk (fsync) */
};

struct landlock_rule {
        const char *path; /* a link is followed; skipped where nothing is there */
        unsigned may;     /* of enum landlock_may */
};

enum {
        LANDLOCK_E_NONE = 1, /* there is no Landlock here, or it may not be used: nothing is closed */
};

extern const bool landlock_built; /* false: of a build whose runtime opens files of its own */

/* Closes to the calling thread, and to all it starts, whatever @rules does not open. With @network false it may bind and
 * connect no TCP port either (from ABI 4 on). Signals and abstract sockets reach no process outside (from ABI 6 on).
 * Sets no_new_privs. @ret_abi: the kernel's version. 0, LANDLOCK_E_NONE, ERR_IO (errno). */
int landlock_shut(const struct landlock_rule *rules, size_t n, bool network, unsigned *ret_abi);
