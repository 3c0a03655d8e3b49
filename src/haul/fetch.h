/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One clip on its way here, from several homes at once: what is asked of whom, and what may be written. Events in, actions
 * out, like the core (porchlight/mesh.h): no sockets, files, clocks or threads of its own, so that a fetch is a function of
 * its seed and its events. Who calls it: the node (node/fetch.c), and a network of the tests' own.
 *
 * First the list of hashes, which as a whole has to be what the manifest says; then chunks. Of each source a few are wanted
 * at a time, more where they come soon; in order where somebody reads along, else the rarest first. A source answers in the
 * order it was asked in (PROTOCOL 15.43), so of each there is at most one chunk in pieces. A chunk leaves here only when its
 * hash is that of the list. Who brings anything else is let go, and not taken again for this clip.
 *
 * Use: haul_fetch_new; then any event as it happens. After every haul_fetch_step call haul_fetch_next until it is false, and
 * ask haul_fetch_deadline when the next TICK is due. What an event points to is borrowed until step returns; what an action
 * points to until the next step, but for WRITE, LIST and SAVE: theirs is good until WRITTEN or SAVED, and while the fetch lives.
 */
#pragma once

#include "base/base.h"
#include "crypto/chunk.h"
#include "crypto/hash.h"

struct haul_fetch;

/* What its manifest says. */
struct haul_clip {
        struct hash hashes; /* of the list */
        uint64_t size;      /* of the file */
        uint64_t chunks;
};

enum haul_event_type {
        HAUL_EV_SOURCE,  /* there is a way to a home that may have it; it gets SEEK */
        HAUL_EV_GONE,    /* there is none any more */
        HAUL_EV_HAVE,    /* it has these; also when it has got more */
        HAUL_EV_NONE,    /* it has nothing of it */
        HAUL_EV_LIST,    /* hashes from it */
        HAUL_EV_PIECE,   /* a part of a chunk from it */
        HAUL_EV_WRITTEN, /* the chunk of a WRITE is in the file, or could not be put there */
        HAUL_EV_SAVED,   /* so is the state of a SAVE, durably */
        HAUL_EV_ROOM,    /* the disk may have room again: what could not be written comes again */
        HAUL_EV_READER,  /* somebody reads along, from this chunk on */
        HAUL_EV_TICK,
};

struct haul_event {
        enum haul_event_type type;
        mesh_time now;   /* never less than in the event before */
        uint32_t source; /* the shell's number for it */
        union {
                struct {
                        struct key device;
                        bool lan, owner; /* of a network this machine is on; of the household whose clip it is */
                } up;
                struct span have; /* a bitmap (haul/parts.h) */
                struct {
                        uint64_t from;
                        struct span hashes;
                } list;
                struct {
                        uint64_t chunk;
                        uint32_t at;
                        struct span bytes;
                } piece;
                struct {
                        uint64_t chunk;
                        bool ok;
                } written;
                bool saved;
                uint64_t reader; /* HAUL_NOBODY: nobody any more */
        };
};

#define HAUL_NOBODY UINT64_MAX

enum haul_action_type {
        HAUL_DO_SEEK,      /* ask whether it has any of it */
        HAUL_DO_LIST_WANT, /* the list, from the first hash to the last */
        HAUL_DO_WANT,      /* a whole chunk */
        HAUL_DO_STOP,      /* nothing more is wanted of it */
        HAUL_DO_DROP,      /* let this source go, for `why`; no GONE follows. Its number is not to come again: what was
                              wanted of it may still be on its way */
        HAUL_DO_LIST,      /* the list is right: keep it */
        HAUL_DO_WRITE,     /* the chunk is right: put it into the file, then WRITTEN */
        HAUL_DO_SAVE,      /* make the file durable, then keep this bitmap, then SAVED */
        HAUL_DO_DONE,      /* everything is there, and saved */
};

enum haul_wrong {
        HAUL_FALSE_LIST = 1, /* not what the manifest says */
        HAUL_FALSE_CHUNK,    /* not what the list says */
        HAUL_UNASKED,        /* something else than what was wanted next */
        HAUL_SILENT,         /* it says nothing any more */
        HAUL_BANNED,         /* it was one of the first three before */
        HAUL_CROWDED,        /* there are HAUL_SOURCES already */
};
const char *haul_wrong_text(enum haul_wrong why); /* for a log */

struct haul_action {
        enum haul_action_type type;
        uint32_t source;
        union {
                struct {
                        uint64_t chunk;
                        uint32_t n; /* all its bytes */
                } want;
                enum haul_wrong why;
                struct span list;
                struct {
                        uint64_t chunk;
                        struct span bytes;
                } write;
                struct span have;
        };
};

/* @list, @have: what was kept of an earlier run; empty if nothing was. 0; HAUL_E_KEPT: they are not of this clip; ERR_NOMEM. */
enum { HAUL_E_KEPT = 1 };
int haul_fetch_new(struct haul_fetch **ret, const struct haul_clip *clip, const uint8_t seed[32], struct span list,
                   struct span have);
struct haul_fetch *haul_fetch_free(struct haul_fetch *f); /* NULL is fine */
DEFINE_FREEP(struct haul_fetch, haul_fetch_free)

/* 0, ERR_NOMEM. */
int haul_fetch_step(struct haul_fetch *f, const struct haul_event *ev);
bool haul_fetch_next(struct haul_fetch *f, struct haul_action *ret);
mesh_time haul_fetch_deadline(const struct haul_fetch *f);

struct haul_look {
        uint64_t chunks, held;     /* held: on the disk */
        uint64_t size, held_bytes; /* of the file */
        uint64_t rate;             /* bytes a second that come; 0: not known */
        uint64_t got, twice;       /* bytes that have come; of them for nothing, since the chunk was there */
        uint64_t memory;           /* bytes of chunks in memory */
        unsigned sources, active;  /* that have some of it; at work */
        bool lists;                /* the list is on its way */
        bool listed, full, done;   /* full: the disk refused something */
};
void haul_fetch_look(const struct haul_fetch *f, struct haul_look *ret);
/* Whether something that was asked of that source may still come. */
bool haul_fetch_owed(const struct haul_fetch *f, uint32_t source);
bool haul_fetch_banned(const struct haul_fetch *f, const struct key *device); /* it brought something false */
bool haul_fetch_holds(const struct haul_fetch *f, uint64_t chunk);            /* it is in the file */
/* What is in the file, as a bitmap of @ret_n bytes. Good until the next step. */
struct span haul_fetch_bits(const struct haul_fetch *f);
