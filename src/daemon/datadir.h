/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR itself: made where it is missing, 0700 under any umask, with the folders above it. Where a group may use
 * control.sock it is 0711: others pass through it to the socket and see no names, and every file in it is 0600.
 */
#pragma once

#include "base/base.h"

/* True, or false with errno: ENOTDIR where something else stands. An existing folder keeps its mode, but for the bits
 * that let others pass where @passable wants them. */
bool datadir_make(const char *dir, bool passable);
