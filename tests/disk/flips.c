/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-flips [--seed N] [--points N | --seconds N] [--break NAME]: one byte of the closed database is another than was
 * written.
 *
 * Whatever byte that is: no record is handed out with other bytes than it was stored with. It is whole, it is named as
 * damaged, or the store says that it is damaged; and one that is named is whole again once it was committed again. One that
 * an index has lost is whole again once somebody has looked for it.
 */
#include "disk/platter.h"
#include "disk/rng.h"
#include "disk/seen.h"
#include "disk/tell.h"
#include "disk/vfs.h"
#include "store/inside.h"

#include <stdlib.h>

#define SECONDS 5
#define STEPS_LIVED 130

/* A record as the undamaged store hands it out. */
struct kept {
        struct hash id;
        struct span bytes; /* of the scenario; empty: it has none */
        mesh_wall now;
};

struct run {
        uint64_t rng;
        struct scenario sc;
        struct kept kept[ROWS_MOST];
        size_t n;
        uint8_t *whole;
        size_t size;
        unsigned long points, refused, named, same, mended, astray, found, wrong;
};

static void wrong(struct run *t, size_t at, const char *what) {
        if (++t->wrong <= 5)
                tell("byte %zu: %s", at, what);
}

static struct span bytes_of(const struct scenario *sc, const struct hash *id) {
        for (size_t i = 0; i < sc->n_rows; i++)
                if (sc->rows[i].kind == MESH_ROW_RECORD && memcmp(&sc->rows[i].record.id, id, sizeof(*id)) == 0)
                        return sc->rows[i].record.bytes;
        return SPAN_NONE;
}

static int keep(void *ctx, const struct mesh_row *row) {
        struct run *t = ctx;
        if (row->kind == MESH_ROW_RECORD)
                t->kept[t->n++] = (struct kept){.id = row->record.id};
        return 0;
}

/* The bytes of each record of the undamaged store. */
static int keep_bytes(struct run *t, struct store_reader *r) {
        int e = 0;
        for (size_t i = 0; !e && i < t->n; i++) {
                _clean_(buf_fini) struct buf buf = BUF_NULL;
                struct store_loaded item = {.id = t->kept[i].id};
                e = store_load(r, &item, 1, &buf);
                if (item.bytes.n)
                        t->kept[i].bytes = bytes_of(&t->sc, &t->kept[i].id);
                if (!e && !span_eq(item.bytes, t->kept[i].bytes))
                        e = STORE_E_DAMAGED;
        }
        return e;
}

static bool live(struct run *t) {
        struct store *s = NULL;
        struct store_reader *r = NULL;
        int e = 0;
        platter = platter_new();
        for (size_t i = 0; !e && i < STEPS_LIVED; i++)
                e = scenario_step(&t->sc, i, &s);
        if (!e)
                e = store_restore(s, 0, keep, t);
        if (!e)
                e = store_reader_open(&r, PLATTER);
        if (!e)
                e = keep_bytes(t, r);
        store_reader_close(r);
        store_close(s);
        const struct file *f = platter_find(FILE_DB);
        t->size = f ? f->n : 0;
        t->whole = own_resize(NULL, t->size);
        if (f)
                memcpy(t->whole, f->p, f->n);
        platter = platter_free(platter);
        return !e && t->size && t->n;
}

/* The record comes once more, from a neighbour. */
static void mend(struct run *t, struct store *s, struct store_reader *r, size_t at, const struct kept *k) {
        _clean_(buf_fini) struct buf buf = BUF_NULL;
        struct mesh_row row = {.kind = MESH_ROW_RECORD, .record = {.id = k->id, .bytes = k->bytes}};
        struct store_loaded item = {.id = k->id};
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        int e = b ? store_batch_add(b, &row, 0) : -1;
        if (!e)
                e = store_commit(s, b, SCENARIO_START, &seq);
        store_batch_free(b);
        if (!e)
                e = store_load(r, &item, 1, &buf);
        if (e || !span_eq(item.bytes, k->bytes))
                wrong(t, at, "a damaged record does not become whole again");
        else
                t->mended++;
}

/* No reader finds it where the index has it: the writer looks. False: an error, or it has gone with its row. */
static bool seek(struct run *t, struct store *s, struct store_reader *r, size_t at, const struct kept *k, int *ret_e) {
        _clean_(buf_fini) struct buf buf = BUF_NULL;
        struct store_loaded item = {.id = k->id};
        t->astray++;
        *ret_e = store_seek(s, &k->id);
        if (!*ret_e)
                *ret_e = store_load(r, &item, 1, &buf);
        if (*ret_e || item.astray || item.damaged || (k->bytes.n && !item.bytes.n))
                return false;
        if (!span_eq(item.bytes, k->bytes))
                wrong(t, at, "a record that was looked for comes with other bytes");
        t->found++;
        return true;
}

/* Looks at all records. */
static int look(struct run *t, struct store *s, struct store_reader *r, size_t at, bool *ret_named) {
        for (size_t i = 0; i < t->n; i++) {
                _clean_(buf_fini) struct buf buf = BUF_NULL;
                struct kept *k = &t->kept[i];
                struct store_loaded item = {.id = k->id};
                int e = store_load(r, &item, 1, &buf);
                if (e)
                        return e;
                if (item.bytes.n && !span_eq(item.bytes, k->bytes))
                        wrong(t, at, "a record is handed out with other bytes than it was stored with");
                *ret_named |= item.damaged;
                if (item.astray && !seek(t, s, r, at, k, &e)) {
                        if (e)
                                return e;
                        *ret_named = true;
                }
                if (item.damaged && k->bytes.n)
                        mend(t, s, r, at, k);
        }
        return 0;
}

static int skip(void *ctx, const struct mesh_row *row) {
        (void)ctx;
        (void)row;
        return 0;
}

/* Any byte of the file, or every other time one of a record's. */
static size_t draw_place(struct run *t) {
        const struct kept *k = &t->kept[rng_below(&t->rng, t->n)];
        const uint8_t *p = NULL;
        if (k->bytes.n && rng_below(&t->rng, 2))
                p = memmem(t->whole, t->size, k->bytes.p, k->bytes.n);
        return p ? (size_t)(p - t->whole) + (size_t)rng_below(&t->rng, k->bytes.n)
                 : (size_t)rng_below(&t->rng, t->size);
}

/* The database as it would be without what the test is about; where it is damaged it stays as it is. */
static void sum_anew(void) {
        struct sql q = {0};
        int e = sql_open(&q, PLATTER "/" FILE_DB, SQL_WRITER);
        if (!e)
                e = sum_prepare(&q);
        if (!e)
                sql_exec(&q, "UPDATE body SET sum = sum_of(n, bytes)");
        sql_close(&q);
}

static void flip(struct run *t) {
        struct store *s = NULL;
        struct store_reader *r = NULL;
        bool named = false;
        size_t at = draw_place(t);
        struct platter *d = platter = platter_new();
        struct file *f = platter_create(FILE_DB);
        REQUIRE(platter_write(f, 0, t->whole, t->size) == 0);
        f->p[at] ^= (uint8_t)(1 + rng_below(&t->rng, 255));
        if (sabotage == SABOTAGE_NO_SUMS)
                sum_anew();
        int e = store_open(&s, PLATTER);
        if (!e)
                e = store_restore(s, 0, skip, NULL);
        if (!e)
                e = store_reader_open(&r, PLATTER);
        if (!e)
                e = look(t, s, r, at, &named);
        if (e < 0)
                wrong(t, at, "an error without a name");
        t->refused += e > 0;
        t->named += !e && named;
        t->same += !e && !named;
        store_reader_close(r);
        store_close(s);
        platter_free(d);
}

int main(int argc, char **argv) {
        struct budget b = {.seconds = SECONDS};
        if (!tell_options(argc, argv, &b))
                return 2;
        vfs_register();
        struct run *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        t->rng = b.seed;
        scenario_draw(&t->sc, b.seed);
        bool lived = live(t);
        for (; lived && !budget_over(&b, t->points); t->points++)
                flip(t);
        tell("%lu flips in a database of %zu bytes with %zu records, %.1f s", t->points, t->size, t->n,
             budget_spent(&b));
        tell("%lu refused as damaged, %lu with a record named, %lu where all records were whole", t->refused, t->named,
             t->same);
        tell("%lu lookups led astray, %lu records found again", t->astray, t->found);
        tell_case(lived && t->points, "a home lives on while nothing flips");
        tell_case(!t->wrong, "no record is handed out with other bytes than it was stored with");
        tell_case(t->mended > 0, "and one that is damaged is whole again when it comes again");
        own_free(t->whole);
        free(t);
        return tell_end();
}
