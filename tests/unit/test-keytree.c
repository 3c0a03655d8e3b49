/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of an epoch's group keys, against one made in the plainest way, and what becomes of it on the wire. */
#include "crypto/keytree.h"

#include "base/buf.h"
#include "core/frames.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LEVELS (KEYTREE_LEFT + 1)
#define HEADS_MOST 16      /* of a header */
#define HEADS_COMPLETING 8 /* beside the longest operation of a vote */
#define MESSAGE_NUMBER 1   /* byte before each message in a frame */

static const struct hash mesh = {{1, 2, 3}};

/* All keys, and all nodes by level: at[0] are the leaves, at[5][0] is the root. */
struct plain_tree {
        struct key keys[KEYTREE_DAYS];
        struct hash at[LEVELS][KEYTREE_DAYS];
};

static void plain_make(struct plain_tree *t) {
        memset(t->keys[0].b, 7, sizeof(t->keys[0].b));
        for (size_t i = 1; i < KEYTREE_DAYS; i++)
                hash_derive(&t->keys[i], DOMAIN_DAY, &t->keys[i - 1], SPAN_NONE);
        for (size_t i = 0; i < KEYTREE_DAYS; i++)
                hash_make(&t->at[0][i], DOMAIN_COMMIT_KEY, &mesh, SPAN_OF(t->keys[i].b));
        for (size_t level = 1; level < LEVELS; level++)
                for (size_t i = 0; i < (size_t)KEYTREE_DAYS >> level; i++) {
                        const struct span halves[] = {SPAN_OF(t->at[level - 1][2 * i].b),
                                                      SPAN_OF(t->at[level - 1][2 * i + 1].b)};
                        hash_make_n(&t->at[level][i], DOMAIN_COMMIT_DAYS, &mesh, halves, ARRAY_LEN(halves));
                }
}

static struct span root_of(const struct plain_tree *t) {
        return SPAN_OF(t->at[KEYTREE_LEFT][0].b);
}

/* What goes with the key of @day, as the protocol says it: one for each bit, the highest first. */
static struct span plain_left(const struct plain_tree *t, uint32_t day, struct hash ret[KEYTREE_LEFT]) {
        size_t n = 0;
        for (size_t level = LEVELS; level-- > 0;) {
                uint32_t bit = UINT32_C(1) << level;
                if (day & bit)
                        ret[n++] = t->at[level][(day & ~(2 * bit - 1)) >> level];
        }
        return span_of(ret, n * sizeof(*ret));
}

static void test_every_day_is_proved(void **state) {
        (void)state;
        struct plain_tree t;
        plain_make(&t);
        for (uint32_t day = 0; day < KEYTREE_DAYS; day++) {
                struct hash left[KEYTREE_LEFT];
                struct keytree got;
                struct span proof = plain_left(&t, day, left);
                assert_int_equal(proof.n, keytree_left(day) * sizeof(*left));
                assert_true(keytree_prove(&mesh, root_of(&t), day, &t.keys[day], proof, &got));
                assert_int_equal(got.day, day);
                assert_memory_equal(&got.key, &t.keys[day], sizeof(got.key));
        }
        assert_int_equal(keytree_left(KEYTREE_END), KEYTREE_LEFT);
}

/* From every day to every later one: its key, and its proof, with nothing else to go by. */
static void test_later_days(void **state) {
        (void)state;
        struct plain_tree t;
        plain_make(&t);
        for (uint32_t from = 0; from < KEYTREE_DAYS; from++)
                for (uint32_t to = 0; to < KEYTREE_DAYS + 2; to++) {
                        struct hash left[KEYTREE_LEFT];
                        struct keytree got = {.day = from, .key = t.keys[from]};
                        struct key key;
                        struct span proof = plain_left(&t, from, left);
                        if (proof.n)
                                memcpy(got.left, proof.p, proof.n);
                        struct keytree before = got;
                        bool there = to >= from && to < KEYTREE_DAYS;
                        assert_int_equal(keytree_key(&got, to, &key), there);
                        assert_int_equal(keytree_move(&mesh, &got, to), there);
                        if (!there) {
                                assert_memory_equal(&got, &before, sizeof(got));
                                continue;
                        }
                        assert_memory_equal(&key, &t.keys[to], sizeof(key));
                        assert_memory_equal(&got.key, &t.keys[to], sizeof(key));
                        proof = plain_left(&t, to, left);
                        assert_int_equal(got.day, to);
                        if (proof.n)
                                assert_memory_equal(got.left, proof.p, proof.n);
                }
}

static bool proves(const struct plain_tree *t, uint64_t day, const struct key *key, struct span left) {
        struct keytree got, untouched;
        memset(&got, 0xaa, sizeof(got));
        untouched = got;
        bool good = keytree_prove(&mesh, root_of(t), day, key, left, &got);
        assert_true(good || memcmp(&got, &untouched, sizeof(got)) == 0);
        return good;
}

/* Any bit of the key or the proof, any other day, any other count or order, another mesh, another root. */
static void test_all_else_is_refused(void **state) {
        (void)state;
        struct plain_tree t;
        plain_make(&t);
        for (uint32_t day = 0; day < KEYTREE_DAYS; day++) {
                struct hash left[KEYTREE_LEFT + 1] = {0};
                struct key key = t.keys[day];
                struct span proof = plain_left(&t, day, left);
                size_t n = keytree_left(day);
                for (size_t i = 0; i < proof.n; i++) {
                        ((uint8_t *)left)[i] ^= 1;
                        assert_false(proves(&t, day, &key, proof));
                        ((uint8_t *)left)[i] ^= 1;
                }
                for (size_t i = 0; i + 1 < n; i++) {
                        struct hash kept = left[i];
                        left[i] = left[i + 1];
                        left[i + 1] = kept;
                        assert_false(proves(&t, day, &key, proof));
                        left[i + 1] = left[i];
                        left[i] = kept;
                }
                for (size_t i = 0; i < sizeof(key.b); i++) {
                        key.b[i] ^= 0x80;
                        assert_false(proves(&t, day, &key, proof));
                        key.b[i] ^= 0x80;
                }
                for (uint64_t other = 0; other < 2 * KEYTREE_DAYS; other++)
                        assert_int_equal(proves(&t, other, &key, proof), other == day);
                assert_false(proves(&t, day + (UINT64_C(1) << 32), &key, proof));
                assert_false(proves(&t, day, &key, span_of(left, (n + 1) * sizeof(*left))));
                assert_false(n && proves(&t, day, &key, span_of(left, (n - 1) * sizeof(*left))));
                assert_false(n && proves(&t, day, &key, span_of(left + 1, (n - 1) * sizeof(*left))));
                assert_false(n && proves(&t, day, &key, span_of(left, proof.n - 1)));
                struct keytree got;
                assert_false(keytree_prove(NULL, root_of(&t), day, &key, proof, &got));
                assert_false(keytree_prove(&mesh, SPAN_OF(t.at[0][day].b), day, &key, proof, &got));
                assert_false(keytree_prove(&mesh, span_of(root_of(&t).p, 31), day, &key, proof, &got));
        }
}

/* A node of the tree is no leaf, nor a leaf a node: the two hashes have domains of their own. */
static void test_node_is_no_leaf(void **state) {
        (void)state;
        struct plain_tree t;
        plain_make(&t);
        struct hash leaf, node;
        struct key half;
        memcpy(half.b, t.at[KEYTREE_LEFT - 1][0].b, sizeof(half.b));
        hash_make(&leaf, DOMAIN_COMMIT_KEY, &mesh, SPAN_OF(half.b));
        hash_make(&node, DOMAIN_COMMIT_DAYS, &mesh, SPAN_OF(half.b));
        assert_false(hash_eq(&leaf, &node));
        assert_false(proves(&t, 0, &half, SPAN_NONE));
}

/* ---- on the wire ---- */
static const uint8_t blank[1024];

static struct span blanks(size_t n) {
        return span_of(blank, n);
}

/* Header and keys as the longest of @heads heads are: every number has its longest form. */
static size_t message_bytes(size_t heads, uint32_t day) {
        _clean_(buf_fini) struct buf header = BUF_NULL, map = BUF_NULL;
        struct wire_epoch w = {.generation = UINT32_MAX,
                               .frontier = blanks(heads * sizeof(struct hash)),
                               .removed = blanks(32),
                               .commit_key = blanks(32),
                               .commit_link = blanks(32),
                               .device = blanks(32),
                               .time = UINT64_C(17280000000),
                               .sig = blanks(64)};
        codec_encode(&wire_epoch_desc, &w, &header);
        assert_true(buf_ok(&header));
        struct wire_epoch_key msg = {.header = buf_span(&header)};
        WIRE_PUT(&msg, EPOCH_KEY, key, blanks(32));
        WIRE_PUT(&msg, EPOCH_KEY, day, w.time / MESH_DAY);
        WIRE_PUT(&msg, EPOCH_KEY, link_key, blanks(32));
        if (day)
                WIRE_PUT(&msg, EPOCH_KEY, left, blanks(keytree_left(day) * sizeof(struct hash)));
        codec_encode(&wire_epoch_key_desc, &msg, &map);
        assert_true(buf_ok(&map));
        return MESSAGE_NUMBER + map.n;
}

static void test_largest_fits_a_frame(void **state) {
        (void)state;
        size_t most = message_bytes(HEADS_MOST, KEYTREE_END);
        print_message("# largest EPOCH_KEY: %zu of %d bytes\n", most, FRAMES_NORMAL);
        assert_true(most <= FRAMES_NORMAL);
        assert_true(most + sizeof(struct hash) > FRAMES_NORMAL); /* a tree of twice the days would not */
}

/* The vote that completes a removal brings the fresh keys along: those of the first day, which nothing goes with. */
static void test_completing_vote_header_and_keys_fit_a_frame(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct wire_op w = {.type = OP_REMOVE,
                            .household = blanks(32),
                            .seq = 4095,
                            .parents = blanks(128),
                            .time = UINT64_C(17280000000),
                            .sig = blanks(64)};
        WIRE_PUT(&w, OP, target, blanks(32));
        WIRE_PUT(&w, OP, reason,
                 SPAN_STR("0123456789012345678901234567890123456789012345678901234567890123"
                          "0123456789012345678901234567890123456789012345678901234567890123"));
        WIRE_PUT(&w, OP, subtree, true);
        codec_encode(&wire_op_desc, &w, &op);
        assert_true(buf_ok(&op));
        size_t both = MESSAGE_NUMBER + op.n + message_bytes(HEADS_COMPLETING, 0);
        print_message("# longest vote and keys with %d heads: %zu of %d bytes\n", HEADS_COMPLETING, both,
                      FRAMES_NORMAL);
        assert_true(both <= FRAMES_NORMAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_day_is_proved),
                cmocka_unit_test(test_later_days),
                cmocka_unit_test(test_all_else_is_refused),
                cmocka_unit_test(test_node_is_no_leaf),
                cmocka_unit_test(test_largest_fits_a_frame),
                cmocka_unit_test(test_completing_vote_header_and_keys_fit_a_frame),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
