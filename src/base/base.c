/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_uint_fast64_t checks_failed;

void base_require_failed(const char *what, const char *file, int line) {
        fprintf(stderr, "porchlight: REQUIRE: %s does not hold at %s:%d; please report this line\n", what, file, line);
        abort();
}

void base_check_failed(const char *what, const char *file, int line) {
        /* The first few are printed, all are counted: a bug in a loop must not fill a disk with its own description. */
        if (atomic_fetch_add(&checks_failed, 1) < 16)
                fprintf(stderr, "porchlight: CHECK: %s does not hold at %s:%d; please report this line\n", what, file,
                        line);
}

uint64_t base_checks_failed(void) {
        return atomic_load(&checks_failed);
}
