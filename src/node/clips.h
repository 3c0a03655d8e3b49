/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/clips: the bytes of the clips this home keeps, which nothing here can open.
 *
 *   <id>, <id>.list   see clip/files.h
 *   *.part            one that is being taken in; a start removes what a crash left of it
 *
 * A clip comes in over control.sock in three steps: the caller says of which camera, gives chunk after chunk, and then what
 * porchlight-ingest says of the whole. Chunks are hashed and written on the pool. At the end both files are synced, the
 * core signs a manifest, they get their names, the folder is synced, and only then the row is written: so a row has its files,
 * and a crash at any point leaves a clip or nothing. A caller that goes away before it has said everything leaves nothing.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "clip/files.h"
#include "node/stay.h"
#include "porchlight/mesh.h"

struct caller;
struct clip_in;
struct node;
struct store_clip;

#define CLIPS_RETENTION (UINT64_C(30) * MESH_DAY) /* seconds, where clips.retention does not say otherwise */
#define CLIPS_QUOTA (UINT64_C(8) << 30)           /* bytes, where clips.quota does not say otherwise */

#define UNWIPED_MOST 16 /* a daemon that cannot write so many rows has ended, or its disk is full */

struct clips {
        int fd;        /* of the folder; -1: there is none */
        bool shared;   /* with a vault that has a user of its own (clip/files.h) */
        uint64_t used; /* bytes of its files */
        uint64_t quota;
        uint64_t retention;      /* seconds, of cameras without a rule of their own; CAMERA_KEEP_FOREVER */
        struct kinds_keep kinds; /* of clips that alerts of this household have named */
        bool oldest;             /* where there is no room the oldest go */
        struct buf kept;         /* ids of clips that their owner has pinned */
        struct buf sources;      /* files that clips were taken from (sources.h) */
        struct purge *purge;     /* under way (purge.h); NULL: none */
        bool purge_again;        /* once more behind it */
        mesh_time purge_at;      /* the next by itself */
        struct {
                struct hash id;
                bool away;
        } unwiped[UNWIPED_MOST]; /* their keys are gone, and there was no memory or no disk for the rest */
        size_t n_unwiped;
        mesh_time purge_by;   /* the vault's answer is waited for until then; 0: it is not */
        uint64_t room_wanted; /* bytes, for who waits; 0: nobody */
        uint64_t parts;       /* that have had a name so far */
        struct list in;       /* being taken in */
        unsigned n_in;
        struct clip_in *signing; /* of them with the core; NULL: none */
        struct hash salt;        /* of cameras' names; where `salted` */
        bool salted;
};

void clips_init(struct node *n);
/* Makes and opens the folder, while that can be done. 0, ERR_NOMEM. */
int clips_prepare(struct node *n);
void clips_start(struct node *n); /* the store is open: removes what belongs to no clip */
void clips_fini(struct node *n);  /* after the loop has ended */

/* clip_in.c */
void clips_in_fini(struct node *n);
/* Makes a file that is not there yet, to be written; the vault may read it where it has a user of its own. A descriptor, or -1
 * and errno. */
int clips_make_file(const struct node *n, const char *name);

/* The core's row of a clip: its files get their names first. */
void clips_store(struct node *n, const struct mesh_row *row, uint64_t token);
/* On the pool: whether its files are there, as long as they should be. */
bool clips_whole(const struct node *n, const struct store_clip *c);
/* @named: as stay_read() has it. */
void control_clip_row(struct caller *c, const struct store_clip *clip, bool whole, const struct buf *named);
/* On the pool: removes its files, for good. 0, or an errno; *@ret_bytes are the disk's again, and to be taken from `used`. */
int clips_unlink(const struct node *n, const struct hash *id, uint64_t *ret_bytes);

void clips_rule_changed(struct node *n); /* what was kept may go, what was silent may be told of */

/* For a caller (control_clip.c). Each answers it, now or later, but clip_in_leave(). */
void clip_in_open(struct caller *c);
void clip_in_put(struct caller *c);
void clip_in_close(struct caller *c);
void clip_in_room(struct caller *c);    /* some was made, or could not be */
void clip_in_leave(struct clip_in *in); /* the caller has gone */
