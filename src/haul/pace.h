/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hard limit for footage on its way out, over all links together: so many bytes a second, whatever the line could take. How
 * much of the line it takes below that is the window's matter (core/window.c). A bucket of bytes fills at the rate; what is
 * said is taken from it, also where it was nearly empty, so that a long message goes whole and those behind it wait.
 */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"

struct pace {
        uint64_t rate;  /* bytes a second; 0: no limit */
        int64_t tokens; /* bytes that may go; below 0 what went ahead of its time */
        mesh_time at;   /* they are those of then */
        uint64_t part;  /* of a byte, in thousandths, that has come since */
};

/* From now on @rate. What went ahead of its time under another one is forgiven. */
void pace_set(struct pace *p, uint64_t rate, mesh_time now);
size_t pace_room(struct pace *p, mesh_time now);             /* bytes; 0: not now; SIZE_MAX: there is no limit */
void pace_spend(struct pace *p, size_t n);                   /* so many have gone */
mesh_time pace_due(struct pace *p, size_t n, mesh_time now); /* when pace_room() is @n, or all it will ever be */
