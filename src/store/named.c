/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which clips alerts of this household have named, and of what kind these were: what retention by kind goes by. The alert's own
 * row is gone when its retention is over, which may be long before the clip's, so this is a row of its own, written along with
 * the alert's. It has nothing that anybody was not told. It goes with the clip's key, or when the alert is taken back; one of a
 * clip that was never here goes when its alert would.
 */
#include "store/inside.h"

#include "base/err.h"

int named_put(struct store *s, const struct hash *alert, mesh_wall created, const struct wire_alert *a) {
        struct span rest = WIRE_HAS(a, ALERT, clips) ? a->clips : SPAN_NONE;
        int r = 0;
        for (; !r && rest.n >= sizeof(struct hash); rest = span_from(rest, sizeof(struct hash))) {
                _sql_ st = sql_get(&s->q, SQL_NAMED_PUT);
                sql_bind_span(st, 1, span_of(rest.p, sizeof(struct hash)));
                sql_bind_32(st, 2, alert->b);
                sql_bind_u64(st, 3, a->status == STATUS_ACTUAL ? a->kind : 0); /* an exercise shows nothing */
                sql_bind_u64(st, 4, created);
                r = sql_run(&s->q, st);
        }
        return r;
}

static int drop(struct store *s, enum sql_id which, const struct hash *id) {
        _sql_ st = sql_get(&s->q, which);
        sql_bind_32(st, 1, id->b);
        return sql_run(&s->q, st);
}

int named_taken_back(struct store *s, const struct hash *alert) {
        return drop(s, SQL_NAMED_BACK, alert);
}

int named_clip_gone(struct store *s, const struct hash *clip) {
        return drop(s, SQL_NAMED_GONE, clip);
}

int store_named(struct store_reader *r, int (*row)(void *ctx, const struct store_named *n), void *ctx) {
        _sql_ st = sql_get(&r->q, SQL_NAMED_ALL);
        for (bool stop = false; !stop;) {
                struct store_named n;
                bool more;
                int e = sql_next(&r->q, st, &more);
                if (e || !more)
                        return e;
                n = (struct store_named){.kind = (uint8_t)sql_u64(st, 1),
                                         .created = sql_u64(st, 2),
                                         .expires = sql_u64(st, 3),
                                         .state = (uint8_t)sql_u64(st, 4)};
                if (!sql_blob(st, 0, n.clip.b, sizeof(n.clip.b)) || sql_u64(st, 1) > UINT8_MAX)
                        return STORE_E_DAMAGED;
                e = load_stopped(row(ctx, &n), &stop);
                if (e)
                        return e;
        }
        return 0;
}
