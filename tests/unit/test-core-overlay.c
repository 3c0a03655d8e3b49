/* SPDX-License-Identifier: Apache-2.0 */
/* Who is linked with whom, and what then goes where, in streets of real cores. Seed: printed, and PORCHLIGHT_SEED. */
#include "core/core.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

static struct link *link_between(struct street *s, size_t home, size_t other) {
        struct sign_key device;
        sign_key_from_seed(&device, street_config(s, other)->sign_seed);
        return link_to_device(street_core(s, home), &device.pub);
}

/* ---- comparing ---- */
static bool comparing(struct street *s, void *ctx) {
        const struct link *l = link_between(s, *(size_t *)ctx, 1 - *(size_t *)ctx);
        return l && l->recon_set && l->recon_opened;
}

static bool either_comparing(struct street *s, void *ctx) {
        (void)ctx;
        return comparing(s, &(size_t){0}) || comparing(s, &(size_t){1});
}

/* A session that is never answered is given up, and what flowed before goes on flowing. */
static void test_unanswered_session(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 30);
        size_t dialler = link_between(s, 0, 1)->dialled ? 0 : 1;
        assert_int_equal(street_post(s, 1 - dialler, KIND_THEFT, "so that the sets are not empty", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        assert_true(street_wait(s, 100, comparing, &dialler));
        street_hold(s, 0, 1, RECON_PATIENCE / 1000.0 + 1);
        street_run_for(s, RECON_PATIENCE / 1000.0 + 1);
        assert_false(comparing(s, &dialler));
        assert_int_equal(street_post(s, dialler, KIND_FIRE, "at once", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 5));
        street_free(s);
}

/* The first session of a link that is never answered is opened again. */
static void test_unanswered_first_session(void **state) {
        (void)state;
        struct hash ids[2];
        STREET(2);
        street_run_for(s, 30);
        street_cut(s, 0, 1);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(street_post(s, i, KIND_THEFT, "while apart", &ids[i]), MESH_OUT_DONE);
        street_mend(s, 0, 1);
        assert_true(street_wait(s, 600, either_comparing, NULL));
        street_hold(s, 0, 1, RECON_PATIENCE / 1000.0 + 1);
        street_run_for(s, RECON_PATIENCE / 1000.0 + 1);
        for (size_t i = 0; i < 2; i++)
                assert_true(street_wait_all_have(s, &ids[i], 2));
        street_free(s);
}

int main(void) {
        const char *given = getenv("PORCHLIGHT_SEED");
        seed = given ? strtoull(given, NULL, 0) : 1;
        print_message("# PORCHLIGHT_SEED=%llu\n", (unsigned long long)seed);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unanswered_session),
                cmocka_unit_test(test_unanswered_first_session),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
