/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to porchlight-ingest once it reads a file that anybody may have made. */
#pragma once

#include "base/base.h"

struct walls {
        unsigned landlock; /* the kernel's version of it; 0: none */
        bool syscalls;     /* filtered */
};

/* For good: no file is opened, no connection made, no process started; descriptors 0 to 2 are read and written, and memory
 * is had. Where the kernel or the build lacks one of the two the other stands alone. False: a wall that this kernel has does
 * not stand (errno). */
bool ingest_walls_shut(struct walls *ret);
