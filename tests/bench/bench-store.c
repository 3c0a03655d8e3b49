/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-store [DIR [ALERTS]]: what the store costs. Prints ingest rates, nearby latencies beside the bare SQLite query for
 * the same rows, and the time a start needs. DIR (default $TMPDIR or /tmp) should be on the disk one means to measure.
 */
#include "base/cell.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../unit/store-rows.h"

#define HOUSES 1000
#define HOME_LAT 52.5
#define HOME_LON 13.4
#define SPREAD_DEG 0.02 /* about 4.4 x 2.7 km */
#define RETENTION_S (30u * MESH_DAY)
#define QUERIES 100

static double seconds(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double fraction(uint64_t *rng) {
        return (double)(rows_random(rng) >> 11) / (double)(1ull << 53);
}

static mesh_cell some_cell(uint64_t *rng, int chars) {
        return cell_at(HOME_LAT + (fraction(rng) - 0.5) * SPREAD_DEG * 2,
                       HOME_LON + (fraction(rng) - 0.5) * SPREAD_DEG * 2, chars);
}

static void put(struct store *s, uint64_t first, uint64_t n, uint64_t batch, uint64_t total, uint64_t *rng) {
        static const char text[] =
                "Smoke from the roof of the old bakery, the street is closed. Keep windows shut, please.";
        static uint8_t bytes[512];
        for (uint64_t i = first; i < first + n;) {
                struct store_batch *b = store_batch_new();
                for (uint64_t j = 0; j < batch && i < first + n; j++, i++) {
                        mesh_wall created = ROWS_NOW - RETENTION_S + RETENTION_S * i / total;
                        struct mesh_row row = rows_record(i, rows_random(rng) % HOUSES, RECORD_ALERT, created);
                        row.record.expires = created + MESH_DAY;
                        row.record.bytes = SPAN_OF(bytes);
                        struct wire_alert a = rows_alert(some_cell(rng, i % 4 ? CELL_BLOCK : CELL_AREA), SPAN_OF(text));
                        a.severity = 1 + rows_random(rng) % 5;
                        row.record.alert = &a;
                        REQUIRE(store_batch_add(b, &row, i) == 0);
                }
                uint64_t seq;
                REQUIRE(store_commit(s, b, ROWS_NOW - RETENTION_S + RETENTION_S * i / total, &seq) == 0);
                store_batch_free(b);
        }
}

static void ingest(const char *dir) {
        static const uint64_t batches[] = {1, 64, 1024}, counts[] = {2000, 20000, 50000};
        for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
                struct store *s;
                uint64_t rng = 7;
                rows_clear(dir);
                REQUIRE(store_open(&s, dir) == 0);
                double t = seconds();
                put(s, 0, counts[i], batches[i], counts[i], &rng);
                t = seconds() - t;
                printf("ingest, batches of %4llu: %8.0f rows/s\n", (unsigned long long)batches[i],
                       (double)counts[i] / t);
                store_close(s);
        }
}

static int by_size(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static int count_row(void *ctx, const struct store_alert *a) {
        *(uint64_t *)ctx += a->text.n > 0;
        return 0;
}

/* The same rows by one plain statement, as somebody would write it by hand. */
static uint64_t bare(sqlite3_stmt *st, const mesh_cell *cells, size_t n, mesh_wall since) {
        static char json[65536];
        size_t at = 0;
        for (size_t i = 0; i < n; i++)
                at += (size_t)snprintf(json + at, sizeof(json) - at, "%c%llu", i ? ',' : '[',
                                       (unsigned long long)cells[i]);
        snprintf(json + at, sizeof(json) - at, "]");
        sqlite3_bind_text(st, 1, json, -1, SQLITE_STATIC);
        sqlite3_bind_int64(st, 2, (int64_t)since);
        uint64_t rows = 0;
        while (sqlite3_step(st) == SQLITE_ROW) {
                for (int c = 0; c < sqlite3_column_count(st); c++)
                        rows += sqlite3_column_bytes(st, c) > 1000000;
                rows++;
        }
        sqlite3_reset(st);
        return rows;
}

static void nearby(const char *dir, uint32_t within_m, mesh_wall since) {
        struct store_reader *r;
        sqlite3 *db;
        sqlite3_stmt *st;
        char path[512];
        snprintf(path, sizeof(path), "%s/porchlight.db", dir);
        REQUIRE(store_reader_open(&r, dir) == 0);
        REQUIRE(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == 0);
        sqlite3_exec(db, "PRAGMA cache_size=-512; PRAGMA mmap_size=0", NULL, NULL, NULL);
        REQUIRE(sqlite3_prepare_v2(db,
                                   "SELECT r.id, d.b, h.b, r.head, a.*, w.text, w.clips FROM json_each(?1) j "
                                   "CROSS JOIN alert a ON a.place = j.value JOIN record r ON r.n = a.n "
                                   "JOIN key d ON d.n = a.device JOIN key h ON h.n = a.house "
                                   "LEFT JOIN words w ON w.n = a.words WHERE a.last >= ?2 "
                                   "ORDER BY a.expires > ?2 DESC, a.severity, a.created DESC",
                                   -1, &st, NULL) == 0);
        static double ours[QUERIES], theirs[QUERIES];
        uint64_t rng = 11, found = 0, scanned = 0;
        for (size_t i = 0; i < QUERIES; i++) {
                static mesh_cell cells[4096];
                struct store_filter f = {
                        .centre = some_cell(&rng, CELL_BLOCK), .within_m = within_m, .since = since, .now = ROWS_NOW};
                size_t n = cell_cover(f.centre, within_m, CELL_BLOCK, cells, 2048);
                n += cell_cover(f.centre, within_m, CELL_AREA, cells + n, 2048);
                double t = seconds();
                scanned += bare(st, cells, n, since ? since : ROWS_NOW - MESH_DAY);
                theirs[i] = seconds() - t;
                t = seconds();
                REQUIRE(store_nearby(r, &f, count_row, &found) == 0);
                ours[i] = seconds() - t;
        }
        qsort(ours, QUERIES, sizeof(*ours), by_size);
        qsort(theirs, QUERIES, sizeof(*theirs), by_size);
        printf("nearby %5u m, %s: %6.1f alerts; p50 %7.3f p99 %7.3f ms; bare SQLite (%.1f rows) p50 %7.3f p99 %7.3f "
               "ms\n",
               within_m, since ? "30 days" : "bare   ", (double)found / QUERIES, ours[QUERIES / 2] * 1e3,
               ours[QUERIES * 99 / 100] * 1e3, (double)scanned / QUERIES, theirs[QUERIES / 2] * 1e3,
               theirs[QUERIES * 99 / 100] * 1e3);
        sqlite3_finalize(st);
        sqlite3_close(db);
        store_reader_close(r);
}

static int count_restored(void *ctx, const struct mesh_row *row) {
        *(uint64_t *)ctx += row->kind == MESH_ROW_RECORD;
        return 0;
}

static void restore(const char *dir, mesh_wall now) {
        struct store *s;
        uint64_t n = 0;
        double t = seconds();
        REQUIRE(store_open(&s, dir) == 0);
        double opened = seconds();
        REQUIRE(store_restore(s, now, count_restored, &n) == 0);
        double done = seconds();
        printf("start: open %.1f ms, restore of %llu records %.1f ms\n", (opened - t) * 1e3, (unsigned long long)n,
               (done - opened) * 1e3);
        store_close(s);
}

/* Most of them are over: how long is the store busy with that, and how long at once? */
static void expire(struct store *s) {
        uint64_t seq;
        double all = 0, most = 0;
        for (int r = STORE_E_MORE; r;) {
                double t = seconds();
                r = store_tick(s, ROWS_NOW, 0, &seq);
                REQUIRE(r == 0 || r == STORE_E_MORE);
                t = seconds() - t;
                all += t;
                most = MAX(most, t);
        }
        printf("ticks that expire most of them: %.1f ms, the longest %.1f ms\n", all * 1e3, most * 1e3);
}

int main(int argc, char **argv) {
        char dir[256];
        uint64_t alerts = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000, rng = 3;
        if (argc > 1)
                setenv("TMPDIR", argv[1], 1);
        setvbuf(stdout, NULL, _IOLBF, 0);
        rows_dir(dir, sizeof(dir));
        ingest(dir);

        struct store *s;
        rows_clear(dir);
        REQUIRE(store_open(&s, dir) == 0);
        double t = seconds();
        put(s, 0, alerts, 1024, alerts, &rng);
        printf("%llu alerts stored: %.0f rows/s\n", (unsigned long long)alerts, (double)alerts / (seconds() - t));
        expire(s);
        store_close(s);
        static const uint32_t radii[] = {150, 300, 800, 2000, 4000};
        for (size_t i = 0; i < ARRAY_LEN(radii); i++)
                nearby(dir, radii[i], 0);
        nearby(dir, 300, ROWS_NOW - RETENTION_S);
        restore(dir, 0);
        restore(dir, ROWS_NOW);
        rows_remove(dir);
        return 0;
}
