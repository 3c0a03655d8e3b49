/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many who come at once to one door, whose home has much to do: one after the other is written down before the next counts,
 * and a ticket for one lets one in. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DOOR 0
#define BUSY 500 /* ms: what comes within is answered together */

static uint64_t seed;

/* All but DOOR say at the same moment that they want to join. */
static struct street *rush(size_t homes, uint32_t uses) {
        struct street *s = street_bare(homes, seed);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        assert_int_equal(street_found(s, DOOR), MESH_OUT_DONE);
        buf_add_str(&ticket, street_invite(s, DOOR, uses));
        street_busy(s, DOOR, BUSY);
        for (size_t i = 0; i < homes; i++) {
                _clean_(buf_fini) struct buf add = BUF_NULL;
                struct home *h = &s->homes[i];
                if (i == DOOR)
                        continue;
                assert_true(household_add(&h->house, &h->cfg, buf_cstr(&ticket), street_wall(s), &add));
                h->replied = false;
                street_feed(s, i,
                            (struct mesh_event){.type = MESH_EV_JOIN,
                                                .token = ++h->command,
                                                .join = {.op = buf_span(&add), .ticket = span_str(buf_cstr(&ticket))}});
        }
        return s;
}

static bool door_has(struct street *s, void *ctx) {
        return street_members(s, DOOR) == *(size_t *)ctx;
}

static void test_all_come_in(void **state) {
        (void)state;
        size_t homes = 9;
        struct street *s = rush(homes, 8);
        assert_true(street_wait(s, 120, door_has, &homes));
        street_run_for(s, 60);
        for (size_t i = 1; i < homes; i++) {
                assert_int_equal(street_members(s, i), homes);
                assert_int_equal(s->homes[i].reply.reply.outcome, MESH_OUT_DONE);
        }
        street_free(s);
}

static void test_one_comes_in(void **state) {
        (void)state;
        size_t two = 2, in = 0, used = 0;
        struct street *s = rush(6, 1);
        assert_true(street_wait(s, 120, door_has, &two));
        street_run_for(s, 60);
        assert_int_equal(street_members(s, DOOR), 2);
        for (size_t i = 1; i < 6; i++) {
                assert_true(s->homes[i].replied);
                in += s->homes[i].reply.reply.outcome == MESH_OUT_DONE;
                used += s->homes[i].reply.reply.outcome == MESH_OUT_TICKET_USED;
        }
        assert_int_equal(in, 1);
        assert_int_equal(used, 4);
        street_free(s);
}

/* A full disk lets nobody in, and nobody's use of the ticket is spent by that. */
static void test_full_disk_at_the_door(void **state) {
        (void)state;
        size_t homes = 4;
        struct street *s = rush(homes, 3);
        street_disk_full(s, DOOR, true);
        street_run_for(s, 20);
        assert_int_equal(street_members(s, DOOR), 1);
        street_disk_full(s, DOOR, false);
        assert_true(street_wait(s, 600, door_has, &homes));
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_come_in),
                cmocka_unit_test(test_one_comes_in),
                cmocka_unit_test(test_full_disk_at_the_door),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
