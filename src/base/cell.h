/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places as geohash cells: 6 characters (an area) or 7 (a block), nothing finer. An exact position is snapped to its cell
 * where it is read and not kept; every distance runs from cell centre to cell centre, so that it says no more than the cell.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/types.h"

#define CELL_AREA 6
#define CELL_BLOCK 7

bool cell_valid(mesh_cell c);                                         /* 6 or 7 characters long */
int cell_chars(mesh_cell c);                                          /* 6 or 7; 0 if not valid */
mesh_cell cell_at(double lat, double lon, int chars);                 /* 0 if off the globe or not a number */
mesh_cell cell_coarsen(mesh_cell c, int chars);                       /* to at most so many characters */
void cell_centre_e6(mesh_cell c, int32_t *ret_lat, int32_t *ret_lon); /* millionths of a degree */
uint32_t cell_distance_m(mesh_cell a, mesh_cell b); /* great circle, centre to centre; UINT32_MAX: one is none */
void cell_text(struct buf *out, mesh_cell c);       /* "u33dc0t" */
/* "LAT,LON", "geo:LAT,LON…" (RFC 5870), or a geohash of 6 characters or more; longer is snapped to a block.
 * 0 if it is none of these. Saved names and "home" are the caller's. */
mesh_cell cell_parse(struct span s);
/* Cells of @chars characters that a circle of @metres around @c's centre touches, at most @max of them, sorted, each once.
 * Returns how many there are (if more than @max, only @max were written). */
size_t cell_cover(mesh_cell c, uint32_t metres, int chars, mesh_cell *ret, size_t max);
/* The range of 7-character cells inside @c: [*ret_first, *ret_last], as integers without their leading 1. */
void cell_range(mesh_cell c, uint64_t *ret_first, uint64_t *ret_last);
