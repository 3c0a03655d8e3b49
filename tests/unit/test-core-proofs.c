/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a member may bring as a proof that somebody has used a slot twice. One that is none ends the link, one with a wrong
 * signature as well; of what cannot be judged nothing comes; and the true one mutes. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define BRINGS 2 /* whose device is at home 0's door */
#define USES 1   /* whose slot it is about */
#define SLOT 9

/* ---- two records ---- */
struct pair {
        struct visit v;
        struct guest_author a;
        struct wire_record w[2];
        struct buf raw[2];
        struct hash id[2];
        bool bad_signature;
        struct hash about; /* where one names the other */
        struct sign_key other;
};

static void say_nothing(struct pair *p) {
        (void)p;
}

static void other_place(struct pair *p) {
        p->w[1].index++;
}

static void other_day(struct pair *p) {
        p->w[1].day--;
        p->w[1].created -= MESH_DAY;
}

static void other_class(struct pair *p) {
        p->w[1].klass = CLASS_URGENT;
}

static void names_nothing(struct pair *p) {
        p->w[1].type = RECORD_RETRACT;
}

static void names_another(struct pair *p) {
        p->w[1].type = RECORD_RETRACT;
        WIRE_PUT(&p->w[1], RECORD, target, SPAN_OF(p->about.b));
}

static void other_slot(struct pair *p) {
        names_another(p);
        WIRE_PUT(&p->w[1], RECORD, target_device, SPAN_OF(p->other.pub.b));
}

static void ahead(struct pair *p) {
        p->w[1].created += 3600;
        p->w[1].expires += 3600;
}

static void too_long(struct pair *p) {
        p->w[0].expires += 365 * MESH_DAY;
}

static void beyond(struct pair *p) {
        p->w[0].index = p->w[1].index = 60;
}

static void signs_wrong(struct pair *p) {
        p->bad_signature = true;
}

static void unknown_device(struct pair *p) {
        static const uint8_t nobody[32] = {123};
        sign_key_from_seed(&p->a.device, nobody);
}

enum comes { MUTED, NOTHING, BAD_FRAME, BAD_SIGNATURE };

static const struct {
        const char *what;
        void (*change)(struct pair *p);
        bool same; /* one record twice */
        enum comes comes;
} cases[] = {
        {"one record twice", say_nothing, true, BAD_FRAME},
        {"in two slots", other_place, false, BAD_FRAME},
        {"on two days", other_day, false, BAD_FRAME},
        {"of two classes", other_class, false, BAD_FRAME},
        {"a retraction of nothing", names_nothing, false, BAD_FRAME},
        {"a retraction in another's slot", other_slot, false, BAD_FRAME},
        {"one of the future", ahead, false, NOTHING},
        {"one that lives too long", too_long, false, NOTHING},
        {"beyond the quota", beyond, false, NOTHING},
        {"of nobody's device", unknown_device, false, NOTHING},
        {"signed wrongly", signs_wrong, false, BAD_SIGNATURE},
        {"a retraction of another", names_another, false, MUTED},
        {"two in one slot", say_nothing, false, MUTED},
};

/* A street of three; home 2 is off, and is played at home 0's door. */
static void begin(struct pair *p, struct street *s) {
        *p = (struct pair){.about = {{7}}};
        street_run_for(s, 30);
        street_off(s, BRINGS);
        street_run_for(s, 5);
        visit_greet(&p->v, s, 0, BRINGS);
        author(&p->v, USES, &p->a, &p->w[0]);
        sign_key_from_seed(&p->other, street_config(s, BRINGS)->sign_seed);
        p->w[0].index = SLOT;
        p->w[1] = p->w[0];
}

static void make(struct pair *p, bool same) {
        _clean_(buf_fini) struct buf plain = BUF_NULL;
        plain_alert(&plain);
        for (size_t i = 0; i < 2; i++)
                p->id[i] = guest_record(&p->a, &p->w[i], buf_span(&plain), &p->raw[i]);
        if (same) {
                buf_clear(&p->raw[1]);
                buf_add(&p->raw[1], buf_span(&p->raw[0]));
        }
        if (p->bad_signature)
                p->raw[1].p[p->raw[1].n - 1] ^= 1;
}

static bool mutes(struct street *s) {
        return street_state(s, USES) == FRESH_MUTED;
}

static void bring(size_t k, bool turned) {
        struct street *s = street_new(3, seed);
        struct pair p;
        begin(&p, s);
        cases[k].change(&p);
        make(&p, cases[k].same);
        struct wire_proof w = {.one = buf_span(&p.raw[turned]), .other = buf_span(&p.raw[!turned])};
        guest_say(&p.v.g, LINK_PROOF, &w);
        flush(&p.v);
        street_run_for(s, 10);
        enum comes comes = cases[k].comes;
        if (mutes(s) != (comes == MUTED))
                fail_msg("%s: muted %d", cases[k].what, mutes(s));
        if (p.v.g.gone != (comes == BAD_FRAME || comes == BAD_SIGNATURE))
                fail_msg("%s: hung up %d", cases[k].what, p.v.g.gone);
        if (comes == BAD_FRAME || comes == BAD_SIGNATURE)
                assert_int_equal(p.v.g.bye, comes == BAD_FRAME ? REASON_BAD_FRAME : REASON_BAD_SIGNATURE);
        if (comes == MUTED) { /* again: it is known */
                guest_say(&p.v.g, LINK_PROOF, &w);
                flush(&p.v);
                street_run_for(s, 5);
                assert_false(p.v.g.gone);
        }
        visit_end(&p.v);
        for (size_t i = 0; i < 2; i++)
                buf_fini(&p.raw[i]);
        street_free(s);
}

/* In either order. */
static void test_proofs(void **state) {
        (void)state;
        for (size_t k = 0; k < ARRAY_LEN(cases); k++)
                for (int turned = 0; turned < 2; turned++)
                        bring(k, turned);
}

/* What is no record at all, in either place. */
static void test_junk(void **state) {
        (void)state;
        static const uint8_t junk[100] = {0x81, 1, 1};
        for (int turned = 0; turned < 2; turned++) {
                struct street *s = street_new(3, seed);
                struct pair p;
                begin(&p, s);
                make(&p, false);
                struct wire_proof w = {.one = buf_span(&p.raw[0]), .other = SPAN_OF(junk)};
                if (turned)
                        w = (struct wire_proof){.one = SPAN_OF(junk), .other = buf_span(&p.raw[0])};
                guest_say(&p.v.g, LINK_PROOF, &w);
                flush(&p.v);
                street_run_for(s, 5);
                assert_true(p.v.g.gone && p.v.g.bye == REASON_BAD_FRAME);
                visit_end(&p.v);
                for (size_t i = 0; i < 2; i++)
                        buf_fini(&p.raw[i]);
                street_free(s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_proofs), cmocka_unit_test(test_junk)};
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
