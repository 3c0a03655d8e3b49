/* SPDX-License-Identifier: Apache-2.0 */
/* What the core keeps account of, counted anew: it must come to the same. */
#pragma once

#include "core/link.h"

/* What a link's sets are (src/core/digest.c): of all three, as of now, an hour ago and in an hour. */
bool recount_agrees(struct link *l);
/* Which links need not be looked at, and until when (src/core/link.h): once all that was to be handed out is. */
bool recount_rests(const struct mesh *m);
/* What neighbours say of the time (src/core/clock.c), and since when. */
bool recount_said(const struct mesh *m);
/* When the first record held ends, own ones aside: no later than the core takes it for. */
bool recount_ends(const struct mesh *m);
