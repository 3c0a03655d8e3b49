/* SPDX-License-Identifier: Apache-2.0 */
#include "base/helper_walls.h"

#include <errno.h>

bool helper_shut_but(const struct helper_doors *doors, const struct syscall_row *rows, size_t n,
                     struct helper_walls *ret) {
        struct syscalls filter;
        *ret = (struct helper_walls){0};
        syscalls_begin(&filter, rows, n);
        int r = landlock_shut(doors->files, doors->n_files, doors->tcp, &ret->landlock), e = errno;
        int shut = syscalls_shut(&filter);
        if (r < 0) {
                errno = e;
                return false;
        }
        ret->syscalls = shut == 0;
        return shut >= 0;
}

bool helper_shut(const struct syscall_row *rows, size_t n, struct helper_walls *ret) {
        const struct helper_doors none = {.tcp = false};
        return helper_shut_but(&none, rows, n, ret);
}
