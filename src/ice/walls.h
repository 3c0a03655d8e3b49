/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to porchlight-ice once it speaks with anybody who sends it a packet. */
#pragma once

#include "base/helper_walls.h"

/* For good: no file is opened, no process started, no TCP spoken; sockets for UDP, for streams to the daemon and for asking which
 * addresses there are. Says what helper_shut() does. */
bool ice_walls_shut(struct helper_walls *ret);
