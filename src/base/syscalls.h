/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of system calls a program may still make, given to the kernel by libseccomp. A build without it has
 * syscalls_none.c instead; so do builds with a sanitizer or with coverage, whose runtimes make calls of their own.
 *
 * A call that is in no row fails with ENOSYS, as on a kernel that does not have it: a newer libc tries newer calls and
 * then takes the old one, and a home's alerts must not end because it was updated. Rows marked to end the process are
 * for what nothing but an intruder would try.
 */
#pragma once

#include "base/base.h"

#include <sys/types.h>

#define SYSCALL_ARGS_MAX 2
#define SYSCALL_OWN_PID 0xffffffffffull /* as a value: this process */

enum syscall_fate { SYSCALL_ALLOW, SYSCALL_END };

struct syscall_row {
        const char *name; /* unknown ones, as on another kind of processor, are skipped */
        enum syscall_fate fate;
        struct {
                uint64_t mask, value; /* the row is for calls whose argument & mask is value */
                unsigned arg;
        } when[SYSCALL_ARGS_MAX];
        size_t n_when;
};

/* Rows of a list: a call whatever its arguments; one with conditions; one that ends the process. */
#define MAY(call)                                                                                                      \
        { .name = call }
#define MAY_IF(call, arg_, mask_, value_)                                                                              \
        {                                                                                                              \
                .name = call, .n_when = 1, .when = { {mask_, value_, arg_} }                                           \
        }
#define MAY_IF_BOTH(call, arg_, mask_, value_, arg2_, mask2_, value2_)                                                 \
        {                                                                                                              \
                .name = call, .n_when = 2, .when = { {mask_, value_, arg_}, {mask2_, value2_, arg2_} }                 \
        }
#define ENDS(call)                                                                                                     \
        { .name = call, .fate = SYSCALL_END }

enum {
        SYSCALLS_E_NONE = 1, /* this build has no libseccomp, or the kernel takes no filter: nothing is filtered */
};

extern const bool syscalls_built; /* this build filters */

/* A list on its way to what the kernel takes. It is made twice, side by side, each time in a process of its own, while
 * this one does something else. */
struct syscalls {
        struct syscalls_making {
                pid_t child; /* -1: it could not be started, and why: */
                int error;
                int fd; /* what comes of it */
        } makings[2];
        bool none; /* nothing is made here */
};

/* @rows: for the process that calls. To be followed by syscalls_shut(), unless the process ends. */
void syscalls_begin(struct syscalls *s, const struct syscall_row *rows, size_t n);
/* Filters the calling thread and all it starts. Sets no_new_privs. 0, SYSCALLS_E_NONE, ERR_NOMEM, ERR_IO (errno). */
int syscalls_shut(struct syscalls *s);
