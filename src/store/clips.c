/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clips: a row a manifest, for good, since a device's manifests are a chain and a place in it must not be given twice
 * (PROTOCOL 15.8). For the same reason the end of the chain is told a second time, in a row of another table, written along
 * with the clip's: a disk that loses one of them has the other.
 *
 * Who destroys a clip wipes its row: the sealed key is the last copy there is.
 */
#include "store/inside.h"

#include "base/err.h"
#include "base/text.h"

#define END_NAME "clip-end"
#define END_BYTES (8 + sizeof(struct hash)) /* the place and the id */
#define SALT_BYTES 32 /* of a camera's name; before the sealed key of a clip of another device, and wiped with it */

/* As statements.def has them, too. */
enum {
        FLAG_AS_IS = 1,
        FLAG_GONE = 2,
        FLAG_AWAY = 4,
        FLAG_TOLD = 8,
        FLAG_NEVER = 16,
        FLAG_LOST = 32,
        FLAG_ALWAYS = 64, /* so that the number takes one byte: it would be none for 0 and 1 */
};

struct chain_end {
        bool known;
        uint64_t seq;
        struct hash id;
};

static int end_told(struct store *s, struct chain_end *ret) {
        uint8_t bytes[END_BYTES];
        _sql_ st = sql_get(&s->q, SQL_VALUE_GET);
        sqlite3_bind_text(st, 1, END_NAME, -1, SQLITE_STATIC);
        bool row;
        int r = sql_next(&s->q, st, &row);
        if (r || !row)
                return r;
        if (!sql_blob(st, 0, bytes, sizeof(bytes)))
                return STORE_E_DAMAGED;
        ret->known = true;
        ret->seq = get_be64(bytes);
        memcpy(ret->id.b, bytes + 8, sizeof(ret->id.b));
        return 0;
}

static int end_of_rows(struct store *s, struct chain_end *ret) {
        _sql_ st = sql_get(&s->q, SQL_CLIP_LAST);
        bool row;
        int r = sql_next(&s->q, st, &row);
        if (r || !row)
                return r;
        ret->known = true;
        ret->seq = sql_u64(st, 1);
        return sql_blob(st, 0, ret->id.b, sizeof(ret->id.b)) ? 0 : STORE_E_DAMAGED;
}

static int end_get(struct store *s, struct chain_end *ret) {
        struct chain_end told = {.known = false}, last = {.known = false};
        int r = end_told(s, &told);
        if (!r)
                r = end_of_rows(s, &last);
        *ret = told.known && (!last.known || told.seq > last.seq) ? told : last;
        return r;
}

int clip_last(struct store *s, struct mesh_row *ret) {
        struct chain_end end;
        int r = end_get(s, &end);
        if (r)
                return r;
        if (!end.known)
                return STORE_E_NONE;
        ret->clip.seq = end.seq;
        ret->clip.id = end.id;
        return 0;
}

static int end_put(struct store *s, const struct mesh_row *row) {
        uint8_t bytes[END_BYTES];
        struct chain_end end;
        int r = end_get(s, &end);
        if (r || (end.known && end.seq >= row->clip.seq))
                return r;
        put_be64(bytes, row->clip.seq);
        memcpy(bytes + 8, row->clip.id.b, sizeof(row->clip.id.b));
        _sql_ st = sql_get(&s->q, SQL_VALUE_PUT);
        sqlite3_bind_text(st, 1, END_NAME, -1, SQLITE_STATIC);
        sql_bind_span(st, 2, SPAN_OF(bytes));
        return sql_run(&s->q, st);
}

static int wipe(struct store *s, const struct hash *id) {
        _sql_ st = sql_get(&s->q, SQL_CLIP_WIPE);
        sql_bind_32(st, 1, id->b);
        s->erase_due = true;
        int r = sql_run(&s->q, st);
        return r ? r : named_clip_gone(s, id);
}

int clip_put(struct store *s, const struct mesh_row *row) {
        if (row->clip.gone)
                return wipe(s, &row->clip.id);
        int r = end_put(s, row);
        if (r)
                return r;
        _sql_ st = sql_get(&s->q, SQL_CLIP_PUT);
        sql_bind_32(st, 1, row->clip.id.b);
        sql_bind_u64(st, 2, row->clip.seq);
        sql_bind_span(st, 3, row->clip.manifest);
        sql_bind_span(st, 4, row->clip.sealed);
        sql_bind_span(st, 5, row->clip.camera);
        sql_bind_u64(st, 6, FLAG_ALWAYS | (row->clip.as_is ? FLAG_AS_IS : 0));
        r = sql_run(&s->q, st);
        return r ? r : asks_again(s, row->clip.manifest);
}

/* ---- of other devices, and told to another ---- */

static int put_away(struct store *s, const struct store_clip *c) {
        _clean_(buf_fini) struct buf key = BUF_NULL;
        if (CHECK_FAILS(c->salt.n == SALT_BYTES))
                return 0;
        buf_add(&key, c->salt);
        buf_add(&key, c->sealed);
        if (!buf_ok(&key))
                return ERR_NOMEM;
        _sql_ st = sql_get(&s->q, SQL_CLIP_AWAY);
        sql_bind_32(st, 1, c->id.b);
        sql_bind_u64(st, 2, c->seq);
        sql_bind_span(st, 3, c->manifest);
        sql_bind_span(st, 4, buf_span(&key));
        sql_bind_span(st, 5, c->camera);
        sql_bind_u64(st, 6, FLAG_ALWAYS | FLAG_AWAY | (c->as_is ? FLAG_AS_IS : 0) | (c->never ? FLAG_NEVER : 0));
        int r = sql_run(&s->q, st);
        return r ? r : asks_again(s, c->manifest);
}

static int put_lost(struct store *s, const struct hash *id) {
        _sql_ st = sql_get(&s->q, SQL_CLIP_LOST);
        sql_bind_32(st, 1, id->b);
        return sql_run(&s->q, st);
}

static int put_told(struct store *s, const struct store_clip *c) {
        _sql_ st = sql_get(&s->q, SQL_CLIP_TOLD);
        sql_bind_32(st, 1, c->id.b);
        sql_bind_u64(st, 2, c->told ? FLAG_TOLD : 0);
        return sql_run(&s->q, st);
}

static int put_untold(struct store *s) {
        _sql_ st = sql_get(&s->q, SQL_CLIPS_UNTOLD);
        return sql_run(&s->q, st);
}

int clip_change(struct store *s, enum store_clip_change what, const struct store_clip *c) {
        switch (what) {
        case STORE_CLIP_AWAY:
                return put_away(s, c);
        case STORE_CLIP_LOST:
                return put_lost(s, &c->id);
        case STORE_CLIP_TOLD:
                return put_told(s, c);
        case STORE_CLIPS_UNTOLD:
                return put_untold(s);
        }
        return 0;
}

/* ---- questions ---- */

static bool read_clip(sqlite3_stmt *st, struct store_clip *ret) {
        uint64_t flags = sql_u64(st, 5);
        *ret = (struct store_clip){.seq = sql_u64(st, 1),
                                   .as_is = flags & FLAG_AS_IS,
                                   .told = flags & FLAG_TOLD,
                                   .away = flags & FLAG_AWAY,
                                   .never = flags & FLAG_NEVER,
                                   .lost = flags & FLAG_LOST};
        if (!(flags & FLAG_GONE)) {
                ret->manifest = sql_span(st, 2);
                ret->sealed = sql_span(st, 3);
                ret->camera = sql_span(st, 4);
        }
        if (ret->away && ret->sealed.n >= SALT_BYTES) {
                ret->salt = span_of(ret->sealed.p, SALT_BYTES);
                ret->sealed = span_from(ret->sealed, SALT_BYTES);
        }
        return sql_blob(st, 0, ret->id.b, sizeof(ret->id.b)) && text_utf8(ret->camera);
}

/* The rows of a statement that is ready. Returns how it ended; *@ret_n: how many there were. */
static int hand_out(struct store_reader *r, sqlite3_stmt *st, int (*row)(void *ctx, const struct store_clip *c),
                    void *ctx, size_t *ret_n) {
        bool stop = false, more;
        *ret_n = 0;
        while (!stop) {
                struct store_clip c;
                int e = sql_next(&r->q, st, &more);
                if (e || !more)
                        return e;
                if (!read_clip(st, &c))
                        return STORE_E_DAMAGED;
                ++*ret_n;
                e = load_stopped(row(ctx, &c), &stop);
                if (e)
                        return e;
        }
        return 0;
}

int store_clips(struct store_reader *r, int (*row)(void *ctx, const struct store_clip *c), void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_CLIP_ALL);
        size_t n;
        return hand_out(r, st, row, ctx, &n);
}

int store_clip_get(struct store_reader *r, const struct hash *id, int (*row)(void *ctx, const struct store_clip *c),
                   void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_CLIP_GET);
        size_t n;
        sql_bind_32(st, 1, id->b);
        int e = hand_out(r, st, row, ctx, &n);
        return e || n ? e : STORE_E_NONE;
}

int store_clips_due(struct store_reader *r, size_t most, int (*row)(void *ctx, const struct store_clip *c), void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_CLIP_DUE);
        size_t n;
        sql_bind_u64(st, 1, most);
        return hand_out(r, st, row, ctx, &n);
}

int store_clip_prefix(struct store_reader *r, struct span hex, struct hash *ret) {
        return load_prefix(r, SQL_CLIP_BETWEEN, hex, ret);
}
