/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one that writes. Rows the core wants stored collect in a batch; while one transaction is on its way to the disk
 * the next batch collects, so that under load many rows share one fsync and nobody waits for more than two. Small
 * settings and the passing of time go the same way, behind the rows: the store's connection is used by one thread at a
 * time.
 */
#pragma once

#include "base/list.h"
#include "node/pool.h"
#include "node/query.h"
#include "node/quiet.h"
#include "store/store.h"

#include <uv.h>

struct node;

#define WRITER_EXPIRIES                                                                                                \
        64 /* the next so many ends of alerts are known to the second; later ones are found once a minute */

#define WRITER_TOKEN_KIN UINT64_C(0x2000000000000000)    /* from here on they are those of kin.h */
#define WRITER_TOKEN_PAPERS UINT64_C(0x4000000000000000) /* from here on they are those of papers.h */
#define WRITER_TOKEN_WIPED UINT64_MAX /* of a clip's row: who waits is not the core, whose tokens count from 1 */

struct writer {
        struct store *store;
        struct store_batch *next, *now; /* collecting; being committed */
        struct list settings;           /* to be set with the next job */
        struct list settings_now;
        struct list settings_late; /* the disk had no room: again with the next rows, or the next tick */
        bool busy, tick_due, tick_now, tick_ok, tick_more, reopen;
        bool seek_due, seek_now, mended;
        bool hurt_now, hurt;          /* pages are damaged: found by the job; said in the log */
        unsigned long flips;          /* that the log knows of */
        struct hash seek;             /* a record that no reader found where the index has it */
        mesh_wall wall, purge_before; /* of the job */
        uint64_t seq;                 /* of the last event on disk */
        uint64_t job_seq;
        uint64_t asks, asks_next,
                asks_now;  /* asks, and clips that may fit some: on disk since the start; in the batches */
        bool watched;      /* somebody waits for the events of the job */
        struct query news; /* which are in its chunk, if they are few: the job need not be followed by a question */
        int r, settings_r, sought;           /* of the rows, of settings_now, of the search */
        mesh_wall expiries[WRITER_EXPIRIES]; /* ascending */
        size_t n_expiries;
        struct quiet full, worn;
        struct pool_job work;
        uv_timer_t tick;
};

void writer_init(struct node *n);
void writer_start(struct node *n); /* the store is open */
bool writer_idle(const struct node *n);
void writer_close(struct node *n); /* when idle: closes the handle */
void writer_fini(struct node *n);  /* after the loop has ended: frees what was not written */

/* Takes a row for the next transaction; STORED comes in any case. */
void writer_add(struct node *n, const struct mesh_row *row, uint64_t token);
/* The same for a paper; papers_stored() comes. */
void writer_paper(struct node *n, const struct store_paper *p, uint64_t token);
/* The same for what is said of a clip; kin_stored() comes. */
void writer_clip(struct node *n, enum store_clip_change what, const struct store_clip *c, uint64_t token);
/* An alert ends at @at: its event is to come then. Also for rows from the store. */
void writer_expiry(struct node *n, mesh_wall at);
void writer_set(struct node *n, const char *name, struct span value);
/* A reader was led astray: the next job looks for this record. Of several the first is enough, since all indexes are mended
 * at once; the others come again where it was not. */
void writer_seek(struct node *n, const struct hash *id);
/* Starts a transaction if there is anything to write and none is on its way. Once before each wait of the loop. */
void writer_kick(struct node *n);
