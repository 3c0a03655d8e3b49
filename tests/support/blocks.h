/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is counted and may fail: malloc, calloc, realloc, reallocarray and free, where the linker leads them here
 * (-Wl,--wrap=).
 */
#pragma once

#include "base/base.h"

extern long blocks; /* that were given and not taken back */
/* The test's own: does this allocation fail? */
bool blocks_fail(void);
