/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that others of ours run. */
#pragma once

#include "base/buf.h"

/* Where @program is: in $PORCHLIGHT_LIBEXEC, beside the running program, or in @libexec; a NUL stands behind the path and is
 * not counted. False: nowhere. */
bool helper_find(struct buf *ret, const char *program, const char *libexec);

/* `--help` or `--version` alone, answered on stdout. False: it is neither. */
bool helper_told(int argc, char **argv, const char *help, const char *version);

/* Of a helper that a daemon has started: is descriptor @fd a socket, as it should be? */
bool helper_has_socket(int fd);
/* From here on it leaves no core, gains no rights, has nothing open behind @last, and takes at most @files descriptors and
 * @bytes of addresses. */
void helper_bound(int last, unsigned files, uint64_t bytes);
