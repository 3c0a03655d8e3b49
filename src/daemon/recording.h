/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of `--record`: opened and locked, and its key made, before the walls shut. A file that is no recording of the
 * same size is left as it is.
 */
#pragma once

#include "daemon/settings.h"

/* False: it must not start (logged). Else recording_close() is due; without --record nothing is recorded, and @ret's fd is
 * -1. Takes a good part of a second. */
bool recording_open(const struct settings *s, struct recorder_tape *ret);
void recording_close(struct recorder_tape *t);
