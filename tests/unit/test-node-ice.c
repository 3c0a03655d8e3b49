/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of porchlight-ice: meetings that come about, helpers that die, lie, fall silent or are not there. */
#include "../support/ice_world.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define A UINT32_C(0xc0000001)
#define B UINT32_C(0x40000002)

static const struct mesh_addr nowhere;
static const uint8_t print[32] = {7};

static int begin(_unused_ void **state) {
        ice_world_begin();
        return 0;
}

static int end(_unused_ void **state) {
        ice_world_end();
        return 0;
}

/* ---- words ---- */

static unsigned count(enum mesh_event_type type, mesh_link link) {
        unsigned n = 0;
        for (size_t i = 0; i < ice_world.n_heard; i++)
                n += ice_world.heard[i].type == type && ice_world.heard[i].link == link;
        return n;
}

static const struct ice_heard *last(enum mesh_event_type type, mesh_link link) {
        const struct ice_heard *h = NULL;
        for (size_t i = 0; i < ice_world.n_heard; i++)
                if (ice_world.heard[i].type == type && ice_world.heard[i].link == link)
                        h = &ice_world.heard[i];
        assert_non_null(h);
        return h;
}

static bool heard(enum wire_ice number, union frame_message *ret) {
        static uint8_t room[1024];
        enum wire_ice got = ICE_ALL;
        return ice_world_read(room, sizeof(room), &got, ret) && got == number;
}

static void say_words(mesh_link number) {
        struct wire_ice_words m = {.meeting = number,
                                   .ufrag = SPAN_STR("abcd"),
                                   .pwd = SPAN_STR("abcdefghijklmnopqrstuv"),
                                   .print = SPAN_OF(print)};
        ice_world_say(ICE_WORDS, &m);
}

static void put_place(struct wire_list *list, struct buf *store) {
        static const uint8_t ip[] = {192, 0, 2, 7};
        struct wire_ice_place p = {.ip = SPAN_OF(ip)};
        WIRE_PUT(&p, ICE_PLACE, port, 7345);
        wire_list_add(&wire_ice_place_desc, list, store, &p);
}

static void say_candidate(mesh_link number) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_ice_candidate m = {
                .meeting = number, .kind = CANDIDATE_HOST, .foundation = SPAN_STR("1"), .priority = 1};
        put_place(&m.place, &store);
        ice_world_say(ICE_CANDIDATE, &m);
}

static void say_up(mesh_link number) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_ice_up m = {.meeting = number, .here = CANDIDATE_HOST, .there = CANDIDATE_PEER_REFLEXIVE};
        put_place(&m.place, &store);
        ice_world_say(ICE_UP, &m);
}

/* It goes from @own: an address of this machine, or of none that is here. */
static void say_up_from(mesh_link number, const uint8_t own[4]) {
        _clean_(buf_fini) struct buf store = BUF_NULL, own_store = BUF_NULL;
        struct wire_ice_up m = {.meeting = number, .here = CANDIDATE_HOST, .there = CANDIDATE_PEER_REFLEXIVE};
        struct wire_ice_place p = {.ip = span_of(own, 4)};
        put_place(&m.place, &store);
        WIRE_PUT(&p, ICE_PLACE, port, 7345);
        wire_list_add(&wire_ice_place_desc, &m.own, &own_store, &p);
        WIRE_PUT(&m, ICE_UP, own, m.own);
        ice_world_say(ICE_UP, &m);
}

static void say_arrived(mesh_link number, uint64_t bytes) {
        struct wire_ice_arrived m = {.meeting = number, .bytes = bytes};
        ice_world_say(ICE_ARRIVED, &m);
}

/* Begins a meeting, whose end of the stream is ice_world.stream. */
static void meet(mesh_link number) {
        union frame_message m;
        ice_meet(ice_world.n, number, number & MESH_LINK_DIALLED, &nowhere);
        ice_world_turn();
        assert_true(heard(ICE_MEET, &m));
        assert_int_equal(m.ice_meet.meeting, number);
        assert_true(ice_world.stream >= 0);
}

static void meet_up(mesh_link number) {
        meet(number);
        say_words(number);
        say_up(number);
        assert_int_equal(count(MESH_EV_LINK_UP, number), 1);
}

static void assert_killed(mesh_link number) {
        ice_world_turn();
        assert_int_equal(ice_world.killed, 1);
        assert_int_equal(ice_world.helper, -1);
        assert_int_equal(ice_world.n->ice.deaths, 1);
        assert_int_equal(count(MESH_EV_LINK_DOWN, number), 1);
}

/* ---- what goes well ---- */

static void test_none_until_needed(_unused_ void **state) {
        ice_world_turn();
        assert_int_equal(ice_world.started, 0);
        assert_false(uv_is_active((uv_handle_t *)&ice_world.n->ice.timer)); /* nothing wakes the daemon up either */
        assert_true(last(MESH_EV_HELPER, 0)->dialled);
}

static void test_meeting(_unused_ void **state) {
        struct mesh_addr doorstep = {.ip = {[10] = 0xff, [11] = 0xff, 203, 0, 113, 1}, .port = 7345};
        union frame_message m;
        struct wire_ice_place p;
        ice_meet(ice_world.n, A, true, &doorstep);
        ice_world_turn();
        assert_int_equal(ice_world.started, 1);
        assert_true(heard(ICE_MEET, &m));
        assert_true(WIRE_HAS(&m.ice_meet, ICE_MEET, calls));
        assert_true(wire_list_next(&wire_ice_place_desc, &m.ice_meet.doorstep, &p));
        assert_memory_equal(p.ip.p, &doorstep.ip[12], p.ip.n);
        assert_int_equal(p.port, 7345);
        say_words(A);
        const struct ice_heard *words = last(MESH_EV_MET, A);
        assert_int_equal(words->number, ICE_WORDS);
        ice_tell(ice_world.n, A, &(struct mesh_meet_row){ICE_WORDS, span_of(words->bytes, words->n)});
        assert_true(heard(ICE_WORDS, &m)); /* as it stands: what came from here goes back */
        assert_memory_equal(m.ice_words.print.p, print, sizeof(print));
        say_up(A);
        const struct ice_heard *up = last(MESH_EV_LINK_UP, A);
        assert_true(up->dialled && !up->lan);
        assert_int_equal(up->addr.port, 7345);
        enum wire_e_candidate here, there;
        assert_true(conn_way(ice_world.n, A, &here, &there));
        assert_int_equal(here, CANDIDATE_HOST);
        assert_int_equal(there, CANDIDATE_PEER_REFLEXIVE);
}

static void test_bytes(_unused_ void **state) {
        char got[8];
        meet_up(B);
        assert_false(last(MESH_EV_LINK_UP, B)->dialled);
        conn_send(ice_world.n, B, SPAN_STR("hello"));
        ice_world_turn();
        assert_int_equal(read(ice_world.stream, got, sizeof(got)), 5);
        assert_memory_equal(got, "hello", 5);
        assert_int_equal(write(ice_world.stream, "there", 5), 5);
        ice_world_turn();
        assert_memory_equal(last(MESH_EV_RECV, B)->bytes, "there", 5);
        close(ice_world.stream);
        ice_world.stream = -1;
        ice_world_turn();
        assert_int_equal(count(MESH_EV_LINK_DOWN, B), 1);
        assert_int_equal(ice_world.n->ice.n_links, 0);
        assert_int_equal(ice_world.killed, 0);
}

/* What the kernel has got rid of may still be with the helper: the core hears what has arrived, and nothing else. */
/* A link that goes from an address which the machine has no more is over, as one of TCP is; others stay. */
static void test_moved(_unused_ void **state) {
        static const uint8_t gone[4] = {192, 0, 2, 99}, here[4] = {127, 0, 0, 1};
        meet(A);
        say_words(A);
        say_up_from(A, gone);
        int first = ice_world.stream;
        ice_world.stream = -1;
        meet(B);
        say_words(B);
        say_up_from(B, here);
        assert_int_equal(count(MESH_EV_LINK_UP, A) + count(MESH_EV_LINK_UP, B), 2);
        conns_look(ice_world.n);
        ice_world_turn();
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 1);
        assert_int_equal(count(MESH_EV_LINK_DOWN, B), 0);
        close(first);
}

/* Where the helper does not say from which, nobody knows. */
static void test_moved_from_nowhere(_unused_ void **state) {
        meet_up(A);
        conns_look(ice_world.n);
        ice_world_turn();
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 0);
}

static void test_backlog(_unused_ void **state) {
        static uint8_t block[40000];
        meet_up(B);
        conn_send(ice_world.n, B, SPAN_OF(block));
        ice_world_turn();
        while (recv(ice_world.stream, block, sizeof(block), MSG_DONTWAIT) > 0)
                ;
        ice_world_turn();
        assert_int_equal(last(MESH_EV_WRITABLE, B)->n, sizeof(block));
        say_arrived(B, 30000);
        assert_int_equal(last(MESH_EV_WRITABLE, B)->n, 10000);
        say_arrived(B, sizeof(block));
        assert_int_equal(last(MESH_EV_WRITABLE, B)->n, 0);
        assert_int_equal(ice_world.killed, 0);
}

static void test_hangup(_unused_ void **state) {
        union frame_message m;
        meet(A);
        assert_true(ice_hangup(ice_world.n, A));
        assert_false(ice_hangup(ice_world.n, A));
        ice_world_turn();
        assert_true(heard(ICE_END, &m));
        assert_int_equal(m.ice_end.meeting, A);
        say_words(A); /* was on its way */
        say_up(A);
        assert_int_equal(count(MESH_EV_MET, A) + count(MESH_EV_LINK_UP, A) + count(MESH_EV_LINK_DOWN, A), 0);
        assert_int_equal(ice_world.killed, 0);
}

static void test_no_way(_unused_ void **state) {
        struct wire_ice_end over = {.meeting = A};
        meet(A);
        WIRE_PUT(&over, ICE_END, why, PARTING_NO_WAY);
        ice_world_say(ICE_END, &over);
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 1);
        assert_int_equal(ice_world.killed, 0);
}

static void test_idle(_unused_ void **state) {
        meet(A);
        assert_int_equal(ice_world.n->ice.idle_by, 0);
        ice_hangup(ice_world.n, A);
        assert_true(ice_world.n->ice.idle_by > 0);
        ice_world.n->ice.idle_by = 1; /* long ago */
        ice_look(ice_world.n);
        ice_world_turn();
        assert_int_equal(ice_world.killed, 1);
        assert_int_equal(ice_world.n->ice.deaths, 0);
        assert_false(uv_is_active((uv_handle_t *)&ice_world.n->ice.timer));
        meet(B);
        assert_int_equal(ice_world.started, 2);
}

static void test_doorstep(_unused_ void **state) {
        struct wire_ice_serving said = {.port = 7345};
        union frame_message m;
        ice_serve(ice_world.n, 7345);
        ice_world_turn();
        assert_true(heard(ICE_SERVE, &m));
        assert_int_equal(m.ice_serve.port, 7345);
        assert_int_equal(ice_world.n->ice.serving, 0);
        assert_int_equal(ice_stun(ice_world.n), 7345);
        ice_world_say(ICE_SERVING, &said);
        assert_int_equal(ice_world.n->ice.serving, 7345);
        assert_int_equal(ice_world.n->ice.idle_by, 0);
        close(ice_world.helper); /* it dies, and is started again: others need not hear of that */
        ice_world.helper = -1;
        ice_world_turn();
        assert_int_equal(ice_world.n->ice.serving, 0);
        assert_int_equal(ice_stun(ice_world.n), 7345);
        assert_int_equal(ice_world.looked, 0);
        ice_world.n->ice.rest = 0;
        ice_look(ice_world.n);
        ice_world_turn();
        assert_int_equal(ice_world.started, 2);
        assert_true(heard(ICE_SERVE, &m));
        WIRE_PUT(&said, ICE_SERVING, error, EADDRINUSE);
        ice_world_say(ICE_SERVING, &said);
        assert_int_equal(ice_world.n->ice.serving, 0);
        assert_int_equal(ice_world.n->ice.serve_error, EADDRINUSE);
        assert_int_equal(ice_stun(ice_world.n), 0);
        assert_int_equal(ice_world.looked, 1);
}

/* ---- what does not ---- */

static void test_missing(_unused_ void **state) {
        ice_world.has = false;
        ice_meet(ice_world.n, A, true, &nowhere); /* it was there when that was looked for */
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 1);
        assert_false(last(MESH_EV_HELPER, 0)->dialled);
        ice_meet(ice_world.n, B, false, &nowhere);
        assert_int_equal(count(MESH_EV_LINK_DOWN, B), 1);
        assert_int_equal(count(MESH_EV_HELPER, 0), 2);
        ice_world.has = true; /* installed meanwhile, and the settings read again */
        ice_look(ice_world.n);
        assert_true(last(MESH_EV_HELPER, 0)->dialled);
        meet(A);
}

static void test_dies(_unused_ void **state) {
        meet_up(B);
        int there = ice_world.stream;
        ice_world.stream = -1;
        meet(A);
        close(ice_world.helper);
        ice_world.helper = -1;
        close(there);
        ice_world_turn();
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 1);
        assert_int_equal(count(MESH_EV_LINK_DOWN, B), 1);
        assert_int_equal(ice_world.n->ice.deaths, 1);
        ice_meet(ice_world.n, A, true, &nowhere); /* not at once */
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 2);
        assert_int_equal(ice_world.started, 1);
        assert_true(ice_world.n->ice.rest > uv_now(&ice_world.loop));
        ice_world.n->ice.rest = 0;
        meet(A);
        assert_int_equal(ice_world.started, 2);
}

static void test_does_not_start(_unused_ void **state) {
        mesh_time rest = 0;
        ice_world.starts = false;
        for (int i = 0; i < 9; i++) { /* it waits longer and longer, up to a minute */
                ice_world.n->ice.rest = 0;
                ice_meet(ice_world.n, A, true, &nowhere);
                mesh_time now_rests = ice_world.n->ice.rest - uv_now(&ice_world.loop);
                assert_true(now_rests >= rest && now_rests <= 60000);
                rest = now_rests;
        }
        assert_int_equal(rest, 60000);
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 9);
}

static void say_meet(void) {
        struct wire_ice_meet m = {.v = 1, .meeting = A};
        ice_world_say(ICE_MEET, &m);
}

static void say_garbage(void) {
        static const uint8_t junk[] = {0, 0, 0, 4, 0xde, 0xad, 0xbe, 0xef};
        say_words(A);
        ice_world_write(SPAN_OF(junk));
}

static void say_endless(void) {
        static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff};
        say_words(A);
        ice_world_write(SPAN_OF(head));
}

static void say_twice(void) {
        say_words(A);
        say_words(A);
}

static void say_many(void) {
        say_words(A);
        for (int i = 0; i <= 64; i++)
                say_candidate(A);
}

static void say_early(void) {
        say_candidate(A);
}

static void say_serving(void) { /* nobody has asked for it; else it could write what is logged without end */
        struct wire_ice_serving said = {.port = 7345};
        ice_world.n->ice.serve = 7345;
        ice_world_say(ICE_SERVING, &said);
}

static void say_end_without_end(void) { /* of meetings that are over, or never were */
        struct wire_ice_end over = {.meeting = 9};
        for (int i = 0; i < 5000; i++)
                ice_world_say(ICE_END, &over);
}

static void say_up_early(void) {
        say_up(A);
}

static void test_nonsense(_unused_ void **state) {
        static void (*const wrong[])(void) = {say_meet,  say_garbage,  say_endless, say_twice,          say_many,
                                              say_early, say_up_early, say_serving, say_end_without_end};
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                if (i) {
                        ice_world_end();
                        ice_world_begin();
                }
                meet(A);
                wrong[i]();
                assert_killed(A);
                assert_int_equal(count(MESH_EV_LINK_UP, A), 0);
        }
}

static void hello_to(mesh_link number) {
        meet_up(number);
        conn_send(ice_world.n, number, SPAN_STR("hello"));
        ice_world_turn();
}

/* More has arrived than was sent. */
static void test_arrived_nonsense(_unused_ void **state) {
        hello_to(B);
        say_arrived(B, 6);
        ice_world_turn();
        assert_int_equal(ice_world.killed, 1);
}

/* What is said twice could be said without end. */
static void test_arrived_again(_unused_ void **state) {
        hello_to(B);
        say_arrived(B, 5);
        ice_world_turn();
        assert_int_equal(ice_world.killed, 0);
        say_arrived(B, 5);
        ice_world_turn();
        assert_int_equal(ice_world.killed, 1);
}

static unsigned open_files(void) {
        unsigned n = 0;
        DIR *d = opendir("/proc/self/fd");
        assert_non_null(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

/* However many it sends along, none stays open here. */
static void test_descriptors(_unused_ void **state) {
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(64 * sizeof(int))];
        } with = {.bytes = {0}};
        static const struct wire_ice_end said = {.meeting = 9}; /* one that was given up here long ago */
        _clean_(buf_fini) struct buf out = BUF_NULL;
        meet(A);
        unsigned before = open_files();
        frame_put(&out, wire_ice_find(ICE_END), &said);
        struct iovec iov = {out.p, out.n};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = with.bytes, .msg_controllen = sizeof(with)};
        with.head.cmsg_level = SOL_SOCKET;
        with.head.cmsg_type = SCM_RIGHTS;
        with.head.cmsg_len = CMSG_LEN(64 * sizeof(int));
        for (int i = 0; i < 64; i++)
                memcpy(CMSG_DATA(&with.head) + (size_t)i * sizeof(int), &ice_world.stream, sizeof(int));
        for (int i = 0; i < 32; i++) {
                assert_int_equal(sendmsg(ice_world.helper, &m, MSG_DONTWAIT), out.n);
                ice_world_turn();
        }
        assert_int_equal(open_files(), before);
        say_words(A);
        assert_int_equal(count(MESH_EV_MET, A), 1);
}

/* It reads nothing: that holds nobody up, and is its end. */
static void test_deaf(_unused_ void **state) {
        meet(A);
        say_words(A);
        const struct ice_heard *words = last(MESH_EV_MET, A);
        const struct mesh_meet_row row = {ICE_WORDS, span_of(words->bytes, words->n)};
        for (int i = 0; i < 20000 && ice_world.n->ice.alive; i++) {
                ice_tell(ice_world.n, A, &row);
                if (i % 100 == 0)
                        ice_world_turn();
        }
        assert_killed(A);
}

/* A meeting that goes on for ever, as where it is stopped or turns in a circle. */
static void test_stuck(_unused_ void **state) {
        meet_up(B);
        ice_world.n->ice.patience = 100; /* ms, instead of a minute */
        meet(A);
        while (!ice_world.killed)
                uv_run(&ice_world.loop, UV_RUN_ONCE);
        assert_killed(A);
}

/* More than the helper would take: the core is told so at once. */
static void test_many(_unused_ void **state) {
        for (mesh_link i = 1; i <= ICE_MEETINGS_MOST; i++)
                meet(MESH_LINK_MET | i);
        ice_meet(ice_world.n, A, true, &nowhere);
        assert_int_equal(count(MESH_EV_LINK_DOWN, A), 1);
        assert_int_equal(ice_world.n->ice.n_meetings, ICE_MEETINGS_MOST);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
        const struct CMUnitTest tests[] = {
                CASE(test_none_until_needed),
                CASE(test_meeting),
                CASE(test_bytes),
                CASE(test_moved),
                CASE(test_moved_from_nowhere),
                CASE(test_backlog),
                CASE(test_hangup),
                CASE(test_no_way),
                CASE(test_idle),
                CASE(test_doorstep),
                CASE(test_missing),
                CASE(test_dies),
                CASE(test_does_not_start),
                CASE(test_nonsense),
                CASE(test_arrived_nonsense),
                CASE(test_arrived_again),
                CASE(test_descriptors),
                CASE(test_deaf),
                CASE(test_stuck),
                CASE(test_many),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
