/* SPDX-License-Identifier: Apache-2.0 */
/* Clips as people read them. */
#pragma once

#include "cli/commands.h"

/* What was taken in, in a sentence or two. */
void clips_tell_taken(struct cli *c, const struct wire_c_clip *m);
