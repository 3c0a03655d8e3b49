/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this home's people do not want to be shown: kinds, and households, for a time or until they change their mind.
 * It is a filter on answers and nothing else: what is muted is stored and passed on like everything, so that no
 * neighbour depends on what somebody else likes to read, and nobody can tell. An urgent alert is left out only where
 * its very kind is muted; whoever mutes a household still hears from it that the house burns.
 *
 * Pure. A daemon's own are in struct node; control_mute.c changes them, NEARBY and WATCH obey them.
 */
#pragma once

#include "porchlight/types.h"
#include "store/store.h"

#define MUTES_MAX 256

enum {
        MUTES_E_FULL = 1, /* MUTES_MAX are there */
        MUTES_E_NONE = 2, /* it is not muted */
};

struct mute {
        uint8_t kind; /* 0: the household is */
        struct key household;
        mesh_wall until; /* 0: until it is removed */
};

struct mutes {
        struct mute rows[MUTES_MAX];
        size_t n;
};

bool mute_holds(const struct mute *row, mesh_wall now);
/* Adds @row, or gives the same mute a new end; drops those whose time is over. 0, MUTES_E_FULL. */
int mutes_put(struct mutes *m, const struct mute *row, mesh_wall now);
/* Takes the mute of the same kind or household away. 0, MUTES_E_NONE. */
int mutes_del(struct mutes *m, const struct mute *row, mesh_wall now, struct mute *ret);

/* Adds those that hold to @f; the keys are appended to @keys, which was empty and must live as long as @f. */
void mutes_filter(const struct mutes *m, mesh_wall now, struct store_filter *f, struct buf *keys);

/* One mute as a message has it, and back. False: it says neither kind nor household. */
void mute_to_wire(const struct mute *row, struct wire_c_muted *ret);
bool mute_from_wire(const struct wire_c_muted *w, struct mute *ret);

/* For the disk: maps of c_muted, one behind the other. What cannot be read any more ends the list. */
void mutes_encode(const struct mutes *m, struct buf *out);
void mutes_decode(struct mutes *ret, struct span in);
