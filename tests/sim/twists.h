/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories of scenes.c told by cores that lack one rule each. The linker leads the calls that matter through twists.c
 * (meson.build); without a twist they do what they always do.
 */
#pragma once

#include "base/base.h"

/* From now on all homes are so. False: nothing is named @name. */
bool twist_all(const char *name);
