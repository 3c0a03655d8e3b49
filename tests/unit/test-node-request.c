/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of control.sock as drafts and filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/request.h"

#define HOME UINT64_C(34359738369)
#define THERE UINT64_C(34359738370)
#define NOW 1795000000

static void a_bare_post_is_at_home(_unused_ void **state) {
        struct wire_c_post m = {.kind = KIND_FIRE};
        struct mesh_draft d;
        request_draft(&m, HOME, &d);
        assert_int_equal(d.type, RECORD_ALERT);
        assert_int_equal(d.kind, KIND_FIRE);
        assert_int_equal(d.cell, HOME);
        assert_false(d.sensor);
        assert_int_equal(d.severity | d.urgency | d.certainty | d.status | d.doing | d.precision, 0);
        assert_int_equal(d.expires_in, 0);
        assert_int_equal(d.text.n + d.clips.n, 0);
}

static void a_post_says_what_it_says(_unused_ void **state) {
        struct wire_c_post m = {.kind = KIND_THEFT};
        struct mesh_draft d;
        WIRE_PUT(&m, C_POST, text, SPAN_STR("bicycle"));
        WIRE_PUT(&m, C_POST, cell, THERE);
        WIRE_PUT(&m, C_POST, severity, SEVERITY_MINOR);
        WIRE_PUT(&m, C_POST, source, SOURCE_SENSOR);
        WIRE_PUT(&m, C_POST, precision, PRECISION_AREA);
        WIRE_PUT(&m, C_POST, expires_in, 3600);
        request_draft(&m, HOME, &d);
        assert_int_equal(d.cell, THERE);
        assert_int_equal(d.severity, SEVERITY_MINOR);
        assert_int_equal(d.precision, PRECISION_AREA);
        assert_int_equal(d.expires_in, 3600);
        assert_true(d.sensor);
        assert_true(span_eq(d.text, SPAN_STR("bicycle")));
        WIRE_PUT(&m, C_POST, source, SOURCE_PERSON);
        request_draft(&m, HOME, &d);
        assert_false(d.sensor);
}

static void a_follow_up_names_its_target(_unused_ void **state) {
        struct wire_c_follow m = {.what = RECORD_UPDATE, .target = SPAN_STR("abcd")};
        struct hash target = {{1, 2, 3}};
        struct mesh_draft d;
        WIRE_PUT(&m, C_FOLLOW, severity, SEVERITY_EXTREME);
        request_follow(&m, &target, &d);
        assert_int_equal(d.type, RECORD_UPDATE);
        assert_int_equal(d.severity, SEVERITY_EXTREME);
        assert_memory_equal(&d.target, &target, sizeof(target));
        assert_int_equal(d.cell, 0);
}

static void a_bare_filter_lets_all_through(_unused_ void **state) {
        struct wire_c_filter m = {0};
        struct store_filter f;
        assert_true(request_filter(&m, 0, NOW, &f));
        assert_int_equal(f.centre | f.within_m | f.since | f.limit | f.min_severity, 0);
        assert_int_equal(f.kinds[0] | f.kinds[1] | f.kinds[2] | f.kinds[3], 0);
        assert_int_equal(f.now, NOW);
        assert_true(request_filter(&m, HOME, NOW, &f)); /* distances are from home */
        assert_int_equal(f.centre, HOME);
}

static void a_radius_wants_a_place(_unused_ void **state) {
        struct wire_c_filter m = {0};
        struct store_filter f;
        WIRE_PUT(&m, C_FILTER, within, 800);
        assert_false(request_filter(&m, 0, NOW, &f));
        assert_true(request_filter(&m, HOME, NOW, &f));
        assert_int_equal(f.within_m, 800);
        WIRE_PUT(&m, C_FILTER, cell, THERE);
        assert_true(request_filter(&m, HOME, NOW, &f));
        assert_int_equal(f.centre, THERE);
}

static void kinds_become_bits(_unused_ void **state) {
        static const uint8_t kinds[] = {1, 63, 64, 255, 255, 0};
        struct wire_c_filter m = {0};
        struct store_filter f;
        WIRE_PUT(&m, C_FILTER, kinds, SPAN_OF(kinds));
        assert_true(request_filter(&m, 0, NOW, &f));
        assert_true(f.kinds[0] == (UINT64_C(1) << 63 | 2 | 1));
        assert_true(f.kinds[1] == 1);
        assert_true(f.kinds[2] == 0);
        assert_true(f.kinds[3] == UINT64_C(1) << 63);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_bare_post_is_at_home),       cmocka_unit_test(a_post_says_what_it_says),
                cmocka_unit_test(a_follow_up_names_its_target), cmocka_unit_test(a_bare_filter_lets_all_through),
                cmocka_unit_test(a_radius_wants_a_place),       cmocka_unit_test(kinds_become_bits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
