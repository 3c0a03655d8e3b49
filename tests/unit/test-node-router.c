/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of porchlight-router: routers that change their mind, and helpers that do not end when they are to. */
#include "../support/ice_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PORT 7345

void nets_look_soon(_unused_ struct node *n) {
}

static struct reach_way *way(size_t which) {
        return &ice_world.n->reach.ways[which];
}

static void set_nets(const struct listen_net *nets, size_t n) {
        memcpy(ice_world.n->listening.nets, nets, n * sizeof(*nets));
        ice_world.n->listening.n_nets = n;
}

static const struct listen_net home4 = {.addr = {.ip = {[10] = 0xff, [11] = 0xff, 192, 168, 7, 2}}, .bits = 120};

/* An address of this machine's, 2001:db8::@last. */
static struct listen_net own6(uint8_t last) {
        return (struct listen_net){.addr = {.ip = {0x20, 1, 0xd, 0xb8, [15] = last}}, .bits = 64};
}

static int begin(_unused_ void **state) {
        ice_world_begin();
        struct node *n = ice_world.n;
        ice_world.port = PORT;
        n->reach.mapping = n->reach.known = true;
        set_nets(&home4, 1);
        reach_init(n);
        return 0;
}

static int begin6(void **state) {
        const struct listen_net nets[] = {home4, own6(2), own6(3)};
        begin(state);
        set_nets(nets, ARRAY_LEN(nets));
        return 0;
}

static int end(_unused_ void **state) {
        reach_kill(ice_world.n);
        ice_world_turn();
        reach_close(ice_world.n);
        ice_world_end();
        return 0;
}

static void say_to(int helper, enum wire_router number, const void *msg) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        frame_put(&out, wire_router_find(number), msg);
        if (helper >= 0)
                (void)!send(helper, out.p, out.n, MSG_NOSIGNAL);
        ice_world_turn();
}

static void say(enum wire_router number, const void *msg) {
        say_to(ice_world.helper, number, msg);
}

static void say_mapped(uint8_t last) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        const uint8_t ip[] = {5, 9, 17, last};
        struct wire_addr at = {.port = PORT};
        struct wire_router_mapped m = {.by = MAPPER_NAT_PMP, .lease = 3600};
        WIRE_PUT(&at, ADDR, ip4, SPAN_OF(ip));
        wire_list_add(&wire_addr_desc, &m.place, &store, &at);
        say(ROUTER_MAPPED, &m);
}

static void say_opened(uint8_t last, uint16_t port) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        const struct listen_net net = own6(last);
        struct wire_addr at = {.port = port};
        struct wire_router_mapped m = {.by = MAPPER_PCP, .lease = 3600};
        WIRE_PUT(&at, ADDR, ip6, SPAN_OF(net.addr.ip));
        wire_list_add(&wire_addr_desc, &m.place, &store, &at);
        say_to(ice_world.helper6, ROUTER_MAPPED, &m);
}

static void say_none(void) {
        const struct wire_router_none m = {.why = UNMAPPED_REFUSED};
        say(ROUTER_NONE, &m);
}

/* As if so much time had passed. */
static void ring(void) {
        uv_timer_t *t = &way(REACH_FOUR)->timer;
        assert_true(uv_is_active((uv_handle_t *)t));
        uv_timer_start(t, t->timer_cb, 0, 0);
        ice_world_turn();
}

static void test_renewed(_unused_ void **state) {
        reach_look(ice_world.n, false);
        assert_int_equal(ice_world.started, 1);
        for (int i = 0; i < 100; i++)
                say_mapped(10);
        assert_true(way(REACH_FOUR)->mapped);
        assert_int_equal(ice_world.looked, 1); /* nothing new */
        assert_int_equal(ice_world.killed, 0);
}

/* By which the router knows this home again: made once, for good. */
static void test_nonces(_unused_ void **state) {
        struct reach *r = &ice_world.n->reach;
        r->known = false;
        memset(r->nonces, 0, sizeof(r->nonces));
        reach_look(ice_world.n, false);
        reach_look(ice_world.n, true);
        assert_int_equal(ice_world.kept, 1);
        assert_memory_equal(ice_world.bytes_kept, r->nonces, sizeof(r->nonces));
        assert_memory_not_equal(r->nonces[REACH_FOUR], r->nonces[REACH_SIX], REACH_NONCE);
}

/* Each address outside that is another one has all links looked at, and is written down. */
static void test_flips(_unused_ void **state) {
        reach_look(ice_world.n, false);
        for (int i = 0; i < 200; i++)
                say_mapped((uint8_t)(1 + i % 2));
        assert_in_range(ice_world.looked, 2, 10);
        assert_false(way(REACH_FOUR)->mapped);
        assert_int_equal(way(REACH_FOUR)->why, UNMAPPED_ABSURD);
}

/* It was told to go, and stays, and speaks. */
static void test_stays(_unused_ void **state) {
        reach_look(ice_world.n, false);
        say_none();
        assert_int_equal(way(REACH_FOUR)->why, UNMAPPED_REFUSED);
        assert_true(way(REACH_FOUR)->link.open && !way(REACH_FOUR)->link.alive);
        say_mapped(9);
        assert_false(way(REACH_FOUR)->mapped);
        ring();
        assert_int_equal(ice_world.killed, 1);
        assert_false(way(REACH_FOUR)->link.open);
        ring(); /* the router is asked again */
        assert_int_equal(ice_world.started, 2);
}

/* The same when nothing is to be asked any more. */
static void test_stays_at_rest(_unused_ void **state) {
        reach_look(ice_world.n, false);
        say_mapped(9);
        ice_world.port = 0;
        reach_look(ice_world.n, false);
        assert_true(way(REACH_FOUR)->link.open && !way(REACH_FOUR)->link.alive);
        ring();
        assert_int_equal(ice_world.killed, 1);
        assert_false(way(REACH_FOUR)->link.open || uv_is_active((uv_handle_t *)&way(REACH_FOUR)->timer));
}

/* The addresses that the last MAP names, by their last byte; 0: there is none. */
static size_t asked(uint8_t ret[REACH_INSIDE_MAX]) {
        uint8_t room[1024];
        ssize_t n = recv(ice_world.helper6, room, sizeof(room), MSG_DONTWAIT);
        struct span in = span_of(room, n < 0 ? 0 : (size_t)n), body;
        size_t used, count = 0;
        while (frame_take(in, &body, &used) == 0) {
                const struct wire_number *row;
                union frame_message m;
                struct wire_addr at;
                assert_int_equal(frame_read(body, wire_router_find, &row, &m, NULL), 0);
                assert_int_equal(row->number, ROUTER_MAP);
                assert_memory_equal(m.router_map.nonce.p, ice_world.n->reach.nonces[REACH_SIX], REACH_NONCE);
                for (count = 0; wire_list_next(&wire_addr_desc, &m.router_map.inside, &at); count++)
                        ret[count] = at.ip6.p[15];
                in = span_from(in, used);
        }
        return count;
}

/* Over IPv6 there is a helper of its own, and an address that is not this machine's is no answer. */
static void test_six(_unused_ void **state) {
        uint8_t last[REACH_INSIDE_MAX];
        memset(ice_world.n->reach.nonces[REACH_SIX], 66, REACH_NONCE);
        reach_look(ice_world.n, false);
        assert_int_equal(ice_world.started, 2);
        ice_world_turn();
        assert_int_equal(asked(last), 2);
        assert_true(last[0] == 2 && last[1] == 3);
        say_opened(3, PORT);
        assert_true(way(REACH_SIX)->mapped);
        assert_false(way(REACH_FOUR)->mapped);
        say_opened(4, PORT);
        assert_false(way(REACH_SIX)->mapped);
        assert_int_equal(way(REACH_SIX)->why, UNMAPPED_ABSURD);
        assert_true(way(REACH_FOUR)->link.alive);
}

static void test_six_port(_unused_ void **state) {
        reach_look(ice_world.n, false);
        say_opened(2, PORT + 1);
        assert_int_equal(way(REACH_SIX)->why, UNMAPPED_ABSURD);
}

/* Addresses come and go daily: asked is when the open one has gone. */
static void test_six_gone(_unused_ void **state) {
        const struct listen_net more[] = {home4, own6(2), own6(3), own6(4)}, less[] = {home4, own6(2), own6(4)};
        uint8_t last[REACH_INSIDE_MAX];
        memset(ice_world.n->reach.nonces, 66, sizeof(ice_world.n->reach.nonces));
        reach_look(ice_world.n, false);
        say_opened(3, PORT);
        assert_int_equal(asked(last), 2);
        set_nets(more, ARRAY_LEN(more));
        reach_look(ice_world.n, false);
        ice_world_turn();
        assert_int_equal(asked(last), 0);
        set_nets(less, ARRAY_LEN(less));
        reach_look(ice_world.n, false);
        ice_world_turn();
        assert_int_equal(asked(last), 2);
        assert_int_equal(last[1], 4);
}

/* An address that was not this machine's for sure yet is asked for as soon as anything changes. */
static void test_six_early(_unused_ void **state) {
        const struct wire_router_none m = {.why = UNMAPPED_NO_ROUTER};
        reach_look(ice_world.n, false);
        say_to(ice_world.helper6, ROUTER_NONE, &m);
        close(ice_world.helper6);
        ice_world.helper6 = -1;
        ice_world_turn();
        assert_false(way(REACH_SIX)->link.open);
        reach_look(ice_world.n, false);
        assert_int_equal(ice_world.started, 3);
}

/* The one may die of what the other lives with. */
static void test_six_dies(_unused_ void **state) {
        reach_look(ice_world.n, false);
        say_mapped(10);
        ice_world.n->reach.called = 1;
        ice_world.n->reach.from = way(REACH_FOUR)->at;
        say_opened(3, PORT);
        say_opened(99, PORT); /* a lie: the way is given up */
        assert_false(way(REACH_SIX)->mapped);
        assert_true(way(REACH_FOUR)->mapped);
        assert_int_equal(ice_world.n->reach.called, 1); /* it came over IPv4 */
        ice_world.n->reach.from = own6(9).addr;
        way(REACH_SIX)->mapped = true;
        reach_way_rest(way(REACH_SIX), 0);
        assert_int_equal(ice_world.n->reach.called, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_renewed, begin, end),
                cmocka_unit_test_setup_teardown(test_nonces, begin, end),
                cmocka_unit_test_setup_teardown(test_flips, begin, end),
                cmocka_unit_test_setup_teardown(test_stays, begin, end),
                cmocka_unit_test_setup_teardown(test_stays_at_rest, begin, end),
                cmocka_unit_test_setup_teardown(test_six, begin6, end),
                cmocka_unit_test_setup_teardown(test_six_port, begin6, end),
                cmocka_unit_test_setup_teardown(test_six_gone, begin6, end),
                cmocka_unit_test_setup_teardown(test_six_early, begin6, end),
                cmocka_unit_test_setup_teardown(test_six_dies, begin6, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
