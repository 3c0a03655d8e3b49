/* SPDX-License-Identifier: Apache-2.0 */
/* What a home gives out of a clip: what was asked for, in that order, as fast as each may have it, and to nobody more than that. */
#include "haul/limits.h"
#include "haul/parts.h"
#include "haul/serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define CHUNKS 20
#define SIZE (CHUNKS * (uint64_t)CHUNK_PLAIN - 100)
#define PIECE 16000
#define PLENTY ((size_t)1 << 30)

static struct haul_serve *s;
static bool noisy; /* lists come from anywhere */
static const struct hash clip = {{1}}, other = {{2}};

/* What came out, of the last drain. */
static struct {
        size_t haves, nones, shows, looks, lists, pieces, hangups;
        uint64_t bytes, next_at;
        uint64_t chunk[64];
        uint32_t link[4096];
        size_t n_chunks;
        enum haul_serve_wrong why;
        uint64_t list_next;
} out;

static uint8_t at_place(bool list, uint64_t at) {
        return (uint8_t)(at * 13 + (at >> 9) + list);
}

static void step(struct haul_serve_event ev) {
        assert_int_equal(haul_serve_step(s, &ev), 0);
}

static void known(const struct hash *id, struct span have) {
        struct haul_serve_event ev = {.type = SERVE_EV_KNOWN, .clip = *id};
        ev.known.size = SIZE;
        ev.known.chunks = CHUNKS;
        ev.known.have = have;
        step(ev);
}

static void read_now(const struct haul_serve_action *a, bool ok) {
        struct haul_serve_event ev = {.type = SERVE_EV_READ};
        for (size_t i = 0; ok && i < a->read.n; i++)
                a->read.room[i] = at_place(a->read.list, a->read.at + i);
        ev.read.read = a->read.read;
        ev.read.ok = ok;
        step(ev);
}

static void take_piece(const struct haul_serve_action *a) {
        uint64_t at = a->piece.chunk * CHUNK_CIPHER + a->piece.at;
        assert_true(a->piece.bytes.n <= PIECE);
        for (size_t i = 0; i < a->piece.bytes.n; i++)
                assert_int_equal(a->piece.bytes.p[i], at_place(false, at + i));
        if (a->piece.at == 0 && out.n_chunks < ARRAY_LEN(out.chunk))
                out.chunk[out.n_chunks++] = a->piece.chunk;
        out.link[out.pieces++ % ARRAY_LEN(out.link)] = a->link;
        out.bytes += a->piece.bytes.n;
}

static void drain(bool disk) {
        struct haul_serve_action a;
        memset(&out, 0, sizeof(out));
        while (haul_serve_next(s, &a)) {
                switch (a.type) {
                case SERVE_DO_LOOK:
                        out.looks++;
                        break;
                case SERVE_DO_READ:
                        read_now(&a, disk);
                        break;
                case SERVE_DO_HAVE:
                        out.haves++;
                        break;
                case SERVE_DO_NONE:
                        out.nones++;
                        break;
                case SERVE_DO_SHOW:
                        assert_int_equal(a.proof.b[0], 77);
                        out.shows++;
                        break;
                case SERVE_DO_LIST:
                        if (!noisy)
                                assert_int_equal(a.list.from, out.list_next);
                        out.list_next = a.list.from + a.list.hashes.n / sizeof(struct hash);
                        out.lists++;
                        break;
                case SERVE_DO_PIECE:
                        take_piece(&a);
                        break;
                case SERVE_DO_HANGUP:
                        out.hangups++;
                        out.why = a.why;
                        break;
                }
        }
}

static void say(uint32_t link, enum haul_serve_event_type type) {
        step((struct haul_serve_event){.type = type, .link = link, .clip = clip});
}

static void seek(uint32_t link, const struct hash *id, enum haul_leave leave) {
        struct haul_serve_event ev = {.type = SERVE_EV_SEEK, .link = link, .clip = *id};
        ev.seek.leave = leave;
        ev.seek.proof.b[0] = 77;
        step(ev);
}

static void room(uint32_t link, size_t bytes) {
        struct haul_serve_event ev = {.type = SERVE_EV_ROOM, .link = link};
        ev.room.bytes = bytes;
        ev.room.piece = PIECE;
        step(ev);
}

static void want(uint32_t link, uint64_t chunk, uint32_t at, uint32_t n) {
        struct haul_serve_event ev = {.type = SERVE_EV_WANT, .link = link, .clip = clip};
        ev.want.chunk = chunk;
        ev.want.at = at;
        ev.want.n = n;
        step(ev);
}

static int begin(void **state) {
        (void)state;
        assert_int_equal(haul_serve_new(&s), 0);
        say(1, SERVE_EV_LINK);
        seek(1, &clip, HAUL_LEAVE_GIVEN);
        drain(true);
        assert_int_equal(out.looks, 1);
        known(&clip, SPAN_NONE);
        drain(true);
        assert_int_equal(out.haves, 0); /* there is no room */
        room(1, 1);
        drain(true);
        assert_int_equal(out.haves, 1);
        return 0;
}

static int end(void **state) {
        (void)state;
        s = haul_serve_free(s);
        return 0;
}

static void in_order(void **state) {
        const uint64_t asked[] = {7, 3, 19, 0};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(asked); i++)
                want(1, asked[i], 0, asked[i] == 19 ? CHUNK_CIPHER - 100 : CHUNK_CIPHER);
        drain(true);
        assert_int_equal(out.pieces, 0); /* there is no room yet */
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.bytes, 4 * CHUNK_CIPHER - 100);
        for (size_t i = 0; i < ARRAY_LEN(asked); i++)
                assert_int_equal(out.chunk[i], asked[i]);
}

/* Part of a chunk, and no more at a time than there is room for. */
static void parts_of(void **state) {
        struct haul_serve_look look;
        (void)state;
        want(1, 2, 1000, 40000);
        room(1, 1);
        drain(true);
        assert_int_equal(out.bytes, PIECE);
        drain(true);
        assert_int_equal(out.bytes, 0);
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.bytes, 40000 - PIECE);
        haul_serve_look(s, &look);
        assert_int_equal(look.memory, 0);
        assert_int_equal(look.given, 40000);
}

static void list(void **state) {
        struct haul_serve_event ev = {.type = SERVE_EV_LIST_WANT, .link = 1, .clip = clip};
        (void)state;
        room(1, PLENTY);
        step(ev);
        drain(true);
        assert_int_equal(out.lists, 1);
        assert_int_equal(out.list_next, CHUNKS);
        ev.from = CHUNKS;
        step(ev);
        drain(true);
        assert_int_equal(out.why, SERVE_BEYOND);
}

/* 65,536 hashes are many messages, and another want behind them waits its turn. */
static void long_list(void **state) {
        struct haul_serve_event ev = {.type = SERVE_EV_KNOWN, .clip = clip};
        (void)state;
        ev.known.size = (uint64_t)CHUNKS_MAX * CHUNK_PLAIN;
        ev.known.chunks = CHUNKS_MAX;
        step(ev);
        step((struct haul_serve_event){.type = SERVE_EV_LIST_WANT, .link = 1, .clip = clip});
        want(1, 65535, 0, 100);
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.list_next, CHUNKS_MAX);
        assert_int_equal(out.lists, CHUNKS_MAX / LIST_PIECE);
        assert_int_equal(out.bytes, 100);
}

static void too_many(void **state) {
        (void)state;
        for (int i = 0; i < SERVE_WANTS; i++)
                want(1, 0, 0, 10);
        drain(true);
        assert_int_equal(out.hangups, 0);
        for (int i = 0; i <= SERVE_AHEAD; i++)
                want(1, 0, 0, 10);
        drain(true);
        assert_int_equal(out.hangups, 1);
        assert_int_equal(out.why, SERVE_TOO_MANY);
        want(1, 0, 0, 10); /* it is not there any more */
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.pieces + out.hangups + out.nones, 0);
}

static void beyond(void **state) {
        const struct {
                uint64_t chunk;
                uint32_t at, n;
        } asked[] = {{CHUNKS, 0, 1},
                     {UINT64_MAX, 0, 1},
                     {0, 0, 0},
                     {0, CHUNK_CIPHER, 1},
                     {0, 1, CHUNK_CIPHER},
                     {CHUNKS - 1, 0, CHUNK_CIPHER},
                     {0, UINT32_MAX, UINT32_MAX},
                     {5, 0, 1}};
        const uint8_t have[3] = {0xdf, 0xff, 0x0f}; /* chunk 5 is not there */
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
                end(NULL);
                begin(NULL);
                if (i == ARRAY_LEN(asked) - 1)
                        known(&clip, SPAN_OF(have));
                want(1, asked[i].chunk, asked[i].at, asked[i].n);
                drain(true);
                assert_int_equal(out.why, SERVE_BEYOND);
                assert_int_equal(out.hangups, 1);
        }
}

/* What was never asked after is not there, and a clip that is destroyed meanwhile is not there any more. */
static void none(void **state) {
        (void)state;
        step((struct haul_serve_event){.type = SERVE_EV_WANT, .link = 1, .clip = other});
        drain(true);
        assert_int_equal(out.nones, 0);
        room(1, 1);
        drain(true);
        assert_int_equal(out.nones, 1);
        room(1, 1);
        seek(1, &other, HAUL_LEAVE_GIVEN);
        drain(true);
        assert_int_equal(out.looks, 1);
        step((struct haul_serve_event){.type = SERVE_EV_KNOWN, .clip = other});
        drain(true);
        assert_int_equal(out.nones, 1);
        want(1, 0, 0, 10);
        step((struct haul_serve_event){.type = SERVE_EV_KNOWN, .clip = clip});
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.nones, 1);
        assert_int_equal(out.pieces, 0);
}

/* Of a clip that is here and of one that is not, who has no leave hears the same, and the disk is not asked for it. */
static void no_leave(void **state) {
        (void)state;
        say(2, SERVE_EV_LINK);
        room(2, PLENTY);
        for (int i = 0; i < 2; i++) {
                seek(2, i ? &other : &clip, HAUL_LEAVE_NONE);
                drain(true);
                assert_int_equal(out.nones, 1);
                assert_int_equal(out.looks + out.haves, 0);
        }
        want(2, 0, 0, 10);
        step((struct haul_serve_event){.type = SERVE_EV_LIST_WANT, .link = 2, .clip = clip});
        drain(true);
        assert_int_equal(out.nones, 1);
        assert_int_equal(out.pieces + out.lists, 0);
}

/* Who had leave and has it no more is given nothing of what was wanted before, either. */
static void leave_lost(void **state) {
        (void)state;
        want(1, 0, 0, 10);
        seek(1, &clip, HAUL_LEAVE_NONE);
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.nones, 1);
        assert_int_equal(out.pieces, 0);
}

static void leave_to_be_shown(void **state) {
        (void)state;
        room(1, PLENTY);
        seek(1, &other, HAUL_LEAVE_SHOW);
        drain(true);
        assert_int_equal(out.shows, 1);
        assert_int_equal(out.looks + out.nones, 0);
}

/* One home's questions take no answers from another's, and end with its link. */
static void too_many_questions(void **state) {
        (void)state;
        say(2, SERVE_EV_LINK);
        for (uint8_t i = 0; i <= SERVE_CLIPS; i++) {
                struct hash id = {{4, i}};
                seek(2, &id, HAUL_LEAVE_NONE);
        }
        seek(1, &other, HAUL_LEAVE_NONE);
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.nones, 1);
        assert_int_equal(out.hangups, 1);
        assert_int_equal(out.why, SERVE_TOO_MANY);
}

static void bad_disk(void **state) {
        struct haul_serve_look look;
        (void)state;
        want(1, 0, 0, 10);
        want(1, 1, 0, 10);
        room(1, PLENTY);
        drain(false);
        assert_int_equal(out.nones, 1);
        assert_int_equal(out.pieces, 0);
        haul_serve_look(s, &look);
        assert_int_equal(look.memory + look.reads + look.wants + look.clips, 0);
}

static void stopped(void **state) {
        (void)state;
        for (int i = 0; i < 10; i++)
                want(1, 0, 0, 10);
        drain(true);
        say(1, SERVE_EV_STOP);
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.pieces, 0);
}

/* A home goes while the disk works for it. */
static void gone(void **state) {
        struct haul_serve_action a;
        (void)state;
        want(1, 0, 0, 10);
        assert_true(haul_serve_next(s, &a));
        assert_int_equal(a.type, SERVE_DO_READ);
        say(1, SERVE_EV_GONE);
        drain(true);
        read_now(&a, true);
        drain(true);
        assert_int_equal(out.pieces + out.nones, 0);
}

/* Two homes that want much get as much, piece by piece. */
static void fair(void **state) {
        size_t first = 0;
        (void)state;
        say(2, SERVE_EV_LINK);
        seek(2, &clip, HAUL_LEAVE_GIVEN);
        for (int i = 0; i < SERVE_WANTS; i++)
                want(1, i % (CHUNKS - 1), 0, CHUNK_CIPHER);
        for (int i = 0; i < 10; i++)
                want(2, i, 0, CHUNK_CIPHER);
        room(1, PLENTY);
        room(2, PLENTY);
        drain(true);
        for (size_t i = 0; i < 80; i++)
                first += out.link[i] == 1;
        assert_in_range(first, 35, 45);
}

/* A home that asks after very many clips keeps the latest; one that is wanted of stays. */
static void many_clips(void **state) {
        struct haul_serve_look look;
        (void)state;
        want(1, 0, 0, 10);
        for (uint8_t i = 0; i < 200; i++) {
                struct hash id = {{3, i}};
                seek(1, &id, HAUL_LEAVE_GIVEN);
                drain(true);
                known(&id, SPAN_NONE);
        }
        haul_serve_look(s, &look);
        assert_int_equal(look.clips, SERVE_CLIPS);
        room(1, PLENTY);
        drain(true);
        assert_int_equal(out.bytes, 10);
}

/* Anything that comes in any order ends nothing, and is given back at the end. */
static void noise(void **state) {
        uint64_t x = 88172645463325252u;
        (void)state;
        noisy = true;
        for (int i = 0; i < 200000; i++) {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                struct haul_serve_event ev = {
                        .type = x % SERVE_EV_ROOM, .link = 1 + (x >> 8) % 4, .clip = {{(x >> 16) % 20}}};
                if (ev.type == SERVE_EV_SEEK) {
                        ev.seek.leave = x >> 24 & 1 ? HAUL_LEAVE_GIVEN : (enum haul_leave)((x >> 25) % 2);
                        ev.seek.proof.b[0] = 77;
                } else if (ev.type == SERVE_EV_WANT) {
                        ev.want.chunk = (x >> 24) % (CHUNKS + 1);
                        ev.want.n = (uint32_t)((x >> 30) % (CHUNK_CIPHER + 2));
                } else if (ev.type == SERVE_EV_LIST_WANT) {
                        ev.from = (x >> 24) % (CHUNKS + 1);
                } else if (ev.type == SERVE_EV_LINK) {
                        say(ev.link, SERVE_EV_GONE);
                }
                step(ev);
                if (x >> 40 & 1)
                        room(ev.link, x >> 50);
                if (x >> 41 & 1)
                        known(&ev.clip, SPAN_NONE);
                drain(x >> 42 & 1);
        }
}

int main(void) {
#define IN_A_STREET(f) cmocka_unit_test_setup_teardown(f, begin, end)
        const struct CMUnitTest tests[] = {
                IN_A_STREET(in_order),
                IN_A_STREET(parts_of),
                IN_A_STREET(list),
                IN_A_STREET(long_list),
                IN_A_STREET(too_many),
                IN_A_STREET(beyond),
                IN_A_STREET(none),
                IN_A_STREET(bad_disk),
                IN_A_STREET(stopped),
                IN_A_STREET(gone),
                IN_A_STREET(fair),
                IN_A_STREET(many_clips),
                IN_A_STREET(noise),
                IN_A_STREET(no_leave),
                IN_A_STREET(leave_lost),
                IN_A_STREET(leave_to_be_shown),
                IN_A_STREET(too_many_questions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
