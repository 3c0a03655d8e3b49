/* SPDX-License-Identifier: Apache-2.0 */
/* What a link's sets are, counted anew: src/core/digest.c keeps account of it and must come to the same. */
#pragma once

#include "core/link.h"

/* Of all three sets, as of now, an hour ago and in an hour. */
bool recount_agrees(struct link *l);
