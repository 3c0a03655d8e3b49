/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places this home's people have a name for: "school", "Oma". A name stands for a cell, nothing finer, on this home's
 * disk alone; what is posted from there says the cell, never the name.
 *
 * Wherever a place is typed, coordinates and geohashes are read first, then `home`, then these names. So a name that could
 * be read as one of those is refused here, and what somebody types means the same whatever names a home has.
 *
 * Pure. A daemon's own are in struct node; control_place.c changes them.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/types.h"

#define PLACES_MAX 64
#define PLACE_NAME_MAX 33 /* with its NUL */
#define PLACE_HOME "home" /* the one that every home has */

enum {
        PLACES_E_FULL = 1, /* PLACES_MAX are there */
        PLACES_E_NONE = 2, /* there is no place of that name */
};

struct place {
        char name[PLACE_NAME_MAX];
        mesh_cell cell;
};

struct places {
        struct place rows[PLACES_MAX]; /* as they were added */
        size_t n;
};

/* What is wrong with it as a name; NULL: nothing. */
const char *place_name_wrong(struct span name);
bool place_is_home(struct span name);
/* Names differ by more than the case of a to z. @name is right. 0, PLACES_E_FULL. */
int places_put(struct places *p, struct span name, mesh_cell cell);
/* 0, PLACES_E_NONE. */
int places_del(struct places *p, struct span name);
const struct place *places_find(const struct places *p, struct span name); /* NULL: none */

/* For the disk: maps of c_place, one behind the other. What cannot be read any more ends the list. */
void places_encode(const struct places *p, struct buf *out);
void places_decode(struct places *ret, struct span in);
