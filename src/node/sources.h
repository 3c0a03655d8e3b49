/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files clips were taken from, where those were left: clear copies that `doctor` and `clip who-can-read` tell of as long as they
 * are there. For the owner alone; in no manifest. The newest are remembered, SOURCES_BYTES of them; also of clips that are
 * destroyed, whose clear copy would else be forgotten.
 *
 * Pure, over bytes as they are on the disk: id, size and length of the path in front of each path, the newest first.
 */
#pragma once

#include "base/buf.h"
#include "crypto/hash.h"

#define SOURCES_BYTES 16000 /* about 150 paths: who leaves more of them lying about knows it */

struct source {
        struct hash clip;
        uint64_t size;
        struct span path; /* borrowed */
};

/* Puts it in front; what is too old goes. Damaged bytes end the list. 0, ERR_NOMEM. */
int sources_put(struct buf *all, const struct source *s);
/* The next one of @rest, which moves on. False: that was all. */
bool sources_next(struct span *rest, struct source *ret);
