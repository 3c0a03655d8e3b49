/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the core's batches of signatures: few of them at once in the loop, many split over the cores on the pool. */
#pragma once

#include "porchlight/mesh.h"

struct node;

#define VERIFY_HERE 4 /* signatures: checking one takes as long as two hand-overs between threads */

/* VERIFIED with @token follows in any case, now or later. */
void verify_start(struct node *n, uint64_t token, const struct mesh_verify *items, size_t count);
