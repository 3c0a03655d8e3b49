/* SPDX-License-Identifier: Apache-2.0 */
/* Settings on disk: porchlight.conf, which people write, and DIR/settings, which `porchlight config set` does. */
#pragma once

#include "base/buf.h"

#define CONFIGFILE_OWN "settings" /* in DIR; 0600 */

/* The whole file, at most SETTINGS_FILE_MAX bytes. 0, or errno; EFBIG: it is longer; EINVAL: it is no file. */
int configfile_read(const char *path, struct buf *out);
/* Puts @text where DIR/settings is, at once or not at all; it is on disk when this returns 0. Else errno. */
int configfile_write(const char *dir, struct span text);
