/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "What is going on near me?" in two steps inside one read transaction. The first walks an index (of the cells the circle
 * touches, or of time where no place or a very large circle is asked), filters, and keeps 40 bytes an alert; the second
 * sorts these and reads whole rows in order, as many as are wanted. So a question without a limit holds no texts in memory.
 */
#include "store/inside.h"

#include "base/array.h"
#include "base/cell.h"
#include "base/err.h"
#include "base/text.h"

#include <stdlib.h>

#define NEAR_CELLS_MAX 1024 /* beyond it the index of time is as fast */
#define CANDIDATES_FIRST 64
#define RECENT_S MESH_DAY

struct candidate {
        uint64_t n;
        mesh_wall created;
        uint32_t distance_m;
        uint8_t severity;
        bool ended;
};

struct nearby {
        struct store_reader *r;
        const struct store_filter *f;
        mesh_wall since;
        uint64_t *muted; /* household numbers */
        size_t n_muted;
        struct candidate *all;
        size_t n, cap;
};

static bool bit_of(const uint64_t map[4], uint8_t i) {
        return map[i / 64] >> (i % 64) & 1;
}

static bool kind_fits(const struct store_filter *f, uint8_t kind) {
        static const uint64_t none[4];
        bool any = memcmp(f->kinds, none, sizeof(none)) == 0;
        return (any || bit_of(f->kinds, kind)) && !bit_of(f->muted_kinds, kind);
}

/* Unknown, and what nobody knows, is least severe. */
static uint8_t severity_rank(uint8_t severity) {
        return severity >= SEVERITY_EXTREME && severity < SEVERITY_UNKNOWN ? severity : SEVERITY_UNKNOWN;
}

static bool severity_fits(const struct store_filter *f, uint8_t severity) {
        return !f->min_severity || severity_rank(severity) <= f->min_severity;
}

/* UINT32_MAX: not asked, or the alert has no place */
static uint32_t distance_of(const struct store_filter *f, mesh_cell cell) {
        if (!cell_valid(f->centre) || !cell_valid(cell))
                return UINT32_MAX;
        return cell_distance_m(f->centre, cell);
}

static bool distance_fits(const struct store_filter *f, uint32_t distance_m) {
        return !f->within_m || (distance_m != UINT32_MAX && distance_m <= f->within_m);
}

static mesh_wall changed_at(uint8_t state, mesh_wall created, mesh_wall updated, mesh_wall expires) {
        mesh_wall at = MAX(created, updated);
        return state == STATE_EXPIRED ? MAX(at, expires) : at;
}

static bool household_fits(const struct store_filter *f, const struct store_alert *a) {
        for (size_t i = 0; i < f->n_muted_households; i++) {
                if (memcmp(&f->muted_households[i], &a->household, sizeof(a->household)) == 0)
                        return wire_urgent(a->kind, a->urgency, a->severity, a->status);
        }
        return true;
}

bool store_alert_fits(const struct store_filter *f, const struct store_alert *a) {
        if (!household_fits(f, a) || !kind_fits(f, a->kind) || !severity_fits(f, a->severity) ||
            !distance_fits(f, distance_of(f, a->cell)))
                return false;
        if (f->since && changed_at(a->state, a->created, a->updated, a->expires) < f->since)
                return false;
        /* Whoever was shown a text must learn that it was taken back; what it said is gone. */
        return a->state == STATE_RETRACTED || !f->text.n || text_contains(a->text, f->text);
}

static int find_muted(struct nearby *q) {
        const struct store_filter *f = q->f;
        if (!f->n_muted_households)
                return 0;
        q->muted = calloc(f->n_muted_households, sizeof(*q->muted));
        if (!q->muted)
                return ERR_NOMEM;
        for (size_t i = 0; i < f->n_muted_households; i++) {
                struct found key;
                int r = find_row(&q->r->q, SQL_KEY_NUMBER, f->muted_households[i].b, &key);
                if (r || key.astray)
                        return r ? r : STORE_E_DAMAGED;
                if (key.n)
                        q->muted[q->n_muted++] = key.n;
        }
        return 0;
}

static bool is_muted(const struct nearby *q, uint64_t house) {
        for (size_t i = 0; i < q->n_muted; i++) {
                if (q->muted[i] == house)
                        return true;
        }
        return false;
}

static int text_fits(struct nearby *q, uint64_t words, bool *ret) {
        *ret = !q->f->text.n;
        if (*ret || !words)
                return 0;
        _sql_ st = sql_get(&q->r->q, SQL_WORDS_GET);
        sql_bind_u64(st, 1, words);
        bool row;
        int r = sql_next(&q->r->q, st, &row);
        if (!r)
                *ret = row && text_contains(sql_span(st, 0), q->f->text);
        return r;
}

static int add_candidate(struct nearby *q, struct candidate c) {
        struct candidate *all = array_room(q->all, q->n, &q->cap, sizeof(*all), CANDIDATES_FIRST);
        if (!all)
                return ERR_NOMEM;
        q->all = all;
        q->all[q->n++] = c;
        return 0;
}

/* Looks at the statement's present row: CANDIDATE_COLUMNS. */
static int consider(struct nearby *q, sqlite3_stmt *st) {
        const struct store_filter *f = q->f;
        uint8_t kind = (uint8_t)sql_u64(st, 2), severity = (uint8_t)sql_u64(st, 3), state = (uint8_t)sql_u64(st, 4);
        mesh_wall created = sql_u64(st, 6), updated = sql_u64(st, 7), expires = sql_u64(st, 8);
        if (!kind_fits(f, kind) || !severity_fits(f, severity))
                return 0;
        bool in_force = alert_in_force(state, expires, f->now);
        if (!in_force && (state == STATE_ACTIVE || state == STATE_UPDATED))
                state = STATE_EXPIRED; /* no tick has said so yet */
        if (!(in_force && !f->since) && changed_at(state, created, updated, expires) < q->since)
                return 0;
        uint32_t distance_m = distance_of(f, sql_u64(st, 1));
        if (!distance_fits(f, distance_m))
                return 0;
        if (is_muted(q, sql_u64(st, 5)) && !wire_urgent(kind, sql_u64(st, 10), severity, sql_u64(st, 11)))
                return 0;
        bool fits;
        int r = text_fits(q, sql_u64(st, 9), &fits);
        if (r || !fits)
                return r;
        return add_candidate(
                q, (struct candidate){sql_u64(st, 0), created, distance_m, severity_rank(severity), !in_force});
}

static int consider_all(struct nearby *q, sqlite3_stmt *st) {
        for (;;) {
                bool row;
                int r = sql_next(&q->r->q, st, &row);
                if (r || !row)
                        return r;
                r = consider(q, st);
                if (r)
                        return r;
        }
}

/* Cells of one size that the circle touches; false: too many to look at one by one. */
static int consider_cells(struct nearby *q, int chars, bool *ret_done) {
        mesh_cell cells[NEAR_CELLS_MAX];
        size_t n = cell_cover(q->f->centre, q->f->within_m, chars, cells, NEAR_CELLS_MAX);
        *ret_done = n <= NEAR_CELLS_MAX;
        if (!*ret_done)
                return 0;
        _sql_ st = sql_get(&q->r->q, SQL_NEAR_CELL);
        sql_bind_u64(st, 2, q->since);
        for (size_t i = 0; i < n; i++) {
                sql_bind_u64(st, 1, cells[i]);
                int r = consider_all(q, st);
                sqlite3_reset(st);
                if (r)
                        return r;
        }
        return 0;
}

static int find_candidates(struct nearby *q) {
        bool done = false;
        int r = find_muted(q);
        if (!r && q->f->within_m && cell_valid(q->f->centre))
                r = consider_cells(q, CELL_BLOCK, &done); /* first, because these are more: nothing is seen twice */
        if (!r && done)
                return consider_cells(q, CELL_AREA, &done);
        if (r)
                return r;
        _sql_ st = sql_get(&q->r->q, SQL_NEAR_TIME);
        sql_bind_u64(st, 1, q->since);
        return consider_all(q, st);
}

static int by_weight(const void *a, const void *b) {
        const struct candidate *x = a, *y = b;
        if (x->ended != y->ended)
                return x->ended - y->ended;
        if (x->severity != y->severity)
                return x->severity - y->severity;
        if (x->created != y->created)
                return x->created < y->created ? 1 : -1;
        return (x->n < y->n) - (x->n > y->n);
}

static int show_one(struct nearby *q, const struct candidate *c, int (*row)(void *ctx, const struct store_alert *a),
                    void *ctx, bool *ret_stop) {
        _sql_ st = sql_get(&q->r->q, SQL_ALERT_AT);
        sql_bind_u64(st, 1, c->n);
        bool found;
        int r = sql_next(&q->r->q, st, &found);
        if (r)
                return r;
        struct store_alert a;
        r = found ? load_alert(st, &a) : STORE_E_DAMAGED; /* an index that leads nowhere */
        if (r)
                return r;
        a.distance_m = c->distance_m;
        if (c->ended && (a.state == STATE_ACTIVE || a.state == STATE_UPDATED))
                a.state = STATE_EXPIRED;
        return load_stopped(row(ctx, &a), ret_stop);
}

static int answer(struct nearby *q, int (*row)(void *ctx, const struct store_alert *a), void *ctx) {
        int r = find_candidates(q);
        if (r)
                return r;
        if (q->n)
                qsort(q->all, q->n, sizeof(*q->all), by_weight);
        size_t limit = q->f->limit ? MIN(q->n, q->f->limit) : q->n;
        bool stop = false;
        for (size_t i = 0; !r && !stop && i < limit; i++)
                r = show_one(q, &q->all[i], row, ctx, &stop);
        return r;
}

static int run_named(struct store_reader *r, enum sql_id id) {
        _sql_ st = sql_get(&r->q, id);
        return sql_run(&r->q, st);
}

int store_nearby(struct store_reader *r, const struct store_filter *f,
                 int (*row)(void *ctx, const struct store_alert *a), void *ctx) {
        struct nearby q = {.r = r, .f = f};
        q.since = f->since ? f->since : f->now - MIN(f->now, (mesh_wall)RECENT_S);
        int e = run_named(r, SQL_BEGIN);
        if (e)
                return e;
        e = answer(&q, row, ctx);
        int end = run_named(r, SQL_COMMIT);
        if (end)
                run_named(r, SQL_ROLLBACK);
        free(q.muted);
        free(q.all);
        return e ? e : end;
}
