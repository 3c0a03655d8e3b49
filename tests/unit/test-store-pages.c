/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of pages and of the log: which byte has changed, and what it was. */
#include "cases.h"
#include "store-check.h"

#include "store/log.h"

#define FLIPS 8 /* other values of each byte; all 255 with PORCHLIGHT_FULL */
#define PAGES 2000

static void fill(uint8_t page[PAGE_BYTES], uint64_t seed) {
        rows_fill(page, PAGE_BYTES, 1, seed);
        if (seed % 2) /* as pages are: little at the front, and nothing in the middle */
                memset(page + 200, 0, 3000);
}

static void one_byte_is_put_right(void **state) {
        (void)state;
        uint8_t whole[PAGE_BYTES], page[PAGE_BYTES];
        unsigned step = getenv("PORCHLIGHT_FULL") ? 1 : 256 / FLIPS;
        for (uint64_t seed = 0; seed < 2; seed++) {
                fill(whole, seed);
                page_sum(whole, 7);
                for (size_t at = 0; at < PAGE_BYTES; at++)
                        for (unsigned flip = 1 + (unsigned)at % step; flip < 256; flip += step) {
                                size_t found = PAGE_BYTES;
                                memcpy(page, whole, PAGE_BYTES);
                                page[at] ^= (uint8_t)flip;
                                if (page_check(page, 7, &found) != PAGE_MENDED || found != at ||
                                    memcmp(page, whole, PAGE_BYTES) != 0)
                                        fail_msg("byte %zu ^ %02x: %zu", at, flip, found);
                        }
        }
}

/* Two bytes are too many, and so is another page's place. What was never written is nobody's. */
static void more_is_damage(void **state) {
        (void)state;
        uint8_t whole[PAGE_BYTES], page[PAGE_BYTES];
        uint64_t rng = 3;
        size_t at;
        for (uint64_t i = 0; i < PAGES; i++) {
                fill(whole, i);
                page_sum(whole, i + 1);
                assert_int_equal(page_check(whole, i + 1, &at), PAGE_WHOLE);
                memcpy(page, whole, PAGE_BYTES);
                assert_int_equal(page_check(page, i + 2, &at), PAGE_DAMAGED);
                size_t first = rows_random(&rng) % PAGE_BYTES, second = (first + 1 + i % 9) % PAGE_BYTES;
                page[first] ^= (uint8_t)(1 + rows_random(&rng) % 255);
                page[second] ^= (uint8_t)(1 + rows_random(&rng) % 255);
                assert_int_equal(page_check(page, i + 1, &at), PAGE_DAMAGED);
        }
        memset(page, 0, PAGE_BYTES);
        assert_int_equal(page_check(page, 9, &at), PAGE_WHOLE);
}

/* A log that a crash has left: the files of an open store, each byte of the header and of a frame's head in turn. */
static void a_log_is_put_right(void **state) {
        (void)state;
        struct store *s = opened();
        for (uint64_t i = 0; i < 3; i++)
                put_alert(s, i, 1, "text");
        uint8_t *log, *after;
        size_t n = slurp(in_dir("porchlight.db-wal"), &log);
        assert_true(n > LOG_HEADER + 3 * LOG_FRAME);
        store_close(s);
        const size_t second = LOG_HEADER + LOG_FRAME;
        for (size_t i = 0; i < LOG_HEADER + LOG_FRAME_HEAD; i++)
                for (unsigned flip = 1; flip < 256; flip += 42) {
                        size_t at = i < LOG_HEADER ? i : second + i - LOG_HEADER;
                        log[at] ^= (uint8_t)flip;
                        spill(in_dir("porchlight.db-wal"), log, n);
                        log[at] ^= (uint8_t)flip;
                        assert_int_equal(log_mend(in_dir("porchlight.db-wal")), 0);
                        assert_int_equal(slurp(in_dir("porchlight.db-wal"), &after), n);
                        if (memcmp(after, log, n) != 0)
                                fail_msg("byte %zu ^ %02x", at, flip);
                        free(after);
                }
        free(log);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_byte_is_put_right),
                TEST(more_is_damage),
                TEST(a_log_is_put_right),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
