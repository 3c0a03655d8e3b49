/* SPDX-License-Identifier: Apache-2.0 */
/* What brings a street together again whose addresses are all over: docs/adr/0084. tests/sim/outage.c has whole streets. Seed:
 * printed, and PORCHLIGHT_SEED. */
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "core/reach.h"
#include "support/guest.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

/* Home 0 can be called and knows it; the others can call out, and have helpers. */
static struct street *street_of(size_t homes, void (*shut)(struct street *s, size_t i)) {
        struct street *s = street_bare(homes, seed);
        street_doorstep(s, 0);
        for (size_t i = 0; i < homes; i++) {
                street_place(s, i, (uint8_t[]){203, 0, 113, (uint8_t)(i + 1)});
                if (i)
                        shut(s, i);
                street_helper(s, i, true);
        }
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < homes; i++)
                assert_int_equal(street_join(s, i, street_invite(s, 0, 1)), MESH_OUT_DONE);
        return s;
}

static const struct key *device(struct street *s, size_t i) {
        return &street_core(s, i)->sign.pub;
}

static const struct card *card_at(struct street *s, size_t i, size_t of) {
        return contact_card(street_core(s, i), device(s, of));
}

struct pair {
        size_t a, b;
};

static bool linked(struct street *s, void *ctx) {
        const struct pair *p = ctx;
        return link_to_device(street_core(s, p->a), device(s, p->b)) &&
               link_to_device(street_core(s, p->b), device(s, p->a));
}

static bool wait_linked(struct street *s, size_t a, size_t b, double seconds) {
        struct pair p = {a, b};
        return street_wait(s, seconds, linked, &p);
}

/* ---- who is back says so ---- */
static void test_return(void **state) {
        (void)state;
        struct street *s = street_of(3, street_shut);
        street_run_for(s, 1300);
        uint64_t before = card_at(s, 1, 2)->seq;
        street_run_for(s, 700);
        assert_int_equal(card_at(s, 1, 2)->seq, before); /* there is nothing to say */
        street_off(s, 2);
        street_run_for(s, 60);
        mesh_wall back = street_wall(s);
        street_on(s, 2);
        street_run_for(s, 5);
        assert_int_equal(card_at(s, 1, 2)->seq, before + 1);
        assert_true(card_at(s, 1, 2)->time >= back && card_at(s, 1, 2)->n_via >= 1);
        assert_true(doorstep_sure(street_core(s, 1), device(s, 2))); /* by home 0 */
        street_free(s);
}

/* A visit leads to nobody: it is not said over one. */
static void test_not_at_a_visit(void **state) {
        (void)state;
        struct street *s = street_of(2, street_shut);
        street_run_for(s, 1300);
        uint64_t before = card_at(s, 0, 1)->seq;
        street_off(s, 1);
        street_run_for(s, 60);
        street_cut(s, 0, 1);
        street_on(s, 1);
        street_place(s, 1, (uint8_t[]){198, 51, 100, 7}); /* there is something to say */
        street_run_for(s, 60);
        struct mesh *m = street_core(s, 1);
        m->visit = (struct address){.device = *device(s, 0), .addr = s->homes[0].addr};
        for (size_t i = 0; i < m->n_addresses; i++)
                m->addresses[i].next = MESH_NEVER;
        street_mend(s, 0, 1);
        assert_int_equal(dial_start(m, &m->visit), 0);
        street_feed(s, 1, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, 3);
        assert_int_equal(links_up(m), 1);
        assert_int_equal(links_lasting(m), 0);
        assert_int_equal(card_at(s, 0, 1)->seq, before);
        street_free(s);
}

/* Who was called from outside before, and has not been since it is on: the first call proves it again. */
static void test_open_stays(void **state) {
        (void)state;
        struct street *s = street_of(2, street_shut);
        street_run_for(s, 1300);
        assert_true(card_at(s, 1, 0)->open);
        street_off(s, 0);
        street_run_for(s, 1300);
        s->homes[0].doorstep = false;
        street_on(s, 0);
        dial_anew(street_core(s, 1)); /* it waits for nobody's back-off */
        assert_true(street_wait_links(s, 1, 40));
        street_run_for(s, 10);
        assert_false(street_core(s, 0)->open);
        assert_true(card_at(s, 1, 0)->open);
        street_run_for(s, CONTACT_PROVEN); /* nobody did */
        assert_false(card_at(s, 1, 0)->open);
        street_free(s);
}

static bool any_link(struct street *s, _unused_ void *ctx) {
        return links_up(street_core(s, 0)) > 0;
}

static bool one_lasts(struct street *s, _unused_ void *ctx) {
        return links_lasting(street_core(s, 0)) > 0;
}

/* Who was away for so long that nobody hurries to call it any more: the first visit ends that. */
static void test_visited_and_dialled(void **state) {
        (void)state;
        struct street *s = street_of(2, street_shut);
        street_run_for(s, 1300);
        street_off(s, 0);
        street_run_for(s, 1300);
        street_on(s, 0);
        assert_true(street_wait(s, 60, any_link, NULL));
        assert_true(street_wait(s, 20, one_lasts, NULL));
        street_free(s);
}

/* ---- nobody is waited for ---- */
/* An address outside that says nothing takes its ten seconds: the two meet meanwhile. */
static void test_silent_address(void **state) {
        (void)state;
        struct street *s = street_of(3, street_silent);
        street_run_for(s, 1300);
        street_off(s, 2);
        street_run_for(s, 700);
        street_on(s, 2);
        assert_true(wait_linked(s, 2, 0, 5));
        assert_true(wait_linked(s, 1, 2, 3));
        street_free(s);
}

static size_t unanswered(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_addresses; i++) {
                const struct address *a = &m->addresses[i];
                n += a->link && a->closed && !address_meets(a) && !link_find(m, a->link);
        }
        return n;
}

/* However many there are: no more than a few are tried at a time. */
static void test_silent_street(void **state) {
        (void)state;
        enum { HOMES = 16 };
        struct street *s = street_of(HOMES, street_silent);
        size_t most = 0;
        street_run_for(s, 1300);
        for (size_t i = 0; i < HOMES; i++)
                street_off(s, i);
        street_run_for(s, 700);
        street_on(s, 1);
        for (int tenths = 0; tenths < 300; tenths++) {
                street_run_for(s, 0.1);
                most = MAX(most, unanswered(street_core(s, 1)));
        }
        assert_int_equal(most, DIAL_CLOSED_MOST);
        street_free(s);
}

static void dials(struct street *s, size_t i, uint8_t last) {
        const struct mesh_addr at = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = last}, .port = 7345};
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_DIAL, .dial.addr = at});
}

/* Somebody has typed addresses that say nothing: they take the places of links for a second, and not for ten. */
static void test_silent_by_hand(void **state) {
        (void)state;
        struct street *s = street_of(2, street_shut);
        street_run_for(s, 1300);
        street_off(s, 1);
        street_run_for(s, 60);
        s->deaf = true;
        street_off(s, 0);
        street_on(s, 1);
        for (uint8_t k = 1; k <= OUTBOUND_WANTED + MEETS_VIA_LEAST; k++) /* two more where nobody is open */
                dials(s, 1, k);
        street_on(s, 0);
        dial_anew(street_core(s, 1));
        assert_false(wait_linked(s, 1, 0, 0.001 * DIAL_SILENT - 0.1));
        assert_true(wait_linked(s, 1, 0, 3));
        street_free(s);
}

/* It has no place, wherever it is called: none of its addresses is dialled again at once. It can be visited, though one of them
 * says nothing. */
static void test_no_place(void **state) {
        (void)state;
        struct street *s = street_of(2, street_shut);
        street_run_for(s, 1300);
        struct mesh *m = street_core(s, 1);
        struct mesh_addr at = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 9}, .port = 7345};
        struct address *a = address_find(m, &s->homes[0].addr), *other = address_add(m, &at);
        assert_true(a && other);
        other->device = a->device;
        link_hangup(link_to_device(m, device(s, 0)), REASON_OVERLOAD);
        dial_refused(m, a);
        assert_true(a->next >= m->now + DIAL_FULL && other->next >= a->next);
        other->link = MESH_LINK_DIALLED | 999;
        other->begun = m->now;
        assert_true(dial_reaches(m, &a->device));
        street_run_for(s, 0.001 * DIAL_SILENT);
        assert_true(dial_silent(m, other));
        m->visit_soon = m->now;
        street_feed(s, 1, (struct mesh_event){.type = MESH_EV_TICK});
        assert_true(m->visit.link && key_eq(&m->visit.device, &a->device));
        other->link = 0;
        street_free(s);
}

/* Three who are back know each other, and nobody else answers them: the one who had no place is visited at once, not in a minute. */
static void test_island(void **state) {
        (void)state;
        for (uint8_t unanswered = MEETS_LOST - 1; unanswered <= MEETS_LOST; unanswered++) {
                struct street *s = street_of(4, street_shut);
                street_run_for(s, 1300);
                struct mesh *m = street_core(s, 1);
                assert_true(wait_linked(s, 1, 2, 5) && wait_linked(s, 1, 3, 5) && wait_linked(s, 1, 0, 5));
                lately_answered(m);
                for (uint8_t i = 1; i < unanswered; i++)
                        lately_unanswered(m);
                link_hangup(link_to_device(m, device(s, 0)), REASON_OVERLOAD);
                dial_refused(m, address_find(m, &s->homes[0].addr));
                assert_false(lately_lost(m));
                lately_unanswered(m);
                street_run_for(s, 3);
                assert_int_equal(m->visits_few > 0, unanswered == MEETS_LOST);
                lately_answered(m);
                assert_false(lately_lost(m));
                street_free(s);
        }
}

/* What nobody has answered at, and its device does not name any more, is forgotten. */
static void test_old_address(void **state) {
        (void)state;
        struct street *s = street_of(3, street_silent);
        street_run_for(s, 1300);
        struct mesh_addr old = s->homes[2].addr;
        assert_non_null(address_find(street_core(s, 1), &old));
        street_place(s, 2, (uint8_t[]){198, 51, 100, 7});
        street_run_for(s, 700);
        assert_null(address_find(street_core(s, 1), &old));
        assert_non_null(address_find(street_core(s, 1), &s->homes[2].addr));
        street_free(s);
}

/* Nobody says to whom a neighbour is linked that can be called by nobody. In a street of few homes it is asked all the same. */
static void test_by_chance(void **state) {
        (void)state;
        struct street *s = street_of(4, street_shut);
        struct meet_way ways[MEETS_WAYS];
        street_run_for(s, 1300);
        assert_true(wait_linked(s, 1, 3, 5));
        struct mesh *m = street_core(s, 1);
        LINK_EACH(l, m)
        if (!key_eq(&l->device, device(s, 3)))
                link_hangup(l, REASON_OVERLOAD);
        struct contact *to = map_find(&m->contacts, device(s, 2)->b), *by = map_find(&m->contacts, device(s, 3)->b);
        to->card->n_via = 1;
        to->card->via[0] = *device(s, 0);
        by->card->n_via = 0;
        assert_false(doorstep_sure(m, device(s, 2)));
        assert_int_equal(doorstep_ways(m, device(s, 2), ways), 1);
        assert_true(key_eq(&ways[0].next, device(s, 3)) && key_eq(&ways[0].by, device(s, 0)));
        street_free(s);
}

/* ---- the next one ---- */
static void come(struct visit *v, struct street *s, size_t as) {
        visit_shake(v, s, 0, as);
        guest_hello_visiting(&v->g, street_wall(s));
        flush(v);
}

/* Of three visitors those make room, one by one, who have compared everything and been there for a moment. */
static void test_visitors_make_room(void **state) {
        (void)state;
        enum { FIRST = VISITORS_MOST, ALL = FIRST + 4 };
        struct visit v[ALL];
        struct street *s = street_new(ALL + 1, seed);
        street_run_for(s, 5);
        for (size_t i = 1; i <= ALL; i++)
                street_off(s, i);
        street_run_for(s, 5);
        for (size_t i = 0; i < FIRST; i++) {
                come(&v[i], s, i + 1);
                street_run_for(s, 0.1);
        }
        for (size_t i = 0; i + 1 < FIRST; i++) /* all but the last */
                link_find(street_core(s, 0), v[i].link)->caught_up = true;
        come(&v[FIRST], s, FIRST + 1); /* too soon */
        assert_int_equal(v[FIRST].g.bye, REASON_FULL);
        street_run_for(s, 3.0 * VISIT_GRACE / 2000);
        for (size_t i = FIRST + 1; i < ALL; i++)
                come(&v[i], s, i + 1);
        assert_int_equal(v[0].g.bye, REASON_VISITED);
        assert_int_equal(v[1].g.bye, REASON_VISITED);
        assert_int_equal(v[2].g.bye, 0);
        assert_int_equal(v[ALL - 3].g.bye, 0);
        assert_int_equal(v[ALL - 2].g.bye, 0);
        assert_int_equal(v[ALL - 1].g.bye, REASON_FULL);
        for (size_t i = 0; i < ALL; i++)
                visit_end(&v[i]);
        street_free(s);
}

static struct key device_of(struct street *s, size_t i) {
        struct sign_key k;
        sign_key_from_seed(&k, street_config(s, i)->sign_seed);
        return k.pub;
}

/* Who is back has others; who has not said so gets the place of one that is, as soon as that has compared everything. */
static void test_lone_visitor(void **state) {
        (void)state;
        enum { BACK = VISITORS_MOST + 1, ALL };
        struct visit v[ALL];
        struct street *s = street_new(ALL + 1, seed);
        street_run_for(s, 5);
        for (size_t i = 1; i <= ALL; i++)
                street_off(s, i);
        street_run_for(s, 5);
        for (size_t i = 1; i <= BACK; i++) {
                struct contact *c = map_find(&street_core(s, 0)->contacts, device_of(s, i).b);
                assert_true(c && c->read);
                c->card->time = street_wall(s);
        }
        for (size_t i = 0; i < VISITORS_MOST; i++) {
                come(&v[i], s, i + 1);
                link_find(street_core(s, 0), v[i].link)->caught_up = true;
        }
        come(&v[VISITORS_MOST], s, BACK);
        assert_int_equal(v[VISITORS_MOST].g.bye, REASON_FULL);
        come(&v[BACK], s, ALL);
        assert_int_equal(v[BACK].g.bye, 0);
        assert_int_equal(v[0].g.bye, REASON_VISITED);
        for (size_t i = 0; i < ALL; i++)
                visit_end(&v[i]);
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_return),         cmocka_unit_test(test_not_at_a_visit),
                cmocka_unit_test(test_open_stays),     cmocka_unit_test(test_visited_and_dialled),
                cmocka_unit_test(test_silent_address), cmocka_unit_test(test_silent_street),
                cmocka_unit_test(test_silent_by_hand), cmocka_unit_test(test_no_place),
                cmocka_unit_test(test_island),         cmocka_unit_test(test_old_address),
                cmocka_unit_test(test_by_chance),      cmocka_unit_test(test_visitors_make_room),
                cmocka_unit_test(test_lone_visitor),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
