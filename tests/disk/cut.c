/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/cut.h"

#include "disk/rng.h"

#include <stdlib.h>

#define FILES_MOST 256
#define PENDING_MOST 16384
#define SECTOR 512
#define PAGE 4096

/* A file's durable bytes, and the changes since, as places in the log. */
struct safe {
        uint8_t *p;
        size_t n, cap;
        size_t *pending, n_pending, cap_pending;
};

struct cutter {
        const struct platter *logged;
        size_t at;
        struct safe files[FILES_MOST];
        uint32_t names[PLATTER_NAMES_MOST]; /* number of the file, 0: free */
        char texts[PLATTER_NAMES_MOST][PLATTER_NAME_MOST];
        size_t pending[PENDING_MOST], n_pending; /* of names */
};

/* How much of what was not synced a draw keeps. */
enum mercy { KEEP_NONE, KEEP_ALL, KEEP_FIRST, KEEP_SOME, KEEP_TORN, KEEP_TORN_SHUFFLED, MERCIES };

struct draw {
        uint64_t *rng;
        enum mercy mercy;
        size_t granule;
        bool rubbish;
};

struct cutter *cutter_new(const struct platter *logged) {
        struct cutter *c = own_resize(NULL, sizeof(*c));
        memset(c, 0, sizeof(*c));
        c->logged = logged;
        return c;
}

struct cutter *cutter_free(struct cutter *c) {
        for (size_t i = 0; i < FILES_MOST; i++) {
                own_free(c->files[i].p);
                own_free(c->files[i].pending);
        }
        own_free(c);
        return NULL;
}

/* ---- bytes ---- */
static void make_room(struct safe *f, size_t n, struct draw *d) {
        if (n > f->cap) {
                f->cap = MAX(n, 2 * f->cap);
                f->p = own_resize(f->p, f->cap);
        }
        for (; f->n < n; f->n++)
                f->p[f->n] = d && d->rubbish ? (uint8_t)rng_next(d->rng) : 0;
}

static void put(struct safe *f, uint64_t at, const uint8_t *p, size_t n, struct draw *d) {
        if (f->n < at + n)
                make_room(f, (size_t)at + n, d);
        memcpy(f->p + at, p, n);
}

/* Those sectors of a write that made it. */
static void put_torn(struct safe *f, const struct change *c, struct draw *d) {
        bool prefix = rng_below(d->rng, 2), lost = false;
        for (size_t done = 0; done < c->n;) {
                uint64_t at = c->at + done;
                size_t n = MIN(c->n - done, (size_t)(d->granule - at % d->granule));
                lost = (prefix && lost) || rng_below(d->rng, 2);
                if (!lost)
                        put(f, at, c->bytes + done, n, d);
                done += n;
        }
}

static void apply(struct safe *f, const struct change *c, struct draw *d) {
        bool torn = d && d->mercy >= KEEP_TORN;
        if (d && d->mercy >= KEEP_SOME && rng_below(d->rng, torn ? 4 : 2) == 0)
                return; /* lost */
        if (c->kind == CHANGE_SIZE) {
                make_room(f, (size_t)c->at, d);
                f->n = (size_t)c->at;
        } else if (torn) {
                put_torn(f, c, d);
        } else {
                put(f, c->at, c->bytes, c->n, d);
        }
}

static void settle(struct cutter *c, struct safe *f) {
        for (size_t i = 0; i < f->n_pending; i++)
                apply(f, &c->logged->log[f->pending[i]], NULL);
        f->n_pending = 0;
}

/* ---- names ---- */
static size_t name_place(const struct cutter *c, const char *text) {
        size_t i = 0;
        while (i < PLATTER_NAMES_MOST && !(c->names[i] && strcmp(c->texts[i], text) == 0))
                i++;
        return i;
}

static void drop_name(struct cutter *c, const char *text) {
        size_t i = name_place(c, text);
        if (i < PLATTER_NAMES_MOST)
                c->names[i] = 0;
}

static void add_name(struct cutter *c, const char *text, uint32_t file) {
        drop_name(c, text);
        size_t i = 0;
        while (i < PLATTER_NAMES_MOST && c->names[i])
                i++;
        REQUIRE(i < PLATTER_NAMES_MOST);
        strcpy(c->texts[i], text);
        c->names[i] = file;
}

static void apply_name(struct cutter *c, const struct change *change) {
        if (change->kind != CHANGE_LINK)
                drop_name(c, change->from);
        if (change->kind != CHANGE_UNLINK)
                add_name(c, change->to, change->file);
}

/* ---- the log played on ---- */
static void take_change(struct cutter *c, size_t at) {
        const struct change *change = &c->logged->log[at];
        REQUIRE(change->file < FILES_MOST);
        struct safe *f = &c->files[change->file];
        switch (change->kind) {
        case CHANGE_WRITE:
        case CHANGE_SIZE:
                if (f->n_pending == f->cap_pending) {
                        f->cap_pending = f->cap_pending ? 2 * f->cap_pending : 16;
                        f->pending = own_resize(f->pending, f->cap_pending * sizeof(*f->pending));
                }
                f->pending[f->n_pending++] = at;
                break;
        case CHANGE_SYNC:
                settle(c, f);
                break;
        case CHANGE_LINK:
        case CHANGE_UNLINK:
        case CHANGE_RENAME:
                REQUIRE(c->n_pending < PENDING_MOST);
                c->pending[c->n_pending++] = at;
                break;
        case CHANGE_SYNC_NAMES:
                for (size_t i = 0; i < c->n_pending; i++)
                        apply_name(c, &c->logged->log[c->pending[i]]);
                c->n_pending = 0;
                break;
        }
}

void cutter_go(struct cutter *c, size_t at) {
        for (; c->at < at; c->at++)
                take_change(c, c->at);
}

/* ---- a draw ---- */
static void shuffle(size_t *p, size_t n, uint64_t *rng) {
        for (size_t i = n; i > 1; i--) {
                size_t k = (size_t)rng_below(rng, i), t = p[i - 1];
                p[i - 1] = p[k];
                p[k] = t;
        }
}

/* What is left of one file. */
static void draw_file(const struct cutter *c, const struct safe *f, struct draw *d, struct file *ret) {
        struct safe left = {.cap = f->n};
        left.p = own_resize(NULL, f->n);
        make_room(&left, f->n, NULL);
        if (f->n)
                memcpy(left.p, f->p, f->n);
        size_t n = f->n_pending, *order = own_resize(NULL, n * sizeof(*order));
        for (size_t i = 0; i < n; i++)
                order[i] = f->pending[i];
        if (d && d->mercy == KEEP_TORN_SHUFFLED)
                shuffle(order, n, d->rng);
        if (d && d->mercy == KEEP_FIRST && n)
                n = (size_t)rng_below(d->rng, n + 1);
        for (size_t i = 0; i < n && !(d && d->mercy == KEEP_NONE); i++)
                apply(&left, &c->logged->log[order[i]], d);
        own_free(order);
        ret->p = left.p;
        ret->n = left.n;
        ret->cap = left.cap;
}

static struct platter *draw_with(struct cutter *c, struct draw *d) {
        struct platter *before = platter, *ret = platter_new();
        uint32_t names[PLATTER_NAMES_MOST];
        char texts[PLATTER_NAMES_MOST][PLATTER_NAME_MOST];
        memcpy(names, c->names, sizeof(names));
        memcpy(texts, c->texts, sizeof(texts));
        size_t first = d && d->mercy == KEEP_FIRST ? (size_t)rng_below(d->rng, c->n_pending + 1) : c->n_pending;
        for (size_t i = 0; i < first && !(d && d->mercy == KEEP_NONE); i++)
                if (!d || d->mercy < KEEP_SOME || rng_below(d->rng, 2))
                        apply_name(c, &c->logged->log[c->pending[i]]);
        platter = ret;
        for (size_t i = 0; i < PLATTER_NAMES_MOST; i++)
                if (c->names[i])
                        draw_file(c, &c->files[c->names[i]], d, platter_create(c->texts[i]));
        memcpy(c->names, names, sizeof(names));
        memcpy(c->texts, texts, sizeof(texts));
        platter = before;
        return ret;
}

struct platter *cutter_draw(struct cutter *c, uint64_t *rng) {
        struct draw d = {.rng = rng};
        d.mercy = (enum mercy)rng_below(rng, MERCIES);
        d.granule = rng_below(rng, 2) ? SECTOR : PAGE;
        d.rubbish = rng_below(rng, 2);
        return draw_with(c, &d);
}

struct platter *cutter_whole(struct cutter *c) {
        return draw_with(c, NULL);
}
