/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network for fetches: a clip, homes that serve parts of it by haul/serve.h over lines of any speed, one home that fetches it by
 * haul/fetch.h, with a disk of its own. Homes lie, fall silent, go away and come back; the disk gets full; the fetch is killed
 * and begins again from what was saved. All a function of a seed. Time goes in steps of STEP ms.
 */
#pragma once

#include "base/array.h"
#include "crypto/rng.h"
#include "haul/fetch.h"
#include "haul/limits.h"
#include "haul/parts.h"
#include "haul/serve.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STEP 10
#define HOMES 10
#define AGAIN 5000 /* ms until a home that was let go is tried again */
#define PIECE 16000

enum manner {
        HONEST,
        LIES_CHUNK, /* a bit of each */
        LIES_LIST,
        MUTE,     /* answers SEEK and nothing else */
        UNASKED,  /* the piece after the one that is due */
        STRANGER, /* a bitmap of another length */
        MANNERS,
};

struct home {
        enum manner manner;
        bool lan, owner, up, banned;
        mesh_time up_at, down_at, down_for; /* it goes away again and again where down_for is not 0 */
        size_t speed;                       /* bytes a step */
        mesh_time way;                      /* ms one way */
        struct haul_serve *serve;
        uint8_t *have;
        uint64_t wanted; /* chunks that were wanted of it */
        uint32_t number;
};

/* A message on its way. */
struct parcel {
        mesh_time at;
        uint32_t number; /* of the source; an older one's is lost */
        size_t home;
        bool to_fetch;
        enum haul_event_type got;         /* to the fetch */
        enum haul_serve_event_type asked; /* to the home */
        uint64_t chunk, from;
        uint32_t n;
        struct buf bytes;
};

struct net {
        struct rng rng;
        struct haul_clip clip;
        uint8_t *data, *list; /* ciphertext of the whole, and its hashes */
        struct home homes[HOMES];
        size_t n_homes;
        struct parcel *parcels;
        size_t n_parcels, cap_parcels;
        mesh_time now;
        struct haul_fetch *f;
        uint8_t *file, *written;      /* the disk */
        struct buf saved, saved_list; /* what survives a kill */
        uint64_t disk_room;           /* chunks that fit; the rest is refused */
        bool done, whole_at_done;
        uint64_t got, twice, most_memory, most_serve, wrong_writes, kills;
        uint32_t numbers;
};

static size_t cipher_of(const struct net *t, uint64_t chunk) {
        return chunk_plain(t->clip.size, chunk) + CHUNK_TAG;
}

/* ---- the clip ---- */

static inline void net_clip(struct net *t, uint64_t size, uint64_t seed) {
        uint8_t bytes[32] = {0};
        memset(t, 0, sizeof(*t));
        put_be64(bytes, seed);
        rng_init(&t->rng, bytes);
        t->clip.size = size;
        t->clip.chunks = chunk_count(size);
        t->data = malloc(t->clip.chunks * CHUNK_CIPHER);
        t->list = malloc(t->clip.chunks * sizeof(struct hash));
        t->file = calloc(t->clip.chunks, CHUNK_CIPHER);
        t->written = calloc(1, bits_bytes(t->clip.chunks));
        t->disk_room = UINT64_MAX;
        t->now = 1000;
        for (uint64_t i = 0; i < t->clip.chunks; i++) {
                struct hash h;
                uint8_t *at = t->data + i * CHUNK_CIPHER;
                for (size_t k = 0; k < cipher_of(t, i); k++)
                        at[k] = (uint8_t)(i * 31 + k * 7 + (k >> 8));
                chunk_hash(&h, i, span_of(at, cipher_of(t, i)));
                memcpy(t->list + i * sizeof(h), h.b, sizeof(h));
        }
        chunk_hashes(&t->clip.hashes, span_of(t->list, t->clip.chunks * sizeof(struct hash)));
}

static inline void net_end(struct net *t) {
        haul_fetch_free(t->f);
        for (size_t i = 0; i < t->n_homes; i++) {
                haul_serve_free(t->homes[i].serve);
                free(t->homes[i].have);
        }
        for (size_t i = 0; i < t->n_parcels; i++)
                buf_fini(&t->parcels[i].bytes);
        buf_fini(&t->saved);
        buf_fini(&t->saved_list);
        free(t->parcels);
        free(t->data);
        free(t->list);
        free(t->file);
        free(t->written);
}

/* A home with all of it. */
static inline struct home *net_home(struct net *t, size_t bytes_a_second, mesh_time way) {
        struct home *h = &t->homes[t->n_homes++];
        *h = (struct home){.up_at = t->now,
                           .down_at = MESH_NEVER,
                           .speed = MAX(bytes_a_second * STEP / 1000, (size_t)1),
                           .way = way};
        assert_int_equal(haul_serve_new(&h->serve), 0);
        h->have = calloc(1, bits_bytes(t->clip.chunks));
        for (uint64_t i = 0; i < t->clip.chunks; i++)
                bits_set(h->have, i);
        return h;
}

/* ---- the lines ---- */

static inline struct parcel *post(struct net *t, struct home *h, bool to_fetch, struct span bytes) {
        t->parcels = array_room(t->parcels, t->n_parcels, &t->cap_parcels, sizeof(*t->parcels), 64);
        struct parcel *p = &t->parcels[t->n_parcels++];
        *p = (struct parcel){
                .at = t->now + h->way, .number = h->number, .home = (size_t)(h - t->homes), .to_fetch = to_fetch};
        buf_add(&p->bytes, bytes);
        return p;
}

static inline void feed(struct net *t, struct haul_event ev) {
        ev.now = t->now;
        assert_int_equal(haul_fetch_step(t->f, &ev), 0);
}

static inline void feed_serve(struct home *h, const struct haul_serve_event *ev) {
        assert_int_equal(haul_serve_step(h->serve, ev), 0);
}

/* What a home says, as it is said by such a home. */
static inline void say(struct net *t, struct home *h, const struct haul_serve_action *a) {
        struct parcel *p;
        if (a->type == SERVE_DO_HAVE) {
                p = post(t, h, true, span_of(h->have, bits_bytes(t->clip.chunks)));
                p->got = HAUL_EV_HAVE;
                if (h->manner == STRANGER)
                        buf_add_u8(&p->bytes, 0);
                return;
        }
        if (a->type == SERVE_DO_NONE) {
                post(t, h, true, SPAN_NONE)->got = HAUL_EV_NONE;
                return;
        }
        if (h->manner == MUTE)
                return;
        p = post(t, h, true, a->type == SERVE_DO_LIST ? a->list.hashes : a->piece.bytes);
        p->got = a->type == SERVE_DO_LIST ? HAUL_EV_LIST : HAUL_EV_PIECE;
        p->from = a->list.from;
        if (a->type == SERVE_DO_PIECE) {
                p->chunk = a->piece.chunk;
                p->n = a->piece.at + (h->manner == UNASKED);
        }
        if ((h->manner == LIES_LIST && a->type == SERVE_DO_LIST) ||
            (h->manner == LIES_CHUNK && a->type == SERVE_DO_PIECE))
                p->bytes.p[rng_below(&t->rng, p->bytes.n)] ^= 1;
}

static inline void serve_run(struct net *t, struct home *h) {
        struct haul_serve_action a;
        struct haul_serve_look look;
        while (haul_serve_next(h->serve, &a)) {
                struct haul_serve_event ev = {.link = h->number, .clip = a.clip};
                if (a.type == SERVE_DO_LOOK) {
                        ev.type = SERVE_EV_KNOWN;
                        ev.known.size = t->clip.size;
                        ev.known.chunks = t->clip.chunks;
                        ev.known.have = span_of(h->have, bits_bytes(t->clip.chunks));
                        feed_serve(h, &ev);
                } else if (a.type == SERVE_DO_READ) {
                        memcpy(a.read.room, (a.read.list ? t->list : t->data) + a.read.at, a.read.n);
                        ev.type = SERVE_EV_READ;
                        ev.read.read = a.read.read;
                        ev.read.ok = true;
                        feed_serve(h, &ev);
                } else {
                        assert_int_not_equal(a.type, SERVE_DO_HANGUP);
                        if (h->up)
                                say(t, h, &a);
                }
        }
        haul_serve_look(h->serve, &look);
        t->most_serve = MAX(t->most_serve, look.memory);
}

static inline void hang_up(struct home *h) {
        if (!h->up)
                return;
        h->up = false;
        feed_serve(h, &(struct haul_serve_event){.type = SERVE_EV_GONE, .link = h->number});
}

static inline void connect_home(struct net *t, struct home *h) {
        struct haul_event ev = {.type = HAUL_EV_SOURCE, .source = ++t->numbers};
        h->up = true;
        h->number = ev.source;
        ev.up.device.b[0] = (uint8_t)(1 + h - t->homes);
        ev.up.lan = h->lan;
        ev.up.owner = h->owner;
        feed_serve(h, &(struct haul_serve_event){.type = SERVE_EV_LINK, .link = h->number});
        feed(t, ev);
}

/* ---- the home that fetches ---- */

static inline struct home *home_of(struct net *t, uint32_t number) {
        for (size_t i = 0; i < t->n_homes; i++)
                if (t->homes[i].up && t->homes[i].number == number)
                        return &t->homes[i];
        return NULL;
}

static inline void disk_write(struct net *t, uint64_t chunk, struct span bytes) {
        bool fits = bits_count(t->written, t->clip.chunks) < t->disk_room;
        t->wrong_writes += !span_eq(bytes, span_of(t->data + chunk * CHUNK_CIPHER, cipher_of(t, chunk)));
        if (fits) {
                memcpy(t->file + chunk * CHUNK_CIPHER, bytes.p, bytes.n);
                bits_set(t->written, chunk);
        }
        struct haul_event ev = {.type = HAUL_EV_WRITTEN};
        ev.written.chunk = chunk;
        ev.written.ok = fits;
        feed(t, ev);
}

static inline void ask_home(struct net *t, const struct haul_action *a) {
        struct home *h = home_of(t, a->source);
        if (!h)
                return;
        struct parcel *p = post(t, h, false, SPAN_NONE);
        p->asked = a->type == HAUL_DO_SEEK        ? SERVE_EV_SEEK
                   : a->type == HAUL_DO_LIST_WANT ? SERVE_EV_LIST_WANT
                   : a->type == HAUL_DO_WANT      ? SERVE_EV_WANT
                                                  : SERVE_EV_STOP;
        p->chunk = a->want.chunk;
        p->n = a->want.n;
        h->wanted += a->type == HAUL_DO_WANT;
}

static inline void dropped(struct net *t, const struct haul_action *a) {
        struct home *h = home_of(t, a->source);
        if (!h)
                return;
        hang_up(h);
        h->banned |= a->why != HAUL_SILENT && a->why != HAUL_CROWDED;
        h->up_at = h->banned ? MESH_NEVER : t->now + AGAIN;
}

static inline void fetch_run(struct net *t) {
        struct haul_action a;
        struct haul_look look;
        while (haul_fetch_next(t->f, &a)) {
                switch (a.type) {
                case HAUL_DO_SEEK:
                case HAUL_DO_LIST_WANT:
                case HAUL_DO_WANT:
                case HAUL_DO_STOP:
                        ask_home(t, &a);
                        break;
                case HAUL_DO_DROP:
                        dropped(t, &a);
                        break;
                case HAUL_DO_LIST:
                        buf_clear(&t->saved_list);
                        buf_add(&t->saved_list, a.list);
                        break;
                case HAUL_DO_WRITE:
                        disk_write(t, a.write.chunk, a.write.bytes);
                        break;
                case HAUL_DO_SAVE:
                        buf_clear(&t->saved);
                        buf_add(&t->saved, a.have);
                        feed(t, (struct haul_event){.type = HAUL_EV_SAVED, .saved = true});
                        break;
                case HAUL_DO_DONE:
                        t->done = true;
                        break;
                }
        }
        haul_fetch_look(t->f, &look);
        t->most_memory = MAX(t->most_memory, look.memory);
}

static inline void net_begin(struct net *t) {
        uint8_t seed[32];
        rng_bytes(&t->rng, seed, sizeof(seed));
        assert_int_equal(haul_fetch_new(&t->f, &t->clip, seed, buf_span(&t->saved_list), buf_span(&t->saved)), 0);
}

/* What was not saved may not be on the disk. */
static inline void net_kill(struct net *t) {
        struct haul_look look;
        haul_fetch_look(t->f, &look);
        t->got += look.got;
        t->twice += look.twice;
        t->kills++;
        t->f = haul_fetch_free(t->f);
        memset(t->written, 0, bits_bytes(t->clip.chunks));
        if (t->saved.n)
                memcpy(t->written, t->saved.p, t->saved.n);
        for (uint64_t i = 0; i < t->clip.chunks; i++)
                if (!bits_get(t->written, i))
                        memset(t->file + i * CHUNK_CIPHER, 0xee, cipher_of(t, i));
        for (size_t i = 0; i < t->n_homes; i++) {
                hang_up(&t->homes[i]);
                t->homes[i].up_at = t->homes[i].manner == HONEST || !t->homes[i].banned ? t->now : MESH_NEVER;
                t->homes[i].banned = false; /* a fetch that begins anew has to find out anew */
        }
        net_begin(t);
}

/* ---- time ---- */

static inline void deliver(struct net *t, struct parcel *p) {
        struct home *h = &t->homes[p->home];
        if (!h->up || h->number != p->number)
                return;
        if (p->to_fetch) {
                struct haul_event ev = {.type = p->got, .source = p->number};
                if (p->got == HAUL_EV_HAVE)
                        ev.have = buf_span(&p->bytes);
                if (p->got == HAUL_EV_LIST) {
                        ev.list.from = p->from;
                        ev.list.hashes = buf_span(&p->bytes);
                }
                if (p->got == HAUL_EV_PIECE) {
                        ev.piece.chunk = p->chunk;
                        ev.piece.at = p->n;
                        ev.piece.bytes = buf_span(&p->bytes);
                }
                feed(t, ev);
                return;
        }
        struct haul_serve_event ev = {.type = p->asked, .link = p->number};
        if (p->asked == SERVE_EV_SEEK)
                ev.seek.leave = HAUL_LEAVE_GIVEN;
        if (p->asked == SERVE_EV_WANT) {
                ev.want.chunk = p->chunk;
                ev.want.n = p->n;
        }
        feed_serve(h, &ev);
}

static inline void deliver_due(struct net *t) {
        size_t kept = 0;
        for (size_t i = 0; i < t->n_parcels; i++) {
                struct parcel p = t->parcels[i]; /* in the order they were posted: a line keeps it */
                if (p.at > t->now) {
                        t->parcels[kept++] = p;
                        continue;
                }
                deliver(t, &p);
                buf_fini(&p.bytes);
        }
        t->n_parcels = kept;
}

static inline void weather(struct net *t, struct home *h) {
        if (h->up && t->now >= h->down_at) {
                hang_up(h);
                feed(t, (struct haul_event){.type = HAUL_EV_GONE, .source = h->number});
                h->down_at = h->down_for ? t->now + h->down_for + rng_below(&t->rng, 20000) : MESH_NEVER;
                h->up_at = h->down_for ? t->now + h->down_for : MESH_NEVER;
        }
        if (!h->up && !h->banned && t->now >= h->up_at && !t->done)
                connect_home(t, h);
}

static inline void net_step(struct net *t) {
        t->now += STEP;
        for (size_t i = 0; i < t->n_homes; i++)
                weather(t, &t->homes[i]);
        deliver_due(t);
        if (t->now % TICK == 0)
                feed(t, (struct haul_event){.type = HAUL_EV_TICK});
        fetch_run(t);
        for (size_t i = 0; i < t->n_homes; i++) {
                struct home *h = &t->homes[i];
                struct haul_serve_event ev = {.type = SERVE_EV_ROOM, .link = h->number};
                ev.room.bytes = h->speed;
                ev.room.piece = MIN(h->speed, (size_t)PIECE);
                if (h->up)
                        feed_serve(h, &ev);
                serve_run(t, h);
        }
}

/* Until it is done, or @most ms have gone. */
static inline bool net_run(struct net *t, mesh_time most) {
        mesh_time end = t->now + most;
        while (!t->done && t->now < end)
                net_step(t);
        struct haul_look look;
        haul_fetch_look(t->f, &look);
        t->got += look.got;
        t->twice += look.twice;
        return t->done;
}

static inline bool net_same(const struct net *t) {
        for (uint64_t i = 0; i < t->clip.chunks; i++)
                if (memcmp(t->file + i * CHUNK_CIPHER, t->data + i * CHUNK_CIPHER, cipher_of(t, i)) != 0)
                        return false;
        return true;
}
