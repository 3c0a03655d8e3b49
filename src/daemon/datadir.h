/* SPDX-License-Identifier: Apache-2.0 */
/* DIR itself: made where it is missing, 0700 under any umask, with the folders above it. */
#pragma once

#include "base/base.h"

/* True, or false with errno: ENOTDIR where something else stands. An existing folder keeps its mode. */
bool datadir_make(const char *dir);
