/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-migrate [--seed N] [--points N | --seconds N] [--break NAME]: the power goes while a store of an older version
 * becomes one of the present. Old or new, all that it held is there at the next start.
 */
#include "disk/cut.h"
#include "disk/rng.h"
#include "disk/seen.h"
#include "disk/tell.h"
#include "disk/vfs.h"
#include "store/file.h"
#include "unit/store-rows.h"

#include "base/err.h"

#include <sqlite3.h>
#include <stdlib.h>

#define SECONDS 5
#define ROWS 60
#define CUTS 50 /* a migration, about */
#define AGAIN_ONE_IN 8
#define VERSION_SUMMED 7 /* from which on a body must have a sum; here it is a wrong one */
#define VERSION_PAGES 8  /* from which on pages have sums */

struct run {
        uint64_t rng, wanted;
        unsigned long points, wrong, unsound, refused;
};

/* One row each of what every version has. */
static const char fill[] =
        "INSERT INTO op (id, bytes) VALUES (randomblob(32), randomblob(%u));"
        "INSERT INTO revoke (id, expires, bytes) VALUES (randomblob(32), %u, randomblob(200));"
        "INSERT INTO contact (device, seq, bytes) VALUES (randomblob(32), %u, randomblob(300));"
        "INSERT OR IGNORE INTO key VALUES (1, zeroblob(32));"
        "INSERT INTO record (id, expires, head) VALUES (randomblob(32), 2000000000,"
        " CAST(x'0000000100000001000000006b49d2000000516b00010102' || char(32 + 16 * (random() & 1)) AS BLOB));"
        "INSERT INTO body (n, bytes%s) VALUES (last_insert_rowid(), randomblob(200)%s);";

static int make_empty(size_t version) {
        struct schema schema = {schema_current.steps, version};
        if (version < VERSION_PAGES) {
                rows_plain(PLATTER "/" FILE_DB, version);
                return 0;
        }
        int r = schema_make(PLATTER, &schema);
        return r ? r : file_publish(PLATTER, FILE_NEW, FILE_DB);
}

/* A home's store as an older program left it: half of its rows still stand in the log. */
static int make_old(uint64_t *rng, size_t version) {
        sqlite3 *db = NULL;
        bool summed = version >= VERSION_SUMMED;
        int r = make_empty(version), rc = pages_register();
        if (!rc)
                rc = sqlite3_open_v2(PLATTER "/" FILE_DB, &db, SQLITE_OPEN_READWRITE,
                                     version < VERSION_PAGES ? NULL : PAGES_VFS);
        if (!rc)
                rc = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        for (unsigned i = 0; !rc && i < ROWS; i++) {
                char *text = sqlite3_mprintf(fill, (unsigned)rng_below(rng, 2000), i, i, summed ? ", sum" : "",
                                             summed ? ", zeroblob(8)" : "");
                rc = sqlite3_exec(db, text, NULL, NULL, NULL);
                sqlite3_free(text);
                if (!rc && i == ROWS / 2 && rng_below(rng, 2))
                        rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        }
        sqlite3_close(db);
        return r || rc ? STORE_E_DAMAGED : 0;
}

static void judge(struct run *t, size_t at, struct seen_left left) {
        if (left.error && ++t->refused <= 3)
                tell("cut at %zu: does not open: %s", at, store_error_text(left.error));
        if (left.unsound && ++t->unsound <= 3)
                tell("cut at %zu: %s", at, left.unsound);
        if (!left.error && left.seen != t->wanted && ++t->wrong <= 3)
                tell("cut at %zu: neither old nor new", at);
}

static void cut(struct run *t, struct cutter *c, size_t at) {
        struct platter *before = platter, *d = platter = cutter_draw(c, &t->rng);
        if (rng_below(&t->rng, AGAIN_ONE_IN) == 0)
                d = seen_cut_again(d, &t->rng);
        judge(t, at, seen_after_cut());
        t->points++;
        platter = before;
        platter_free(d);
}

/* Migrates once, from @version, and cuts at about @cuts places. */
static int migrate_once(struct run *t, size_t version, unsigned cuts, const struct budget *b) {
        struct store *s = NULL;
        struct platter *d = platter = platter_new();
        int r = make_old(&t->rng, version);
        platter_log(d);
        size_t from = d->n_log;
        if (!r)
                r = store_open(&s, PLATTER);
        if (!r)
                r = seen_all(s, &t->wanted);
        store_close(s);
        d->logging = false;
        struct cutter *c = cutter_new(d);
        for (size_t at = from; !r && at <= d->n_log; at++) {
                cutter_go(c, at);
                if (rng_below(&t->rng, d->n_log - from + 1) < cuts && !budget_over(b, t->points))
                        cut(t, c, at);
        }
        cutter_free(c);
        platter_free(d);
        return r;
}

int main(int argc, char **argv) {
        struct budget b = {.seconds = SECONDS};
        if (!tell_options(argc, argv, &b))
                return 2;
        vfs_register();
        struct run t = {.rng = b.seed};
        int r = 0;
        unsigned long migrations = 0;
        size_t versions = schema_current.n - 1;
        for (size_t version = 1; !r && version <= versions; version++)
                r = migrate_once(&t, version, 0, &b);
        for (; !r && !budget_over(&b, t.points); migrations++)
                r = migrate_once(&t, 1 + (size_t)(b.seed + migrations) % versions, CUTS, &b);
        tell("%lu power cuts in %lu migrations, %.1f s", t.points, migrations, budget_spent(&b));
        tell_case(!r && t.points, "a store of each older version becomes one of the present while nothing is cut");
        tell_case(!t.refused, "the store opens after every power cut, and takes another row");
        tell_case(!t.wrong, "it is the old one or the new one, whole");
        tell_case(!t.unsound, "SQLite finds every database sound");
        return tell_end();
}
