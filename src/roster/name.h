/* SPDX-License-Identifier: Apache-2.0 */
/* Household and mesh names: at most 32 bytes of UTF-8, no control characters, no role words, and what they look like. */
#pragma once

#include "base/buf.h"

enum {
        NAME_E_LENGTH = 1, /* empty, or over 32 bytes */
        NAME_E_INPUT =
                2, /* not UTF-8, control, bidi or invisible characters, leading or trailing or double spaces, + # * / */
        NAME_E_ROLE = 3, /* says it is police, fire, a steward …: no household may seem to hold an office */
};

int name_check(struct span name);      /* households: 0 or NAME_E_* */
int name_check_mesh(struct span name); /* meshes: role words are fine */
const char *name_error_text(int e);
/* Appends the skeleton two look-alike names share: case folded, confusable letters and digits mapped, spaces dropped. */
void name_skeleton(struct buf *out, struct span name);
