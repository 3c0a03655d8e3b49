/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of porchlight-router: routers that change their mind, and helpers that do not end when they are to. */
#include "../support/ice_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PORT 7345

void nets_look_soon(_unused_ struct node *n) {
}

static struct reach *reach(void) {
        return &ice_world.n->reach;
}

static int begin(_unused_ void **state) {
        ice_world_begin();
        struct node *n = ice_world.n;
        ice_world.port = PORT;
        n->reach.mapping = true;
        n->listening.nets[0] =
                (struct listen_net){.addr = {.ip = {[10] = 0xff, [11] = 0xff, 192, 168, 7, 2}}, .bits = 120};
        n->listening.n_nets = 1;
        reach_init(n);
        return 0;
}

static int end(_unused_ void **state) {
        reach_kill(ice_world.n);
        ice_world_turn();
        reach_close(ice_world.n);
        ice_world_end();
        return 0;
}

static void say(enum wire_router number, const void *msg) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        frame_put(&out, wire_router_find(number), msg);
        if (ice_world.helper >= 0)
                (void)!send(ice_world.helper, out.p, out.n, MSG_NOSIGNAL);
        ice_world_turn();
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

static void say_none(void) {
        const struct wire_router_none m = {.why = UNMAPPED_REFUSED};
        say(ROUTER_NONE, &m);
}

/* As if so much time had passed. */
static void ring(void) {
        uv_timer_t *t = &reach()->timer;
        assert_true(uv_is_active((uv_handle_t *)t));
        uv_timer_start(t, t->timer_cb, 0, 0);
        ice_world_turn();
}

static void test_renewed(_unused_ void **state) {
        reach_look(ice_world.n, false);
        assert_int_equal(ice_world.started, 1);
        for (int i = 0; i < 100; i++)
                say_mapped(10);
        assert_true(reach()->mapped);
        assert_int_equal(ice_world.looked, 1); /* nothing new */
        assert_int_equal(ice_world.killed, 0);
}

/* Each address outside that is another one has all links looked at, and is written down. */
static void test_flips(_unused_ void **state) {
        reach_look(ice_world.n, false);
        for (int i = 0; i < 200; i++)
                say_mapped((uint8_t)(1 + i % 2));
        assert_in_range(ice_world.looked, 2, 10);
        assert_false(reach()->mapped);
        assert_int_equal(reach()->why, UNMAPPED_ABSURD);
}

/* It was told to go, and stays, and speaks. */
static void test_stays(_unused_ void **state) {
        reach_look(ice_world.n, false);
        say_none();
        assert_int_equal(reach()->why, UNMAPPED_REFUSED);
        assert_true(reach()->link.open && !reach()->link.alive);
        say_mapped(9);
        assert_false(reach()->mapped);
        ring();
        assert_int_equal(ice_world.killed, 1);
        assert_false(reach()->link.open);
        ring(); /* the router is asked again */
        assert_int_equal(ice_world.started, 2);
}

/* The same when nothing is to be asked any more. */
static void test_stays_at_rest(_unused_ void **state) {
        reach_look(ice_world.n, false);
        say_mapped(9);
        ice_world.port = 0;
        reach_look(ice_world.n, false);
        assert_true(reach()->link.open && !reach()->link.alive);
        ring();
        assert_int_equal(ice_world.killed, 1);
        assert_false(reach()->link.open || uv_is_active((uv_handle_t *)&reach()->timer));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_renewed, begin, end),
                cmocka_unit_test_setup_teardown(test_flips, begin, end),
                cmocka_unit_test_setup_teardown(test_stays, begin, end),
                cmocka_unit_test_setup_teardown(test_stays_at_rest, begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
