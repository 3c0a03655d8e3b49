/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The home's disk: one SQLite file with what the core must remember and what people ask about.
 *
 * The core's rows are stored as they come and handed back at start. From the records' plaintexts a nearby index is kept:
 * one row an alert with its present state, place as an integer geohash, and counts, so that `nearby` is one indexed query
 * whatever the mesh holds; and an event log whose sequence numbers `watch --after` counts by. Follow-ups may come before
 * their alert: the row is a function of the set of records, in any order.
 *
 * One read-write connection, used by one thread at a time (the node's write job); struct store_reader is a second,
 * read-only connection for queries, likewise used by one thread at a time. WAL, synchronous=FULL, secure_delete.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/row.h"

enum {
        STORE_E_NEWER = 1,   /* written by a newer version: upgrade */
        STORE_E_DAMAGED = 2, /* not a store, or damaged: store_salvage() keeps what is whole */
        STORE_E_ACCESS = 3,  /* cannot be opened or created: permissions, missing folder */
        STORE_E_FULL = 4,    /* no space: nothing was changed */
        STORE_E_IO = 5,      /* reading or writing failed: nothing was acknowledged; the store must be reopened */
        STORE_E_NONE = 6,    /* no such row */
        STORE_E_MANY = 7,    /* the prefix fits several rows */
        STORE_E_SHARED = 8,  /* another process has it open for writing */
        STORE_E_MORE = 9,    /* a part is done: call again for the next */
};
const char *store_error_text(int e);

struct store;
struct store_reader;

/* Opens or creates DIR/porchlight.db, 0600 under any umask, and migrates it on a copy if it is older. */
int store_open(struct store **ret, const char *dir);
struct store *store_close(struct store *s);
/* Empties the store of DIR, which nobody has open: as a new one, but for the numbers of events, which go on, so that no
 * number tells of two things. One transaction; nothing of what was there is left in the files when it returns 0. As
 * store_open(). */
int store_clear(const char *dir);
/* Removes what SQLite could not when the store of DIR was closed, behind walls: an empty log and its index. 0, also where
 * there is something in the log, or the disk is full; STORE_E_SHARED if anybody has the database open; STORE_E_ACCESS. Nothing of this matters. */
int store_tidy(const char *dir);

/* What became of a damaged store. */
struct store_salvage {
        uint32_t pages, damaged; /* of so many, so many cannot be read any more */
        uint64_t records;        /* those that are kept */
        uint64_t dropped;        /* rows of which only a part was left: records that come again from neighbours */
        bool slots_lost;         /* nobody knows which slots of today were used, so that none is free before tomorrow */
};
/* Makes a new store of all that is whole in the damaged one of DIR, which nobody has open; the old one is there until the new
 * one is durable. @now: for states, and for slots where it is not known which were used. 0: open it again.
 * STORE_E_DAMAGED: too little is left, and nothing was changed; STORE_E_FULL and the others: nothing was changed. */
int store_salvage(const char *dir, mesh_wall now, struct store_salvage *ret);
int store_reader_open(struct store_reader **ret, const char *dir); /* after store_open */
struct store_reader *store_reader_close(struct store_reader *r);

/* Hands every row to @take in the order of enum mesh_row_kind, operations and records in the order they were stored; of
 * records those with expires > @now and this device's own, without bytes, alert and follow. @take returns 0 to go on, above 0 to stop, below
 * 0 to stop with that error; so do all callbacks here. What they are given is borrowed until they return, and they must not
 * call the store. */
int store_restore(struct store *s, mesh_wall now, int (*take)(void *ctx, const struct mesh_row *row), void *ctx);

/* Rows to be written in one transaction. A batch copies what it is given, so that it can travel to another thread. */
struct store_batch;
struct store_batch *store_batch_new(void); /* NULL: no memory */
struct store_batch *store_batch_free(struct store_batch *b);
int store_batch_add(struct store_batch *b, const struct mesh_row *row, uint64_t token);
size_t store_batch_count(const struct store_batch *b);
uint64_t store_batch_token(const struct store_batch *b, size_t i);
/* One transaction, on disk when it returns 0. @now: for states and events. Idempotent: a record, operation … that is there
 * already changes nothing, but for bytes or a plaintext it came without the first time. STORE_E_FULL, STORE_E_IO: nothing
 * was written. @ret_seq: the last event's number. */
int store_commit(struct store *s, struct store_batch *b, mesh_wall now, uint64_t *ret_seq);

/* Time passes: alerts whose time is over become expired and get their event; rows of records, revocations and proofs that
 * expired before @purge_before are deleted, text and all, and the log is checkpointed with truncation if anything was erased. However many
 * they are, one call takes no longer than a large commit: STORE_E_MORE says that there are more. */
int store_tick(struct store *s, mesh_wall now, mesh_wall purge_before, uint64_t *ret_seq);

/* Looks for a record that a reader did not find where the index has it. Where an index is damaged all of them are made anew,
 * as in a commit that finds it so. 0 also if there is no such record. */
int store_seek(struct store *s, const struct hash *id);
unsigned store_mends(const struct store *s); /* how often that was done since it was opened */
bool store_hurt(const struct store *s); /* pages were found that nobody can read any more: the next start salvages */
/* Bytes that the disk has changed and that were put right, in this process so far. */
unsigned long store_flips(void);

/* Small named values of the daemon's own: home cell, owner uid, mutes … @value.n == 0 deletes. */
int store_set(struct store *s, const char *name, struct span value);
int store_get(struct store_reader *r, const char *name, struct buf *ret); /* STORE_E_NONE */

/* ---- clips of this household: taken in here, or on another of its devices ---- */
struct store_clip {
        struct hash id;
        uint64_t seq;         /* its place in this device's chain */
        struct span manifest; /* signed; empty: it was destroyed, and so are the others */
        struct span sealed;   /* its key, sealed to the household */
        struct span camera;   /* by name */
        bool as_is;
        bool told; /* this household's main device knows of it */

        /* Of one that was taken in on another device, whose place in a chain `seq` is then: */
        bool away;
        bool never;       /* its device's rule: nothing is told of it */
        bool lost;        /* its bytes are gone there */
        struct span salt; /* of its camera's name, 32 bytes */
};
/* Newest first, also those that were destroyed. @row returns 0 to go on. */
int store_clips(struct store_reader *r, int (*row)(void *ctx, const struct store_clip *c), void *ctx);
int store_clip_get(struct store_reader *r, const struct hash *id, int (*row)(void *ctx, const struct store_clip *c),
                   void *ctx); /* STORE_E_NONE */
/* The clip whose id begins with these hex digits (4 to 64). 0, STORE_E_NONE, STORE_E_MANY. */
int store_clip_prefix(struct store_reader *r, struct span hex, struct hash *ret);
/* Of those taken in here the first @most of which the main device is to hear: it does not know of them, or not yet that they
 * are gone. */
int store_clips_due(struct store_reader *r, size_t most, int (*row)(void *ctx, const struct store_clip *c), void *ctx);

enum store_clip_change {
        STORE_CLIP_AWAY = 1, /* one of another device: new, or whether something may be told of it has changed */
        STORE_CLIP_LOST,     /* the bytes of one of another device are gone there */
        STORE_CLIP_TOLD,     /* `told` of one that was taken in here */
        STORE_CLIPS_UNTOLD,  /* of all that were taken in here: there is another main device */
};
/* For the batch. Changes nothing where there is no such clip, or it was destroyed (but for `told`). */
int store_batch_clip(struct store_batch *b, enum store_clip_change what, const struct store_clip *c, uint64_t token);

/* A clip that an alert of this household names, once for each such alert; the clip need not be here. */
struct store_named {
        struct hash clip;
        uint8_t kind; /* of the alert; 0: it was an exercise or a test */
        mesh_wall created;
        mesh_wall expires; /* as it stands now; 0: it was purged */
        uint8_t state;     /* enum wire_e_state; 0: it was purged */
};
/* Of none that was taken back. @row returns 0 to go on. */
int store_named(struct store_reader *r, int (*row)(void *ctx, const struct store_named *n), void *ctx);

/* ---- papers: what was signed about clips and goes from home to home (node/papers.h) ---- */
struct store_paper {
        struct hash id;
        uint8_t what;         /* the node's; so is the next */
        uint8_t state;        /* the one thing that changes */
        struct key household; /* the other one */
        struct hash about;
        mesh_wall expires; /* when the row is of no use any more */
        struct span paper; /* as it was signed */
        struct span more;  /* what belongs to it */
        bool gone;         /* put: erase it */
};
/* All, in the order they came. @row returns 0 to go on. */
int store_papers(struct store_reader *r, int (*row)(void *ctx, const struct store_paper *p), void *ctx);
/* A paper for the batch: a new one, a new state of one that is there, or its end. */
int store_batch_paper(struct store_batch *b, const struct store_paper *p, uint64_t token);

/* Whose clip that is, as notices and alerts of other households tell: the clip whose id begins with these hex digits (4 to 64).
 * 0, STORE_E_NONE, STORE_E_MANY. */
int store_clip_told(struct store_reader *r, struct span hex, struct hash *ret_clip, struct key *ret_household);

/* ---- questions ---- */
struct store_alert {
        struct hash id;
        struct key device, household;
        bool mine, sensor;
        uint8_t kind, doing, category, severity, urgency, certainty, status;
        uint8_t state; /* enum wire_e_state */
        mesh_cell cell;
        uint32_t distance_m;                   /* UINT32_MAX: not asked */
        struct span text, clips;               /* borrowed until the callback returns */
        mesh_wall created, updated, expires;   /* updated 0: never */
        uint32_t confirms, disputes, comments; /* confirms and disputes: distinct households */
};

struct store_filter {
        mesh_cell centre;  /* 0: no place asked */
        uint32_t within_m; /* 0: everywhere; needs centre */
        mesh_wall since;   /* 0: all in force, and what changed in the last 24 h; else what changed since then */
        uint64_t kinds[4]; /* bitmap of wanted kinds 0…255; all zero: every kind */
        uint64_t muted_kinds[4];
        const struct key *muted_households; /* what they say is left out unless it is urgent */
        size_t n_muted_households;
        uint8_t min_severity; /* 0: any; Extreme is 1, so severity <= this (Unknown counts as least severe) */
        struct span text;     /* empty: any */
        uint32_t limit;       /* 0: no limit */
        mesh_wall now;
};

/* Alerts that fit, in force first, then most severe, then newest. @row returns 0 to go on. Retracted ones are not shown. */
int store_nearby(struct store_reader *r, const struct store_filter *f,
                 int (*row)(void *ctx, const struct store_alert *a), void *ctx);
/* For watch: everything but "in force or of the last 24 h", so that events of any age can be told; and a retracted alert
 * fits whatever its text was, so that whoever was shown it learns of it. */
bool store_alert_fits(const struct store_filter *f, const struct store_alert *a);
int store_alert_get(struct store_reader *r, const struct hash *id, int (*row)(void *ctx, const struct store_alert *a),
                    void *ctx); /* STORE_E_NONE */
struct store_follow {
        struct hash id;
        struct key household;
        uint8_t what; /* enum wire_e_record */
        mesh_wall created;
        struct span text;
};
int store_follows(struct store_reader *r, const struct hash *alert, int (*row)(void *ctx, const struct store_follow *f),
                  void *ctx); /* oldest first */
/* The alert whose id begins with these hex digits (4 to 64). 0, STORE_E_NONE, STORE_E_MANY. */
int store_alert_prefix(struct store_reader *r, struct span hex, struct hash *ret);

struct store_event {
        uint64_t seq;
        uint8_t event;            /* enum wire_e_happening */
        struct store_alert alert; /* as it is now */
};
/* Who asks for footage, and what of it is here. */
#define STORE_LATELY (30 * MESH_DAY) /* seconds in which asks are counted */
struct store_ask {
        uint64_t seq; /* of its event; 0: it was not asked for by that */
        struct hash id;
        struct key household;
        bool mine, over;
        mesh_cell cell;
        uint32_t radius;
        mesh_wall from, to, created, expires;
        struct span reason;    /* borrowed until the callback returns */
        struct span about;     /* id of its alert; empty: of none */
        uint32_t lately;       /* asks of the last 30 days that touch its cell, itself among them */
        uint32_t by_household; /* … and of its household */
        uint32_t clips;        /* of this home that fit, if it was asked how many */
};
struct store_asks {
        mesh_wall now;
        bool match;              /* count the clips that fit … */
        bool match_only;         /* … and tell of others' asks alone, where some do */
        mesh_cell home;          /* where cameras are of which no place is told; 0: not known */
        const struct key *muted; /* households whose asks are left out */
        size_t n_muted;
        bool (*left_out)(const void *arg, struct span camera); /* clips of this camera fit nothing; NULL: of none */
        const void *arg;
};
/* Asks in force, newest first, at most 1,000. */
int store_asks(struct store_reader *r, const struct store_asks *f, int (*row)(void *ctx, const struct store_ask *a),
               void *ctx);
int store_ask_prefix(struct store_reader *r, struct span hex, struct hash *ret); /* as store_alert_prefix() */
/* One, in force or not. STORE_E_NONE. */
int store_ask_get(struct store_reader *r, const struct store_asks *f, const struct hash *id,
                  int (*row)(void *ctx, const struct store_ask *a), void *ctx);
struct store_match {
        struct hash id;
        struct span camera; /* borrowed until the callback returns */
        mesh_wall from, to;
        uint32_t distance_m; /* between the centres of the cells */
};
/* Clips of this home that fit the ask, newest first. */
int store_ask_clips(struct store_reader *r, const struct store_asks *f, const struct hash *id,
                    int (*row)(void *ctx, const struct store_match *m), void *ctx);
/* Asks in force that came, or that a clip came for, with an event above @after; each once, in the order of its last. */
int store_ask_events(struct store_reader *r, const struct store_asks *f, uint64_t after,
                     int (*row)(void *ctx, const struct store_ask *a), void *ctx);
struct store_notice {
        struct hash id, clip;
        struct key household;
        mesh_cell cell;
        mesh_wall from, to, created;
};
/* Of an alert, oldest first. */
int store_notices(struct store_reader *r, const struct hash *alert, int (*row)(void *ctx, const struct store_notice *n),
                  void *ctx);
/* All in force, newest first, at most 1,000. */
int store_notices_now(struct store_reader *r, mesh_wall now, int (*row)(void *ctx, const struct store_notice *n),
                      void *ctx);
/* The record that its author may take back by that prefix: an alert, an ask or a notice. 0, STORE_E_NONE, STORE_E_MANY. */
int store_said_prefix(struct store_reader *r, struct span hex, struct hash *ret);

/* Events with a sequence number above @after, in order, at most @limit. */
int store_events(struct store_reader *r, uint64_t after, uint32_t limit,
                 int (*row)(void *ctx, const struct store_event *e), void *ctx);
/* The same by the connection that writes, for what it has just written: nothing of that has to be read from the disk. */
int store_news(struct store *s, uint64_t after, uint32_t limit, int (*row)(void *ctx, const struct store_event *e),
               void *ctx);
int store_last_seq(struct store_reader *r, uint64_t *ret);
/* How many alerts are in force. */
struct store_force {
        uint64_t count;
        mesh_wall until; /* when the first of them ends; UINT64_MAX: never */
};
int store_in_force(struct store_reader *r, mesh_wall now, struct store_force *ret);
/* Bytes of these records and proofs; an item without bytes has none (or was retracted), is damaged: then store_commit takes
 * the record's bytes again. Bytes are appended to @keep, which the items point into afterwards. */
struct store_loaded {
        struct hash id;
        struct span bytes;
        bool damaged;
        bool astray; /* an index did not lead to it, whether it was found otherwise or not: have store_seek() look */
};
int store_load(struct store_reader *r, struct store_loaded *items, size_t n, struct buf *keep);
