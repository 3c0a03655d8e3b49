/* SPDX-License-Identifier: Apache-2.0 */
/* Where clear copies were left: node/sources.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/sources.h"

#include <stdio.h>

static void put(struct buf *all, unsigned clip, uint64_t size, const char *path) {
        struct source s = {.size = size, .path = span_str(path)};
        put_be32(s.clip.b, clip);
        assert_int_equal(sources_put(all, &s), 0);
}

static void is_next(struct span *rest, unsigned clip, uint64_t size, const char *path) {
        struct source s;
        assert_true(sources_next(rest, &s));
        assert_int_equal(get_be32(s.clip.b), clip);
        assert_int_equal(s.size, size);
        assert_true(span_eq(s.path, span_str(path)));
}

static void the_newest_is_first_and_a_clip_has_one(_unused_ void **state) {
        _clean_(buf_fini) struct buf all = BUF_NULL;
        put(&all, 1, 10, "/a");
        put(&all, 2, UINT64_C(1) << 32, "/b/c");
        put(&all, 1, 11, "/d");
        struct span rest = buf_span(&all);
        struct source s;
        is_next(&rest, 1, 11, "/d");
        is_next(&rest, 2, UINT64_C(1) << 32, "/b/c");
        assert_false(sources_next(&rest, &s));
}

static void the_oldest_go(_unused_ void **state) {
        _clean_(buf_fini) struct buf all = BUF_NULL;
        char path[512];
        memset(path, 'x', sizeof(path));
        path[sizeof(path) - 1] = 0;
        for (unsigned i = 0; i < 100; i++)
                put(&all, i, i, path);
        assert_true(all.n <= SOURCES_BYTES && all.n > SOURCES_BYTES - 600);
        struct span rest = buf_span(&all);
        is_next(&rest, 99, 99, path);
        is_next(&rest, 98, 98, path);
}

/* What a disk has changed is no reason to read behind the end. */
static void damage_ends_the_list(_unused_ void **state) {
        _clean_(buf_fini) struct buf all = BUF_NULL;
        struct source s;
        put(&all, 1, 1, "/first");
        put(&all, 2, 2, "/second");
        for (size_t n = 0; n < all.n; n++) {
                struct span cut = span_of(all.p, n);
                unsigned count = 0;
                while (sources_next(&cut, &s))
                        count++;
                assert_true(count <= 1);
        }
        all.p[40] = 0xff; /* the length of the first */
        struct span rest = buf_span(&all);
        assert_false(sources_next(&rest, &s));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_newest_is_first_and_a_clip_has_one),
                cmocka_unit_test(the_oldest_go),
                cmocka_unit_test(damage_ends_the_list),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
