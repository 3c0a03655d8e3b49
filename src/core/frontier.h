/* SPDX-License-Identifier: Apache-2.0 */
/* What an epoch's header names: operations, or in the place of many an earlier epoch that names them. */
#pragma once

#include "base/buf.h"
#include "crypto/hash.h"

struct mesh;

#define FRONTIER_MOST 16 /* names in a header: a removal and its keys fit one frame */

/* Appends the operations that @names (32 bytes each) tell of, also by way of epochs, and of epochs named there: some may come
 * more than once. 0; 1: one of them, or one of those epochs, is not here; <0. */
int frontier_ops(struct mesh *m, struct span names, struct buf *ret);
/* The removed set by @ops and their ancestors, and whether @device is a current one there. 0; >0: @ops is empty; <0. */
int frontier_fold(struct mesh *m, const struct buf *ops, const struct key *device, struct hash *ret_removed,
                  bool *ret_current);
/* Appends what an epoch that this device makes has to name, in as few words as it can be said: more than FRONTIER_MOST where
 * that takes others to be made first. 0, <0. */
int frontier_choose(struct mesh *m, const struct hash *removed, struct buf *ret);
/* Takes out of @names, which are too many, those that an epoch of their own can stand for: it names @ret, by which
 * @ret_removed is the removed set, and this device a current one. 0; 1: there are none; <0. */
int frontier_part(struct mesh *m, struct buf *names, struct buf *ret, struct hash *ret_removed);
