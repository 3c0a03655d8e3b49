/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clips on their way here from other homes (haul/fetch.h), and what this home gives others of those it keeps
 * (haul/serve.h), over links of haul_link.h. In DIR/clips, beside what clips.h says:
 *
 *   <id>.want    the manifest and until when it may be here: this clip is, or was, fetched
 *   <id>.have    which chunks are durable, while not all are; one that is damaged is made anew of the chunks themselves
 *
 * A fetch needs nobody to wait for it: it goes on by itself over restarts, full disks and homes that are away, until the clip is
 * whole, its time is over, or it is called off.
 */
#pragma once

#include "base/list.h"
#include "haul/serve.h"
#include "node/quiet.h"
#include "porchlight/mesh.h"

#include <uv.h>

struct caller;
struct node;
struct wire_c_fetched;

#define FETCH_CACHE (UINT64_C(2) << 30) /* bytes, where clips.cache does not say otherwise */
#define FETCHES_MOST 256                /* clips of others here at once */

struct fetches {
        struct list all, links;
        unsigned n;
        uint32_t last_link;
        uint64_t cache;           /* bytes of others' clips that are given to others; 0: none are */
        struct haul_serve *serve; /* node_new() makes it */
        uv_timer_t timer;
        bool giving; /* give.c is at it */
        struct quiet full, wrong;
        void (*on_whole)(struct node *n, const struct hash *clip);
};

void fetches_init(struct node *n);
void fetches_look(struct node *n); /* the folder is open: which clips are of others */
/* Is a file of DIR/clips what a crash left of a fetch that was called off? */
bool disk_left_over(const struct node *n, const char *name);
void fetches_start(struct node *n); /* goes on with them */
void fetches_stop(struct node *n);
void fetches_close(struct node *n); /* closes the handle */
void fetches_fini(struct node *n);  /* after the loop has ended */
void fetches_cache(struct node *n, uint64_t bytes);

/* Begins to fetch a clip that this home was granted, or goes on; @manifest was checked (clip_read, and by the vault that
 * took the grant). It may be here until @until. Fine for one that is on its way or whole. 0; ERR_NOMEM; ERR_FULL: there are
 * FETCHES_MOST; ERR_BROKEN: it is no manifest; ERR_IO: that clip is just being removed: try again in a second. */
int fetch_begin(struct node *n, const struct hash *clip, struct span manifest, mesh_wall until);
/* A grant of this home's to @household for @clip is in force no more: nothing further is given for it. */
void give_taken_back(struct node *n, const struct key *household, const struct hash *clip);
/* Who is neither this household nor @owner shows its leave anew: one of them has lost it. */
void give_anew(struct node *n, const struct key *owner);
/* Its time is over, or it is not wanted any more: no byte of it stays. Fine for one that is not here. */
void fetch_end(struct node *n, const struct hash *clip);
/* Whether all of it is here, durably. */
bool fetch_whole(const struct node *n, const struct hash *clip);
mesh_wall fetch_until(const struct node *n, const struct hash *clip); /* 0: it is not */
bool fetch_known(const struct node *n, const struct hash *clip);      /* it is, or is to be, fetched */
/* Whether no byte of it is on the disk (any more), durably. A folder that cannot be looked into says nothing. */
bool fetch_gone(const struct node *n, const struct hash *clip);
/* Called once when a clip has become whole, and after a start for each that is. One user; NULL: nobody. */
void fetch_watch(struct node *n, void (*on_whole)(struct node *n, const struct hash *clip));

/* For control_fetch.c. The @i-th; false: there are no more. @ret's spans are good until the next turn of the loop. */
bool fetch_at(const struct node *n, size_t i, struct wire_c_fetched *ret);
/* By the beginning of its id, in hex. False: none, or several (*@ret_many). */
bool fetch_named(const struct node *n, struct span hex, struct wire_c_fetched *ret, bool *ret_many);
void fetch_reader(struct node *n, const struct hash *clip,
                  bool reads); /* somebody reads it while it comes, or nobody does */
