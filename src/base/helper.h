/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that others of ours run. */
#pragma once

#include "base/buf.h"

/* Where @program is: in $PORCHLIGHT_LIBEXEC, beside the running program, or in @libexec; a NUL stands behind the path and is
 * not counted. False: nowhere. */
bool helper_find(struct buf *ret, const char *program, const char *libexec);

/* `--help` or `--version` alone, answered on stdout. False: it is neither. */
bool helper_told(int argc, char **argv, const char *help, const char *version);

#define HELPER_USAGE 2 /* how a program ends that was called wrongly: EXIT_USAGE of proto/control.def */
/* The first steps of a helper that porchlightd starts with a socket at @fd: descriptors 0 to 2 stand, the log has its @name, --help
 * and --version (as of helper_told) are answered. False: it ends with *ret_exit, 0 or HELPER_USAGE, having said why. */
bool helper_begins(int argc, char **argv, int fd, const char *name, const char *version, const char *help,
                   int *ret_exit);
/* From here on it leaves no core, gains no rights, has nothing open behind @last, and takes at most @files descriptors and
 * @bytes of addresses. */
void helper_bound(int last, unsigned files, uint64_t bytes);
