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
#include "porchlight/mesh.h"

struct caller;
struct node;

/* Begins to fetch a clip that this home was granted, or goes on; @manifest was checked (clip_read, and by the vault that
 * took the grant). It may be here until @until. Fine for one that is on its way or whole. 0; ERR_NOMEM; ERR_IO (logged): it
 * could not be written down, and nothing has begun: try again later. */
int fetch_begin(struct node *n, const struct hash *clip, struct span manifest, mesh_wall until);
/* Its time is over, or it is not wanted any more: no byte of it stays. Fine for one that is not here. 0, or an errno. */
int fetch_end(struct node *n, const struct hash *clip);
/* Whether all of it is here, durably. */
bool fetch_whole(const struct node *n, const struct hash *clip);
/* Called once when a clip has become whole, and at a start for each that is. One user; NULL: nobody. */
void fetch_watch(struct node *n, void (*on_whole)(struct node *n, const struct hash *clip));
