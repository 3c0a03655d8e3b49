/* SPDX-License-Identifier: Apache-2.0 */
/* The names a home has for places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cell.h"
#include "node/places.h"

#include <stdio.h>

static const mesh_cell here = UINT64_C(1) << 35 | 12345, there = UINT64_C(1) << 30 | 6789;

static void names_cannot_be_read_as_anything_else(_unused_ void **state) {
        static const char *const good[] = {"school", "Oma", "gym", "the garden", "Kita Süd", "Büro", "u33", "12"};
        static const char *const bad[] = {"",
                                          "u33dc0t",
                                          "U33DC0",
                                          "52.5,13.4",
                                          "geo:x",
                                          "a,b",
                                          " school",
                                          "school ",
                                          "-x",
                                          "a\tb",
                                          "\xff\xfe",
                                          "bcdefgh",
                                          "123456789012345678901234567890123"};
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_null(place_name_wrong(span_str(good[i])));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_non_null(place_name_wrong(span_str(bad[i])));
        assert_true(place_is_home(SPAN_STR("Home")) && !place_is_home(SPAN_STR("homes")));
}

static void a_name_means_one_place(_unused_ void **state) {
        struct places p = {.n = 0};
        assert_int_equal(places_put(&p, SPAN_STR("School"), here), 0);
        assert_int_equal(places_put(&p, SPAN_STR("gym"), here), 0);
        assert_int_equal(places_put(&p, SPAN_STR("school"), there), 0);
        assert_int_equal(p.n, 2);
        assert_true(places_find(&p, SPAN_STR("SCHOOL"))->cell == there);
        assert_string_equal(p.rows[0].name, "school");
        assert_int_equal(places_del(&p, SPAN_STR("School")), 0);
        assert_int_equal(places_del(&p, SPAN_STR("School")), PLACES_E_NONE);
        assert_null(places_find(&p, SPAN_STR("school")));
        assert_true(p.n == 1 && places_find(&p, SPAN_STR("gym")));
}

static void there_are_not_too_many(_unused_ void **state) {
        struct places p = {.n = 0}, again;
        _clean_(buf_fini) struct buf disk = BUF_NULL;
        char name[PLACE_NAME_MAX];
        for (unsigned i = 0; i < PLACES_MAX; i++) {
                snprintf(name, sizeof(name), "place %u", i);
                assert_int_equal(places_put(&p, span_str(name), here), 0);
        }
        assert_int_equal(places_put(&p, SPAN_STR("more"), here), PLACES_E_FULL);
        assert_int_equal(places_put(&p, SPAN_STR("place 7"), there), 0);
        places_encode(&p, &disk);
        places_decode(&again, buf_span(&disk));
        assert_int_equal(again.n, PLACES_MAX);
        assert_memory_equal(&again, &p, sizeof(p));
}

static void what_is_damaged_on_disk_ends_the_list(_unused_ void **state) {
        struct places p = {.n = 0}, again;
        _clean_(buf_fini) struct buf disk = BUF_NULL;
        places_put(&p, SPAN_STR("school"), here);
        places_put(&p, SPAN_STR("gym"), there);
        places_encode(&p, &disk);
        places_decode(&again, span_of(disk.p, disk.n - 1));
        assert_true(again.n == 1 && strcmp(again.rows[0].name, "school") == 0);
        places_decode(&again, SPAN_STR("\xff"));
        assert_int_equal(again.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_cannot_be_read_as_anything_else),
                cmocka_unit_test(a_name_means_one_place),
                cmocka_unit_test(there_are_not_too_many),
                cmocka_unit_test(what_is_damaged_on_disk_ends_the_list),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
