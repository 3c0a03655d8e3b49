/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-flips [--seed N] [--points N | --seconds N] [--break NAME]: bytes of the database, and of the log that a crash
 * has left, are others than were written.
 *
 * One byte, whichever it is: the store opens and shows all it has shown before, to the last letter, and takes another row.
 *
 * Many, in one sector, or a page of nothing, or of what stands elsewhere: nothing is shown that was not there. It is all there, or
 * the store says that it is damaged; where it was the log, it may also be what it was some steps before, as after a power cut. A
 * store that is damaged is salvaged: it opens, each record it has is whole, and with the lost ones put again all is shown as it was.
 *
 * One that has changed before the page got its sum, so that the page seems whole: no record is handed out with other bytes than it
 * was stored with. It is whole, it is named as damaged, or the store says that it is damaged; and one that is named is whole again
 * once it was committed again. One that an index has lost is whole again once somebody has looked for it.
 */
#include "disk/platter.h"
#include "disk/rng.h"
#include "disk/seen.h"
#include "disk/tell.h"
#include "disk/vfs.h"
#include "unit/store-rows.h"

#include <stdlib.h>

#define SECONDS 8
#define STEPS_LIVED 130
#define MANY_MOST 40
#define SECTOR 512
#define LOG_HEAD 32
#define LOG_FRAME (24 + PAGE_BYTES)
#define FRAMES_MOST 2000
#define FILE_LOG FILE_DB "-wal"

/* A record as the undamaged store hands it out. */
struct kept {
        struct hash id;
        struct span bytes; /* of the scenario; empty: it has none */
        uint64_t shown;
        bool back;  /* an alert that was taken back */
        bool there; /* of a salvaged store: it has it */
};

/* A home's files: closed in order, or as a crash left them, with a log. */
struct files {
        struct image db, log;
};

struct run {
        uint64_t rng;
        struct scenario sc;
        struct kept kept[ROWS_MOST];
        size_t n;
        struct files closed, crashed;
        uint64_t wanted;            /* what is shown */
        uint64_t past[FRAMES_MOST]; /* where the log ends after each of its frames, or before the first */
        size_t n_past;
        unsigned long points, ones, many, before, refused, salvaged, lost, named, mended, astray, found, wrong;
        size_t lived;  /* steps */
        mesh_wall now; /* when its life ended */
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

/* ---- a life while nothing flips ---- */

static int take_state(void *ctx, const struct store_alert *a) {
        *(uint8_t *)ctx = a->text.n ? STATE_ACTIVE : a->state;
        return 0;
}

/* Is it an alert that is shown as taken back, without a text? */
static int is_back(struct store_reader *r, const struct hash *id, bool *ret) {
        uint8_t state = STATE_ACTIVE;
        int e = store_alert_get(r, id, take_state, &state);
        *ret = state == STATE_RETRACTED;
        return e == STORE_E_NONE ? 0 : e;
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
                if (!e)
                        e = seen_record(r, &t->kept[i].id, &t->kept[i].shown);
                if (!e)
                        e = is_back(r, &t->kept[i].id, &t->kept[i].back);
        }
        return e;
}

static bool has_log(void) {
        const struct file *log = platter_find(FILE_LOG);
        return log && log->n;
}

static int tick(struct store *s, mesh_wall now) {
        uint64_t seq;
        int e;
        while ((e = store_tick(s, now, 0, &seq)) == STORE_E_MORE)
                continue;
        return e;
}

static bool live(struct run *t) {
        struct store *s = NULL;
        struct store_reader *r = NULL;
        int e = 0;
        platter = platter_new();
        size_t i = 0;
        for (; !e && i < STEPS && (i < STEPS_LIVED || !has_log()); i++)
                e = scenario_step(&t->sc, i, &s);
        t->lived = i;
        t->now = t->sc.steps[i - 1].now;
        if (!e) /* the first after the last clearing is what founded the mesh */
                e = rows_commit(s, &(struct mesh_row){.kind = MESH_ROW_OP, .op = {{{1}}, SPAN_STR("founded")}}, t->now);
        if (!e) /* what is over by then is over in any store */
                e = tick(s, t->now);
        if (!e)
                e = seen_all(s, &t->wanted);
        if (!e)
                e = store_restore(s, 0, keep, t);
        if (!e)
                e = store_reader_open(&r, PLATTER);
        if (!e)
                e = keep_bytes(t, r);
        store_reader_close(r);
        t->crashed = (struct files){platter_copy(FILE_DB), platter_copy(FILE_LOG)};
        store_close(s);
        t->closed = (struct files){platter_copy(FILE_DB), platter_copy(FILE_LOG)};
        platter = platter_free(platter);
        return !e && t->closed.db.n && t->crashed.log.n && t->n;
}

/* A frame of the log that is damaged ends it there, as a power cut would have. */
static bool cut_log(struct run *t) {
        bool ok = true;
        for (size_t n = LOG_HEAD; ok && n <= t->crashed.log.n && t->n_past < FRAMES_MOST; n += LOG_FRAME) {
                struct platter *d = platter = platter_new();
                platter_lay(FILE_DB, t->crashed.db);
                platter_lay(FILE_LOG, (struct image){t->crashed.log.p, n});
                struct seen_left left = seen_after_cut();
                ok = !left.error && !left.unsound;
                t->past[t->n_past++] = left.seen;
                platter_free(d);
        }
        return ok && t->past[t->n_past - 1] == t->wanted;
}

/* ---- flips that the sums see ---- */

static uint8_t other_than(struct run *t, uint8_t byte) {
        return (uint8_t)(byte ^ (1 + rng_below(&t->rng, 255)));
}

/* Several bytes of a sector, or what was never written there. */
static void change_many(struct run *t, struct file *f, size_t at) {
        size_t first = at / SECTOR * SECTOR, n = MIN(f->n - first, (size_t)SECTOR);
        if (rng_below(&t->rng, 4) == 0) {
                for (size_t i = 0; i < n; i++)
                        f->p[first + i] = (uint8_t)rng_next(&t->rng);
                return;
        }
        for (uint64_t k = 2 + rng_below(&t->rng, MANY_MOST); k; k--) {
                size_t i = first + (size_t)rng_below(&t->rng, n);
                f->p[i] = other_than(t, f->p[i]);
        }
}

/* A page of nothing, or one that was meant for another place. */
static void change_page(struct run *t, struct file *f, size_t at) {
        size_t n = f->n / PAGE_BYTES, page = at / PAGE_BYTES;
        uint8_t *p = f->p + page * PAGE_BYTES, *other = f->p + (page + 1) % n * PAGE_BYTES;
        if (rng_below(&t->rng, 2))
                memset(p, 0, PAGE_BYTES);
        else
                memcpy(p, other, PAGE_BYTES);
}

static bool was_so_once(const struct run *t, uint64_t seen) {
        for (size_t i = 0; i < t->n_past; i++)
                if (t->past[i] == seen)
                        return true;
        return false;
}

static void judge(struct run *t, size_t at, struct seen_left left, bool one, bool log) {
        if (left.error < 0)
                wrong(t, at, "an error without a name");
        else if (one && left.error)
                wrong(t, at, "one byte, and it does not open");
        else if (one && left.unsound)
                wrong(t, at, left.unsound);
        else if (!left.error && left.seen != t->wanted && (one || !log || !was_so_once(t, left.seen)))
                wrong(t, at, log ? "of the log: something else is shown" : "something else is shown");
}

/* ---- and a store that is damaged ---- */

static int note_there(void *ctx, const struct mesh_row *row) {
        struct run *t = ctx;
        for (size_t i = 0; row->kind == MESH_ROW_RECORD && i < t->n; i++)
                t->kept[i].there |= memcmp(&t->kept[i].id, &row->record.id, sizeof(row->record.id)) == 0;
        return 0;
}

/* All that its life has brought of it. What is void shows when that was found, which nobody else can say. */
static int put_lost(struct run *t, struct store *s, struct kept *k) {
        int e = 0;
        for (size_t i = 0; i < t->lived; i++)
                for (size_t row = 0; !e && row < t->sc.steps[i].n; row++) {
                        const struct mesh_row *again = &t->sc.rows[t->sc.steps[i].rows[row]];
                        mesh_wall now = again->record.voided ? t->sc.steps[i].now : t->now;
                        if (again->kind == MESH_ROW_RECORD && memcmp(&again->record.id, &k->id, sizeof(k->id)) == 0)
                                e = rows_commit(s, again, now);
                }
        return e;
}

/* Nobody comes to see what its author has taken back, whatever of it is lost. */
static int compare_back(struct run *t, size_t at, struct store_reader *r) {
        int e = 0;
        for (size_t i = 0; !e && i < t->n; i++) {
                bool back = false;
                const struct kept *k = &t->kept[i];
                if (k->there && k->back && !(e = is_back(r, &k->id, &back)) && !back)
                        wrong(t, at, "what was taken back is in the salvaged store as if it were not");
        }
        if (seen_mark(&t->sc, t->lived) >= 0)
                wrong(t, at, "what was erased is readable in the salvaged store");
        return e;
}

/* All that is there is whole, and so is all that is not, once it was put again. */
static int compare_all(struct run *t, size_t at, struct store_reader *r, bool put) {
        int e = 0;
        for (size_t i = 0; !e && i < t->n; i++) {
                _clean_(buf_fini) struct buf buf = BUF_NULL;
                struct kept *k = &t->kept[i];
                struct store_loaded item = {.id = k->id};
                uint64_t shown = 0;
                e = store_load(r, &item, 1, &buf);
                if (!e && (k->there || put) && !span_eq(item.bytes, k->bytes))
                        wrong(t, at, "a record is in the salvaged store with other bytes");
                if (!e && put && !(e = seen_record(r, &k->id, &shown)) && shown != k->shown)
                        wrong(t, at, "with all that was lost put again, something else is shown");
        }
        return e;
}

static void heal(struct run *t, size_t at) {
        struct store_salvage found;
        struct store *s = NULL;
        struct store_reader *r = NULL;
        int e = store_salvage(PLATTER, t->now, &found);
        if (e == STORE_E_DAMAGED) {
                t->refused++;
                return;
        }
        for (size_t i = 0; i < t->n; i++)
                t->kept[i].there = false;
        if (!e)
                e = store_open(&s, PLATTER);
        if (!e)
                e = store_restore(s, 0, note_there, t);
        if (!e)
                e = store_reader_open(&r, PLATTER);
        if (!e)
                e = compare_all(t, at, r, false);
        if (!e)
                e = compare_back(t, at, r);
        for (size_t i = 0; !e && i < t->n; i++) {
                t->lost += !t->kept[i].there;
                e = t->kept[i].there ? 0 : put_lost(t, s, &t->kept[i]);
        }
        if (!e)
                e = tick(s, t->now);
        if (!e)
                e = compare_all(t, at, r, true);
        store_reader_close(r);
        store_close(s);
        if (e)
                wrong(t, at, "a salvaged store cannot be used");
        else if (seen_unsound())
                wrong(t, at, seen_unsound());
        t->salvaged++;
}

static void flip(struct run *t, bool one) {
        const struct files *files = rng_below(&t->rng, 2) ? &t->closed : &t->crashed;
        size_t at = (size_t)rng_below(&t->rng, files->db.n + files->log.n);
        bool log = at >= files->db.n;
        struct platter *d = platter = platter_new();
        platter_lay(FILE_DB, files->db);
        platter_lay(FILE_LOG, files->log);
        struct file *f = platter_find(log ? FILE_LOG : FILE_DB);
        size_t place = log ? at - files->db.n : at;
        if (one)
                f->p[place] = other_than(t, f->p[place]);
        else
                rng_below(&t->rng, 4) || log ? change_many(t, f, place) : change_page(t, f, place);
        if (sabotage == SABOTAGE_NO_SUMS && !log)
                rows_resum(f->p, f->n);
        struct seen_left left = seen_after_cut();
        judge(t, place, left, one, log);
        if (left.error > 0)
                heal(t, place);
        t->ones += one;
        t->many += !one;
        platter_free(d);
}

/* ---- flips from before the sums ---- */

/* The record comes once more, from a neighbour. */
static void mend(struct run *t, struct store *s, struct store_reader *r, size_t at, const struct kept *k) {
        _clean_(buf_fini) struct buf buf = BUF_NULL;
        struct mesh_row row = {.kind = MESH_ROW_RECORD, .record = {.id = k->id, .bytes = k->bytes}};
        struct store_loaded item = {.id = k->id};
        int e = rows_commit(s, &row, SCENARIO_START);
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
        const struct image *whole = &t->closed.db;
        const struct kept *k = &t->kept[rng_below(&t->rng, t->n)];
        const uint8_t *p = NULL;
        if (k->bytes.n && rng_below(&t->rng, 2))
                p = memmem(whole->p, whole->n, k->bytes.p, k->bytes.n);
        return p ? (size_t)(p - whole->p) + (size_t)rng_below(&t->rng, k->bytes.n)
                 : (size_t)rng_below(&t->rng, whole->n);
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

static void flip_before(struct run *t) {
        struct store *s = NULL;
        struct store_reader *r = NULL;
        bool named = false;
        size_t at = draw_place(t);
        struct platter *d = platter = platter_new();
        platter_lay(FILE_DB, t->closed.db);
        struct file *f = platter_find(FILE_DB);
        f->p[at] = other_than(t, f->p[at]);
        rows_resum(f->p, f->n);
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
        t->before++;
        t->named += e > 0 || named;
        store_reader_close(r);
        store_close(s);
        platter_free(d);
}

/* Half of them are what a worn disk does most. */
static void draw_flip(struct run *t) {
        switch (rng_below(&t->rng, 4)) {
        case 0:
                flip_before(t);
                break;
        case 1:
                flip(t, false);
                break;
        default: /* of four */
                flip(t, true);
        }
}

static void files_free(struct files *f) {
        own_free(f->db.p);
        own_free(f->log.p);
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
        bool lived = live(t) && cut_log(t);
        for (; lived && !budget_over(&b, t->points); t->points++)
                draw_flip(t);
        tell("%lu flips in a database of %zu bytes, and a log of %zu, with %zu records, %.1f s", t->points,
             t->closed.db.n, t->crashed.log.n, t->n, budget_spent(&b));
        tell("%lu of one byte; %lu of more: %lu stores salvaged, without %lu records in all; %lu refused", t->ones,
             t->many, t->salvaged, t->lost, t->refused);
        tell("%lu from before the sum, %lu of them named; %lu lookups led astray, %lu records found again", t->before,
             t->named, t->astray, t->found);
        if (t->wrong)
                tell("%lu of all were wrong", t->wrong);
        tell_case(lived && t->ones && t->many, "a home lives on while nothing flips");
        tell_case(!t->wrong, "nothing is shown with other bytes than it was stored with, and one byte is put right");
        tell_case(t->salvaged > t->refused,
                  "what is whole of a damaged store is kept, and with the rest put again all is there");
        tell_case(t->mended > 0, "and a record that is damaged is whole again when it comes again");
        files_free(&t->closed);
        files_free(&t->crashed);
        free(t);
        return tell_end();
}
