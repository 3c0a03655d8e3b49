/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices and asks in streets of real cores: they are sealed, spread, opened and taken back as alerts are, an author hears by
 * name what it may not say, and what a hostile home says all the same is held, passed on and shown to nobody. Seed:
 * printed, and PORCHLIGHT_SEED.
 */
#include "core-devices.h"
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/record.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BLOCK (UINT64_C(1) << 35 | 777)
#define AREA (UINT64_C(1) << 30 | 24)
#define HOUR 3600
#define ASKER 0
#define HOME 1
#define LIAR 2
#define PERIOD (ASK_DAYS * MESH_DAY)

static uint64_t seed;
static const uint8_t clip[32] = {7}, salt[16] = {1};

/* ---- what people and liars say ---- */

static struct mesh_draft ask_draft(struct street *s) {
        mesh_wall now = street_wall(s);
        return (struct mesh_draft){.type = RECORD_ASK,
                                   .cell = BLOCK,
                                   .radius = 200,
                                   .from = now - 3 * HOUR,
                                   .to = now - HOUR,
                                   .text = SPAN_STR("A red bicycle was taken from the rack")};
}

static struct mesh_draft notice_draft(struct street *s) {
        mesh_wall now = street_wall(s);
        return (struct mesh_draft){
                .type = RECORD_NOTICE, .cell = BLOCK, .from = now - HOUR, .to = now, .clips = SPAN_OF(clip)};
}

static struct wire_ask an_ask(mesh_wall now) {
        return (struct wire_ask){.cell = BLOCK,
                                 .radius = 100,
                                 .from = now - 2 * HOUR,
                                 .to = now,
                                 .reason = SPAN_STR("what happened"),
                                 .salt = SPAN_OF(salt)};
}

static struct wire_notice a_notice(mesh_wall now) {
        return (struct wire_notice){
                .cell = BLOCK, .from = now - 2 * HOUR, .to = now, .clip = SPAN_OF(clip), .salt = SPAN_OF(salt)};
}

static bool held(struct street *s, size_t i, const struct hash *id) {
        return records_find(street_core(s, i), id) != NULL;
}

/* A header of either class, in a slot of its own. */
static struct wire_record header(mesh_wall now, enum wire_e_record type, uint16_t index) {
        uint8_t klass = type == RECORD_ASK ? CLASS_ASK : CLASS_NOTICE;
        return (struct wire_record){.type = type,
                                    .klass = klass,
                                    .day = record_slot_day(klass, now),
                                    .index = index,
                                    .created = now,
                                    .expires = now + 6 * HOUR};
}

static struct hash say(struct street *s, size_t as, struct wire_record w, const struct wire_desc *d, const void *msg) {
        _clean_(buf_fini) struct buf plain = BUF_NULL, raw = BUF_NULL;
        struct guest_author a;
        struct wire_record unused;
        struct visit v;
        codec_encode(d, msg, &plain);
        assert_true(buf_ok(&plain));
        visit_greet(&v, s, HOME, as);
        author(&v, as, &a, &unused);
        struct hash id = guest_record(&a, &w, buf_span(&plain), &raw);
        guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
        flush(&v);
        street_run_for(s, 5);
        assert_false(v.g.gone);
        visit_end(&v);
        return id;
}

/* Three homes; the last one is off, and its device is played here. */
static struct street *with_liar(void) {
        struct street *s = street_new(3, seed);
        street_run_for(s, 60);
        street_off(s, LIAR);
        street_run_for(s, 200);
        return s;
}

/* ---- honest homes ---- */

static void test_go_round(void **state) {
        (void)state;
        struct street *s = street_new(6, seed);
        struct hash alert, ids[2];
        street_run_for(s, 60);
        assert_int_equal(street_post(s, ASKER, KIND_THEFT, "a bicycle", &alert), MESH_OUT_DONE);
        struct mesh_draft d = ask_draft(s), n = notice_draft(s);
        d.target = n.target = alert;
        assert_int_equal(street_publish(s, ASKER, &d, &ids[0]), MESH_OUT_DONE);
        assert_int_equal(street_publish(s, HOME, &n, &ids[1]), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &ids[0], 60) && street_wait_all_have(s, &ids[1], 60));
        assert_int_equal(records_find(street_core(s, 5), &ids[0])->klass, CLASS_ASK);
        assert_int_equal(records_find(street_core(s, 5), &ids[1])->klass, CLASS_NOTICE);

        /* Nobody else's to take back; and nothing but an alert is followed. */
        assert_int_equal(street_follow(s, HOME, RECORD_RETRACT, &ids[0], "", NULL), MESH_OUT_NOT_YOURS);
        assert_int_equal(street_follow(s, HOME, RECORD_CONFIRM, &ids[0], "", NULL), MESH_OUT_NO_TARGET);
        assert_int_equal(street_follow(s, ASKER, RECORD_UPDATE, &ids[0], "more", NULL), MESH_OUT_NO_TARGET);
        assert_int_equal(street_follow(s, ASKER, RECORD_RETRACT, &ids[0], "", NULL), MESH_OUT_DONE);
        assert_int_equal(street_follow(s, HOME, RECORD_RETRACT, &ids[1], "", NULL), MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = 0; i < 6; i++)
                for (size_t k = 0; k < 2; k++)
                        assert_false(street_has(s, i, &ids[k]) || street_body(s, i, &ids[k]));
        street_free(s);
}

static void test_refused_drafts(void **state) {
        (void)state;
        struct street *s = street_new(1, seed);
        static char long_reason[258];
        memset(long_reason, 'a', 257);
        const struct mesh_draft good = ask_draft(s), notice = notice_draft(s);
        struct {
                struct mesh_draft d;
                enum mesh_outcome o;
        } tries[16];
        size_t n = 0;
#define TRY(like, change, outcome)                                                                                     \
        do {                                                                                                           \
                tries[n].d = like;                                                                                     \
                tries[n].d.change;                                                                                     \
                tries[n++].o = outcome;                                                                                \
        } while (0)
        TRY(good, to = good.from - 1, MESH_OUT_BAD_SPAN);
        TRY(good, from = 0, MESH_OUT_BAD_SPAN);
        TRY(good, from = good.to - 2 * HOUR - 1, MESH_OUT_ASK_LONG);
        TRY(good, radius = 49, MESH_OUT_ASK_WIDE);
        TRY(good, radius = 301, MESH_OUT_ASK_WIDE);
        TRY(good, text = SPAN_STR(" \t\n"), MESH_OUT_BAD_REASON);
        TRY(good, text = SPAN_STR("\xff"), MESH_OUT_BAD_REASON);
        TRY(good, text = span_str(long_reason), MESH_OUT_BAD_REASON);
        TRY(good, cell = 12, MESH_OUT_BAD_PLACE);
        TRY(good, expires_in = 8 * MESH_DAY, MESH_OUT_BAD_TIME);
        TRY(notice, from = notice.to - MESH_DAY - 1, MESH_OUT_NOTICE_LONG);
        TRY(notice, clips = SPAN_NONE, MESH_OUT_NO_CLIP);
        TRY(notice, cell = 0, MESH_OUT_BAD_PLACE);
        TRY(notice, expires_in = 4 * MESH_DAY, MESH_OUT_BAD_TIME);
#undef TRY
        for (size_t i = 0; i < n; i++)
                assert_int_equal(street_publish(s, 0, &tries[i].d, NULL), tries[i].o);
        struct mesh_draft early = good;
        early.to = street_wall(s) + FUTURE_SLACK + 60;
        early.from = early.to - HOUR;
        assert_int_equal(street_publish(s, 0, &early, NULL), MESH_OUT_NOT_YET);
        struct mesh_asks asks;
        mesh_asks(street_core(s, 0), &asks);
        assert_int_equal(asks.left, ASK_SLOTS); /* none of all that was counted */
        street_free(s);
}

/* Four in a period, whatever was taken back, and also after a restart; then four again. */
static void test_four_a_period(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct mesh_asks asks;
        struct hash first;
        for (uint32_t i = 0; i < ASK_SLOTS; i++) {
                struct mesh_draft d = ask_draft(s);
                mesh_asks(street_core(s, ASKER), &asks);
                assert_int_equal(asks.left, ASK_SLOTS - i);
                assert_int_equal(street_publish(s, ASKER, &d, i ? NULL : &first), MESH_OUT_DONE);
        }
        assert_int_equal(street_follow(s, ASKER, RECORD_RETRACT, &first, "", NULL), MESH_OUT_DONE);
        street_off(s, ASKER);
        street_on(s, ASKER);
        street_run_for(s, 30);
        struct mesh_draft fifth = ask_draft(s);
        assert_int_equal(street_publish(s, ASKER, &fifth, NULL), MESH_OUT_ASK_USED);
        mesh_asks(street_core(s, ASKER), &asks);
        assert_int_equal(asks.left, 0);
        assert_true(asks.whole && asks.renewed % PERIOD == 0 && asks.renewed > street_wall(s));
        assert_true(asks.renewed - street_wall(s) <= PERIOD);
        street_run_for(s, (double)(asks.renewed - street_wall(s)) + 60);
        struct mesh_draft next = ask_draft(s);
        assert_int_equal(street_publish(s, ASKER, &next, NULL), MESH_OUT_DONE);
        street_free(s);
}

/* What a mesh keeps coarse its notices and asks do as well. */
static void test_place_by_the_charter(void **state) {
        (void)state;
        struct street *s = street_bare(1, seed);
        _clean_(buf_fini) struct buf rows = BUF_NULL;
        struct wire_list charter = {0};
        struct wire_charter_row row = {.key = CHARTER_precision, .value = 6};
        wire_list_add(&wire_charter_row_desc, &charter, &rows, &row);
        assert_int_equal(street_found_by(s, 0, &charter), MESH_OUT_DONE);
        struct mesh_draft d = ask_draft(s), n = notice_draft(s);
        struct hash ids[2];
        assert_int_equal(street_publish(s, 0, &d, &ids[0]), MESH_OUT_DONE);
        assert_int_equal(street_publish(s, 0, &n, &ids[1]), MESH_OUT_DONE);
        assert_true(street_has(s, 0, &ids[0]) && street_has(s, 0, &ids[1]));
        street_free(s);
}

/* ---- hostile homes ---- */

static void test_asks_without_meaning(void **state) {
        (void)state;
        struct street *s = with_liar();
        mesh_wall now = street_wall(s);
        struct wire_ask asks[9];
        struct hash id[ARRAY_LEN(asks)];
        for (size_t i = 0; i < ARRAY_LEN(asks); i++)
                asks[i] = an_ask(now);
        asks[0].from--;                      /* too long */
        asks[1].to = asks[1].from - 1;       /* backwards */
        asks[2].to = now + FUTURE_SLACK + 1; /* to come */
        asks[2].from = now;
        asks[3].cell = UINT64_C(1) << 32; /* no place */
        asks[4].reason = SPAN_STR(" \r\n\t");
        struct wire_record w[ARRAY_LEN(asks)];
        for (size_t i = 0; i < ARRAY_LEN(asks); i++)
                w[i] = header(now, RECORD_ASK, (uint16_t)(i % ASK_SLOTS));
        w[5].expires = now + ASK_SHOWN + 1; /* for too long */
        w[4].index = 2;                     /* of a machine only the first slot counts */
        w[6].index = 0;
        WIRE_PUT(&w[6], RECORD, sensor, true); /* a machine asks */
        w[7].klass = CLASS_NORMAL;             /* in a slot of another class: a fifth one */
        w[7].day = now / MESH_DAY;
        for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
                /* A slot has room for one: a street each for those that would meet. */
                if (i && i % ASK_SLOTS == 0) {
                        street_free(s);
                        s = with_liar();
                }
                id[i] = say(s, LIAR, w[i], &wire_ask_desc, &asks[i]);
                assert_true(held(s, HOME, &id[i]) && held(s, ASKER, &id[i]));
                assert_int_equal(street_has(s, HOME, &id[i]), i == 8);
        }
        street_free(s);
}

/* The radius is bounded by the table: what is beyond it is no ask at all. */
static void test_circles_without_meaning(void **state) {
        (void)state;
        static const uint8_t radii[][3] = {{0xcc, 49}, {49}, {0xcd, 0x01, 0x2d}};
        struct street *s = with_liar();
        for (size_t i = 0; i < ARRAY_LEN(radii); i++) {
                _clean_(buf_fini) struct buf plain = BUF_NULL, raw = BUF_NULL;
                struct wire_ask a = an_ask(street_wall(s));
                struct guest_author author_;
                struct wire_record w;
                struct visit v;
                codec_encode(&wire_ask_desc, &a, &plain);
                uint8_t *at = memmem(plain.p, plain.n, "\x02\x64", 2); /* 100 m */
                assert_non_null(at);
                size_t n = i == 1 ? 1 : i == 0 ? 2 : 3, rest = plain.n - (size_t)(at + 2 - plain.p);
                uint8_t bytes[512];
                size_t head = (size_t)(at + 1 - plain.p);
                memcpy(bytes, plain.p, head);
                memcpy(bytes + head, radii[i], n);
                memcpy(bytes + head + n, at + 2, rest);
                visit_greet(&v, s, HOME, LIAR);
                author(&v, LIAR, &author_, &w);
                w = header(street_wall(s), RECORD_ASK, (uint16_t)i);
                struct hash id = guest_record(&author_, &w, span_of(bytes, head + n + rest), &raw);
                guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
                flush(&v);
                street_run_for(s, 5);
                visit_end(&v);
                assert_true(held(s, HOME, &id));
                assert_false(street_has(s, HOME, &id));
        }
        street_free(s);
}

static void test_notices_without_meaning(void **state) {
        (void)state;
        struct street *s = with_liar();
        mesh_wall now = street_wall(s);
        struct wire_notice n[6];
        for (size_t i = 0; i < ARRAY_LEN(n); i++)
                n[i] = a_notice(now);
        n[0].from = now - MESH_DAY - 1;
        n[1].to = n[1].from - 1;
        n[2].to = now + FUTURE_SLACK + 1;
        n[3].cell = UINT64_C(1) << 34;
        for (uint16_t i = 0; i < ARRAY_LEN(n); i++) {
                struct wire_record w = header(now, RECORD_NOTICE, i);
                if (i == 4)
                        w.klass = CLASS_NORMAL;
                struct hash id = say(s, LIAR, w, &wire_notice_desc, &n[i]);
                assert_true(held(s, HOME, &id) && held(s, ASKER, &id));
                assert_int_equal(street_has(s, HOME, &id), i == 5);
        }
        street_free(s);
}

static void test_finer_than_the_charter(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        _clean_(buf_fini) struct buf rows = BUF_NULL, ticket = BUF_NULL;
        struct wire_list charter = {0};
        struct wire_charter_row row = {.key = CHARTER_precision, .value = 6};
        wire_list_add(&wire_charter_row_desc, &charter, &rows, &row);
        assert_int_equal(street_found_by(s, HOME, &charter), MESH_OUT_DONE);
        buf_add_str(&ticket, street_invite(s, HOME, 1));
        assert_int_equal(street_join(s, 0, buf_cstr(&ticket)), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_off(s, 0);
        street_run_for(s, 200);
        for (uint16_t i = 0; i < 2; i++) {
                struct wire_notice n = a_notice(street_wall(s));
                struct wire_ask a = an_ask(street_wall(s));
                n.cell = a.cell = i ? AREA : BLOCK;
                struct hash of_notice = say(s, 0, header(street_wall(s), RECORD_NOTICE, i), &wire_notice_desc, &n);
                struct hash of_ask = say(s, 0, header(street_wall(s), RECORD_ASK, i), &wire_ask_desc, &a);
                assert_true(held(s, HOME, &of_notice) && held(s, HOME, &of_ask));
                assert_int_equal(street_has(s, HOME, &of_notice), i);
                assert_int_equal(street_has(s, HOME, &of_ask), i);
        }
        street_free(s);
}

/* A fifth one has no slot, and a further device has none: nobody holds either. */
static void test_no_slot(void **state) {
        (void)state;
        struct street *s = with_liar();
        struct wire_ask a = an_ask(street_wall(s));
        struct hash fifth = say(s, LIAR, header(street_wall(s), RECORD_ASK, ASK_SLOTS), &wire_ask_desc, &a);
        assert_false(held(s, HOME, &fifth));
        street_free(s);

        s = devices_street(seed);
        enrol(s, LAPTOP, BEN, "laptop");
        street_run_for(s, SETTLE);
        struct mesh_draft d = ask_draft(s);
        struct mesh_asks asks;
        assert_int_equal(street_publish(s, LAPTOP, &d, NULL), MESH_OUT_ASK_OTHER);
        mesh_asks(street_core(s, LAPTOP), &asks);
        assert_false(asks.whole || asks.left);
        street_off(s, LAPTOP);
        street_run_for(s, 200);
        a = an_ask(street_wall(s));
        struct hash other = say(s, LAPTOP, header(street_wall(s), RECORD_ASK, 0), &wire_ask_desc, &a);
        assert_false(held(s, HOME, &other));
        street_free(s);
}

/* Two in one slot prove that the device lies: neither is shown from then on. */
static void test_two_in_a_slot(void **state) {
        (void)state;
        struct street *s = with_liar();
        struct hash id[2];
        for (size_t i = 0; i < 2; i++) {
                struct wire_ask a = an_ask(street_wall(s));
                a.radius = 100 + (unsigned)i;
                id[i] = say(s, LIAR, header(street_wall(s), RECORD_ASK, 1), &wire_ask_desc, &a);
        }
        street_run_for(s, 60);
        for (size_t i = 0; i < 2; i++)
                assert_false(street_has(s, HOME, &id[i]) || street_body(s, HOME, &id[i]) ||
                             street_has(s, ASKER, &id[i]));
        struct wire_notice n = a_notice(street_wall(s)); /* it is muted, too */
        struct hash later = say(s, LIAR, header(street_wall(s), RECORD_NOTICE, 1), &wire_notice_desc, &n);
        assert_false(held(s, HOME, &later));
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_go_round),
                cmocka_unit_test(test_refused_drafts),
                cmocka_unit_test(test_four_a_period),
                cmocka_unit_test(test_place_by_the_charter),
                cmocka_unit_test(test_asks_without_meaning),
                cmocka_unit_test(test_circles_without_meaning),
                cmocka_unit_test(test_notices_without_meaning),
                cmocka_unit_test(test_finer_than_the_charter),
                cmocka_unit_test(test_no_slot),
                cmocka_unit_test(test_two_in_a_slot),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
