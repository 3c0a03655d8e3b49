/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to porchlight-ingest once it reads a file that anybody may have made. */
#pragma once

#include "base/helper_walls.h"

/* For good: no file is opened, no connection made, no process started; descriptors 0 to 2 are read and written, and memory
 * is had. Says what helper_shut() does. */
bool ingest_walls_shut(struct helper_walls *ret);
