/* SPDX-License-Identifier: Apache-2.0 */
/* Settings on disk: porchlight.conf, which people write, and DIR/settings, which `porchlight config set` does. */
#pragma once

#include "base/buf.h"

#define CONFIGFILE_OWN "settings" /* in DIR; 0600 */

/* For reading. 0, or errno. */
int configfile_open(const char *path, int *ret_fd);
/* The whole file, at most SETTINGS_FILE_MAX bytes; closes it. 0, or errno; EFBIG: it is longer; EINVAL: it is no file. */
int configfile_read(int fd, struct buf *out);
/* Appends @text as DIR/settings has it: behind a line with its sum, which to an older daemon is a comment. */
void configfile_seal(struct buf *out, struct span text);
/* Are these the bytes that were written? Those of a daemon that made no sum are taken as they are. */
bool configfile_whole(struct span text);
/* Puts @text where DIR/settings is, at once or not at all; it is on disk when this returns 0. Else errno. */
int configfile_write(const char *dir, struct span text);
