/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: what goes in comes out and nothing else does, a replay does as the run did, and one changed byte shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "tape/event.h"
#include "tape/tape.h"
#include "tools/player.h"

#define WORDS SPAN_STR("correct horse")
#define PASSES 1
#define MEMORY_KIB 64
#define RUN 9
#define BEGUN 1790000000
#define SLOT (256 * 1024)

static const uint8_t seed[32] = {7};

/* ---- events ---- */

static const struct key keys[2] = {{{1}}, {{2}}};
static const struct mesh_way ways[1] = {{.addr = {.ip = {[15] = 1}, .port = 7345, .scope = 3}, .manual = true}};
static const struct span ops[2] = {{(const uint8_t *)"first", 5}, {(const uint8_t *)"second", 6}};
static const struct mesh_recover recover = {.mesh = {{3}},
                                            .household = {{4}},
                                            .device = {{5}},
                                            .noise = {{6}},
                                            .keys = keys,
                                            .n_keys = ARRAY_LEN(keys),
                                            .ways = ways,
                                            .n_ways = ARRAY_LEN(ways),
                                            .ops = ops,
                                            .n_ops = ARRAY_LEN(ops)};
static const struct mesh_draft draft = {.type = RECORD_ALERT,
                                        .kind = KIND_FIRE,
                                        .cell = 0x123456789,
                                        .expires_in = 3600,
                                        .text = {(const uint8_t *)"smoke", 5},
                                        .target = {{9}}};
static const struct mesh_loaded loaded[2] = {{.id = {{1}}, .bytes = {(const uint8_t *)"abc", 3}},
                                             {.id = {{2}}, .damaged = true}};
static const struct mesh_addr addr = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7}, .port = 7345};
static const bool good[3] = {true, false, true};

static const struct mesh_footage footage = {.from = BEGUN,
                                            .to = BEGUN + 9,
                                            .cell = 0x123456789,
                                            .media = MEDIA_JPEG,
                                            .as_is = true,
                                            .size = 70000,
                                            .salt = {7},
                                            .hashes = {{8}},
                                            .sealed = {(const uint8_t *)"sealed", 6},
                                            .name = {(const uint8_t *)"front door", 10}};

static const struct mesh_event events[] = {
        {.type = MESH_EV_START, .now = 5, .wall = BEGUN},
        {.type = MESH_EV_TICK, .now = UINT64_MAX, .wall = UINT64_MAX},
        {.type = MESH_EV_LINK_UP, .link = MESH_LINK_DIALLED | 1, .up = {.addr = addr, .dialled = true, .lan = true}},
        {.type = MESH_EV_LINK_DOWN, .link = 3},
        {.type = MESH_EV_RECV, .link = 3, .recv = {(const uint8_t *)"\0\1\2\3", 4}},
        {.type = MESH_EV_WRITABLE, .link = 3, .writable = {70000}},
        {.type = MESH_EV_STORED, .token = 1, .more = true, .stored = {true}},
        {.type = MESH_EV_LOADED, .token = 2, .loaded = {loaded, ARRAY_LEN(loaded)}},
        {.type = MESH_EV_VERIFIED, .token = 3, .verified = {good, ARRAY_LEN(good)}},
        {.type = MESH_EV_LISTENING, .listening = {.addrs = &addr, .n = 1, .names = {1, {(const uint8_t *)"row", 3}}}},
        {.type = MESH_EV_LAN, .lan = {{7345, 7346}, 2}},
        {.type = MESH_EV_HEARD, .heard = {addr, {(const uint8_t *)"beacon", 6}}},
        {.type = MESH_EV_FOUND, .token = 4, .found = {{(const uint8_t *)"genesis", 7}}},
        {.type = MESH_EV_JOIN, .token = 5, .join = {.ticket = {(const uint8_t *)"PORCHLIGHT1", 11}}},
        {.type = MESH_EV_FORGET, .token = 6},
        {.type = MESH_EV_RECOVER, .token = 7, .recover = &recover},
        {.type = MESH_EV_REPLACE, .operation = {{(const uint8_t *)"op", 2}}},
        {.type = MESH_EV_OP, .token = 8, .operation = {{(const uint8_t *)"op", 2}}},
        {.type = MESH_EV_PUBLISH, .token = 9, .draft = &draft},
        {.type = MESH_EV_INVITE,
         .token = 10,
         .invite = {.uses = 2, .cell = 77, .addrs = {1, {(const uint8_t *)"a", 1}}}},
        {.type = MESH_EV_REVOKE, .token = 11, .revoke = {{{8}}}},
        {.type = MESH_EV_DIAL, .token = 12, .dial = {addr}},
        {.type = MESH_EV_REFRESH, .token = 13, .refresh = {{(const uint8_t *)"ticket", 6}}},
        {.type = MESH_EV_STOP},
        {.type = MESH_EV_CODE, .token = 14, .code = {{{9}}, SHARE_QUARTER, 1790000000}},
        {.type = MESH_EV_CLIP, .token = 15, .footage = &footage},
        {.type = MESH_EV_HAUL, .token = 16, .haul = {{{10}}}},
        {.type = MESH_EV_HAUL_SAY, .link = 5, .say = {LINK_SEEK, {(const uint8_t *)"map", 3}}},
        {.type = MESH_EV_HAUL_END, .link = 5},
        {.type = MESH_EV_HELPER, .helper = {true}},
        {.type = MESH_EV_MET, .link = 6, .met = {ICE_WORDS, {(const uint8_t *)"words", 5}}},
        {.type = MESH_EV_RELAY, .relay = {1000000000}},
        {.type = MESH_EV_LOOKED_UP, .looked_up = {{{11}}, &addr, 1}},
};

/* With a number of 64 bits in the place of each byte: an event that it fits into, as it stands there, or none. */
static void numbers_that_do_not_fit(struct span bytes) {
        static const uint8_t large[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1};
        for (size_t i = 0; i < bytes.n; i++) {
                _clean_(buf_fini) struct buf in = BUF_NULL, again = BUF_NULL;
                _clean_(tape_event_fini) struct tape_event back = {.ev = {.now = 0}};
                buf_add(&in, span_of(bytes.p, i));
                buf_add(&in, SPAN_OF(large));
                buf_add(&in, span_from(bytes, i + 1));
                if (!tape_get_event(buf_span(&in), &back))
                        continue;
                tape_put_event(&again, &back.ev);
                assert_true(span_eq(buf_span(&in), buf_span(&again)));
        }
}

/* It comes back as it was; and no beginning of it, and nothing longer, is an event. */
static void round_trip(const struct mesh_event *ev) {
        _clean_(buf_fini) struct buf once = BUF_NULL, twice = BUF_NULL;
        tape_put_event(&once, ev);
        assert_true(buf_ok(&once));
        for (size_t n = 0; n <= once.n; n++) {
                _clean_(tape_event_fini) struct tape_event back = {.ev = {.now = 0}};
                assert_int_equal(tape_get_event(span_of(once.p, n), &back), n == once.n);
                if (n == once.n)
                        tape_put_event(&twice, &back.ev);
        }
        assert_true(span_eq(buf_span(&once), buf_span(&twice)));
        numbers_that_do_not_fit(buf_span(&once));
        buf_add_u8(&once, 0);
        _clean_(tape_event_fini) struct tape_event longer = {.ev = {.now = 0}};
        assert_false(tape_get_event(buf_span(&once), &longer));
}

/* Whatever one byte of it is: another event, as it stands there, or none. */
static void bytes_that_are_others(const struct mesh_event *ev) {
        static const uint8_t others[] = {0x00, 0x01, 0x02, 0x3f, 0x7f, 0x80, 0xff};
        _clean_(buf_fini) struct buf in = BUF_NULL;
        tape_put_event(&in, ev);
        for (size_t i = 0; i < in.n; i++) {
                uint8_t was = in.p[i];
                for (size_t k = 0; k < ARRAY_LEN(others); k++) {
                        _clean_(buf_fini) struct buf again = BUF_NULL;
                        _clean_(tape_event_fini) struct tape_event back = {.ev = {.now = 0}};
                        in.p[i] = others[k];
                        if (!tape_get_event(buf_span(&in), &back))
                                continue;
                        tape_put_event(&again, &back.ev);
                        assert_true(span_eq(buf_span(&in), buf_span(&again)));
                }
                in.p[i] = was;
        }
}

static void test_bad_bytes(_unused_ void **state) {
        struct mesh_row row = {.kind = MESH_ROW_REVOKE};
        for (size_t i = 0; i < ARRAY_LEN(events); i++)
                bytes_that_are_others(&events[i]);
        for (row.kind = 0; row.kind < MESH_ROW_KINDS; row.kind++)
                bytes_that_are_others(&(struct mesh_event){.type = MESH_EV_RESTORE, .restore = &row});
}

/* Of a later version, or of none. */
static void test_unknown(_unused_ void **state) {
        static const uint8_t type[] = {0x63, 0, 0, 0, 0, 0}, row[] = {MESH_EV_RESTORE, 0, 0, 0, 0, 0, 0x63};
        _clean_(tape_event_fini) struct tape_event e = {.ev = {.now = 0}};
        assert_false(tape_get_event(SPAN_OF(type), &e));
        assert_false(tape_get_event(SPAN_OF(row), &e));
}

static void test_events(_unused_ void **state) {
        bool seen[MESH_EV_LOOKED_UP + 1] = {[MESH_EV_RESTORE] = true};
        for (size_t i = 0; i < ARRAY_LEN(events); i++) {
                round_trip(&events[i]);
                seen[events[i].type] = true;
        }
        for (size_t i = 0; i < ARRAY_LEN(seen); i++)
                assert_true(seen[i]);
}

static void test_rows(_unused_ void **state) {
        for (enum mesh_row_kind kind = 0; kind < MESH_ROW_KINDS; kind++) {
                struct mesh_row row = {.kind = kind};
                memset((uint8_t *)&row + offsetof(struct mesh_row, mark), 0,
                       sizeof(row) - offsetof(struct mesh_row, mark));
                if (kind == MESH_ROW_OP)
                        row.op.bytes = SPAN_STR("operation");
                if (kind == MESH_ROW_RECORD)
                        row.record.expires = BEGUN;
                round_trip(&(struct mesh_event){.type = MESH_EV_RESTORE, .restore = &row});
        }
}

/* ---- actions ---- */
static const struct hash ids[2] = {{{1}}, {{2}}};
static const struct mesh_verify verify[2] = {{.pub = {{1}}, .domain = 3}, {.pub = {{2}}, .domain = 4}};
static const struct mesh_row kept = {.kind = MESH_ROW_REVOKE, .revoke = {.expires = BEGUN}};

static const struct mesh_action deeds[] = {
        {.type = MESH_DO_SEND, .link = 1, .send = {(const uint8_t *)"sent", 4}},
        {.type = MESH_DO_DIAL, .link = 2, .dial = addr},
        {.type = MESH_DO_HANGUP, .link = 3, .hangup = REASON_IDLE},
        {.type = MESH_DO_BEACON, .beacons = {(const uint8_t *)"beacon", 6}},
        {.type = MESH_DO_STORE, .token = 4, .store = &kept},
        {.type = MESH_DO_LOAD, .token = 5, .load = {ids, ARRAY_LEN(ids)}},
        {.type = MESH_DO_VERIFY, .token = 6, .verify = {verify, ARRAY_LEN(verify)}},
        {.type = MESH_DO_REPLY, .token = 7, .reply = {.outcome = MESH_OUT_BUSY, .expires = BEGUN, .urgent = true}},
        {.type = MESH_DO_HANDED, .handed = {{{8}}, 3}},
        {.type = MESH_DO_STATE},
        {.type = MESH_DO_TRACE, .trace = {(const uint8_t *)"line", 4}},
        {.type = MESH_DO_HAUL_UP, .link = 9, .haul_up = {{{9}}, {{10}}, true}},
        {.type = MESH_DO_HAUL_DOWN, .link = 9},
        {.type = MESH_DO_HAUL, .link = 9, .haul = {LINK_SEEK, {(const uint8_t *)"map", 3}}},
        {.type = MESH_DO_MEET, .link = MESH_LINK_MET | 1, .meet = {true, addr}},
        {.type = MESH_DO_TELL, .link = MESH_LINK_MET | 1, .tell = {ICE_WORDS, {(const uint8_t *)"words", 5}}},
        {.type = MESH_DO_LOOK_UP, .look_up = {{{11}}, {1, {(const uint8_t *)"a", 1}}}},
};

struct shown {
        size_t numbers, bytes, words, secrets;
};

static void show_number(void *ctx, const char *name, enum walk_as as, uint64_t value) {
        struct shown *s = ctx;
        assert_true(*name && (as != WALK_TIME || value < UINT64_MAX));
        s->numbers++;
}

static void show_bytes(void *ctx, const char *name, enum walk_as as, struct span value) {
        struct shown *s = ctx;
        assert_true(*name && (value.p || !value.n));
        s->bytes++;
        s->secrets += as == WALK_SECRET;
}

static void show_word(void *ctx, const char *name, const char *word) {
        struct shown *s = ctx;
        assert_true(*name && *word);
        s->words++;
}

static const struct walk_view *view_of(struct shown *s) {
        static struct walk_view view = {.number = show_number, .bytes = show_bytes, .word = show_word};
        *s = (struct shown){0};
        view.ctx = s;
        return &view;
}

/* Each has a digest of its own, the same each time, and what it says to a person. */
static void test_actions(_unused_ void **state) {
        _clean_(buf_fini) struct buf scratch = BUF_NULL;
        uint8_t digests[ARRAY_LEN(deeds)][TAPE_DIGEST], again[TAPE_DIGEST];
        struct shown shown;
        for (size_t i = 0; i < ARRAY_LEN(deeds); i++) {
                struct mesh_action other = deeds[i];
                assert_int_equal(deeds[i].type, i); /* none is left out */
                assert_true(*tape_action_name(deeds[i].type));
                assert_true(tape_digest(&deeds[i], &scratch, digests[i]));
                assert_true(tape_digest(&deeds[i], &scratch, again));
                assert_memory_equal(digests[i], again, TAPE_DIGEST);
                for (size_t k = 0; k < i; k++)
                        assert_memory_not_equal(digests[i], digests[k], TAPE_DIGEST);
                other.token++;
                assert_true(tape_digest(&other, &scratch, again));
                assert_memory_not_equal(digests[i], again, TAPE_DIGEST);
                tape_show_action(&deeds[i], view_of(&shown));
                assert_true(shown.numbers + shown.bytes + shown.words > 0 || deeds[i].type == MESH_DO_STATE);
        }
        struct hash first[2] = {{{1}}, {{3}}};
        struct mesh_action other = {.type = MESH_DO_LOAD, .token = 5, .load = {first, ARRAY_LEN(first)}};
        assert_true(tape_digest(&other, &scratch, again)); /* of all that it asks for */
        assert_memory_not_equal(digests[MESH_DO_LOAD], again, TAPE_DIGEST);
}

static void test_shown(_unused_ void **state) {
        struct shown shown;
        for (size_t i = 0; i < ARRAY_LEN(events); i++) {
                assert_true(*tape_event_name(events[i].type));
                tape_show_event(&events[i], view_of(&shown));
                assert_int_equal(shown.secrets > 0,
                                 events[i].type == MESH_EV_RECOVER || events[i].type == MESH_EV_JOIN ||
                                         events[i].type == MESH_EV_REFRESH || events[i].type == MESH_EV_CLIP ||
                                         events[i].type == MESH_EV_HAUL_SAY || events[i].type == MESH_EV_MET);
        }
}

/* A count that the input has no bytes for asks for no memory. */
static void test_counts_that_lie(_unused_ void **state) {
        static const uint8_t lies[] = {MESH_EV_VERIFIED, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 1};
        _clean_(tape_event_fini) struct tape_event e = {.ev = {.now = 0}};
        assert_false(tape_get_event(SPAN_OF(lies), &e));
        assert_int_equal(e.walk.n_owned, 0);
}

static void test_config(_unused_ void **state) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct mesh_config cfg = {.sign_seed = {1},
                                  .noise_secret = {{2}},
                                  .seal_secret = {{3}},
                                  .built = 4,
                                  .seed = {5}},
                           back;
        tape_put_config(&bytes, &cfg);
        assert_true(tape_get_config(buf_span(&bytes), &back));
        assert_memory_equal(&cfg, &back, sizeof(cfg));
        assert_false(tape_get_config(span_of(bytes.p, bytes.n - 1), &back));
}

/* ---- sealed ---- */

struct deck {
        struct tape_lock lock;
        struct tape_writer w;
        struct buf slot, plain;
};

static void deck_costing(struct deck *d, uint64_t run, uint32_t passes, uint32_t memory_kib) {
        static const uint8_t salt[16] = {5};
        uint8_t own[32] = {(uint8_t)run};
        *d = (struct deck){.slot = BUF_NULL};
        assert_true(tape_lock_make(&d->lock, WORDS, salt, PASSES, MEMORY_KIB));
        d->lock.passes = passes; /* as it says */
        d->lock.memory_kib = memory_kib;
        tape_begin(&d->w, &d->lock, run, BEGUN, own, &d->slot);
        buf_add(&d->slot, SPAN_OF(((uint8_t[TAPE_STOP]){0})));
}

static void deck_start(struct deck *d, uint64_t run) {
        deck_costing(d, run, PASSES, MEMORY_KIB);
}

/* One frame, over the zeros that stand where it belongs. */
static void deck_frame(struct deck *d, struct span plain) {
        d->slot.n -= TAPE_STOP;
        assert_int_equal(tape_seal(&d->w, plain, &d->slot), 0);
}

static void deck_flush(struct deck *d) {
        for (struct span rest = buf_span(&d->plain); rest.n; rest = span_from(rest, TAPE_CHUNK))
                deck_frame(d, span_of(rest.p, MIN(rest.n, (size_t)TAPE_CHUNK)));
        buf_clear(&d->plain);
}

static void deck_end(struct deck *d) {
        tape_writer_fini(&d->w);
        buf_fini(&d->slot);
        buf_fini(&d->plain);
}

/* Reads to the end: how many entries, and what came then. */
static int read_all(struct span slot, struct span words, size_t *ret_entries, struct buf *ret) {
        struct tape_reader r;
        enum tape_kind kind;
        struct span body;
        *ret_entries = 0;
        int e = tape_open(&r, slot, words);
        while (e == 0) {
                e = tape_next(&r, &kind, &body);
                if (e)
                        break;
                (*ret_entries)++;
                if (ret)
                        buf_add(ret, body);
        }
        tape_close(&r);
        return e;
}

static void test_sealed(_unused_ void **state) {
        static const size_t sizes[] = {0, 1, 100, TAPE_CHUNK - 5, TAPE_CHUNK, 3 * TAPE_CHUNK + 17};
        _clean_(buf_fini) struct buf in = BUF_NULL, out = BUF_NULL;
        struct deck d;
        struct rng rng;
        size_t n;
        rng_init(&rng, seed);
        deck_start(&d, RUN);
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                _clean_(buf_fini) struct buf body = BUF_NULL;
                rng_bytes(&rng, buf_room(&body, sizes[i] + 1), sizes[i]);
                buf_used(&body, sizes[i]);
                tape_entry(&d.plain, TAPE_EVENT, buf_span(&body));
                buf_add(&in, buf_span(&body));
        }
        deck_flush(&d);
        assert_int_equal(read_all(buf_span(&d.slot), WORDS, &n, &out), TAPE_E_CUT);
        assert_int_equal(n, ARRAY_LEN(sizes));
        assert_true(span_eq(buf_span(&in), buf_span(&out)));
        assert_int_equal(read_all(buf_span(&d.slot), SPAN_STR("correct hors"), &n, NULL), TAPE_E_PASSPHRASE);
        assert_int_equal(read_all(SPAN_NONE, WORDS, &n, NULL), TAPE_E_NONE);
        deck_end(&d);
}

/* One that would have whoever opens it work for a day, or ask for all the memory there is. */
static void test_costs(_unused_ void **state) {
        static const uint32_t costs[][2] = {
                {0, MEMORY_KIB}, {1000000, MEMORY_KIB}, {PASSES, 0}, {PASSES, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
        for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
                struct tape_reader r;
                struct deck d;
                deck_costing(&d, RUN, costs[i][0], costs[i][1]);
                assert_int_equal(tape_open(&r, buf_span(&d.slot), WORDS), TAPE_E_COST);
                tape_close(&r);
                deck_end(&d);
        }
}

/* Three frames of one entry each. */
static void three(struct deck *d, uint64_t run, const char *const words[3]) {
        deck_start(d, run);
        for (size_t i = 0; i < 3; i++) {
                tape_entry(&d->plain, TAPE_EVENT, span_str(words[i]));
                deck_flush(d);
        }
}

static const char *const these[3] = {"one", "two", "three"};

/* Whatever byte is another, what was read before is as it was, and nothing else is read. */
static void test_each_byte(_unused_ void **state) {
        static const char all[] = "onetwothree";
        struct deck d;
        three(&d, RUN, these);
        for (size_t at = 0; at < d.slot.n - TAPE_STOP; at++) {
                _clean_(buf_fini) struct buf out = BUF_NULL;
                size_t n;
                if (at < 8) /* Argon2's cost: a wrong one may be a dear one */
                        continue;
                d.slot.p[at] ^= 0x10;
                int r = read_all(buf_span(&d.slot), WORDS, &n, &out);
                d.slot.p[at] ^= 0x10;
                assert_true(r == TAPE_E_DAMAGED || r == TAPE_E_CUT);
                assert_true(n < 3);
                assert_memory_equal(out.n ? (char *)out.p : "", all, out.n);
        }
        deck_end(&d);
}

static void test_cut(_unused_ void **state) {
        struct deck d;
        size_t n, before = 0;
        three(&d, RUN, these);
        for (size_t end = TAPE_HEAD; end <= d.slot.n; end++) {
                int r = read_all(span_of(d.slot.p, end), WORDS, &n, NULL);
                assert_true(r == TAPE_E_CUT || r == TAPE_E_DAMAGED);
                assert_true(n >= before);
                before = n;
        }
        assert_int_equal(before, 3);
        assert_int_equal(read_all(span_of(d.slot.p, TAPE_HEAD - 1), WORDS, &n, NULL), TAPE_E_DAMAGED);
        deck_end(&d);
}

/* A frame of another place or another run is none here. */
static void test_moved(_unused_ void **state) {
        static const char *const others[3] = {"ten", "two", "three"};
        struct deck d, e;
        size_t n;
        three(&d, RUN, these);
        three(&e, RUN + 1, others);
        size_t first = TAPE_HEAD, second = first + 4 + get_be32(d.slot.p + first);
        assert_int_equal(d.slot.n, e.slot.n);
        memcpy(d.slot.p + second, e.slot.p + second, d.slot.n - second);
        assert_int_equal(read_all(buf_span(&d.slot), WORDS, &n, NULL), TAPE_E_DAMAGED);
        assert_int_equal(n, 1);
        assert_int_equal(get_be32(d.slot.p + first), get_be32(d.slot.p + second));
        memcpy(d.slot.p + second, d.slot.p + first, second - first);
        assert_int_equal(read_all(buf_span(&d.slot), WORDS, &n, NULL), TAPE_E_DAMAGED);
        assert_int_equal(n, 1);
        deck_end(&d);
        deck_end(&e);
}

/* A short run over a long one: it ends where it ends. */
static void test_written_over(_unused_ void **state) {
        struct deck d, e;
        size_t n;
        three(&d, RUN, these);
        deck_start(&e, RUN + TAPE_SLOTS);
        tape_entry(&e.plain, TAPE_EVENT, SPAN_STR("alone"));
        deck_flush(&e);
        assert_true(e.slot.n < d.slot.n);
        memcpy(d.slot.p, e.slot.p, e.slot.n);
        assert_int_equal(read_all(buf_span(&d.slot), WORDS, &n, NULL), TAPE_E_CUT);
        assert_int_equal(n, 1);
        deck_end(&d);
        deck_end(&e);
}

static void test_file(_unused_ void **state) {
        uint8_t head[TAPE_FILE_HEAD];
        uint64_t slot = 0;
        tape_file_head(head, SLOT);
        assert_int_equal(tape_file_look(SPAN_OF(head), &slot), 0);
        assert_int_equal(slot, SLOT);
        assert_int_equal(tape_slot_at(SLOT, TAPE_SLOTS + 1), TAPE_FILE_HEAD + SLOT);
        assert_int_equal(tape_file_look(span_of(head, 31), &slot), TAPE_E_DAMAGED);
        assert_int_equal(tape_file_look(SPAN_NONE, &slot), TAPE_E_MAGIC);
        for (size_t i = 0; i < sizeof(head); i++) {
                head[i] ^= 1;
                assert_int_equal(tape_file_look(SPAN_OF(head), &slot), i < 8    ? TAPE_E_MAGIC
                                                                       : i == 8 ? TAPE_E_VERSION
                                                                                : TAPE_E_DAMAGED);
                head[i] ^= 1;
        }
}

/* ---- replayed ---- */

#define STEPS 10

/* What one core, in no mesh, is told: strangers and a person, of whom it says something to each. */
static struct mesh_event told(size_t i) {
        static const struct mesh_event list[STEPS] = {
                {.type = MESH_EV_START},
                {.type = MESH_EV_LISTENING, .listening = {&addr, 1}},
                {.type = MESH_EV_DIAL, .token = 1, .dial = {addr}},
                {.type = MESH_EV_INVITE, .token = 2},
                {.type = MESH_EV_PUBLISH, .token = 3, .draft = &draft},
                {.type = MESH_EV_LINK_UP, .link = 1, .up = {.addr = addr}},
                {.type = MESH_EV_RECV, .link = 1, .recv = {(const uint8_t *)"who is there", 12}},
                {.type = MESH_EV_REVOKE, .token = 4, .revoke = {{{8}}}},
                {.type = MESH_EV_TICK},
                {.type = MESH_EV_STOP},
        };
        struct mesh_event ev = list[i];
        ev.now = 1000 * (i + 1);
        ev.wall = BEGUN + i;
        return ev;
}

/* Runs a core and records it as the daemon does. With @changed the event of that number is not what the core was told. */
static size_t record(struct deck *d, size_t changed) {
        _clean_(buf_fini) struct buf body = BUF_NULL, digests = BUF_NULL, scratch = BUF_NULL;
        struct mesh_config cfg = {
                .sign_seed = {1}, .noise_secret = {{2}}, .seal_secret = {{3}}, .built = BEGUN, .seed = {5}};
        struct mesh_action a;
        struct mesh *core;
        size_t actions = 0;
        deck_start(d, RUN);
        buf_add(&body, SPAN_OF("0.0.0"));
        tape_put_config(&body, &cfg);
        tape_entry(&d->plain, TAPE_BIRTH, buf_span(&body));
        assert_int_equal(mesh_new(&core, &cfg), 0);
        for (size_t i = 0; i < STEPS; i++) {
                struct mesh_event ev = told(i);
                buf_clear(&body);
                buf_clear(&digests);
                assert_int_equal(mesh_step(core, &ev), 0);
                for (uint8_t digest[TAPE_DIGEST]; mesh_next(core, &a); actions++) {
                        assert_true(tape_digest(&a, &scratch, digest));
                        buf_add(&digests, SPAN_OF(digest));
                }
                ev.token += i + 1 == changed;
                tape_put_event(&body, &ev);
                tape_entry(&d->plain, TAPE_EVENT, buf_span(&body));
                if (digests.n)
                        tape_entry(&d->plain, TAPE_DIGESTS, buf_span(&digests));
        }
        tape_entry(&d->plain, TAPE_END, SPAN_STR("stopped"));
        deck_flush(d);
        mesh_free(core);
        return actions;
}

static int play(struct deck *d, struct player *p) {
        assert_int_equal(tape_open(&p->tape, buf_span(&d->slot), WORDS), 0);
        p->to = UINT64_MAX;
        return player_play(p);
}

static void test_replay(_unused_ void **state) {
        _clean_(player_fini) struct player p = {.events = 0};
        struct deck d;
        size_t actions = record(&d, 0);
        assert_true(actions >= 4);
        assert_int_equal(play(&d, &p), 0);
        assert_int_equal(p.events, STEPS);
        assert_int_equal(p.actions, actions);
        assert_string_equal(p.end, "stopped");
        assert_string_equal(p.version,
                            "0.0.0"); /* of another program than this: what it does alike is played all the same */
        deck_end(&d);
}

/* One byte of an event under the key: the replay says at which. */
static void test_diverged(_unused_ void **state) {
        static const size_t commands[] = {4, 5, 8};
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
                _clean_(player_fini) struct player p = {.events = 0};
                struct deck d;
                char wanted[32];
                record(&d, commands[i]);
                assert_int_equal(play(&d, &p), PLAYER_E_DIVERGED);
                snprintf(wanted, sizeof(wanted), "at event %zu, action 1 ", commands[i]);
                assert_non_null(strstr(p.why, wanted));
                deck_end(&d);
        }
}

static void test_until(_unused_ void **state) {
        _clean_(player_fini) struct player p = {.until = 4};
        struct deck d;
        record(&d, 0);
        assert_int_equal(play(&d, &p), 0);
        assert_int_equal(p.events, 3);
        assert_string_equal(p.end, "until");
        deck_end(&d);
}

/* An entry that is no event, and a second beginning. */
static void test_not_an_event(_unused_ void **state) {
        static const enum tape_kind kinds[] = {TAPE_EVENT, TAPE_BIRTH};
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                _clean_(player_fini) struct player p = {.events = 0};
                struct deck d;
                deck_start(&d, RUN);
                tape_entry(&d.plain, kinds[i], SPAN_STR("\x7f what is this"));
                deck_flush(&d);
                assert_int_equal(play(&d, &p), PLAYER_E_EVENT);
                deck_end(&d);
        }
}

/* ---- shown ---- */

static void trace_of(const struct mesh_event *ev, bool redact, const uint8_t salt[16], char *ret, size_t n) {
        struct trace t = {.json = true, .redact = redact, .out = fmemopen(ret, n, "w")};
        memcpy(t.salt, salt, sizeof(t.salt));
        trace_event(&t, 1, ev);
        trace_event_end(&t, true);
        fclose(t.out);
        trace_fini(&t);
}

/* What people wrote, who and where they are has a word of its own: the same for the same value, another with other salt. */
static void test_redacted(_unused_ void **state) {
        static const uint8_t salts[2][16] = {{1}, {2}};
        struct mesh_event ev = {.type = MESH_EV_PUBLISH, .draft = &draft};
        char plain[1024], once[1024], twice[1024], other[1024];
        trace_of(&ev, false, salts[0], plain, sizeof(plain));
        trace_of(&ev, true, salts[0], once, sizeof(once));
        trace_of(&ev, true, salts[0], twice, sizeof(twice));
        trace_of(&ev, true, salts[1], other, sizeof(other));
        assert_non_null(strstr(plain, "\"text\":\"smoke\""));
        assert_non_null(strstr(plain, "\"cell\":4886718345"));
        assert_null(strstr(once, "smoke"));
        assert_null(strstr(once, "4886718345"));
        assert_non_null(strstr(once, "\"text\":\"text-"));
        assert_non_null(strstr(once, ":5\""));
        assert_non_null(strstr(once, "\"cell\":\"place-"));
        assert_string_equal(once, twice);
        assert_string_not_equal(once, other);
}

static void test_keys_are_not_shown(_unused_ void **state) {
        static const uint8_t salt[16] = {1};
        struct mesh_row row = {.kind = MESH_ROW_TICKET,
                               .ticket = {.text = SPAN_STR("PORCHLIGHT1SECRET"), .label = SPAN_STR("Ben")}};
        struct mesh_event ev = {.type = MESH_EV_RESTORE, .restore = &row};
        char out[1024];
        trace_of(&ev, false, salt, out, sizeof(out));
        assert_null(strstr(out, "SECRET"));
        assert_non_null(strstr(out, "Ben"));
        trace_of(&ev, true, salt, out, sizeof(out));
        assert_null(strstr(out, "Ben"));
        ev = (struct mesh_event){.type = MESH_EV_DIAL, .dial = {addr}};
        trace_of(&ev, false, salt, out, sizeof(out));
        assert_non_null(strstr(out, "\"192.0.2.7:7345\""));
        trace_of(&ev, true, salt, out, sizeof(out));
        assert_null(strstr(out, "192"));
        assert_null(strstr(out, "7345"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_bad_bytes),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_actions),
                cmocka_unit_test(test_shown),
                cmocka_unit_test(test_costs),
                cmocka_unit_test(test_counts_that_lie),
                cmocka_unit_test(test_config),
                cmocka_unit_test(test_sealed),
                cmocka_unit_test(test_each_byte),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_moved),
                cmocka_unit_test(test_written_over),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_replay),
                cmocka_unit_test(test_diverged),
                cmocka_unit_test(test_until),
                cmocka_unit_test(test_not_an_event),
                cmocka_unit_test(test_redacted),
                cmocka_unit_test(test_keys_are_not_shown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
