/* SPDX-License-Identifier: Apache-2.0 */
/* Handshake and framing from both sides: sizes on the wire, bytes in any slices, and every way to be wrong. */
#include "core/frames.h"
#include "crypto/rng.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PSKS 5
#define HELD_MOST 4096 /* bytes a connection may make us hold before it has proved itself */

struct side {
        struct frames f;
        struct frames_config cfg;
        struct box_key s;
        struct buf out;
};

struct pair {
        struct hash mesh;
        struct key psks[PSKS];
        struct side a, b; /* a dialled */
        struct rng rng;
};

static void side_start(struct pair *p, struct side *s, bool initiator, const struct key *psks, size_t n) {
        *s = (struct side){.cfg = {.initiator = initiator, .mesh = &p->mesh, .psks = psks, .n_psk = n}};
        box_key_new(&s->s, &p->rng);
        s->cfg.s = &s->s;
        rng_bytes(&p->rng, s->cfg.e_secret.b, sizeof(s->cfg.e_secret));
        assert_int_equal(frames_init(&s->f, &s->cfg, &s->out), 0);
}

static void pair_start(struct pair *p, size_t psk) {
        static const uint8_t seed[32] = {42};
        *p = (struct pair){.mesh = {{9}}};
        rng_init(&p->rng, seed);
        rng_bytes(&p->rng, p->psks, sizeof(p->psks));
        side_start(p, &p->a, true, &p->psks[psk], 1);
        side_start(p, &p->b, false, p->psks, PSKS);
}

static void side_end(struct side *s) {
        frames_fini(&s->f);
        buf_fini(&s->out);
}

static void pair_end(struct pair *p) {
        side_end(&p->a);
        side_end(&p->b);
}

static int next(struct side *s, struct span *ret_body) {
        return frames_next(&s->f, &s->cfg, &s->out, ret_body);
}

/* What @from has to say goes to @to at once; the answer of the last frames_next. */
static int pass(struct side *from, struct side *to) {
        struct span body;
        assert_int_equal(frames_feed(&to->f, buf_span(&from->out)), 0);
        buf_clear(&from->out);
        return next(to, &body);
}

static void shake(struct pair *p) {
        assert_int_equal(pass(&p->a, &p->b), FRAMES_E_SHAKEN);
        assert_int_equal(pass(&p->b, &p->a), FRAMES_E_SHAKEN);
        assert_int_equal(pass(&p->a, &p->b), FRAMES_E_SHAKEN);
        assert_int_equal(p->a.f.state, FRAMES_OPEN);
        assert_int_equal(p->b.f.state, FRAMES_OPEN);
}

static void open_pair(struct pair *p) {
        pair_start(p, 0);
        shake(p);
}

static void test_handshake(void **state) {
        (void)state;
        struct pair p;
        pair_start(&p, 0);
        assert_int_equal(p.a.out.n, FRAMES_HANDSHAKE);
        assert_int_equal(p.b.out.n, 0);
        assert_int_equal(pass(&p.a, &p.b), FRAMES_E_SHAKEN);
        assert_int_equal(p.b.out.n, FRAMES_HANDSHAKE);
        assert_int_equal(pass(&p.b, &p.a), FRAMES_E_SHAKEN);
        assert_int_equal(p.a.out.n, FRAMES_HANDSHAKE);
        assert_int_equal(p.a.f.state, FRAMES_OPEN);
        assert_int_equal(p.b.f.state, FRAMES_WAIT_3);
        assert_int_equal(pass(&p.a, &p.b), FRAMES_E_SHAKEN);
        assert_int_equal(p.b.out.n, 0);
        assert_memory_equal(&p.a.f.peer, &p.b.s.pub, 32);
        assert_memory_equal(&p.b.f.peer, &p.a.s.pub, 32);
        assert_memory_equal(p.a.f.salt, p.b.f.salt, sizeof(p.a.f.salt));
        assert_int_equal(p.b.f.psk, 0);
        pair_end(&p);
}

/* Two handshakes between the same two: nothing on the wire and no salt is the same. */
static void test_nothing_constant(void **state) {
        (void)state;
        struct pair p, q = {0};
        pair_start(&p, 0);
        side_start(&p, &q.a, true, p.psks, 1);
        side_start(&p, &q.b, false, p.psks, PSKS);
        for (size_t i = 0; i + 16 <= FRAMES_HANDSHAKE; i += 16)
                assert_memory_not_equal(p.a.out.p + i, q.a.out.p + i, 16);
        shake(&p);
        shake(&q);
        assert_memory_not_equal(p.a.f.salt, q.a.f.salt, sizeof(p.a.f.salt));
        pair_end(&p);
        pair_end(&q);
}

static void test_older_psks(void **state) {
        (void)state;
        for (size_t psk = 0; psk < PSKS; psk++) {
                struct pair p;
                pair_start(&p, psk);
                shake(&p);
                assert_int_equal(p.b.f.psk, psk);
                pair_end(&p);
        }
}

static void assert_refused(struct pair *p) {
        struct span body;
        assert_int_equal(pass(&p->a, &p->b), FRAMES_E_BAD);
        assert_int_equal(p->b.out.n, 0); /* strangers get no answer */
        assert_int_equal(p->b.f.state, FRAMES_DEAD);
        assert_int_equal(next(&p->b, &body), FRAMES_E_BAD);
}

static void test_strangers(void **state) {
        (void)state;
        struct pair p;
        struct key other = {{1}};
        pair_start(&p, 0);
        side_end(&p.a);
        side_start(&p, &p.a, true, &other, 1); /* another link key */
        assert_refused(&p);
        pair_end(&p);
        pair_start(&p, 0);
        side_end(&p.a);
        p.mesh.b[0]++; /* another mesh with the same key */
        side_start(&p, &p.a, true, p.psks, 1);
        p.mesh.b[0]--;
        assert_refused(&p);
        pair_end(&p);
        pair_start(&p, 0);
        p.b.cfg.n_psk = 0; /* no keys at all */
        assert_refused(&p);
        pair_end(&p);
}

/* A flipped bit anywhere in any of the three messages: whoever reads it stops. */
static void test_flipped_handshake(void **state) {
        (void)state;
        for (int message = 1; message <= 3; message++)
                for (size_t at = 0; at < FRAMES_HANDSHAKE; at += message == 3 ? 1 : 3) {
                        struct pair p;
                        pair_start(&p, 0);
                        struct side *from = message == 2 ? &p.b : &p.a, *to = message == 2 ? &p.a : &p.b;
                        for (int done = 1; done < message; done++)
                                assert_int_equal(done == 1 ? pass(&p.a, &p.b) : pass(&p.b, &p.a), FRAMES_E_SHAKEN);
                        from->out.p[at] ^= (uint8_t)(1 << at % 8);
                        assert_int_equal(pass(from, to), FRAMES_E_BAD);
                        assert_int_equal(to->f.state, FRAMES_DEAD);
                        assert_int_equal(to->out.n, 0);
                        pair_end(&p);
                }
}

/* ---- frames ---- */
static void say(struct side *from, struct side *to, size_t n, size_t wire) {
        uint8_t body[FRAMES_BULK];
        struct span got;
        for (size_t i = 0; i < n; i++)
                body[i] = (uint8_t)(i + n);
        assert_int_equal(frames_seal(&from->f, span_of(body, n), &from->out), 0);
        assert_int_equal(from->out.n, wire);
        assert_int_equal(frames_feed(&to->f, buf_span(&from->out)), 0);
        buf_clear(&from->out);
        assert_int_equal(next(to, &got), 0);
        assert_int_equal(got.n, wire - FRAMES_OVERHEAD);
        assert_memory_equal(got.p, body, n);
        for (size_t i = n; i < got.n; i++)
                assert_int_equal(got.p[i], 0);
        assert_int_equal(next(to, &got), FRAMES_E_MORE);
}

static void test_sizes(void **state) {
        (void)state;
        struct pair p;
        open_pair(&p);
        assert_int_equal(FRAMES_SMALL, 94);
        assert_int_equal(FRAMES_NORMAL, 990);
        assert_int_equal(FRAMES_BULK, 16350);
        say(&p.a, &p.b, 0, 128);
        say(&p.b, &p.a, 1, 128);
        say(&p.a, &p.b, 94, 128);
        say(&p.b, &p.a, 95, 1024);
        say(&p.a, &p.b, 990, 1024);
        say(&p.b, &p.a, 991, 2048);
        say(&p.a, &p.b, 2014, 2048);
        say(&p.b, &p.a, 2015, 3072);
        say(&p.a, &p.b, 15326, 15360);
        say(&p.a, &p.b, 15327, 16384);
        say(&p.b, &p.a, 16350, 16384);
        pair_end(&p);
}

/* A body that does not fit is our own mistake: nothing is said, and the counter stays. */
static void test_too_long(void **state) {
        (void)state;
        struct pair p;
        static uint8_t body[FRAMES_BULK + 1];
        open_pair(&p);
        assert_int_equal(frames_seal(&p.a.f, SPAN_OF(body), &p.a.out), ERR_BROKEN);
        assert_int_equal(p.a.out.n, 0);
        say(&p.a, &p.b, 5, 128);
        pair_end(&p);
}

static void test_byte_by_byte(void **state) {
        (void)state;
        struct pair p;
        struct span body;
        pair_start(&p, 2);
        struct side *sides[] = {&p.a, &p.b};
        for (int message = 0; message < 3; message++) {
                struct side *from = sides[message % 2], *to = sides[1 - message % 2];
                for (size_t i = 0; i < FRAMES_HANDSHAKE; i++) {
                        assert_int_equal(frames_feed(&to->f, span_of(from->out.p + i, 1)), 0);
                        int r = next(to, &body);
                        assert_int_equal(r, i + 1 < FRAMES_HANDSHAKE ? FRAMES_E_MORE : FRAMES_E_SHAKEN);
                }
                buf_clear(&from->out);
        }
        assert_int_equal(frames_seal(&p.a.f, SPAN_STR("one"), &p.a.out), 0);
        assert_int_equal(frames_seal(&p.a.f, span_of(p.psks, sizeof(p.psks)), &p.a.out), 0);
        size_t got = 0;
        for (size_t i = 0; i < p.a.out.n; i++) {
                assert_int_equal(frames_feed(&p.b.f, span_of(p.a.out.p + i, 1)), 0);
                int r = next(&p.b, &body);
                got += r == 0;
                assert_int_equal(r, i + 1 == 128 || i + 1 == 128 + 1024 ? 0 : FRAMES_E_MORE);
        }
        assert_int_equal(got, 2);
        assert_memory_equal(body.p, p.psks, sizeof(p.psks));
        pair_end(&p);
}

/* Message 3 and frames in one slice, and half a frame more. */
static void test_several_in_one(void **state) {
        (void)state;
        struct pair p;
        struct span body;
        pair_start(&p, 0);
        assert_int_equal(pass(&p.a, &p.b), FRAMES_E_SHAKEN);
        assert_int_equal(pass(&p.b, &p.a), FRAMES_E_SHAKEN);
        for (uint8_t i = 0; i < 20; i++)
                assert_int_equal(frames_seal(&p.a.f, span_of(&i, 1), &p.a.out), 0);
        size_t most = p.a.out.n - 60;
        assert_int_equal(frames_feed(&p.b.f, span_of(p.a.out.p, most)), 0);
        assert_int_equal(next(&p.b, &body), FRAMES_E_SHAKEN);
        for (uint8_t i = 0; i < 19; i++) {
                assert_int_equal(next(&p.b, &body), 0);
                assert_int_equal(body.p[0], i);
        }
        assert_int_equal(next(&p.b, &body), FRAMES_E_MORE);
        assert_int_equal(frames_feed(&p.b.f, span_of(p.a.out.p + most, 60)), 0);
        assert_int_equal(next(&p.b, &body), 0);
        assert_int_equal(body.p[0], 19);
        pair_end(&p);
}

static void test_flipped_frame(void **state) {
        (void)state;
        for (size_t at = 0; at < 128; at++) {
                struct pair p;
                struct span body;
                open_pair(&p);
                assert_int_equal(frames_seal(&p.a.f, SPAN_STR("hello"), &p.a.out), 0);
                p.a.out.p[at] ^= (uint8_t)(1 << at % 8);
                assert_int_equal(pass(&p.a, &p.b), FRAMES_E_BAD);
                assert_int_equal(next(&p.b, &body), FRAMES_E_BAD);
                pair_end(&p);
        }
}

/* Frames again, left out, or in another order do not open: each has its number. */
static void test_counters(void **state) {
        (void)state;
        for (int how = 0; how < 4; how++) {
                struct pair p;
                struct span body;
                struct buf second = BUF_NULL, copy = BUF_NULL;
                open_pair(&p);
                assert_int_equal(frames_seal(&p.a.f, SPAN_STR("1"), &p.a.out), 0);
                assert_int_equal(frames_seal(&p.a.f, SPAN_STR("2"), &second), 0);
                buf_add(&copy, buf_span(&p.a.out));
                if (how == 0 || how == 3) { /* again; the other direction's own */
                        assert_int_equal(pass(&p.a, &p.b), 0);
                        struct side *to = how == 0 ? &p.b : &p.a;
                        assert_int_equal(frames_feed(&to->f, buf_span(&copy)), 0);
                        assert_int_equal(next(to, &body), FRAMES_E_BAD);
                } else if (how == 1) { /* left out */
                        assert_int_equal(frames_feed(&p.b.f, buf_span(&second)), 0);
                        assert_int_equal(next(&p.b, &body), FRAMES_E_BAD);
                } else { /* as they were sent */
                        assert_int_equal(pass(&p.a, &p.b), 0);
                        assert_int_equal(frames_feed(&p.b.f, buf_span(&second)), 0);
                        assert_int_equal(next(&p.b, &body), 0);
                        assert_int_equal(body.p[0], '2');
                }
                buf_fini(&second);
                buf_fini(&copy);
                pair_end(&p);
        }
}

/* A frame made by hand: any length under the right key. */
static int made_frame(size_t n) {
        struct pair p;
        open_pair(&p);
        uint8_t length[2];
        uint8_t *wire = calloc(1, FRAMES_LENGTH + n + NOISE_TAG);
        assert_non_null(wire);
        put_be16(length, (uint16_t)n);
        assert_true(noise_encrypt(&p.a.f.send, SPAN_NONE, SPAN_OF(length), wire));
        uint8_t *body = wire + FRAMES_LENGTH;
        assert_true(noise_encrypt(&p.a.f.send, SPAN_NONE, span_of(body, n), body));
        buf_add(&p.a.out, span_of(wire, FRAMES_LENGTH + n + NOISE_TAG));
        free(wire);
        int r = pass(&p.a, &p.b);
        pair_end(&p);
        return r;
}

static void test_lengths(void **state) {
        (void)state;
        static const size_t bad[] = {0,    1,    93,   95,   128,   989,   991,   1024,
                                     1990, 2013, 2015, 2048, 16349, 16351, 17374, 65535};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(made_frame(bad[i]), FRAMES_E_BAD);
        assert_int_equal(made_frame(FRAMES_SMALL), 0);
        assert_int_equal(made_frame(FRAMES_NORMAL), 0);
        for (size_t units = 2; units <= 16; units++)
                assert_int_equal(made_frame(units * FRAMES_UNIT - FRAMES_OVERHEAD), 0);
}

/* Before the handshake is done nothing is held but what was fed, and a responder's answer. */
static void test_memory_before(void **state) {
        (void)state;
        struct pair p;
        struct span body;
        uint8_t byte = 0;
        pair_start(&p, 0);
        buf_clear(&p.a.out);
        size_t before = mallinfo2().uordblks;
        for (size_t i = 0; i + 1 < FRAMES_HANDSHAKE; i++) {
                assert_int_equal(frames_feed(&p.b.f, span_of(&byte, 1)), 0);
                assert_int_equal(next(&p.b, &body), FRAMES_E_MORE);
                assert_true(mallinfo2().uordblks - before <= HELD_MOST);
        }
        assert_int_equal(frames_feed(&p.b.f, span_of(&byte, 1)), 0);
        assert_int_equal(next(&p.b, &body), FRAMES_E_BAD);
        frames_fini(&p.b.f);
        assert_true(mallinfo2().uordblks <= before);
        pair_end(&p);
}

/* A link that runs for long does not grow: what was read is forgotten. */
static void test_memory_after(void **state) {
        (void)state;
        struct pair p;
        open_pair(&p);
        for (int i = 0; i < 2000; i++)
                say(&p.a, &p.b, FRAMES_NORMAL, 1024);
        assert_true(p.b.f.in.cap <= HELD_MOST);
        pair_end(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_handshake),         cmocka_unit_test(test_nothing_constant),
                cmocka_unit_test(test_older_psks),        cmocka_unit_test(test_strangers),
                cmocka_unit_test(test_flipped_handshake), cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_too_long),          cmocka_unit_test(test_byte_by_byte),
                cmocka_unit_test(test_several_in_one),    cmocka_unit_test(test_flipped_frame),
                cmocka_unit_test(test_counters),          cmocka_unit_test(test_lengths),
                cmocka_unit_test(test_memory_before),     cmocka_unit_test(test_memory_after),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
