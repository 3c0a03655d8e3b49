/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to porchlight-names once it asks anybody anything. */
#pragma once

#include "base/helper_walls.h"

/* For good: no file is opened but for reading what the resolver is told by, no process started, no local socket made; it may
 * speak UDP and TCP, as DNS does. Says what helper_shut() does. */
bool names_walls_shut(struct helper_walls *ret);
