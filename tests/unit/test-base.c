/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, maps and lists. The map is compared with a table that is too simple to be wrong. */
#include "base/array.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A fixed generator (xorshift64*): a failure is the same failure the next time. */
static uint64_t next_random(uint64_t *state) {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * 0x2545f4914f6cdd1du;
}

static void spans(void **state) {
        (void)state;
        struct span s = SPAN_STR("porch");
        assert_int_equal(s.n, 5);
        assert_true(span_eq(span_from(s, 2), span_str("rch")));
        assert_int_equal(span_from(s, 5).n, 0);
        assert_int_equal(span_from(s, SIZE_MAX).n, 0);
        assert_true(span_eq(SPAN_NONE, span_str("")));
        assert_false(span_eq(s, span_str("porcx")));
        uint8_t b[8];
        put_be64(b, 0x0102030405060708u);
        assert_int_equal(b[0], 1);
        assert_int_equal(get_be64(b), 0x0102030405060708u);
        assert_int_equal(get_be32(b + 4), 0x05060708);
        assert_int_equal(get_be16(b + 6), 0x0708);
        put_be32(b, UINT32_MAX);
        assert_int_equal(get_be32(b), UINT32_MAX);
}

static void array_doubles(void **state) {
        (void)state;
        uint32_t *items = NULL;
        size_t cap = 0;
        for (uint32_t n = 0; n < 100; n++) {
                uint32_t *more = array_room(items, n, &cap, sizeof(*more), 3);
                assert_non_null(more);
                items = more;
                items[n] = n;
                assert_true(cap == 3 || cap == 6 || cap == 12 || cap > 12);
                assert_true(n < cap && cap <= MAX(3, 2 * n));
        }
        for (uint32_t n = 0; n < 100; n++)
                assert_int_equal(items[n], n);
        size_t absurd = SIZE_MAX / 2;
        assert_null(array_room(items, absurd, &absurd, sizeof(*items), 3));
        assert_int_equal(absurd, SIZE_MAX / 2);
        free(items);
}

static void owners(void **state) {
        (void)state;
        char *p = strdup("x");
        char *q = TAKE(p);
        assert_null(p);
        assert_string_equal(q, "x");
        free(q);
        assert_int_equal(err_fold(7), ERR_BROKEN);
        assert_int_equal(err_fold(ERR_IO), ERR_IO);
        assert_int_equal(err_fold(0), 0);
        assert_string_equal(err_text(ERR_NOMEM), "out of memory");
}

static void buf_grows(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        for (int i = 0; i < 1000; i++)
                buf_add_u8(&b, (uint8_t)i);
        assert_true(buf_ok(&b));
        assert_int_equal(b.n, 1000);
        for (size_t i = 0; i < b.n; i++)
                assert_int_equal(b.p[i], i & 255);
        buf_drop(&b, 999);
        assert_int_equal(b.n, 1);
        assert_int_equal(b.p[0], 999 & 255);
        buf_drop(&b, 5);
        assert_int_equal(b.n, 0);
        buf_printf(&b, "%s-%d", "lamp", 7);
        assert_string_equal(buf_cstr(&b), "lamp-7");
        assert_int_equal(b.n, 6);
}

static void buf_bound_is_sticky(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_MAX(4);
        buf_add_str(&b, "abc");
        buf_add_str(&b, "de");
        assert_false(buf_ok(&b));
        buf_add_u8(&b, 'd');
        assert_int_equal(b.n, 3);
        assert_null(buf_room(&b, 1));
        buf_clear(&b);
        assert_true(buf_ok(&b));
        buf_printf(&b, "%s", "abcd"); /* as long as the bound: the NUL behind it does not count */
        assert_string_equal(buf_cstr(&b), "abcd");
        assert_true(buf_ok(&b));
        assert_int_equal(b.n, 4);
        buf_printf(&b, "%d", 1);
        assert_false(buf_ok(&b));
}

static void buf_on_an_array(void **state) {
        (void)state;
        uint8_t room[4];
        struct buf b = BUF_ON(room);
        buf_add_str(&b, "abcd");
        assert_true(buf_ok(&b));
        assert_ptr_equal(buf_span(&b).p, room);
        buf_add_u8(&b, 'e');
        assert_false(buf_ok(&b));
        assert_false(b.starved); /* memory has nothing to do with it */
}

static void buf_refuses_absurd_sizes(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        assert_null(buf_room(&b, SIZE_MAX));
        assert_false(buf_ok(&b));
}

static void buf_wiped_is_empty(void **state) {
        (void)state;
        struct buf b = BUF_MAX(100);
        buf_add_str(&b, "secret");
        buf_wipe(&b);
        assert_null(b.p);
        assert_int_equal(b.n, 0);
        assert_int_equal(b.max, 100);
}

#define MODEL_KEYS 512

struct thing {
        uint8_t key[32];
        bool in;
        int visits;
};

static void make_things(struct thing *things, size_t n, bool alike) {
        uint64_t random = 42;
        for (size_t i = 0; i < n; i++) {
                things[i] = (struct thing){0};
                for (size_t j = 0; j < 32 && !alike; j += 8)
                        put_be64(things[i].key + j, next_random(&random));
                put_be32(things[i].key + 28, (uint32_t)i);
        }
}

static void assert_same(const struct map *m, struct thing *things, size_t n) {
        size_t in = 0;
        for (size_t i = 0; i < n; i++) {
                in += things[i].in;
                things[i].visits = 0;
                assert_ptr_equal(map_find(m, things[i].key), things[i].in ? &things[i] : NULL);
        }
        assert_int_equal(m->n, in);
        MAP_EACH (thing, m, struct thing)
                thing->visits++;
        for (size_t i = 0; i < n; i++)
                assert_int_equal(things[i].visits, things[i].in);
}

static void map_like_a_table(const uint64_t seed[4], bool alike) {
        static struct thing things[MODEL_KEYS];
        struct map m;
        uint64_t random = seed[0] | 1;
        make_things(things, MODEL_KEYS, alike);
        map_init(&m, seed);
        for (int step = 0; step < 20000; step++) {
                struct thing *t = &things[next_random(&random) % MODEL_KEYS];
                /* Waves of mostly adding and mostly removing, so that long runs form and are taken apart. */
                bool add = next_random(&random) % 8 < (step / 2000 % 2 ? 2u : 6u);
                if (add)
                        assert_int_equal(map_put(&m, t->key, t), 0);
                else
                        assert_ptr_equal(map_del(&m, t->key), t->in ? t : NULL);
                t->in = add;
                if (step % 200 == 0)
                        assert_same(&m, things, MODEL_KEYS);
        }
        assert_same(&m, things, MODEL_KEYS);
        map_fini(&m);
        assert_null(map_find(&m, things[0].key));
}

static void map_random_operations(void **state) {
        (void)state;
        static const uint64_t seed[4] = {0x123456789abcdef, 0xfedcba987654321, 0x55aa55aa55aa55aa, 0x1f2e3d4c5b6a7988};
        map_like_a_table(seed, false);
        map_like_a_table(seed, true);
}

/* Under the seed 0 every key has one slot: the whole map is one run. */
static void map_one_run(void **state) {
        (void)state;
        static const uint64_t seed[4] = {0};
        map_like_a_table(seed, false);
}

static void map_run_over_the_end(void **state) {
        (void)state;
        static struct thing things[11];
        static const uint64_t seed[4] = {0, 0, 0, 0};
        for (size_t gone = 0; gone < ARRAY_LEN(things); gone++) {
                struct map m;
                make_things(things, ARRAY_LEN(things), true);
                map_init(&m, seed);
                for (size_t i = 0; i < ARRAY_LEN(things); i++) {
                        assert_int_equal(map_put(&m, things[i].key, &things[i]), 0);
                        things[i].in = true;
                }
                /* From this one on, around the end of the table, each in turn. */
                for (size_t i = 0; i < ARRAY_LEN(things); i++) {
                        struct thing *t = &things[(gone + i) % ARRAY_LEN(things)];
                        assert_ptr_equal(map_del(&m, t->key), t);
                        t->in = false;
                        assert_same(&m, things, ARRAY_LEN(things));
                }
                map_fini(&m);
        }
}

static void map_replaces(void **state) {
        (void)state;
        static const uint64_t seed[4] = {1, 2, 3, 4};
        struct thing a = {.key = "same"}, b = {.key = "same"};
        struct map m;
        map_init(&m, seed);
        assert_null(map_find(&m, a.key));
        assert_null(map_del(&m, a.key));
        assert_int_equal(map_put(&m, a.key, &a), 0);
        assert_int_equal(map_put(&m, b.key, &b), 0);
        assert_int_equal(m.n, 1);
        assert_ptr_equal(map_find(&m, a.key), &b);
        assert_ptr_equal(m.slots[map_slot_from(&m, 0)].key, b.key);
        map_fini(&m);
}

/* Keys that differ in one bit only, as who grinds them would choose: they must spread over the slots as random ones do. */
static void map_spreads_similar_keys(void **state) {
        (void)state;
        static struct thing things[1 << 14];
        static const uint64_t seed[4] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
                                         0x2545f4914f6cdd1d};
        struct map m;
        map_init(&m, seed);
        for (size_t i = 0; i < ARRAY_LEN(things); i++) {
                things[i] = (struct thing){0};
                put_be32(things[i].key + 4 * (i % 8), (uint32_t)(i / 8) << (i % 3 * 7));
                things[i].key[4 * (i % 8)] |= 0x80;
                assert_int_equal(map_put(&m, things[i].key, &things[i]), 0);
        }
        size_t longest = 0, run = 0;
        for (size_t i = 0; i < m.cap; i++) {
                run = m.slots[i].key ? run + 1 : 0;
                longest = MAX(longest, run);
        }
        assert_true(longest < 200);
        map_fini(&m);
}

/* Things do not lie over each other, in whatever block; one that is taken again holds what is written then. */
static void slab_keeps_things_apart(void **state) {
        (void)state;
        enum { THINGS = 60000 };
        struct slab s;
        uint64_t **at = calloc(THINGS, sizeof(*at));
        slab_init(&s, 13 * sizeof(uint64_t));
        for (size_t i = 0; i < THINGS; i++) {
                at[i] = slab_take(&s, i);
                assert_non_null(at[i]);
                at[i][0] = at[i][12] = i;
        }
        for (size_t i = 0; i < THINGS; i += 7) {
                slab_put(&s, at[i]);
                at[i] = slab_take(&s, i);
                at[i][0] = at[i][12] = i + THINGS;
        }
        for (size_t i = 0; i < THINGS; i++) {
                assert_int_equal(at[i][0], i % 7 ? i : i + THINGS);
                assert_int_equal(at[i][12], at[i][0]);
                slab_put(&s, at[i]);
        }
        slab_fini(&s);
        free(at);
}

static void map_loop_can_be_left(void **state) {
        (void)state;
        static struct thing things[8];
        static const uint64_t seed[4] = {1, 2, 3, 4};
        struct map m;
        int seen = 0;
        make_things(things, ARRAY_LEN(things), false);
        map_init(&m, seed);
        for (size_t i = 0; i < ARRAY_LEN(things); i++)
                assert_int_equal(map_put(&m, things[i].key, &things[i]), 0);
        MAP_EACH (thing, &m, struct thing) {
                if (thing->visits++ || ++seen == 3)
                        break;
        }
        assert_int_equal(seen, 3);
        map_fini(&m);
}

struct member {
        int n;
        struct list link;
};

static void list_order(void **state) {
        (void)state;
        struct list head;
        struct member m[5];
        list_init(&head);
        assert_true(list_empty(&head));
        for (int i = 0; i < 5; i++) {
                m[i].n = i;
                list_push(&head, &m[i].link);
        }
        list_drop(&m[0].link);
        list_drop(&m[3].link);
        list_drop(&m[3].link);
        assert_true(list_empty(&m[3].link));
        list_push(&head, &m[0].link);
        static const int order[] = {1, 2, 4, 0};
        size_t at = 0;
        LIST_EACH (x, &head, struct member, link) {
                assert_true(at < ARRAY_LEN(order));
                assert_int_equal(x->n, order[at++]);
        }
        assert_int_equal(at, ARRAY_LEN(order));
}

static void list_loop_frees_and_leaves(void **state) {
        (void)state;
        struct list head;
        list_init(&head);
        for (int i = 0; i < 10; i++) {
                struct member *x = malloc(sizeof(*x));
                assert_non_null(x);
                x->n = i;
                list_push(&head, &x->link);
        }
        int freed = 0;
        LIST_EACH (x, &head, struct member, link) {
                if (x->n == 4)
                        break;
                list_drop(&x->link);
                free(x);
                freed++;
        }
        assert_int_equal(freed, 4);
        LIST_EACH (x, &head, struct member, link) {
                if (x->n % 2)
                        continue;
                LIST_EACH (y, &head, struct member, link)
                        assert_true(y->n >= 4);
        }
        LIST_EACH (x, &head, struct member, link) {
                list_drop(&x->link);
                free(x);
        }
        assert_true(list_empty(&head));
}

static void checks_are_counted(void **state) {
        (void)state;
        uint64_t before = base_checks_failed();
        assert_false(CHECK_FAILS(before < UINT64_MAX));
        assert_int_equal(base_checks_failed(), before);
        struct buf b = BUF_NULL;
        buf_used(&b, 1); /* without room: a bug of the caller, and no reason to die */
        assert_int_equal(base_checks_failed(), before + 1);
        assert_int_equal(b.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(spans),
                cmocka_unit_test(array_doubles),
                cmocka_unit_test(owners),
                cmocka_unit_test(buf_grows),
                cmocka_unit_test(buf_bound_is_sticky),
                cmocka_unit_test(buf_on_an_array),
                cmocka_unit_test(buf_refuses_absurd_sizes),
                cmocka_unit_test(buf_wiped_is_empty),
                cmocka_unit_test(map_random_operations),
                cmocka_unit_test(map_one_run),
                cmocka_unit_test(map_run_over_the_end),
                cmocka_unit_test(map_replaces),
                cmocka_unit_test(map_spreads_similar_keys),
                cmocka_unit_test(map_loop_can_be_left),
                cmocka_unit_test(slab_keeps_things_apart),
                cmocka_unit_test(list_order),
                cmocka_unit_test(list_loop_frees_and_leaves),
                cmocka_unit_test(checks_are_counted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
