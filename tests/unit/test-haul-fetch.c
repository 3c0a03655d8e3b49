/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches over a network of the tests' own (haul-net.h): whatever homes do, only bytes that were checked are written, and the
 * clip comes whole where honest homes have it between them. */
#include "haul-net.h"

#include "haul/inside.h"

#define CHUNKS(n) ((uint64_t)(n)*CHUNK_PLAIN - 1000)
#define HOUR 3600000

static void all_of_one(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(40), 1);
        net_home(&t, 1000000, 20)->owner = true;
        net_begin(&t);
        assert_true(net_run(&t, 60000));
        assert_true(net_same(&t));
        assert_int_equal(t.twice, 0);
        assert_in_range(t.now - 1000, 2400, 4000); /* 2.6 MB at 1 MB/s, and a little that a step rounds up */
        net_end(&t);
}

/* An empty file has a chunk; the least and the greatest of a last one. */
static void sizes(void **state) {
        const uint64_t bytes[] = {
                0, 1, CHUNK_PLAIN - 1, CHUNK_PLAIN, CHUNK_PLAIN + 1, 8 * CHUNK_PLAIN, 9 * CHUNK_PLAIN};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
                struct net t;
                net_clip(&t, bytes[i], 2 + i);
                net_home(&t, 1000000, 5);
                net_begin(&t);
                assert_true(net_run(&t, 60000));
                assert_true(net_same(&t));
                net_end(&t);
        }
}

/* Four equal lines bring it in a quarter of the time. */
static void together(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(200), 3);
        for (int i = 0; i < 4; i++)
                net_home(&t, 1000000, 20);
        net_begin(&t);
        assert_true(net_run(&t, 60000));
        assert_true(net_same(&t));
        assert_in_range(t.now - 1000, 3000, 5000); /* 13 MB at 4 MB/s, less what steps round up */
        net_end(&t);
}

/* The owner's line is spared where others have all of it, and used where they have not. */
static void owner_last(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(60), 4);
        struct home *owner = net_home(&t, 1000000, 20), *other = net_home(&t, 1000000, 20);
        owner->owner = true;
        other->have[0] = 0; /* eight chunks are the owner's alone */
        net_begin(&t);
        assert_true(net_run(&t, 60000));
        assert_true(net_same(&t));
        assert_int_equal(owner->wanted, 8);
        assert_int_equal(other->wanted, 52);
        net_end(&t);
}

static void neighbours_first(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(60), 5);
        struct home *far = net_home(&t, 1000000, 20), *near = net_home(&t, 1000000, 1);
        near->lan = near->owner = true;
        far->up_at = near->up_at = t.now;
        net_begin(&t);
        assert_true(net_run(&t, 60000));
        assert_true(near->wanted >= 58);
        assert_true(far->wanted <= 2); /* it answered first */
        net_end(&t);
}

/* A neighbour too slow for the hour is helped by those who are to be spared. */
static void spared_but_needed(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(200), 6);
        struct home *slow = net_home(&t, 20000, 1), *owner = net_home(&t, 1000000, 20);
        slow->lan = owner->owner = true;
        net_begin(&t);
        assert_true(net_run(&t, 120000)); /* 650 s by the slow one alone */
        assert_true(net_same(&t));
        net_end(&t);
}

/* One who lies brings nothing into the file, and is asked no more; what others bring makes it whole. */
static void liars(void **state) {
        (void)state;
        for (enum manner m = LIES_CHUNK; m < MANNERS; m++) {
                struct net t;
                net_clip(&t, CHUNKS(40), 10 + m);
                struct home *liar = net_home(&t, 4000000, 1);
                net_home(&t, 500000, 50);
                liar->manner = m;
                liar->lan = true;
                net_begin(&t);
                assert_true(net_run(&t, 5 * 60000));
                assert_true(net_same(&t));
                assert_int_equal(t.wrong_writes, 0);
                assert_int_equal(liar->banned, m != MUTE);
                net_end(&t);
        }
}

/* Alone with a liar nothing comes, and nothing is written. */
static void liar_alone(void **state) {
        (void)state;
        for (enum manner m = LIES_CHUNK; m < MANNERS; m++) {
                struct net t;
                net_clip(&t, CHUNKS(5), 20 + m);
                net_home(&t, 4000000, 1)->manner = m;
                net_begin(&t);
                assert_false(net_run(&t, 3 * 60000));
                assert_int_equal(bits_count(t.written, t.clip.chunks), 0);
                net_end(&t);
        }
}

/* Who falls silent in the middle loses what it was to bring to another one. */
static void silent(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(100), 30);
        struct home *quiet = net_home(&t, 2000000, 1);
        net_home(&t, 300000, 30);
        quiet->lan = true;
        net_begin(&t);
        for (int i = 0; i < 100; i++)
                net_step(&t);
        quiet->manner = MUTE;
        assert_true(net_run(&t, 60000));
        assert_true(net_same(&t));
        assert_true(t.now < 1000 + 1000 + SILENT + 20000);
        net_end(&t);
}

/* A full disk: what has come waits, nothing more is wanted, and with room again nothing is fetched twice. */
static void full_disk(void **state) {
        struct net t;
        struct haul_look look;
        (void)state;
        net_clip(&t, CHUNKS(200), 31);
        net_home(&t, 2000000, 20);
        t.disk_room = 50;
        net_begin(&t);
        for (int i = 0; i < 1000; i++)
                net_step(&t);
        haul_fetch_look(t.f, &look);
        assert_true(look.full);
        assert_int_equal(look.held, 50);
        assert_true(look.got <= (50 + IN_FLIGHT + 1) * CHUNK_CIPHER);
        t.disk_room = UINT64_MAX;
        feed(&t, (struct haul_event){.type = HAUL_EV_ROOM});
        assert_true(net_run(&t, 60000));
        assert_true(net_same(&t));
        assert_int_equal(t.twice, 0);
        net_end(&t);
}

/* Somebody reads along at 1 MB/s over a line of 2 MB/s, and never waits after the first second; a slow second source holds
 * nobody up. */
static void reader(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(150), 32);
        net_home(&t, 2000000, 30);
        net_home(&t, 20000, 30);
        net_begin(&t);
        struct haul_event ev = {.type = HAUL_EV_READER};
        feed(&t, ev);
        uint64_t at = 0;
        mesh_time waited = 0;
        while (!t.done && at < t.clip.chunks) {
                net_step(&t);
                bool due = (t.now - 2000) * 1000 / CHUNK_PLAIN > at && t.now > 2000;
                if (due && haul_fetch_holds(t.f, at)) {
                        ev.reader = ++at;
                        feed(&t, ev);
                } else if (due) {
                        waited += STEP;
                }
        }
        assert_true(waited < 2500); /* the slow one had a chunk once, for a second */
        assert_true(net_run(&t, 60000));
        assert_true(net_same(&t));
        net_end(&t);
}

static void kept_state(void **state) {
        struct net t;
        uint8_t seed[32] = {0};
        (void)state;
        net_clip(&t, CHUNKS(20), 33);
        struct haul_fetch *f = NULL;
        struct span list = span_of(t.list, 20 * 32);
        uint8_t bits[3] = {0xff, 0, 0};
        assert_int_equal(haul_fetch_new(&f, &t.clip, seed, SPAN_NONE, SPAN_OF(bits)),
                         HAUL_E_KEPT); /* bits without a list */
        assert_int_equal(haul_fetch_new(&f, &t.clip, seed, list, span_of(bits, 2)), HAUL_E_KEPT);
        bits[2] = 0x10; /* behind the last */
        assert_int_equal(haul_fetch_new(&f, &t.clip, seed, list, SPAN_OF(bits)), HAUL_E_KEPT);
        bits[2] = 0;
        assert_int_equal(haul_fetch_new(&f, &t.clip, seed, span_of(t.list, 19 * 32), SPAN_NONE), HAUL_E_KEPT);
        t.list[3] ^= 1;
        assert_int_equal(haul_fetch_new(&f, &t.clip, seed, list, SPAN_OF(bits)), HAUL_E_KEPT);
        t.list[3] ^= 1;
        assert_int_equal(haul_fetch_new(&f, &t.clip, seed, list, SPAN_OF(bits)), 0);
        assert_true(haul_fetch_holds(f, 7));
        assert_false(haul_fetch_holds(f, 8));
        assert_false(haul_fetch_holds(f, UINT64_MAX));
        haul_fetch_free(f);
        net_end(&t);
}

/* Ten sources come: eight are asked. */
static void crowd(void **state) {
        struct net t;
        (void)state;
        net_clip(&t, CHUNKS(100), 34);
        for (int i = 0; i < HOMES; i++)
                net_home(&t, 200000, 10);
        net_begin(&t);
        assert_true(net_run(&t, 60000));
        size_t asked = 0;
        for (int i = 0; i < HOMES; i++)
                asked += t.homes[i].wanted > 0;
        assert_in_range(asked, HAUL_ACTIVE, HAUL_SOURCES);
        assert_true(net_same(&t));
        net_end(&t);
}

/* ---- any street ---- */

#define RUNS 40

static void any_home(struct net *t, bool honest) {
        struct home *h = net_home(t, 20000 + rng_below(&t->rng, 2000000), 1 + rng_below(&t->rng, 200));
        h->lan = rng_below(&t->rng, 4) == 0;
        h->owner = t->n_homes == 1;
        h->up_at = t->now + rng_below(&t->rng, 5000);
        if (!honest) {
                h->manner = (enum manner)(1 + rng_below(&t->rng, MANNERS - 1));
                return;
        }
        for (size_t i = 0; i < bits_bytes(t->clip.chunks); i++)
                h->have[i] &= (uint8_t)rng_u64(&t->rng);
        if (rng_below(&t->rng, 3) == 0) { /* it goes and comes */
                h->down_at = t->now + rng_below(&t->rng, 10000);
                h->down_for = 1000 + rng_below(&t->rng, 20000);
        }
}

/* Chunks that no honest home has; with @liars_too nor one whose list alone is false. */
static uint64_t nobody_has(const struct net *t, bool liars_too) {
        uint64_t n = 0;
        for (uint64_t i = 0; i < t->clip.chunks; i++) {
                bool some = false;
                for (size_t h = 0; h < t->n_homes; h++)
                        some |= (t->homes[h].manner == HONEST || (liars_too && t->homes[h].manner == LIES_LIST)) &&
                                bits_get(t->homes[h].have, i);
                n += !some;
        }
        return n;
}

static void any_street(uint64_t seed) {
        struct net t;
        net_clip(&t, 1, seed);
        uint64_t size = rng_below(&t.rng, 60 * CHUNK_PLAIN), honest = 1 + rng_below(&t.rng, 5),
                 liars_n = rng_below(&t.rng, 3);
        net_end(&t);
        net_clip(&t, size, seed);
        for (uint64_t i = 0; i < honest; i++)
                any_home(&t, true);
        for (uint64_t i = 0; i < liars_n; i++)
                any_home(&t, false);
        if (rng_below(&t.rng, 4)) /* mostly somebody has what the others lack */
                for (uint64_t i = 0; i < t.clip.chunks; i++)
                        bits_set(t.homes[rng_below(&t.rng, honest)].have, i);
        uint64_t missing = nobody_has(&t, false), nowhere = nobody_has(&t, true), kills = rng_below(&t.rng, 4);
        net_begin(&t);
        for (uint64_t k = 0; k < kills && !t.done; k++) {
                for (uint64_t i = rng_below(&t.rng, 1500); i > 0 && !t.done; i--)
                        net_step(&t);
                if (!t.done)
                        net_kill(&t);
        }
        bool done = net_run(&t, missing ? 10 * 60000 : HOUR);
        if ((!missing && !done) || (nowhere && done) || t.wrong_writes || (done && !net_same(&t)))
                fail_msg("seed %llu: done %d, %llu chunks nowhere, %llu wrong writes", (unsigned long long)seed, done,
                         (unsigned long long)missing, (unsigned long long)t.wrong_writes);
        uint64_t whole = t.clip.size + t.clip.chunks * CHUNK_TAG;
        uint64_t spare = whole / DOUBLE_PART + (DOUBLE_MOST + 2) * CHUNK_CIPHER;
        if (t.twice > spare * (1 + t.kills))
                fail_msg("seed %llu: %llu bytes of %llu came twice", (unsigned long long)seed,
                         (unsigned long long)t.twice, (unsigned long long)whole);
        assert_true(t.most_memory <= (READY_MOST + HAUL_SOURCES) * (uint64_t)CHUNK_CIPHER);
        assert_true(t.most_serve <= (SERVE_AHEAD + 1) * (uint64_t)CHUNK_CIPHER);
        net_end(&t);
}

static void any(void **state) {
        const char *from = getenv("PORCHLIGHT_HAUL_SEED"), *runs = getenv("PORCHLIGHT_HAUL_RUNS");
        uint64_t first = from ? strtoull(from, NULL, 10) : 1000, n = runs ? strtoull(runs, NULL, 10) : RUNS;
        (void)state;
        for (uint64_t i = 0; i < n; i++)
                any_street(first + i);
}

/* However often a home says what it has, that is counted ten times a second; and its last word is. */
static void many_maps(void **state) {
        const struct haul_clip clip = {.size = CHUNKS(2000), .chunks = 2000};
        const uint8_t seed[32] = {1};
        uint8_t bits[250];
        struct haul_fetch *f;
        struct haul_action a;
        (void)state;
        assert_int_equal(haul_fetch_new(&f, &clip, seed, SPAN_NONE, SPAN_NONE), 0);
        assert_int_equal(haul_fetch_step(f, &(struct haul_event){.type = HAUL_EV_SOURCE, .now = 1000, .source = 1}), 0);
        uint64_t before = f->parts.stirred;
        for (unsigned i = 0; i < 1000; i++) {
                memset(bits, i % 2 ? 0xff : 0x0f, sizeof(bits));
                struct haul_event ev = {
                        .type = HAUL_EV_HAVE, .now = 1000 + i / 100, .source = 1, .have = SPAN_OF(bits)};
                assert_int_equal(haul_fetch_step(f, &ev), 0);
                while (haul_fetch_next(f, &a)) {
                }
        }
        assert_in_range(f->parts.stirred - before, 1, 3);
        assert_int_equal(f->parts.all[7].copies, 0);
        assert_int_equal(haul_fetch_step(f, &(struct haul_event){.type = HAUL_EV_TICK, .now = 2000}), 0);
        assert_int_equal(f->parts.all[7].copies, 1);
        haul_fetch_free(f);
}

/* A list that comes hash by hash, so that it is never silent, is asked of another in the end. */
static void list_that_drips(void **state) {
        const struct haul_clip clip = {.size = CHUNKS(2000), .chunks = 2000};
        const uint8_t seed[32] = {1};
        uint8_t bits[250];
        struct hash one = {{1}};
        struct haul_fetch *f;
        struct haul_action a = {.type = HAUL_DO_SEEK};
        uint64_t from = 0;
        (void)state;
        memset(bits, 0xff, sizeof(bits));
        assert_int_equal(haul_fetch_new(&f, &clip, seed, SPAN_NONE, SPAN_NONE), 0);
        assert_int_equal(haul_fetch_step(f, &(struct haul_event){.type = HAUL_EV_SOURCE, .now = 1000, .source = 1}), 0);
        struct haul_event have = {.type = HAUL_EV_HAVE, .now = 1000, .source = 1, .have = SPAN_OF(bits)};
        assert_int_equal(haul_fetch_step(f, &have), 0);
        for (mesh_time now = 2000; a.type != HAUL_DO_DROP && now < 2 * HOUR; now += 5000) {
                struct haul_event ev = {.type = HAUL_EV_LIST, .now = now, .source = 1};
                ev.list.from = from;
                ev.list.hashes = SPAN_OF(one.b);
                while (a.type != HAUL_DO_DROP && haul_fetch_next(f, &a)) {
                }
                assert_int_equal(haul_fetch_step(f, &ev), 0);
                from++;
                assert_int_equal(haul_fetch_step(f, &(struct haul_event){.type = HAUL_EV_TICK, .now = now}), 0);
        }
        assert_int_equal(a.type, HAUL_DO_DROP);
        assert_int_equal(a.why, HAUL_SILENT);
        haul_fetch_free(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_of_one),
                cmocka_unit_test(sizes),
                cmocka_unit_test(together),
                cmocka_unit_test(owner_last),
                cmocka_unit_test(neighbours_first),
                cmocka_unit_test(spared_but_needed),
                cmocka_unit_test(liars),
                cmocka_unit_test(liar_alone),
                cmocka_unit_test(silent),
                cmocka_unit_test(full_disk),
                cmocka_unit_test(reader),
                cmocka_unit_test(kept_state),
                cmocka_unit_test(crowd),
                cmocka_unit_test(any),
                cmocka_unit_test(many_maps),
                cmocka_unit_test(list_that_drips),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
