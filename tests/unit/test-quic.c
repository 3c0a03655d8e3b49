/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a QUIC stream over a line in this file: it takes 10 ms, and loses, repeats and turns round what it likes. */
#include "base/buf.h"
#include "cases.h"
#include "ice/quic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define DELAY (10 * MS)
#define FLYING_MAX 4096
#define LIVES (600 * 1000 * MS) /* of virtual time until a test gives up */

struct flying {
        uint64_t at;
        int to;
        size_t n;
        uint8_t bytes[QUIC_DATAGRAM];
};

struct line {
        uint64_t now;
        struct quic *end[2];
        struct cert cert[2];
        struct flying *flying;
        size_t n;
        unsigned loss_pct, twice_pct, late_pct;
        uint32_t seed; /* of its moods: a run is the same each time */
        uint64_t datagrams;
        size_t longest;
        size_t widest, wide_for; /* longer ones are swallowed once so much has come; 0: none are */
        struct buf came[2];
};

struct sender {
        struct line *line;
        int from;
};

static unsigned mood(struct line *l) {
        l->seed = l->seed * 1664525 + 1013904223;
        return (l->seed >> 16) % 100;
}

static void fly(struct line *l, int to, struct span s, uint64_t wait) {
        if (l->n == FLYING_MAX)
                return;
        struct flying *f = &l->flying[l->n++];
        f->at = l->now + wait;
        f->to = to;
        f->n = s.n;
        memcpy(f->bytes, s.p, s.n);
}

static void on_send(void *arg, struct span s) {
        const struct sender *from = arg;
        struct line *l = from->line;
        assert_in_range(s.n, 1, QUIC_DATAGRAM);
        l->datagrams++;
        l->longest = MAX(l->longest, s.n);
        bool swallowed = l->widest && s.n > l->widest && l->came[1].n >= l->wide_for;
        if (mood(l) < l->loss_pct || swallowed)
                return;
        fly(l, !from->from, s, DELAY + (mood(l) < l->late_pct ? 7 * MS : 0));
        if (mood(l) < l->twice_pct)
                fly(l, !from->from, s, DELAY + 3 * MS);
}

static void drain(struct line *l, int i) {
        for (;;) {
                struct span there = quic_look(l->end[i]);
                if (!there.n)
                        break;
                buf_add(&l->came[i], there);
                quic_drop(l->end[i], there.n);
        }
        quic_turn(l->end[i], l->now);
}

/* The datagram at that place in the air comes down; where nobody is any more it is lost. */
static void arrive(struct line *l, size_t which) {
        struct flying f = l->flying[which];
        memmove(&l->flying[which], &l->flying[which + 1], (--l->n - which) * sizeof(f));
        if (l->end[f.to])
                quic_receive(l->end[f.to], span_of(f.bytes, f.n), l->now);
}

/* The next thing that happens. False: nothing will. */
static bool step(struct line *l, bool fetches[2]) {
        uint64_t at = MIN(quic_deadline(l->end[0]), quic_deadline(l->end[1]));
        size_t next = l->n;
        for (size_t i = 0; i < l->n; i++)
                if (l->flying[i].at <= at && (next == l->n || l->flying[i].at < l->flying[next].at))
                        next = i;
        at = next < l->n ? l->flying[next].at : at;
        if (at == QUIC_NEVER || at > LIVES)
                return false;
        l->now = MAX(l->now, at);
        if (next < l->n)
                arrive(l, next);
        for (int i = 0; i < 2; i++) {
                quic_turn(l->end[i], l->now);
                if (fetches[i])
                        drain(l, i);
        }
        return true;
}

static struct sender senders[2];

static void line_new(struct line *l, const struct hash *print_for_server) {
        *l = (struct line){.now = MS, .seed = 4, .flying = calloc(FLYING_MAX, sizeof(*l->flying))};
        assert_non_null(l->flying);
        for (int i = 0; i < 2; i++) {
                assert_true(cert_make(&l->cert[i]));
                senders[i] = (struct sender){l, i};
        }
        const struct hash *prints[] = {&l->cert[1].print, print_for_server ? print_for_server : &l->cert[0].print};
        for (int i = 0; i < 2; i++) {
                l->end[i] = quic_new(i == 0, &l->cert[i], prints[i], on_send, &senders[i], l->now);
                assert_non_null(l->end[i]);
                assert_int_equal(quic_state(l->end[i]), QUIC_SHAKING);
        }
        quic_turn(l->end[0], l->now);
}

static void line_free(struct line *l) {
        for (int i = 0; i < 2; i++) {
                quic_free(l->end[i]);
                cert_fini(&l->cert[i]);
                buf_fini(&l->came[i]);
        }
        free(l->flying);
}

static bool both[2] = {true, true};

static void until_up(struct line *l) {
        while (quic_state(l->end[0]) == QUIC_SHAKING || quic_state(l->end[1]) == QUIC_SHAKING)
                assert_true(step(l, both));
        assert_int_equal(quic_state(l->end[0]), QUIC_UP);
        assert_int_equal(quic_state(l->end[1]), QUIC_UP);
}

/* Bytes that are all different from what stands @QUIC_WINDOW before them. */
static void fill(struct buf *b, size_t n, uint8_t salt) {
        uint8_t seed[randombytes_SEEDBYTES] = {salt}, *room = buf_room(b, n);
        assert_non_null(room);
        randombytes_buf_deterministic(room, n, seed);
        buf_used(b, n);
}

static void carry(struct line *l, size_t n) {
        _clean_(buf_fini) struct buf a = BUF_NULL, b = BUF_NULL;
        size_t put[2] = {0, 0};
        fill(&a, n, 1);
        fill(&b, n / 2, 2);
        const struct buf *all[] = {&a, &b};
        while (l->came[1].n < a.n || l->came[0].n < b.n || !quic_over(l->end[1])) {
                for (int i = 0; i < 2; i++) {
                        put[i] += quic_put(l->end[i], span_from(buf_span(all[i]), put[i]));
                        if (put[i] == all[i]->n && (i == 0 || l->came[0].n || !b.n))
                                quic_finish(l->end[i]);
                        quic_turn(l->end[i], l->now);
                }
                assert_true(step(l, both));
        }
        assert_true(span_eq(buf_span(&l->came[1]), buf_span(&a)));
        assert_true(span_eq(buf_span(&l->came[0]), buf_span(&b)));
}

static void clean_line(void **state) {
        (void)state;
        struct line l;
        line_new(&l, NULL);
        until_up(&l);
        assert_true(l.now < 60 * MS); /* one round for the first bytes, one for the certificates */
        carry(&l, 3 * QUIC_WINDOW);
        while (quic_state(l.end[0]) == QUIC_UP && quic_state(l.end[1]) == QUIC_UP)
                assert_true(step(&l, both));
        int last = quic_state(l.end[0]) == QUIC_UP ? 0 : 1;
        l.end[!last] = quic_free(l.end[!last]); /* who knows that all is said leaves, and says so */
        while (l.n)
                arrive(&l, 0);
        assert_int_equal(quic_state(l.end[last]), QUIC_CLOSED);
        assert_true(quic_over(l.end[last]));
        assert_int_equal(quic_put(l.end[last], SPAN_STR("more")), 0);
        line_free(&l);
}

static void bad_line(void **state) {
        (void)state;
        for (uint32_t seed = 1; seed <= cases(10); seed++) {
                struct line l;
                line_new(&l, NULL);
                l.seed = seed;
                l.loss_pct = 20;
                l.twice_pct = 10;
                l.late_pct = 30;
                until_up(&l);
                carry(&l, 200000);
                line_free(&l);
        }
}

/* A way of which nobody knows what it carries, and that becomes another one under way. */
static void large_packets(void **state) {
        (void)state;
        const struct {
                size_t widest, wide_for, least;
        } ways[] = {{0, 0, 1400}, {1300, 0, QUIC_SURE}, {1300, QUIC_WINDOW, 1400}};
        for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
                struct line l;
                line_new(&l, NULL);
                l.widest = ways[i].widest;
                l.wide_for = ways[i].wide_for;
                until_up(&l);
                uint64_t began = l.now;
                carry(&l, 3 * QUIC_WINDOW);
                assert_in_range(l.longest, ways[i].least, QUIC_DATAGRAM);
                assert_true(l.now - began < 4000 * MS);
                line_free(&l);
        }
}

static void nobody_fetches(void **state) {
        (void)state;
        static uint8_t much[2 * QUIC_WINDOW + 1];
        static bool none[2] = {false, false};
        struct line l;
        line_new(&l, NULL);
        until_up(&l);
        size_t put = 0;
        for (int idle = 0; idle < 2000; idle++) {
                size_t n = quic_put(l.end[0], span_of(much, MIN(sizeof(much), sizeof(much) - put)));
                put += n;
                quic_turn(l.end[0], l.now);
                if (!step(&l, none) || l.now > 20000 * MS)
                        break;
        }
        assert_int_equal(put, 2 * QUIC_WINDOW); /* one window here, one there */
        assert_int_equal(quic_room(l.end[0]), 0);
        size_t there = 0;
        for (struct span s; (s = quic_look(l.end[1])).n; there += s.n)
                quic_drop(l.end[1], s.n);
        quic_turn(l.end[1], l.now);
        assert_int_equal(there, QUIC_WINDOW);
        while (!quic_room(l.end[0]))
                assert_true(step(&l, none));
        line_free(&l);
}

static void another_certificate(void **state) {
        (void)state;
        struct line l;
        struct hash wrong;
        randombytes_buf(wrong.b, sizeof(wrong));
        line_new(&l, &wrong); /* the server was told of another one */
        for (int i = 0; i < 200 && quic_state(l.end[1]) == QUIC_SHAKING; i++)
                assert_true(step(&l, both));
        assert_int_equal(quic_state(l.end[1]), QUIC_STRANGER);
        assert_int_equal(quic_put(l.end[0], SPAN_STR("secret")), quic_state(l.end[0]) == QUIC_UP ? 6 : 0);
        quic_turn(l.end[0], l.now);
        quic_turn(l.end[1], l.now);
        assert_int_equal(quic_look(l.end[1]).n, 0);
        l.end[1] = quic_free(l.end[1]); /* and says goodbye */
        while (l.n)
                arrive(&l, 0);
        assert_int_equal(quic_state(l.end[0]), QUIC_CLOSED);
        line_free(&l);
}

static void garbage(void **state) {
        (void)state;
        struct line l;
        uint8_t junk[QUIC_DATAGRAM];
        line_new(&l, NULL);
        for (int i = 0; i < 2000; i++) {
                randombytes_buf(junk, sizeof(junk));
                quic_receive(l.end[i % 2], span_of(junk, randombytes_uniform(sizeof(junk) + 1)), l.now);
        }
        until_up(&l);
        for (int i = 0; i < 2000; i++) { /* what was true once, with a bit turned */
                struct flying f = l.flying[randombytes_uniform(FLYING_MAX)];
                if (f.n == 0 || f.n > sizeof(f.bytes))
                        continue;
                f.bytes[randombytes_uniform((uint32_t)f.n)] ^= (uint8_t)(1 << randombytes_uniform(8));
                quic_receive(l.end[f.to & 1], span_of(f.bytes, f.n), l.now);
        }
        carry(&l, 50000);
        line_free(&l);
}

static void silence(void **state) {
        (void)state;
        struct line l;
        line_new(&l, NULL);
        l.loss_pct = 100;
        l.n = 0; /* the first one, too */
        while (quic_state(l.end[0]) == QUIC_SHAKING)
                assert_true(step(&l, both));
        assert_int_equal(quic_state(l.end[0]), QUIC_BROKEN);
        assert_in_range(l.now / MS, 9000, 12000);
        assert_true(l.datagrams < 40);
        line_free(&l);
}

int main(void) {
        if (sodium_init() < 0 || gnutls_global_init())
                return 1;
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(clean_line),
                cmocka_unit_test(bad_line),
                cmocka_unit_test(large_packets),
                cmocka_unit_test(nobody_fetches),
                cmocka_unit_test(another_certificate),
                cmocka_unit_test(garbage),
                cmocka_unit_test(silence),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
