/* SPDX-License-Identifier: Apache-2.0 */
/* Group keys: the epochs, and the link keys that come of them. */
#pragma once

#include "base/buf.h"
#include "core/limits.h"
#include "crypto/keytree.h"
#include "porchlight/mesh.h"

struct link;
struct mesh;
struct wait;

struct epoch {
        uint8_t id[16];
        struct hash hash; /* element of the OPS set */
        struct buf header;
        struct wire_epoch w; /* spans into header */
        bool has_key;        /* both keys are here, proved: it counts in the set of operations, and goes to others */
        bool has_link;       /* the link key is, alone where the group key on the disk is not proved */
        struct keytree keys; /* its day 0 is that of w.time */
        struct key link_key;
        mesh_wall since;
        bool refused; /* the disk did not take it: if it was made here, nothing is written under it */
        bool over;    /* the removed set is, or has been, another one: nothing is written under it any more */
        bool seen;    /* scratch of frontier.c */
};

/* The first one of a mesh, or a fresh one: made, not stored. Others it has to name are made and stored before it. */
int epoch_found(struct mesh *m, struct epoch **ret);
int epoch_store(struct mesh *m, const struct epoch *e, const struct wait *w);
int epoch_take(struct mesh *m, struct link *from, const struct wire_epoch_key *msg);
void epochs_look(struct mesh *m);                /* after each operation */
int epoch_renew(struct mesh *m, struct wait *w); /* makes a fresh one and stores it */
int epoch_stored(struct mesh *m, struct wait *w);
int epoch_spread(struct mesh *m, const struct epoch *e, const struct link *from); /* to every link, under rule H */
void epoch_plan(struct mesh *m); /* if none is usable any more, or not tomorrow: when this device makes one */
int epoch_tick(struct mesh *m);
mesh_time epoch_deadline(const struct mesh *m);
int epochs_try(struct mesh *m); /* after operations came: epochs that were too early */
int epoch_restore(struct mesh *m, const struct mesh_row *row);
struct epoch *epoch_find(struct mesh *m, struct span id);
struct epoch *epoch_usable(const struct mesh *m); /* rule U; NULL: none */
bool epoch_day_key(const struct epoch *e, uint32_t day, struct key *ret);
bool epoch_opens(const struct epoch *e, uint32_t day);                /* its key of that day is here */
bool epoch_may_open(const struct epoch *e, uint32_t day);             /* it is not, and may come */
int epoch_hand(struct link *l, const struct epoch *e);                /* rule H */
struct epoch *epoch_newest(struct mesh *m);                           /* whose link key is dialled with; NULL: none */
size_t epoch_link_keys(struct mesh *m, struct key ret[SECRETS_MOST]); /* newest first */
void epochs_fini(struct mesh *m);
