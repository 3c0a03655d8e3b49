/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events and actions of a core as bytes. A run is a function of the configuration and the events, so these are all that has
 * to be kept of it; of actions a digest is enough, for whoever replays the events has the actions themselves.
 */
#pragma once

#include "porchlight/mesh.h"
#include "tape/walk.h"

#define TAPE_DIGEST 8 /* bytes of BLAKE2b: it finds differences, and keeps nobody out */

/* An event that was read, with what it points to; zero at first. */
struct tape_event {
        struct mesh_event ev;
        struct mesh_row row;
        struct mesh_recover recover;
        struct mesh_draft draft;
        struct mesh_footage footage;
        struct walk walk; /* has the arrays */
};
void tape_event_fini(struct tape_event *e);

void tape_put_event(struct buf *out, const struct mesh_event *ev);
/* False: not an event. What @ret points to stays in @in. tape_event_fini() is due either way. */
bool tape_get_event(struct span in, struct tape_event *ret);
void tape_put_config(struct buf *out, const struct mesh_config *cfg);
bool tape_get_config(struct span in, struct mesh_config *ret);

/* @scratch is overwritten: its memory serves from one call to the next. False: no memory. */
bool tape_digest(const struct mesh_action *a, struct buf *scratch, uint8_t ret[TAPE_DIGEST]);

void tape_show_event(const struct mesh_event *ev, const struct walk_view *view); /* type and times left out */
void tape_show_action(const struct mesh_action *a, const struct walk_view *view);
const char *tape_event_name(enum mesh_event_type t);
const char *tape_action_name(enum mesh_action_type t);
