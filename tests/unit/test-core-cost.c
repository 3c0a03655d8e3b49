/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What things cost on the wire, in streets of real cores: bytes that are a function of the seed, held against the bounds
 * that docs/performance.md names. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "cases.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SETTLED 300.0       /* seconds until a new street has its links and knows all addresses */
#define FRAME 1024          /* bytes of the frames that matter here, */
#define PACKET (1024 + 104) /* and of the IP packets that carry one: headers, and the packet that acknowledges it */
#define REMOVAL_MOST 12000  /* IP bytes a home, whatever the street's size */

#define WARM_UP 99 /* alerts, of the first so many homes in turn: */
#define WARM_UP_POSTERS 3
#define POSTERS 4        /* homes that post then */
#define ALERTS_EACH 5    /* alerts of each */
#define GAP 0.2          /* seconds between two */
#define QUIET 10.0       /* seconds until all announcements are over */
#define PROMPT 0.35      /* seconds: a few hops; who has to ask waits longer than that */
#define SPREAD_MOST 2200 /* bytes on the links: a frame, what announces it elsewhere, and what keeps the links */
#define IDLE_HOMES 24
#define IDLE_MOST 55.0 /* bytes a second on the links: what asks whether they live, and what compares equal sets */
#define BUSY_HOMES 16
#define BUSY 100      /* ms until a home answers: by then all its neighbours have sent it what they have */
#define COPIES_MOST 2 /* that it then still passes on; what keeps the links counts too */
#define TEXT                                                                                                           \
        "Two people are carrying ladders along the back gardens of the odd numbers, slowly; nobody here knows them."

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

struct membership {
        size_t members, homes;
};

static bool all_know(struct street *s, void *ctx) {
        const struct membership *want = ctx;
        for (size_t i = 0; i < want->homes; i++)
                if (roster_members(mesh_roster(street_core(s, i))) != want->members)
                        return false;
        return true;
}

static double links_each(struct street *s, size_t homes) {
        size_t links = 0;
        for (size_t i = 0; i < homes; i++) {
                struct mesh_status st;
                mesh_status(street_core(s, i), &st);
                links += st.links;
        }
        return (double)links / (double)homes;
}

/* A home is removed and everybody gets fresh keys: each passes on one frame, over every link but the one it came on. */
static void removal_costs(size_t homes) {
        STREET(homes);
        street_run_for(s, SETTLED);
        double links = links_each(s, homes);
        uint64_t before = street_bytes(s);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 1), MESH_OUT_DONE);
        struct membership want = {homes - 1, homes};
        assert_true(street_wait(s, 10, all_know, &want));
        uint64_t each = (street_bytes(s) - before) * PACKET / FRAME / homes;
        print_message("# %zu homes with %.1f links: %u IP bytes each\n", homes, links, (unsigned)each);
        assert_true(each < REMOVAL_MOST);
        assert_true((double)each <= (links - 1) * PACKET);
        street_free(s);
}

/* The largest street takes most of the time, and reads nothing that the others do not. */
static size_t played(size_t sizes) {
        return cases_brief() ? sizes - 1 : sizes;
}

static void test_removal(void **state) {
        (void)state;
        static const size_t sizes[] = {3, 8, 16, 32, 64};
        for (size_t i = 0; i < played(ARRAY_LEN(sizes)); i++)
                removal_costs(sizes[i]);
}

/* Homes that have hardly posted before, one after the other: everybody has each alert well before anybody would have to ask
 * for it, and few get it twice. */
static void spread_costs(size_t homes) {
        struct hash id;
        STREET(homes);
        street_run_for(s, SETTLED);
        for (size_t i = 0; i < WARM_UP; i++) {
                assert_int_equal(street_post(s, i % WARM_UP_POSTERS, KIND_OTHER, TEXT, &id), MESH_OUT_DONE);
                street_run_for(s, GAP);
        }
        street_run_for(s, QUIET);
        uint64_t before = street_bytes(s);
        street_run_for(s, QUIET);
        uint64_t idle = street_bytes(s) - before;
        before = street_bytes(s);
        size_t late = 0, alerts = 0;
        for (size_t i = WARM_UP_POSTERS; i < homes; i += homes / POSTERS) {
                for (size_t k = 0; k < ALERTS_EACH; k++, alerts++) {
                        assert_int_equal(street_post(s, i, KIND_OTHER, TEXT, &id), MESH_OUT_DONE);
                        late += !street_wait_all_have(s, &id, PROMPT);
                        street_run_for(s, GAP);
                }
        }
        street_run_for(s, QUIET);
        double spent = (double)(street_bytes(s) - before) - (double)idle;
        double each = spent / (double)alerts / (double)homes;
        print_message("# %zu homes: %zu of %zu late; %.0f B an alert and home\n", homes, late, alerts, each);
        assert_true(late * 8 <= alerts);
        assert_true(each < SPREAD_MOST);
        street_free(s);
}

static void test_spread(void **state) {
        (void)state;
        static const size_t sizes[] = {8, 16, 32, 64};
        for (size_t i = 0; i < played(ARRAY_LEN(sizes)); i++)
                spread_costs(sizes[i]);
}

/* An hour in which nothing happens, in a street that has something to compare. */
static void test_idle(void **state) {
        (void)state;
        struct hash id;
        STREET(IDLE_HOMES);
        for (size_t i = 0; i < WARM_UP; i++)
                assert_int_equal(street_post(s, i % WARM_UP_POSTERS, KIND_OTHER, TEXT, &id), MESH_OUT_DONE);
        street_run_for(s, SETTLED);
        uint64_t before = street_bytes(s);
        street_run_for(s, 3600);
        double each = (double)(street_bytes(s) - before) / 3600 / IDLE_HOMES;
        print_message("# %d idle homes: %.1f B/s each\n", IDLE_HOMES, each);
        assert_true(each < IDLE_MOST);
        street_free(s);
}

static uint64_t sent_by(struct street *s, size_t i) {
        struct mesh_peer p;
        uint64_t bytes = 0;
        for (size_t k = 0; mesh_peer_at(street_core(s, i), k, &p); k++)
                bytes += p.sent;
        return bytes;
}

/* Frames that the last home sends of each urgent alert of the others. */
static double copies_passed_on(struct street *s) {
        struct hash id;
        uint64_t before = sent_by(s, BUSY_HOMES - 1);
        for (size_t i = 0; i < BUSY_HOMES - 1; i++) {
                assert_int_equal(street_post(s, i, KIND_FIRE, TEXT, &id), MESH_OUT_DONE);
                assert_true(street_wait_all_have(s, &id, QUIET));
                street_run_for(s, GAP);
        }
        return (double)(sent_by(s, BUSY_HOMES - 1) - before) / FRAME / (BUSY_HOMES - 1);
}

/* A home that gets round to its links when several copies are there: who has brought one gets none. */
static void test_copies_meanwhile(void **state) {
        (void)state;
        STREET(BUSY_HOMES);
        street_run_for(s, SETTLED);
        struct mesh_status st;
        mesh_status(street_core(s, BUSY_HOMES - 1), &st);
        double at_once = copies_passed_on(s);
        street_busy(s, BUSY_HOMES - 1, BUSY);
        double later = copies_passed_on(s);
        print_message("# of an urgent alert, %u links: %.1f copies passed on, %.1f by a busy home\n", st.links, at_once,
                      later);
        assert_true(at_once > (double)st.links - 2);
        assert_true(later < COPIES_MOST);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_removal),
                cmocka_unit_test(test_spread),
                cmocka_unit_test(test_idle),
                cmocka_unit_test(test_copies_meanwhile),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
