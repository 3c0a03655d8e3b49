/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several devices of one household, in streets of real cores: they come on codes, post, and are revoked while parts of the
 * street are cut off from each other. In the end all homes say the same. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-devices.h"
#include "core/core.h"
#include "core/link.h"
#include "core/record.h"
#include "core/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WHOLE_URGENT 12 /* of a day, by the charter's preset */

static uint64_t seed;

/* ---- what a home knows ---- */

static bool holds(struct street *s, size_t at, const struct hash *id) {
        struct mesh *m = street_core(s, at);
        for (size_t k = 0; k < m->n_sorted; k++)
                if (hash_eq(&m->sorted[k]->id, id))
                        return !(m->sorted[k]->flags & REC_GONE);
        return false;
}

static struct link *link_between(struct street *s, size_t at, size_t other) {
        struct mesh *m = street_core(s, at);
        LINK_EACH(l, m)
        if (l->state == LINK_UP && key_eq(&l->device, &device(s, at, other)->sign))
                return l;
        return NULL;
}

/* Do two neighbours call the same records theirs? */
static bool records_agree(struct street *s, size_t a, size_t b) {
        struct link *one = link_between(s, a, b), *other = link_between(s, b, a);
        assert_true(one && other);
        mesh_wall was[] = {one->until, other->until};
        one->until = other->until = street_wall(s);
        assert_int_equal(sync_digests(one) | sync_digests(other), 0);
        one->until = was[0];
        other->until = was[1];
        return memcmp(one->mine[LINK_RECORDS], other->mine[LINK_RECORDS], sizeof(one->mine[0])) == 0;
}

static struct hash post(struct street *s, size_t i, const char *text) {
        struct hash id;
        assert_int_equal(street_post(s, i, KIND_THEFT, text, &id), MESH_OUT_DONE);
        return id;
}

static size_t posts_left(struct street *s, size_t i) {
        size_t n = 0;
        while (street_post(s, i, KIND_FIRE, "again", NULL) == MESH_OUT_DONE)
                n++;
        return n;
}

/* ---- tests ---- */

/* A device comes by a door that cannot reach the main one; both post while apart; both are right afterwards. */
static void test_joins_apart(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(s, HUB, BEN, &code);
        unsigned here = 1u << HUB | 1u << ANNA;
        part(s, here, true);
        street_run_for(s, 200);
        assert_int_equal(street_enrol(s, LAPTOP, buf_span(&code), "laptop"), MESH_OUT_DONE);
        assert_null(device(s, HUB, LAPTOP));
        struct hash hub = post(s, HUB, "from the hub"), laptop = post(s, LAPTOP, "from the laptop");
        street_run_for(s, 60);
        assert_true(holds(s, ANNA, &hub) && holds(s, CLEO, &laptop));
        assert_false(holds(s, CLEO, &hub) || holds(s, ANNA, &laptop));
        part(s, here, false);
        street_run_for(s, SETTLE);
        for (size_t i = HUB; i <= LAPTOP; i++) {
                assert_true(holds(s, i, &hub) && holds(s, i, &laptop));
                assert_true(is_current(s, i, HUB) && is_current(s, i, LAPTOP));
                assert_ptr_equal(device(s, i, HUB)->home, device(s, i, LAPTOP)->home);
                assert_int_equal(device(s, i, LAPTOP)->share, SHARE_QUARTER);
                assert_int_equal(roster_members(mesh_roster(street_core(s, i))), HOMES);
        }
        street_free(s);
}

/* Two machines come on one code, each by a door that does not hear of the other: one of them stands, everywhere the same. */
static void test_one_code_twice(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(s, HUB, BEN, &code);
        unsigned there = 1u << ANNA | 1u << PHONE;
        part(s, there, true);
        street_run_for(s, 200);
        assert_int_equal(street_enrol(s, LAPTOP, buf_span(&code), "laptop"), MESH_OUT_DONE);
        street_knock(s, PHONE, ANNA);
        assert_int_equal(street_enrol(s, PHONE, buf_span(&code), "phone"), MESH_OUT_DONE);
        assert_true(is_current(s, ANNA, PHONE) && is_current(s, HUB, LAPTOP));
        part(s, there, false);
        street_run_for(s, SETTLE);
        bool laptop = is_current(s, HUB, LAPTOP), phone = is_current(s, HUB, PHONE);
        assert_true(laptop != phone);
        for (size_t i = HUB; i < HOMES; i++) {
                assert_int_equal(is_current(s, i, LAPTOP), laptop);
                assert_int_equal(is_current(s, i, PHONE), phone);
        }
        size_t out = laptop ? PHONE : LAPTOP;
        for (int restarted = 0; restarted < 2;
             restarted++) { /* and it knows why, also when it has forgotten that it was in */
                struct mesh_status st;
                assert_int_equal(street_post(s, out, KIND_THEFT, "I am in, too", NULL), MESH_OUT_CODE_TWICE);
                mesh_status(street_core(s, out), &st);
                assert_int_equal(st.state, FRESH_REMOVED);
                assert_int_equal(st.out, MESH_OUT_CODE_TWICE);
                street_off(s, out);
                street_on(s, out);
        }
        street_free(s);
}

/* Revoked while it is apart: what it posted before that time stands also where it comes later, what it posted after is void
 * also where it was taken before the revocation came. */
static void test_revoked_apart(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        enrol(s, LAPTOP, HUB, "laptop");
        street_run_for(s, 30);
        unsigned there = 1u << BEN | 1u << LAPTOP;
        part(s, there, true);
        street_run_for(s, 200);
        struct hash before = post(s, LAPTOP, "before");
        street_run_for(s, 60);
        assert_int_equal(street_revoke_device(s, HUB, LAPTOP), MESH_OUT_DONE);
        street_run_for(s, 60);
        struct hash after = post(s, LAPTOP, "after");
        street_run_for(s, 60);
        assert_true(holds(s, BEN, &before) && holds(s, BEN, &after));
        assert_false(holds(s, CLEO, &before));
        part(s, there, false);
        street_run_for(s, SETTLE);
        for (size_t i = HUB; i < HOMES; i++) {
                assert_false(is_current(s, i, LAPTOP));
                assert_true(holds(s, i, &before));
                assert_int_equal(holds(s, i, &after), i == BEN); /* who has it keeps it, and has nothing to tell … */
        }
        assert_true(records_agree(s, HUB, BEN) && records_agree(s, ANNA, BEN) && records_agree(s, CLEO, BEN));
        street_off(s, BEN); /* … nor when it is asked anew */
        street_on(s, BEN);
        street_run_for(s, SETTLE);
        assert_true(records_agree(s, HUB, BEN) && records_agree(s, ANNA, BEN) && records_agree(s, CLEO, BEN));
        assert_int_equal(street_post(s, LAPTOP, KIND_THEFT, "still me", NULL), MESH_OUT_REVOKED);
        struct hash secret = post(s, HUB, "not for the laptop");
        street_run_for(s, SETTLE);
        assert_true(holds(s, BEN, &secret));
        assert_false(street_body(s, LAPTOP, &secret));
        street_free(s);
}

/* The main device has the whole of a day's posts, each further one a quarter, and none takes from another. */
static void test_shares(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        enrol(s, LAPTOP, ANNA, "laptop");
        enrol(s, PHONE, BEN, "phone");
        assert_int_equal(posts_left(s, LAPTOP), WHOLE_URGENT / 4);
        assert_int_equal(posts_left(s, HUB), WHOLE_URGENT);
        assert_int_equal(posts_left(s, PHONE), WHOLE_URGENT / 4);
        street_run_for(s, SETTLE);
        for (size_t i = HUB; i < HOMES; i++)
                assert_int_equal(street_count(s, i), WHOLE_URGENT + 2 * (WHOLE_URGENT / 4));
        street_run_for(s, 86400);
        assert_int_equal(posts_left(s, LAPTOP), WHOLE_URGENT / 4);
        street_free(s);
}

/* Four at most: the fifth is told so, and has the place when one goes. */
static void test_four(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        static const char *const names[] = {"laptop", "phone", "tablet"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                enrol(s, LAPTOP + i, HUB + i, names[i]);
        street_run_for(s, 30);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(s, HUB, CLEO, &code);
        assert_int_equal(street_enrol(s, ATTIC, buf_span(&code), "attic"), MESH_OUT_DEVICES_FULL);
        assert_int_equal(street_revoke_device(s, HUB, PHONE), MESH_OUT_DONE);
        street_run_for(s, 60);
        code.n = 0;
        street_code(s, HUB, CLEO, &code); /* a fresh one: the revocation has changed the key of the links */
        assert_int_equal(street_enrol(s, ATTIC, buf_span(&code), "attic"), MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = HUB; i < HOMES; i++) {
                assert_true(is_current(s, i, LAPTOP) && is_current(s, i, TABLET) && is_current(s, i, ATTIC));
                assert_false(is_current(s, i, PHONE));
        }
        street_free(s);
}

/* Two doors let in one each while apart, where there was room for one: the same four stand everywhere, the other is told. */
static void test_fifth_apart(void **state) {
        (void)state;
        struct street *s = devices_street(seed);
        enrol(s, LAPTOP, HUB, "laptop");
        enrol(s, PHONE, HUB, "phone");
        street_run_for(s, 30);
        _clean_(buf_fini) struct buf one = BUF_NULL, other = BUF_NULL;
        street_code(s, HUB, BEN, &one);
        street_code(s, HUB, ANNA, &other);
        unsigned there = 1u << BEN | 1u << TABLET;
        part(s, there, true);
        street_run_for(s, 200);
        assert_int_equal(street_enrol(s, TABLET, buf_span(&one), "tablet"), MESH_OUT_DONE);
        assert_int_equal(street_enrol(s, ATTIC, buf_span(&other), "attic"), MESH_OUT_DONE);
        part(s, there, false);
        street_run_for(s, SETTLE);
        bool tablet = is_current(s, HUB, TABLET);
        assert_true(tablet != is_current(s, HUB, ATTIC));
        for (size_t i = HUB; i < HOMES; i++) {
                assert_true(is_current(s, i, HUB) && is_current(s, i, LAPTOP) && is_current(s, i, PHONE));
                assert_int_equal(is_current(s, i, TABLET), tablet);
                assert_int_equal(is_current(s, i, ATTIC), !tablet);
        }
        size_t out = tablet ? ATTIC : TABLET;
        assert_int_equal(street_post(s, out, KIND_THEFT, "the fifth", NULL), MESH_OUT_DEVICES_FULL);
        assert_int_equal(street_revoke_device(s, HUB, PHONE), MESH_OUT_DONE); /* the spare takes its place */
        street_run_for(s, SETTLE);
        for (size_t i = HUB; i < HOMES; i++)
                assert_true(is_current(s, i, TABLET) && is_current(s, i, ATTIC));
        assert_int_equal(street_post(s, out, KIND_THEFT, "the fourth", NULL), MESH_OUT_DONE);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_joins_apart),   cmocka_unit_test(test_one_code_twice),
                cmocka_unit_test(test_revoked_apart), cmocka_unit_test(test_shares),
                cmocka_unit_test(test_four),          cmocka_unit_test(test_fifth_apart),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
