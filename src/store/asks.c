/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices and asks, a row each with what is looked for by; an ask's reason is among the words, so that it is wiped as other
 * texts are. Who takes one back has its row deleted.
 *
 * Which of this home's clips fit an ask is looked up here and nowhere else, each time anew: asks of 30 days and clips are
 * read once, and compared in memory by time and by the distance of cells' centres (PROTOCOL 4.35). Nothing is kept of it.
 */
#include "store/inside.h"

#include "base/array.h"
#include "base/cell.h"
#include "base/err.h"
#include "wire/codec.h"

#include <stdlib.h>

#define FIRST 64
#define SIZE_BLOCK 150  /* metres that a cell adds to a radius … */
#define SIZE_AREA 1200  /* … and one of 6 characters */
#define SHOWN_MOST 1000 /* asks at once: each of them is compared with all of 30 days */

/* ---- writing ---- */

static struct span alert_of(bool has, struct span alert) {
        return has ? alert : SPAN_NONE;
}

int ask_put(struct store *s, uint64_t n, const struct head *h, const struct wire_ask *a) {
        int r = alert_words(s, n, a->reason, SPAN_NONE);
        if (r)
                return r;
        _sql_ st = sql_get(&s->q, SQL_ASK_PUT);
        sql_bind_u64(st, 1, n);
        sql_bind_u64(st, 2, h->house);
        sql_bind_u64(st, 3, a->cell);
        sql_bind_u64(st, 4, a->radius);
        sql_bind_u64(st, 5, a->from);
        sql_bind_u64(st, 6, a->to);
        sql_bind_u64(st, 7, h->created);
        sql_bind_span(st, 8, alert_of(WIRE_HAS(a, ASK, alert), a->alert));
        r = sql_run(&s->q, st);
        return r ? r : alert_event(s, n, HAPPENING_ASKED);
}

int notice_put(struct store *s, uint64_t n, const struct head *h, const struct wire_notice *w) {
        _sql_ st = sql_get(&s->q, SQL_NOTICE_PUT);
        sql_bind_u64(st, 1, n);
        sql_bind_u64(st, 2, h->house);
        sql_bind_u64(st, 3, w->cell);
        sql_bind_u64(st, 4, w->from);
        sql_bind_u64(st, 5, w->to);
        sql_bind_u64(st, 6, h->created);
        sql_bind_span(st, 7, w->clip);
        sql_bind_span(st, 8, alert_of(WIRE_HAS(w, NOTICE, alert), w->alert));
        return sql_run(&s->q, st);
}

int ask_drop(struct store *s, uint64_t n) {
        static const enum sql_id ids[] = {SQL_ASK_DEL, SQL_NOTICE_DEL};
        int r = 0;
        for (size_t i = 0; !r && i < ARRAY_LEN(ids); i++) {
                _sql_ st = sql_get(&s->q, ids[i]);
                sql_bind_u64(st, 1, n);
                r = sql_run(&s->q, st);
        }
        return r;
}

/* ---- what is there ---- */

struct asked { /* an ask of the last 30 days */
        uint64_t n, house;
        mesh_cell cell;
        uint32_t radius;
        mesh_wall from, to, expires;
};

struct taken { /* a clip of this home whose times are known */
        struct hash id;
        mesh_cell cell;
        mesh_wall from, to;
};

struct asks {
        struct store_reader *r;
        const struct store_asks *f;
        struct asked *all; /* newest first */
        size_t n, cap;
        struct taken *clips;
        size_t n_clips, cap_clips;
};

static void asks_fini(struct asks *q) {
        free(q->all);
        free(q->clips);
}

static int read_asked(struct asks *q) {
        _sql_ st = sql_get(&q->r->q, SQL_ASKS_SINCE);
        mesh_wall now = q->f->now;
        sql_bind_u64(st, 1, now - MIN(now, (mesh_wall)STORE_LATELY));
        for (;;) {
                bool row;
                int r = sql_next(&q->r->q, st, &row);
                if (r || !row)
                        return r;
                struct asked *all = array_room(q->all, q->n, &q->cap, sizeof(*all), FIRST);
                if (!all)
                        return ERR_NOMEM;
                q->all = all;
                q->all[q->n++] = (struct asked){.n = sql_u64(st, 0),
                                                .house = sql_u64(st, 1),
                                                .cell = sql_u64(st, 2),
                                                .radius = (uint32_t)MIN(sql_u64(st, 3), UINT32_MAX),
                                                .from = sql_u64(st, 4),
                                                .to = sql_u64(st, 5),
                                                .expires = sql_u64(st, 6)};
        }
}

/* Of a camera of which no place is told it is this home's. A clip of unknown time fits nothing. */
static bool place_clip(const struct asks *q, const struct store_clip *c, struct taken *ret) {
        struct wire_manifest w;
        if (!c->manifest.n || codec_decode(&wire_manifest_desc, c->manifest, &w, NULL) ||
            !WIRE_HAS(&w, MANIFEST, from) || !WIRE_HAS(&w, MANIFEST, to))
                return false;
        *ret = (struct taken){c->id, WIRE_HAS(&w, MANIFEST, cell) ? w.cell : q->f->home, w.from, w.to};
        return cell_valid(ret->cell);
}

static bool left_out(const struct asks *q, const struct store_clip *c) {
        return c->never || (q->f->left_out && q->f->left_out(q->f->arg, c->camera));
}

static int take_clip(void *ctx, const struct store_clip *c) {
        struct asks *q = ctx;
        struct taken t;
        if (left_out(q, c) || !place_clip(q, c, &t))
                return 0;
        struct taken *clips = array_room(q->clips, q->n_clips, &q->cap_clips, sizeof(*clips), FIRST);
        if (!clips)
                return ERR_NOMEM;
        q->clips = clips;
        q->clips[q->n_clips++] = t;
        return 0;
}

static int read_all(struct asks *q) {
        int r = read_asked(q);
        return r || !q->f->match ? r : store_clips(q->r, take_clip, q);
}

/* PROTOCOL 4.35: "the centres of their cells are no further apart than `radius` plus 150 m, or plus 1,200 m where one of the
 * cells has 6 characters" */
static bool touches(const struct asked *a, mesh_cell cell) {
        uint32_t size = cell_chars(a->cell) == CELL_BLOCK && cell_chars(cell) == CELL_BLOCK ? SIZE_BLOCK : SIZE_AREA;
        uint32_t apart = cell_distance_m(a->cell, cell);
        return apart != UINT32_MAX && apart <= a->radius + size;
}

static bool fits(const struct asked *a, const struct taken *t) {
        return t->from <= a->to && t->to >= a->from && touches(a, t->cell);
}

int asks_again(struct store *s, struct span manifest) {
        struct wire_manifest w;
        if (codec_decode(&wire_manifest_desc, manifest, &w, NULL) || !WIRE_HAS(&w, MANIFEST, from) ||
            !WIRE_HAS(&w, MANIFEST, to))
                return 0;
        _sql_ st = sql_get(&s->q, SQL_ASKS_OF_TIME);
        sql_bind_u64(st, 1, w.created);
        sql_bind_u64(st, 2, w.to);
        sql_bind_u64(st, 3, w.from);
        for (;;) {
                bool row;
                int r = sql_next(&s->q, st, &row);
                if (r || !row)
                        return r;
                struct asked a = {.n = sql_u64(st, 0),
                                  .cell = sql_u64(st, 1),
                                  .radius = (uint32_t)MIN(sql_u64(st, 2), UINT32_MAX)};
                if (!WIRE_HAS(&w, MANIFEST, cell) || touches(&a, w.cell))
                        r = alert_event(s, a.n, HAPPENING_ASKED);
                if (r)
                        return r;
        }
}

static void count(const struct asks *q, const struct asked *a, struct store_ask *ret) {
        for (size_t i = 0; i < q->n; i++) {
                ret->lately += touches(&q->all[i], a->cell);
                ret->by_household += q->all[i].house == a->house;
        }
        for (size_t i = 0; i < q->n_clips; i++)
                ret->clips += fits(a, &q->clips[i]);
}

/* ---- one ask ---- */

static bool is_muted(const struct asks *q, const struct key *household) {
        for (size_t i = 0; i < q->f->n_muted; i++)
                if (memcmp(&q->f->muted[i], household, sizeof(*household)) == 0)
                        return true;
        return false;
}

static int load_ask(sqlite3_stmt *st, struct store_ask *ret) {
        struct head h = {0};
        bool good = sql_blob(st, 0, ret->id.b, sizeof(ret->id.b)) &&
                    sql_blob(st, 1, ret->household.b, sizeof(ret->household.b)) && head_unpack(sql_span(st, 2), &h);
        ret->reason = sql_span(st, 3);
        ret->about = sql_span(st, 4);
        ret->mine = h.flags & RECORD_MINE;
        ret->created = h.created;
        return good && (ret->about.n == 0 || ret->about.n == sizeof(ret->id.b)) ? 0 : STORE_E_DAMAGED;
}

/* Tells of ask @a with all that is known of it, unless it is muted, or of no use. */
static int show(struct asks *q, const struct asked *a, uint64_t seq, int (*row)(void *ctx, const struct store_ask *a),
                void *ctx, bool *ret_stop) {
        _sql_ st = sql_get(&q->r->q, SQL_ASK_AT);
        sql_bind_u64(st, 1, a->n);
        bool found;
        int r = sql_next(&q->r->q, st, &found);
        if (r || !found) /* taken back between two looks */
                return r;
        struct store_ask ask = {.seq = seq,
                                .cell = a->cell,
                                .radius = a->radius,
                                .from = a->from,
                                .to = a->to,
                                .expires = a->expires,
                                .over = a->expires <= q->f->now};
        r = load_ask(st, &ask);
        if (r || is_muted(q, &ask.household))
                return r;
        count(q, a, &ask);
        if (q->f->match_only && (!ask.clips || ask.mine))
                return 0;
        return load_stopped(row(ctx, &ask), ret_stop);
}

int store_asks(struct store_reader *r, const struct store_asks *f, int (*row)(void *ctx, const struct store_ask *a),
               void *ctx) {
        struct asks q = {.r = r, .f = f};
        bool stop = false;
        int e = read_all(&q);
        for (size_t i = 0, shown = 0; !e && !stop && i < q.n && shown < SHOWN_MOST; i++) {
                if (q.all[i].expires <= f->now)
                        continue;
                shown++;
                e = show(&q, &q.all[i], 0, row, ctx, &stop);
        }
        asks_fini(&q);
        return e;
}

int store_ask_prefix(struct store_reader *r, struct span hex, struct hash *ret) {
        return load_prefix(r, SQL_ASK_BETWEEN, hex, ret);
}

/* Also one that is over, and longer ago than 30 days. */
static int find_asked(struct store_reader *r, const struct hash *id, struct asked *ret) {
        struct found f;
        int e = find_row(&r->q, SQL_RECORD_NUMBER, id->b, &f);
        if (e || f.astray)
                return e ? e : STORE_E_DAMAGED;
        _sql_ st = sql_get(&r->q, SQL_ASK_GET);
        sql_bind_u64(st, 1, f.n);
        bool row;
        e = sql_next(&r->q, st, &row);
        if (e || !row)
                return e ? e : STORE_E_NONE;
        *ret = (struct asked){f.n,
                              sql_u64(st, 0),
                              sql_u64(st, 1),
                              (uint32_t)MIN(sql_u64(st, 2), UINT32_MAX),
                              sql_u64(st, 3),
                              sql_u64(st, 4),
                              sql_u64(st, 5)};
        return 0;
}

int store_ask_get(struct store_reader *r, const struct store_asks *f, const struct hash *id,
                  int (*row)(void *ctx, const struct store_ask *a), void *ctx) {
        struct asks q = {.r = r, .f = f};
        struct asked a;
        bool stop;
        int e = find_asked(r, id, &a);
        if (!e)
                e = read_all(&q);
        if (!e)
                e = show(&q, &a, 0, row, ctx, &stop);
        asks_fini(&q);
        return e;
}

struct matching {
        struct asks q;
        struct asked a;
        int (*row)(void *ctx, const struct store_match *m);
        void *ctx;
};

static int match_clip(void *ctx, const struct store_clip *c) {
        const struct matching *m = ctx;
        struct taken t;
        if (left_out(&m->q, c) || !place_clip(&m->q, c, &t) || !fits(&m->a, &t))
                return 0;
        return m->row(m->ctx, &(struct store_match){.id = t.id,
                                                    .camera = c->camera,
                                                    .from = t.from,
                                                    .to = t.to,
                                                    .distance_m = cell_distance_m(m->a.cell, t.cell)});
}

int store_ask_clips(struct store_reader *r, const struct store_asks *f, const struct hash *id,
                    int (*row)(void *ctx, const struct store_match *m), void *ctx) {
        struct matching m = {.q = {.r = r, .f = f}, .row = row, .ctx = ctx};
        int e = find_asked(r, id, &m.a);
        return e ? e : store_clips(r, match_clip, &m);
}

/* ---- news ---- */

int store_ask_events(struct store_reader *r, const struct store_asks *f, uint64_t after,
                     int (*row)(void *ctx, const struct store_ask *a), void *ctx) {
        struct asks q = {.r = r, .f = f};
        bool more = true, stop = false;
        int e = read_all(&q);
        _sql_ st = sql_get(&r->q, SQL_ASK_EVENTS);
        sql_bind_u64(st, 1, after);
        while (!e && !stop && !(e = sql_next(&r->q, st, &more)) && more) {
                size_t i = 0;
                while (i < q.n && q.all[i].n != sql_u64(st, 1))
                        i++;
                if (i < q.n && q.all[i].expires > f->now)
                        e = show(&q, &q.all[i], sql_u64(st, 0), row, ctx, &stop);
        }
        asks_fini(&q);
        return e;
}

static int hand_out(struct store_reader *r, sqlite3_stmt *st, int (*row)(void *ctx, const struct store_notice *n),
                    void *ctx) {
        for (bool stop = false; !stop;) {
                struct store_notice n = {0};
                bool more;
                int e = sql_next(&r->q, st, &more);
                if (e || !more)
                        return e;
                n.cell = sql_u64(st, 2);
                n.from = sql_u64(st, 3);
                n.to = sql_u64(st, 4);
                n.created = sql_u64(st, 5);
                if (!sql_blob(st, 0, n.id.b, sizeof(n.id.b)) ||
                    !sql_blob(st, 1, n.household.b, sizeof(n.household.b)) ||
                    !sql_blob(st, 6, n.clip.b, sizeof(n.clip.b)))
                        return STORE_E_DAMAGED;
                e = load_stopped(row(ctx, &n), &stop);
                if (e)
                        return e;
        }
        return 0;
}

int store_notices(struct store_reader *r, const struct hash *alert, int (*row)(void *ctx, const struct store_notice *n),
                  void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_NOTICES);
        sql_bind_32(st, 1, alert->b);
        return hand_out(r, st, row, ctx);
}

int store_notices_now(struct store_reader *r, mesh_wall now, int (*row)(void *ctx, const struct store_notice *n),
                      void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_NOTICES_NOW);
        sql_bind_u64(st, 1, now);
        return hand_out(r, st, row, ctx);
}
