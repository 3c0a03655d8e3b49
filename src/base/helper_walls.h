/* SPDX-License-Identifier: Apache-2.0 */
/* Walls of a helper: a program of ours that parses what anybody may have made, and needs few files for it, or none. */
#pragma once

#include "base/landlock.h"
#include "base/syscalls.h"

struct helper_walls {
        unsigned landlock; /* the kernel's version of it; 0: none */
        bool syscalls;     /* filtered */
};

/* For good: no file is opened or removed, no TCP spoken, and no system call made that @rows do not name. Where the kernel or
 * the build lacks one of the two the other stands alone. False: a wall that this kernel has does not stand (errno). */
bool helper_shut(const struct syscall_row *rows, size_t n, struct helper_walls *ret);

/* The same for one that needs more. */
struct helper_doors {
        const struct landlock_rule *files; /* what may still be opened */
        size_t n_files;
        bool tcp; /* Landlock lets it speak TCP */
};
bool helper_shut_but(const struct helper_doors *doors, const struct syscall_row *rows, size_t n,
                     struct helper_walls *ret);
