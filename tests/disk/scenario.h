/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home's disk over 200 minutes, drawn from a seed: what its store is asked to do, step by step, and what each step
 * promises. Every text, body and secret carries a mark, so that what has to be gone can be looked for anywhere.
 *
 * Records come in generations of 20 steps; what follows a record is of its generation, ends with it, and a later tick
 * purges the generation as one.
 */
#pragma once

#include "store/store.h"

#define STEPS 200
#define STEP_ROWS_MOST 5
#define ROWS_MOST (STEPS * STEP_ROWS_MOST)
#define SETTINGS 4
#define MARKS_MOST (2 * ROWS_MOST + STEPS)
/* A mark says its number twice: of a sector with a part of one, and whatever stands behind it, nobody can read another. */
#define MARK_PREFIX "M1A7K"
#define MARK MARK_PREFIX "%06x%06x"
#define MARK_DIGITS 6
#define MARK_BYTES (sizeof(MARK_PREFIX) - 1 + 2 * MARK_DIGITS)
#define SCENARIO_START 1800000000u
#define STEP_SECONDS 60

enum step_kind { STEP_OPEN, STEP_BATCH, STEP_SET, STEP_TICK, STEP_REOPEN, STEP_CLEAR };

struct step {
        enum step_kind kind;
        mesh_wall now, purge_before;
        size_t rows[STEP_ROWS_MOST], n;
        unsigned setting;
        char value[32]; /* empty: delete it */
};

struct scenario {
        struct step steps[STEPS];
        struct mesh_row rows[ROWS_MOST];
        struct wire_alert alerts[ROWS_MOST];
        struct wire_follow follows[ROWS_MOST];
        char texts[ROWS_MOST][64], bodies[ROWS_MOST][192];
        size_t n_rows;
        uint16_t gone_after
                [MARKS_MOST]; /* the number of steps acknowledged from which on the mark may be nowhere; 0: never */
};

void scenario_draw(struct scenario *sc, uint64_t seed);
/* Does step @i. *@s is opened by the first, closed and opened again by some; NULL where that failed. */
int scenario_step(const struct scenario *sc, size_t i, struct store **s);
void scenario_setting_name(unsigned i, char ret[16]);
