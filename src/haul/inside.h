/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a fetch know of each other. fetch.c: events and actions. source.c: one home. pick.c: what to ask of it. */
#pragma once

#include "base/buf.h"
#include "crypto/rng.h"
#include "haul/fetch.h"
#include "haul/limits.h"
#include "haul/parts.h"

struct haul_want {
        uint64_t chunk;
        mesh_time since;
        bool released; /* it was silent: others may be asked for this chunk */
};

struct haul_source {
        bool on;
        bool sought, told, listing; /* SEEK went; it has answered; LIST_WANT went */
        bool silent;
        bool lan, owner;
        enum haul_wrong wrong; /* it is to be let go */
        uint32_t number;
        struct key device;
        uint8_t *bits;                       /* NULL: it has nothing */
        uint8_t *next;                       /* what it said last, where that is not counted yet; NULL: it is */
        mesh_time counted;                   /* when `bits` were */
        struct haul_want wants[WINDOW_MOST]; /* as they were sent, from @first on, in a ring */
        size_t first, n, window;
        uint32_t at;            /* bytes of the first that have come … */
        uint8_t *chunk;         /* … and where they are; NULL: nowhere, as they are of no use */
        mesh_time heard, begun; /* begun: it has nothing else to bring than the first since then */
        uint64_t looked;        /* parts.stirred, when nothing was found for it */
};

struct haul_ready {
        uint64_t chunk;
        uint8_t *bytes;
        bool writing; /* WRITE went */
};

struct haul_fetch {
        struct haul_clip clip;
        struct rng rng;
        mesh_time now;
        struct parts parts;
        struct haul_source sources[HAUL_SOURCES];
        struct haul_ready ready[READY_MOST];
        size_t n_ready, buffers; /* buffers: of a chunk each, all in all, with those that are spare */
        uint8_t *spare[SPARE_MOST];
        size_t n_spare;
        struct buf list; /* hashes; whole where `listed` */
        bool listed, list_due, full, done, done_said;
        struct key banned[BANNED_MOST];
        size_t n_banned;
        struct {
                uint32_t source;
                enum haul_wrong why;
        } refused[HAUL_SOURCES]; /* who never became a source */
        size_t n_refused;
        uint8_t *have, *saving; /* what is written; of them what is being saved */
        uint64_t unsaved;       /* chunks written since */
        bool saves, save_due;
        mesh_time saved_at;
        uint64_t doubled;        /* chunks wanted a second time because nothing else was left */
        uint64_t reader, cursor; /* where the next look for a chunk begins */
        uint64_t got, twice, rate, rate_bytes;
        mesh_time rate_since;
};

/* source.c */
struct haul_source *source_find(struct haul_fetch *f, uint32_t number); /* NULL: there is none */
struct haul_source *source_free_place(struct haul_fetch *f);
void source_end(struct haul_fetch *f, struct haul_source *s); /* what it was to bring, others may */
void source_ban(struct haul_fetch *f, struct haul_source *s, enum haul_wrong why);
void source_count(struct haul_fetch *f, struct haul_source *s); /* what waits to be, if it is time */
int source_have(struct haul_fetch *f, struct haul_source *s, struct span bits);
int source_piece(struct haul_fetch *f, struct haul_source *s, const struct haul_event *ev);
void source_want(struct haul_fetch *f, struct haul_source *s, uint64_t chunk);
void source_tick(struct haul_fetch *f, struct haul_source *s);
bool source_asks(const struct haul_source *s, uint64_t chunk);
size_t fetch_active(const struct haul_fetch *f);
uint8_t *buffer_new(struct haul_fetch *f);          /* of CHUNK_CIPHER; NULL: no memory */
void buffer_free(struct haul_fetch *f, uint8_t *p); /* NULL is fine */
static inline struct haul_want *source_at(struct haul_source *s, size_t i) {
        return &s->wants[(s->first + i) % WINDOW_MOST];
}
static inline size_t cipher_bytes(const struct haul_fetch *f, uint64_t chunk) {
        return chunk_plain(f->clip.size, chunk) + CHUNK_TAG;
}

/* pick.c. False: nothing is to be wanted of it now. */
bool pick_chunk(struct haul_fetch *f, struct haul_source *s, uint64_t *ret);
