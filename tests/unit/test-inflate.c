/* SPDX-License-Identifier: Apache-2.0 */
/* Inflation within bounds: round trips, damage, and the bombs of T21. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "tools/sample.h"
#include "wire/inflate.h"

/* @n bytes that do not compress. */
static struct buf noise(size_t n) {
        static struct sample s;
        struct buf b = BUF_NULL;
        uint8_t *p = buf_room(&b, n + 1); /* one more, so that there is memory for none as well */
        assert_non_null(p);
        s.state = n + 1;
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)sample_next(&s);
        buf_used(&b, n);
        return b;
}

static struct buf repeated(uint8_t byte, size_t n) {
        struct buf b = BUF_NULL;
        memset(buf_room(&b, n + 1), byte, n);
        buf_used(&b, n);
        return b;
}

/* zlib's own packing: as tight as it gets, without a thought for our bounds. */
static struct buf packed(struct span in) {
        struct buf b = BUF_NULL;
        uLongf n = compressBound(in.n);
        uint8_t *p = buf_room(&b, n);
        assert_int_equal(compress2(p, &n, in.p, in.n, Z_BEST_COMPRESSION), Z_OK);
        buf_used(&b, n);
        return b;
}

static void check_round_trip(struct span in) {
        _clean_(buf_fini) struct buf small = BUF_NULL;
        _clean_(buf_fini) struct buf back = BUF_NULL;
        buf_add_str(&back, "before");
        assert_int_equal(deflate_all(in, &small), 0);
        assert_int_equal(inflate_all(buf_span(&small), &back), 0);
        assert_int_equal(back.n, in.n + 6);
        assert_memory_equal(back.p, "before", 6);
        assert_true(span_eq(span_from(buf_span(&back), 6), in));
}

static void test_round_trip(void **state) {
        (void)state;
        static const size_t sizes[] = {0,      1,          100, 4095, 4096, 4097, INFLATE_FREE, INFLATE_FREE + 1,
                                       300000, INFLATE_MAX};
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                _clean_(buf_fini) struct buf hard = noise(sizes[i]);
                _clean_(buf_fini) struct buf easy = repeated(0, sizes[i]);
                check_round_trip(buf_span(&hard));
                check_round_trip(buf_span(&easy)); /* a bomb, were it packed as zlib would */
        }
}

static void expect(struct span in, int outcome) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        buf_add_str(&out, "before");
        assert_int_equal(inflate_all(in, &out), outcome);
        assert_true(buf_ok(&out));
        assert_int_equal(out.n, 6);
        assert_memory_equal(out.p, "before", 6);
}

static void test_bombs(void **state) {
        (void)state;
        static const size_t sizes[] = {64 * 1024, INFLATE_MAX, INFLATE_MAX + 1, 16 * INFLATE_MAX};
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                _clean_(buf_fini) struct buf plain = repeated('a', sizes[i]);
                _clean_(buf_fini) struct buf bomb = packed(buf_span(&plain));
                _clean_(buf_fini) struct buf nested = packed(buf_span(&bomb));
                expect(buf_span(&bomb), INFLATE_E_BOMB);
                _clean_(buf_fini) struct buf out = BUF_NULL;
                int r = inflate_all(buf_span(&nested), &out); /* one layer is peeled, never two */
                assert_true(r ? out.n == 0 : span_eq(buf_span(&out), buf_span(&bomb)));
        }
}

static void test_small_may_be_regular(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf plain = repeated('a', INFLATE_FREE);
        _clean_(buf_fini) struct buf tight = packed(buf_span(&plain));
        _clean_(buf_fini) struct buf out = BUF_NULL;
        assert_int_equal(inflate_all(buf_span(&tight), &out), 0);
        assert_int_equal(out.n, INFLATE_FREE);
}

static void test_one_byte_too_large(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf plain = noise(INFLATE_MAX + 1);
        _clean_(buf_fini) struct buf large = packed(buf_span(&plain));
        expect(buf_span(&large), INFLATE_E_BOMB);
}

static void test_truncated_and_followed(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf plain = noise(500);
        _clean_(buf_fini) struct buf good = packed(buf_span(&plain));
        for (size_t n = 0; n < good.n; n++)
                expect(span_of(good.p, n), INFLATE_E_INPUT);
        buf_add_u8(&good, 0);
        expect(buf_span(&good), INFLATE_E_INPUT);
}

static void test_damaged(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf plain = noise(200);
        _clean_(buf_fini) struct buf good = packed(buf_span(&plain));
        for (size_t at = 0; at < good.n; at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        _clean_(buf_fini) struct buf out = BUF_NULL;
                        good.p[at] ^= (uint8_t)(1 << bit);
                        if (inflate_all(buf_span(&good), &out) == 0) /* bits that mean nothing, such as the level's */
                                assert_true(span_eq(buf_span(&out), buf_span(&plain)));
                        good.p[at] ^= (uint8_t)(1 << bit);
                }
}

static void test_other_formats(void **state) {
        (void)state;
        expect(SPAN_NONE, INFLATE_E_INPUT);
        expect(SPAN_STR("\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0"), INFLATE_E_INPUT); /* gzip with a name */
        expect(SPAN_STR("\x78\xbb\x00\x00\x00\x01\x03\x00"), INFLATE_E_INPUT);     /* wants a dictionary */
        expect(SPAN_STR("\x03\x00"), INFLATE_E_INPUT);                             /* bare deflate */
        expect(SPAN_STR("\x78\x9c\x01\xff\xff\x00\x00\x61"), INFLATE_E_INPUT);     /* claims 65,535 stored bytes */
        expect(SPAN_STR("\x78\x9c\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff"),
               INFLATE_E_INPUT); /* empty blocks, no end */
}

static void test_bound_of_the_buffer(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf plain = noise(5000);
        _clean_(buf_fini) struct buf good = packed(buf_span(&plain));
        _clean_(buf_fini) struct buf out = BUF_MAX(4999);
        assert_int_equal(inflate_all(buf_span(&good), &out), ERR_NOMEM);
        assert_int_equal(out.n, 0);
        _clean_(buf_fini) struct buf exact = BUF_MAX(5000);
        assert_int_equal(inflate_all(buf_span(&good), &exact), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_bombs),
                cmocka_unit_test(test_small_may_be_regular),
                cmocka_unit_test(test_one_byte_too_large),
                cmocka_unit_test(test_truncated_and_followed),
                cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_other_formats),
                cmocka_unit_test(test_bound_of_the_buffer),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
