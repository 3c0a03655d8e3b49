/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib within bounds, for own large data (backups, recordings, evidence bundles); records are never compressed, because
 * sizes would speak. Inflation stops at 1 MiB, and beyond the first 16 KiB of output at 16 times the input consumed.
 */
#pragma once

#include "base/buf.h"

enum {
        INFLATE_E_INPUT = 1, /* not a zlib stream, damaged, truncated, or bytes follow it */
        INFLATE_E_BOMB = 2,  /* larger than the bounds */
};

#define INFLATE_MAX (1024 * 1024)
#define INFLATE_FREE (16 * 1024)
#define INFLATE_RATIO 16

int inflate_all(struct span in, struct buf *out); /* 0, INFLATE_E_*, ERR_NOMEM; appends on success only */
int deflate_all(struct span in, struct buf *out); /* 0, ERR_NOMEM */
