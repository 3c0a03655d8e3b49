/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as lines: one an event, with what the core did, for people or as JSON. Keys are never shown. In a redacted trace
 * neither is what people wrote, who and where they are: each such value is a word made of it under a random salt that is
 * gone when the program ends, so that equal values have equal words and no list of guesses leads back.
 */
#pragma once

#include "tape/event.h"

#include <stdio.h>

struct trace {
        FILE *out;
        bool json, redact;
        uint8_t salt[16];
        mesh_time first; /* of the run: times count from here */
        bool begun;
        struct buf line;
        unsigned actions; /* in this line */
};

void trace_head(struct trace *t, const char *version, uint64_t run, mesh_wall begun);
void trace_event(struct trace *t, uint64_t number, const struct mesh_event *ev);
void trace_action(struct trace *t, const struct mesh_action *a);
void trace_event_end(struct trace *t, bool shown); /* not shown: nothing of it is printed */
void trace_end(struct trace *t, uint64_t events, uint64_t actions, const char *why);
void trace_fini(struct trace *t);
