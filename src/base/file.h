/* SPDX-License-Identifier: Apache-2.0 */
/* Files as those need them who keep keys and settings: whole and on the disk, or not there. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

/* Whoever starts a program may have closed stdin, stdout or stderr. The next socket or database would get that number, and
 * a line for stderr would be written into it. From here on these three are taken, by what can be neither read nor written
 * where nothing was. */
void file_hold_std(void);
void file_close(int *fd); /* and sets it to -1, which means that nothing is open; errno stays */
/* Is this errno about room: the disk, the quota, or the largest file there may be? Somebody can make some. */
bool file_full(int err);
int file_fail(void);                    /* of the errno there is: ERR_FULL, or ERR_IO */
bool file_write(int fd, struct span s); /* all of it; false with errno */
/* A new file @name in @dir, whole and on the disk. What stands under that name is what a crash left of an earlier attempt,
 * and goes. False with errno: the name may be there, and is the caller's to remove. */
bool file_put(int dir, const char *name, struct span bytes, mode_t mode);
/* Zeros over what a regular file has, at most @most bytes of it; @fd may be less than 0. On flash and on file systems that
 * copy this is a hope, so nobody is told whether it came true. */
void file_wipe(int fd, size_t most);
