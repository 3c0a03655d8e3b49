/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links for footage as their users see them: the real router over real cores. What is between them here is the street, and a
 * loop of the test's own: an event that comes up while a core is busy waits, as it does in node.c.
 */
#include "core/limits.h"
#include "node/internal.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOMES 4
#define LATER 512

/* ---- a loop for several nodes ---- */
struct later {
        struct mesh_event ev;
        void *owned;
};

static struct world {
        struct street *s;
        uv_loop_t loop;
        struct node *nodes[HOMES];
        struct later later[HOMES][LATER];
        size_t n_later[HOMES];
} w;

static size_t home_of(const struct node *n) {
        size_t i = 0;
        while (w.nodes[i] != n)
                i++;
        return i;
}

void node_feed_owned(struct node *n, struct mesh_event ev, void *owned) {
        size_t i = home_of(n);
        if (n->feeding) {
                REQUIRE(w.n_later[i] < LATER);
                w.later[i][w.n_later[i]++] = (struct later){ev, owned};
                return;
        }
        street_feed(w.s, i, ev);
        free(owned);
}

void node_feed(struct node *n, struct mesh_event ev) {
        node_feed_owned(n, ev, NULL);
}

void node_command(struct node *n, struct command *c, struct mesh_event ev) {
        c->token = ev.token = 5000 + ++n->last_token;
        list_init(&c->on);
        list_push(&n->commands, &c->on);
        node_feed(n, ev);
}

void node_fail(_unused_ struct node *n, const char *what, _unused_ int r) {
        fail_msg("%s", what);
}

bool conn_carries(_unused_ struct node *n, _unused_ mesh_link number) {
        return false;
}

static void give_reply(struct node *n, const struct mesh_action *a) {
        LIST_EACH (c, &n->commands, struct command, on) {
                if (c->token != a->token)
                        continue;
                list_drop(&c->on);
                c->reply(c, a);
                return;
        }
}

static void on_told(_unused_ void *ctx, size_t i, const struct mesh_action *a) {
        struct node *n = w.nodes[i];
        bool feeding = n->feeding;
        n->feeding = true;
        if (a->type == MESH_DO_REPLY)
                give_reply(n, a);
        else if (a->type == MESH_DO_HAUL_UP)
                haul_links_up(n, a);
        else if (a->type == MESH_DO_HAUL_DOWN)
                haul_links_down(n, a);
        else
                haul_links_took(n, a);
        n->feeding = feeding;
}

static bool turn(struct node *n) {
        size_t i = home_of(n);
        bool any = w.n_later[i] > 0;
        for (size_t k = 0; k < w.n_later[i]; k++) { /* grows meanwhile */
                struct later l = w.later[i][k];
                street_feed(w.s, i, l.ev);
                free(l.owned);
        }
        w.n_later[i] = 0;
        n->core = street_core(w.s, i);
        return haul_links_turn(n) || any;
}

static void run_for(double seconds) {
        for (double t = 0; t < seconds; t += 0.01) {
                street_run_for(w.s, 0.01);
                for (size_t i = 0; i < HOMES; i++)
                        while (turn(w.nodes[i])) {
                        }
        }
}

/* ---- users ---- */
static struct seen {
        unsigned up, down, room, got[32];
        struct haul_link *link;
} seen[HOMES][HAUL_USERS];

static struct seen *seen_by(const struct haul_link *l, enum haul_user u) {
        return &seen[home_of(l->n)][u];
}

static void came(struct haul_link *l, enum haul_user u) {
        assert_null(l->of[u]);
        l->of[u] = seen_by(l, u);
        seen_by(l, u)->up++;
        seen_by(l, u)->link = l;
}

static void went(struct haul_link *l, enum haul_user u) {
        assert_ptr_equal(l->of[u], seen_by(l, u));
        assert_false(
                haul_say(l, LINK_SEEK, &(struct wire_haul_clip){.clip = SPAN_STR("12345678901234567890123456789012")}));
        assert_int_equal(haul_room(l), 0);
        seen_by(l, u)->down++;
}

static const struct hash clip = {{9}};

static bool seek(struct haul_link *l) {
        return haul_say(l, LINK_SEEK, &(struct wire_haul_clip){.clip = SPAN_OF(clip.b)});
}

static void papers_up(struct haul_link *l) {
        came(l, HAUL_PAPERS);
}
static void papers_down(struct haul_link *l) {
        went(l, HAUL_PAPERS);
}
static void papers_took(struct haul_link *l, enum wire_link number, _unused_ const void *msg) {
        seen_by(l, HAUL_PAPERS)->got[number]++;
}

static void chunks_up(struct haul_link *l) {
        came(l, HAUL_CHUNKS);
}
static void chunks_down(struct haul_link *l) {
        went(l, HAUL_CHUNKS);
}
static void chunks_room(struct haul_link *l) {
        seen_by(l, HAUL_CHUNKS)->room++;
        assert_true(seek(l));
}

/* A SEEK is answered at once, from within; a STOP is taken for a lie. */
static void chunks_took(struct haul_link *l, enum wire_link number, const void *msg) {
        const struct wire_haul_clip *about = msg;
        seen_by(l, HAUL_CHUNKS)->got[number]++;
        assert_true(span_eq(about->clip, SPAN_OF(clip.b)));
        if (number == LINK_SEEK)
                haul_say(l, LINK_HAVE, &(struct wire_haul_have){.clip = SPAN_OF(clip.b)});
        if (number == LINK_STOP) {
                haul_hangup(l);
                haul_hangup(l);
        }
}

static const struct haul_ops papers = {.on_up = papers_up, .on_down = papers_down, .on_message = papers_took},
                             chunks = {.on_up = chunks_up,
                                       .on_down = chunks_down,
                                       .on_message = chunks_took,
                                       .on_room = chunks_room};

static int setup(void **state) {
        (void)state;
        w.s = street_new(HOMES, 1);
        REQUIRE(uv_loop_init(&w.loop) == 0);
        memset(seen, 0, sizeof(seen));
        for (size_t i = 0; i < HOMES; i++) {
                struct node *n = w.nodes[i] = calloc(1, sizeof(*n));
                REQUIRE(n);
                n->loop = &w.loop;
                n->core = street_core(w.s, i);
                list_init(&n->commands);
                haul_links_init(n);
                haul_use(n, HAUL_PAPERS, &papers);
                haul_use(n, HAUL_CHUNKS, &chunks);
                street_on_haul(w.s, i, on_told, NULL);
        }
        run_for(20);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        for (size_t i = 0; i < HOMES; i++) {
                haul_links_fini(w.nodes[i]);
                haul_links_close(w.nodes[i]);
        }
        uv_run(&w.loop, UV_RUN_DEFAULT);
        REQUIRE(uv_loop_close(&w.loop) == 0);
        for (size_t i = 0; i < HOMES; i++)
                free(w.nodes[i]);
        street_free(w.s);
        return 0;
}

/* ---- waiting for one ---- */
struct waiter {
        struct haul_want want;
        unsigned told;
        enum mesh_outcome outcome;
        struct haul_link *link;
};

static void on_done(struct haul_want *want, enum mesh_outcome o, struct haul_link *l) {
        struct waiter *x = CONTAINER_OF(want, struct waiter, want);
        x->told++;
        x->outcome = o;
        x->link = l;
        assert_int_equal(o == MESH_OUT_DONE, l != NULL);
        if (l)
                assert_true(l->told);
}

static struct key device_of(size_t i) {
        struct sign_key k;
        sign_key_from_seed(&k, street_config(w.s, i)->sign_seed);
        return k.pub;
}

static void wait_for(struct waiter *x, size_t i, size_t to) {
        struct key device = device_of(to);
        *x = (struct waiter){.want = {.done = on_done}};
        haul_connect(w.nodes[i], &device, &x->want);
        assert_int_equal(x->told, 0); /* nothing is called from within */
}

/* Two wait for the same and a third, later, for the one that is there; one link is made, and both users of both homes hear. */
static void test_connect(void **state) {
        (void)state;
        struct waiter a, b, c, gone;
        wait_for(&a, 1, 0);
        wait_for(&b, 1, 0);
        wait_for(&gone, 1, 0);
        haul_forget(&gone.want);
        haul_forget(&gone.want);
        run_for(5);
        assert_true(a.told == 1 && b.told == 1 && gone.told == 0 && a.link && a.link == b.link);
        wait_for(&c, 1, 0);
        run_for(0.1);
        assert_true(c.told == 1 && c.link == a.link);
        for (int u = 0; u < HAUL_USERS; u++)
                assert_true(seen[0][u].up == 1 && seen[1][u].up == 1 && seen[2][u].up == 0);
        struct key there = device_of(0), back = device_of(1);
        assert_ptr_equal(haul_find(w.nodes[1], &there), a.link);
        assert_true(a.link->dialled && !haul_find(w.nodes[0], &back)->dialled);
        assert_null(haul_find(w.nodes[0], &there));
        haul_forget(&a.want); /* one that is done */
}

static void test_in_vain(void **state) {
        (void)state;
        struct waiter a, b, self;
        street_shut(w.s, 3);
        wait_for(&a, 1, 3);
        wait_for(&b, 1, 3);
        wait_for(&self, 1, 1);
        run_for(60);
        assert_true(a.told == 1 && b.told == 1 && a.outcome == MESH_OUT_HAUL_SILENT && b.outcome == a.outcome);
        assert_true(self.told == 1 && self.outcome == MESH_OUT_NO_DEVICE);
        wait_for(&a, 3, 1); /* who can't be called can call */
        run_for(5);
        assert_int_equal(a.outcome, MESH_OUT_DONE);
}

/* A link that was there when it was wanted, and has gone before anybody was told. */
static void test_lost(void **state) {
        (void)state;
        struct waiter a, b;
        wait_for(&a, 1, 0);
        run_for(5);
        wait_for(&b, 1, 0);
        haul_hangup(a.link);
        assert_int_equal(b.told, 0);
        run_for(5);
        assert_true(b.told == 1 && b.outcome == MESH_OUT_HAUL_SILENT);
        for (int u = 0; u < HAUL_USERS; u++)
                assert_true(seen[0][u].down == 1 && seen[1][u].down == 1);
        wait_for(&b, 1, 0);
        run_for(5);
        assert_true(b.told == 1 && b.link && seen[1][HAUL_PAPERS].up == 2);
}

/* ---- messages ---- */
static void test_messages(void **state) {
        (void)state;
        struct waiter a;
        wait_for(&a, 1, 0);
        run_for(5);
        uint8_t object[64] = {1};
        struct wire_haul_paper paper = {.what = PAPER_GRANT, .object = SPAN_OF(object)};
        assert_true(haul_say(a.link, LINK_PAPER, &paper));
        assert_true(seek(a.link));
        run_for(1);
        assert_true(seen[0][HAUL_PAPERS].got[LINK_PAPER] == 1 && seen[0][HAUL_CHUNKS].got[LINK_PAPER] == 0);
        assert_true(seen[0][HAUL_CHUNKS].got[LINK_SEEK] == 1 && seen[1][HAUL_CHUNKS].got[LINK_HAVE] == 1);
        assert_int_equal(seen[0][HAUL_PAPERS].got[LINK_SEEK], 0);
        assert_true(haul_say(a.link, LINK_STOP, &(struct wire_haul_clip){.clip = SPAN_OF(clip.b)}));
        run_for(1);
        assert_true(seen[0][HAUL_CHUNKS].down == 1 && seen[1][HAUL_CHUNKS].down == 1);
}

/* Said until there is no room; who was refused is told when there is, and nobody else. */
static void test_room(void **state) {
        (void)state;
        static const uint8_t bytes[16000];
        struct waiter a;
        wait_for(&a, 1, 0);
        run_for(5);
        struct wire_haul_list list = {.clip = SPAN_OF(clip.b), .hashes = span_of(bytes, 9600)};
        unsigned said = 0;
        while (haul_say(a.link, LINK_LIST, &list))
                said++;
        assert_true(said * 9600 >= HAUL_QUEUE && said * 9600 < HAUL_QUEUE + 3 * 16384);
        assert_int_equal(haul_room(a.link), 0);
        assert_true(haul_piece(a.link) > 1000 && haul_piece(a.link) <= 16288);
        run_for(5);
        assert_true(seen[1][HAUL_CHUNKS].room == 1 && seen[1][HAUL_PAPERS].room == 0);
        assert_int_equal(seen[0][HAUL_CHUNKS].got[LINK_LIST], said);
        assert_int_equal(haul_room(a.link), HAUL_QUEUE);
        w.nodes[1]->feeding = true; /* while the core is busy, what was said counts at once */
        while (haul_say(a.link, LINK_LIST, &list))
                said++;
        w.nodes[1]->feeding = false;
        run_for(5);
        assert_int_equal(seen[0][HAUL_CHUNKS].got[LINK_LIST], said);
        assert_int_equal(seen[0][HAUL_CHUNKS].down, 0);
}

/* The home at the other end is switched off: whoever uses the link is told once. */
static void test_gone(void **state) {
        (void)state;
        struct waiter a;
        wait_for(&a, 1, 2);
        run_for(5);
        street_off(w.s, 2);
        for (double t = 0; t < 5; t += 0.01) {
                street_run_for(w.s, 0.01);
                turn(w.nodes[1]);
        }
        assert_true(seen[1][HAUL_PAPERS].down == 1 && seen[1][HAUL_CHUNKS].down == 1);
        street_on(w.s, 2);
        run_for(1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_connect, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_vain, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
                cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
                cmocka_unit_test_setup_teardown(test_room, setup, teardown),
                cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
