/* SPDX-License-Identifier: Apache-2.0 */
/* What a home may hear that asks after a clip (node/leave.h): two homes of a street, and papers and fetches of the test's own. */
#include "node/fetch_inside.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY ((mesh_wall)MESH_DAY)

static struct world {
        struct street *s;
        struct node n;
        struct mesh_status here, there;
        struct haul_link l;
        struct fetch kept; /* another home's clip that is here by a grant */
        struct paper paper;
        bool main, gives;
        struct buf grant;
        struct hash id, proof;
        struct hash told; /* a grant of which this home was told that it was taken back */
} w;

static const struct hash own = {{1}}, kept = {{2}}, other = {{3}};
static const struct key third = {{9}};

/* ---- the node around it ---- */

mesh_wall node_time(_unused_ const struct node *n) {
        return w.here.time;
}

bool papers_here(_unused_ const struct node *n) {
        return w.main;
}

struct paper *papers_find(_unused_ const struct node *n, const struct hash *id) {
        return hash_eq(id, &w.paper.id) ? &w.paper : NULL;
}

bool paper_told_back(_unused_ const struct node *n, const struct hash *grant) {
        return hash_eq(grant, &w.told);
}

bool fetch_gives(_unused_ const struct fetch *f) {
        return w.gives;
}

struct fetch *fetch_find(const struct node *n, const struct hash *clip) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on)
                if (hash_eq(&f->id, clip))
                        return f;
        return NULL;
}

/* ---- who asks, and with what ---- */

static int begin(_unused_ void **state) {
        memset(&w, 0, sizeof(w));
        w.s = street_new(3, 1);
        street_run_for(w.s, 10);
        w.n = (struct node){.core = street_core(w.s, 0)};
        list_init(&w.n.fetches.all);
        mesh_status(street_core(w.s, 0), &w.here);
        mesh_status(street_core(w.s, 1), &w.there);
        w.l = (struct haul_link){.device = w.there.device, .household = w.there.household, .n = &w.n};
        w.kept = (struct fetch){.n = &w.n, .id = kept, .salt = {7}, .household = third};
        list_push(&w.n.fetches.all, &w.kept.on);
        w.main = w.gives = true;
        return 0;
}

static int end(_unused_ void **state) {
        buf_fini(&w.grant);
        street_free(w.s);
        return 0;
}

/* By home @i, for home @to. */
static void grant(size_t i, size_t to, const struct hash *clip) {
        struct mesh_status st;
        mesh_status(street_core(w.s, to), &st);
        const struct sign_key *key = &w.s->homes[i].house.sign;
        struct wire_grant g = {.household = SPAN_OF(key->pub.b),
                               .clip = SPAN_OF(clip->b),
                               .to = SPAN_OF(st.household.b),
                               .purpose = SPAN_STR("to look at"),
                               .created = w.here.time,
                               .expires = w.here.time + DAY};
        if (i == to) /* to oneself: for a device of one's own */
                WIRE_PUT(&g, GRANT, device, SPAN_OF(st.device.b));
        buf_clear(&w.grant);
        assert_int_equal(clip_sign(CLIP_GRANT, &g, &w.here.mesh, key, &w.grant, &w.id), 0);
        w.paper = (struct paper){.id = w.id, .what = PAPER_OUT_GRANT, .state = PAPER_THERE};
}

static enum haul_leave asked(const struct hash *name) {
        struct wire_haul_clip m = {.clip = SPAN_OF(name->b)};
        if (w.grant.n)
                WIRE_PUT(&m, HAUL_CLIP, grant, buf_span(&w.grant));
        return leave_of(&w.n, &w.l, &m, &w.proof);
}

/* ---- */

static void without_a_grant(_unused_ void **state) {
        assert_int_equal(asked(&own), HAUL_LEAVE_NONE);
        assert_int_equal(asked(&kept), HAUL_LEAVE_NONE);
        assert_int_equal(asked(&other), HAUL_LEAVE_NONE);
        w.l.household = w.here.household; /* a device of the own household needs none */
        assert_int_equal(asked(&own), HAUL_LEAVE_GIVEN);
        assert_int_equal(asked(&kept), HAUL_LEAVE_GIVEN);
}

static void own_clips(_unused_ void **state) {
        grant(0, 1, &own);
        assert_int_equal(asked(&own), HAUL_LEAVE_GIVEN);
        assert_int_equal(asked(&other), HAUL_LEAVE_NONE);
        grant(0, 2, &own); /* somebody else's */
        assert_int_equal(asked(&own), HAUL_LEAVE_NONE);
        grant(2, 1, &own); /* of a member who does not own it: a friend's, or one's own second home's */
        assert_int_equal(asked(&own), HAUL_LEAVE_NONE);
        grant(1, 1, &own);
        assert_int_equal(asked(&own), HAUL_LEAVE_NONE);
}

/* What was taken back, and what this home does not know to have given, is no leave where that is known. */
static void taken_back(_unused_ void **state) {
        grant(0, 1, &own);
        w.paper.state = PAPER_NOT;
        assert_int_equal(asked(&own), HAUL_LEAVE_NONE);
        w.main = false; /* another device of the household knows no more than the paper says */
        assert_int_equal(asked(&own), HAUL_LEAVE_GIVEN);
        w.main = true;
        w.paper.id = other;
        assert_int_equal(asked(&own), HAUL_LEAVE_NONE);
}

/* PROTOCOL 15.91: a home with a grant of its own, and another device of the owner's, have heard of it. */
static void told_so(_unused_ void **state) {
        grant(0, 1, &own);
        w.main = false;
        w.told = w.id;
        assert_int_equal(asked(&own), HAUL_LEAVE_NONE);
        w.kept.household = w.s->homes[2].house.sign.pub;
        grant(2, 1, &kept);
        assert_int_equal(asked(&kept), HAUL_LEAVE_GIVEN);
        w.told = w.id;
        assert_int_equal(asked(&kept), HAUL_LEAVE_NONE);
}

static void clips_of_others(_unused_ void **state) {
        w.kept.household = w.s->homes[2].house.sign.pub;
        grant(2, 1, &kept);
        assert_int_equal(asked(&kept), HAUL_LEAVE_GIVEN);
        grant(0, 1, &kept); /* of this home's, for another's clip */
        assert_int_equal(asked(&kept), HAUL_LEAVE_NONE);
}

/* Who has the manifest is told to show its grant; who says what another asked with is not, and nothing is known that is not given. */
static void by_veil(_unused_ void **state) {
        struct hash veil, right;
        haul_veil(&veil, &w.here.mesh, &kept, w.kept.salt, &w.there.device, &w.here.device);
        haul_veil(&right, &w.here.mesh, &kept, w.kept.salt, &w.here.device, &w.there.device);
        assert_int_equal(asked(&veil), HAUL_LEAVE_SHOW);
        assert_true(hash_eq(&w.proof, &right));
        assert_int_equal(asked(&right), HAUL_LEAVE_NONE);
        w.gives = false; /* clips.cache 0 */
        assert_int_equal(asked(&veil), HAUL_LEAVE_NONE);
        w.gives = true;
        w.l.device = third;
        assert_int_equal(asked(&veil), HAUL_LEAVE_NONE);
}

int main(void) {
#define IN_A_STREET(f) cmocka_unit_test_setup_teardown(f, begin, end)
        const struct CMUnitTest tests[] = {
                IN_A_STREET(without_a_grant), IN_A_STREET(own_clips), IN_A_STREET(taken_back),
                IN_A_STREET(clips_of_others), IN_A_STREET(by_veil),   IN_A_STREET(told_so),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
