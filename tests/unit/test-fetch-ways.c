/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the link of a home that is let go (node/fetch_ways.c). The links are the test's own. */
#include "node/fetch_inside.h"

#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NUMBER 7

static struct chunk_link there;
static struct haul_link other_side;
static unsigned hung_up;
static struct link_request asked; /* the last */
static unsigned requests, fed, dials;
static struct key dialled; /* the last */

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

void haul_connect(_unused_ struct node *n, const struct key *device, _unused_ struct haul_want *w) {
        dialled = *device;
        dials++;
}

void haul_forget(_unused_ struct haul_want *w) {
}

void give_request(_unused_ struct node *n, uint32_t number, const struct link_request *r) {
        assert_int_equal(number, NUMBER);
        asked = *r;
        requests++;
}

void fetch_feed(struct fetch *f, struct haul_event ev) {
        fed = ev.type;
        ev.now = uv_now(f->n->loop);
        if (f->f)
                assert_int_equal(haul_fetch_step(f->f, &ev), 0);
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
        requests = fed = hung_up = 0;
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

/* ---- places ---- */

/* One more that comes, or would like to; with a source that has nothing of it. */
static void another(struct fetch *f, uint8_t id) {
        const struct haul_clip clip = {.size = 5, .chunks = 1};
        const uint8_t seed[32] = {1};
        mesh_time now = uv_now(&a.loop);
        *f = (struct fetch){.n = &a.n, .id = {{id}}, .n_ways = 1, .moved_at = now, .worked_at = now - FETCH_PLACE_IDLE};
        f->ways[0] = (struct fetch_way){.f = f, .number = NUMBER, .device = {{4}}, .next = MESH_NEVER};
        assert_int_equal(haul_fetch_new(&f->f, &clip, seed, SPAN_NONE, SPAN_NONE), 0);
        list_push(&a.n.fetches.all, &f->on);
        fetch_feed(f, (struct haul_event){.type = HAUL_EV_SOURCE, .source = NUMBER});
}

/* Four clips whose sources have nothing keep a fifth from coming for some seconds, and not for ever. */
static void places_are_given_up(_unused_ void **state) {
        static struct fetch f[FETCH_AT_ONCE + 1];
        struct fetch *waits = &f[FETCH_AT_ONCE];
        list_drop(&a.f.on);
        for (uint8_t i = 0; i < ARRAY_LEN(f); i++)
                another(&f[i], (uint8_t)(10 + i));
        waits->ways[0].number = 0;
        ways_tick(&f[0]);
        assert_int_equal(f[0].ways[0].number, NUMBER); /* nobody waits */
        waits->refused_at = uv_now(&a.loop);
        f[1].worked_at = uv_now(&a.loop);
        ways_tick(&f[1]);
        assert_int_equal(f[1].ways[0].number, NUMBER); /* its source was at work just now */
        ways_tick(&f[0]);
        assert_int_equal(f[0].ways[0].number, 0);
        assert_int_equal(asked.number, LINK_STOP);
        assert_int_equal(hung_up, 0); /* nothing is owed */
        assert_true(f[0].ways[0].next > uv_now(&a.loop) + FETCH_AGAIN_FIRST);
        for (size_t i = 0; i < ARRAY_LEN(f); i++)
                haul_fetch_free(f[i].f);
}

static struct key device_of(size_t i) {
        struct sign_key k;
        sign_key_from_seed(&k, street_config(a.street, i)->sign_seed);
        return k.pub;
}

/* A street of ten: a neighbour of this home, and eight others that are asked already, and have nothing. */
static struct key crowded(struct fetch *f) {
        struct mesh_peer peer;
        street_free(a.street);
        a.street = street_new(10, 1);
        street_run_for(a.street, 60);
        a.n.core = street_core(a.street, 0);
        assert_true(mesh_peer_at(a.n.core, 0, &peer));
        list_drop(&a.f.on);
        another(f, 10);
        f->n_ways = 0;
        f->moved_at = 0;
        for (size_t i = 1; i < 10; i++) {
                struct key device = device_of(i);
                if (!key_eq(&device, &peer.device))
                        f->ways[f->n_ways++] = (struct fetch_way){.f = f,
                                                                  .device = device,
                                                                  .household = a.street->homes[i].house.sign.pub,
                                                                  .next = MESH_NEVER};
        }
        assert_int_equal(f->n_ways, HAUL_SOURCES);
        dials = 0;
        return peer.device;
}

static void ways_are_given_back(_unused_ void **state) {
        static struct fetch f;
        struct key peer = crowded(&f);
        ways_tick(&f);
        assert_int_equal(dials, 0); /* they were asked just now */
        f.ways[3].tries = FETCH_TRIES;
        f.ways[5].tries = FETCH_TRIES + 1;
        f.ways[6].tries = FETCH_TRIES + 2;
        f.ways[6].waiting = true;
        ways_tick(&f);
        assert_int_equal(dials, 1);
        assert_true(key_eq(&dialled, &peer) && key_eq(&f.ways[5].device, &peer));
        f.ways[6].waiting = false;
        haul_fetch_free(f.f);
}

/* Another device of the owner's is worth more than a neighbour. */
static void owners_come_first(_unused_ void **state) {
        static struct fetch f;
        struct key peer = crowded(&f);
        for (size_t i = 1; i < 10; i++) {
                struct key device = device_of(i);
                if (key_eq(&device, &peer))
                        f.household = a.street->homes[i].house.sign.pub;
        }
        ways_tick(&f);
        assert_int_equal(dials, 1);
        assert_true(key_eq(&dialled, &peer));
        haul_fetch_free(f.f);
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
                cmocka_unit_test_setup_teardown(places_are_given_up, begin, end),
                cmocka_unit_test_setup_teardown(ways_are_given_back, begin, end),
                cmocka_unit_test_setup_teardown(owners_come_first, begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
