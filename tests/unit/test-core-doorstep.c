/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A doorstep that is no friend: whatever it does with what two homes say to each other through it, they make a link or they do
 * not, and nothing else comes of it. Its core's own way of passing on is what the linker leads through here (meson.build), so
 * that what it says is framed and sealed for the links as any home's. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

int __real_doorstep_took(struct link *l, const struct wire_meet *msg);
int __wrap_doorstep_took(struct link *l, const struct wire_meet *msg);

#define DOOR 0 /* home 0 is the doorstep; 1 and 2 have no link but through it */
#define A 1
#define B 2
#define KEPT 64

struct kept {
        struct wire_meet msg; /* its spans are into the rest */
        uint8_t to[32], from[32], sealed[700];
        size_t side; /* it came from */
};

struct evil {
        struct street *s;
        int (*does)(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg);
        struct kept kept[KEPT];
        size_t n;
        unsigned took;
};
static struct evil *evil; /* the linker's seam has no place for an argument */

static struct link *link_of(struct street *s, size_t a, size_t b) {
        struct mesh *m = street_core(s, a);
        return link_to_device(m, &street_core(s, b)->sign.pub);
}

/* What goes about for the device of home @to, from that of home @from: a message that opens nowhere. */
static struct wire_meet of_to(struct street *s, size_t from, size_t to, uint64_t hops, struct span sealed) {
        return (struct wire_meet){.to = SPAN_OF(street_core(s, to)->sign.pub.b),
                                  .from = SPAN_OF(street_core(s, from)->sign.pub.b),
                                  .hops = hops,
                                  .sealed = sealed};
}

static void put_in_line(struct street *s, size_t from, size_t to, const struct wire_meet *msg) {
        struct link *on = link_of(s, from, to);
        if (on)
                assert_int_equal(link_say(on, LINK_MEET, msg), 0);
}

/* Home @from says it over its link to home @to, if it has one, and so long passes. */
static void says(struct street *s, size_t from, size_t to, const struct wire_meet *msg, double seconds) {
        put_in_line(s, from, to, msg);
        street_feed(s, from, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, seconds);
}

static bool is_for(struct street *s, const struct wire_meet *msg, size_t i) {
        return memcmp(msg->to.p, street_core(s, i)->sign.pub.b, 32) == 0;
}

static void keep(struct evil *e, const struct wire_meet *msg, size_t side) {
        if (e->n == KEPT)
                return;
        struct kept *k = &e->kept[e->n++];
        memcpy(k->to, msg->to.p, 32);
        memcpy(k->from, msg->from.p, 32);
        memcpy(k->sealed, msg->sealed.p, msg->sealed.n);
        k->side = side;
        k->msg = (struct wire_meet){
                .to = SPAN_OF(k->to), .from = SPAN_OF(k->from), .hops = 1, .sealed = span_of(k->sealed, msg->sealed.n)};
}

int __wrap_doorstep_took(struct link *l, const struct wire_meet *msg) {
        struct evil *e = evil;
        if (!e || l->m != street_core(e->s, DOOR))
                return __real_doorstep_took(l, msg);
        size_t side = is_for(e->s, msg, B) ? A : B;
        struct link *on = link_of(e->s, DOOR, side == A ? B : A);
        struct wire_meet its = *msg;
        its.hops = 1;
        e->took++;
        keep(e, msg, side);
        return on ? e->does(e, l, on, &its) : 0;
}

/* ---- what it does ---- */
static int passes(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)e, (void)from;
        return link_say(on, LINK_MEET, msg);
}

static int drops(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)e, (void)from, (void)on, (void)msg;
        return 0;
}

/* One bit, another one each time. */
static int alters(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)from;
        uint8_t bytes[700];
        size_t bit = (size_t)e->took * 2654435761u % (msg->sealed.n * 8);
        memcpy(bytes, msg->sealed.p, msg->sealed.n);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        msg->sealed.p = bytes;
        return link_say(on, LINK_MEET, msg);
}

static int shortens(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)e, (void)from;
        msg->sealed.n = 49 + e->took % (msg->sealed.n - 49);
        return link_say(on, LINK_MEET, msg);
}

static int repeats(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        int r = passes(e, from, on, msg);
        for (size_t i = 0; !r && i < e->n; i++) /* and all there was before, whoever said it, to both */
                r = link_say(on, LINK_MEET, &e->kept[i].msg);
        for (size_t i = 0; !r && i < e->n; i++)
                r = link_say(from, LINK_MEET, &e->kept[i].msg);
        return r;
}

/* Each message behind the next one of its side. */
static int mixes(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)from;
        const struct kept *before = NULL;
        for (size_t i = 0; i + 1 < e->n; i++)
                if (e->kept[i].side == e->kept[e->n - 1].side)
                        before = &e->kept[i];
        int r = before ? link_say(on, LINK_MEET, msg) : 0;
        return before && !r ? link_say(on, LINK_MEET, &before->msg) : r;
}

static int reflects(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)e, (void)on;
        struct wire_meet back = *msg;
        back.to = msg->from;
        back.from = msg->to;
        int r = link_say(from, LINK_MEET, &back);
        return r ? r : link_say(from, LINK_MEET, msg);
}

/* In the name of another member: itself. */
static int signs(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)from;
        msg->from = SPAN_OF(street_core(e->s, DOOR)->sign.pub.b);
        return link_say(on, LINK_MEET, msg);
}

/* It makes an offer of its own, sealed and signed as it should be, and says that it is A's. */
static int invents(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg) {
        (void)from;
        struct meet x = {.device = street_core(e->s, is_for(e->s, msg, B) ? B : A)->sign.pub, .nonce = {7}};
        const struct meet_said what = {.end = true};
        const struct meet_way way = {0};
        struct packet_queue *q = &on->queue[1];
        size_t before = q->count;
        int r = offer_say(on, &x, 0, &what, &way);
        if (r || q->count == before)
                return r;
        struct wire_meet own;
        _clean_(packet_freep) struct packet *p = packet_ref(packet_queue_at(q, q->count - 1));
        packet_queue_del(q, q->count - 1);
        REQUIRE(codec_decode(&wire_meet_desc, packet_map(p), &own, NULL) == 0);
        own.from = msg->from;
        own.hops = 1;
        return link_say(on, LINK_MEET, &own);
}

/* ---- what comes of it ---- */
static const struct {
        const char *what;
        int (*does)(struct evil *e, struct link *from, struct link *on, struct wire_meet *msg);
        enum { NEVER, MAYBE, ALWAYS } meet; /* they make a link */
        bool answered;                      /* anybody begins a meeting that he is called to */
} cases[] = {
        {"passes on", passes, ALWAYS, true},  {"drops", drops, NEVER, false},     {"alters", alters, NEVER, false},
        {"shortens", shortens, NEVER, false}, {"repeats", repeats, ALWAYS, true}, {"mixes", mixes, MAYBE, true},
        {"reflects", reflects, NEVER, false}, {"renames", signs, NEVER, false},   {"invents", invents, NEVER, false},
};

/* The first @doors of @homes can be called, and the others cannot; of all, the first @members are in the mesh. */
static struct street *street_of(size_t homes, size_t doors, size_t members) {
        struct street *s = street_bare(homes, seed);
        evil = NULL;
        for (size_t i = 0; i < homes; i++)
                (i < doors ? street_doorstep : street_shut)(s, i);
        assert_int_equal(street_found(s, DOOR), MESH_OUT_DONE);
        for (size_t i = 1; i < members; i++)
                assert_int_equal(street_join(s, i, street_invite(s, DOOR, 1)), MESH_OUT_DONE);
        return s;
}

static void street_evil(struct evil *e) {
        e->s = street_of(3, 1, 3);
        street_helper(e->s, B, true);
        street_run_for(e->s, 700);
        evil = e;
}

static void evil_free(struct evil *e) {
        evil = NULL;
        street_free(e->s);
}

static void run_case(size_t k) {
        struct evil e = {.does = cases[k].does};
        street_evil(&e);
        street_helper(e.s, A, true);
        street_run_for(e.s, 120);
        bool met = link_of(e.s, A, B) != NULL, answered = street_called(e.s, A) + street_called(e.s, B) > 0;
        bool right = cases[k].meet == MAYBE || met == (cases[k].meet == ALWAYS);
        if (!right || answered != cases[k].answered)
                fail_msg("a doorstep that %s: a link %d, answered %d times, %u messages, %zu meetings begun",
                         cases[k].what, met, (int)(street_called(e.s, A) + street_called(e.s, B)), e.took,
                         street_met(e.s, A));
        assert_true(e.took > 0 && base_checks_failed() == 0);
        assert_non_null(link_of(e.s, DOOR, A)); /* nobody hung up on anybody */
        assert_non_null(link_of(e.s, DOOR, B));
        evil_free(&e);
}

static void test_cases(void **state) {
        (void)state;
        for (size_t k = 0; k < ARRAY_LEN(cases); k++)
                run_case(k);
}

/* Whatever was said is of no use later: at once, after the link has come and gone, when the offer is too old, after a start. */
static void test_replays(void **state) {
        (void)state;
        static const double later[] = {0, 1, 20, 119, 125, 300, 4000};
        struct evil e = {.does = passes};
        street_evil(&e);
        street_helper(e.s, A, true);
        street_run_for(e.s, 20);
        assert_non_null(link_of(e.s, A, B));
        size_t met = street_called(e.s, A) + street_called(e.s, B), kept = e.n;
        assert_int_equal(met, 1);
        e.does = drops; /* what follows is this test's alone */
        for (size_t i = 0; i < ARRAY_LEN(later); i++) {
                street_run_for(e.s, later[i]);
                for (size_t k = 0; k < kept; k++)
                        put_in_line(e.s, DOOR, e.kept[k].side == A ? B : A, &e.kept[k].msg);
                street_feed(e.s, DOOR, (struct mesh_event){.type = MESH_EV_TICK});
                street_run_for(e.s, 2);
                assert_int_equal(street_called(e.s, A) + street_called(e.s, B), met);
        }
        evil_free(&e);
}

/* A neighbour that says no end of them: those it brings are not looked at any more, and others' are. */
static void test_flood(void **state) {
        (void)state;
        struct street *s = street_of(4, 2, 4);
        uint8_t junk[600] = {1};
        for (size_t i = 2; i < 4; i++)
                street_helper(s, i, true);
        street_off(s, 2);
        street_run_for(s, 700);
        struct wire_meet msg = of_to(s, 1, 3, 1, SPAN_OF(junk));
        assert_non_null(link_of(s, 0, 3));
        street_on(s, 2);
        for (int i = 0; i < 40; i++) { /* twenty a second */
                for (int k = 0; k < 9; k++)
                        put_in_line(s, 0, 3, &msg);
                says(s, 0, 3, &msg, 0.5);
        }
        const struct link *from = link_of(s, 3, 0);
        assert_true(from && from->meets == MEETS_LINK);
        street_run_for(s, 900);
        assert_non_null(link_of(s, 2, 3));
        street_free(s);
}

/* An honest doorstep: what it does not pass on. */
static void test_not_passed(void **state) {
        (void)state;
        struct street *s = street_new(4, seed);
        uint8_t sealed[100] = {1};
        static const struct key nobody = {{5}};
        street_run_for(s, 60);
        const struct key *me = &street_core(s, 1)->sign.pub, *to = &street_core(s, 2)->sign.pub,
                         *other = &street_core(s, 3)->sign.pub;
        const struct {
                const struct key *from, *to;
                uint64_t hops;
                bool passed;
        } tried[] = {
                {me, to, 2, true},    {me, to, 1, true},       {me, to, 0, false},      {other, to, 2, false},
                {other, to, 1, true}, {&nobody, to, 1, false}, {me, &nobody, 2, false}, {me, me, 2, false},
        };
        for (size_t i = 0; i < ARRAY_LEN(tried); i++) {
                struct link *on = link_of(s, 0, 2);
                assert_true(on && link_of(s, 1, 0));
                struct wire_meet msg = {.to = SPAN_OF(tried[i].to->b),
                                        .from = SPAN_OF(tried[i].from->b),
                                        .hops = tried[i].hops,
                                        .sealed = SPAN_OF(sealed)};
                street_run_for(s, 5);
                link_of(s, 2, 0)->meets = 0; /* what was counted */
                says(s, 1, 0, &msg, 0.5);
                assert_int_equal(link_of(s, 2, 0)->meets, tried[i].passed);
        }
        street_free(s);
}

static size_t came_by(struct street *s, size_t i, size_t neighbour) {
        struct link *l = link_of(s, i, neighbour);
        size_t n = l ? l->meets : 0;
        if (l)
                l->meets = 0;
        return n;
}

/* The doorstep has lost the one it is for, whose contact names nobody: a neighbour has a link to it, and may say so in its own. */
static void test_by_a_neighbour(void **state) {
        (void)state;
        enum { THIRD = 3, FOURTH, HOMES, TRIES = 8 };
        struct street *s = street_new(HOMES, seed);
        uint8_t sealed[100] = {1};
        size_t third = 0, fourth = 0;
        street_run_for(s, 60);
        const struct wire_meet msg = of_to(s, A, B, 2, SPAN_OF(sealed));
        link_hangup(link_of(s, DOOR, B), REASON_OVERLOAD);
        street_cut(s, DOOR, B);
        street_run_for(s, 1);
        assert_null(link_of(s, DOOR, B));
        for (int i = 0; i < TRIES; i++) {
                says(s, A, DOOR, &msg, 0.5);
                third += came_by(s, B, THIRD);
                fourth += came_by(s, B, FOURTH);
        }
        assert_int_equal(third + fourth, TRIES);
        assert_in_range(third, 1, TRIES - 1); /* now by this one, now by that */
        struct contact *c = map_find(&street_core(s, DOOR)->contacts, street_core(s, THIRD)->sign.pub.b);
        c->card->via[0] = street_core(s, B)->sign.pub;
        c->card->n_via = 1;
        for (int i = 0; i < TRIES; i++) {
                says(s, A, DOOR, &msg, 0.5);
                assert_int_equal(came_by(s, B, THIRD), 1);
        }
        street_free(s);
}

/* An alert stands behind few of them: whoever floods a doorstep fills nobody's line with what hurries. */
static void test_line(void **state) {
        (void)state;
        struct street *s = street_new(3, seed);
        uint8_t sealed[700] = {1};
        evil = NULL;
        street_run_for(s, 60);
        const struct wire_meet msg = of_to(s, A, B, 2, SPAN_OF(sealed));
        const struct packet_queue *q = &link_of(s, DOOR, B)->queue[1];
        street_hold(s, DOOR, B, 20);
        size_t most = 0;
        for (int i = 0; i < 600; i++) { /* what is with the kernel is what fits there */
                if (i % 10 == 0)
                        link_of(s, DOOR, A)->meets = 0; /* many neighbours say a few each */
                says(s, A, DOOR, &msg, 0.02);
                most = MAX(most, q->bytes);
        }
        assert_in_range(most, 1, MEETS_QUEUE + 1000);
        street_free(s);
}

/* Who was removed is told nothing, and what it said before is worth nothing. */
static void test_removed(void **state) {
        (void)state;
        struct evil e = {.does = drops};
        street_evil(&e);
        street_helper(e.s, A, true);
        street_run_for(e.s, 60);
        assert_true(e.n > 0);
        assert_int_equal(street_vote(e.s, DOOR, OP_REMOVE, A), MESH_OUT_DONE);
        street_run_for(e.s, 10);
        for (size_t k = 0; k < e.n; k++)
                says(e.s, DOOR, B, &e.kept[k].msg, 0);
        street_run_for(e.s, 10);
        assert_int_equal(street_called(e.s, B), 0);
        struct link *on = link_of(e.s, B, DOOR); /* nor is what was begun before gone on with */
        size_t before = on->queue[1].count;
        struct meet x = {.device = street_core(e.s, A)->sign.pub, .nonce = {7}};
        const struct meet_said what = {.end = true};
        const struct meet_way way = {0};
        assert_int_equal(offer_say(on, &x, 0, &what, &way), 0);
        assert_int_equal(on->queue[1].count, before);
        evil_free(&e);
}

/* Home @i knows no patience. */
static void calls_again(struct street *s, size_t i) {
        struct mesh *m = street_core(s, i);
        for (size_t k = 0; k < m->n_addresses; k++)
                if (address_meets(&m->addresses[k]) && !m->addresses[k].link)
                        m->addresses[k].next = m->now;
        dial_soon(m);
}

/* No more than so many of one device in an hour, and at a time. */
static void test_bounds(void **state) {
        (void)state;
        struct evil e = {.does = passes};
        street_evil(&e);
        street_apart(e.s, A, B);
        street_helper(e.s, A, true);
        for (int i = 0; i < 3000; i++) {
                calls_again(e.s, A);
                street_run_for(e.s, 1);
        }
        size_t answered = street_called(e.s, B), own = street_met(e.s, B) - answered;
        assert_in_range(answered, MEETS_HOUR - 5, MEETS_HOUR + own); /* some met an own call */
        assert_true(street_met(e.s, A) > MEETS_HOUR);
        evil_free(&e);
}

/* ---- two that call each other ---- */
struct crossing {
        struct evil e;
        size_t lower, higher; /* of their keys: the lower one's call stands */
};

/* They know of each other, and none calls. */
static void crossing(struct crossing *x) {
        *x = (struct crossing){.e = {.does = drops}};
        street_evil(&x->e);
        struct street *s = x->e.s;
        bool a_lower = memcmp(street_core(s, A)->sign.pub.b, street_core(s, B)->sign.pub.b, sizeof(struct key)) < 0;
        x->lower = a_lower ? A : B;
        x->higher = a_lower ? B : A;
        street_helper(s, A, true);
        street_run_for(s, 60);
        while (street_core(s, A)->meet_due != MESH_NEVER || street_core(s, B)->meet_due != MESH_NEVER)
                street_run_for(s, 1);
        for (size_t i = A; i <= B; i++) {
                struct mesh *m = street_core(s, i);
                for (size_t k = 0; k < m->n_addresses; k++)
                        m->addresses[k].next += 60000;
        }
        assert_null(link_of(s, A, B));
}

static bool met(struct street *s, void *ctx) {
        (void)ctx;
        return link_of(s, A, B) && link_of(s, B, A);
}

/* The lower key's offers are not answered any more; and while it calls it takes none. But who calls it answers it. */
static void test_spent(void **state) {
        (void)state;
        struct crossing x;
        crossing(&x);
        struct street *s = x.e.s;
        for (int i = 0; i < MEETS_HOUR; i++)
                assert_int_equal(
                        budget_charge(street_core(s, x.higher), &street_core(s, x.lower)->sign.pub, BUDGET_MEETS), 0);
        x.e.does = passes;
        calls_again(s, x.lower);
        assert_false(street_wait(s, 3, met, NULL));
        calls_again(s, x.higher);
        assert_true(street_wait(s, 3, met, NULL));
        evil_free(&x.e);
}

/* The lower key's offer is lost, and the higher one's does not stand. */
static void test_lost(void **state) {
        (void)state;
        struct crossing x;
        crossing(&x);
        calls_again(x.e.s, x.lower);
        street_run_for(x.e.s, 1);
        assert_true(meet_runs(street_core(x.e.s, x.lower), &street_core(x.e.s, x.higher)->sign.pub));
        x.e.does = passes;
        calls_again(x.e.s, x.higher);
        assert_true(street_wait(x.e.s, 3, met, NULL));
        evil_free(&x.e);
}

/* ---- one household, and one pair of neighbours ---- */
#define FAMILY 4 /* devices: home A's, and those of homes 3 to 5 */

/* Home @from begins a meeting with home B, as far as saying so goes. */
static void calls(struct street *s, size_t from, uint8_t meeting) {
        static const struct meet_way way = {0};
        static const uint8_t print[32] = {7};
        const struct wire_meet_words words = {
                .ufrag = SPAN_STR("abcd"), .pwd = SPAN_STR("abcdefghijklmnopqrstuv"), .print = SPAN_OF(print)};
        struct meet x = {.calls = true,
                         .device = street_core(s, B)->sign.pub,
                         .nonce = {meeting, (uint8_t)from},
                         .words = BUF_NULL};
        const struct meet_said what = {.words = true};
        codec_encode(&wire_meet_words_desc, &words, &x.words);
        assert_non_null(link_of(s, from, DOOR));
        assert_int_equal(offer_say(link_of(s, from, DOOR), &x, 0, &what, &way), 0);
        buf_fini(&x.words);
        street_feed(s, from, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, 0.1);
}

static struct street *street_family(void) {
        struct street *s = street_of(6, 1, 3);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_run_for(s, 30);
        for (size_t i = 3; i < 6; i++) {
                buf_clear(&code);
                street_code(s, A, DOOR, &code);
                assert_int_equal(street_enrol(s, i, buf_span(&code), "further"), MESH_OUT_DONE);
        }
        street_helper(s, B, true);
        street_run_for(s, 60);
        return s;
}

static size_t called(struct street *s, size_t i) {
        size_t n = 0;
        for (size_t k = 0; k < MEETS_MOST; k++)
                n += street_core(s, i)->meets.at[k].state != MEET_NONE && !street_core(s, i)->meets.at[k].calls;
        return n;
}

/* All devices of a household together take no more than half of what there is for those that others begin. */
static void test_family(void **state) {
        (void)state;
        static const size_t family[FAMILY] = {A, 3, 4, 5};
        struct street *s = street_family();
        for (size_t i = 0; i < FAMILY; i++)
                calls(s, family[i], 1);
        assert_int_equal(called(s, B), MEETS_HOME);
        for (uint8_t k = 2; k < 30; k++)
                for (size_t i = 0; i < FAMILY; i++)
                        calls(s, family[i], k);
        size_t seen = 0;
        for (size_t k = 0; k < MEETS_SEEN; k++)
                seen += street_core(s, B)->meets.seen[k].until > street_core(s, B)->now;
        assert_int_equal(seen, MEETS_SEEN_HOME);
        street_free(s);
}

/* Two households have all four places: whoever comes then with a first meeting has one of theirs. */
static void test_first_of_another(void **state) {
        (void)state;
        struct street *s = street_of(7, 1, 3);
        static const size_t families[] = {A, 3, 4, 5};
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_run_for(s, 30);
        assert_int_equal(street_join(s, 4, street_invite(s, DOOR, 1)), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 6, street_invite(s, DOOR, 1)), MESH_OUT_DONE);
        for (size_t i = 0; i < 2; i++) {
                buf_clear(&code);
                street_code(s, families[2 * i], DOOR, &code);
                assert_int_equal(street_enrol(s, families[2 * i + 1], buf_span(&code), "further"), MESH_OUT_DONE);
        }
        street_helper(s, B, true);
        street_run_for(s, 60);
        for (size_t i = 0; i < ARRAY_LEN(families); i++)
                calls(s, families[i], 1);
        assert_int_equal(called(s, B), MEETS_CALLED);
        calls(s, 6, 1);
        assert_int_equal(called(s, B), MEETS_CALLED);
        assert_true(meet_runs(street_core(s, B), &street_core(s, 6)->sign.pub));
        calls(s, families[0], 2); /* and it does not go round: it has one left, or begins its first anew */
        assert_true(meet_runs(street_core(s, B), &street_core(s, 6)->sign.pub));
        street_free(s);
}

/* Two neighbours, who can tell message 0 of a meeting by its place, take turns in bringing it. */
static void test_turns(void **state) {
        (void)state;
        struct evil e = {.does = passes};
        street_evil(&e);
        street_apart(e.s, A, B);
        street_helper(e.s, A, true);
        for (int i = 0; i < 600 && !called(e.s, B); i++)
                street_run_for(e.s, 0.1);
        street_run_for(e.s, 1);
        struct mesh *b = street_core(e.s, B);
        struct meet *x = b->meets.at;
        while (x < b->meets.at + MEETS_MOST && (x->state != MEET_TALKING || x->calls))
                x++;
        assert_true(x < b->meets.at + MEETS_MOST && e.n > 0);
        const struct kept *first = e.kept;
        while (first->side != A)
                first++;
        unsigned before = e.took;
        for (int i = 0; i < 20; i++) {
                x->ways[0].next = (struct key){{5}}; /* the last one came over another neighbour */
                says(e.s, DOOR, B, &first->msg, 0.1);
        }
        assert_in_range(e.took - before, 1, MEETS_WAYS * x->n_said);
        evil_free(&e);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_family),         cmocka_unit_test(test_first_of_another),
                cmocka_unit_test(test_turns),          cmocka_unit_test(test_line),
                cmocka_unit_test(test_cases),          cmocka_unit_test(test_replays),
                cmocka_unit_test(test_flood),          cmocka_unit_test(test_not_passed),
                cmocka_unit_test(test_by_a_neighbour), cmocka_unit_test(test_removed),
                cmocka_unit_test(test_bounds),         cmocka_unit_test(test_spent),
                cmocka_unit_test(test_lost),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
