/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to porchlight-router once it speaks with a router. */
#pragma once

#include "base/helper_walls.h"

/* For good: no file is opened, no process or thread started, no local socket made; it may speak by UDP and TCP. Says what
 * helper_shut() does. */
bool router_walls_shut(struct helper_walls *ret);
