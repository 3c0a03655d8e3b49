/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a link and need not go, because the other side has it (want.c). */
#pragma once

#include "base/buf.h"
#include "porchlight/mesh.h"

struct link;

struct want {
        struct buf theirs;  /* short ids that the other side has named and that did not wait here, the latest */
        struct buf answers; /* short ids to be named besides those that wait */
        mesh_time due;      /* when they are; 0: there are none */
};

void want_fini(struct want *w);
int want_not(struct link *l, struct span sids);               /* the other side has these */
bool want_knows(const struct link *l, const struct hash *id); /* it has named that one */
int want_answer(struct link *l, const struct hash *id);       /* it need not send that one either */
void want_waits(struct link *l);                              /* records may have been queued */
int want_ride(struct link *l);                                /* a frame is about to be made: what goes along */
int want_say(struct link *l);                                 /* as many as one message holds, now */
mesh_time want_due(const struct link *l);
