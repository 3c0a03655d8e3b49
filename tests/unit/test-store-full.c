/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that is full: posts are refused by name, nothing acknowledged is lost, and the same open store works again as soon
 * as there is space. Needs root, to mount a tmpfs of one megabyte in a folder of its own; else it is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store-rows.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/mount.h>

#define SKIPPED 77 /* what meson takes for "skipped" */
#define DISK "size=1m"
#define BALLAST (300 * 1024)
#define POSTS_MAX 10000
#define REFUSALS 5

static char dir[256];

static const char *in_dir(const char *name) {
        static char path[512];
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        return path;
}

static int post(struct store *s, uint64_t n) {
        static const char text[] =
                "There is smoke over the roofs behind the old bakery; keep your windows closed, please.";
        struct mesh_row row = rows_record(n, n % 7, RECORD_ALERT, ROWS_NOW);
        struct wire_alert a = rows_alert(cell_at(52.5, 13.4, CELL_BLOCK), span_str(text));
        row.record.alert = &a;
        return rows_commit(s, &row, ROWS_NOW);
}

static uint64_t post_until_refused(struct store *s, uint64_t n) {
        for (uint64_t end = n + POSTS_MAX; n < end; n++) {
                int r = post(s, n);
                if (!r)
                        continue;
                assert_int_equal(r, STORE_E_FULL);
                assert_string_equal(store_error_text(r), "no space left on the disk; nothing was changed");
                return n;
        }
        fail_msg("the disk never filled up");
        return n;
}

static int count(void *ctx, const struct mesh_row *row) {
        *(uint64_t *)ctx += row->kind == MESH_ROW_RECORD;
        return 0;
}

static void expect_records(struct store *s, uint64_t n) {
        uint64_t got = 0;
        assert_int_equal(store_restore(s, 0, count, &got), 0);
        assert_int_equal(got, n);
        struct store_reader *r;
        assert_int_equal(store_reader_open(&r, dir), 0);
        struct store_force force;
        assert_int_equal(store_in_force(r, ROWS_NOW, &force), 0);
        assert_int_equal(force.count, n);
        store_reader_close(r);
}

static void expect_sound(void) {
        sqlite3 *db;
        sqlite3_stmt *st;
        assert_int_equal(sqlite3_open_v2(in_dir("porchlight.db"), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA quick_check", -1, &st, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
        sqlite3_finalize(st);
        sqlite3_close(db);
}

static void write_ballast(void) {
        FILE *f = fopen(in_dir("ballast"), "w");
        assert_non_null(f);
        for (size_t i = 0; i < BALLAST; i++)
                putc('b', f);
        assert_int_equal(fclose(f), 0);
}

static void refuses_and_recovers(void **state) {
        (void)state;
        struct store *s;
        write_ballast();
        assert_int_equal(store_open(&s, dir), 0);
        uint64_t n = post_until_refused(s, 0);
        assert_true(n > 0);
        for (int i = 0; i < REFUSALS; i++)
                assert_int_equal(post(s, n), STORE_E_FULL);
        expect_records(s, n);

        assert_int_equal(unlink(in_dir("ballast")), 0);
        assert_int_equal(post(s, n), 0);
        uint64_t more = post_until_refused(s, n + 1);
        expect_records(s, more);
        store_close(s);
        expect_sound();

        /* Closing has emptied the log into the database; what was stored is still all there. */
        int r = store_open(&s, dir);
        assert_int_equal(r, 0);
        expect_records(s, more);
        uint64_t seq;
        assert_int_equal(store_tick(s, ROWS_NOW + MESH_DAY, ROWS_NOW + MESH_DAY, &seq), 0); /* purging makes space */
        assert_int_equal(post(s, more + 1), 0);
        store_close(s);
        expect_sound();
}

static void fill_up(void) {
        FILE *f = fopen(in_dir("ballast"), "w");
        assert_non_null(f);
        while (putc('b', f) != EOF && fflush(f) == 0)
                ;
        fclose(f);
}

static void no_room_to_begin(void **state) {
        (void)state;
        struct store *s = NULL;
        rows_clear(dir);
        fill_up();
        assert_int_equal(store_open(&s, dir), STORE_E_FULL);
        assert_null(s);
        assert_int_equal(unlink(in_dir("ballast")), 0);
        assert_int_equal(store_open(&s, dir), 0);
        assert_int_equal(post(s, 1), 0);
        store_close(s);
}

/* Entry @id of the index of ids leads to row @n: one byte of a closed database. */
static void lead_astray(const struct hash *id, uint8_t n) {
        static const uint8_t entry_head[] = {3, 76, 1}; /* a blob of 32 bytes and an integer of one */
        uint8_t entry[sizeof(entry_head) + sizeof(id->b)];
        static uint8_t file[1024 * 1024];
        memcpy(entry, entry_head, sizeof(entry_head));
        memcpy(entry + sizeof(entry_head), id->b, sizeof(id->b));
        int fd = open(in_dir("porchlight.db"), O_RDWR);
        ssize_t size = pread(fd, file, sizeof(file), 0);
        assert_true(size > 0);
        uint8_t *at = memmem(file, (size_t)size, entry, sizeof(entry));
        assert_non_null(at);
        at[sizeof(entry)] = n;
        rows_resum(file, (size_t)size);
        assert_int_equal(pwrite(fd, file, (size_t)size, 0), size);
        close(fd);
}

/* A damaged index is made anew as soon as there is room for it; until then nothing is changed. */
static void no_room_to_mend(void **state) {
        (void)state;
        struct store *s;
        struct hash id = rows_id(7);
        rows_clear(dir);
        assert_int_equal(store_open(&s, dir), 0);
        uint64_t n = 0;
        for (; n < 12; n++)
                assert_int_equal(post(s, n), 0);
        store_close(s);
        lead_astray(&id, 9);
        assert_int_equal(store_open(&s, dir), 0);
        fill_up();
        for (int i = 0; i < REFUSALS; i++)
                assert_int_equal(store_seek(s, &id), STORE_E_FULL);
        assert_int_equal(store_mends(s), 0);
        expect_records(s, n);
        assert_int_equal(unlink(in_dir("ballast")), 0);
        assert_int_equal(store_seek(s, &id), 0);
        assert_int_equal(store_mends(s), 1);
        expect_records(s, n);
        store_close(s);
        expect_sound();
}

int main(void) {
        rows_dir(dir, sizeof(dir));
        if (mount("porchlight-test", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, DISK)) {
                rmdir(dir);
                printf("1..0 # SKIP cannot mount a small tmpfs here (%s): run it as root\n", strerror(errno));
                return SKIPPED;
        }
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_and_recovers),
                cmocka_unit_test(no_room_to_begin),
                cmocka_unit_test(no_room_to_mend),
        };
        int r = cmocka_run_group_tests(tests, NULL, NULL);
        umount2(dir, MNT_DETACH);
        rmdir(dir);
        return r;
}
