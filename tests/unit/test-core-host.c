/* SPDX-License-Identifier: Apache-2.0 */
/* Names in contacts: who can be called is found by his name where his address has changed. Seed: printed, and PORCHLIGHT_SEED. */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "support/street_inside.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME "elm7.example.org"

static uint64_t seed;

/* Home 0 can be called, and has a name; the others can call out alone, and have helpers. */
static struct street *street_of(size_t homes, const char *name) {
        struct street *s = street_bare(homes, seed);
        street_doorstep(s, 0);
        street_name(s, 0, name);
        for (size_t i = 0; i < homes; i++) {
                street_place(s, i, (uint8_t[]){203, 0, 113, (uint8_t)(i + 1)});
                if (i)
                        street_silent(s, i);
                street_helper(s, i, true);
        }
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < homes; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        street_run_for(s, 1300);
        return s;
}

static const struct card *card_at(struct street *s, size_t i, size_t of) {
        return contact_card(street_core(s, i), &street_core(s, of)->sign.pub);
}

/* Everybody is off, and elsewhere when he is back. */
static void power_cut(struct street *s) {
        for (size_t i = 0; i < s->n; i++)
                street_off(s, i);
        street_run_for(s, 60);
        for (size_t i = 0; i < s->n; i++) {
                memcpy(s->homes[i].addr.ip + 12, (uint8_t[]){198, 51, 100, (uint8_t)(i + 1)}, 4);
                street_on(s, i);
        }
}

static bool all_linked(struct street *s, _unused_ void *ctx) {
        for (size_t i = 0; i < s->n; i++)
                if (links_lasting(street_core(s, i)) < 2)
                        return false;
        return true;
}

static bool linked_to_first(struct street *s, void *ctx) {
        return link_to_device(street_core(s, *(size_t *)ctx), &street_core(s, 0)->sign.pub);
}

/* The one home that can be called is elsewhere, too. */
static void test_power_cut(void **state) {
        (void)state;
        struct street *s = street_of(6, NAME);
        assert_int_equal(card_at(s, 1, 0)->n_names, 1);
        power_cut(s);
        assert_true(street_wait(s, 60, all_linked, NULL));
        street_free(s);
}

/* The address that is over says nothing for ten seconds: nobody waits for that. */
static void test_soon(void **state) {
        (void)state;
        size_t who = 1;
        struct street *s = street_of(2, NAME);
        street_off(s, 1);
        memcpy(s->homes[0].addr.ip + 12, (uint8_t[]){198, 51, 100, 1}, 4);
        s->deaf = true;
        street_on(s, 1);
        assert_true(street_wait(s, 2, linked_to_first, &who));
        street_free(s);
}

/* It is back before the one that it knows: the name leads to where that was until that is back, too. */
static void test_first_back(void **state) {
        (void)state;
        size_t who = 1;
        struct street *s = street_of(2, NAME);
        street_off(s, 1);
        street_off(s, 0);
        s->deaf = true;
        street_on(s, 1);
        street_run_for(s, 12);
        memcpy(s->homes[0].addr.ip + 12, (uint8_t[]){198, 51, 100, 1}, 4);
        street_on(s, 0);
        assert_true(street_wait(s, NAMES_LONE * 2 / 1000.0, linked_to_first, &who));
        street_free(s);
}

static size_t places_of(struct street *s, size_t i, size_t of) {
        const struct mesh *m = street_core(s, i);
        size_t n = 0;
        for (size_t k = 0; k < m->n_addresses; k++)
                n += !address_meets(&m->addresses[k]) && key_eq(&m->addresses[k].device, &street_core(s, of)->sign.pub);
        return n;
}

/* Its provider gives it another address each night: where it was all those nights nobody waits for, nor is that kept. */
static void test_each_night(void **state) {
        (void)state;
        size_t who = 1;
        struct street *s = street_of(2, NAME);
        for (uint8_t night = 1; night <= 6; night++) {
                street_off(s, 0);
                street_off(s, 1);
                s->deaf = true;
                memcpy(s->homes[0].addr.ip + 12, (uint8_t[]){198, 51, 100, night}, 4);
                street_on(s, 0);
                street_on(s, 1);
                assert_true(street_wait(s, 3, linked_to_first, &who));
                street_run_for(s, 1300);
                assert_in_range(places_of(s, 1, 0), 1, 2);
        }
        size_t kept = 0;
        const struct mesh_row *row;
        for (size_t k = 0; (row = street_row(s, 1, k)); k++)
                kept += row->kind == MESH_ROW_ADDR && !row->addr.gone;
        assert_in_range(kept, 1, 2);
        street_free(s);
}

/* Whoever can be called says soon where it is now, also if it has published a moment ago. */
static void test_moved_says_so(void **state) {
        (void)state;
        struct street *s = street_of(3, NAME);
        street_name(s, 0, "oak9.example.org");
        street_run_for(s, 5);
        const uint64_t before = card_at(s, 1, 0)->seq;
        assert_true(card_at(s, 1, 0)->time + 10 > street_wall(s));
        street_place(s, 0, (uint8_t[]){198, 51, 100, 7});
        assert_true(contact_astray(street_core(s, 0)));
        street_run_for(s, CONTACT_LOST + 5);
        assert_int_equal(card_at(s, 1, 0)->seq, before + 1);
        assert_true(addr_eq(&card_at(s, 1, 0)->addrs[0], &s->homes[0].addr));
        assert_false(contact_astray(street_core(s, 0)));
        street_free(s);
}

/* The home that invited is elsewhere when somebody comes on its ticket, and at first its name is not known there. */
static void test_ticket(void **state) {
        (void)state;
        size_t who = 2;
        struct street *s = street_bare(3, seed);
        street_doorstep(s, 0);
        street_name(s, 0, NAME);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 1, street_invite(s, 0, 1)), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 1));
        street_off(s, 0);
        memcpy(s->homes[0].addr.ip + 12, (uint8_t[]){198, 51, 100, 1}, 4);
        street_on(s, 0);
        s->homes[0].name = NULL;
        assert_int_equal(street_join(s, 2, ticket), MESH_OUT_UNREACHABLE);
        s->homes[0].name = NAME;
        assert_true(street_wait(s, 40, linked_to_first, &who));
        size_t asked = street_asked(s, 2);
        street_run_for(s, 600);
        assert_int_equal(street_asked(s, 2), asked); /* that is over */
        free(ticket);
        street_free(s);
}

/* Without a name nobody would know where. */
static void test_no_name(void **state) {
        (void)state;
        struct street *s = street_of(3, NULL);
        assert_int_equal(card_at(s, 1, 0)->n_names, 0);
        power_cut(s);
        assert_false(street_wait(s, 600, all_linked, NULL));
        street_free(s);
}

/* Its provider gives it another address while all others are on, and have links: they look for it all the same. */
static void test_moved(void **state) {
        (void)state;
        size_t who = 1;
        struct street *s = street_of(5, NAME);
        street_off(s, 0);
        street_run_for(s, 60);
        memcpy(s->homes[0].addr.ip + 12, (uint8_t[]){198, 51, 100, 1}, 4);
        street_on(s, 0);
        assert_true(street_wait(s, 300, linked_to_first, &who));
        street_free(s);
}

/* A name that leads nowhere is asked for now and then, ever more rarely: after 16 s each time a quarter of the time has gone. */
static void test_not_often(void **state) {
        (void)state;
        struct street *s = street_of(2, NAME);
        street_off(s, 0);
        s->homes[0].name = NULL;
        size_t before = street_asked(s, 1);
        street_run_for(s, 3600);
        size_t asked = street_asked(s, 1) - before;
        assert_true(asked >= 3);
        assert_true(asked <= 16000 / NAMES_LONE + 20 + 3600 / (DIAL_LAST / 1000) + 5); /* 16 * 1.25^20 = 1,400 */
        street_free(s);
}

/* Nobody is told where a hidden one is, nor what it is called. */
static void test_hidden(void **state) {
        (void)state;
        struct street *s = street_of(3, NULL);
        street_name(s, 2, NAME);
        street_run_for(s, 1300);
        assert_int_equal(card_at(s, 1, 2)->n_names, 1);
        street_hide(s, 2);
        street_run_for(s, 1300);
        assert_true(card_at(s, 1, 2)->hidden);
        assert_int_equal(card_at(s, 1, 2)->n_names, 0);
        street_free(s);
}

/* What it is called now counts, and three names at most; what has an address as well is none. */
static void test_named_anew(void **state) {
        (void)state;
        struct street *s = street_of(2, NAME);
        uint64_t before = card_at(s, 1, 0)->seq;
        street_name(s, 0, NULL);
        street_run_for(s, 700);
        assert_int_equal(card_at(s, 1, 0)->seq, before + 1);
        assert_int_equal(card_at(s, 1, 0)->n_names, 0);
        struct card card = {.n_names = 0};
        struct wire_addr row = {.port = 7345};
        WIRE_PUT(&row, ADDR, dns, SPAN_STR(NAME));
        for (int i = 0; i < NAMES_MOST + 1; i++)
                assert_int_equal(host_read(&card, &row), 0);
        assert_int_equal(card.n_names, NAMES_MOST);
        buf_fini(&card.names);
        card.n_names = 0;
        WIRE_PUT(&row, ADDR, ip4, span_of("\1\2\3\4", 4));
        assert_int_equal(host_read(&card, &row), 0);
        assert_int_equal(card.n_names, 0);
        street_free(s);
}

/* What nobody asked for, or is of a device that names nothing, is not believed. */
static void test_unasked(void **state) {
        (void)state;
        struct street *s = street_of(3, NULL);
        struct mesh *m = street_core(s, 1);
        const struct mesh_addr at = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 9}, .port = 7345};
        struct mesh_event ev = {.type = MESH_EV_LOOKED_UP, .looked_up = {.addrs = &at, .n = 1}};
        street_feed(s, 1, ev);
        ev.looked_up.device = street_core(s, 0)->sign.pub;
        street_feed(s, 1, ev);
        assert_null(address_find(m, &at));
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_power_cut),  cmocka_unit_test(test_no_name),
                cmocka_unit_test(test_moved),      cmocka_unit_test(test_not_often),
                cmocka_unit_test(test_hidden),     cmocka_unit_test(test_named_anew),
                cmocka_unit_test(test_unasked),    cmocka_unit_test(test_ticket),
                cmocka_unit_test(test_soon),       cmocka_unit_test(test_first_back),
                cmocka_unit_test(test_each_night), cmocka_unit_test(test_moved_says_so),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
