/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is refused once, in a whole program: preloaded into it (LD_PRELOAD), it counts what the program $PORCHLIGHT_BARREN_IN
 * asks of the heap, over all its processes, in the file $PORCHLIGHT_BARREN, 8 bytes that a test reads; and the one numbered
 * $PORCHLIGHT_BARREN_AT, from 1 on, gets none. What is asked before main() is neither counted nor refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static _Atomic uint64_t *asked; /* NULL: not this program */
static uint64_t at;

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("PORCHLIGHT_BARREN"), *in = getenv("PORCHLIGHT_BARREN_IN"),
                   *number = getenv("PORCHLIGHT_BARREN_AT");
        if (!path || !in || strcmp(in, program_invocation_short_name) != 0)
                return;
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return;
        void *p = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        at = number ? strtoull(number, NULL, 10) : 0;
        if (p != MAP_FAILED)
                asked = p;
}

static bool refused(void) {
        if (!asked || ++*asked != at)
                return false;
        errno = ENOMEM;
        return true;
}

void *malloc(size_t n) {
        return refused() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
        return refused() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
        return refused() ? NULL : __libc_realloc(p, n);
}
