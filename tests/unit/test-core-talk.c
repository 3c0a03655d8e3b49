/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meetings of which the other side, or the home's own helper, says anything in any order: a home under test, three members who
 * say signed nonsense to it through two doorsteps, and a helper that is restarted, changes its mind and speaks of meetings that
 * are over. Whatever is said, no check of the core's own fails, no more meetings are begun than one home, one household and all
 * others may begin, nobody hangs up on a doorstep for it; and when they have done with it, an honest meeting comes about.
 *
 * Seed: printed, and PORCHLIGHT_SEED.
 */
#include "cases.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "roster/roster.h"
#include "support/helper.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

enum { DOOR, DOOR_TOO, US, ONE, OTHER, HIDDEN, HOMES };
#define TURNS 4000
#define QUOTA 1000000

static const struct key *device(struct street *s, size_t i) {
        return &street_core(s, i)->sign.pub;
}

static struct link *link_of(struct street *s, size_t a, size_t b) {
        return link_to_device(street_core(s, a), device(s, b));
}

static struct street *street_of_talkers(void) {
        struct street *s = street_bare(HOMES, seed);
        for (size_t i = 0; i < HOMES; i++) {
                if (i <= DOOR_TOO)
                        street_doorstep(s, i);
                else
                        street_shut(s, i);
        }
        assert_int_equal(street_found(s, DOOR), MESH_OUT_DONE);
        for (size_t i = 1; i < HOMES; i++)
                assert_int_equal(street_join(s, i, street_invite(s, DOOR, 1)), MESH_OUT_DONE);
        street_helper(s, US, true);
        street_hide(s, HIDDEN);
        street_relays(s, DOOR, QUOTA);
        street_run_for(s, 700); /* contacts say where the doorsteps are */
        return s;
}

/* ---- what a member can say ---- */
/* Signed and sealed as it should be, over the link to home @by: whatever @w says. */
static void say(struct street *s, size_t from, size_t by, struct wire_meet_said *w) {
        struct mesh *m = street_core(s, from);
        struct link *l = link_of(s, from, by);
        const struct key *to = device(s, US);
        const struct roster_device *its = roster_device_find(m->roster, to);
        _clean_(buf_fini) struct buf plain = BUF_NULL, sealed = BUF_NULL;
        uint8_t sig[SIGN_BYTES];
        struct hash h;
        if (!l)
                return;
        w->door = SPAN_OF(device(s, by)->b);
        w->sig = SPAN_OF(signed_blank);
        codec_encode(&wire_meet_said_desc, w, &plain);
        struct span head = codec_before(buf_span(&plain), MEET_SAID_KEY_sig);
        const struct span signs[] = {SPAN_OF(device(s, from)->b), SPAN_OF(to->b), head};
        hash_make_n(&h, DOMAIN_MEET, roster_mesh(m->roster), signs, ARRAY_LEN(signs));
        sign_make(sig, &m->sign, DOMAIN_MEET, &h);
        codec_patch(&plain, head.n, SPAN_OF(sig));
        hash_make_n(&h, DOMAIN_MEET, roster_mesh(m->roster), signs, 2);
        assert_true(box_seal_said(&sealed, &its->seal, SPAN_OF(h.b), buf_span(&plain), &m->rng));
        struct wire_meet msg = {
                .to = SPAN_OF(to->b), .from = SPAN_OF(device(s, from)->b), .hops = 2, .sealed = buf_span(&sealed)};
        assert_int_equal(link_say(l, LINK_MEET, &msg), 0);
        street_feed(s, from, (struct mesh_event){.type = MESH_EV_TICK});
}

struct saying { /* what a message points to */
        uint8_t nonce[16], token[16], print[32];
        struct buf words, candidates;
};

static void add_candidates(struct saying *y, uint64_t n, struct wire_meet_said *w) {
        struct wire_list list = {0};
        for (uint64_t i = 0; i < n; i++) {
                const uint8_t ip[4] = {203, 0, 113, (uint8_t)i};
                struct wire_ice_place at = {.ip = SPAN_OF(ip)};
                WIRE_PUT(&at, ICE_PLACE, port, 4000);
                _clean_(buf_fini) struct buf place = BUF_NULL;
                struct wire_list places = {0};
                wire_list_add(&wire_ice_place_desc, &places, &place, &at);
                const struct wire_meet_candidate c = {
                        .kind = CANDIDATE_HOST, .foundation = SPAN_STR("f"), .priority = i, .place = places};
                wire_list_add(&wire_meet_candidate_desc, &list, &y->candidates, &c);
        }
        WIRE_PUT(w, MEET_SAID, candidates, list);
}

static void add_words(struct saying *y, struct wire_meet_said *w) {
        struct wire_list list = {0};
        const struct wire_meet_words words = {
                .ufrag = SPAN_STR("abcd"), .pwd = SPAN_STR("abcdefghijklmnopqrstuv"), .print = SPAN_OF(y->print)};
        wire_list_add(&wire_meet_words_desc, &list, &y->words, &words);
        WIRE_PUT(w, MEET_SAID, words, list);
}

static bool one_in(struct rng *rng, uint64_t n) {
        return rng_below(rng, n) == 0;
}

/* A meeting that there is with home @from, as a rule; NULL: a new one. */
static const struct meet *some_meeting(struct street *s, struct rng *rng, size_t from) {
        const struct meet *found = NULL;
        for (size_t k = 0; k < MEETS_MOST; k++) {
                const struct meet *x = &street_core(s, US)->meets.at[k];
                if (x->state != MEET_NONE && key_eq(&x->device, device(s, from)) && (!found || one_in(rng, 2)))
                        found = x;
        }
        return one_in(rng, 4) ? NULL : found;
}

static void talk(struct street *s, struct rng *rng, size_t from) {
        const struct meet *x = some_meeting(s, rng, from);
        struct saying y = {.nonce = {(uint8_t)rng_below(rng, 200)}, .token = {9}};
        mesh_wall now = clock_now(street_core(s, from));
        struct wire_meet_said w = {.nonce = SPAN_OF(y.nonce), .seq = 0, .time = now};
        if (x) {
                memcpy(y.nonce, x->nonce, sizeof(y.nonce));
                w.seq = x->heard + (one_in(rng, 8) ? rng_below(rng, 3) : 0);
        }
        if (one_in(rng, 8))
                w.seq = rng_below(rng, 32);
        if (one_in(rng, 10))
                w.time = now + 400 - 800 * rng_below(rng, 2);
        if (x ? x->calls != one_in(rng, 10) : one_in(rng, 10))
                WIRE_PUT(&w, MEET_SAID, answer, true);
        if (!w.seq != one_in(rng, 6))
                add_words(&y, &w);
        if (one_in(rng, 3))
                add_candidates(&y, rng_below(rng, 8), &w);
        if (one_in(rng, 6))
                WIRE_PUT(&w, MEET_SAID, all, true);
        if (one_in(rng, 12))
                WIRE_PUT(&w, MEET_SAID, end, true);
        if (one_in(rng, 6))
                WIRE_PUT(&w, MEET_SAID, doorstep, SPAN_OF(device(s, rng_below(rng, HOMES))->b));
        if (one_in(rng, 6) || (WIRE_HAS(&w, MEET_SAID, doorstep) && !one_in(rng, 6)))
                WIRE_PUT(&w, MEET_SAID, token, SPAN_OF(y.token));
        say(s, from, rng_below(rng, 2), &w);
        buf_fini(&y.words);
        buf_fini(&y.candidates);
}

/* ---- what the helper can say ---- */
static mesh_link some_link(struct street *s, struct rng *rng) {
        const struct meet *x = &street_core(s, US)->meets.at[rng_below(rng, MEETS_MOST)];
        return x->state == MEET_NONE ? MESH_LINK_MET | 77 : x->link;
}

static void helper_says(struct street *s, struct rng *rng) {
        static const uint8_t numbers[] = {ICE_WORDS, ICE_CANDIDATE, ICE_ALL, 99};
        _clean_(buf_fini) struct buf map = BUF_NULL;
        mesh_link link = some_link(s, rng);
        struct mesh_event ev = {
                .type = MESH_EV_MET, .link = link, .met = {.number = numbers[rng_below(rng, ARRAY_LEN(numbers))]}};
        if (one_in(rng, 5))
                buf_add_str(&map, "\x81\x01\x01");
        else if (one_in(rng, 2))
                helper_words(&map, &(struct helper_of){.home = US, .link = link});
        else
                helper_candidate(&map, link, (uint32_t)rng_below(rng, 40));
        ev.met.map = buf_span(&map);
        if (one_in(rng, 6))
                ev = (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = link}; /* there is no way */
        street_feed(s, US, ev);
}

/* ---- what happens otherwise ---- */
static void something_changes(struct street *s, struct rng *rng) {
        struct mesh *m = street_core(s, US);
        switch (rng_below(rng, 8)) {
        case 0:
                street_helper(s, US, one_in(rng, 2));
                break;
        case 1: /* it hides, or no longer does */
                s->homes[US].hidden = one_in(rng, 4);
                street_tell_addresses(s, US);
                break;
        case 2:
                street_relays(s, rng_below(rng, 2), one_in(rng, 2) ? QUOTA : 0);
                break;
        case 3: /* a doorstep is gone for a while */
                street_cut(s, US, rng_below(rng, 2));
                break;
        case 4:
                street_mend(s, US, DOOR);
                street_mend(s, US, DOOR_TOO);
                break;
        default: /* it begins, too */
                for (size_t k = 0; k < m->n_addresses; k++)
                        if (address_meets(&m->addresses[k]) && !m->addresses[k].link)
                                m->addresses[k].next = m->now;
                dial_soon(m);
        }
}

/* ---- what must hold ---- */
static void look(struct street *s) {
        const struct mesh *m = street_core(s, US);
        size_t called = 0, of[HOMES] = {0};
        for (size_t k = 0; k < MEETS_MOST; k++) {
                const struct meet *x = &m->meets.at[k];
                if (x->state == MEET_NONE || x->calls)
                        continue;
                called++;
                for (size_t i = 0; i < HOMES; i++)
                        of[i] += key_eq(&x->device, device(s, i));
        }
        assert_in_range(called, 0, MEETS_CALLED);
        for (size_t i = 0; i < HOMES; i++)
                assert_in_range(of[i], 0, MEETS_HOME);
        assert_int_equal(base_checks_failed(), 0);
}

static bool met(struct street *s, void *ctx) {
        (void)ctx;
        const struct link *l = link_of(s, US, OTHER);
        return l && meet_is(l);
}

static void ends_well(struct street *s) {
        s->homes[US].hidden = false;
        for (size_t i = 0; i <= DOOR_TOO; i++)
                street_mend(s, US, i);
        street_tell_addresses(s, US);
        street_helper(s, US, true);
        street_helper(s, OTHER, true);
        assert_true(street_wait(s, 3600, met, NULL));
}

static void test_talk(void **state) {
        (void)state;
        struct street *s = street_of_talkers();
        uint8_t bytes[32] = {5};
        struct rng rng;
        put_be64(bytes + 8, seed);
        rng_init(&rng, bytes);
        for (unsigned i = 0; i < cases(TURNS); i++) {
                uint64_t which = rng_below(&rng, 20);
                if (which < 12)
                        talk(s, &rng, ONE + which % 3);
                else if (which < 18)
                        helper_says(s, &rng);
                else
                        something_changes(s, &rng);
                street_run_for(s, one_in(&rng, 10) ? (double)rng_below(&rng, 200) : 0.1);
                look(s);
        }
        assert_true(street_met(s, US) > 100 || cases_brief());
        assert_in_range(street_called(s, US), 20, street_met(s, US));
        ends_well(s);
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_talk)};
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
