/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those in between, as one home chooses them: whom it goes round by, whom it asks where it is seen from, by whom it says what is
 * for somebody it has no link to. All that neighbours can publish of themselves is tried in all combinations; the choice is
 * compared with what the rules say. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

enum { US, DOOR, DOOR_TOO, THEY, HOMES };

static struct street *s;

static const struct key *device(size_t i) {
        return &street_core(s, i)->sign.pub;
}

/* What home US holds for what home @i has published. */
static struct contact *contact_of(size_t i) {
        return map_find(&street_core(s, US)->contacts, device(i)->b);
}

static struct card *card_of(size_t i) {
        return contact_of(i)->card;
}

static int set_up(void **state) {
        (void)state;
        s = street_new(HOMES, seed);
        street_run_for(s, 60);
        for (size_t i = DOOR; i < HOMES; i++) {
                assert_true(contact_of(i) && contact_of(i)->read && link_to_device(street_core(s, US), device(i)));
                card_of(i)->n_via = 0;
                card_of(i)->open = false;
        }
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        s = street_free(s);
        return 0;
}

static void linked(size_t i, bool is) {
        LINK_EACH(l, street_core(s, US))
        if (key_eq(&l->device, device(i)))
                l->state = is ? LINK_UP : LINK_GREETING;
}

static void names(size_t i, size_t other) {
        card_of(i)->via[card_of(i)->n_via++] = *device(other);
}

/* ---- relays ---- */
enum {
        LINKED = 1, /* US has a link to DOOR, … */
        OPEN = 2,   /* … which can be called by all, … */
        RELAYS = 4, /* … and passes on */
        NAMED = 8,  /* THEY have a link to it, … */
        SHY = 16,   /* … and tell nobody where they are */
        HIDDEN = 32,
        ALL = 64
};

/* Both ends have a link to it, or can call it; and who tells nobody where it is calls nobody. */
static void test_relay_rules(void **state) {
        (void)state;
        struct mesh *m = street_core(s, US);
        struct key door;
        linked(DOOR_TOO, false);
        linked(THEY, false);
        for (unsigned is = 0; is < ALL; is++) {
                linked(DOOR, is & LINKED);
                card_of(DOOR)->open = is & OPEN;
                card_of(DOOR)->relays = is & RELAYS;
                card_of(THEY)->n_via = 0;
                card_of(THEY)->hidden = is & SHY;
                m->hidden = is & HIDDEN;
                if (is & NAMED)
                        names(THEY, DOOR);
                bool ours = is & LINKED || (is & OPEN && !(is & HIDDEN));
                bool theirs = is & NAMED || (is & OPEN && !(is & SHY));
                bool heard_of = is & (LINKED | NAMED);
                assert_int_equal(doorstep_relay(m, device(THEY), NULL, &door),
                                 is & RELAYS && heard_of && ours && theirs);
                assert_int_equal(doorstep_relay(m, device(THEY), &m->rng, &door),
                                 is & RELAYS && heard_of && ours && theirs);
        }
        m->hidden = false;
        for (size_t i = DOOR; i < HOMES; i++)
                linked(i, true);
}

/* The one that both have a link to, and at times another one; never one of the two, and nobody who has gone. */
static void test_relay_choice(void **state) {
        (void)state;
        struct mesh *m = street_core(s, US);
        size_t chosen[2] = {0};
        struct key door;
        assert_false(doorstep_relay(m, &(struct key){{5}}, NULL, &door)); /* nobody's contact */
        linked(THEY, true);
        card_of(THEY)->relays = card_of(US)->relays = true;
        names(THEY, US);
        assert_false(doorstep_relay(m, device(THEY), NULL, &door));
        for (size_t i = DOOR; i <= DOOR_TOO; i++)
                card_of(i)->relays = card_of(i)->open = true;
        names(THEY, DOOR_TOO);
        assert_true(doorstep_relay(m, device(THEY), NULL, &door) && key_eq(&door, device(DOOR_TOO)));
        for (int i = 0; i < 200; i++) {
                assert_true(doorstep_relay(m, device(THEY), &m->rng, &door));
                chosen[0] += key_eq(&door, device(DOOR));
                chosen[1] += key_eq(&door, device(DOOR_TOO));
        }
        assert_int_equal(chosen[0] + chosen[1], 200);
        assert_in_range(chosen[0], 1, chosen[1]);
        assert_int_equal(street_vote(s, US, OP_REMOVE, DOOR_TOO), MESH_OUT_DONE);
        for (int i = 0; i < 20; i++)
                assert_true(doorstep_relay(m, device(THEY), &m->rng, &door) && key_eq(&door, device(DOOR)));
}

/* ---- STUN ---- */
/* The place of it that says most of who asks: a public one, and of these one of IPv4. */
static void test_stun_place(void **state) {
        (void)state;
        static const struct mesh_addr places[] = {
                {.ip = {0xfd, 1}, .port = 7},
                {.ip = {[10] = 0xff, 0xff, 192, 168, 1, 1}, .port = 7},
                {.ip = {0x20, 1, 0x0d, 0xb8}, .port = 7},
                {.ip = {[10] = 0xff, 0xff, 203, 0, 113, 1}, .port = 7},
        };
        struct card *card = card_of(DOOR);
        for (size_t best = 0; best < ARRAY_LEN(places); best++) {
                card->stun = 3478;
                card->n_addrs = (uint8_t)(best + 1);
                for (size_t i = 0; i <= best; i++) /* in whatever order they stand */
                        card->addrs[i] = places[(i + 1) % (best + 1)];
                struct mesh_addr at = doorstep_stun(street_core(s, US));
                assert_memory_equal(at.ip, places[best].ip, sizeof(at.ip));
                assert_int_equal(at.port, 3478);
        }
        card->n_addrs = 0;
        assert_int_equal(doorstep_stun(street_core(s, US)).port, 0);
}

/* Without a link to anybody who answers: one of those that all can call, and that are still there. */
static void test_stun_far(void **state) {
        (void)state;
        struct mesh *m = street_core(s, US);
        assert_int_equal(doorstep_stun(m).port, 0);
        for (unsigned is = 0; is < 32; is++) {
                struct contact *c = contact_of(DOOR);
                linked(DOOR, false);
                c->card->stun = is & 1 ? 99 : 0;
                c->card->open = is & 2;
                c->card->n_addrs = is & 4 ? 1 : 0;
                c->counted = is & 8;
                c->read = is & 16;
                assert_int_equal(doorstep_stun(m).port, is == 31 ? 99 : 0);
        }
        contact_of(DOOR_TOO)->card->stun = 98;
        contact_of(DOOR_TOO)->card->open = true;
        linked(DOOR_TOO, false);
        uint16_t one = doorstep_stun(m).port;
        assert_true(one == 98 || one == 99);
        contact_of(one == 98 ? DOOR_TOO : DOOR)->counted = false;
        assert_int_equal(doorstep_stun(m).port, 98 + 99 - one);
        contact_of(DOOR)->counted = contact_of(DOOR_TOO)->counted = true;
        linked(DOOR, true);
        linked(DOOR_TOO, true);
}

/* ---- whom it says something to ---- */
static size_t ways_to(size_t i, struct meet_way ret[MEETS_WAYS]) {
        return doorstep_ways(street_core(s, US), device(i), ret);
}

static void test_ways(void **state) {
        (void)state;
        struct meet_way ways[MEETS_WAYS];
        linked(THEY, false);
        assert_int_equal(doorstep_ways(street_core(s, US), &(struct key){{5}}, ways), 0);
        assert_int_equal(ways_to(THEY, ways), 0); /* nobody is named */
        names(THEY, US);
        assert_int_equal(ways_to(THEY, ways), 0); /* but this home */
        names(THEY, DOOR);
        assert_int_equal(ways_to(THEY, ways), 2); /* who is named first, and another one that may know the way */
        assert_true(key_eq(&ways[0].next, device(DOOR)) && !memcmp(ways[0].by.b, (uint8_t[32]){0}, 32));
        linked(DOOR, false);
        assert_false(doorstep_sure(street_core(s, US), device(THEY))); /* nobody says that he has a link to it, … */
        assert_int_equal(ways_to(THEY, ways), 1);                      /* … and among few homes he may have one */
        assert_true(key_eq(&ways[0].next, device(DOOR_TOO)) && key_eq(&ways[0].by, device(DOOR)));
        names(DOOR, DOOR_TOO);
        assert_true(doorstep_sure(street_core(s, US), device(THEY)));
        assert_int_equal(ways_to(THEY, ways), 1);
        assert_true(key_eq(&ways[0].next, device(DOOR_TOO)) && key_eq(&ways[0].by, device(DOOR)));
        card_of(DOOR)->n_via = 0;
        names(DOOR_TOO, DOOR);
        assert_true(doorstep_sure(street_core(s, US), device(THEY)));
        assert_int_equal(ways_to(THEY, ways), 1);
        card_of(DOOR_TOO)->n_via = 0;
        card_of(DOOR_TOO)->open = true; /* many have links to it: so may he */
        assert_int_equal(ways_to(THEY, ways), 1);
        linked(DOOR_TOO, false);
        assert_int_equal(ways_to(THEY, ways), 0);
        linked(DOOR_TOO, true);
        linked(DOOR, true);
        linked(THEY, true);
}

/* Who is hidden calls nobody: somebody may have a link to whoever can be called. */
static void test_ways_of_hidden(void **state) {
        (void)state;
        struct mesh *m = street_core(s, US);
        struct meet_way ways[MEETS_WAYS];
        m->hidden = true;
        assert_int_equal(ways_to(THEY, ways), 2); /* both doorsteps, and not itself */
        linked(THEY, false);
        linked(DOOR, false);
        assert_int_equal(ways_to(THEY, ways), 1);
        names(THEY, DOOR_TOO);
        assert_int_equal(ways_to(THEY, ways), 1);
        m->hidden = false;
        linked(DOOR, true);
        linked(THEY, true);
}

/* ---- being found ---- */
/* Who can be called names nobody. Who cannot names links of its own, as long as it can do something with whoever comes; before the
 * shell has said whether, it keeps to what it has published, and waits for a link. */
static void test_named(void **state) {
        (void)state;
        struct mesh *m = street_core(s, US);
        struct card *own = card_of(US);
        struct key via[MEETS_WAYS];
        m->open = true;
        m->meets.helper = true;
        assert_true(doorstep_via(m, via) == 0 && !doorstep_short(m) && !doorstep_waits(m));
        m->open = false;
        assert_true(doorstep_via(m, via) == MEETS_WAYS && doorstep_short(m));
        card_of(DOOR)->open = card_of(DOOR_TOO)->open = true;
        assert_false(doorstep_short(m));
        doorstep_via(m, via);
        assert_true((key_eq(&via[0], device(DOOR)) || key_eq(&via[1], device(DOOR))) && !key_eq(&via[0], device(THEY)));
        assert_false(doorstep_enough(m, own));
        names(US, DOOR);
        assert_false(doorstep_enough(m, own)); /* of two that it could name one is not enough */
        names(US, DOOR_TOO);
        assert_true(doorstep_enough(m, own));
        linked(DOOR, false);
        assert_false(doorstep_enough(m, own));
        m->meets.helper = false;
        m->meets.asked = true;
        assert_false(doorstep_enough(m, own)); /* it must name none now */
        m->meets.asked = false;
        assert_true(doorstep_enough(m, own) && !doorstep_waits(m));
        linked(DOOR_TOO, false);
        linked(THEY, false);
        assert_true(doorstep_waits(m));
        own->n_via = 0;
        assert_false(doorstep_waits(m));
        m->meets.helper = true;
        assert_true(doorstep_waits(m));
        for (size_t i = DOOR; i < HOMES; i++)
                linked(i, true);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_relay_rules, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_relay_choice, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stun_place, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stun_far, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_ways, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_ways_of_hidden, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_named, set_up, tear_down),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
