/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of fetching and giving know of each other. fetch.c: which clips are fetched, and what is done with each.
 * fetch_disk.c: their files. fetch_ways.c: which homes are asked. give.c: links, and what others are given.
 */
#pragma once

#include "crypto/chunk.h"
#include "haul/fetch.h"
#include "haul/limits.h"
#include "haul/serve.h"
#include "haul/veil.h"
#include "node/fetch.h"
#include "node/haul_link.h"
#include "node/internal.h"
#include "node/leave.h"

#define FETCH_ROOM_LEAST (UINT64_C(32) << 20) /* bytes a fetch leaves of the disk, for the store */
#define FETCH_ROOM_MS 5000                    /* between two looks whether a full disk has room again */
#define FETCH_AGAIN_FIRST 2000  /* ms until a home that could not be reached, or has nothing, is tried again … */
#define FETCH_AGAIN_MOST 300000 /* … twice as long each time, up to this */
#define FETCH_OTHERS_AFTER 5000 /* ms without a byte before homes other than the owner's are asked (PROTOCOL 15.41) */
#define FETCH_OTHERS_LONG 30000 /* … or so many ms that it would take on, at the rate at which it comes */
#define FETCH_AT_ONCE 4         /* clips that bytes come of at a time */
#define FETCH_PLACE_IDLE 10000  /* ms without a source at work, after which such a place is given to one that waits */
#define FETCH_PLACE_WAITS                                                                                              \
        5000             /* ms since it asked for a place that a clip counts as waiting: it asks every two seconds */
#define FETCH_TRIES 4    /* in vain, after which a neighbour's place is another's: half a minute … */
#define FETCH_SWAP 60000 /* … one in so many ms: the ninth neighbour is no better than the eight before */
#define SEEKS_MOST                                                                                                     \
        1024 /* a minute over one link: each costs a signature, or a hash for each clip here; a home fetches FETCHES_MOST */
#define WRONG_LINES 6  /* a minute in the log, about other homes that do what none may */
#define LINK_QUEUE 256 /* requests that wait for room on a link; more than all windows hold */

struct fetch;

/* A home that may have it. */
struct fetch_way {
        struct haul_want want;
        struct fetch *f;
        struct key device;
        struct key household;
        bool owner, waiting, bad; /* bad: it lied */
        bool veiled;              /* it was asked for `veil`, and has not answered yet */
        struct hash veil;
        uint32_t number; /* of its link, where it is a source; 0: it is none now */
        mesh_time next;  /* when it is tried */
        unsigned tries;
};

struct fetch_write {
        uint64_t chunk;
        struct span bytes;
        bool ok;
};

/* One job on the pool at a time; what is to be done next collects meanwhile. */
struct fetch_disk {
        struct pool_job work;
        bool busy;
        bool prepare, list_due, save_due, finish; /* asked for */
        bool prepares, lists, saves, finishes;    /* of the job */
        bool list_there; /* on the disk, and with it the first .have; only the loop sets it … */
        bool list_put;   /* … when the job has */
        bool ok;         /* of the job: what is not a write */
        int data;        /* the chunks; -1 */
        int e;           /* errno of what went wrong */
        struct span list, have;
        struct buf kept_list, kept_have; /* what prepare found */
        struct fetch_write writes[2][READY_MOST];
        size_t n_writes[2];
        unsigned now; /* which of the two the job has */
};

struct fetch {
        struct list on;
        struct node *n;
        struct hash id;
        struct buf manifest;
        struct haul_clip clip;
        struct key household;    /* the owner's … */
        char name[49];           /* … and as it was last called */
        uint8_t salt[VEIL_SALT]; /* of the manifest */
        mesh_wall until;
        struct haul_fetch *f; /* NULL: whole, or not prepared yet */
        bool known;           /* .want is on the disk */
        bool whole, ending;
        bool given;      /* others may have it from here */
        uint64_t reads;  /* chunks from the first on that are there */
        uint64_t reader; /* as the fetch was told last */
        mesh_time room_at, moved_at;
        mesh_time worked_at;  /* a source was at work */
        mesh_time refused_at; /* there was no place for another clip that comes; 0: never */
        mesh_time swapped_at; /* a neighbour took another's place among the ways */
        uint64_t moved;       /* bytes that had come by then */
        struct fetch_disk disk;
        struct fetch_way ways[HAUL_SOURCES];
        size_t n_ways;
};

/* A request that waits for room. */
struct link_request {
        uint8_t number; /* enum wire_link */
        bool grant;     /* SEEK: with the grant of that clip */
        struct hash clip;
        uint64_t chunk;
        uint32_t n;
};

struct chunk_link {
        struct list on;
        struct haul_link *l;
        uint32_t number;
        struct link_request *queue; /* LINK_QUEUE of them, from `first` on, in a ring; NULL: none so far */
        size_t first, n;
        uint8_t waits; /* enum wire_link: an answer that found no room; 0: none */
        struct hash clip;
        uint64_t chunk, at;
        struct buf bytes;
        struct quiet seeks; /* that came lately */
};

/* fetch.c */
bool fetch_gives(const struct fetch *f); /* others may have what there is of it from here */
struct fetch *fetch_find(const struct node *n, const struct hash *clip);
bool fetch_going(const struct node *n, const struct hash *clip); /* it was ended, and its files are not all removed */
void fetch_drive(struct fetch *f);
void fetch_feed(struct fetch *f, struct haul_event ev); /* and drives it */
void fetch_prepared(struct fetch *f);
void fetch_became_whole(struct fetch *f);
void fetch_free(struct fetch *f);
void fetch_news(struct fetch *f); /* whoever watches is told */

/* fetch_disk.c */
void disk_finish(struct fetch *f); /* all of it is durable: fetch_became_whole() follows */
void disk_close(struct fetch *f);
void disk_kick(struct fetch *f); /* starts a job where there is something to do */
bool disk_whole(const struct node *n, const struct hash *id, const struct haul_clip *clip);
void disk_away(
        struct fetch *f); /* its files go, durably, and then it; what is busy ends first. Call again where it stays */
bool disk_gone(const struct node *n, const struct hash *id);
bool disk_has_room(const struct node *n, uint64_t more);
/* At a start: what .want files there are. */
void disk_look(struct node *n,
               void (*found)(struct node *n, const struct hash *id, struct span manifest, mesh_wall until));

/* fetch_ways.c */
void ways_tick(struct fetch *f);
/* Whether those who are asked do not suffice; @quiet: ms without a byte. */
bool ways_few(const struct haul_look *look, mesh_time quiet);
void ways_end(struct fetch *f);
void ways_up(struct fetch *f, const struct haul_link *l);
void ways_down(struct fetch *f, uint32_t number);
void ways_drop(struct fetch *f, uint32_t number, enum haul_wrong why);
void ways_none(struct fetch *f, uint32_t number);
void ways_seek(struct fetch *f, uint32_t number); /* asks it whether it has the clip */
/* What that home was asked by a name of its own: whether it @knows that, and proves it by @proof. False: nothing was. */
bool ways_veiled(struct node *n, uint32_t number, const struct hash *veil, bool knows, struct span proof);

/* give.c */
struct chunk_link *give_link(const struct node *n, uint32_t number); /* NULL: it is gone */
void give_request(struct node *n, uint32_t number, const struct link_request *r);
void give_init(struct node *n);
void give_fini(struct node *n);
void give_grown(struct node *n, const struct fetch *f); /* more of it is durable, or nothing any more */
