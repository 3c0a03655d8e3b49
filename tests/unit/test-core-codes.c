/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device codes taken back, in streets of real cores: no home that has heard of it admits a device on one; where one that has
 * not does so all the same, the device stands everywhere and its household is told. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-devices.h"
#include "core/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CODE_LIFE 86400 /* of street_code() */

static uint64_t seed;

static struct mesh_code last_code(struct street *s, size_t i) {
        struct mesh_code c = {0};
        for (size_t k = 0; mesh_code_at(street_core(s, i), k, &c); k++)
                ;
        return c;
}

static bool is_uninvited(struct street *s, size_t at, size_t of) {
        struct sign_key sign;
        sign_key_from_seed(&sign, street_config(s, of)->sign_seed);
        return mesh_uninvited(street_core(s, at), &sign.pub);
}

/* The laptop asks at that door alone, whatever door the code leads to. */
static void refused_at(struct street *s, size_t door, const struct buf *code, enum mesh_outcome why) {
        for (size_t i = HUB; i < HOMES; i++)
                if (i != door)
                        street_cut(s, LAPTOP, i);
        street_knock(s, LAPTOP, door);
        assert_int_equal(street_enrol(s, LAPTOP, buf_span(code), "laptop"), why);
        for (size_t i = HUB; i < HOMES; i++)
                street_mend(s, LAPTOP, i);
}

/* Whatever door it comes to, also after that home was off and on again; nobody else's code is touched. */
static void test_taken_back(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf first = BUF_NULL, code = BUF_NULL;
        street_code(s, HUB, BEN, &first);
        street_code(s, HUB, BEN, &code);
        assert_int_equal(last_code(s, HUB).state, CODE_OPEN);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_DONE);
        assert_int_equal(last_code(s, HUB).state, CODE_TAKEN_BACK);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_NO_CODE);
        street_run_for(s, 30);
        refused_at(s, BEN, &code, MESH_OUT_CODE_REVOKED);
        for (size_t i = HUB; i < HOMES; i++) {
                street_off(s, i);
                street_on(s, i);
                street_run_for(s, 30);
                assert_int_equal(street_core(s, i)->n_revokes, 1);
        }
        refused_at(s, BEN, &code, MESH_OUT_CODE_REVOKED);
        assert_int_equal(last_code(s, HUB).state, CODE_TAKEN_BACK);
        assert_int_equal(street_enrol(s, LAPTOP, buf_span(&first), "laptop"), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_false(is_uninvited(s, HUB, LAPTOP));
        street_free(s);
}

/* A home that was off when it was taken back hears of it when it comes again. */
static void test_hears_later(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(s, HUB, CLEO, &code);
        street_off(s, CLEO);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_DONE);
        street_run_for(s, 600);
        street_on(s, CLEO);
        assert_true(street_wait_links(s, CLEO, 60));
        street_run_for(s, SETTLE);
        refused_at(s, CLEO, &code, MESH_OUT_CODE_REVOKED);
        street_free(s);
}

/* Taken back in one part of the street, used in the other: the device stands, the household's devices say so, and revoking
 * it ends it. */
static void test_used_apart(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        enrol(s, PHONE, HUB, "phone");
        street_code(s, HUB, BEN, &code);
        unsigned there = 1u << BEN | 1u << CLEO | 1u << LAPTOP;
        part(s, there, true);
        street_run_for(s, 200);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_DONE);
        assert_int_equal(street_enrol(s, LAPTOP, buf_span(&code), "laptop"), MESH_OUT_DONE);
        part(s, there, false);
        street_run_for(s, SETTLE);
        for (size_t i = HUB; i <= PHONE; i++) {
                assert_true(is_current(s, i, LAPTOP));
                assert_true(is_uninvited(s, i, LAPTOP));
                assert_false(is_uninvited(s, i, PHONE) || is_uninvited(s, i, HUB));
        }
        struct mesh_code c = last_code(s, HUB);
        assert_int_equal(c.state, CODE_USED);
        assert_true(c.uninvited && key_eq(&c.device, &device(s, HUB, LAPTOP)->sign));
        /* The revocation is forgotten, once its end has surely passed; who signed it says so still. */
        street_run_for(s, CODE_LIFE + 2 * 3600);
        street_off(s, HUB);
        street_on(s, HUB);
        street_run_for(s, SETTLE);
        assert_int_equal(street_core(s, HUB)->n_revokes, 0);
        assert_true(is_uninvited(s, HUB, LAPTOP) && last_code(s, HUB).uninvited);
        assert_int_equal(street_revoke_device(s, HUB, LAPTOP), MESH_OUT_DONE);
        street_run_for(s, SETTLE);
        for (size_t i = HUB; i < HOMES; i++) {
                assert_false(is_current(s, i, LAPTOP));
                assert_false(is_uninvited(s, i, LAPTOP));
        }
        street_free(s);
}

/* A code that has been used is used: nobody comes on it again by any door, and there is nothing to take back. */
static void test_used(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(s, HUB, BEN, &code);
        assert_int_equal(street_enrol(s, PHONE, buf_span(&code), "phone"), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_CODE_USED);
        refused_at(s, BEN, &code, MESH_OUT_CODE_USED);
        assert_int_equal(street_core(s, HUB)->n_revokes, 0);
        assert_int_equal(street_revoke_device(s, HUB, PHONE), MESH_OUT_DONE);
        street_run_for(s, 30);
        struct mesh_code c = last_code(s, HUB); /* also when the device has gone */
        assert_int_equal(c.state, CODE_USED);
        assert_false(c.uninvited);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_CODE_USED);
        street_free(s);
}

/* Another household says that it takes the code back: nobody minds. */
static void test_not_theirs(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(s, HUB, BEN, &code);
        struct mesh_code c = last_code(s, HUB);
        assert_int_equal(street_code_named(s, ANNA, &c.id, c.expires), MESH_OUT_DONE);
        assert_int_equal(street_code_back(s, ANNA), MESH_OUT_DONE);
        street_run_for(s, 30);
        for (size_t i = HUB; i < HOMES; i++)
                assert_int_equal(street_core(s, i)->n_revokes, 1);
        assert_int_equal(last_code(s, HUB).state, CODE_OPEN);
        assert_int_equal(street_enrol(s, LAPTOP, buf_span(&code), "laptop"), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_false(is_uninvited(s, HUB, LAPTOP));
        street_free(s);
}

/* Whether a code has ended is the members' to say: the clock of who comes on it may be days off. */
static void test_clock_of_the_joiner(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL, late = BUF_NULL;
        street_code(s, HUB, BEN, &code);
        street_clock(s, LAPTOP, 3 * CODE_LIFE);
        assert_int_equal(street_enrol(s, LAPTOP, buf_span(&code), "laptop"), MESH_OUT_DONE);
        street_code(s, HUB, BEN, &late);
        street_clock(s, PHONE, -3 * CODE_LIFE);
        street_run_for(s, CODE_LIFE + 1);
        assert_int_equal(last_code(s, HUB).state, CODE_EXPIRED);
        assert_int_equal(street_enrol(s, PHONE, buf_span(&late), "phone"), MESH_OUT_CODE_EXPIRED);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_NO_CODE);
        street_free(s);
}

/* A code admits in its last second, so that a home remembers for one more that it was taken back. */
static void test_last_second(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        const struct mesh_row *row;
        street_code(s, HUB, BEN, &code);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_DONE);
        street_run_for(s, 30);
        bool found = false;
        for (size_t k = 0; (row = street_row(s, BEN, k)); k++)
                if (row->kind == MESH_ROW_REVOKE) {
                        assert_int_equal(row->revoke.expires, last_code(s, HUB).expires + 1);
                        found = true;
                }
        assert_true(found);
        street_free(s);
}

/* What the disk refuses has not happened: the code is open, nobody hears anything, and it can be taken back later. */
static void test_disk_refuses(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        struct mesh_code c;
        street_disk_full(s, HUB, true);
        assert_int_equal(street_code_named(s, HUB, &(struct key){{9}}, street_wall(s) + CODE_LIFE),
                         MESH_OUT_STORE_FAILED);
        assert_false(mesh_code_at(street_core(s, HUB), 0, &c));
        street_disk_full(s, HUB, false);
        street_code(s, HUB, BEN, &code);
        street_disk_full(s, HUB, true);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_STORE_FAILED);
        assert_int_equal(last_code(s, HUB).state, CODE_OPEN);
        street_disk_full(s, HUB, false);
        street_run_for(s, SETTLE);
        assert_int_equal(street_core(s, BEN)->n_revokes, 0);
        assert_int_equal(street_code_back(s, HUB), MESH_OUT_DONE);
        street_run_for(s, 30);
        refused_at(s, BEN, &code, MESH_OUT_CODE_REVOKED);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taken_back),  cmocka_unit_test(test_hears_later),
                cmocka_unit_test(test_used_apart),  cmocka_unit_test(test_used),
                cmocka_unit_test(test_not_theirs),  cmocka_unit_test(test_clock_of_the_joiner),
                cmocka_unit_test(test_last_second), cmocka_unit_test(test_disk_refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
