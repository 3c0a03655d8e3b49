/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for a clip of another home that is on its way here, and shows how it comes along. */
#pragma once

#include "cli/commands.h"
#include "client/call.h"
#include "crypto/hash.h"

struct clip_coming {
        struct call *daemon;       /* NULL: nothing is on its way; everything there is of it is here */
        bool reading;              /* stdout reads along; with its reader gone there is nothing to wait for */
        bool over;                 /* it is whole */
        bool shown;                /* a bar stands on the terminal */
        struct wire_c_fetched row; /* the latest; its spans are in: */
        struct hash id;
        char household[49];
};
void clip_coming_fini(struct clip_coming *k);

/* Is it on its way? @reading: it is read while it comes. 0 or an exit code (said). */
int clip_coming_begin(struct cli *c, const char *word, bool reading, struct clip_coming *ret);
/* Until so many chunks from the first on are here. 0 or an exit code (said): also where a person breaks it off, or what reads
 * it has gone, and then it still comes. */
int clip_coming_wait(struct cli *c, struct clip_coming *k, uint64_t chunks);
/* All of it is here, where it is on its way or on another device of this household. 0 or an exit code (said). */
int clip_coming_whole(struct cli *c, const char *word);
/* The same, but not longer than so many seconds in which nothing comes: then *@ret_here is false, and it goes on coming. */
int clip_coming_try(struct cli *c, const char *word, unsigned patience_s, bool *ret_here);
/* Calls it off: what has come of it is removed. 0 or an exit code (said). */
int clip_coming_cancel(struct cli *c, const char *word);
/* Lists those of other homes that are here or on their way. 0 or an exit code (said). */
int clip_fetches(struct cli *c);
