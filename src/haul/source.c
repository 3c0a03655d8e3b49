/* SPDX-License-Identifier: Apache-2.0 */
/* One home that a clip comes from: what is wanted of it, what comes, and how much of it at a time. */
#include "haul/inside.h"

#include <stdlib.h>

struct haul_source *source_find(struct haul_fetch *f, uint32_t number) {
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                if (f->sources[i].on && f->sources[i].number == number)
                        return &f->sources[i];
        return NULL;
}

struct haul_source *source_free_place(struct haul_fetch *f) {
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                if (!f->sources[i].on)
                        return &f->sources[i];
        return NULL;
}

size_t fetch_active(const struct haul_fetch *f) {
        size_t n = 0;
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                n += f->sources[i].on && f->sources[i].n && !f->sources[i].silent;
        return n;
}

uint8_t *buffer_new(struct haul_fetch *f) {
        if (f->n_spare)
                return f->spare[--f->n_spare];
        uint8_t *p = malloc(CHUNK_CIPHER);
        f->buffers += p != NULL;
        return p;
}

void buffer_free(struct haul_fetch *f, uint8_t *p) {
        if (p && f->n_spare < SPARE_MOST) {
                f->spare[f->n_spare++] = p;
                return;
        }
        f->buffers -= p != NULL;
        free(p);
}

static void forget_bits(struct haul_fetch *f, struct haul_source *s) {
        for (uint64_t i = 0; s->bits && i < f->parts.n; i++)
                f->parts.all[i].copies -= bits_get(s->bits, i);
        free(TAKE(s->bits));
        f->parts.stirred++;
}

void source_count(struct haul_fetch *f, struct haul_source *s) {
        if (!s->next || (s->bits && f->now - s->counted < HAVE_EVERY))
                return;
        forget_bits(f, s);
        s->bits = TAKE(s->next);
        s->counted = f->now;
        for (uint64_t i = 0; i < f->parts.n; i++)
                f->parts.all[i].copies += bits_get(s->bits, i);
}

/* Its wants are no others' hindrance any more. */
static void release(struct haul_fetch *f, struct haul_source *s) {
        for (size_t i = 0; i < s->n; i++) {
                struct haul_want *w = source_at(s, i);
                if (!w->released)
                        parts_unask(&f->parts, w->chunk);
                w->released = true;
        }
}

void source_end(struct haul_fetch *f, struct haul_source *s) {
        release(f, s);
        free(TAKE(s->next));
        forget_bits(f, s);
        buffer_free(f, TAKE(s->chunk));
        if (s->listing && !f->listed)
                buf_clear(&f->list);
        *s = (struct haul_source){.on = false};
}

/* PROTOCOL 15.42: "A home that brings a list or a chunk that is not what manifest and list say, or what it was not asked for,
 * MUST NOT be asked for that clip again; all else it brought was checked by itself and stays." */
void source_ban(struct haul_fetch *f, struct haul_source *s, enum haul_wrong why) {
        s->wrong = why;
        f->banned[f->n_banned++ % BANNED_MOST] = s->device;
}

int source_have(struct haul_fetch *f, struct haul_source *s, struct span bits) {
        if (!bits_right(bits, f->parts.n)) {
                source_ban(f, s, HAUL_UNASKED);
                return 0;
        }
        if (!s->next && !(s->next = malloc(bits.n)))
                return ERR_NOMEM;
        memcpy(s->next, bits.p, bits.n);
        s->told = true;
        s->heard = f->now;
        s->silent &= s->n > 0;
        source_count(f, s);
        return 0;
}

void source_want(struct haul_fetch *f, struct haul_source *s, uint64_t chunk) {
        if (!s->n)
                s->heard = s->begun = f->now; /* it had nothing to say before */
        *source_at(s, s->n++) = (struct haul_want){.chunk = chunk, .since = f->now};
        parts_ask(&f->parts, chunk);
}

bool source_asks(const struct haul_source *s, uint64_t chunk) {
        for (size_t i = 0; i < s->n; i++)
                if (s->wants[(s->first + i) % WINDOW_MOST].chunk == chunk)
                        return true;
        return false;
}

/* A chunk that comes soon after it was wanted had no queue before it: more may be wanted. One that comes late waited in a
 * queue that others could have emptied. */
static void resize(struct haul_source *s, mesh_time took) {
        if (took < WINDOW_GROWS)
                s->window = MIN(s->window + 1, (size_t)WINDOW_MOST);
        else if (took > WINDOW_SHRINKS)
                s->window = MAX(s->window / 2, (size_t)WINDOW_FIRST);
}

/* ---- what comes ---- */

static void want_over(struct haul_fetch *f, struct haul_source *s) {
        struct haul_want *w = source_at(s, 0);
        if (!w->released)
                parts_unask(&f->parts, w->chunk);
        resize(s, f->now - w->since);
        s->first = (s->first + 1) % WINDOW_MOST;
        s->n--;
        s->at = 0;
        s->begun = f->now;
        if (s->silent) {
                s->silent = false;
                s->window = WINDOW_FIRST;
                s->looked = 0;
        }
}

static bool hash_right(const struct haul_fetch *f, uint64_t chunk, const uint8_t *bytes) {
        struct hash hash;
        chunk_hash(&hash, chunk, span_of(bytes, cipher_bytes(f, chunk)));
        return memcmp(hash.b, f->list.p + chunk * sizeof(hash), sizeof(hash)) == 0;
}

/* PROTOCOL 15.3: "A chunk MUST be checked against its hash before it is kept or used." */
static void take_chunk(struct haul_fetch *f, struct haul_source *s, uint64_t chunk) {
        if (!s->chunk)
                return;
        if (f->parts.all[chunk].state != PART_MISSING || f->n_ready == READY_MOST) {
                f->twice += cipher_bytes(f, chunk);
                buffer_free(f, TAKE(s->chunk));
                return;
        }
        if (!hash_right(f, chunk, s->chunk)) {
                buffer_free(f, TAKE(s->chunk));
                source_ban(f, s, HAUL_FALSE_CHUNK);
                return;
        }
        f->ready[f->n_ready++] = (struct haul_ready){.chunk = chunk, .bytes = TAKE(s->chunk)};
        parts_move(&f->parts, chunk, PART_READY);
}

/* Of a chunk that is there already, nothing is kept. False: no memory. */
static bool put_bytes(struct haul_fetch *f, struct haul_source *s, uint64_t chunk, struct span bytes) {
        bool useless = f->parts.all[chunk].state != PART_MISSING || (s->at && !s->chunk);
        if (useless) {
                f->twice += bytes.n;
                return true;
        }
        if (!s->chunk) {
                s->chunk = buffer_new(f);
                if (!s->chunk)
                        return false;
        }
        memcpy(s->chunk + s->at, bytes.p, bytes.n);
        return true;
}

int source_piece(struct haul_fetch *f, struct haul_source *s, const struct haul_event *ev) {
        struct span bytes = ev->piece.bytes;
        uint64_t chunk = ev->piece.chunk;
        bool next = s->n && source_at(s, 0)->chunk == chunk && ev->piece.at == s->at;
        if (!next || !bytes.n || bytes.n > cipher_bytes(f, chunk) - s->at) {
                source_ban(f, s, HAUL_UNASKED);
                return 0;
        }
        s->heard = f->now;
        f->got += bytes.n;
        f->rate_bytes += bytes.n;
        int r = put_bytes(f, s, chunk, bytes)
                        ? 0
                        : ERR_NOMEM; /* then what is left of it is not kept either, and it is asked for again */
        s->at += (uint32_t)bytes.n;
        if (s->at < cipher_bytes(f, chunk))
                return r;
        take_chunk(f, s, chunk);
        want_over(f, s);
        source_count(f, s);
        return r;
}

/* ---- what does not ---- */

static bool another_lists(const struct haul_fetch *f, const struct haul_source *s) {
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                const struct haul_source *o = &f->sources[i];
                if (o != s && o->on && o->bits && !o->silent && !o->wrong)
                        return true;
        }
        return false;
}

void source_tick(struct haul_fetch *f, struct haul_source *s) {
        bool listing = s->listing && !f->listed;
        source_count(f, s);
        mesh_time quiet = s->n || !s->told || listing ? f->now - s->heard : 0, crawl = s->n ? f->now - s->begun : 0;
        if (listing && f->now - s->begun >= LIST_OVER)
                s->wrong = HAUL_SILENT;
        if (quiet < SILENT && crawl < CRAWL)
                return;
        if (s->n && !s->silent) {
                release(f, s);
                s->silent = true;
        }
        if (quiet >= GIVE_UP || crawl >= CRAWL_OVER || (listing && another_lists(f, s)))
                s->wrong = HAUL_SILENT;
}
