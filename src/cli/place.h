/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"

/* In place of a cell. */
#define PLACE_HOME 0           /* this home's */
#define PLACE_NAMED UINT64_MAX /* a saved name; places_resolve() asks the daemon */

#define PLACE_HINT                                                                                                     \
        N_("give LAT,LON (52.52,13.40), a geo: URI, a geohash of 6 or 7 characters, home, or the name of a saved "     \
           "place")

/* A cell, PLACE_HOME or PLACE_NAMED; false if it can be none of them. */
bool place_parse(const char *text, uint64_t *ret);
/* The cell, whatever it is called. 0 or an exit code (said). */
int place_cell(struct cli *c, const char *text, uint64_t *ret);
/* The cells of the names among the options. 0 or an exit code (said). */
int places_resolve(struct cli *c, struct args *a);
