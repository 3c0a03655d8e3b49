/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links within links: two homes that cannot reach each other, and a third one that passes bytes on between them. What comes
 * of that is a link like any other, and the one between sees nothing of what goes over it, holds no more than it has said,
 * and stops when its owner says so. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/relay.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define MEGABYTE 1000000u
#define DOOR 0
#define ONE 1
#define OTHER 2

/* ---- two who cannot reach each other ---- */
static struct key device_of(struct street *s, size_t i) {
        struct sign_key device;
        sign_key_from_seed(&device, street_config(s, i)->sign_seed);
        return device.pub;
}

/* They have no way but by home 0, which gives them plenty. */
static struct street *apart(size_t homes) {
        struct street *s = street_new(homes, seed);
        street_cut(s, ONE, OTHER);
        street_relays(s, DOOR, 1000 * (uint64_t)MEGABYTE);
        street_run_for(s, 60);
        return s;
}

struct pair_of {
        size_t one, other, door;
        uint8_t token[16];
        bool haul;
        mesh_link begun, answered;
};

/* Somewhere for the link to be remembered, as dialling does. */
static void dialled_as(struct mesh *m, mesh_link link, const struct key *with, bool haul) {
        struct mesh_addr nowhere = meet_place(with);
        if (haul) {
                size_t i = 0;
                while (m->carries[i].used)
                        i++;
                m->carries[i] = (struct carry){.used = true, .at = {.device = *with, .link = link}, .due = MESH_NEVER};
                return;
        }
        struct address *a = address_add(m, &nowhere);
        assert_non_null(a);
        a->device = *with;
        a->link = link;
}

static mesh_link come(struct street *s, const struct pair_of *p, bool begins) {
        size_t i = begins ? p->one : p->other, with = begins ? p->other : p->one;
        struct mesh *m = street_core(s, i);
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_TICK}); /* it knows the time */
        struct relay_call c = {.inner = relay_number(m, begins),
                               .doorstep = device_of(s, p->door),
                               .with = device_of(s, with),
                               .haul = begins && p->haul};
        memcpy(c.token, p->token, sizeof(c.token));
        if (begins)
                dialled_as(m, c.inner, &c.with, p->haul);
        assert_int_equal(relay_call(m, &c), 0);
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_TICK});
        return c.inner;
}

static struct pair_of relayed(struct street *s, bool haul) {
        struct pair_of p = {.one = ONE, .other = OTHER, .door = DOOR, .token = {1, 2, 3}, .haul = haul};
        p.begun = come(s, &p, true);
        p.answered = come(s, &p, false);
        street_run_for(s, 5);
        return p;
}

static struct link *within(struct street *s, size_t i, mesh_link link) {
        return link_find(street_core(s, i), link);
}

static bool is_up(struct street *s, const struct pair_of *p) {
        enum link_state up = p->haul ? LINK_HAUL : LINK_UP;
        const struct link *a = within(s, p->one, p->begun), *b = within(s, p->other, p->answered);
        return a && b && a->state == up && b->state == up && a->room && b->room;
}

static size_t rooms(struct street *s, size_t i) {
        return street_core(s, i)->relay.n;
}

static void nothing_left(struct street *s, size_t homes) {
        for (size_t i = 0; i < homes; i++) {
                assert_int_equal(rooms(s, i), 0);
                LINK_EACH(l, street_core(s, i))
                assert_null(l->room);
        }
}

/* ---- a neighbour ---- */
static bool has_read(struct street *s, void *ctx) {
        return street_has(s, OTHER, ctx);
}

/* It is up at both ends, and told of as what it is. An urgent alert goes over it at once, though footage pauses for it. */
static void test_neighbours(void **state) {
        (void)state;
        struct street *s = apart(4);
        struct pair_of p = relayed(s, false);
        struct mesh_peer peer = {0};
        struct hash alert;
        assert_true(is_up(s, &p));
        for (size_t i = 0; !peer.relayed; i++)
                assert_true(mesh_peer_at(street_core(s, ONE), i, &peer));
        struct key door = device_of(s, DOOR), other = device_of(s, OTHER);
        assert_true(peer.up && !peer.footage && key_eq(&peer.doorstep, &door) && key_eq(&peer.device, &other));
        struct mesh_relaying passing;
        mesh_relaying(street_core(s, DOOR), &passing);
        assert_true(passing.pairs == 1 && passing.passed > 0 && passing.quota == 1000 * (uint64_t)MEGABYTE);
        street_run_for(s, 30);
        uint64_t before = within(s, OTHER, p.answered)->received;
        assert_int_equal(street_post(s, ONE, KIND_FIRE, "the shed", &alert), MESH_OUT_DONE);
        assert_true(street_wait(s, 1, has_read, &alert));
        street_run_for(s, 0.2);
        assert_true(street_core(s, DOOR)->haul_pause > s->now - 1000); /* it was posted just now */
        assert_true(within(s, OTHER, p.answered)->received > before + 500);
        street_run_for(s, 1000); /* it is kept alive */
        assert_true(is_up(s, &p));
        street_free(s);
}

/* Where there is nobody else: all that the two have in common goes over it. */
static void test_only_way(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct pair_of p = relayed(s, false);
        struct hash alert;
        assert_true(is_up(s, &p));
        LINK_EACH(l, street_core(s, DOOR))
        if (l->state == LINK_UP)
                link_hangup(l, REASON_OVERLOAD);
        for (size_t i = 0; i < street_core(s, DOOR)->n_addresses; i++)
                street_core(s, DOOR)->addresses[i].next = MESH_NEVER;
        assert_int_equal(street_post(s, ONE, KIND_FIRE, "the shed", &alert), MESH_OUT_DONE);
        assert_true(street_wait(s, 0.4, has_read, &alert)); /* no pause, and none of the doorstep's gossip */
        street_free(s);
}

/* ---- footage ---- */
#define MARK "what nobody between may read"

struct got {
        uint64_t bytes, next;
        bool jumbled;
        unsigned down;
};

static void on_got(void *ctx, size_t i, const struct mesh_action *a) {
        struct got *g = ctx;
        struct wire_haul_piece piece;
        (void)i;
        g->down += a->type == MESH_DO_HAUL_DOWN && a->link & MESH_LINK_RELAYED;
        if (a->type != MESH_DO_HAUL || a->haul.number != LINK_PIECE)
                return;
        assert_int_equal(codec_decode(&wire_haul_piece_desc, a->haul.map, &piece, NULL), 0);
        g->bytes += piece.bytes.n;
        g->jumbled |= piece.chunk != g->next++ || memcmp(piece.bytes.p, MARK, sizeof(MARK)) != 0;
}

static uint64_t say_pieces(struct street *s, const struct pair_of *p, uint64_t *chunk) {
        static const struct hash clip = {{7}};
        static uint8_t bytes[16288] = MARK;
        uint64_t said = 0;
        while (mesh_haul_room(street_core(s, p->one), p->begun)) {
                size_t n = mesh_haul_piece(street_core(s, p->one), p->begun);
                struct wire_haul_piece piece = {
                        .clip = SPAN_OF(clip.b), .chunk = (*chunk)++, .bytes = span_of(bytes, n)};
                street_haul_say(s, p->one, p->begun, LINK_PIECE, &piece);
                said += n;
        }
        return said;
}

/* At the doorstep: nothing of it can be read, and no more waits than it has said. */
static void look_between(struct street *s) {
        LIST_EACH (r, &street_core(s, DOOR)->relay.rooms, struct room, on) {
                assert_true(relay_waiting(r) <= RELAY_AHEAD && r->given <= RELAY_AHEAD);
                assert_true(!r->waits.n || !memmem(r->waits.p, r->waits.n, MARK, sizeof(MARK) - 1));
        }
}

static uint64_t film(struct street *s, const struct pair_of *p, uint64_t size, double most) {
        uint64_t said = 0, chunk = 0, began = s->now;
        while (said < size && s->now < began + (uint64_t)(most * 1000)) {
                said += say_pieces(s, p, &chunk);
                street_run_for(s, 0.005);
                look_between(s);
        }
        return said;
}

static void test_footage(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct got got = {0};
        street_on_haul(s, OTHER, on_got, &got);
        struct pair_of p = relayed(s, true);
        assert_true(is_up(s, &p));
        uint64_t said = film(s, &p, 4 * MEGABYTE, 60);
        street_run_for(s, 5);
        assert_true(said >= 4 * MEGABYTE);
        assert_int_equal(got.bytes, said);
        assert_false(got.jumbled);
        assert_true(budget_passed(street_core(s, DOOR), &street_core(s, OTHER)->household) > said);
        street_run_for(s, 65); /* nobody needs it: it goes, its room, and the way to the doorstep */
        assert_int_equal(got.down, 1);
        nothing_left(s, 3);
        street_run_for(s, 65);
        LINK_EACH(l, street_core(s, DOOR))
        assert_true(l->state != LINK_HAUL);
        street_free(s);
}

/* Who does not take it stops who sends it. Nothing of it is lost. */
static void test_slow(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct got got = {0};
        street_on_haul(s, OTHER, on_got, &got);
        struct pair_of p = relayed(s, true);
        assert_true(is_up(s, &p));
        street_hold(s, DOOR, OTHER, 15); /* not so long that it is taken for dead */
        uint64_t said = film(s, &p, 8 * MEGABYTE, 10);
        assert_true(said < 8 * MEGABYTE && got.bytes == 0);
        said += film(s, &p, 0, 0);
        street_run_for(s, 20);
        assert_int_equal(got.bytes, said);
        assert_false(got.jumbled);
        street_free(s);
}

/* An urgent record goes out at the doorstep, to somebody else. */
static void urgent(struct street *s) {
        street_feed(s, DOOR, (struct mesh_event){.type = MESH_EV_TICK});
        carry_yield(street_core(s, DOOR), CLASS_URGENT);
        street_feed(s, DOOR, (struct mesh_event){.type = MESH_EV_TICK});
}

/* Footage waits while alerts go about; what hurries goes on, and no more of it than an alert needs. */
static void test_pauses(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct got got = {0};
        street_on_haul(s, OTHER, on_got, &got);
        struct pair_of p = relayed(s, true);
        struct mesh *door = street_core(s, DOOR);
        film(s, &p, MEGABYTE, 60);
        street_run_for(s, 2);
        urgent(s);
        uint64_t before = got.bytes, chunk = got.next;
        say_pieces(s, &p, &chunk);
        street_run_for(s, 0.4);
        assert_int_equal(got.bytes, before);
        street_run_for(s, 1);
        assert_true(got.bytes > before);
        struct pair_of q = {.one = ONE, .other = OTHER, .door = DOOR, .token = {9}};
        q.begun = come(s, &q, true);
        q.answered = come(s, &q, false);
        street_run_for(s, 5);
        assert_true(is_up(s, &q) && is_up(s, &p));
        urgent(s);
        door->relay.paused = RELAY_PAUSED - 1; /* others have had nearly all of this pause */
        uint64_t heard = within(s, OTHER, q.answered)->received;
        street_run_for(s, 0.1);
        for (int i = 0; i < 5; i++)
                assert_int_equal(link_say(within(s, ONE, q.begun), LINK_PING, &(struct wire_nothing){0}), 0);
        street_feed(s, ONE, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, 0.1);
        assert_int_equal(link_say(within(s, ONE, q.begun), LINK_PING, &(struct wire_nothing){0}), 0);
        street_feed(s, ONE, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, 0.2);
        assert_int_equal(within(s, OTHER, q.answered)->received, heard + 128); /* the first frame, and not the second */
        street_run_for(s, 0.5);
        assert_true(within(s, OTHER, q.answered)->received >= heard + 256);
        street_free(s);
}

/* ---- ends ---- */
static void test_end_goes(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct pair_of p = relayed(s, false);
        assert_true(is_up(s, &p));
        link_hangup(within(s, ONE, p.begun), REASON_OVERLOAD);
        street_feed(s, ONE, (struct mesh_event){.type = MESH_EV_TICK});
        street_run_for(s, 1);
        assert_null(within(s, OTHER, p.answered));
        nothing_left(s, 3);
        street_free(s);
}

static void test_way_goes(void **state) {
        (void)state;
        for (int which = 0; which < 3; which++) {
                struct street *s = apart(3);
                struct pair_of p = relayed(s, which == 1);
                assert_true(is_up(s, &p));
                if (which == 2)
                        street_off(s, DOOR);
                else
                        street_cut(s, DOOR, which ? OTHER : ONE);
                street_run_for(s, 2);
                assert_true(!within(s, ONE, p.begun) && !within(s, OTHER, p.answered));
                if (which == 2)
                        street_on(s, DOOR);
                nothing_left(s, 3);
                street_free(s);
        }
}

/* One of them is elsewhere, and nobody was told: what it had to the doorstep is dead. It finds out, and so does the doorstep when it
 * comes again; then nothing is left of the room, at the other end neither. */
static void test_moved(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct pair_of p = relayed(s, true);
        assert_true(is_up(s, &p));
        mesh_link outer = within(s, ONE, p.begun)->room->outer->id;
        street_run_for(s, 1);
        street_move(s, ONE);
        street_run_for(s, DOUBT_TIME / 1000 + 1);
        assert_true(!within(s, ONE, p.begun) && !link_find(street_core(s, ONE), outer));
        street_run_for(s, 2 * DOUBT_TIME / 1000.0);
        assert_null(within(s, OTHER, p.answered));
        nothing_left(s, 3);
        street_free(s);
}

/* A doorstep that is there no more is found out by who asks it for a room. */
static void test_dead_outer(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct pair_of p = relayed(s, true);
        mesh_link outer = within(s, ONE, p.begun)->room->outer->id;
        street_hold(s, ONE, DOOR, 3600); /* it is there, and nothing comes */
        struct pair_of q = {.one = ONE, .other = OTHER, .door = DOOR, .token = {9}, .haul = false};
        q.begun = come(s, &q, true);
        street_run_for(s, DOUBT_TIME / 1000 + 1);
        assert_null(link_find(street_core(s, ONE), outer));
        street_free(s);
}

/* Nobody comes at the other end; or somebody else than was agreed on. */
static void test_nobody(void **state) {
        (void)state;
        struct street *s = apart(4);
        struct pair_of p = {.one = ONE, .other = OTHER, .door = DOOR, .token = {1}};
        p.begun = come(s, &p, true);
        struct pair_of q = {.one = 3, .other = OTHER, .door = DOOR, .token = {1}};
        come(s, &q, false); /* to be called by home 3 */
        struct pair_of o = {.one = ONE, .other = OTHER, .door = DOOR, .token = {2}};
        come(s, &o, false);
        street_run_for(s, 25);
        assert_true(rooms(s, DOOR) == 3 && rooms(s, ONE) == 1 && rooms(s, OTHER) == 2);
        street_run_for(s, 10);
        nothing_left(s, 4);
        assert_null(address_of_link(street_core(s, ONE), p.begun));
        street_free(s);
}

/* The owner's word, the day's bytes, and a household's share of both. */
static void test_refusals(void **state) {
        (void)state;
        struct street *s = apart(3);
        street_relays(s, DOOR, 0);
        struct pair_of p = relayed(s, false);
        assert_false(is_up(s, &p));
        nothing_left(s, 3);
        street_relays(s, DOOR, 4 * MEGABYTE);
        p = relayed(s, true);
        assert_true(is_up(s, &p));
        film(s, &p, 2 * MEGABYTE, 20);
        street_run_for(s, 40);
        assert_false(is_up(s, &p));
        uint64_t passed = budget_passed(street_core(s, DOOR), &street_core(s, DOOR)->sign.pub);
        assert_true(passed >= MEGABYTE && passed < MEGABYTE + 2 * RELAY_AHEAD);
        nothing_left(s, 3);
        p = relayed(s, false); /* it has had its share */
        assert_false(is_up(s, &p));
        street_run_for(s, 86400);
        p = relayed(s, false);
        assert_true(is_up(s, &p));
        street_free(s);
}

/* What is passed on ends when the owner takes his word back, though nothing is said in it. */
static void test_taken_back(void **state) {
        (void)state;
        for (int haul = 0; haul < 2; haul++) {
                struct street *s = apart(3);
                struct pair_of p = relayed(s, haul);
                assert_true(is_up(s, &p));
                street_relays(s, DOOR, 500 * (uint64_t)MEGABYTE);
                street_run_for(s, 1);
                assert_true(is_up(s, &p));
                street_relays(s, DOOR, 0);
                street_run_for(s, 1);
                assert_int_equal(rooms(s, DOOR), 0);
                assert_false(is_up(s, &p));
                street_free(s);
        }
}

static void test_many(void **state) {
        (void)state;
        struct street *s = apart(3);
        for (uint8_t i = 0; i <= 2 * RELAYS_HOUSEHOLD; i++) {
                struct pair_of p = {.one = ONE, .other = OTHER, .door = DOOR, .token = {i}};
                come(s, &p, false);
        }
        street_run_for(s, 5);
        assert_int_equal(rooms(s, DOOR), 2 * RELAYS_HOUSEHOLD);
        assert_int_equal(rooms(s, OTHER), 2 * RELAYS_HOUSEHOLD);
        street_free(s);
}

static struct pair_of relayed_to(struct street *s, size_t other, bool haul) {
        struct pair_of p = {.one = ONE, .other = other, .door = DOOR, .token = {(uint8_t)other, haul}, .haul = haul};
        p.begun = come(s, &p, true);
        p.answered = come(s, &p, false);
        street_run_for(s, 5);
        return p;
}

/* However many neighbours a household has by way of it, there is room for the clips it fetches. */
static void test_room_for_footage(void **state) {
        (void)state;
        size_t homes = OTHER + RELAYS_HOUSEHOLD + 1;
        struct street *s = street_new(homes, seed);
        for (size_t i = OTHER; i < homes; i++)
                street_cut(s, ONE, i);
        street_relays(s, DOOR, 1000 * (uint64_t)MEGABYTE);
        street_run_for(s, 60);
        for (size_t i = OTHER; i < homes; i++) {
                struct pair_of p = relayed_to(s, i, false);
                assert_int_equal(is_up(s, &p), i < OTHER + RELAYS_HOUSEHOLD);
        }
        assert_int_equal(rooms(s, DOOR), 2 * RELAYS_HOUSEHOLD);
        struct pair_of p = relayed_to(s, homes - 1, true);
        assert_true(is_up(s, &p));
        street_free(s);
}

/* However many homes want bytes passed on, some places are left for who comes for this home's own clips; and who got no room does
 * not keep one of these for long. */
static void test_place_for_own(void **state) {
        (void)state;
        const size_t homes = ONE + HAULS_PASSING + 5, own = homes - 1;
        struct street *s = street_new(homes, seed);
        mesh_link link;
        street_relays(s, DOOR, 1000 * (uint64_t)MEGABYTE);
        street_run_for(s, 120);
        for (size_t i = ONE; i < own; i++) {
                struct pair_of p = {.one = i, .other = i % (own - 1) + 1, .door = DOOR, .token = {1}};
                come(s, &p, true); /* nobody comes at the other end: it waits */
                street_run_for(s, 0.5);
        }
        assert_int_equal(rooms(s, DOOR), HAULS_PASSING);
        street_run_for(s, HAUL_LEFT / 1000 + 1);
        size_t there = 0;
        LINK_EACH(l, street_core(s, DOOR))
        there += l->state == LINK_HAUL;
        assert_int_equal(there, HAULS_PASSING);
        assert_int_equal(street_haul(s, own, DOOR, &link), MESH_OUT_DONE);
        street_free(s);
}

/* PROTOCOL 18.12 */
static void test_direct_is_better(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct pair_of p = relayed(s, false);
        assert_true(is_up(s, &p));
        street_mend(s, ONE, OTHER);
        street_knock(s, ONE, OTHER);
        street_run_for(s, 20);
        assert_true(!within(s, ONE, p.begun) && !within(s, OTHER, p.answered));
        struct key other = device_of(s, OTHER);
        assert_non_null(link_to_device(street_core(s, ONE), &other));
        p = relayed(s, false); /* and it stays so */
        assert_false(is_up(s, &p));
        assert_non_null(link_to_device(street_core(s, ONE), &other));
        street_free(s);
}

/* Who is removed is passed on to nobody. */
static void test_removed(void **state) {
        (void)state;
        struct street *s = apart(4);
        struct pair_of p = relayed(s, false);
        assert_true(is_up(s, &p));
        assert_int_equal(street_vote(s, DOOR, OP_REMOVE, OTHER), MESH_OUT_DONE);
        street_run_for(s, 20);
        nothing_left(s, 4);
        p = relayed(s, false);
        street_run_for(s, 40);
        nothing_left(s, 4);
        street_free(s);
}

/* ---- a doorstep that is none ---- */
/* It changes a byte: both ends see that, and nothing else comes of it. */
static void test_changed(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct got got = {0};
        street_on_haul(s, OTHER, on_got, &got);
        struct pair_of p = relayed(s, true);
        uint64_t chunk = 0;
        assert_true(is_up(s, &p));
        street_hold(s, DOOR, OTHER, 1);
        bool changed = false;
        for (int i = 0; i < 400 && !changed; i++) {
                say_pieces(s, &p, &chunk);
                street_run_for(s, 0.005);
                LIST_EACH (r, &street_core(s, DOOR)->relay.rooms, struct room, on) {
                        if (relay_waiting(r))
                                r->waits.p[r->at] ^= changed = true;
                }
        }
        assert_true(changed);
        street_run_for(s, 5);
        assert_false(got.jumbled);
        assert_false(is_up(s, &p));
        nothing_left(s, 3);
        street_free(s);
}

/* It passes nothing on, and says nothing: the two do not come about, or end, and have lost some time. */
static void test_silent(void **state) {
        (void)state;
        struct street *s = apart(3);
        struct pair_of p = relayed(s, false);
        assert_true(is_up(s, &p));
        LIST_EACH (r, &street_core(s, DOOR)->relay.rooms, struct room, on)
                r->haul = true; /* and it has no end to say that footage pauses */
        for (int i = 0; i < 2000; i++) {
                urgent(s);
                street_run_for(s, 0.1);
        }
        assert_false(is_up(s, &p));
        street_run_for(s, 5);
        assert_int_equal(rooms(s, ONE) + rooms(s, OTHER), 0);
        street_free(s);
}

/* ---- an end that keeps to nothing ---- */
static void say_open(struct visit *v, struct street *s, uint32_t room, size_t with) {
        static const uint8_t token[16] = {4};
        struct key device = device_of(s, with);
        struct wire_relay_open msg = {.room = room, .with = SPAN_OF(device.b), .token = SPAN_OF(token)};
        guest_say(&v->g, LINK_RELAY, &msg);
        flush(v);
}

static void guest_hauls(struct visit *v, struct street *s, size_t as) {
        static const uint8_t none[8];
        mesh_wall now = street_wall(s);
        struct wire_hello h = {.version = 1,
                               .time = now,
                               .until = now,
                               .ops = SPAN_OF(none),
                               .contacts = SPAN_OF(none),
                               .records = SPAN_OF(none)};
        WIRE_PUT(&h, HELLO, haul, true);
        visit_shake(v, s, DOOR, as);
        guest_say(&v->g, LINK_HELLO, &h);
        flush(v);
        flush(v);
}

static void ends_the_link(struct street *s, struct visit *v) {
        flush(v);
        street_run_for(s, 1);
        assert_true(v->g.gone && v->g.bye == REASON_BAD_FRAME);
        visit_end(v);
        assert_int_equal(rooms(s, DOOR), 0);
}

static void test_junk(void **state) {
        (void)state;
        static const uint8_t bytes[16000];
        struct street *s = apart(4);
        struct visit v;
        street_off(s, 3);
        street_run_for(s, 5);
        guest_hauls(&v, s, 3);
        say_open(&v, s, 2, ONE); /* a number that is the doorstep's to give */
        ends_the_link(s, &v);
        guest_hauls(&v, s, 3);
        say_open(&v, s, 1, ONE);
        say_open(&v, s, 1, ONE); /* there already */
        ends_the_link(s, &v);
        guest_hauls(&v, s, 3);
        say_open(&v, s, 1, ONE);
        struct wire_relay_bytes msg = {.room = 1, .bytes = span_of(bytes, 1)};
        guest_say(&v.g, LINK_RELAY_BYTES, &msg); /* nobody said that they may come */
        ends_the_link(s, &v);
        guest_hauls(&v, s, 3);
        say_open(&v, s, 1, ONE);
        struct wire_relay_room more = {.room = 1, .more = 5};
        guest_say(&v.g, LINK_RELAY_ROOM, &more); /* the doorstep's to say */
        ends_the_link(s, &v);
        guest_hauls(&v, s, 3);
        say_open(&v, s, 1, 3);    /* with itself */
        say_open(&v, s, 3, DOOR); /* with the doorstep */
        street_run_for(s, 1);
        assert_true(!v.g.gone && v.g.got[LINK_RELAY_END] == 2 && rooms(s, DOOR) == 0);
        msg.room = 77;
        guest_say(&v.g, LINK_RELAY_BYTES, &msg); /* of none: one may have ended just now */
        flush(&v);
        assert_false(v.g.gone);
        visit_end(&v);
        street_free(s);
}

/* More than the doorstep takes, while the other end takes nothing. */
static void test_flood(void **state) {
        (void)state;
        static const uint8_t bytes[16000];
        struct street *s = apart(4);
        struct visit v;
        street_off(s, 3);
        street_run_for(s, 5);
        guest_hauls(&v, s, 3);
        say_open(&v, s, 1, ONE);
        struct pair_of p = {.one = 3, .other = ONE, .door = DOOR, .token = {4}};
        come(s, &p, false);
        street_run_for(s, 2);
        assert_int_equal(v.g.got[LINK_RELAY_ROOM], 1);
        street_hold(s, DOOR, ONE, 30);
        struct wire_relay_bytes msg = {.room = 1, .bytes = SPAN_OF(bytes)};
        for (size_t i = 0; i < 3 * RELAY_AHEAD / sizeof(bytes) && !v.g.gone; i++) {
                guest_say(&v.g, LINK_RELAY_BYTES, &msg);
                flush(&v);
                look_between(s);
        }
        assert_true(v.g.gone && v.g.bye == REASON_BAD_FRAME);
        visit_end(&v);
        street_run_for(s, 60);
        assert_int_equal(rooms(s, DOOR) + rooms(s, ONE), 0);
        street_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_neighbours),    cmocka_unit_test(test_only_way),
                cmocka_unit_test(test_footage),       cmocka_unit_test(test_slow),
                cmocka_unit_test(test_pauses),        cmocka_unit_test(test_end_goes),
                cmocka_unit_test(test_way_goes),      cmocka_unit_test(test_nobody),
                cmocka_unit_test(test_refusals),      cmocka_unit_test(test_taken_back),
                cmocka_unit_test(test_many),          cmocka_unit_test(test_room_for_footage),
                cmocka_unit_test(test_removed),       cmocka_unit_test(test_direct_is_better),
                cmocka_unit_test(test_changed),       cmocka_unit_test(test_silent),
                cmocka_unit_test(test_junk),          cmocka_unit_test(test_flood),
                cmocka_unit_test(test_moved),         cmocka_unit_test(test_dead_outer),
                cmocka_unit_test(test_place_for_own),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
