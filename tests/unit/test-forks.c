/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A household signs thousands of operations for one place of its chain, or lets thousands in on one ticket. One counts, the
 * same in any order; the others cost little time, are named by nobody who is honest, and hide no vote.
 */
#include <stdlib.h>
#include <time.h>

#include "roster-street.h"
#include "roster/inside.h"
#include "wire/codec.h"

#define FORKS 3000
#define SPENDS 1000
#define SECONDS_MAX 20 /* CPU time of each flood under a sanitizer; far below what folding all for each would take */
#define LIAR 5
#define OTHER 6

static struct street s;

struct signed_op {
        struct hash id;
        struct buf bytes;
};

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, finish)

static double seconds(void) {
        struct timespec t;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Founder 0; homes 1 … 7 on its tickets. */
static int begin(void **state) {
        (void)state;
        street_found(&s, 7, (struct wire_list){0});
        for (uint32_t i = 1; i < 8; i++)
                assert_int_equal(street_join(&s, 0, i, 0), 0);
        return 0;
}

static int finish(void **state) {
        (void)state;
        street_end(&s);
        return 0;
}

static int by_id(const void *a, const void *b) {
        return memcmp(a, b, sizeof(struct hash));
}

static struct signed_op *ops_new(size_t n) {
        struct signed_op *ops = calloc(n, sizeof(*ops));
        assert_non_null(ops);
        return ops;
}

static void ops_free(struct signed_op *ops, size_t n) {
        for (size_t i = 0; i < n; i++)
                buf_fini(&ops[i].bytes);
        free(ops);
}

/* @n operations of the liar about home 3, for the next place of its chain, the lowest id first. */
static struct signed_op *forks_new(enum wire_e_op type, size_t n) {
        struct signed_op *ops = ops_new(n);
        struct hash parents[4];
        uint64_t seq;
        size_t n_parents = roster_parents(s.sides[0], &s.homes[LIAR].key.pub, NULL, 0, parents, &seq);
        for (size_t i = 0; i < n; i++) {
                struct wire_op op = {.type = type,
                                     .seq = seq,
                                     .time = s.now + i,
                                     .parents = span_of(parents, n_parents * sizeof(*parents))};
                if (type != OP_LEAVE)
                        WIRE_PUT(&op, OP, target, SPAN_OF(s.homes[3].key.pub.b));
                assert_int_equal(op_make(&ops[i].bytes, &op, &s.mesh, &s.homes[LIAR].key), 0);
                op_id(&ops[i].id, &s.mesh, buf_span(&ops[i].bytes));
        }
        qsort(ops, n, sizeof(*ops), by_id);
        return ops;
}

/* @n households on one ticket of the liar, countersigned by it, none of them by what it knows of the others. */
static struct signed_op *spends_new(size_t n) {
        struct signed_op *ops = ops_new(n);
        struct hash heads[4];
        struct ticket t;
        street_ticket(&s, LIAR, 1, s.now + MESH_DAY, &t);
        size_t n_heads = roster_parents(s.sides[0], NULL, NULL, 0, heads, NULL);
        for (size_t i = 0; i < n; i++) {
                _clean_(buf_fini) struct buf add = BUF_NULL;
                struct street_home joiner = s.homes[20];
                street_keys(&s.homes[20], (uint32_t)(1000 + i));
                street_add_sign(&s, 20, SPAN_STR("Home"), &t, &add);
                assert_int_equal(op_countersign(&ops[i].bytes, buf_span(&add), &s.mesh, &s.homes[LIAR].device, s.now,
                                                heads, n_heads),
                                 0);
                op_id(&ops[i].id, &s.mesh, buf_span(&ops[i].bytes));
                s.homes[20] = joiner;
        }
        ticket_fini(&t);
        qsort(ops, n, sizeof(*ops), by_id);
        return ops;
}

/* Takes them in this order, and says how long it took. */
static void take_all(const struct signed_op *ops, const size_t *order, size_t n, const char *how) {
        struct hash id;
        double from = seconds();
        for (size_t i = 0; i < n; i++)
                assert_int_equal(roster_add(s.sides[0], buf_span(&ops[order[i]].bytes), true, &id), 0);
        double took = seconds() - from;
        print_message("# %zu %s: %.2f s without signature checks\n", n, how, took);
        assert_true(took < SECONDS_MAX);
}

static void downwards(size_t *order, size_t n) {
        for (size_t i = 0; i < n; i++)
                order[i] = n - 1 - i;
}

/* The liar's next operation hangs on this one: it stands. */
static void liar_stands_on(const struct hash *id) {
        struct hash parents[4];
        uint64_t seq;
        assert_true(roster_parents(s.sides[0], &s.homes[LIAR].key.pub, NULL, 0, parents, &seq) > 0);
        assert_memory_equal(parents[0].b, id->b, sizeof(id->b));
}

static void test_forks(void **state) {
        (void)state;
        static size_t order[FORKS];
        struct signed_op *ops = forks_new(OP_VOUCH, FORKS);
        street_shuffle(&s.rng, order, FORKS);
        take_all(ops, order, FORKS, "forks in any order");
        liar_stands_on(&ops[0].id);
        assert_int_equal(roster_contradictions(s.sides[0], street_home(&s, 0, LIAR)), FORKS - 1);
        assert_int_equal(roster_contradictions(s.sides[0], street_home(&s, 0, OTHER)), 0);
        ops_free(ops, FORKS);
}

/* Each has a lower id than the one before, so each stands until the next comes. */
static void test_forks_downwards(void **state) {
        (void)state;
        static size_t order[FORKS];
        struct signed_op *ops = forks_new(OP_VOUCH, FORKS);
        downwards(order, FORKS);
        take_all(ops, order, FORKS, "forks, each before the last");
        liar_stands_on(&ops[0].id);
        ops_free(ops, FORKS);
}

/* What another home built on stands from then on, whatever lower one comes. */
static void test_built_on(void **state) {
        (void)state;
        struct hash id;
        struct signed_op *ops = forks_new(OP_VOUCH, 300);
        for (size_t i = 0; i < 200; i++)
                assert_int_equal(roster_add(s.sides[0], buf_span(&ops[100 + i].bytes), true, &id), 0);
        liar_stands_on(&ops[100].id);
        street_remember(&s, 0, OTHER);
        s.old[1] = ops[150].id; /* and nothing else: OTHER has heard of no lower one */
        s.n_old = 2;
        s.backdate = true;
        assert_int_equal(street_about(&s, 0, OTHER, OP_VOUCH, 3), 0);
        s.backdate = false;
        liar_stands_on(&ops[150].id);
        for (size_t i = 0; i < 100; i++)
                assert_int_equal(roster_add(s.sides[0], buf_span(&ops[i].bytes), true, &id), 0);
        liar_stands_on(&ops[150].id);
        ops_free(ops, 300);
}

/* An honest author names the one that stands, and of the others none. */
static void test_named_by_nobody(void **state) {
        (void)state;
        struct hash id, parents[4];
        uint64_t seq;
        struct signed_op *ops = forks_new(OP_VOUCH, 300);
        for (size_t i = 0; i < 300; i++)
                assert_int_equal(roster_add(s.sides[0], buf_span(&ops[i].bytes), true, &id), 0);
        assert_int_equal(roster_parents(s.sides[0], &s.homes[OTHER].key.pub, NULL, 0, parents, &seq), 2);
        assert_memory_equal(parents[1].b, ops[0].id.b, sizeof(id.b));
        /* Unless it is what the operation is about. */
        assert_int_equal(roster_parents(s.sides[0], &s.homes[OTHER].key.pub, &ops[7].id, 1, parents, &seq), 3);
        ops_free(ops, 300);
}

/* However many there are: 16 operations tell of a removal. */
static void test_frontier(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf heads = BUF_NULL, standing = BUF_NULL;
        struct hash id, told, removed;
        bool current;
        struct signed_op *ops = forks_new(OP_VOUCH, 300);
        for (size_t i = 0; i < 300; i++)
                assert_int_equal(roster_add(s.sides[0], buf_span(&ops[i].bytes), true, &id), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, LIAR), 0);
        const struct roster_device *d = street_home(&s, 0, 0)->devices[0];
        assert_int_equal(roster_frontier(s.sides[0], d, ROSTER_COUNTED, &heads), 0);
        assert_int_equal(heads.n, sizeof(s.last));
        assert_memory_equal(heads.p, s.last.b, sizeof(s.last.b));
        roster_removed(s.sides[0], &removed);
        assert_int_equal(roster_removed_at(s.sides[0], &s.last, 1, &d->sign, &told, &current), 0);
        assert_true(current && hash_eq(&told, &removed));
        assert_int_equal(roster_frontier(s.sides[0], d, ROSTER_STANDING, &standing), 0);
        assert_int_equal(standing.n, sizeof(s.last));
        ops_free(ops, 300);
}

static size_t with_ancestors(void) {
        size_t n = 0;
        for (uint32_t i = 0; i < s.sides[0]->n_ops; i++)
                n += s.sides[0]->ops[i]->vote && s.sides[0]->ops[i]->vote->past.w;
        return n;
}

/* Votes at one place take memory for one's ancestors; they still count, each for itself, where the others are not known. */
static void test_votes_are_small(void **state) {
        (void)state;
        struct hash id, told, removed;
        bool current;
        struct signed_op *ops = forks_new(OP_LEAVE, 300);
        roster_removed(s.sides[0], &removed);
        for (size_t i = 300; i-- > 0;) {
                assert_int_equal(roster_add(s.sides[0], buf_span(&ops[i].bytes), true, &id), 0);
                assert_int_equal(with_ancestors(), 1);
        }
        liar_stands_on(&ops[0].id);
        for (size_t i = 0; i < 300; i += 100) {
                assert_int_equal(roster_removed_at(s.sides[0], &ops[i].id, 1, NULL, &told, &current), 0);
                assert_false(hash_eq(&told, &removed));
                assert_int_equal(with_ancestors(), 1);
        }
        /* Built on, the last of them stands in the place of the first. */
        street_remember(&s, 0, OTHER);
        s.old[1] = ops[299].id;
        s.n_old = 2;
        s.backdate = true;
        assert_int_equal(street_about(&s, 0, OTHER, OP_VOUCH, 3), 0);
        s.backdate = false;
        liar_stands_on(&ops[299].id);
        assert_int_equal(with_ancestors(), 1);
        ops_free(ops, 300);
}

static size_t members_of(const struct signed_op *ops, size_t n, size_t *ret_last) {
        size_t found = 0;
        for (size_t i = 0; i < n; i++) {
                struct wire_op w;
                struct key key;
                assert_int_equal(codec_decode(&wire_op_desc, buf_span(&ops[i].bytes), &w, NULL), 0);
                memcpy(key.b, w.household.p, sizeof(key.b));
                const struct roster_home *h = roster_home_find(s.sides[0], &key);
                if (h && h->member) {
                        found++;
                        *ret_last = i;
                }
        }
        return found;
}

static void crowd(bool down, const char *how) {
        static size_t order[SPENDS];
        size_t who = SPENDS;
        struct signed_op *ops = spends_new(SPENDS);
        street_shuffle(&s.rng, order, SPENDS);
        if (down)
                downwards(order, SPENDS);
        take_all(ops, order, SPENDS, how);
        assert_int_equal(members_of(ops, SPENDS, &who), 1);
        assert_int_equal(who, 0);
        assert_int_equal(roster_members(s.sides[0]), 9);
        assert_int_equal(roster_contradictions(s.sides[0], street_home(&s, 0, LIAR)), SPENDS - 1);
        ops_free(ops, SPENDS);
}

static void test_crowd(void **state) {
        (void)state;
        crowd(false, "homes on one ticket in any order");
}

static void test_crowd_downwards(void **state) {
        (void)state;
        crowd(true, "homes on one ticket, each before the last");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(test_forks),    CASE(test_forks_downwards), CASE(test_built_on), CASE(test_named_by_nobody),
                CASE(test_frontier), CASE(test_votes_are_small), CASE(test_crowd),    CASE(test_crowd_downwards),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
