/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an index says it has from the rows: one that is damaged costs the time to make it anew, and nothing else. So a
 * transaction that fails for damage is taken back, all indexes are made anew in one of their own, and it is tried once more.
 * What is damaged then is in the rows, which only a neighbour or a backup can give back; nothing is tried a third time.
 *
 * An index can also be right where a row is wrong: where it led to a row of another id, and no row has the one that was
 * looked for, the disk has changed the id in the row itself. The index was the only one who still knew it.
 */
#include "store/inside.h"
#include "store/pages.h"

int number_of_record(struct store *s, const struct hash *id, uint64_t *ret_n) {
        struct found f;
        int r = find_row(&s->q, SQL_RECORD_NUMBER, id->b, &f);
        if (!r && f.astray) {
                s->astray = (struct astray){*id, f.n};
                return STORE_E_DAMAGED;
        }
        if (!r)
                *ret_n = f.n;
        return r;
}

/* Does the index lead to row @n by the id that stands there? Then the row is that record's. */
static int is_anothers(struct store *s, uint64_t n, bool *ret) {
        struct hash id;
        {
                _sql_ st = sql_get(&s->q, SQL_RECORD_ID);
                sql_bind_u64(st, 1, n);
                bool row;
                int r = sql_next(&s->q, st, &row);
                if (r)
                        return r;
                *ret = !row || !sql_blob(st, 0, id.b, sizeof(id.b));
                if (*ret)
                        return 0;
        }
        struct found f;
        int r = find_row(&s->q, SQL_RECORD_NUMBER, id.b, &f);
        *ret = f.n == n;
        return r;
}

/* Of an index that is made anew of the rows nobody is astray any more. */
static int make_anew(struct store *s, void *ctx) {
        struct astray *lost = ctx;
        bool anothers = true;
        int r = lost->n ? is_anothers(s, lost->n, &anothers) : 0;
        if (!r)
                r = sql_exec(&s->q, "REINDEX");
        if (r || anothers)
                return r;
        _sql_ st = sql_get(&s->q, SQL_RECORD_RENAME);
        sql_bind_u64(st, 1, lost->n);
        sql_bind_32(st, 2, lost->id.b);
        return sql_run(&s->q, st);
}

int mend_indexes(struct store *s) {
        if (s->incurable)
                return STORE_E_DAMAGED;
        struct astray lost = s->astray;
        s->astray = (struct astray){0};
        int r = transact(s, make_anew, &lost);
        s->mends += r == 0;
        return r;
}

unsigned store_mends(const struct store *s) {
        return s->mends;
}

/* Where the index has lost a record its row is still there. */
static int look_for(struct store *s, void *ctx) {
        const struct hash *id = ctx;
        uint64_t n;
        int r = number_of_record(s, id, &n);
        if (r || n)
                return r;
        _sql_ st = sql_get(&s->q, SQL_RECORD_SEEK);
        sql_bind_32(st, 1, id->b);
        bool row;
        r = sql_next(&s->q, st, &row);
        return !r && row ? STORE_E_DAMAGED : r;
}

int store_seek(struct store *s, const struct hash *id) {
        struct hash copy = *id;
        return store_transaction(s, look_for, &copy);
}

unsigned long store_flips(void) {
        return pages_mended();
}
