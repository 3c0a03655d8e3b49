/* SPDX-License-Identifier: Apache-2.0 */
/* Group keys over months, and members that hand over wrong ones. Seed: printed, and PORCHLIGHT_SEED. */
#include "core-visit.h"
#include "core/core.h"
#include "core/epoch.h"
#include "crypto/keytree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY ((double)MESH_DAY)
#define EPOCH_DAYS (KEYTREE_END - 1) /* from one epoch to the next that is made because days went by */

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

static uint32_t today(const struct street *s) {
        return (uint32_t)(street_wall(s) / MESH_DAY);
}

static const struct mesh_row *epoch_row(struct street *s, size_t home, uint64_t generation) {
        const struct mesh_row *row, *found = NULL;
        struct wire_epoch w;
        for (size_t i = 0; (row = street_row(s, home, i)); i++) {
                if (row->kind != MESH_ROW_EPOCH)
                        continue;
                assert_int_equal(codec_decode(&wire_epoch_desc, row->epoch.header, &w, NULL), 0);
                if (w.generation != generation)
                        continue;
                assert_null(found); /* one of each: nobody had to make one in a hurry */
                found = row;
        }
        return found;
}

static uint32_t first_day_of(const struct mesh_row *row) {
        struct wire_epoch w;
        assert_int_equal(codec_decode(&wire_epoch_desc, row->epoch.header, &w, NULL), 0);
        return (uint32_t)(w.time / MESH_DAY);
}

struct told {
        size_t home;
        uint64_t generation;
};

static bool has_keys(struct street *s, void *ctx) {
        const struct told *t = ctx;
        const struct mesh_row *row = epoch_row(s, t->home, t->generation);
        return row && row->epoch.has_key;
}

/* ---- months ---- */

/* Every day somebody posts and everybody reads it, whatever epoch it is under. */
static void days_with_posts(struct street *s, size_t days, size_t posters) {
        for (size_t i = 0; i < days; i++) {
                struct hash id;
                assert_int_equal(street_post(s, i % posters, KIND_OTHER, "another day", &id), MESH_OUT_DONE);
                assert_true(street_wait_all_have(s, &id, 60));
                street_run_for(s, DAY);
        }
}

/* Three epochs, one after the other, before the one before it ends. Who was off for two of them finds back in, because
 * the link key stays, and reads on; who joins at the end is handed what he may read and proves it. */
static void test_months(void **state) {
        (void)state;
        struct hash id;
        struct street *s = street_bare(4, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 2));
        assert_int_equal(street_join(s, 1, ticket), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 2, ticket), MESH_OUT_DONE);
        street_run_for(s, 60);
        uint32_t founded = today(s);
        days_with_posts(s, 5, 3);
        street_off(s, 2);
        days_with_posts(s, 2 * EPOCH_DAYS, 2);
        for (uint64_t generation = 0; generation < 3; generation++) {
                const struct mesh_row *row = epoch_row(s, 1, generation);
                assert_non_null(row);
                assert_in_range(first_day_of(row), founded + generation * EPOCH_DAYS,
                                founded + generation * EPOCH_DAYS + 1);
                assert_memory_equal(&row->epoch.link_key, &epoch_row(s, 0, 0)->epoch.link_key, sizeof(struct key));
        }
        assert_null(epoch_row(s, 1, 3));

        street_on(s, 2);
        assert_true(street_wait(s, 120, has_keys, &(struct told){2, 2}));
        assert_int_equal(street_post(s, 2, KIND_OTHER, "back home", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 120));

        free(ticket);
        ticket = strdup(street_invite(s, 1, 1));
        assert_int_equal(street_join(s, 3, ticket), MESH_OUT_DONE);
        assert_true(street_wait(s, 60, has_keys, &(struct told){3, 0}));
        assert_int_equal(street_post(s, 3, KIND_OTHER, "new here", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        assert_int_equal(street_post(s, 0, KIND_OTHER, "welcome", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        /* Of what was over before he came: the key that opens nothing. Of the present one: from the day before he came. */
        for (uint64_t generation = 0; generation < 2; generation++) {
                const struct mesh_row *row = epoch_row(s, 3, generation);
                assert_int_equal(row->epoch.day, first_day_of(row) + KEYTREE_END);
        }
        assert_int_equal(epoch_row(s, 3, 2)->epoch.day, today(s) - 1);
        free(ticket);
        street_free(s);
}

/* All were off for a month: the first post brings the next epoch with it. Of the two homes the second one's turn to make
 * it would come two seconds later. */
static void test_post_after_the_end(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 60);
        street_off(s, 0);
        street_off(s, 1);
        street_run_for(s, 40 * DAY);
        street_on(s, 1);
        double since = (double)street_wall(s);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "after a month", &id), MESH_OUT_DONE);
        assert_true((double)street_wall(s) - since < 2);
        assert_int_equal(first_day_of(epoch_row(s, 1, 1)), today(s));
        street_on(s, 0);
        assert_true(street_wait_all_have(s, &id, 120));
        street_free(s);
}

/* ---- wrong keys ---- */
enum lie { TRUTH, OTHER_KEY, OTHER_PROOF, NO_PROOF, EARLIER_DAY, LATER_DAY, LIES };

/* As home 1's device: @row, an epoch's, of a day after its first, with something about it that is not so. */
static void hand(struct visit *v, const struct mesh_row *row, enum lie lie) {
        struct wire_epoch_key msg = {.header = row->epoch.header};
        struct key key = row->epoch.key;
        struct hash left[KEYTREE_LEFT];
        assert_in_range(row->epoch.left.n, 1, sizeof(left));
        memcpy(left, row->epoch.left.p, row->epoch.left.n);
        key.b[0] ^= lie == OTHER_KEY;
        left[0].b[0] ^= lie == OTHER_PROOF;
        WIRE_PUT(&msg, EPOCH_KEY, key, SPAN_OF(key.b));
        WIRE_PUT(&msg, EPOCH_KEY, day, row->epoch.day + (lie == LATER_DAY) - (lie == EARLIER_DAY));
        WIRE_PUT(&msg, EPOCH_KEY, link_key, SPAN_OF(row->epoch.link_key.b));
        if (lie != NO_PROOF)
                WIRE_PUT(&msg, EPOCH_KEY, left, span_of(left, row->epoch.left.n));
        guest_say(&v->g, LINK_EPOCH_KEY, &msg);
        flush(v);
}

/* A newcomer has no key yet of an epoch that is some days old. The first to hand it over lies about it; he is hung up on,
 * nothing of it is kept, and the good one comes from another. */
static void test_wrong_key_for_a_newcomer(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_run_for(s, 60);
        street_off(s, 1);
        street_off(s, 2);
        street_run_for(s, (EPOCH_DAYS + 14) * DAY); /* long enough for the first days of the second one to be wiped */
        const struct mesh_row *good = epoch_row(s, 0, 1);
        assert_true(good->epoch.day > first_day_of(good) && good->epoch.day < today(s));
        street_cut(s, 0, 2);
        street_on(s, 2);
        for (enum lie lie = OTHER_KEY; lie < LIES; lie++) {
                struct visit v;
                visit_greet(&v, s, 2, 1);
                hand(&v, good, lie);
                assert_true(v.g.gone);
                assert_int_equal(v.g.bye, REASON_BAD_SIGNATURE);
                assert_null(epoch_row(s, 2, 1));
                visit_end(&v);
        }
        street_mend(s, 0, 2);
        assert_true(street_wait(s, 600, has_keys, &(struct told){2, 1}));
        assert_memory_equal(&epoch_row(s, 2, 1)->epoch.key, &epoch_row(s, 0, 1)->epoch.key, sizeof(struct key));
        assert_int_equal(street_post(s, 0, KIND_FIRE, "under the good key", &id), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_true(street_has(s, 2, &id));
        street_free(s);
}

/* The truth is taken from the same guest: what the test above refuses is refused for the lie. */
static void test_right_key_from_anybody(void **state) {
        (void)state;
        struct visit v;
        STREET(3);
        street_run_for(s, 60);
        street_off(s, 1);
        street_off(s, 2);
        street_run_for(s, (EPOCH_DAYS + 14) * DAY);
        street_cut(s, 0, 2);
        street_on(s, 2);
        visit_greet(&v, s, 2, 1);
        hand(&v, epoch_row(s, 0, 1), TRUTH);
        assert_false(v.g.gone);
        assert_true(street_wait(s, 10, has_keys, &(struct told){2, 1}));
        visit_end(&v);
        street_free(s);
}

/* Keys on a disk that are not proved, of before there were proofs or damaged, go to nobody. Their link keys are good, so
 * the homes find each other, and write under a new epoch. */
static void test_unproved_on_disk(void **state) {
        (void)state;
        struct hash id;
        struct key link[2];
        STREET(2);
        street_run_for(s, 60);
        for (size_t home = 0; home < 2; home++) {
                street_off(s, home);
                struct mesh_row *row = (struct mesh_row *)(uintptr_t)epoch_row(s, home, 0);
                row->epoch.key.b[5] ^= 1;
                link[home] = row->epoch.link_key;
        }
        street_on(s, 0);
        street_on(s, 1);
        assert_true(street_wait_links(s, 0, 60));
        assert_true(street_wait(s, 120, has_keys, &(struct told){0, 1}));
        assert_true(street_wait(s, 120, has_keys, &(struct told){1, 1}));
        assert_memory_equal(&epoch_row(s, 0, 1)->epoch.link_key, &link[0], sizeof(link[0]));
        assert_int_equal(street_post(s, 1, KIND_FIRE, "still here", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 30));
        street_free(s);
}

static bool knows_no_key(struct street *s, size_t home, const struct epoch *e) {
        const struct epoch *there = epoch_find(street_core(s, home), SPAN_OF(e->id));
        return !there || !there->has_key;
}

/* A home is removed, let return, and leaves. What was made without it the first time it has been handed since: it reads
 * nothing of what is written without it the second time, and the key that opens links is another one. */
static void test_gone_twice(void **state) {
        (void)state;
        STREET(4);
        street_run_for(s, 30);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 60);
        struct key once = epoch_usable(street_core(s, 0))->link_key;
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 1), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_int_equal(street_vote(s, 0, OP_RETURN, 3), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_int_equal(street_vote(s, 1, OP_ENDORSE, 3), MESH_OUT_DONE);
        assert_true(street_wait_links(s, 3, 600));
        street_run_for(s, 60);
        assert_int_equal(roster_members(street_core(s, 3)->roster), 4);
        assert_int_equal(street_vote(s, 3, OP_LEAVE, 3), MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(roster_members(street_core(s, i)->roster), 3);
                const struct epoch *e = epoch_usable(street_core(s, i));
                assert_non_null(e);
                assert_true(knows_no_key(s, 3, e));
                assert_memory_not_equal(&e->link_key, &once, sizeof(once));
        }
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_months),
                cmocka_unit_test(test_post_after_the_end),
                cmocka_unit_test(test_wrong_key_for_a_newcomer),
                cmocka_unit_test(test_right_key_from_anybody),
                cmocka_unit_test(test_unproved_on_disk),
                cmocka_unit_test(test_gone_twice),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
