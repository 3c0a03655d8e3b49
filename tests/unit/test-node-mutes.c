/* SPDX-License-Identifier: Apache-2.0 */
/* What is muted: added, ended, taken away, written to disk and made into a filter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/mutes.h"

#define NOW 1795000000
#define HOUR 3600
#define SETTING_ROOM (16 * 1024) /* as in node/writer.c */

static struct mute of_kind(uint8_t kind, mesh_wall until) {
        return (struct mute){.kind = kind, .until = until};
}

static struct mute of_house(unsigned house, mesh_wall until) {
        struct mute row = {.until = until};
        row.household.b[0] = (uint8_t)(house >> 8);
        row.household.b[31] = (uint8_t)house;
        return row;
}

static void put(struct mutes *m, struct mute row) {
        assert_int_equal(mutes_put(m, &row, NOW), 0);
}

static void the_same_again_has_a_new_end(_unused_ void **state) {
        struct mutes m = {0};
        struct mute gone, noise = of_kind(KIND_NOISE, 0), house = of_house(1, 0), other = of_house(2, 0);
        put(&m, noise);
        put(&m, house);
        put(&m, of_kind(KIND_NOISE, NOW + HOUR));
        put(&m, of_house(1, NOW + 2 * HOUR));
        assert_int_equal(m.n, 2);
        assert_int_equal(mutes_del(&m, &other, NOW, &gone), MUTES_E_NONE);
        assert_int_equal(mutes_del(&m, &noise, NOW, &gone), 0);
        assert_int_equal(gone.until, NOW + HOUR);
        assert_int_equal(mutes_del(&m, &noise, NOW, &gone), MUTES_E_NONE);
        assert_int_equal(mutes_del(&m, &house, NOW + 2 * HOUR, &gone), MUTES_E_NONE); /* ended by itself */
        assert_int_equal(m.n, 0);
}

static void those_that_are_over_make_room(_unused_ void **state) {
        static struct mutes m;
        struct mute one_more = of_house(MUTES_MAX, 0);
        m.n = 0;
        for (unsigned i = 0; i < MUTES_MAX; i++)
                put(&m, of_house(i, i == 7 ? NOW + HOUR : 0));
        assert_int_equal(mutes_put(&m, &one_more, NOW), MUTES_E_FULL);
        put(&m, of_house(3, 0)); /* it is there: no room needed */
        assert_int_equal(mutes_put(&m, &one_more, NOW + HOUR), 0);
        assert_int_equal(m.n, MUTES_MAX);
}

static void a_filter_has_those_that_hold(_unused_ void **state) {
        _clean_(buf_fini) struct buf keys = BUF_NULL;
        struct mutes m = {0};
        struct mute house = of_house(2, 0);
        struct store_filter f = {.now = NOW};
        put(&m, of_kind(KIND_NOISE, NOW + 1));
        put(&m, of_kind(200, 0));
        put(&m, of_house(1, NOW + 1));
        put(&m, house);
        mutes_filter(&m, NOW + 1, &f, &keys);
        assert_true(f.muted_kinds[0] == 0 && f.muted_kinds[3] == UINT64_C(1) << (200 - 192));
        assert_int_equal(f.n_muted_households, 1);
        assert_memory_equal(&f.muted_households[0], &house.household, sizeof(house.household));
        buf_clear(&keys);
        f = (struct store_filter){.now = NOW};
        mutes_filter(&m, NOW, &f, &keys);
        assert_true(f.muted_kinds[0] == UINT64_C(1) << KIND_NOISE);
        assert_int_equal(f.n_muted_households, 2);
}

static void the_disk_gives_back_what_it_got(_unused_ void **state) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        static struct mutes m, back;
        m.n = 0;
        for (unsigned i = 0; i + 1 < MUTES_MAX; i++)
                put(&m, of_house(i, i % 2 ? NOW + HOUR + i : 0));
        put(&m, of_kind(KIND_NOISE, NOW + HOUR));
        mutes_encode(&m, &bytes);
        assert_true(buf_ok(&bytes) && bytes.n <= SETTING_ROOM);
        mutes_decode(&back, buf_span(&bytes));
        assert_int_equal(back.n, MUTES_MAX);
        for (size_t i = 0; i < m.n; i++) {
                assert_int_equal(back.rows[i].kind, m.rows[i].kind);
                assert_int_equal(back.rows[i].until, m.rows[i].until);
                assert_memory_equal(&back.rows[i].household, &m.rows[i].household, sizeof(struct key));
        }
}

static void damage_ends_the_list(_unused_ void **state) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct mutes m = {0}, back;
        put(&m, of_kind(KIND_NOISE, 0));
        put(&m, of_house(1, 0));
        mutes_encode(&m, &bytes);
        for (size_t n = 0; n < bytes.n; n++) {
                mutes_decode(&back, span_of(bytes.p, n));
                assert_true(back.n < 2);
        }
        mutes_decode(&back, SPAN_STR("\x80")); /* neither a kind nor a household */
        assert_int_equal(back.n, 0);
        mutes_decode(&back, SPAN_NONE);
        assert_int_equal(back.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_same_again_has_a_new_end), cmocka_unit_test(those_that_are_over_make_room),
                cmocka_unit_test(a_filter_has_those_that_hold), cmocka_unit_test(the_disk_gives_back_what_it_got),
                cmocka_unit_test(damage_ends_the_list),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
