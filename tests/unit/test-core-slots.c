/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that signs two records for one slot, in streets of real cores: it tells different homes different things, in
 * every order, over cuts, restarts and late homes. In the end all homes have the same set, call the same things void, hold
 * the same device muted, and have nothing more to tell each other. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/record.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STREETS 40 /* of the random arrivals */
#define VISITS 9   /* in each */
#define SETTLE 300 /* seconds in which neighbours have compared with each other */
#define STILL 300  /* seconds in which nothing must happen any more */
#define ELEMENTS 512
#define HOUR 3600

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

/* ---- what a home holds ---- */
struct elements {
        struct hash ids[ELEMENTS];
        size_t n, voids, mutes;
};

static void elements_of(struct street *s, size_t i, struct elements *ret) {
        struct mesh *m = street_core(s, i);
        *ret = (struct elements){0};
        for (size_t k = 0; k < m->n_sorted; k++) {
                const struct rec *r = m->sorted[k];
                if (r->flags & REC_GONE || r->expires <= clock_now(m) + SYNC_MARGIN)
                        continue;
                assert_true(ret->n < ELEMENTS);
                ret->ids[ret->n++] = r->id;
                ret->voids += r->type == FACT_VOID;
                ret->mutes += r->type == FACT_MUTE;
        }
}

static bool holds(struct street *s, size_t i, const struct hash *id) {
        struct elements e;
        elements_of(s, i, &e);
        for (size_t k = 0; k < e.n; k++)
                if (hash_eq(&e.ids[k], id))
                        return true;
        return false;
}

static bool same(struct street *s, size_t n) {
        struct elements first, other;
        elements_of(s, 0, &first);
        for (size_t i = 1; i < n; i++) {
                elements_of(s, i, &other);
                if (other.n != first.n || memcmp(other.ids, first.ids, first.n * sizeof(first.ids[0])) != 0)
                        return false;
        }
        return true;
}

/* Homes 0…n-1 hold the same, and none of them fetches, checks or writes anything any more. */
static void assert_settled(struct street *s, size_t n, size_t voids, size_t mutes) {
        struct elements e;
        uint64_t tokens[8];
        street_run_for(s, SETTLE);
        assert_true(same(s, n));
        elements_of(s, 0, &e);
        assert_int_equal(e.voids, voids);
        assert_int_equal(e.mutes, mutes);
        for (size_t i = 0; i < n; i++)
                tokens[i] = street_core(s, i)->next_token;
        street_run_for(s, STILL);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(street_core(s, i)->next_token, tokens[i]);
}

/* ---- the device that equivocates: that of the last home, which is off ---- */
struct liar {
        struct street *s;
        size_t home;
        struct rng rng;
        struct guest_author author;
};

static void liar_start(struct liar *l, struct street *s, size_t home) {
        uint8_t bytes[32] = {(uint8_t)home, 7};
        *l = (struct liar){.s = s, .home = home};
        street_run_for(s, 60);
        newest_keys(s, 0, &l->author);
        street_off(s, home);
        street_run_for(s, 5);
        rng_init(&l->rng, bytes);
        l->author.rng = &l->rng;
        sign_key_from_seed(&l->author.device, street_config(s, home)->sign_seed);
}

static struct wire_record header(const struct liar *l, uint16_t index) {
        mesh_wall now = street_wall(l->s);
        return (struct wire_record){.type = RECORD_ALERT,
                                    .klass = CLASS_NORMAL,
                                    .created = now,
                                    .day = now / MESH_DAY,
                                    .expires = now + 6 * HOUR,
                                    .index = index};
}

/* Each call makes another record, as the nonce is another one. */
static struct hash make(struct liar *l, struct wire_record w, struct buf *raw) {
        _clean_(buf_fini) struct buf plain = BUF_NULL;
        plain_alert(&plain);
        buf_clear(raw);
        return guest_record(&l->author, &w, buf_span(&plain), raw);
}

static struct hash make_retraction(struct liar *l, struct wire_record of, const struct hash *target, struct buf *raw) {
        of.type = RECORD_RETRACT;
        of.created = MAX(of.created, street_wall(l->s) - 1);
        WIRE_PUT(&of, RECORD, target, SPAN_OF(target->b));
        return make(l, of, raw);
}

/* Says it to home @to, and goes. Returns why the home hung up; 0: it did not. */
static unsigned tell(struct liar *l, size_t to, enum wire_link number, struct span map) {
        struct visit v;
        visit_greet(&v, l->s, to, l->home);
        guest_say_raw(&v.g, number, map);
        flush(&v);
        street_run_for(l->s, 1);
        unsigned why = v.g.gone ? v.g.bye : 0;
        visit_end(&v);
        return why;
}

static void tell_record(struct liar *l, size_t to, const struct buf *raw) {
        assert_int_equal(tell(l, to, LINK_RECORD, buf_span(raw)), 0);
}

static unsigned tell_proof(struct liar *l, size_t to, struct span one, struct span other) {
        _clean_(buf_fini) struct buf map = BUF_NULL;
        struct wire_proof w = {.one = one, .other = other};
        codec_encode(&wire_proof_desc, &w, &map);
        assert_true(buf_ok(&map));
        return tell(l, to, LINK_PROOF, buf_span(&map));
}

static bool muted(struct street *s, size_t i, const struct liar *l) {
        struct mesh *m = street_core(s, i);
        struct wire_record w = header(l, 40);
        w.device = SPAN_OF(l->author.device.pub.b);
        return proof_refuses(m, &w);
}

static void liar_end(struct liar *l) {
        rng_fini(&l->rng);
        street_free(l->s);
}

static void cut_all(struct street *s, size_t n, bool cut) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < i; k++)
                        (cut ? street_cut : street_mend)(s, i, k);
}

/* ---- tests ---- */
/* Two parts of a street hear different things in one slot. Nobody believes either of them for long. */
static void test_two_stories(void **state) {
        (void)state;
        STREET(4);
        struct liar l;
        _clean_(buf_fini) struct buf a = BUF_NULL, b = BUF_NULL, ok = BUF_NULL;
        liar_start(&l, s, 3);
        struct wire_record early = header(&l, 0);
        early.created -= 2 * HOUR;
        early.day = early.created / MESH_DAY;
        struct hash id_ok = make(&l, early, &ok), id_a = make(&l, header(&l, 5), &a),
                    id_b = make(&l, header(&l, 5), &b);
        tell_record(&l, 0, &ok);
        cut_all(s, 3, true);
        tell_record(&l, 0, &a);
        tell_record(&l, 1, &b);
        tell_record(&l, 2, &a);
        assert_true(street_has(s, 0, &id_a) && street_has(s, 1, &id_b) && street_has(s, 2, &id_a));
        cut_all(s, 3, false);
        assert_settled(s, 3, 1, 1);
        for (size_t i = 0; i < 3; i++) {
                assert_false(street_has(s, i, &id_a) || street_has(s, i, &id_b));
                assert_false(street_body(s, i, &id_a) || street_body(s, i, &id_b));
                assert_true(street_has(s, i, &id_ok)); /* what it said hours before stands */
                assert_true(muted(s, i, &l));
        }
        liar_end(&l);
}

/* Three stories of different hours: whichever two prove it at a home, all homes come to know the same. A home that was off
 * learns it too, restarts forget nothing, and whoever brings one of the stories again is not listened to. */
static void test_third_story(void **state) {
        (void)state;
        STREET(5);
        struct liar l;
        struct buf raw[3] = {BUF_NULL, BUF_NULL, BUF_NULL};
        struct hash id[3];
        liar_start(&l, s, 4);
        street_off(s, 3);
        struct wire_record w = header(&l, 7);
        for (int k = 0; k < 3; k++) {
                w.created -= (mesh_wall)k * 40 * 60;
                assert_int_equal(w.created / MESH_DAY, w.day);
                id[k] = make(&l, w, &raw[k]);
        }
        cut_all(s, 3, true);
        for (size_t i = 0; i < 3; i++) {
                tell_record(&l, i, &raw[i]);
                tell_record(&l, i, &raw[(i + 1) % 3]);
        }
        cut_all(s, 3, false);
        street_run_for(s, SETTLE);
        street_on(s, 3);
        struct elements e;
        elements_of(s, 0, &e);
        assert_int_equal(e.voids, 1);
        assert_true(e.mutes == 1 || e.mutes == 2);
        assert_settled(s, 4, 1, e.mutes);
        for (size_t i = 0; i < 4; i++)
                street_off(s, i);
        for (size_t i = 0; i < 4; i++)
                street_on(s, i);
        street_run_for(s, 60);
        tell_record(&l, 3, &raw[1]);
        assert_settled(s, 4, 1, e.mutes);
        for (size_t i = 0; i < 4; i++)
                for (int k = 0; k < 3; k++)
                        assert_false(street_has(s, i, &id[k]) || holds(s, i, &id[k]));
        for (int k = 0; k < 3; k++)
                buf_fini(&raw[k]);
        liar_end(&l);
}

/* What the device makes within the mute is void, at homes that had it before the proof and at those that hear it after; its
 * retractions are not; and after a day it is listened to again. */
static void test_mute(void **state) {
        (void)state;
        STREET(4);
        struct liar l;
        _clean_(buf_fini) struct buf a = BUF_NULL, b = BUF_NULL, c = BUF_NULL, early = BUF_NULL, back = BUF_NULL;
        liar_start(&l, s, 3);
        struct wire_record before = header(&l, 0);
        before.created -= 3 * HOUR;
        before.expires = before.created + 4 * MESH_DAY;
        struct hash id_early = make(&l, before, &early);
        tell_record(&l, 0, &early);
        make(&l, header(&l, 5), &a);
        make(&l, header(&l, 5), &b);
        struct hash id_c = make(&l, header(&l, 6), &c);
        assert_true(street_wait_all_have(s, &id_early, 60));
        cut_all(s, 3, true);
        tell_record(&l, 0, &c);
        assert_true(street_has(s, 0, &id_c));
        tell_record(&l, 1, &a);
        tell_record(&l, 1, &b);
        tell_record(&l, 1, &c);
        assert_false(street_has(s, 1, &id_c));
        cut_all(s, 3, false);
        assert_settled(s, 3, 1, 1);
        for (size_t i = 0; i < 3; i++)
                assert_false(street_has(s, i, &id_c));
        make_retraction(&l, before, &id_early, &back);
        tell_record(&l, 2, &back);
        assert_settled(s, 3, 1, 1);
        for (size_t i = 0; i < 3; i++)
                assert_false(street_has(s, i, &id_early) || street_body(s, i, &id_early));
        street_run_for(s, 26 * HOUR);
        newest_keys(s, 0, &l.author);
        l.author.rng = &l.rng;
        sign_key_from_seed(&l.author.device, street_config(s, 3)->sign_seed);
        struct hash id_new = make(&l, header(&l, 5), &c);
        assert_false(muted(s, 0, &l));
        tell_record(&l, 1, &c);
        assert_true(street_wait_all_have(s, &id_new, 60));
        assert_true(same(s, 3));
        liar_end(&l);
}

/* A retraction beside the record it names is none of it; beside another record it is, also where the record it names is
 * gone from every disk; and so are two retractions by one device. */
static void test_retractions(void **state) {
        (void)state;
        STREET(4);
        struct liar l;
        _clean_(buf_fini) struct buf a = BUF_NULL, b = BUF_NULL, r1 = BUF_NULL, r2 = BUF_NULL;
        liar_start(&l, s, 3);
        struct wire_record w = header(&l, 5);
        struct hash id_a = make(&l, w, &a), id_b = make(&l, w, &b);
        struct hash id_r = make_retraction(&l, w, &id_a, &r1);
        tell_record(&l, 0, &a);
        tell_record(&l, 1, &r1);
        assert_int_equal(tell_proof(&l, 2, buf_span(&a), buf_span(&r1)), REASON_BAD_FRAME);
        assert_settled(s, 3, 0, 0);
        for (size_t i = 0; i < 3; i++)
                assert_true(holds(s, i, &id_r) && !street_body(s, i, &id_a));
        tell_record(&l, 2, &b);
        assert_settled(s, 3, 1, 1);
        for (size_t i = 0; i < 3; i++)
                assert_false(holds(s, i, &id_r) || holds(s, i, &id_b) || street_has(s, i, &id_b));
        w = header(&l, 6);
        make_retraction(&l, w, &id_a, &r1);
        make_retraction(&l, w, &id_a, &r2);
        tell_record(&l, 0, &r1);
        tell_record(&l, 1, &r2);
        assert_settled(s, 3, 2, 1);
        liar_end(&l);
}

/* A retraction that ends at another time than what it names takes nothing back, whichever came first. */
static void test_retraction_of_another_end(void **state) {
        (void)state;
        STREET(4);
        struct liar l;
        _clean_(buf_fini) struct buf a = BUF_NULL, r = BUF_NULL;
        liar_start(&l, s, 3);
        struct wire_record w = header(&l, 5), shorter = w;
        shorter.expires -= 600;
        struct hash id_a = make(&l, w, &a), id_r = make_retraction(&l, shorter, &id_a, &r);
        cut_all(s, 3, true);
        tell_record(&l, 0, &a);
        tell_record(&l, 0, &r);
        tell_record(&l, 1, &r);
        tell_record(&l, 1, &a);
        cut_all(s, 3, false);
        assert_settled(s, 3, 0, 0);
        for (size_t i = 0; i < 3; i++)
                assert_true(street_has(s, i, &id_a) && holds(s, i, &id_a) && holds(s, i, &id_r));
        liar_end(&l);
}

/* What is no proof changes nothing, and whoever brings it is hung up on where only a liar would. */
static void test_forged_proofs(void **state) {
        (void)state;
        STREET(4);
        struct liar l, other;
        _clean_(buf_fini) struct buf a = BUF_NULL, b = BUF_NULL, c = BUF_NULL, d = BUF_NULL, e = BUF_NULL;
        liar_start(&l, s, 3);
        liar_start(&other, s, 2);
        struct wire_record w = header(&l, 5);
        make(&l, w, &a);
        make(&l, w, &b);
        make(&other, w, &c);
        w.index = 6;
        make(&l, w, &d);
        struct hash was = {{0}};
        struct elements before, after;
        elements_of(s, 0, &before);
        struct span one = buf_span(&a);
        assert_int_equal(tell_proof(&l, 0, one, one), REASON_BAD_FRAME);
        assert_int_equal(tell_proof(&l, 0, one, buf_span(&c)), REASON_BAD_FRAME); /* another device's */
        assert_int_equal(tell_proof(&l, 0, one, buf_span(&d)), REASON_BAD_FRAME); /* another slot's */
        assert_int_equal(tell_proof(&l, 0, one, span_of(b.p, b.n - 1)), REASON_BAD_FRAME);
        b.p[b.n - 1] ^= 1;
        assert_int_equal(tell_proof(&l, 0, one, buf_span(&b)), REASON_BAD_SIGNATURE);
        assert_int_equal(tell_proof(&l, 0, buf_span(&b), one), REASON_BAD_SIGNATURE);
        b.p[b.n - 1] ^= 1;
        w.index = 48; /* no slot: nobody holds such records, so nobody remembers a proof of them */
        make(&l, w, &d);
        make(&l, w, &e);
        assert_int_equal(tell_proof(&l, 0, buf_span(&d), buf_span(&e)), 0);
        w.index = 6;
        w.created += 2 * FUTURE_SLACK;
        make(&l, w, &d);
        make(&l, w, &e);
        assert_int_equal(tell_proof(&l, 0, buf_span(&d), buf_span(&e)), 0);
        uint8_t stranger[32] = {99};
        sign_key_from_seed(&l.author.device, stranger);
        w = header(&l, 5);
        make(&l, w, &d);
        make(&l, w, &e);
        assert_int_equal(tell_proof(&l, 0, buf_span(&d), buf_span(&e)), 0);
        elements_of(s, 0, &after);
        assert_int_equal(after.n, before.n);
        assert_memory_equal(after.ids, before.ids, before.n * sizeof(was));
        assert_int_equal(tell_proof(&l, 0, one, buf_span(&b)), 0); /* and the true one is taken, once */
        assert_int_equal(tell_proof(&l, 0, buf_span(&b), one), 0);
        assert_settled(s, 2, 1, 1);
        rng_fini(&other.rng);
        liar_end(&l);
}

/* A disk is restored from an old copy, and its home posts before it has met anybody: it is told, and may still take back;
 * the others go on as before. */
static void test_restored_disk(void **state) {
        (void)state;
        STREET(3);
        struct hash first, mine, later, id;
        struct mesh_status st;
        street_run_for(s, 60);
        assert_int_equal(street_post(s, 2, KIND_THEFT, "long before", &first), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &first, 30));
        street_copy_disk(s, 2);
        street_run_for(s, 2 * HOUR);
        assert_int_equal(street_post(s, 2, KIND_THEFT, "then the disk died", &mine), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &mine, 30));
        street_off(s, 2);
        street_old_disk(s, 2);
        street_cut(s, 0, 2);
        street_cut(s, 1, 2);
        street_on(s, 2);
        street_run_for(s, 60);
        assert_int_equal(street_post(s, 2, KIND_STORM, "and it posts again", &later), MESH_OUT_DONE);
        mesh_status(street_core(s, 2), &st);
        assert_int_equal(st.muted_until, 0);
        assert_int_equal(st.unsent, 1);
        street_mend(s, 0, 2);
        street_mend(s, 1, 2);
        assert_settled(s, 3, 1, 1);
        mesh_status(street_core(s, 2), &st);
        assert_int_equal(st.state, FRESH_MUTED);
        assert_true(st.muted_until > st.time + 22 * HOUR && st.muted_until <= st.time + 25 * HOUR);
        assert_int_equal(st.unsent, 0);
        assert_int_equal(street_post(s, 2, KIND_FIRE, "nobody hears", &id), MESH_OUT_MUTED);
        assert_int_equal(street_follow(s, 2, RECORD_RETRACT, &first, NULL, &id), MESH_OUT_DONE);
        for (size_t i = 0; i < 3; i++)
                assert_false(street_has(s, i, &mine) || street_has(s, i, &later));
        assert_int_equal(street_post(s, 1, KIND_FIRE, "the others go on", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        mesh_status(street_core(s, 1), &st);
        assert_int_equal(st.state, FRESH_CURRENT);
        street_run_for(s, 25 * HOUR);
        mesh_status(street_core(s, 2), &st);
        assert_int_equal(st.muted_until, 0);
        assert_int_equal(st.state, FRESH_CURRENT);
        assert_int_equal(street_post(s, 2, KIND_FIRE, "heard again", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        assert_true(same(s, 3));
        street_free(s);
}

/* A disk that meets its neighbours before it posts gets its own records back, and uses no slot twice. */
static void test_restored_disk_that_listens(void **state) {
        (void)state;
        STREET(3);
        struct hash mine, later;
        street_run_for(s, 60);
        street_copy_disk(s, 2);
        assert_int_equal(street_post(s, 2, KIND_THEFT, "then the disk died", &mine), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &mine, 30));
        street_off(s, 2);
        street_old_disk(s, 2);
        street_on(s, 2);
        assert_true(street_wait_all_have(s, &mine, 60));
        assert_int_equal(street_post(s, 2, KIND_THEFT, "the next one", &later), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &later, 30));
        assert_settled(s, 3, 0, 0);
        street_free(s);
}

/* The disk is full when the proof comes: it counts at once, and is written when there is room. */
static void test_full_disk(void **state) {
        (void)state;
        STREET(4);
        struct liar l;
        _clean_(buf_fini) struct buf a = BUF_NULL, b = BUF_NULL;
        liar_start(&l, s, 3);
        struct hash id_a = make(&l, header(&l, 5), &a);
        make(&l, header(&l, 5), &b);
        tell_record(&l, 0, &a);
        assert_true(street_wait_all_have(s, &id_a, 30));
        street_disk_full(s, 0, true);
        tell_record(&l, 0, &b);
        street_run_for(s, 5);
        assert_true(muted(s, 0, &l) && muted(s, 1, &l));
        assert_true(street_has(s, 0, &id_a) && !street_has(s, 1, &id_a));
        street_disk_full(s, 0, false);
        street_run_for(s, 120);
        assert_false(street_has(s, 0, &id_a) || street_body(s, 0, &id_a));
        street_off(s, 0);
        street_cut(s, 0, 1);
        street_cut(s, 0, 2);
        street_on(s, 0);
        street_run_for(s, 60);
        assert_true(muted(s, 0, &l));
        cut_all(s, 3, false);
        assert_settled(s, 3, 1, 1);
        liar_end(&l);
}

/* An ask has its slots for 30 days, not for one. */
static void test_asks(void **state) {
        (void)state;
        STREET(2);
        struct liar l;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        liar_start(&l, s, 1);
        struct wire_record w = header(&l, 3);
        w.type = RECORD_ASK;
        w.klass = CLASS_ASK;
        w.day -= w.day % 30;
        uint64_t today = w.created / MESH_DAY;
        assert_int_not_equal(w.day, today);
        struct hash in = make(&l, w, &raw);
        tell_record(&l, 0, &raw);
        assert_true(holds(s, 0, &in));
        w.index = 2;
        w.day = today;
        struct hash daily = make(&l, w, &raw);
        tell_record(&l, 0, &raw);
        w.day = today - today % 30 - 30;
        struct hash last_period = make(&l, w, &raw);
        tell_record(&l, 0, &raw);
        w.day += 30;
        w.index = 4;
        struct hash fifth = make(&l, w, &raw);
        tell_record(&l, 0, &raw);
        assert_false(holds(s, 0, &daily) || holds(s, 0, &last_period) || holds(s, 0, &fifth));
        w.index = 3;
        make(&l, w, &raw); /* days later, in the same period: the same slot */
        tell_record(&l, 0, &raw);
        assert_false(holds(s, 0, &in));
        liar_end(&l);
}

/* ---- random arrivals ---- */
struct heard {
        struct buf raw;
        struct hash id;
        struct wire_record w;
};

/* A record, a variant of an earlier one, or a retraction of one, in one of a few slots and hours. */
static void some_record(struct liar *l, struct heard *all, size_t n, struct rng *rng) {
        struct wire_record w = header(l, (uint16_t)rng_below(rng, 3));
        w.created -= rng_below(rng, 5) * 1700;
        w.day = w.created / MESH_DAY;
        if (n && rng_below(rng, 3) == 0) {
                const struct heard *of = &all[rng_below(rng, (uint32_t)n)];
                all[n].w = of->w;
                all[n].id = make_retraction(l, of->w, &of->id, &all[n].raw);
                return;
        }
        all[n].w = w;
        all[n].id = make(l, w, &all[n].raw);
}

static void some_weather(struct street *s, size_t homes, struct rng *rng) {
        size_t a = rng_below(rng, (uint32_t)homes), b = rng_below(rng, (uint32_t)homes);
        switch (rng_below(rng, 5)) {
        case 0:
        case 1:
                if (a != b)
                        street_cut(s, a, b);
                break;
        case 2:
                street_mend(s, a, b);
                break;
        case 3:
                street_off(s, a);
                break;
        case 4:
                street_on(s, a);
                break;
        }
        street_run_for(s, (double)rng_below(rng, 90));
}

static void random_street(uint64_t number) {
        enum { HOMES = 4 };
        struct street *s = street_new(HOMES + 1, number);
        struct liar l;
        struct rng rng;
        struct heard all[VISITS] = {0};
        uint8_t bytes[32] = {0};
        memcpy(bytes, &number, sizeof(number));
        rng_init(&rng, bytes);
        liar_start(&l, s, HOMES);
        for (size_t k = 0; k < VISITS; k++) {
                some_weather(s, HOMES, &rng);
                some_record(&l, all, k, &rng);
                for (size_t times = rng_below(&rng, 4); times; times--) {
                        size_t to = rng_below(&rng, HOMES);
                        if (street_core(s, to))
                                tell(&l, to, LINK_RECORD, buf_span(&all[rng_below(&rng, (uint32_t)k + 1)].raw));
                }
        }
        for (size_t i = 0; i < HOMES; i++)
                street_on(s, i);
        cut_all(s, HOMES, false);
        struct elements e;
        street_run_for(s, 2 * SETTLE);
        elements_of(s, 0, &e);
        assert_settled(s, HOMES, e.voids, e.mutes);
        for (size_t k = 0; k < VISITS; k++)
                buf_fini(&all[k].raw);
        rng_fini(&rng);
        liar_end(&l);
}

static void test_random_arrivals(void **state) {
        (void)state;
        for (uint64_t i = 0; i < STREETS; i++) {
                print_message("# street %llu\n", (unsigned long long)(seed + i));
                random_street(seed + i);
        }
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_stories),
                cmocka_unit_test(test_third_story),
                cmocka_unit_test(test_mute),
                cmocka_unit_test(test_retractions),
                cmocka_unit_test(test_retraction_of_another_end),
                cmocka_unit_test(test_forged_proofs),
                cmocka_unit_test(test_restored_disk),
                cmocka_unit_test(test_restored_disk_that_listens),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_asks),
                cmocka_unit_test(test_random_arrivals),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
