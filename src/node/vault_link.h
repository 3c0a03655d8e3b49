/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream to the vault, which carries nothing that signs for the household: opened before any listener, and again
 * when it ends. Who is at its other end, a child of the porter or a service, is the porter's matter (porter.h). What the
 * vault brings (a genesis or an add its owner's tool asked for) goes to the
 * core; what became of it goes back.
 */
#pragma once

#include "node/sink.h"
#include "porchlight/mesh.h"
#include "wire/frame.h"

#include <uv.h>

struct node;
struct command;

struct vault_clip;   /* what the vault wants of a clip */
struct vault_rows;   /* of a backup that is being restored */
struct vault_errand; /* a founding or joining that the core has in hand */

struct vault_link {
        uv_pipe_t pipe;
        uv_shutdown_t goodbye;
        uv_timer_t retry;    /* opens it again */
        uv_timer_t patience; /* how long the owner's tool waits for an admission, or for its leave to be heard */
        struct sink out;
        struct buf in;
        struct vault_errand *errand; /* NULL: none */
        bool open;                   /* the pipe is a handle, if a closing one */
        bool alive, knows_in_mesh, in_mesh;
        bool joining;            /* the vault does not know yet how a joining ended: kept over restarts */
        bool untold;             /* nor may one that has just come, if either process was killed at the wrong moment */
        char main[33];           /* as it was told: the whole device, where that is another one */
        struct command *vote;    /* an operation of the household that the core has in hand; NULL: none */
        bool telling;            /* operations are on their way to the vault … */
        size_t told;             /* … so many of them so far */
        bool telling_backup;     /* … as rows of a backup */
        struct vault_rows *rows; /* of a backup, on their way back; NULL: none */
        struct vault_clip *clip; /* that is being looked up, or destroyed; NULL: none */
        struct vault_clip *clip_waits; /* one that the vault wants, behind one that a rule destroys; NULL: none */
        bool ready_said;               /* the vault knows that a restored home waits for it */
        unsigned failures;
        mesh_time since;
};

#define VAULT_OUT_MAX (64 * 1024) /* bytes that may wait for the vault */

/* To the vault: a message; what became of an errand. */
void vault_link_say(struct vault_link *v, enum wire_owner number, const void *msg);
void vault_link_say_result(struct vault_link *v, enum mesh_outcome o, bool waiting);

/* vault_vote.c: the household's operations, which the vault signs over its own fold of all operations. */
void vault_vote(struct vault_link *v, struct span op);
void vault_vote_code(struct vault_link *v, const struct wire_v_code *m); /* it signs a device code */
void vault_vote_ops(struct vault_link *v);                               /* the vault asks for every operation */
void vault_vote_more(struct vault_link *v);                              /* there is room for more of them */
void vault_vote_drop(struct vault_link *v);                              /* the vault is gone */

/* vault_backup.c: what a backup holds of the daemon's. */
void vault_backup_rows(struct vault_link *v); /* the vault makes a backup */
bool vault_backup_take(struct vault_link *v, uint64_t number, const union frame_message *m); /* false: no row of one */
void vault_backup_restore(struct vault_link *v, const struct wire_v_restore *m);
void vault_backup_ready(struct vault_link *v); /* says V_READY where the core waits, once */
void vault_backup_replace(struct vault_link *v, struct span op);
void vault_backup_made(struct vault_link *v, mesh_wall when);
void vault_backup_drop(struct vault_link *v);

/* vault_clip.c: by id, or the beginning of it. */
void vault_clip_want(struct vault_link *v, struct span words);
void vault_clip_destroy(struct vault_link *v, struct span words);
void vault_clip_purge(struct vault_link *v, const struct hash *id, bool away); /* purge_gone() when it is away */
void vault_clip_wiped(struct vault_link *v, bool ok); /* the writer: its row is, or could not be */
void vault_clip_drop(struct vault_link *v);           /* the vault is gone */
void vault_clip_end(struct vault_link *v);            /* after the loop's work is done */
/* Gives the core a command that the owner's tool waits for up to 30 s. False: the vault has its answer. */
bool vault_link_errand(struct vault_link *v, struct mesh_event ev, mesh_cell cell, uint64_t uid);

void vault_link_init(struct node *n);
/* 0, NODE_E_VAULT (logged). */
int vault_link_start(struct node *n);
/* The core's state has changed: the vault hears whether this device is in a mesh, and how a joining ended. */
void vault_link_state(struct node *n);
void vault_link_stop(struct node *n); /* it ends at end of file */
void vault_link_kill(struct node *n); /* it did not */
bool vault_link_gone(const struct node *n);
void vault_link_close(struct node *n);
