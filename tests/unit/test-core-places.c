/* SPDX-License-Identifier: Apache-2.0 */
/* A home that waits for a place, in streets of real cores: it is told, and let in when a place is free. Seed: printed, and
 * PORCHLIGHT_SEED. */
#include "core/core.h"
#include "support/street.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MEMBERS 5 /* once one of the two that come has a place */
#define SETTLE 120

static uint64_t seed;

/* Everybody of @here to everybody else. */
static void part(struct street *s, unsigned here, bool cut) {
        for (size_t a = 0; a <= MEMBERS; a++)
                for (size_t b = 0; b < a; b++)
                        if ((here >> a & 1) != (here >> b & 1))
                                (cut ? street_cut : street_mend)(s, a, b);
}

/* Homes 0 to 3, where an ordinary home may bring in one. Homes 4 and 5 have come on tickets of home 1, through doors that
 * could not hear of each other. Returns which of them waits. */
static size_t street_crowded(struct street *s) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_charter_row one = {.key = CHARTER_home_invites, .value = 1};
        struct wire_list rows = {0};
        const unsigned here = 1u << 0 | 1u << 2 | 1u << 4;
        wire_list_add(&wire_charter_row_desc, &rows, &store, &one);
        assert_int_equal(street_found_by(s, 0, &rows), MESH_OUT_DONE);
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        street_run_for(s, SETTLE);
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL;
        buf_add_str(&first, street_invite(s, 1, 1));
        buf_add_str(&second, street_invite(s, 1, 1));
        part(s, here, true);
        street_run_for(s, 200);
        for (size_t i = 0; i < 2; i++) {
                street_knock(s, 4 + i, 2 + i);
                assert_int_equal(street_join(s, 4 + i, buf_cstr(i ? &second : &first)), MESH_OUT_DONE);
        }
        part(s, here, false);
        street_run_for(s, SETTLE);
        return street_state(s, 4) == FRESH_WAITING ? 4 : 5;
}

/* It knows why, also after a restart, and all others say the same. */
static void test_is_told(void **state) {
        (void)state;
        struct street *s = street_bare(MEMBERS + 1, seed);
        size_t out = street_crowded(s), in = out == 4 ? 5 : 4;
        for (int restarted = 0; restarted < 2; restarted++) {
                struct mesh_status st;
                mesh_status(street_core(s, out), &st);
                assert_int_equal(st.state, FRESH_WAITING);
                assert_int_equal(st.out, MESH_OUT_WAITS_PLACE);
                assert_int_equal(street_post(s, out, KIND_THEFT, "I am in, too", NULL), MESH_OUT_WAITS_PLACE);
                street_off(s, out);
                street_on(s, out);
                street_run_for(s, SETTLE);
        }
        for (size_t i = 0; i <= MEMBERS; i++)
                assert_int_equal(street_members(s, i), MEMBERS);
        assert_int_equal(street_links(s, out), 0);
        struct hash id;
        assert_int_equal(street_post(s, in, KIND_THEFT, "we have a place", &id), MESH_OUT_DONE);
        street_run_for(s, SETTLE);
        assert_true(street_has(s, 0, &id));
        assert_false(street_body(s, out, &id));
        assert_null(street_invite(s, 1, 1)); /* there is no place to invite to */
        assert_non_null(street_invite(s, in, 1));
        street_free(s);
}

/* It goes on knocking, and is a member as soon as another home goes: with keys, links and posts. */
static void test_place_is_free(void **state) {
        (void)state;
        struct street *s = street_bare(MEMBERS + 1, seed);
        size_t out = street_crowded(s), in = out == 4 ? 5 : 4;
        struct hash id;
        assert_int_equal(street_vote(s, in, OP_LEAVE, in), MESH_OUT_DONE);
        street_run_for(s, 3600);
        assert_int_equal(street_state(s, out), FRESH_CURRENT);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "welcome", &id), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_true(street_has(s, out, &id));
        assert_int_equal(street_post(s, out, KIND_THEFT, "thanks", &id), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_true(street_has(s, 0, &id));
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_is_told),
                cmocka_unit_test(test_place_is_free),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
