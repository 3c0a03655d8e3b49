/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut leaves of a logged disk. What was synced is there. Of what was written since, the draw keeps any part:
 * whole writes, or those of their sectors of 512 or 4,096 bytes that made it, in any order, over what was there, or over
 * rubbish where the file had not been as long. Names that no sync of the folder has covered are kept or lost one by one.
 */
#pragma once

#include "disk/platter.h"

struct cutter;

struct cutter *cutter_new(const struct platter *logged);
struct cutter *cutter_free(struct cutter *c);
/* Plays the log on, up to and without change @at, which is not before the last call's. */
void cutter_go(struct cutter *c, size_t at);
/* A disk on which the power went just there. The caller's. */
struct platter *cutter_draw(struct cutter *c, uint64_t *rng);
/* The same if nothing had been lost. */
struct platter *cutter_whole(struct cutter *c);
