/* SPDX-License-Identifier: Apache-2.0 */
#include "haul/fetch.h"

#include "base/err.h"
#include "haul/inside.h"

#include <stdlib.h>

const char *haul_wrong_text(enum haul_wrong why) {
        switch (why) {
        case HAUL_FALSE_LIST:
                return "its list is not what the manifest says";
        case HAUL_FALSE_CHUNK:
                return "a chunk of it is not what the list says";
        case HAUL_UNASKED:
                return "it brings what it was not asked for";
        case HAUL_SILENT:
                return "it says nothing any more";
        case HAUL_BANNED:
                return "it brought something false before";
        case HAUL_CROWDED:
                return "there are enough other sources";
        }
        return "";
}

/* ---- birth and death ---- */

static bool list_right(const struct haul_fetch *f) {
        struct hash all;
        chunk_hashes(&all, buf_span(&f->list));
        return f->list.n == f->clip.chunks * sizeof(all) && hash_eq(&all, &f->clip.hashes);
}

static int take_kept(struct haul_fetch *f, struct span list, struct span have) {
        if (have.n && (!list.n || !bits_right(have, f->clip.chunks)))
                return HAUL_E_KEPT;
        buf_add(&f->list, list);
        if (!buf_ok(&f->list))
                return list.n > f->list.max ? HAUL_E_KEPT : ERR_NOMEM;
        if (list.n && !list_right(f))
                return HAUL_E_KEPT;
        f->listed = list.n > 0;
        return parts_init(&f->parts, f->clip.chunks, f->clip.size, have.n ? have.p : NULL);
}

int haul_fetch_new(struct haul_fetch **ret, const struct haul_clip *clip, const uint8_t seed[32], struct span list,
                   struct span have) {
        _clean_(haul_fetch_freep) struct haul_fetch *f = calloc(1, sizeof(*f));
        if (!f)
                return ERR_NOMEM;
        f->clip = *clip;
        f->list = BUF_MAX(clip->chunks * sizeof(struct hash));
        f->have = calloc(1, bits_bytes(clip->chunks));
        f->saving = calloc(1, bits_bytes(clip->chunks));
        if (!f->have || !f->saving)
                return ERR_NOMEM;
        rng_init(&f->rng, seed);
        int r = take_kept(f, list, have);
        if (r)
                return r;
        if (have.n)
                memcpy(f->have, have.p, have.n);
        f->cursor = rng_below(&f->rng, clip->chunks);
        f->reader = HAUL_NOBODY;
        f->done = f->parts.held == clip->chunks;
        *ret = TAKE(f);
        return 0;
}

static void ready_free(struct haul_fetch *f, size_t i) {
        buffer_free(f, f->ready[i].bytes);
        f->ready[i] = f->ready[--f->n_ready];
}

struct haul_fetch *haul_fetch_free(struct haul_fetch *f) {
        if (!f)
                return NULL;
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                free(f->sources[i].bits);
                free(f->sources[i].next);
                free(f->sources[i].chunk);
        }
        for (size_t i = 0; i < f->n_ready; i++)
                free(f->ready[i].bytes);
        while (f->n_spare)
                free(f->spare[--f->n_spare]);
        parts_fini(&f->parts);
        buf_fini(&f->list);
        rng_fini(&f->rng);
        free(f->have);
        free(f->saving);
        free(f);
        return NULL;
}

/* ---- events ---- */

static void refuse(struct haul_fetch *f, uint32_t source, enum haul_wrong why) {
        if (f->n_refused < HAUL_SOURCES) {
                f->refused[f->n_refused].source = source;
                f->refused[f->n_refused++].why = why;
        }
}

bool haul_fetch_banned(const struct haul_fetch *f, const struct key *device) {
        for (size_t i = 0; i < MIN(f->n_banned, (size_t)BANNED_MOST); i++)
                if (key_eq(&f->banned[i], device))
                        return true;
        return false;
}

static void on_source(struct haul_fetch *f, const struct haul_event *ev) {
        struct haul_source *s = source_free_place(f);
        if (haul_fetch_banned(f, &ev->up.device) || !s) {
                refuse(f, ev->source, s ? HAUL_BANNED : HAUL_CROWDED);
                return;
        }
        *s = (struct haul_source){.on = true,
                                  .number = ev->source,
                                  .device = ev->up.device,
                                  .lan = ev->up.lan,
                                  .owner = ev->up.owner,
                                  .heard = f->now,
                                  .window = WINDOW_FIRST};
}

static void list_come(struct haul_fetch *f, struct haul_source *s) {
        f->listed = list_right(f);
        f->list_due = f->listed;
        f->parts.stirred++;
        s->listing = false;
        if (!f->listed) {
                buf_clear(&f->list);
                source_ban(f, s, HAUL_FALSE_LIST);
        }
}

/* From someone who is not asked any more it is of no use. */
static int on_list(struct haul_fetch *f, struct haul_source *s, const struct haul_event *ev) {
        struct span hashes = ev->list.hashes;
        size_t whole = f->clip.chunks * sizeof(struct hash);
        if (f->listed || !s->listing)
                return 0;
        bool next = ev->list.from == f->list.n / sizeof(struct hash) && hashes.n && hashes.n % sizeof(struct hash) == 0;
        if (!next || hashes.n > whole - f->list.n) {
                source_ban(f, s, HAUL_UNASKED);
                return 0;
        }
        s->heard = f->now;
        s->silent = false;
        buf_add(&f->list, hashes);
        if (!buf_ok(&f->list))
                return ERR_NOMEM;
        if (f->list.n == whole)
                list_come(f, s);
        return 0;
}

/* What the disk refused waits in memory until it has room, and nothing more is wanted. */
static void on_written(struct haul_fetch *f, const struct haul_event *ev) {
        for (size_t i = 0; i < f->n_ready; i++) {
                if (f->ready[i].chunk != ev->written.chunk)
                        continue;
                f->ready[i].writing = false;
                if (!ev->written.ok) {
                        f->full = true;
                        return;
                }
                bits_set(f->have, ev->written.chunk);
                parts_move(&f->parts, ev->written.chunk, PART_HELD);
                ready_free(f, i);
                f->unsaved++;
                return;
        }
}

static void on_saved(struct haul_fetch *f, bool ok) {
        f->saves = false;
        if (!ok) {
                f->full = true;
                f->save_due = true;
                return;
        }
        f->done = f->parts.held == f->parts.n && !f->unsaved;
}

/* Who is to be spared, and who is late, may be others by now. */
static void on_tick(struct haul_fetch *f) {
        f->parts.stirred++;
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                if (f->sources[i].on)
                        source_tick(f, &f->sources[i]);
}

static void measure(struct haul_fetch *f) {
        mesh_time took = f->now - f->rate_since;
        if (took < TICK)
                return;
        uint64_t sample = f->rate_bytes * 1000 / took;
        f->rate = f->rate ? (3 * f->rate + sample) / 4 : sample;
        f->rate_bytes = 0;
        f->rate_since = f->now;
}

static int from_source(struct haul_fetch *f, const struct haul_event *ev) {
        struct haul_source *s = source_find(f, ev->source);
        if (!s || s->wrong)
                return 0;
        switch (ev->type) {
        case HAUL_EV_GONE:
        case HAUL_EV_NONE:
                source_end(f, s);
                return 0;
        case HAUL_EV_HAVE:
                return source_have(f, s, ev->have);
        case HAUL_EV_LIST:
                return on_list(f, s, ev);
        case HAUL_EV_PIECE:
                return source_piece(f, s, ev);
        case HAUL_EV_SOURCE:
        case HAUL_EV_WRITTEN:
        case HAUL_EV_SAVED:
        case HAUL_EV_ROOM:
        case HAUL_EV_READER:
        case HAUL_EV_TICK:
                break;
        }
        return 0;
}

int haul_fetch_step(struct haul_fetch *f, const struct haul_event *ev) {
        if (!f->now)
                f->rate_since = ev->now;
        f->now = ev->now;
        measure(f);
        switch (ev->type) {
        case HAUL_EV_SOURCE:
                on_source(f, ev);
                return 0;
        case HAUL_EV_GONE:
        case HAUL_EV_NONE:
        case HAUL_EV_HAVE:
        case HAUL_EV_LIST:
        case HAUL_EV_PIECE:
                return from_source(f, ev);
        case HAUL_EV_WRITTEN:
                on_written(f, ev);
                return 0;
        case HAUL_EV_SAVED:
                on_saved(f, ev->saved);
                return 0;
        case HAUL_EV_ROOM:
                f->full = false;
                return 0;
        case HAUL_EV_READER:
                f->reader = ev->reader;
                f->parts.stirred++;
                return 0;
        case HAUL_EV_TICK:
                on_tick(f);
                return 0;
        }
        return 0;
}

/* ---- actions ---- */

static bool do_refused(struct haul_fetch *f, struct haul_action *ret) {
        if (!f->n_refused)
                return false;
        f->n_refused--;
        *ret = (struct haul_action){
                .type = HAUL_DO_DROP, .source = f->refused[f->n_refused].source, .why = f->refused[f->n_refused].why};
        return true;
}

static bool do_drop(struct haul_fetch *f, struct haul_action *ret) {
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                struct haul_source *s = &f->sources[i];
                if (!s->on || !s->wrong)
                        continue;
                *ret = (struct haul_action){.type = HAUL_DO_DROP, .source = s->number, .why = s->wrong};
                source_end(f, s);
                return true;
        }
        return do_refused(f, ret);
}

static bool do_write(struct haul_fetch *f, struct haul_action *ret) {
        for (size_t i = 0; !f->full && i < f->n_ready; i++) {
                struct haul_ready *r = &f->ready[i];
                if (r->writing)
                        continue;
                r->writing = true;
                *ret = (struct haul_action){.type = HAUL_DO_WRITE};
                ret->write.chunk = r->chunk;
                ret->write.bytes = span_of(r->bytes, cipher_bytes(f, r->chunk));
                return true;
        }
        return false;
}

static bool do_list(struct haul_fetch *f, struct haul_action *ret) {
        if (!f->list_due)
                return false;
        f->list_due = false;
        *ret = (struct haul_action){.type = HAUL_DO_LIST, .list = buf_span(&f->list)};
        return true;
}

static bool enough_unsaved(const struct haul_fetch *f) {
        bool end = f->parts.held == f->parts.n && f->unsaved;
        bool time = f->now - f->saved_at >= SAVE_TIME || f->unsaved >= SAVE_MOST;
        return end || f->save_due || (f->unsaved >= SAVE_EVERY && time);
}

/* PROTOCOL 15.47: "A chunk MUST NOT count as kept before it is durable." */
static bool do_save(struct haul_fetch *f, struct haul_action *ret) {
        if (f->full || f->saves || !enough_unsaved(f))
                return false;
        memcpy(f->saving, f->have, bits_bytes(f->parts.n));
        f->saves = true;
        f->save_due = false;
        f->unsaved = 0;
        f->saved_at = f->now;
        *ret = (struct haul_action){.type = HAUL_DO_SAVE, .have = span_of(f->saving, bits_bytes(f->parts.n))};
        return true;
}

static bool do_done(struct haul_fetch *f, struct haul_action *ret) {
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                struct haul_source *s = &f->sources[i];
                if (!s->on)
                        continue;
                *ret = (struct haul_action){.type = HAUL_DO_STOP, .source = s->number};
                source_end(f, s);
                return true;
        }
        *ret = (struct haul_action){.type = HAUL_DO_DONE};
        return !f->done_said && (f->done_said = true);
}

static bool list_asked(const struct haul_fetch *f) {
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                if (f->sources[i].on && f->sources[i].listing)
                        return true;
        return false;
}

/* Chunks wanted of those who answer, or waiting for the disk. */
static size_t in_flight(const struct haul_fetch *f) {
        size_t n = f->n_ready;
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                n += f->sources[i].on && !f->sources[i].silent ? f->sources[i].n : 0;
        return n;
}

static bool do_want(struct haul_fetch *f, struct haul_source *s, struct haul_action *ret) {
        uint64_t chunk;
        if (f->full || s->silent || s->n >= s->window || in_flight(f) >= IN_FLIGHT)
                return false;
        if ((!s->n && fetch_active(f) >= HAUL_ACTIVE) || !pick_chunk(f, s, &chunk))
                return false;
        source_want(f, s, chunk);
        *ret = (struct haul_action){.type = HAUL_DO_WANT, .source = s->number};
        ret->want.chunk = chunk;
        ret->want.n = (uint32_t)cipher_bytes(f, chunk);
        return true;
}

static bool do_source(struct haul_fetch *f, struct haul_source *s, struct haul_action *ret) {
        *ret = (struct haul_action){.source = s->number};
        if (!s->sought) {
                s->sought = true;
                ret->type = HAUL_DO_SEEK;
                return true;
        }
        if (f->listed)
                return do_want(f, s, ret);
        if (!s->bits || s->silent || list_asked(f))
                return false;
        s->listing = true;
        s->heard = s->begun = f->now;
        ret->type = HAUL_DO_LIST_WANT;
        return true;
}

bool haul_fetch_next(struct haul_fetch *f, struct haul_action *ret) {
        if (do_drop(f, ret) || do_write(f, ret) || do_list(f, ret) || do_save(f, ret))
                return true;
        if (f->done)
                return do_done(f, ret);
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                if (f->sources[i].on && do_source(f, &f->sources[i], ret))
                        return true;
        return false;
}

mesh_time haul_fetch_deadline(const struct haul_fetch *f) {
        for (size_t i = 0; i < HAUL_SOURCES && !f->done; i++)
                if (f->sources[i].on)
                        return f->now + TICK;
        return MESH_NEVER;
}

/* ---- looking in ---- */

bool haul_fetch_owed(const struct haul_fetch *f, uint32_t source) {
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                const struct haul_source *s = &f->sources[i];
                if (s->on && s->number == source)
                        return s->n || (s->listing && !f->listed);
        }
        return false;
}

void haul_fetch_look(const struct haul_fetch *f, struct haul_look *ret) {
        *ret = (struct haul_look){.chunks = f->parts.n,
                                  .held = f->parts.held,
                                  .size = f->clip.size,
                                  .held_bytes = f->parts.held_bytes,
                                  .got = f->got,
                                  .twice = f->twice,
                                  .memory = f->buffers * (uint64_t)CHUNK_CIPHER,
                                  .active = (unsigned)fetch_active(f),
                                  .lists = !f->listed && list_asked(f),
                                  .listed = f->listed,
                                  .full = f->full,
                                  .done = f->done};
        for (size_t i = 0; i < HAUL_SOURCES; i++)
                ret->sources += f->sources[i].on && f->sources[i].bits;
        ret->rate = ret->active ? f->rate : 0;
}

bool haul_fetch_holds(const struct haul_fetch *f, uint64_t chunk) {
        return chunk < f->parts.n && f->parts.all[chunk].state == PART_HELD;
}

struct span haul_fetch_bits(const struct haul_fetch *f) {
        return span_of(f->have, bits_bytes(f->parts.n));
}
