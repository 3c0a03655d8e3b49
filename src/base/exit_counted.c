/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a build with b_coverage alone: what a process has reached is written when it ends by _exit() too, as the porter and the
 * children that tests fork do. The linker leads _exit() here (--wrap).
 */
#include "base/base.h"

void __gcov_dump(void); /* libgcov's */
_noreturn_ void __real__exit(int status);
_noreturn_ void __wrap__exit(int status);

void __wrap__exit(int status) {
        __gcov_dump();
        __real__exit(status);
}
