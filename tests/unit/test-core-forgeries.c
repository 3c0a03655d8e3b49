/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a member gone bad may say, in streets of real cores: records, retractions, keys and times that are no honest node's. The
 * guest says it, with a member's key. Who knocks, asks and listens without end is in test-core-attacks.c. Seed: printed, and
 * PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/record.h"
#include "support/lone.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

/* A street of two: home 1 is off, and the guest is at home 0 in its place, with what it needs to sign as home 1. */
static struct street *in_place_of_a_neighbour(struct visit *v, struct guest_author *a, struct wire_record *w) {
        STREET(2);
        street_off(s, 1);
        street_run_for(s, 5);
        visit_greet(v, s, 0, 1);
        author(v, 1, a, w);
        return s;
}

/* ---- records ---- */

/* The guest at home 0, in the place of home 2 of @s, and a record of home 1's for it to relay. */
static struct hash relays(struct visit *v, struct street *s, struct buf *raw) {
        struct guest_author a;
        struct wire_record w;
        _clean_(buf_fini) struct buf plain = BUF_NULL;
        street_run_for(s, 30);
        street_off(s, 2);
        street_run_for(s, 5);
        visit_greet(v, s, 0, 2);
        author(v, 1, &a, &w);
        plain_alert(&plain);
        return guest_record(&a, &w, buf_span(&plain), raw);
}

/* Who relays a wrong signature is hung up on, and nobody else; the true record arrives all the same. */
static void test_wrong_signature(void **state) {
        (void)state;
        STREET(3);
        struct visit v;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct hash id = relays(&v, s, &raw);
        raw.p[raw.n - 1] ^= 1;
        guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
        flush(&v);
        street_run_for(s, 1);
        assert_true(v.g.gone);
        assert_int_equal(v.g.bye, REASON_BAD_SIGNATURE);
        assert_false(street_has(s, 0, &id));
        assert_int_equal(street_links(s, 0), 1);
        visit_end(&v);
        visit_greet(&v, s, 0, 2);
        raw.p[raw.n - 1] ^= 1;
        guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
        flush(&v);
        assert_true(street_wait_all_have(s, &id, 5));
        visit_end(&v);
        street_free(s);
}

/* The true record comes while the false signature is still being checked: it has its turn. */
static void test_true_beside_false(void **state) {
        (void)state;
        STREET(3);
        struct visit v;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct hash id = relays(&v, s, &raw);
        for (uint8_t wrong = 2; wrong-- > 0;) {
                raw.p[raw.n - 1] ^= 1;
                guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
        }
        flush(&v);
        street_run_for(s, 0.05); /* before anybody could be asked for it again */
        assert_true(v.g.gone);
        assert_int_equal(v.g.bye, REASON_BAD_SIGNATURE);
        assert_true(street_has(s, 0, &id));
        assert_int_equal(street_times(s, 0, &id), 1);
        visit_end(&v);
        street_free(s);
}

static void test_unknown_device(void **state) {
        (void)state;
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        uint8_t other[32] = {123};
        struct street *s = in_place_of_a_neighbour(&v, &a, &w);
        sign_key_from_seed(&a.device, other);
        struct hash id = say_record(&v, &a, &w);
        street_run_for(s, 2);
        assert_false(street_has(s, 0, &id));
        assert_false(v.g.gone); /* its operation may be on its way */
        visit_end(&v);
        street_free(s);
}

/* A record beyond the quota, in a slot of another day, or that lives too long does not count. */
static void test_slot_rules(void **state) {
        (void)state;
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        struct street *s = in_place_of_a_neighbour(&v, &a, &w);
        w.index = 48; /* beyond the quota */
        struct hash second = say_record(&v, &a, &w);
        w.index = 16; /* beyond a machine's third of it */
        WIRE_PUT(&w, RECORD, sensor, true);
        struct hash machine = say_record(&v, &a, &w);
        w.has = 0;
        w.index = 6;
        w.day--; /* yesterday's slot for today's record */
        struct hash third = say_record(&v, &a, &w);
        w.day++;
        w.expires = w.created + LIFE_NORMAL + 1;
        struct hash fourth = say_record(&v, &a, &w);
        w.expires = w.created + LIFE_NORMAL;
        struct hash good = say_record(&v, &a, &w);
        street_run_for(s, 1);
        assert_true(street_has(s, 0, &good));
        assert_false(street_has(s, 0, &second) || street_has(s, 0, &third) || street_has(s, 0, &fourth));
        assert_false(street_has(s, 0, &machine));
        visit_end(&v);
        street_free(s);
}

/* One that says so in its header and otherwise in its words is not shown: no kind gets an alarm by the class alone. */
static struct hash say_alert(struct visit *v, const struct guest_author *a, struct wire_record *w,
                             enum wire_e_class klass, enum wire_alert_kind kind, enum wire_e_status status) {
        static const uint8_t salt[16] = {1};
        _clean_(buf_fini) struct buf plain = BUF_NULL, raw = BUF_NULL;
        struct wire_alert alert = {.kind = kind,
                                   .cell = UINT64_C(1) << 35 | 777,
                                   .category = CATEGORY_SAFETY,
                                   .severity = SEVERITY_EXTREME,
                                   .urgency = URGENCY_IMMEDIATE,
                                   .certainty = CERTAINTY_OBSERVED,
                                   .status = status,
                                   .salt = SPAN_OF(salt)};
        WIRE_PUT(&alert, ALERT, text, SPAN_STR("wake up"));
        codec_encode(&wire_alert_desc, &alert, &plain);
        w->klass = klass;
        w->index++;
        struct hash id = guest_record(a, w, buf_span(&plain), &raw);
        guest_say_raw(&v->g, LINK_RECORD, buf_span(&raw));
        flush(v);
        return id;
}

static void test_class_follows_kind(void **state) {
        (void)state;
        static const enum wire_alert_kind vague[] = {KIND_UNUSUAL_ACTIVITY, KIND_NOISE, KIND_ANIMAL,
                                                     KIND_COMMUNITY_EVENT, KIND_OTHER};
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        struct street *s = in_place_of_a_neighbour(&v, &a, &w);
        w.index = 0;
        for (size_t i = 0; i < ARRAY_LEN(vague); i++) {
                struct hash alarm = say_alert(&v, &a, &w, CLASS_URGENT, vague[i], STATUS_ACTUAL);
                struct hash quiet = say_alert(&v, &a, &w, CLASS_NORMAL, vague[i], STATUS_ACTUAL);
                street_run_for(s, 1);
                assert_false(street_has(s, 0, &alarm));
                assert_true(street_has(s, 0, &quiet));
        }
        w.index = 1; /* of the urgent ones the even are left */
        struct hash drill = say_alert(&v, &a, &w, CLASS_URGENT, KIND_FIRE, STATUS_EXERCISE);
        w.index++;
        struct hash fire = say_alert(&v, &a, &w, CLASS_URGENT, KIND_FIRE, STATUS_ACTUAL);
        struct hash hidden = say_alert(&v, &a, &w, CLASS_NORMAL, KIND_FIRE, STATUS_ACTUAL);
        street_run_for(s, 1);
        assert_true(street_has(s, 0, &fire));
        assert_false(street_has(s, 0, &drill) || street_has(s, 0, &hidden));
        visit_end(&v);
        street_free(s);
}

/* PROTOCOL 10.7: who posted counts the homes that have it on disk. One whose disk is slow is none of them yet, however often it
 * is sent the record. */
static void test_acknowledged_once_stored(void **state) {
        (void)state;
        STREET(2);
        static struct lone l;
        struct guest_author a;
        struct wire_record w;
        _clean_(buf_fini) struct buf plain = BUF_NULL, raw = BUF_NULL;
        struct visit v = {.s = s};
        street_run_for(s, 10);
        lone_start(&l, s, 0, LONE_MEMBER);
        guest_hello(&l.g, street_wall(s), false);
        lone_flush(&l);
        author(&v, 1, &a, &w);
        a.rng = &l.rng;
        plain_alert(&plain);
        guest_record(&a, &w, buf_span(&plain), &raw);
        l.slow = true;
        unsigned rows = l.stored[MESH_ROW_RECORD];
        for (int i = 0; i < 3; i++) {
                guest_say_raw(&l.g, LINK_RECORD, buf_span(&raw));
                lone_flush(&l);
                lone_wait(&l, 1000);
        }
        assert_int_equal(l.stored[MESH_ROW_RECORD], rows + 1);
        assert_int_equal(l.g.got[LINK_ACK], 0);
        lone_stored(&l);
        lone_wait(&l, 1000);
        assert_int_equal(l.g.got[LINK_ACK], 1);
        guest_say_raw(&l.g, LINK_RECORD, buf_span(&raw)); /* the answer may have been lost with a link */
        lone_flush(&l);
        lone_wait(&l, 1000);
        assert_int_equal(l.g.got[LINK_ACK], 2);
        lone_end(&l);
        street_free(s);
}

/* The same bytes again, as often as somebody likes: one record, stored once, and nobody's fault (T07). */
static void test_same_record_again(void **state) {
        (void)state;
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        _clean_(buf_fini) struct buf plain = BUF_NULL, raw = BUF_NULL;
        struct street *s = in_place_of_a_neighbour(&v, &a, &w);
        plain_alert(&plain);
        struct hash id = guest_record(&a, &w, buf_span(&plain), &raw);
        for (int i = 0; i < 5; i++) {
                guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
                flush(&v);
                street_run_for(s, 1);
        }
        assert_true(street_has(s, 0, &id));
        assert_int_equal(street_times(s, 0, &id), 1);
        assert_int_equal(street_count(s, 0), 1);
        assert_false(v.g.gone);
        visit_end(&v);
        street_free(s);
}

/* A record from the future is held back: the sender keeps it, and it arrives when its time has come. */
static void test_future(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 60);
        street_off(s, 1);
        street_clock(s, 1, 3600);
        street_on(s, 1);
        assert_true(street_wait_links(s, 1, 60));
        assert_int_equal(street_post(s, 1, KIND_STORM, "an hour ahead", &id), MESH_OUT_DONE);
        street_run_for(s, 600);
        assert_false(street_has(s, 0, &id));
        assert_int_equal(street_links(s, 0), 1);
        assert_true(street_wait_all_have(s, &id, 3600));
        street_free(s);
}

/* ---- retractions ---- */
static struct hash say_retraction(struct visit *v, size_t as, uint16_t index, const struct hash *target,
                                  size_t slot_of) {
        struct guest_author a;
        struct wire_record w;
        struct sign_key slot;
        author(v, as, &a, &w);
        sign_key_from_seed(&slot, street_config(v->s, slot_of)->sign_seed);
        w.type = RECORD_RETRACT;
        w.index = index;
        WIRE_PUT(&w, RECORD, target, SPAN_OF(target->b));
        if (slot_of != as)
                WIRE_PUT(&w, RECORD, target_device, SPAN_OF(slot.pub.b));
        return say_record(v, &a, &w);
}

/* A member takes back what another household said, by naming it from a slot of its own, or its slot: nothing comes of it,
 * whether the record is here already or comes later. */
static void test_nobody_retracts_for_others(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        struct visit v;
        street_run_for(s, 30);
        street_off(s, 2);
        assert_int_equal(street_post(s, 1, KIND_THEFT, "mine", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        visit_greet(&v, s, 0, 2);
        say_retraction(&v, 2, 7, &id, 2);
        say_retraction(&v, 2, 0, &id, 1);
        street_run_for(s, 5);
        const struct rec *r = records_find(street_core(s, 0), &id);
        assert_true(r && !(r->flags & REC_RETRACTED));
        assert_int_equal(street_follow(s, 0, RECORD_CONFIRM, &id, "it was so", NULL), MESH_OUT_DONE);
        visit_end(&v);

        struct guest_author a;
        struct wire_record w;
        _clean_(buf_fini) struct buf plain = BUF_NULL, raw = BUF_NULL;
        visit_greet(&v, s, 0, 2);
        author(&v, 1, &a, &w);
        w.index = 20;
        plain_alert(&plain);
        id = guest_record(&a, &w, buf_span(&plain), &raw);
        say_retraction(&v, 2, 8, &id, 2);
        street_run_for(s, 1);
        guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
        flush(&v);
        street_run_for(s, 1);
        r = records_find(street_core(s, 0), &id);
        assert_true(r && !(r->flags & REC_RETRACTED));
        visit_end(&v);
        street_free(s);
}

/* Retractions are as many as slots: one each, within the quota, no longer than a record lives. */
static void test_retractions_bounded(void **state) {
        (void)state;
        STREET(2);
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        street_off(s, 1);
        street_run_for(s, 5);
        visit_greet(&v, s, 0, 1);
        size_t before = street_core(s, 0)->n_known;
        for (uint16_t i = 0; i < 60; i++) {
                struct hash target = {{(uint8_t)i, 1}};
                say_retraction(&v, 1, i, &target, 1);
                target.b[1]++;
                say_retraction(&v, 1, i, &target, 1);
        }
        author(&v, 1, &a, &w);
        w.type = RECORD_RETRACT;
        w.index = 3;
        w.day--;
        w.expires = w.created + 100 * (mesh_wall)MESH_DAY;
        struct hash target = {{9}};
        WIRE_PUT(&w, RECORD, target, SPAN_OF(target.b));
        say_record(&v, &a, &w);
        w.expires = w.created + LIFE_NORMAL;
        say_record(&v, &a, &w); /* longer than anything of that day can live */
        street_run_for(s, 2);
        /* Two of one slot are a proof: of each slot the first, which is void now, and that it is void; and one mute. */
        assert_int_equal(street_core(s, 0)->n_known - before, 48 + 48 + 1);
        assert_false(v.g.gone);
        visit_end(&v);
        street_free(s);
}

/* ---- keys and clocks ---- */
/* A member hands over the group key of a day that has not come: it is refused, and the home posts as before. */
static void test_key_of_the_future(void **state) {
        (void)state;
        STREET(2);
        struct visit v;
        struct guest_author a;
        const struct mesh_row *row;
        street_off(s, 1);
        street_run_for(s, 5);
        visit_greet(&v, s, 0, 1);
        author(&v, 1, &a, &(struct wire_record){0});
        for (size_t k = 0; (row = street_row(s, 0, k)) && row->kind != MESH_ROW_EPOCH; k++)
                ;
        assert_non_null(row);
        struct wire_epoch e;
        struct key fresh = {{7}}, fresh_link = {{8}};
        struct hash h, c_key, c_link;
        uint8_t sig[SIGN_BYTES] = {0};
        _clean_(buf_fini) struct buf header = BUF_NULL;
        assert_int_equal(codec_decode(&wire_epoch_desc, row->epoch.header, &e, NULL), 0);
        hash_make(&c_key, DOMAIN_COMMIT_KEY, &a.mesh, SPAN_OF(fresh.b));
        hash_make(&c_link, DOMAIN_COMMIT_LINK, &a.mesh, SPAN_OF(fresh_link.b));
        e.generation += 5;
        e.time += 400 * (mesh_wall)MESH_DAY;
        e.device = SPAN_OF(a.device.pub.b);
        e.commit_key = SPAN_OF(c_key.b);
        e.commit_link = SPAN_OF(c_link.b);
        e.sig = SPAN_OF(sig);
        codec_encode(&wire_epoch_desc, &e, &header);
        hash_make(&h, DOMAIN_EPOCH, &a.mesh, codec_before(buf_span(&header), EPOCH_KEY_sig));
        sign_make(sig, &a.device, DOMAIN_EPOCH, &h);
        buf_clear(&header);
        codec_encode(&wire_epoch_desc, &e, &header);
        struct wire_epoch_key msg = {.header = buf_span(&header)};
        WIRE_PUT(&msg, EPOCH_KEY, key, SPAN_OF(fresh.b));
        WIRE_PUT(&msg, EPOCH_KEY, day, e.time / MESH_DAY);
        WIRE_PUT(&msg, EPOCH_KEY, link_key, SPAN_OF(fresh_link.b));
        guest_say(&v.g, LINK_EPOCH_KEY, &msg);
        flush(&v);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "still posting", NULL), MESH_OUT_DONE);
        street_run_for(s, 3 * 86400.0); /* contacts are renewed */
        visit_end(&v);
        street_free(s);
}

/* A home without a clock and one neighbour who says that it is the year 2517. */
static void test_clock_at_the_end(void **state) {
        (void)state;
        STREET(2);
        struct visit v;
        street_off(s, 1);
        street_off(s, 0);
        street_clock(s, 0, -1790000000);
        street_on(s, 0);
        visit_shake(&v, s, 0, 1);
        guest_hello(&v.g, UINT64_C(17280000000), false);
        flush(&v);
        street_run_for(s, 100);
        street_post(s, 0, KIND_FIRE, "when", NULL);
        street_run_for(s, 86400);
        struct mesh_status st;
        mesh_status(street_core(s, 0), &st);
        assert_true(st.time <= UINT64_C(17280000000) - 31 * MESH_DAY);
        visit_end(&v);
        street_free(s);
}

/* Two of five neighbours say that it is next year: neither a home with a clock nor one without believes them. */
static void test_liars_about_time(void **state) {
        (void)state;
        enum { NEIGHBOURS = 5, YEAR = 365 * MESH_DAY };
        static const int64_t clocks[] = {0, -1790000000};
        for (size_t k = 0; k < ARRAY_LEN(clocks); k++) {
                struct visit v[NEIGHBOURS];
                STREET(NEIGHBOURS + 1);
                street_run_for(s, 5);
                for (size_t i = 0; i <= NEIGHBOURS; i++)
                        street_off(s, i);
                street_clock(s, 0, clocks[k]);
                street_on(s, 0);
                for (size_t i = 0; i < NEIGHBOURS; i++) {
                        visit_shake(&v[i], s, 0, i + 1);
                        guest_hello(&v[i].g, street_wall(s) + (i < 2 ? YEAR : 0), false);
                        flush(&v[i]);
                }
                street_run_for(s, 100);
                const struct mesh *m = street_core(s, 0);
                mesh_wall now = STREET_START + m->now / 1000;
                assert_in_range(clock_now(m), now - 2, now + 2);
                assert_true(m->mark <= now);
                for (size_t i = 0; i < NEIGHBOURS; i++)
                        visit_end(&v[i]);
                street_free(s);
        }
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wrong_signature),
                cmocka_unit_test(test_true_beside_false),
                cmocka_unit_test(test_unknown_device),
                cmocka_unit_test(test_slot_rules),
                cmocka_unit_test(test_class_follows_kind),
                cmocka_unit_test(test_acknowledged_once_stored),
                cmocka_unit_test(test_same_record_again),
                cmocka_unit_test(test_future),
                cmocka_unit_test(test_nobody_retracts_for_others),
                cmocka_unit_test(test_retractions_bounded),
                cmocka_unit_test(test_key_of_the_future),
                cmocka_unit_test(test_clock_at_the_end),
                cmocka_unit_test(test_liars_about_time),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
