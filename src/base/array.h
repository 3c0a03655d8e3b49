/* SPDX-License-Identifier: Apache-2.0 */
/* An array that doubles: its owner has the pointer, how many items are in it and how many it has room for. */
#pragma once

#include "base/base.h"

/* Makes room for one more behind @n items of @size bytes; the first time for @first. Returns the array, maybe elsewhere, to be
 * put in the place of @items. NULL: no memory, and everything is as before. */
void *array_room(void *items, size_t n, size_t *cap, size_t size, size_t first);
