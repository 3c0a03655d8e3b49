/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which chunk is wanted next of a source. Where somebody reads along: the first one they lack. Else the one that fewest
 * sources have, so that what only one of them has is here before it goes; among equals in order, from a place that the seed
 * says: ten homes that fetch one clip begin at ten places, and soon have something for each other. A home of the same network
 * is asked before others, and the owner far away last, as its line is the one that everybody wants; unless it would take too long.
 */
#include "haul/inside.h"

static unsigned rank(const struct haul_source *s) {
        return s->lan ? 0 : 1 + s->owner;
}

static bool hurry(const struct haul_fetch *f) {
        uint64_t left = f->clip.size - f->parts.held_bytes;
        return f->rate && left * 1000 / f->rate > HURRY;
}

/* Whether someone who is to be asked before @s has it. */
static bool spared(const struct haul_fetch *f, const struct haul_source *s, uint64_t chunk) {
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                const struct haul_source *o = &f->sources[i];
                if (o->on && !o->silent && !o->wrong && o->bits && rank(o) < rank(s) && bits_get(o->bits, chunk))
                        return true;
        }
        return false;
}

static bool may(const struct haul_fetch *f, const struct haul_source *s, uint64_t chunk, bool all) {
        return bits_get(s->bits, chunk) && (all || !spared(f, s, chunk));
}

/* Behind or at the reader, else from the beginning. */
static bool in_order(const struct haul_fetch *f, const struct haul_source *s, bool all, uint64_t *ret) {
        for (uint64_t k = 0; k < f->parts.n; k++) {
                uint64_t i = (f->reader + k) % f->parts.n;
                if (!parts_open(&f->parts, i) || !may(f, s, i, all))
                        continue;
                *ret = i;
                return true;
        }
        return false;
}

static bool rarest(const struct haul_fetch *f, const struct haul_source *s, bool all, uint64_t *ret) {
        unsigned best = HAUL_SOURCES + 1;
        for (uint64_t k = 0; k < f->parts.n && best > 1; k++) {
                uint64_t i = (f->cursor + k) % f->parts.n;
                unsigned copies = f->parts.all[i].copies;
                if (copies >= best || !parts_open(&f->parts, i) || !may(f, s, i, all))
                        continue;
                best = copies;
                *ret = i;
        }
        return best <= HAUL_SOURCES;
}

/* ---- what another was asked for already ---- */

static mesh_time oldest(const struct haul_fetch *f, uint64_t chunk) {
        mesh_time since = f->now;
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                const struct haul_source *o = &f->sources[i];
                for (size_t k = 0; o->on && k < o->n; k++) {
                        const struct haul_want *w = &o->wants[(o->first + k) % WINDOW_MOST];
                        if (w->chunk == chunk && !w->released)
                                since = MIN(since, w->since);
                }
        }
        return f->now - since;
}

static bool may_double(const struct haul_fetch *f, const struct haul_source *s, uint64_t chunk, mesh_time age) {
        const struct part *c = &f->parts.all[chunk];
        return c->state == PART_MISSING && c->asked == 1 && f->parts.doubled < DOUBLE_MOST &&
               bits_get(s->bits, chunk) && !source_asks(s, chunk) && oldest(f, chunk) >= age;
}

static bool reader_waits(const struct haul_fetch *f, const struct haul_source *s, uint64_t *ret) {
        if (f->reader >= f->parts.n || !may_double(f, s, f->reader, READER_AFTER))
                return false;
        *ret = f->reader;
        return true;
}

/* Nothing else is left. Of another's wants the last, which it will come to last. */
static bool doubled(struct haul_fetch *f, const struct haul_source *s, uint64_t *ret) {
        if (f->parts.doubled >= DOUBLE_MOST || f->doubled >= DOUBLE_MOST + f->parts.n / DOUBLE_PART)
                return false;
        for (size_t i = 0; i < HAUL_SOURCES; i++) {
                const struct haul_source *o = &f->sources[i];
                for (size_t k = o->on && o != s ? o->n : 0; k-- > 0;) {
                        uint64_t chunk = o->wants[(o->first + k) % WINDOW_MOST].chunk;
                        if (!may_double(f, s, chunk, DOUBLE_AFTER))
                                continue;
                        *ret = chunk;
                        f->doubled++;
                        return true;
                }
        }
        return false;
}

bool pick_chunk(struct haul_fetch *f, struct haul_source *s, uint64_t *ret) {
        if (!s->bits)
                return false;
        if (reader_waits(f, s, ret))
                return true;
        if (s->looked != f->parts.stirred) {
                bool all = hurry(f);
                if (f->reader < f->parts.n ? in_order(f, s, all, ret) : rarest(f, s, all, ret)) {
                        f->cursor = (*ret + 1) % f->parts.n;
                        return true;
                }
                s->looked = f->parts.stirred;
        }
        return doubled(f, s, ret);
}
