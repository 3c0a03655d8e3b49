/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds a run to a core of its own and holds each action against the digest that was recorded. The core is given every event
 * from the first on, whatever part is shown.
 */
#pragma once

#include "tape/tape.h"
#include "tools/trace.h"

enum {
        PLAYER_E_DIVERGED = 16, /* above those of tape.h: @ret_why says at which event */
        PLAYER_E_EVENT = 17,    /* an entry is no event: another version wrote it */
        PLAYER_E_CORE = 18,     /* the core has failed, as it would have in the daemon */
};

struct player {
        struct tape_reader tape;
        struct trace *trace; /* NULL: nothing is shown */
        uint64_t from, to;   /* ms of the run that are shown */
        uint64_t until;      /* stops before this event; 0: at the end */
        uint64_t run;
        mesh_wall begun;
        struct mesh *core;
        uint64_t events, actions;
        struct buf digests, scratch; /* of the last event's actions */
        bool unchecked;              /* they were not compared yet */
        char version[32];
        char end[32], why[160];
};

/* @p->tape is open, and what is shown is set. To the end of the run, or to `until`: 0, where all was as recorded; @p->end
 * says how the run ended. TAPE_E_DAMAGED, PLAYER_E_*, <0. */
int player_play(struct player *p);
void player_fini(struct player *p);
