/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers, members gone bad and broken disks may cost a home, in streets of real cores: connections, memory, queues and
 * room. The guest is the attacker, with a stranger's or a member's key. What it may make up is in test-core-forgeries.c. Seed:
 * printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/frames.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/packet.h"
#include "roster/roster.h"
#include "support/lone.h"
#include "wire/codec.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

/* ---- strangers ---- */
/* A home that holds a stranger's connection holds a struct, and what it sent: 4 KiB at most (T13). */
static void test_memory_before_proof(void **state) {
        (void)state;
        STREET(2);
        static uint8_t junk[PREAUTH_BYTES * 2];
        uint8_t one[255] = {0};
        mesh_link held[8];
        _Static_assert(PREAUTH_BYTES <= 4096, "T13");
        street_run_for(s, 30);
        for (size_t i = 0; i < ARRAY_LEN(held); i++) {
                size_t before = mallinfo2().uordblks;
                held[i] = street_attach(s, 0, NULL, NULL);
                street_attached_send(s, 0, held[i], SPAN_OF(one));
                size_t now = mallinfo2().uordblks;
                assert_true(now < before || now - before <= sizeof(struct link) + PREAUTH_BYTES);
        }
        for (size_t i = 0; i < ARRAY_LEN(held); i++) {
                street_attached_send(s, 0, held[i], SPAN_OF(junk));
                assert_null(link_find(street_core(s, 0), held[i]));
        }
        mesh_link l = street_attach(s, 0, NULL, NULL);
        assert_non_null(link_find(street_core(s, 0), l));
        street_run_for(s, 11); /* whoever says nothing is gone in ten seconds */
        assert_null(link_find(street_core(s, 0), l));
        street_free(s);
}

/* Strangers who hold all the connections there are keep no neighbour out, and no timer spins. */
static void test_connections_taken(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_run_for(s, 30);
        street_off(s, 2);
        street_run_for(s, 5);
        for (int i = 0; i < 3 * LINKS_MAX; i++)
                street_attach(s, 0, NULL, NULL);
        assert_true(street_core(s, 0)->n_links <= LINKS_MAX);
        struct visit v;
        visit_greet(&v, s, 0, 2);
        assert_false(v.g.gone);
        assert_int_equal(v.g.got[LINK_HELLO], 1);
        street_run_for(s, 1);
        assert_true(mesh_deadline(street_core(s, 0)) > street_core(s, 0)->now);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "still here", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 20));
        visit_end(&v);
        street_free(s);
}

/* Shakes hands, and never says anything else. */
static void test_silent_guests(void **state) {
        (void)state;
        STREET(2);
        struct visit stranger, member, greeted;
        street_run_for(s, 10);
        visit_shake(&stranger, s, 0, SIZE_MAX);
        visit_shake(&member, s, 0, 1);
        assert_int_equal(stranger.g.frames, 0); /* nothing is said to a key that is nobody's */
        street_run_for(s, 11);
        assert_true(stranger.g.gone && member.g.gone);
        assert_int_equal(stranger.g.frames, 0);
        street_off(s, 1);
        street_run_for(s, 200);
        street_core(s, 0)->open = true; /* else it asked sooner, having no other link */
        visit_greet(&greeted, s, 0, 1);
        assert_int_equal(greeted.g.got[LINK_HELLO], 1);
        street_run_for(s, 100);
        assert_false(greeted.g.gone);
        assert_true(greeted.g.got[LINK_PING] >= 1);
        street_run_for(s, 55);
        assert_true(greeted.g.gone);
        visit_end(&stranger);
        visit_end(&member);
        visit_end(&greeted);
        street_free(s);
}

/* Only listens, and answers pings, while it is sent something every few seconds: no reason to hang up. */
static void test_listener_stays(void **state) {
        (void)state;
        STREET(2);
        struct visit v;
        street_off(s, 1);
        street_run_for(s, 5);
        visit_greet(&v, s, 0, 1);
        struct wire_nothing nothing = {0};
        static const uint8_t skip[2] = {0};
        struct wire_recon all = {.set = SET_RECORDS, .until = street_wall(s), .ranges = SPAN_OF(skip)};
        guest_say(&v.g, LINK_RECON, &all); /* nothing to compare: records flow from here on */
        flush(&v);
        for (int i = 0; i < 600; i++) {
                unsigned pings = v.g.got[LINK_PING];
                street_run_for(s, 1);
                if (i % 30 == 0)
                        assert_int_equal(street_post(s, 0, KIND_THEFT, "x", NULL), MESH_OUT_DONE);
                if (v.g.got[LINK_PING] > pings) {
                        guest_say(&v.g, LINK_PONG, &nothing);
                        flush(&v);
                }
        }
        assert_int_equal(v.g.got[LINK_RECORD], 20);
        assert_false(v.g.gone);
        visit_end(&v);
        street_free(s);
}

static void test_duplicates_settle(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 20);
        for (int i = 0; i < 3; i++) {
                street_knock(s, 0, 1);
                street_knock(s, 1, 0);
                street_run_for(s, 5);
        }
        street_run_for(s, 60);
        assert_int_equal(street_links(s, 0), 1);
        assert_int_equal(street_links(s, 1), 1);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "one link", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 5));
        street_free(s);
}

/* A home whose address changes dials anew. Its neighbour, who has the old link still, must not send it away for that. */
static void test_moved_comes_back(void **state) {
        (void)state;
        for (size_t moves = 0; moves < 2; moves++) { /* the one with the lower key, and the other */
                STREET(2);
                street_run_for(s, 20);
                street_knock(s, 1 - moves, moves); /* from here on the link is one that the other has dialled */
                street_run_for(s, 20);
                assert_int_equal(street_links(s, moves), 1);
                street_move(s, moves);
                street_lan(s, moves, false); /* its shell says that something about its networks is new */
                street_run_for(s, (DOUBT_TIME + 2 * DIAL_FIRST) / 1000.0);
                struct hash id;
                assert_int_equal(street_post(s, moves, KIND_FIRE, "moved", &id), MESH_OUT_DONE);
                assert_true(street_wait_all_have(s, &id, 5));
                street_free(s);
        }
}

/* ---- members gone bad ---- */
/* Whoever is a member already gains little by saying that it is still joining: two beyond the seven, and no more. */
static void test_joining_for_ever(void **state) {
        (void)state;
        enum { PLAIN = INBOUND_MOST, HALFWAY = INBOUND_MOST + HALFWAY_MOST, ALL };
        struct visit v[ALL];
        STREET(ALL + 1);
        street_run_for(s, 5);
        for (size_t i = 1; i <= ALL; i++)
                street_off(s, i);
        street_run_for(s, 5);
        for (size_t i = 0; i < ALL; i++) {
                visit_shake(&v[i], s, 0, i + 1);
                guest_hello(&v[i].g, street_wall(s), i >= PLAIN);
                flush(&v[i]);
                assert_int_equal(v[i].g.bye, i < HALFWAY ? 0 : REASON_FULL);
        }
        assert_int_equal(street_links(s, 0), HALFWAY);
        for (size_t i = 0; i < ALL; i++)
                visit_end(&v[i]);
        street_free(s);
}

/* Nor by saying that it only visits: three at a time, and none for longer than ten minutes. */
static void test_visiting_for_ever(void **state) {
        (void)state;
        enum { PLAIN = INBOUND_MOST, VISITORS = INBOUND_MOST + VISITORS_MOST, ALL };
        struct visit v[ALL];
        struct wire_nothing nothing = {0};
        STREET(ALL + 1);
        street_run_for(s, 5);
        for (size_t i = 1; i <= ALL; i++)
                street_off(s, i);
        street_run_for(s, 5);
        for (size_t i = 0; i < ALL; i++) {
                visit_shake(&v[i], s, 0, i + 1);
                if (i < PLAIN)
                        guest_hello(&v[i].g, street_wall(s), false);
                else
                        guest_hello_visiting(&v[i].g, street_wall(s));
                flush(&v[i]);
                assert_int_equal(v[i].g.bye, i < VISITORS ? 0 : REASON_FULL);
        }
        for (int i = 0; i < VISIT_TIME / 1000;
             i++) { /* the others say nothing, and are asked as soon as one is found dead */
                assert_false(v[PLAIN].g.gone);
                guest_say(&v[PLAIN].g, LINK_PONG, &nothing);
                flush(&v[PLAIN]);
                street_run_for(s, 1);
        }
        street_run_for(s, 5);
        assert_int_equal(v[PLAIN].g.bye, REASON_VISITED);
        for (size_t i = 0; i < ALL; i++)
                visit_end(&v[i]);
        street_free(s);
}

static void test_garbage_frames(void **state) {
        (void)state;
        STREET(3);
        uint8_t junk[FRAMES_BULK];
        static const size_t sizes[] = {1, 40, 94, 600, 990, 2000, FRAMES_BULK};
        street_run_for(s, 30);
        street_off(s, 2);
        for (int i = 0; i < 70; i++) {
                struct visit v;
                visit_greet(&v, s, 0, 2);
                rng_bytes(&v.rng, junk, sizeof(junk));
                for (int k = 0; k < 20 && !v.g.gone; k++) {
                        junk[0] = (uint8_t)(i % 18 + (k == 0));
                        guest_frame(&v.g, span_of(junk, sizes[(size_t)(i + k) % ARRAY_LEN(sizes)]));
                        flush(&v);
                }
                assert_true(v.g.gone || i % 18 == 0 || i % 18 == 17); /* padding, and a number unknown here */
                visit_end(&v);
        }
        assert_int_equal(street_links(s, 0), 1); /* nobody else is the worse for it */
        assert_true(street_links(s, 1) >= 1);
        street_free(s);
}

/* ---- queues and disks ---- */
static size_t waiting(struct lone *l) {
        const struct link *k = link_find(l->m, LONE_LINK);
        size_t n = 0;
        for (size_t q = 0; k && q < ARRAY_LEN(k->queue); q++)
                n += k->queue[q].bytes;
        return n;
}

/* A member opens one reconciliation after the other: most are not heard, because each costs this side a snapshot. */
static void test_openings_are_bounded(void **state) {
        (void)state;
        struct lone l;
        STREET(2);
        static const uint8_t differs[10] = {0, 1, 1, 2, 3, 4, 5, 6, 7, 8};
        struct wire_recon open = {.set = SET_OPS, .until = street_wall(s), .ranges = SPAN_OF(differs)};
        lone_greeted(&l, s);
        uint64_t first = 0;
        for (int i = 0; i < 200; i++) {
                guest_say(&l.g, LINK_RECON, &open);
                lone_flush(&l);
                if (i == OPENINGS_MOST)
                        first = link_find(l.m, LONE_LINK)->sent;
        }
        assert_true(first > 0);
        assert_int_equal(link_find(l.m, LONE_LINK)->sent, first);
        lone_end(&l);
        street_free(s);
}

/* A member asks for answers and takes none in: what waits for it is bounded, then it is hung up on. */
static void test_answers_not_taken(void **state) {
        (void)state;
        struct lone l;
        STREET(2);
        struct wire_nothing ping = {0};
        _clean_(buf_fini) struct buf one = BUF_NULL, body = BUF_NULL;
        lone_greeted(&l, s);
        codec_put(wire_link_find(LINK_PING), &ping, &one);
        while (body.n + one.n <= FRAMES_BULK)
                buf_add(&body, buf_span(&one));
        for (int i = 0; i < 1000 && !l.g.gone; i++) {
                guest_frame(&l.g, buf_span(&body));
                _clean_(buf_fini) struct buf out = l.g.out;
                l.g.out = BUF_NULL;
                lone_recv(&l, buf_span(&out)); /* and no WRITABLE: nothing of what was sent is taken in */
                assert_true(waiting(&l) <= QUEUE_HARD);
        }
        assert_true(l.g.gone);
        lone_end(&l);
        street_free(s);
}

/* A slow peer with more than it can be sent: dismissed once, with room for the farewell, and the home goes on. */
static void test_too_slow(void **state) {
        (void)state;
        struct lone l;
        STREET(2);
        lone_greeted(&l, s);
        struct link *k = link_find(l.m, LONE_LINK);
        static uint8_t map[900];
        assert_non_null(k);
        k->backlog = LINK_WINDOW;
        for (size_t sent = 0; sent <= QUEUE_HARD + sizeof(map) && k->state == LINK_UP; sent += sizeof(map)) {
                struct packet *p = packet_of(LINK_OP, 0, SPAN_OF(map));
                assert_int_equal(link_send(k, p), 0);
                packet_free(p);
        }
        assert_int_equal(k->state, LINK_CLOSING);
        assert_int_equal(k->ending, REASON_OVERLOAD);
        lone_wait(&l, 100);
        assert_true(l.g.gone);
        lone_end(&l);
        street_free(s);
}

/* A home goes away while much is owed to it: nothing of it stays, and it gets all when it is back. */
static void test_gone_with_a_queue(void **state) {
        (void)state;
        struct hash ids[30];
        STREET(2);
        street_run_for(s, 30);
        street_cut(s, 0, 1);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_int_equal(street_post(s, 0, KIND_THEFT, "much", &ids[i]), MESH_OUT_DONE);
        street_mend(s, 0, 1);
        assert_true(street_wait_links(s, 0, 600));
        street_off(s, 1); /* in the middle of catching up */
        street_run_for(s, 400);
        assert_int_equal(street_core(s, 0)->n_links, 0);
        assert_true(list_empty(&street_core(s, 0)->verify_out));
        street_on(s, 1);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_true(street_wait_all_have(s, &ids[i], 600));
        street_free(s);
}

static void test_disk_full_then_room(void **state) {
        (void)state;
        struct hash ids[20], relayed;
        STREET(3);
        street_run_for(s, 30);
        street_disk_full(s, 1, true);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_int_equal(street_post(s, 0, KIND_THEFT, "no room there", &ids[i]), MESH_OUT_DONE);
        street_run_for(s, 20);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_false(street_has(s, 1, &ids[i]));
        street_cut(s, 0, 2); /* a full disk does not keep a home from passing things on */
        street_run_for(s, 5);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "pass it on", &relayed), MESH_OUT_DONE);
        street_run_for(s, 100);
        assert_true(street_has(s, 2, &relayed));
        street_disk_full(s, 1, false);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_true(street_wait_all_have(s, &ids[i], 600));
        assert_true(street_wait_all_have(s, &relayed, 600));
        street_free(s);
}

static bool early_came(struct street *s, void *id) {
        return street_has(s, 2, id);
}

/* A full disk is left in peace: what it lacks is not sent to it each minute; and what it has is given to others all the same. */
static void test_full_disk_is_sent_nothing(void **state) {
        (void)state;
        struct hash early, ids[30];
        STREET(3);
        street_run_for(s, 30);
        street_off(s, 2);
        assert_int_equal(street_post(s, 1, KIND_THEFT, "while there was room", &early), MESH_OUT_DONE);
        street_disk_full(s, 1, true);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_int_equal(street_post(s, 0, KIND_THEFT, "no room there", &ids[i]), MESH_OUT_DONE);
        street_run_for(s, 60);
        uint64_t before = street_bytes(s);
        street_run_for(s, 1800);
        assert_true(street_bytes(s) - before < 100000); /* of the 30, at most two more rounds */
        street_cut(s, 0, 2);
        street_on(s, 2);
        assert_true(street_wait(s, 300, early_came, &early));
        street_disk_full(s, 1, false);
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                assert_true(street_wait_all_have(s, &ids[i], 400));
        street_free(s);
}

/* Homes without room in a ring, and an urgent post: each passes it on once, and that is the end of it. */
static void test_full_disks_in_a_ring(void **state) {
        (void)state;
        struct hash id;
        STREET(5);
        street_run_for(s, 30);
        for (size_t i = 1; i < 4; i++)
                street_disk_full(s, i, true);
        uint64_t before = street_bytes(s);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "no room in three homes", &id), MESH_OUT_DONE);
        street_run_for(s, 40);
        assert_true(street_bytes(s) - before < 100000);
        for (size_t i = 1; i < 4; i++)
                street_disk_full(s, i, false);
        assert_true(street_wait_all_have(s, &id, 600));
        street_free(s);
}

/* An operation that the disk refused is written again, so that the next start has all that was built on it. */
static void test_operation_on_full_disk(void **state) {
        (void)state;
        struct hash id;
        STREET(4);
        street_run_for(s, 30);
        street_disk_full(s, 2, true);
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 1), MESH_OUT_DONE);
        street_run_for(s, 5);
        street_disk_full(s, 2, false);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 20);
        size_t known = roster_ops(mesh_roster(street_core(s, 2)));
        street_off(s, 2);
        for (size_t i = 0; i < 2; i++)
                street_cut(s, 2, i);
        street_on(s, 2);
        assert_int_equal(roster_ops(mesh_roster(street_core(s, 2))), known);
        for (size_t i = 0; i < 2; i++)
                street_mend(s, 2, i);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "on", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 300));
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_memory_before_proof),
                cmocka_unit_test(test_connections_taken),
                cmocka_unit_test(test_silent_guests),
                cmocka_unit_test(test_listener_stays),
                cmocka_unit_test(test_duplicates_settle),
                cmocka_unit_test(test_moved_comes_back),
                cmocka_unit_test(test_joining_for_ever),
                cmocka_unit_test(test_visiting_for_ever),
                cmocka_unit_test(test_garbage_frames),
                cmocka_unit_test(test_openings_are_bounded),
                cmocka_unit_test(test_answers_not_taken),
                cmocka_unit_test(test_too_slow),
                cmocka_unit_test(test_gone_with_a_queue),
                cmocka_unit_test(test_disk_full_then_room),
                cmocka_unit_test(test_full_disk_is_sent_nothing),
                cmocka_unit_test(test_full_disks_in_a_ring),
                cmocka_unit_test(test_operation_on_full_disk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
