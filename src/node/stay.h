/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a clip of this home stays, and why: the one place that says so, for what is shown and for what purge.h destroys.
 *
 * What keeps it longest counts. That is its camera's own time, else clips.retention; where an alert of this household has named
 * it, the time of that alert's kind (clips.kinds), counted from the alert on; a grant, until it is over; an alert that names
 * it, as long as that is in force; and its owner, who has pinned it (`clip keep`). So a kind never makes a clip go earlier.
 * What an alert does for a clip it does for the one that was made from, too: a cut proves less without it.
 */
#pragma once

#include "base/buf.h"
#include "node/cameras.h"
#include "porchlight/types.h"

#define STAY_FOREVER UINT64_MAX
#define KINDS_MOST 32 /* numbers of kinds are below */
/* Of kinds where somebody may have to show weeks later what happened (an insurer, a court), where clips.kinds does not say
 * otherwise. */
#define KINDS_KEEP (UINT64_C(90) * MESH_DAY) /* seconds */

/* How long clips stay that alerts of a kind have named. */
struct kinds_keep {
        uint64_t of[KINDS_MOST]; /* seconds; 0: no longer than others; CAMERA_KEEP_FOREVER */
};
extern const struct kinds_keep kinds_preset;

/* What is known of a clip. */
struct stay_facts {
        mesh_wall created;  /* taken in */
        uint64_t camera;    /* seconds by its camera's own rule; 0: it has none; CAMERA_KEEP_FOREVER */
        uint64_t retention; /* seconds of all that have none */
        mesh_wall kind_until;
        uint8_t kind;    /* of the alert that keeps it until then; 0: none does */
        mesh_wall alert; /* one that names it is in force until then; 0: none is */
        mesh_wall grant; /* one of it is in force until then; 0: none is */
        bool pinned;
};

struct stay {
        mesh_wall until; /* STAY_FOREVER */
        enum wire_e_stay why;
        uint8_t kind; /* where that is why; else 0 */
};
struct stay stay_of(const struct stay_facts *f);

/* ---- which clips alerts have named: an array of these in a struct buf ---- */
struct stay_named {
        struct hash clip;
        uint8_t kind;
        mesh_wall since;
        mesh_wall in_force; /* until then; 0: not any more */
};
struct store_reader;
/* On the pool: all of them. 0, or as store_named(). */
int stay_read(struct store_reader *r, mesh_wall now, struct buf *ret);
/* Adds what @all says of that clip to the facts. */
void stay_name(const struct buf *all, const struct hash *clip, const struct kinds_keep *keep, struct stay_facts *f);
