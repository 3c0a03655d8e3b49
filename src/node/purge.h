/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which clips go by themselves: those whose time is over (stay.h), and, where clips.when-full is `oldest`, the oldest ones while a
 * new one has no room, of these the ones that the kind of an alert keeps last of all. Three things keep a clip in either case:
 * its owner has pinned it (`clip keep`), an alert of this household that is in force names it, or a grant of it is in force,
 * which the vault alone knows for sure. `clip destroy` asks none of these.
 *
 * A clip goes as by `clip destroy`: the vault writes a line into the ledger, then the row is wiped, then the files go. Giving
 * nothing to anybody, it needs nobody's yes but the rule. Without the vault's answer nothing goes.
 *
 * Age is told by the time that has surely passed (DESIGN 6.12): a clock that was wrong for a moment destroys nothing.
 */
#pragma once

#include "base/buf.h"
#include "node/stay.h"
#include "porchlight/types.h"

#define KEPT_MAX 500 /* clips that are pinned: as many as one setting's bytes hold */

struct purge_clip {
        struct hash id;
        uint64_t bytes;  /* of its files here */
        mesh_wall until; /* STAY_FOREVER */
        bool by_kind;    /* the kind of an alert keeps it until then */
        bool away;       /* another device's … */
        bool lost;       /* … whose rules have destroyed its bytes */
        bool pinned;     /* by its owner, an alert, a grant; or it is away already */
        bool goes;
};

struct purge_want {
        mesh_wall sure; /* so much time has surely passed */
        uint64_t free;  /* bytes that are to become free of the oldest; 0: none */
};

/* Says which are to go; @all is oldest first. Returns how many. */
size_t purge_pick(struct purge_clip *all, size_t n, const struct purge_want *want);

/* Pins. @ids: hashes one behind the other. */
bool kept_has(struct span ids, const struct hash *id);

struct node;
struct purge;
/* Looks through the clips soon: a rule has changed, a clip has come, an hour is over. */
void purge_kick(struct node *n);
/* The vault has let the key of @clip go, but row and files could not go for want of memory, or the disk refused: again in a minute. */
void purge_unwiped(struct node *n, const struct hash *clip, bool away);
/* Once in a while; looks when an hour is over. */
void purge_tick(struct node *n);
/* @bytes are wanted for a clip that comes in. False: nothing may go for it. Else control_room() is called, once. */
bool purge_for(struct node *n, uint64_t bytes);
void purge_answer(struct node *n, const struct hash *clip, bool gone); /* the vault's */
void purge_gone(struct node *n, const struct hash *clip, bool gone);   /* row and files are away, or not */
void purge_lost(struct node *n);                                       /* the vault is gone */
void purge_fini(struct node *n);
