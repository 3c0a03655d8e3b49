/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the link of a home that is let go (node/fetch_ways.c). The links are the test's own. */
#include "node/fetch_inside.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NUMBER 7

static struct chunk_link there;
static struct haul_link other_side;
static unsigned hung_up;

struct chunk_link *give_link(_unused_ const struct node *n, uint32_t number) {
        return number == there.number ? &there : NULL;
}

void haul_hangup(struct haul_link *l) {
        assert_ptr_equal(l, &other_side);
        hung_up++;
}

struct haul_link *haul_find(_unused_ struct node *n, _unused_ const struct key *device) {
        return NULL;
}

void haul_connect(_unused_ struct node *n, _unused_ const struct key *device, _unused_ struct haul_want *w) {
        fail();
}

void haul_forget(_unused_ struct haul_want *w) {
}

void fetch_feed(_unused_ struct fetch *f, _unused_ struct haul_event ev) {
}

static void drop(enum haul_wrong why, struct fetch_way *ret) {
        static uv_loop_t loop;
        static struct node n;
        static struct fetch f;
        uv_loop_init(&loop);
        n = (struct node){.loop = &loop};
        f = (struct fetch){.n = &n, .n_ways = 1};
        f.ways[0] = (struct fetch_way){.f = &f, .number = NUMBER};
        there = (struct chunk_link){.l = &other_side, .number = NUMBER};
        hung_up = 0;
        ways_drop(&f, NUMBER, why);
        *ret = f.ways[0];
        uv_loop_close(&loop);
}

/* What it was asked for may still come: over the link that it was asked over it would count as a lie. */
static void slow_ones_begin_anew(_unused_ void **state) {
        struct fetch_way w;
        drop(HAUL_SILENT, &w);
        assert_int_equal(hung_up, 1);
        assert_int_equal(w.number, 0);
        assert_false(w.bad);
}

/* Others may have use for the link of one that has lied about one clip, and of one too many. */
static void links_that_stay(_unused_ void **state) {
        struct fetch_way w;
        drop(HAUL_FALSE_CHUNK, &w);
        assert_int_equal(hung_up, 0);
        assert_true(w.bad);
        drop(HAUL_CROWDED, &w);
        assert_int_equal(hung_up, 0);
        assert_false(w.bad);
}

/* One that was called off may be asked for again at once; one that is whole is not. */
static void called_off(_unused_ void **state) {
        for (int ending = 0; ending < 2; ending++) {
                struct fetch f = {.n_ways = 1, .ending = ending};
                f.ways[0] = (struct fetch_way){.f = &f, .number = NUMBER};
                there = (struct chunk_link){.l = &other_side, .number = NUMBER};
                hung_up = 0;
                ways_end(&f);
                assert_int_equal(hung_up, ending);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(slow_ones_begin_anew),
                cmocka_unit_test(links_that_stay),
                cmocka_unit_test(called_off),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
