/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the link of a home that is let go (node/fetch_ways.c). The links are the test's own. */
#include "node/fetch_inside.h"

#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NUMBER 7

static struct chunk_link there;
static struct haul_link other_side;
static unsigned hung_up;
static struct link_request asked; /* the last */
static unsigned requests, fed;

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

void give_request(_unused_ struct node *n, uint32_t number, const struct link_request *r) {
        assert_int_equal(number, NUMBER);
        asked = *r;
        requests++;
}

void fetch_feed(_unused_ struct fetch *f, struct haul_event ev) {
        fed = ev.type;
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

/* Neighbours are asked where nothing comes, or where it would take long; not while the disk is what it waits for. */
static void few(_unused_ void **state) {
        struct haul_look look = {.size = 20000000};
        assert_false(ways_few(&look, 0));
        assert_false(ways_few(&look, FETCH_OTHERS_AFTER - 1));
        assert_true(ways_few(&look, FETCH_OTHERS_AFTER));
        look.rate = 250000;
        assert_true(ways_few(&look, 0));
        look.held_bytes = look.size - look.rate * FETCH_OTHERS_LONG / 1000;
        assert_false(ways_few(&look, 0));
        look.held_bytes -= look.rate;
        assert_true(ways_few(&look, 0));
        look.full = true;
        assert_false(ways_few(&look, FETCH_OTHERS_AFTER));
}

/* ---- how a clip is asked after ---- */

static struct asking {
        struct street *street;
        uv_loop_t loop;
        struct node n;
        struct fetch f;
        struct mesh_status st;
} a;

static int begin(_unused_ void **state) {
        a = (struct asking){.street = street_new(2, 1)};
        uv_loop_init(&a.loop);
        a.n = (struct node){.loop = &a.loop, .core = street_core(a.street, 0)};
        list_init(&a.n.fetches.all);
        mesh_status(a.n.core, &a.st);
        a.f = (struct fetch){.n = &a.n, .id = {{1}}, .salt = {2}, .household = {{3}}, .n_ways = 1};
        a.f.ways[0] = (struct fetch_way){.f = &a.f, .number = NUMBER, .device = {{4}}, .household = {{5}}};
        list_push(&a.n.fetches.all, &a.f.on);
        asked = (struct link_request){0};
        requests = fed = 0;
        return 0;
}

static int end(_unused_ void **state) {
        uv_loop_close(&a.loop);
        street_free(a.street);
        return 0;
}

/* The owner's devices are shown the grant, the own household's need none, and others hear nothing that they don't know. */
static void what_is_said(_unused_ void **state) {
        struct hash veil;
        a.f.ways[0].owner = true;
        ways_seek(&a.f, NUMBER);
        assert_true(asked.number == LINK_SEEK && asked.grant && hash_eq(&asked.clip, &a.f.id));
        a.f.ways[0].owner = false;
        a.f.ways[0].household = a.st.household;
        ways_seek(&a.f, NUMBER);
        assert_true(asked.number == LINK_SEEK && hash_eq(&asked.clip, &a.f.id));
        a.f.ways[0].household = (struct key){{5}};
        ways_seek(&a.f, NUMBER);
        haul_veil(&veil, &a.st.mesh, &a.f.id, a.f.salt, &a.st.device, &a.f.ways[0].device);
        assert_true(asked.number == LINK_SEEK && !asked.grant && hash_eq(&asked.clip, &veil));
}

/* What is said in the id's place is another for each that is asked, and by each that asks. */
static void veils_differ(_unused_ void **state) {
        const uint8_t salt[VEIL_SALT] = {1}, other[VEIL_SALT] = {2};
        const struct key x = {{1}}, y = {{2}};
        struct hash veils[4];
        haul_veil(&veils[0], &a.st.mesh, &a.f.id, salt, &x, &y);
        haul_veil(&veils[1], &a.st.mesh, &a.f.id, salt, &y, &x);
        haul_veil(&veils[2], &a.st.mesh, &a.f.id, other, &x, &y);
        haul_veil(&veils[3], &a.st.mesh, &a.st.mesh, salt, &x, &y);
        for (size_t i = 0; i < ARRAY_LEN(veils); i++)
                for (size_t k = 0; k < i; k++)
                        assert_false(hash_eq(&veils[i], &veils[k]));
}

/* Who says that it knows the clip and cannot prove it is shown nothing. */
static void grants_are_shown_to_who_knows(_unused_ void **state) {
        struct hash veil, proof;
        ways_seek(&a.f, NUMBER);
        veil = asked.clip;
        requests = 0;
        assert_true(ways_veiled(&a.n, NUMBER, &veil, true, SPAN_OF(veil.b))); /* its own words said back */
        assert_true(requests == 0 && fed == HAUL_EV_NONE && a.f.ways[0].number == 0);
        a.f.ways[0].number = NUMBER;
        ways_seek(&a.f, NUMBER);
        requests = 0;
        haul_veil(&proof, &a.st.mesh, &a.f.id, a.f.salt, &a.f.ways[0].device, &a.st.device);
        assert_false(ways_veiled(&a.n, NUMBER + 1, &veil, true, SPAN_OF(proof.b))); /* over another link */
        assert_true(ways_veiled(&a.n, NUMBER, &veil, true, SPAN_OF(proof.b)));
        assert_true(requests == 1 && asked.grant && hash_eq(&asked.clip, &a.f.id));
        assert_false(ways_veiled(&a.n, NUMBER, &veil, true, SPAN_OF(proof.b))); /* once */
}

static void nothing_known(_unused_ void **state) {
        ways_seek(&a.f, NUMBER);
        assert_true(ways_veiled(&a.n, NUMBER, &asked.clip, false, SPAN_NONE));
        assert_true(requests == 1 && fed == HAUL_EV_NONE && a.f.ways[0].number == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(slow_ones_begin_anew),
                cmocka_unit_test(links_that_stay),
                cmocka_unit_test(called_off),
                cmocka_unit_test(few),
                cmocka_unit_test_setup_teardown(what_is_said, begin, end),
                cmocka_unit_test_setup_teardown(veils_differ, begin, end),
                cmocka_unit_test_setup_teardown(grants_are_shown_to_who_knows, begin, end),
                cmocka_unit_test_setup_teardown(nothing_known, begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
