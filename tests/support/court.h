/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Homes around one court, all in one process: whole nodes on real sockets and disks, each with its vault beside it in a process of its
 * own, asked by what a person types (`porchlight …`, in a process of its own). Time is a clock that leaps to whatever comes next as
 * soon as every process waits. For stories in which something fails once (mishap.h): a node that ends for that is started again.
 *
 * What a story says must be so ends its process if it is not.
 */
#pragma once

#include "base/buf.h"

#define COURT_HOMES 4

struct court_home;

/* What homes are made with, if not as the court would; NULL. */
struct node_config;
extern void (*court_settings)(struct node_config *cfg);

void court_begin(void);
/* Every home ends and begins again, and has all that was posted; then all ends, and nothing is left open. */
void court_end(void);
struct court_home *court_home(const char *name); /* and starts it */
void court_restart(struct court_home *h);
const char *court_dir(const struct court_home *h);
const char *court_name(const struct court_home *h);

/* Runs `porchlight ARGS…` of @h, up to NULL: what it printed, until the next command. While it runs one thing may fail; then what it
 * said has a name, and once more it ends well. */
const char *court_done(struct court_home *h, ...);
/* The same, and it may as well say no by one of these names (a|b): for what is done already where its answer was lost. */
const char *court_done_or(const char *no, struct court_home *h, ...);
/* The same until @wanted (or, with a "!" before it, no such thing) is printed. */
const char *court_shows(const char *wanted, struct court_home *h, ...);
/* `porchlight watch`, until the end of the story or of the home's node. */
void court_watch(struct court_home *h);
/* It says no by this name, with or without a failure. */
void court_refused(const char *name, struct court_home *h, ...);
/* Posts, of which nothing may be lost from here on. The id. */
const char *court_post(struct court_home *h, const char *kind, const char *text);
/* So much time passes for all. */
void court_pass(unsigned seconds);

/* The value of "name": "value" or "name":number in the last row printed that has it; its memory is the court's. */
const char *court_value(const char *printed, const char *name);
/* A file of so many bytes to take in, of what @seed says. Its path. */
const char *court_file(size_t bytes, unsigned seed);
