/* SPDX-License-Identifier: Apache-2.0 */
/* The file that is read: a descriptor, and what was read of it and not taken yet. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

#define SOURCE_BYTES (64 * 1024)

struct source {
        int fd;
        bool over; /* there is no more than what lies here */
        int e;     /* errno of a read that failed; 0: none has */
        size_t at, n;
        uint8_t bytes[SOURCE_BYTES];
};

void source_init(struct source *s, int fd);
void source_fini(struct source *s); /* wipes it */
/* What lies here, at least @least bytes of it unless the file ends before; @least is at most SOURCE_BYTES. */
struct span source_look(struct source *s, size_t least);
void source_take(struct source *s, size_t n); /* of what lies here */
/* As lseek(). -1: it is a pipe. */
off_t source_seek(struct source *s, off_t to, int whence);
