/* SPDX-License-Identifier: Apache-2.0 */
/* Members that were away for so long that nobody accepts a link key they know, and the tickets that bring them back. */
#include "roster/ticket.h"
#include "support/guest.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY 86400.0
#define AWAY (40 * DAY)

static uint64_t seed;

/* The texts of tickets on a home's disk; empty: none are in hand. */
static struct span in_hand(struct street *s, size_t i) {
        const struct mesh_row *row;
        for (size_t k = 0; (row = street_row(s, i, k)); k++)
                if (row->kind == MESH_ROW_JOIN)
                        return row->join.ticket;
        return SPAN_NONE;
}

static size_t addresses_of(struct street *s, size_t i) {
        const struct mesh_row *row;
        size_t n = 0;
        for (size_t k = 0; (row = street_row(s, i, k)); k++)
                n += row->kind == MESH_ROW_ADDR;
        return n;
}

/* A street of four. Home 2 goes away, home 3 is removed a minute later, and 40 days pass. */
static struct street *long_away(void) {
        struct street *s = street_new(4, seed);
        street_run_for(s, 60);
        street_off(s, 2);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = 0; i < 4; i++)
                if (i != 2)
                        street_off(s, i); /* a night: nothing depends on what happens in it */
        street_run_for(s, AWAY);
        street_on(s, 0);
        street_on(s, 1);
        assert_true(street_wait_links(s, 0, 600));
        return s;
}

static char *ticket_of(struct street *s, size_t i) {
        const char *text = street_invite(s, i, 1);
        assert_non_null(text);
        return strdup(text);
}

/* Somebody who knows of the mesh writes a ticket with any link key. */
static char *forged(struct street *s, const struct key *link_key) {
        const struct mesh_config *cfg = street_config(s, 3);
        struct sign_key device;
        struct mesh_walk walk = {0};
        struct mesh_peer p;
        struct rng rng;
        uint8_t k[32] = {7, link_key->b[0]};
        struct ticket t = {0};
        _clean_(buf_fini) struct buf text = BUF_NULL, addrs = BUF_NULL;
        struct wire_addr w = {.port = 7345};
        assert_true(mesh_peer_at(street_core(s, 2), 0, &p) || mesh_known_next(street_core(s, 2), &walk, &p));
        w.port = p.addr.port;
        WIRE_PUT(&w, ADDR, ip4, span_of(p.addr.ip + 12, 4));
        sign_key_from_seed(&device, cfg->sign_seed);
        rng_init(&rng, k);
        t.w = (struct wire_ticket){.mesh = SPAN_OF(roster_mesh(mesh_roster(street_core(s, 2)))->b),
                                   .mesh_name = SPAN_STR("Test Street"),
                                   .link_key = SPAN_OF(link_key->b),
                                   .inviter = SPAN_STR("Home 3"),
                                   .expires = street_wall(s) + 7 * 86400,
                                   .uses = 1};
        wire_list_add(&wire_addr_desc, &t.w.addrs, &addrs, &w);
        t.w.has |= UINT64_C(1) << TICKET_KEY_addrs;
        assert_int_equal(ticket_make(&t, &device, &rng, &text), 0);
        ticket_fini(&t);
        return strdup(buf_cstr(&text));
}

static void assert_back(struct street *s, const struct hash *missed) {
        struct hash own;
        assert_true(street_wait_links(s, 2, 60));
        street_run_for(s, 60);
        assert_true(street_has(s, 2, missed));
        assert_int_equal(roster_members(mesh_roster(street_core(s, 2))),
                         roster_members(mesh_roster(street_core(s, 0))));
        assert_int_equal(in_hand(s, 2).n, 0);
        assert_int_equal(street_post(s, 2, KIND_FIRE, "back", &own), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_true(street_has(s, 0, &own) && street_has(s, 1, &own));
}

static void test_outside_and_back(void **state) {
        (void)state;
        struct street *s = long_away();
        struct hash missed;
        struct mesh_ticket t;
        bool news;
        assert_int_equal(street_post(s, 0, KIND_THEFT, "while away", &missed), MESH_OUT_DONE);
        street_on(s, 2);
        street_run_for(s, 3600);
        assert_int_equal(street_links(s, 2), 0);
        char *ticket = ticket_of(s, 1);
        assert_int_equal(street_refresh(s, 2, ticket, &news), MESH_OUT_DONE);
        assert_true(news);
        assert_true(street_wait_links(s, 2, 10));
        assert_int_equal(mesh_refreshed(street_core(s, 2)), MESH_OUT_DONE);
        assert_back(s, &missed);
        /* The ticket is as good as before. */
        assert_true(mesh_ticket_at(street_core(s, 1), 0, &t));
        assert_int_equal(t.used, 0);
        /* Given again, it has nothing new to say. */
        assert_int_equal(street_refresh(s, 2, ticket, &news), MESH_OUT_DONE);
        assert_false(news);
        street_run_for(s, 120);
        assert_int_equal(in_hand(s, 2).n, 0);
        free(ticket);
        street_free(s);
}

/* Nobody is there when the ticket is taken in hand, and both homes are restarted before they meet. */
static void test_restart_between(void **state) {
        (void)state;
        struct street *s = long_away();
        struct hash missed;
        char *ticket = ticket_of(s, 0);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "while away", &missed), MESH_OUT_DONE);
        street_off(s, 0);
        street_off(s, 1);
        street_on(s, 2);
        assert_int_equal(street_refresh(s, 2, ticket, NULL), MESH_OUT_DONE);
        street_run_for(s, 600);
        assert_int_equal(mesh_refreshed(street_core(s, 2)), MESH_OUT_NO_ANSWER_YET);
        assert_true(in_hand(s, 2).n > 0);
        street_off(s, 2);
        street_run_for(s, DAY);
        street_on(s, 0);
        street_on(s, 2);
        street_run_for(s, 600);
        street_on(s, 1);
        assert_back(s, &missed);
        free(ticket);
        street_free(s);
}

/* Who wrote the ticket came while this home was away: its operations say who that is. There are so many that they are
 * not found in one round. */
static void test_unknown_writer(void **state) {
        (void)state;
        struct hash missed;
        struct street *s = street_bare(5, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *first = strdup(street_invite(s, 0, 3));
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, first), MESH_OUT_DONE);
        for (size_t i = 0; i < 50; i++)
                assert_int_equal(street_vote(s, 0, i % 2 ? OP_DEMOTE : OP_PROMOTE, 1), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_off(s, 2);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        char *later = ticket_of(s, 1);
        assert_int_equal(street_join(s, 4, later), MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = 0; i < 5; i++)
                if (i != 2)
                        street_off(s, i);
        street_run_for(s, AWAY);
        for (size_t i = 0; i < 2; i++) {
                street_on(s, i);
                street_cut(s, 2, i);
        }
        street_on(s, 4);
        assert_true(street_wait_links(s, 4, 600));
        assert_int_equal(street_post(s, 0, KIND_THEFT, "while away", &missed), MESH_OUT_DONE);
        street_run_for(s, 30);
        street_on(s, 2);
        char *ticket = ticket_of(s, 4);
        assert_int_equal(street_refresh(s, 2, ticket, NULL), MESH_OUT_DONE);
        assert_back(s, &missed);
        free(first);
        free(later);
        free(ticket);
        street_free(s);
}

/* A key out of nowhere is one more to try: it opens nothing, and the key that another ticket has comes through all the same. */
static void test_wrong_keys(void **state) {
        (void)state;
        struct street *s = long_away();
        struct hash missed;
        char *good = ticket_of(s, 1);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "while away", &missed), MESH_OUT_DONE);
        street_on(s, 2);
        street_run_for(s, 60);
        struct key wrong = {{0}};
        for (uint8_t i = 1; i < 10; i++) {
                wrong.b[0] = i;
                char *bad = forged(s, &wrong);
                assert_int_equal(street_refresh(s, 2, bad, NULL), MESH_OUT_DONE);
                free(bad);
        }
        street_run_for(s, 600);
        assert_int_equal(street_links(s, 2), 0);
        assert_int_equal(mesh_refreshed(street_core(s, 2)), MESH_OUT_STRANGER);
        assert_int_equal(street_refresh(s, 2, good, NULL), MESH_OUT_DONE);
        assert_true(street_wait_links(s, 2, 600));
        street_run_for(s, 120);
        assert_true(street_has(s, 2, &missed));
        /* What nobody's epoch has is given up when its time is over, restarts or not. */
        assert_true(in_hand(s, 2).n > 0);
        for (size_t i = 0; i < 3; i++)
                street_off(s, i);
        street_run_for(s, 38 * DAY);
        for (size_t i = 0; i < 3; i++)
                street_on(s, i);
        assert_true(street_wait_links(s, 2, 600));
        street_run_for(s, 120);
        assert_int_equal(in_hand(s, 2).n, 0);
        free(good);
        street_free(s);
}

/* A ticket that helps is not pushed out by the next ones, which know less. */
static void test_several_tickets(void **state) {
        (void)state;
        struct street *s = long_away();
        struct key wrong = {{0}};
        char *good = ticket_of(s, 1);
        street_on(s, 2);
        street_run_for(s, 60);
        street_off(s, 0);
        street_off(s, 1);
        assert_int_equal(street_refresh(s, 2, good, NULL), MESH_OUT_DONE);
        for (uint8_t i = 1; i < 4; i++) {
                wrong.b[0] = i;
                char *bad = forged(s, &wrong);
                assert_int_equal(street_refresh(s, 2, bad, NULL), MESH_OUT_DONE);
                free(bad);
        }
        street_run_for(s, 600);
        street_on(s, 1);
        assert_true(street_wait_links(s, 2, 3600));
        free(good);
        street_free(s);
}

/* Somebody lives now where a home lived that was removed. */
static void test_address_of_one_gone(void **state) {
        (void)state;
        const uint8_t there[4] = {10, 9, 0, 1};
        struct street *s = street_bare(4, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        street_place(s, 3, there);
        char *ticket = strdup(street_invite(s, 0, 3));
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
        street_run_for(s, 600);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_place(s, 3, (const uint8_t[4]){10, 9, 0, 2});
        street_off(s, 3);
        street_off(s, 0);
        street_shut(s, 2);
        street_cut(s, 1, 2);
        street_place(s, 1, there);
        street_mend(s, 1, 2);
        street_run_for(s, 900);
        assert_int_equal(street_links(s, 2), 0);
        street_knock(s, 2, 1);
        assert_true(street_wait_links(s, 2, 30));
        free(ticket);
        street_free(s);
}

static void on_bytes(void *ctx, struct span bytes, bool gone) {
        guest_take(ctx, bytes, gone);
}

/* How many bytes a caller hears that knows no key but this one. */
static size_t answered(struct street *s, size_t i, const struct key *psk) {
        struct guest g;
        struct rng rng;
        uint8_t k[32] = {9};
        struct key noise = {{3}};
        rng_init(&rng, k);
        guest_start(&g, roster_mesh(mesh_roster(street_core(s, i))), &noise, psk, &rng);
        mesh_link link = street_attach(s, i, on_bytes, &g);
        _clean_(buf_fini) struct buf out = g.out;
        g.out = BUF_NULL;
        street_attached_send(s, i, link, buf_span(&out));
        street_run_for(s, 30);
        size_t n = g.bytes;
        street_detach(s, i, link);
        guest_end(&g);
        return n;
}

/* Callers are answered under the keys of epochs alone, and a key that others still accept goes on being tried. */
static void test_displaces_nothing(void **state) {
        (void)state;
        struct street *s = street_new(4, seed);
        struct key wrong = {{5}};
        struct hash after;
        street_run_for(s, 60);
        street_off(s, 2);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_off(s, 3); /* it has heard of its removal, and might tell */
        street_cut(s, 2, 0);
        street_cut(s, 2, 1);
        street_on(s, 2);
        street_run_for(s, 60);
        char *bad = forged(s, &wrong);
        assert_int_equal(street_refresh(s, 2, bad, NULL), MESH_OUT_DONE);
        assert_int_equal(answered(s, 2, &wrong), 0);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "after", &after), MESH_OUT_DONE);
        street_mend(s, 2, 0);
        assert_true(street_wait_links(s, 2, 1200));
        street_run_for(s, 60);
        assert_true(street_has(s, 2, &after));
        free(bad);
        street_free(s);
}

/* The ticket of another mesh, of one that is gone, of another time. Nothing of it stays. */
static void test_refused(void **state) {
        (void)state;
        struct street *s = street_bare(4, seed), *other = street_bare(1, seed + 1);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_found(other, 0), MESH_OUT_DONE);
        char *first = strdup(street_invite(s, 0, 2));
        assert_int_equal(street_refresh(s, 1, first, NULL), MESH_OUT_NO_MESH);
        assert_int_equal(street_join(s, 1, first), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 2, first), MESH_OUT_DONE);
        street_run_for(s, 60);
        size_t before = addresses_of(s, 1);
        assert_true(before > 0);
        char *theirs = ticket_of(other, 0), *gone = ticket_of(s, 2), *back = ticket_of(s, 0);
        assert_int_equal(street_refresh(s, 1, theirs, NULL), MESH_OUT_IN_MESH);
        assert_int_equal(street_refresh(s, 1, "PORCHLIGHT1AAAA", NULL), MESH_OUT_TICKET_BAD);
        back[40] = back[40] == 'A' ? 'B' : 'A';
        assert_int_equal(street_refresh(s, 1, back, NULL), MESH_OUT_TICKET_BAD);
        free(back);
        back = ticket_of(s, 0);
        assert_int_equal(street_revoke(s, 0), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_int_equal(street_refresh(s, 1, back, NULL), MESH_OUT_TICKET_REVOKED);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 2), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_int_equal(street_refresh(s, 1, gone, NULL), MESH_OUT_TICKET_REVOKED);
        assert_int_equal(street_refresh(s, 2, back, NULL), MESH_OUT_REMOVED);
        street_run_for(s, 8 * DAY);
        assert_int_equal(street_refresh(s, 1, first, NULL), MESH_OUT_TICKET_EXPIRED);
        assert_int_equal(in_hand(s, 1).n, 0);
        assert_int_equal(addresses_of(s, 1), before);
        free(first);
        free(theirs);
        free(gone);
        free(back);
        street_free(s);
        street_free(other);
}

/* A home that was removed while it was away hears that somebody answers, and no more. */
static void test_removed_meanwhile(void **state) {
        (void)state;
        struct hash after;
        struct street *s = street_new(4, seed);
        street_run_for(s, 60);
        street_off(s, 2);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 2), MESH_OUT_DONE);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "after", &after), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_on(s, 2);
        char *ticket = ticket_of(s, 0);
        assert_int_equal(street_refresh(s, 2, ticket, NULL), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_int_equal(mesh_refreshed(street_core(s, 2)), MESH_OUT_NOT_KNOWN);
        street_run_for(s, 3600);
        assert_int_equal(street_links(s, 2), 0);
        assert_false(street_has(s, 2, &after));
        free(ticket);
        street_free(s);
}

static void test_full_disk(void **state) {
        (void)state;
        struct street *s = long_away();
        street_on(s, 2);
        char *ticket = ticket_of(s, 1);
        street_disk_full(s, 2, true);
        assert_int_equal(street_refresh(s, 2, ticket, NULL), MESH_OUT_STORE_FAILED);
        street_run_for(s, 600);
        assert_int_equal(street_links(s, 2), 0);
        street_disk_full(s, 2, false);
        assert_int_equal(street_refresh(s, 2, ticket, NULL), MESH_OUT_DONE);
        assert_true(street_wait_links(s, 2, 60));
        free(ticket);
        street_free(s);
}

/* The addresses are of no use any more, but the writer is on the same network. */
static void test_beacons(void **state) {
        (void)state;
        struct street *s = long_away();
        char *ticket = ticket_of(s, 1);
        for (size_t i = 0; i < 3; i++)
                street_lan(s, i, true);
        street_move(s, 0);
        street_move(s, 1);
        street_on(s, 2);
        street_run_for(s, 300);
        assert_int_equal(street_links(s, 2), 0);
        assert_int_equal(street_refresh(s, 2, ticket, NULL), MESH_OUT_DONE);
        assert_true(street_wait_links(s, 2, 120));
        free(ticket);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_outside_and_back),
                cmocka_unit_test(test_restart_between),
                cmocka_unit_test(test_unknown_writer),
                cmocka_unit_test(test_wrong_keys),
                cmocka_unit_test(test_displaces_nothing),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_removed_meanwhile),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_beacons),
                cmocka_unit_test(test_several_tickets),
                cmocka_unit_test(test_address_of_one_gone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
