/* SPDX-License-Identifier: Apache-2.0 */
/* A backup file's bytes: what goes in comes out, and nothing else is ever taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vault/backup.h"
#include "vault/keyfile.h"

#define PASSES 1
#define MEMORY_KIB 64
#define WORDS SPAN_STR("correct horse")
#define AT_COST 9 /* behind "PLBACKUP" and the version */

static struct rng rng;

static int start(void **state) {
        static const uint8_t seed[32] = {7};
        (void)state;
        rng_init(&rng, seed);
        return 0;
}

/* @n bytes of which zlib makes few (even) or as many (odd). */
static void rows_make(struct buf *out, size_t n, bool noise) {
        uint8_t *p = buf_room(out, n ? n : 1);
        memset(p, 'r', n);
        if (noise)
                rng_bytes(&rng, p, n);
        buf_used(out, n);
}

static void seal(struct buf *out, struct span rows) {
        assert_int_equal(backup_seal(out, rows, WORDS, PASSES, MEMORY_KIB, &rng), 0);
}

static void test_round_trip(void **state) {
        static const size_t sizes[] = {0, 1, BACKUP_CHUNK - 1, BACKUP_CHUNK, BACKUP_CHUNK + 1, 3 * BACKUP_CHUNK + 17};
        (void)state;
        for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
                _clean_(buf_fini) struct buf rows = BUF_NULL, file = BUF_NULL, back = BUF_NULL;
                rows_make(&rows, sizes[i / 2], i % 2);
                seal(&file, buf_span(&rows));
                assert_int_equal(backup_check(buf_span(&file)), 0);
                assert_int_equal(backup_open(&back, buf_span(&file), WORDS), 0);
                assert_true(span_eq(buf_span(&back), buf_span(&rows)));
        }
}

static void test_wrong_passphrase(void **state) {
        _clean_(buf_fini) struct buf rows = BUF_NULL, file = BUF_NULL, back = BUF_NULL;
        (void)state;
        rows_make(&rows, 100, true);
        seal(&file, buf_span(&rows));
        assert_int_equal(backup_open(&back, buf_span(&file), SPAN_STR("correct hors")), BACKUP_E_PASSPHRASE);
        assert_int_equal(backup_open(&back, buf_span(&file), SPAN_NONE), BACKUP_E_PASSPHRASE);
        assert_int_equal(back.n, 0);
}

/* Each bit of the file, and each length short of it. */
static void test_damage(void **state) {
        _clean_(buf_fini) struct buf rows = BUF_NULL, file = BUF_NULL, back = BUF_NULL;
        (void)state;
        rows_make(&rows, 50, true);
        seal(&file, buf_span(&rows));
        for (size_t i = 0; i < file.n; i++) {
                file.p[i] ^= 0x10;
                int r = backup_open(&back, buf_span(&file), WORDS);
                assert_true(r >= BACKUP_E_MAGIC && r <= BACKUP_E_DAMAGED);
                file.p[i] ^= 0x10;
                r = backup_open(&back, span_of(file.p, i), WORDS);
                assert_true(r == BACKUP_E_MAGIC || r == BACKUP_E_DAMAGED);
        }
        assert_int_equal(back.n, 0);
        assert_int_equal(backup_open(&back, buf_span(&file), WORDS), 0);
}

static void rehash(struct buf *file) {
        struct hash sum;
        file->n -= sizeof(sum.b);
        hash_make(&sum, DOMAIN_BACKUP, NULL, buf_span(file));
        buf_add(file, SPAN_OF(sum.b));
}

/* Whoever puts the hash right again still cannot leave a chunk out, swap two, or take one from another backup. */
static void test_chunks_are_bound(void **state) {
        _clean_(buf_fini) struct buf rows = BUF_NULL, file = BUF_NULL, cut = BUF_NULL, back = BUF_NULL;
        (void)state;
        rows_make(&rows, BACKUP_CHUNK + 10, false);
        seal(&file, buf_span(&rows));
        size_t at = AT_COST + 8 + 16;
        size_t first = 4 + get_be32(file.p + at);
        size_t second = file.n - 32 - at - first;
        buf_add(&cut, span_of(file.p, at + first)); /* the first alone */
        buf_add(&cut, span_of(file.p, 32));
        rehash(&cut);
        assert_int_equal(backup_check(buf_span(&cut)), 0);
        assert_int_equal(backup_open(&back, buf_span(&cut), WORDS), BACKUP_E_PASSPHRASE);
        buf_clear(&cut);
        buf_add(&cut, span_of(file.p, at)); /* swapped */
        buf_add(&cut, span_of(file.p + at + first, second));
        buf_add(&cut, span_of(file.p + at, first));
        buf_add(&cut, span_of(file.p, 32));
        rehash(&cut);
        assert_int_equal(backup_open(&back, buf_span(&cut), WORDS), BACKUP_E_PASSPHRASE);
        buf_clear(&cut);
        buf_add(&cut, span_of(file.p, at + first)); /* the first twice */
        buf_add(&cut, span_of(file.p + at, first));
        buf_add(&cut, span_of(file.p, 32));
        rehash(&cut);
        assert_int_equal(backup_open(&back, buf_span(&cut), WORDS), BACKUP_E_DAMAGED);
        assert_int_equal(back.n, 0);
}

static void test_bounds(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        (void)state;
        seal(&file, SPAN_STR("rows"));
        put_be32(file.p + AT_COST, KEYFILE_PASSES_MAX + 1);
        rehash(&file);
        assert_int_equal(backup_check(buf_span(&file)), BACKUP_E_COST);
        put_be32(file.p + AT_COST, PASSES);
        put_be32(file.p + AT_COST + 4, KEYFILE_MEMORY_KIB_MAX + 1);
        rehash(&file);
        assert_int_equal(backup_check(buf_span(&file)), BACKUP_E_COST);
        file.p[AT_COST - 1] = 2;
        assert_int_equal(backup_check(buf_span(&file)), BACKUP_E_NEWER);
        file.p[AT_COST - 1] = 0;
        assert_int_equal(backup_check(buf_span(&file)), BACKUP_E_DAMAGED);
        assert_int_equal(backup_check(SPAN_NONE), BACKUP_E_MAGIC);
        assert_int_equal(backup_check(SPAN_STR("PLBACKUP")), BACKUP_E_MAGIC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_wrong_passphrase),
                cmocka_unit_test(test_damage),     cmocka_unit_test(test_chunks_are_bound),
                cmocka_unit_test(test_bounds),
        };
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, start, NULL);
}
