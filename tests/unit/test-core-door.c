/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many who come at once to one door, whose home has much to do: one after the other is written down before the next counts,
 * and a ticket for one lets one in. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
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

/* ---- at the door with what is another's ---- */

static struct buf add_for(struct street *s, size_t i, const char *ticket) {
        struct buf add = BUF_NULL;
        assert_true(household_add(&s->homes[i].house, &s->homes[i].cfg, ticket, street_wall(s), &add));
        return add;
}

/* Whoever shakes hands with one key and shows what certifies another is let in as neither. */
static void test_device_of_another(void **state) {
        (void)state;
        struct street *s = street_bare(3, seed);
        struct wire_admit msg;
        struct wire_refused no;
        struct visit v;
        assert_int_equal(street_found(s, DOOR), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(s, DOOR, 3));
        _clean_(buf_fini) struct buf add = add_for(s, 1, buf_cstr(&ticket));
        visit_shake(&v, s, DOOR, 2);
        guest_hello(&v.g, street_wall(s), true);
        msg = (struct wire_admit){.op = buf_span(&add)};
        guest_say(&v.g, LINK_ADMIT, &msg);
        flush(&v);
        street_run_for(s, 1);
        assert_true(v.g.gone);
        assert_int_equal(codec_decode(&wire_refused_desc, buf_span(&v.g.last[LINK_REFUSED]), &no, NULL), 0);
        assert_int_equal(no.reason, REASON_TICKET_BAD);
        visit_end(&v);
        assert_int_equal(street_members(s, DOOR), 1);
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_DONE); /* nothing of it was spent */
        street_free(s);
}

/* Who asks to come in without having said that it joins, and who is in already. */
static void test_who_does_not_join(void **state) {
        (void)state;
        struct street *s = street_bare(3, seed);
        struct visit v;
        assert_int_equal(street_found(s, DOOR), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(s, DOOR, 3));
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_DONE);
        street_run_for(s, 60);
        _clean_(buf_fini) struct buf add = add_for(s, 2, buf_cstr(&ticket));
        const struct wire_admit msg = {.op = buf_span(&add)};
        visit_greet(&v, s, DOOR, 2);
        guest_say(&v.g, LINK_ADMIT, &msg);
        flush(&v);
        street_run_for(s, 1);
        assert_true(v.g.gone);
        assert_int_equal(v.g.got[LINK_HELLO], 0); /* a stranger is told nothing */
        visit_end(&v);
        street_off(s, 1);
        street_run_for(s, 200);
        visit_greet(&v, s, DOOR, 1);
        guest_say(&v.g, LINK_ADMIT, &msg); /* of somebody else, and it is a member: nothing is to be done */
        flush(&v);
        street_run_for(s, 1);
        visit_end(&v);
        assert_int_equal(street_members(s, DOOR), 2);
        street_free(s);
}

/* A home that does not know what time it is cannot say whether a ticket's time is over. */
static void test_door_without_a_clock(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        struct wire_refused no;
        struct visit v;
        assert_int_equal(street_found(s, DOOR), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(s, DOOR, 1));
        _clean_(buf_fini) struct buf add = add_for(s, 1, buf_cstr(&ticket));
        street_off(s, DOOR);
        street_clock(s, DOOR, -(int64_t)STREET_START);
        street_on(s, DOOR);
        visit_shake(&v, s, DOOR, 1);
        guest_hello(&v.g, 1, true); /* nor does who comes */
        guest_say(&v.g, LINK_ADMIT, &(struct wire_admit){.op = buf_span(&add)});
        flush(&v);
        street_run_for(s, 1);
        assert_true(v.g.gone);
        assert_int_equal(codec_decode(&wire_refused_desc, buf_span(&v.g.last[LINK_REFUSED]), &no, NULL), 0);
        assert_int_equal(no.reason, REASON_NOT_ISSUED_HERE);
        visit_end(&v);
        street_off(s, DOOR);
        street_clock(s, DOOR, 0);
        street_on(s, DOOR);
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_DONE);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_come_in),           cmocka_unit_test(test_one_comes_in),
                cmocka_unit_test(test_full_disk_at_the_door), cmocka_unit_test(test_device_of_another),
                cmocka_unit_test(test_who_does_not_join),     cmocka_unit_test(test_door_without_a_clock),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
