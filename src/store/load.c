/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about single rows and the event log. */
#include "store/inside.h"

#include "base/cell.h"
#include "base/err.h"
#include "base/text.h"

#define PREFIX_MIN 4
#define SEEKS_AT_ONCE                                                                                                  \
        4 /* records of one question that are looked for through all rows; the writer puts the rest right */

bool alert_in_force(uint8_t state, mesh_wall expires, mesh_wall now) {
        return (state == STATE_ACTIVE || state == STATE_UPDATED) && expires > now;
}

int load_stopped(int r, bool *ret_stop) {
        *ret_stop = r != 0;
        return r < 0 ? r : 0;
}

static uint8_t small(sqlite3_stmt *st, int i, bool *bad) {
        uint64_t v = sql_u64(st, i);
        *bad |= v > UINT8_MAX;
        return (uint8_t)v;
}

static uint32_t counted(sqlite3_stmt *st, int i) {
        return (uint32_t)MIN(sql_u64(st, i), UINT32_MAX);
}

int load_alert(sqlite3_stmt *st, struct store_alert *ret) {
        bool bad = false;
        struct store_alert a = {.distance_m = UINT32_MAX};
        bad |= !sql_blob(st, 0, a.id.b, sizeof(a.id.b));
        bad |= !sql_blob(st, 1, a.device.b, sizeof(a.device.b));
        bad |= !sql_blob(st, 2, a.household.b, sizeof(a.household.b));
        struct head h = {0};
        bad |= !head_unpack(sql_span(st, 3), &h);
        a.mine = h.flags & RECORD_MINE;
        a.sensor = h.flags & RECORD_SENSOR;
        a.cell = cell_valid(sql_u64(st, 4)) ? sql_u64(st, 4) : 0;
        uint8_t *const members[] = {&a.kind,    &a.doing,     &a.category, &a.severity,
                                    &a.urgency, &a.certainty, &a.status,   &a.state};
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
                *members[i] = small(st, 5 + (int)i, &bad);
        if (bad)
                return STORE_E_DAMAGED;
        if (a.state != STATE_RETRACTED) {
                a.text = sql_span(st, 13);
                a.clips = sql_span(st, 14);
        }
        a.created = sql_u64(st, 15);
        a.updated = sql_u64(st, 16);
        a.expires = sql_u64(st, 17);
        a.confirms = counted(st, 18);
        a.disputes = counted(st, 19);
        a.comments = counted(st, 20);
        *ret = a;
        return 0;
}

int store_alert_get(struct store_reader *r, const struct hash *id, int (*row)(void *ctx, const struct store_alert *a),
                    void *ctx) {
        struct found f;
        int e = find_row(&r->q, SQL_RECORD_NUMBER, id->b, &f);
        if (e || f.astray)
                return e ? e : STORE_E_DAMAGED;
        _sql_ st = sql_get(&r->q, SQL_ALERT_AT);
        sql_bind_u64(st, 1, f.n);
        bool found, stop;
        e = sql_next(&r->q, st, &found);
        if (e)
                return e;
        if (!found)
                return STORE_E_NONE;
        struct store_alert a;
        e = load_alert(st, &a);
        return e ? e : load_stopped(row(ctx, &a), &stop);
}

int store_follows(struct store_reader *r, const struct hash *alert, int (*row)(void *ctx, const struct store_follow *f),
                  void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_FOLLOWS);
        sql_bind_32(st, 1, alert->b);
        for (bool stop = false; !stop;) {
                struct store_follow f = {0};
                bool more, bad = false;
                int e = sql_next(&r->q, st, &more);
                if (e || !more)
                        return e;
                f.what = small(st, 2, &bad);
                f.created = sql_u64(st, 3);
                f.text = sql_span(st, 4);
                if (bad || !sql_blob(st, 0, f.id.b, sizeof(f.id.b)) ||
                    !sql_blob(st, 1, f.household.b, sizeof(f.household.b)))
                        return STORE_E_DAMAGED;
                e = load_stopped(row(ctx, &f), &stop);
                if (e)
                        return e;
        }
        return 0;
}

/* The lowest and highest id that begin with these digits. 0, STORE_E_NONE: no id does, ERR_NOMEM. */
static int prefix_range(struct span hex, struct hash *ret_first, struct hash *ret_last) {
        uint8_t digits[2 * sizeof(ret_first->b)];
        if (hex.n < PREFIX_MIN || hex.n > sizeof(digits))
                return STORE_E_NONE;
        struct hash *const ends[] = {ret_first, ret_last};
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                _clean_(buf_fini) struct buf out = BUF_NULL;
                memset(digits, i ? 'f' : '0', sizeof(digits));
                memcpy(digits, hex.p, hex.n);
                if (!text_unhex(&out, SPAN_OF(digits)))
                        return buf_ok(&out) ? STORE_E_NONE : ERR_NOMEM;
                memcpy(ends[i]->b, out.p, sizeof(ends[i]->b));
        }
        return 0;
}

int store_alert_prefix(struct store_reader *r, struct span hex, struct hash *ret) {
        return load_prefix(r, SQL_ALERT_BETWEEN, hex, ret);
}

int store_said_prefix(struct store_reader *r, struct span hex, struct hash *ret) {
        return load_prefix(r, SQL_SAID_BETWEEN, hex, ret);
}

int load_prefix(struct store_reader *r, enum sql_id between, struct span hex, struct hash *ret) {
        struct hash first, last, found;
        int e = prefix_range(hex, &first, &last);
        if (e)
                return e;
        _sql_ st = sql_get(&r->q, between);
        sql_bind_32(st, 1, first.b);
        sql_bind_32(st, 2, last.b);
        bool row;
        e = sql_next(&r->q, st, &row);
        if (e)
                return e;
        if (!row)
                return STORE_E_NONE;
        if (!sql_blob(st, 0, found.b, sizeof(found.b)))
                return STORE_E_DAMAGED;
        e = sql_next(&r->q, st, &row);
        if (e)
                return e;
        if (row)
                return STORE_E_MANY;
        *ret = found;
        return 0;
}

static int read_events(struct sql *q, uint64_t after, uint32_t limit,
                       int (*row)(void *ctx, const struct store_event *e), void *ctx) {
        _sql_ st = sql_get(q, SQL_EVENTS);
        sql_bind_u64(st, 1, after);
        sql_bind_u64(st, 2, limit);
        for (bool stop = false; !stop;) {
                struct store_event event = {0};
                bool more, bad = false;
                int e = sql_next(q, st, &more);
                if (e || !more)
                        return e;
                event.seq = sql_u64(st, 21);
                event.event = small(st, 22, &bad);
                e = bad ? STORE_E_DAMAGED : load_alert(st, &event.alert);
                if (e)
                        return e;
                e = load_stopped(row(ctx, &event), &stop);
                if (e)
                        return e;
        }
        return 0;
}

int store_events(struct store_reader *r, uint64_t after, uint32_t limit,
                 int (*row)(void *ctx, const struct store_event *e), void *ctx) {
        return read_events(&r->q, after, limit, row, ctx);
}

int store_news(struct store *s, uint64_t after, uint32_t limit, int (*row)(void *ctx, const struct store_event *e),
               void *ctx) {
        return s->broken ? STORE_E_IO : read_events(&s->q, after, limit, row, ctx);
}

int store_last_seq(struct store_reader *r, uint64_t *ret) {
        return store_last_event(&r->q, ret);
}

static int number_at(struct store_reader *r, enum sql_id id, mesh_wall now, uint64_t *ret) {
        _sql_ st = sql_get(&r->q, id);
        sql_bind_u64(st, 1, now);
        bool row;
        int e = sql_next(&r->q, st, &row);
        if (!e && row)
                *ret = sql_u64(st, 0);
        return e;
}

int store_in_force(struct store_reader *r, mesh_wall now, struct store_force *ret) {
        *ret = (struct store_force){.until = UINT64_MAX};
        int e = number_at(r, SQL_FORCE_ENDS, now, &ret->until); /* before: what comes in between is a new event */
        return e ? e : number_at(r, SQL_IN_FORCE, now, &ret->count);
}

static int load_proof(struct store_reader *r, struct store_loaded *item, struct buf *keep, size_t *ret_n, bool *ret) {
        _sql_ st = sql_get(&r->q, SQL_PROOF_LOAD);
        sql_bind_32(st, 1, item->id.b);
        int e = sql_next(&r->q, st, ret);
        if (e || !*ret)
                return e;
        struct span bytes = sql_span(st, 0);
        buf_add(keep, bytes);
        *ret_n = bytes.n;
        return buf_ok(keep) ? 0 : ERR_NOMEM;
}

static int load_body(struct store_reader *r, uint64_t n, struct store_loaded *item, struct buf *keep, size_t *ret_n) {
        _sql_ st = sql_get(&r->q, SQL_LOAD);
        sql_bind_u64(st, 1, n);
        bool row;
        int e = sql_next(&r->q, st, &row);
        if (e)
                return e;
        struct head h;
        if (!row || !head_unpack(sql_span(st, 0), &h))
                return STORE_E_DAMAGED;
        /* A number that the disk has changed may be another row's, whose body stands beside it. */
        bool anothers = !span_eq(sql_span(st, 1), SPAN_OF(item->id.b));
        item->astray |= anothers;
        if (anothers || h.flags & RECORD_WIPED || !(h.flags & RECORD_BODY))
                return 0;
        struct span bytes = sql_span(st, 2);
        item->damaged = !sum_fits(n, bytes, sql_span(st, 3));
        if (item->damaged)
                return 0;
        buf_add(keep, bytes);
        *ret_n = bytes.n;
        return buf_ok(keep) ? 0 : ERR_NOMEM;
}

/* Through all rows, without any index: some 10 ms where there are 100,000. */
static int seek(struct store_reader *r, const struct hash *id, uint64_t *ret_n) {
        _sql_ st = sql_get(&r->q, SQL_RECORD_SEEK);
        sql_bind_32(st, 1, id->b);
        bool row;
        int e = sql_next(&r->q, st, &row);
        *ret_n = !e && row ? sql_u64(st, 0) : 0;
        return e;
}

/* The index leads to another's row, to none, or nowhere. */
static int load_astray(struct store_reader *r, struct store_loaded *item, bool nowhere, struct buf *keep,
                       size_t *ret_n) {
        item->astray = true;
        if (!r->seeks)
                return 0;
        r->seeks--;
        uint64_t n;
        int e = seek(r, &item->id, &n);
        item->astray = n || !nowhere; /* nowhere, and in no row: it has gone meanwhile */
        item->damaged = !e && !n && !nowhere;
        return n ? load_body(r, n, item, keep, ret_n) : e;
}

static int load_one(struct store_reader *r, struct store_loaded *item, struct buf *keep, size_t *ret_n) {
        struct found f;
        bool nowhere, proof = false;
        int e = find_row(&r->q, SQL_RECORD_NUMBER, item->id.b, &f);
        item->damaged = item->astray = false;
        *ret_n = 0;
        if (e)
                return e;
        if (f.n && !f.astray)
                return load_body(r, f.n, item, keep, ret_n);
        nowhere = !f.astray;
        if (nowhere)
                e = load_proof(r, item, keep, ret_n, &proof);
        return e || proof ? e : load_astray(r, item, nowhere, keep, ret_n);
}

int store_load(struct store_reader *r, struct store_loaded *items, size_t n, struct buf *keep) {
        size_t start = keep->n;
        r->seeks = SEEKS_AT_ONCE;
        for (size_t i = 0; i < n; i++) {
                int e = load_one(r, &items[i], keep, &items[i].bytes.n);
                if (e)
                        return e;
        }
        /* Only now does the buffer stay where it is. */
        for (size_t i = 0, at = start; i < n; i++) {
                items[i].bytes.p = items[i].bytes.n ? keep->p + at : NULL;
                at += items[i].bytes.n;
        }
        return 0;
}
