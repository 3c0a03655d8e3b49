/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors are one of three. 0 is success. Negative: our own process is in trouble (memory, disk, a broken library); pass
 * it up and never compare it. Positive: a named outcome of the function that returned it; handle it in the next lines.
 * A peer that misbehaves is none of these: it is an action of the core.
 */
#pragma once

#include "base/base.h"

enum {
        ERR_NOMEM = -1,  /* the allocator said no */
        ERR_IO = -2,     /* a file, socket or database failed; errno or the log has more */
        ERR_FULL = -3,   /* the disk or a hard bound is full */
        ERR_BROKEN = -4, /* an invariant does not hold: a bug, or data damaged under us */
};

/* Turns a positive outcome nobody handled into a fatal error, and passes the rest. */
int err_fold(int r);
/* "out of memory" and so on, for logs. */
const char *err_text(int r);
