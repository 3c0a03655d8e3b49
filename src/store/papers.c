/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Papers: what was signed about clips, on its way to another home or come from one. What they mean is the node's to know; a
 * row is written once, changes its state, and goes.
 */
#include "store/inside.h"

#include "base/err.h"
#include "base/text.h"

static int erase(struct store *s, const struct hash *id) {
        static const enum sql_id ids[] = {SQL_PAPER_WIPE, SQL_PAPER_DEL};
        int r = 0;
        s->erase_due = true;
        for (size_t i = 0; !r && i < ARRAY_LEN(ids); i++) {
                _sql_ st = sql_get(&s->q, ids[i]);
                sql_bind_32(st, 1, id->b);
                r = sql_run(&s->q, st);
        }
        return r;
}

int paper_put(struct store *s, const struct store_paper *p) {
        if (p->gone)
                return erase(s, &p->id);
        _sql_ st = sql_get(&s->q, SQL_PAPER_PUT);
        sql_bind_32(st, 1, p->id.b);
        sql_bind_u64(st, 2, p->what);
        sql_bind_32(st, 3, p->household.b);
        sql_bind_32(st, 4, p->about.b);
        sql_bind_u64(st, 5, p->expires);
        sql_bind_u64(st, 6, p->state);
        sql_bind_span(st, 7, p->paper);
        sql_bind_span(st, 8, p->more);
        return sql_run(&s->q, st);
}

/* ---- questions ---- */

static bool read_paper(sqlite3_stmt *st, struct store_paper *ret) {
        uint64_t what = sql_u64(st, 1), state = sql_u64(st, 5);
        *ret = (struct store_paper){.what = (uint8_t)what,
                                    .state = (uint8_t)state,
                                    .expires = sql_u64(st, 4),
                                    .paper = sql_span(st, 6),
                                    .more = sql_span(st, 7)};
        return what <= UINT8_MAX && state <= UINT8_MAX && sql_blob(st, 0, ret->id.b, sizeof(ret->id.b)) &&
               sql_blob(st, 2, ret->household.b, sizeof(ret->household.b)) &&
               sql_blob(st, 3, ret->about.b, sizeof(ret->about.b));
}

int store_papers(struct store_reader *r, int (*row)(void *ctx, const struct store_paper *p), void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_PAPER_ALL);
        for (bool stop = false; !stop;) {
                struct store_paper p;
                bool more;
                int e = sql_next(&r->q, st, &more);
                if (e || !more)
                        return e;
                if (!read_paper(st, &p))
                        return STORE_E_DAMAGED;
                e = load_stopped(row(ctx, &p), &stop);
                if (e)
                        return e;
        }
        return 0;
}

/* ---- whose clip ---- */

struct told {
        struct span hex;
        struct hash clip;
        struct key household;
        unsigned n; /* different ones found so far */
};

static void consider(struct told *t, struct span ids, const struct key *household) {
        for (size_t at = 0; at + sizeof(t->clip) <= ids.n; at += sizeof(t->clip)) {
                const uint8_t *id = ids.p + at;
                if (!text_hex_begins(span_of(id, sizeof(struct hash)), t->hex) ||
                    (t->n && memcmp(id, t->clip.b, sizeof(t->clip)) == 0))
                        continue;
                memcpy(t->clip.b, id, sizeof(t->clip));
                t->household = *household;
                t->n++;
        }
}

static int look_through(struct store_reader *r, enum sql_id id, struct told *t) {
        _sql_ st = sql_get(&r->q, id);
        for (;;) {
                struct key household;
                bool more;
                int e = sql_next(&r->q, st, &more);
                if (e || !more)
                        return e;
                if (!sql_blob(st, 1, household.b, sizeof(household.b)))
                        return STORE_E_DAMAGED;
                consider(t, sql_span(st, 0), &household);
        }
}

int store_clip_told(struct store_reader *r, struct span hex, struct hash *ret_clip, struct key *ret_household) {
        struct told t = {.hex = hex};
        int e = look_through(r, SQL_CLIP_NOTICED, &t);
        if (!e)
                e = look_through(r, SQL_CLIP_NAMED, &t);
        if (e || t.n != 1)
                return e ? e : t.n ? STORE_E_MANY : STORE_E_NONE;
        *ret_clip = t.clip;
        *ret_household = t.household;
        return 0;
}
