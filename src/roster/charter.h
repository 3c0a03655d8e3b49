/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the charter rows of a genesis. */
#pragma once

#include "wire/codec.h"

/* Defaults, and over them what @list says. False: a row unknown, twice, out of its bounds, or all together out of the
 * mesh's bounds; @ret is then undefined. */
bool charter_read(struct wire_list list, uint32_t ret[WIRE_CHARTER_END]);
