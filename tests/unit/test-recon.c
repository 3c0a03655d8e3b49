/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reconciliation between two parties with random sets: whatever they hold, afterwards each has been told exactly what the
 * other lacks, once, within the rounds a session may have; and whatever bytes come, an answer or a refusal is all that
 * happens. The seed is printed, and taken from PORCHLIGHT_SEED.
 */
#include "core/limits.h"
#include "core/recon.h"
#include "crypto/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS_MOST 64
#define MESSAGE_NORMAL 8000
#define MESSAGE_SMALL 700
#define SIDE_A 1
#define SIDE_B 2
#define HOSTILE_TRIES 4000

static uint64_t seed;
static struct rng rng;

static int group_start(void **state) {
        (void)state;
        uint8_t bytes[32] = {0};
        put_be64(bytes, seed);
        rng_init(&rng, bytes);
        return 0;
}

/* ---- a world: elements, and which side holds each ---- */
struct element {
        uint64_t time, sid;
        uint8_t sides;
        uint8_t told; /* bit SIDE_A: A was told that B lacks it */
};

struct world {
        struct element *e;
        size_t n;
        struct recon r[2];
};

enum shape { SHAPE_SPREAD, SHAPE_ONE_TIME, SHAPE_SKEWED, SHAPES };

static uint64_t a_time(enum shape shape, size_t i) {
        switch (shape) {
        case SHAPE_SPREAD:
                return 1790000000 + i * 7;
        case SHAPE_ONE_TIME:
                return 1790000000;
        case SHAPE_SKEWED: /* nearly all at one moment, the others anywhere */
                return rng_below(&rng, 100) ? 1790000000 : rng_below(&rng, UINT64_C(17280000000));
        case SHAPES:
                break;
        }
        return 0;
}

static void world_new(struct world *w, size_t n, enum shape shape) {
        *w = (struct world){.e = calloc(n ? n : 1, sizeof(struct element)), .n = n};
        assert_non_null(w->e);
        for (size_t i = 0; i < n; i++)
                w->e[i] = (struct element){.time = a_time(shape, i), .sid = rng_u64(&rng), .sides = SIDE_A | SIDE_B};
}

static void world_seal(struct world *w) {
        for (size_t i = 0; i < w->n; i++)
                for (int k = 0; k < 2; k++)
                        if (w->e[i].sides & 1 << k)
                                assert_int_equal(recon_add(&w->r[k], w->e[i].time, w->e[i].sid, (uint32_t)i), 0);
        for (int k = 0; k < 2; k++)
                assert_int_equal(recon_seal(&w->r[k]), 0);
}

static void world_free(struct world *w) {
        recon_fini(&w->r[0]);
        recon_fini(&w->r[1]);
        free(w->e);
}

static void told(struct world *w, int side, const struct recon_result *res) {
        for (size_t i = 0; i < res->n_have; i++) {
                struct element *e = &w->e[res->have[i]];
                assert_true(e->sides == 1 << side);
                assert_false(e->told & 1 << side); /* each once */
                e->told |= (uint8_t)(1 << side);
        }
}

struct cost {
        size_t bytes, rounds;
};

/* A session as the core runs it: A opens; each answer goes over until there is none. */
static struct cost session(struct world *w, size_t max) {
        struct buf msg = BUF_NULL;
        struct cost c = {0};
        assert_int_equal(recon_open(&w->r[0], max, &msg), 0);
        bool over[2] = {false, false};
        for (int side = 1;; side = 1 - side) {
                struct buf answer = BUF_NULL;
                struct recon_result res;
                assert_true(msg.n <= max && msg.n > 0);
                c.bytes += msg.n;
                c.rounds++;
                assert_true(c.rounds < ROUNDS_MOST);
                assert_int_equal(recon_answer(&w->r[side], buf_span(&msg), max, &answer, &res), 0);
                told(w, side, &res);
                bool again = res.answer;
                over[side] = res.done;
                recon_result_fini(&res);
                buf_fini(&msg);
                msg = answer;
                if (!again)
                        break;
        }
        buf_fini(&msg);
        assert_true(over[0] && over[1]); /* both sides know that it is over */
        return c;
}

static struct cost reconcile(struct world *w, size_t max) {
        world_seal(w);
        struct cost c = session(w, max);
        for (size_t i = 0; i < w->n; i++) {
                const struct element *e = &w->e[i];
                assert_int_equal(e->told, e->sides == (SIDE_A | SIDE_B) ? 0 : e->sides);
        }
        return c;
}

/* ---- differences ---- */
enum difference {
        DIFF_NONE,
        DIFF_SUFFIX,
        DIFF_SUFFIX_BOTH,
        DIFF_SCATTERED,
        DIFF_DISJOINT,
        DIFF_ONE_EMPTY,
        DIFF_FEW,
        DIFFS
};
static const char *const difference_names[DIFFS] = {"none",     "suffix",    "two suffixes", "scattered",
                                                    "disjoint", "one empty", "few"};

static uint8_t one_side(void) {
        return rng_below(&rng, 2) ? SIDE_A : SIDE_B;
}

static void differ(struct world *w, enum difference d) {
        for (size_t i = 0; i < w->n; i++) {
                uint8_t *sides = &w->e[i].sides;
                switch (d) {
                case DIFF_NONE:
                        break;
                case DIFF_SUFFIX:
                        *sides = i >= w->n - w->n / 10 ? SIDE_A : *sides;
                        break;
                case DIFF_SUFFIX_BOTH:
                        *sides = i >= w->n - w->n / 10 ? one_side() : *sides;
                        break;
                case DIFF_SCATTERED:
                        *sides = rng_below(&rng, 10) ? *sides : one_side();
                        break;
                case DIFF_DISJOINT:
                        *sides = one_side();
                        break;
                case DIFF_ONE_EMPTY:
                        *sides = SIDE_B;
                        break;
                case DIFF_FEW:
                        *sides = rng_below(&rng, w->n) < 3 ? one_side() : *sides;
                        break;
                case DIFFS:
                        break;
                }
        }
}

static void run_all(size_t n, size_t max) {
        for (int s = 0; s < SHAPES; s++)
                for (int d = 0; d < DIFFS; d++) {
                        struct world w;
                        world_new(&w, n, (enum shape)s);
                        differ(&w, (enum difference)d);
                        struct cost c = reconcile(&w, max);
                        if (n >= 20000 && s == SHAPE_SPREAD)
                                print_message("# %zu elements, %s, messages of %zu: %zu bytes, %zu messages\n", n,
                                              difference_names[d], max, c.bytes, c.rounds);
                        world_free(&w);
                }
}

/* One side has no room: it is asked for all that the other lacks, once, and the other is asked for nothing. */
static void test_giving(void **state) {
        (void)state;
        static const size_t sizes[] = {0, 1, 20, 40, 3000};
        for (size_t k = 0; k < ARRAY_LEN(sizes) * SHAPES * DIFFS * 2; k++) {
                struct world w;
                int giver = k % 2, d = (int)(k / 2 % DIFFS), s = (int)(k / 2 / DIFFS % SHAPES);
                world_new(&w, sizes[k / 2 / DIFFS / SHAPES], (enum shape)s);
                differ(&w, (enum difference)d);
                world_seal(&w);
                w.r[giver].giving = true;
                struct cost c = session(&w, MESSAGE_NORMAL);
                assert_true(c.rounds <= RECON_GIVING);
                for (size_t i = 0; i < w.n; i++)
                        assert_int_equal(w.e[i].told, w.e[i].sides == 1 << giver ? w.e[i].sides : 0);
                world_free(&w);
        }
}

static void test_sizes(void **state) {
        (void)state;
        static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 34, 64, 100, 511, 512, 513, 3000};
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                run_all(sizes[i], MESSAGE_NORMAL);
}

static void test_large(void **state) {
        (void)state;
        run_all(20000, MESSAGE_NORMAL);
}

static void test_random_sizes(void **state) {
        (void)state;
        for (int i = 0; i < 20; i++)
                run_all(rng_below(&rng, 2000), MESSAGE_NORMAL);
}

/* Messages too small for the answer: the rest comes in later rounds, and nothing is told twice for it. */
static void test_small_messages(void **state) {
        (void)state;
        static const size_t sizes[] = {0, 1, 33, 100, 300};
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                run_all(sizes[i], MESSAGE_SMALL);
}

/* What a home that was away costs: found with few bytes a record. */
static void suffix_cost(size_t held, size_t missed) {
        struct world w;
        world_new(&w, held + missed, SHAPE_SPREAD);
        for (size_t i = held; i < held + missed; i++)
                w.e[i].sides = SIDE_A;
        struct cost c = reconcile(&w, MESSAGE_NORMAL);
        print_message("# %zu missed after %zu: %zu bytes, %.2f a record, %zu messages\n", missed, held, c.bytes,
                      (double)c.bytes / (double)missed, c.rounds);
        world_free(&w);
}

/* What differs anywhere: no range is compared twice for want of room in a message. */
static void test_scattered_cost(void **state) {
        (void)state;
        static const struct { size_t missing, bytes; } most[] = {{1, 600}, {10, 3500}, {100, 26000}, {1000, 145000}};
        for (size_t i = 0; i < ARRAY_LEN(most); i++) {
                struct world w;
                world_new(&w, 20000, SHAPE_SPREAD);
                for (size_t left = most[i].missing; left;) {
                        struct element *e = &w.e[rng_below(&rng, w.n)];
                        left -= e->sides != SIDE_A;
                        e->sides = SIDE_A;
                }
                struct cost c = reconcile(&w, MESSAGE_NORMAL);
                print_message("# %zu of 20000 missed anywhere: %zu bytes, %zu messages\n", most[i].missing, c.bytes,
                              c.rounds);
                assert_true(c.bytes < most[i].bytes);
                world_free(&w);
        }
}

static void test_suffix_cost(void **state) {
        (void)state;
        suffix_cost(0, 1000);
        suffix_cost(1000, 1000);
        suffix_cost(10000, 1000);
        suffix_cost(1000, 10000);
        suffix_cost(10000, 10000);
}

static struct recon_sum sum_of(const struct recon *r) {
        struct recon_sum all = {0};
        for (size_t i = 0; i < r->n; i++)
                recon_count(&all, r->items[i].sid, true);
        return all;
}

static void digest_of(const struct recon *r, uint8_t ret[8]) {
        struct recon_sum all = sum_of(r);
        recon_fingerprint(&all, ret);
}

/* What is answered without a snapshot is what would be answered with one; all else is left to that. */
static void test_equal_without_a_snapshot(void **state) {
        (void)state;
        for (int differs = 0; differs < 2; differs++) {
                struct world w;
                struct buf say = BUF_NULL, with = BUF_NULL, without = BUF_NULL;
                struct recon_result a, b;
                world_new(&w, 100, SHAPE_SPREAD);
                if (differs)
                        w.e[70].sides = SIDE_A;
                world_seal(&w);
                struct recon_sum one = sum_of(&w.r[0]), other = sum_of(&w.r[1]);
                assert_int_equal(recon_open_equal(&one, &say), 0);
                assert_int_equal(recon_answer(&w.r[1], buf_span(&say), MESSAGE_NORMAL, &with, &a), 0);
                int e = recon_answer_equal(&other, buf_span(&say), &without, &b);
                assert_int_equal(e, differs ? RECON_E_DIFFERS : 0);
                assert_int_equal(without.n, differs ? 0 : with.n);
                if (!differs) {
                        assert_memory_equal(with.p, without.p, with.n);
                        assert_true(a.answer == b.answer && a.done == b.done && !a.n_have && !b.n_have);
                        buf_clear(&say);
                        assert_int_equal(recon_answer_equal(&one, buf_span(&with), &say, &b),
                                         0); /* the opener's turn */
                        assert_true(b.done && !b.answer && !say.n);
                }
                recon_result_fini(&a);
                buf_fini(&say);
                buf_fini(&with);
                buf_fini(&without);
                world_free(&w);
        }
}

static void test_equal_is_tiny(void **state) {
        (void)state;
        struct world w;
        uint8_t a[8], b[8];
        world_new(&w, 20000, SHAPE_SPREAD);
        struct cost c = reconcile(&w, MESSAGE_NORMAL);
        digest_of(&w.r[0], a);
        digest_of(&w.r[1], b);
        assert_memory_equal(a, b, 8);
        assert_true(c.bytes < 400 && c.rounds <= 2);
        world_free(&w);
}

/* The digest tells sets apart: without an element, with another, with the empty set. */
static void test_digest(void **state) {
        (void)state;
        uint8_t d[3][8];
        for (int i = 0; i < 3; i++) {
                struct recon r = {0};
                for (uint32_t k = 0; k < (uint32_t)i; k++)
                        assert_int_equal(recon_add(&r, 5, k, k), 0); /* the first has the short id 0 */
                assert_int_equal(recon_seal(&r), 0);
                digest_of(&r, d[i]);
                recon_fini(&r);
        }
        assert_memory_not_equal(d[0], d[1], 8);
        assert_memory_not_equal(d[1], d[2], 8);
        assert_memory_not_equal(d[0], d[2], 8);
}

/* A short id names one element, which has one time. Where ids repeat all the same, sessions end and tell nothing untrue. */
static void test_repeated_ids(void **state) {
        (void)state;
        for (int run = 0; run < 40; run++) {
                struct world w;
                world_new(&w, 200, SHAPE_SPREAD);
                for (size_t i = 0; i < w.n; i++)
                        w.e[i].sid = rng_below(&rng, 20) << 56;
                differ(&w, DIFF_SCATTERED);
                world_seal(&w);
                struct buf msg = BUF_NULL;
                assert_int_equal(recon_open(&w.r[0], MESSAGE_NORMAL, &msg), 0);
                bool again = true;
                for (int round = 0, side = 1; again && round < ROUNDS_MOST; round++, side = 1 - side) {
                        struct buf answer = BUF_NULL;
                        struct recon_result res;
                        assert_int_equal(recon_answer(&w.r[side], buf_span(&msg), MESSAGE_NORMAL, &answer, &res), 0);
                        for (size_t i = 0; i < res.n_have; i++)
                                assert_true(w.e[res.have[i]].sides & 1 << side);
                        again = res.answer;
                        recon_result_fini(&res);
                        buf_fini(&msg);
                        msg = answer;
                }
                buf_fini(&msg);
                world_free(&w);
        }
}

/* ---- hostile ---- */
static void poke(const struct recon *r, struct span in) {
        _clean_(buf_fini) struct buf answer = BUF_NULL;
        struct recon_result res;
        uint8_t *exact = malloc(in.n ? in.n : 1); /* a sanitizer sees the first byte read beyond it */
        assert_non_null(exact);
        if (in.n)
                memcpy(exact, in.p, in.n);
        int e = recon_answer(r, span_of(exact, in.n), MESSAGE_NORMAL, &answer, &res);
        assert_true(e == 0 || e == RECON_E_INPUT);
        if (e == 0) {
                assert_true(answer.n <= MESSAGE_NORMAL);
                for (size_t i = 0; i < res.n_have; i++)
                        assert_true(res.have[i] < 1000);
        }
        recon_result_fini(&res);
        free(exact);
}

/* Messages of all kinds, as two honest sides say them. */
static size_t honest(struct world *w, struct buf ret[ROUNDS_MOST]) {
        size_t n = 0;
        ret[0] = BUF_NULL;
        assert_int_equal(recon_open(&w->r[0], MESSAGE_NORMAL, &ret[n++]), 0);
        for (int side = 1; n < ROUNDS_MOST; side = 1 - side) {
                struct recon_result res;
                ret[n] = BUF_NULL;
                assert_int_equal(recon_answer(&w->r[side], buf_span(&ret[n - 1]), MESSAGE_NORMAL, &ret[n], &res), 0);
                bool again = res.answer;
                recon_result_fini(&res);
                if (!again) {
                        buf_fini(&ret[n]);
                        break;
                }
                n++;
        }
        return n;
}

static void test_hostile(void **state) {
        (void)state;
        struct world w;
        struct buf messages[ROUNDS_MOST];
        uint8_t junk[600];
        world_new(&w, 1000, SHAPE_SKEWED);
        differ(&w, DIFF_SCATTERED);
        world_seal(&w);
        size_t n = honest(&w, messages);
        assert_true(n >= 3);
        for (int i = 0; i < HOSTILE_TRIES; i++) {
                size_t len = rng_below(&rng, sizeof(junk));
                rng_bytes(&rng, junk, len);
                for (size_t k = 0; k < len && i % 2; k++)
                        junk[k] &= 7; /* small numbers reach deeper */
                poke(&w.r[i & 1], span_of(junk, len));
        }
        for (size_t m = 0; m < n; m++) {
                struct buf *b = &messages[m];
                for (size_t cut = 0; cut <= b->n; cut += 1 + cut / 16)
                        poke(&w.r[cut & 1], span_of(b->p, cut));
                for (int i = 0; i < HOSTILE_TRIES / 4; i++) {
                        uint8_t *p = &b->p[rng_below(&rng, b->n)];
                        uint8_t was = *p;
                        *p ^= (uint8_t)(1 << rng_below(&rng, 8));
                        poke(&w.r[i & 1], buf_span(b));
                        *p = was;
                }
                buf_fini(b);
        }
        world_free(&w);
}

/* One range up to the end, then what is given. */
static void poke_made(const struct recon *r, const char *what, const uint8_t *p, size_t n, bool refused) {
        _clean_(buf_fini) struct buf answer = BUF_NULL;
        struct recon_result res;
        int e = recon_answer(r, span_of(p, n), MESSAGE_NORMAL, &answer, &res);
        recon_result_fini(&res);
        if ((e == RECON_E_INPUT) != refused)
                fail_msg("%s: %d", what, e);
}

static void test_made_up(void **state) {
        (void)state;
        struct world w;
        world_new(&w, 100, SHAPE_SPREAD);
        world_seal(&w);
        const struct recon *r = &w.r[0];
#define POKE(refused, what, ...)                                                                                       \
        poke_made(r, what, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), refused)
        enum { END = 0, SKIP = 0, FINGERPRINT = 1, IDS = 2, WANT = 3 };
        POKE(false, "skip to the end", END, SKIP);
        POKE(true, "no mode", END);
        POKE(true, "unknown mode", END, 4);
        POKE(true, "bytes behind the end", END, SKIP, 0);
        POKE(true, "half a fingerprint", END, FINGERPRINT, 1, 2, 3, 4);
        POKE(true, "huge list", END, IDS, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
        POKE(true, "a list longer than the message", END, IDS, 5, 1, 2, 3, 4, 5, 6, 7, 8);
        POKE(true, "a number that does not end", END, IDS, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
             0xff);
        POKE(true, "wants of another length", END, WANT, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        POKE(true, "huge wants", END, WANT, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1);
        POKE(true, "an id of nine bytes", 2, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, SKIP, END, SKIP);
        POKE(true, "time beyond time", 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, SKIP, 3, 0, SKIP,
             END, SKIP);
        POKE(true, "falling bounds", 2, 1, 9, SKIP, 1, 1, 8, SKIP, END, SKIP);
        POKE(false, "an empty range", 2, 1, 9, SKIP, 1, 1, 9, SKIP, END, SKIP);
        POKE(false, "an empty list", END, IDS, 0);
#undef POKE
        poke_made(r, "nothing", NULL, 0, false);
        world_free(&w);
}

/* A side that answers fingerprints with fingerprints for ever stays within bounds: the caller counts rounds. */
static void test_endless_disagreement(void **state) {
        (void)state;
        struct world w;
        world_new(&w, 1000, SHAPE_SPREAD);
        world_seal(&w);
        uint8_t lie[10] = {0, 1, 1, 2, 3, 4, 5, 6, 7, 8};
        for (int i = 0; i < ROUNDS_MOST; i++) {
                _clean_(buf_fini) struct buf answer = BUF_NULL;
                struct recon_result res;
                assert_int_equal(recon_answer(&w.r[0], SPAN_OF(lie), MESSAGE_NORMAL, &answer, &res), 0);
                assert_true(answer.n <= MESSAGE_NORMAL && res.n_have == 0 && !res.done);
                recon_result_fini(&res);
        }
        world_free(&w);
}

int main(void) {
        const char *given = getenv("PORCHLIGHT_SEED");
        seed = given ? strtoull(given, NULL, 0) : 1;
        print_message("# PORCHLIGHT_SEED=%llu\n", (unsigned long long)seed);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_giving),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_large),
                cmocka_unit_test(test_random_sizes),
                cmocka_unit_test(test_small_messages),
                cmocka_unit_test(test_suffix_cost),
                cmocka_unit_test(test_scattered_cost),
                cmocka_unit_test(test_equal_is_tiny),
                cmocka_unit_test(test_equal_without_a_snapshot),
                cmocka_unit_test(test_digest),
                cmocka_unit_test(test_repeated_ids),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_made_up),
                cmocka_unit_test(test_endless_disagreement),
        };
        return cmocka_run_group_tests(tests, group_start, NULL);
}
