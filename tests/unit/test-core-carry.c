/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that carry footage: who gets one, what goes over it and what does not, and that it is in nobody's way. Seed: printed,
 * and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "crypto/chunk.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define NUMBERS 64
#define HOMES 24

/* What the cores of a street told of their links. */
struct told {
        struct {
                unsigned up, down;
                mesh_link link; /* the latest that came up */
                unsigned got[NUMBERS];
                uint64_t bytes; /* in PIECEs */
                uint64_t next;  /* the place the next PIECE should have */
                bool jumbled;
                struct buf last;
        } at[HOMES];
};

static void on_told(void *ctx, size_t i, const struct mesh_action *a) {
        struct told *t = ctx;
        struct wire_haul_piece piece;
        if (a->type == MESH_DO_HAUL_UP) {
                t->at[i].up++;
                t->at[i].link = a->link;
        } else if (a->type == MESH_DO_HAUL_DOWN) {
                t->at[i].down++;
        } else if (a->type == MESH_DO_HAUL) {
                t->at[i].got[a->haul.number]++;
                buf_clear(&t->at[i].last);
                buf_add(&t->at[i].last, a->haul.map);
        }
        if (a->type != MESH_DO_HAUL || a->haul.number != LINK_PIECE)
                return;
        assert_int_equal(codec_decode(&wire_haul_piece_desc, a->haul.map, &piece, NULL), 0);
        t->at[i].bytes += piece.bytes.n;
        t->at[i].jumbled |= piece.chunk != t->at[i].next++;
}

static struct street *watched(size_t homes, struct told *t) {
        struct street *s = street_new(homes, seed);
        *t = (struct told){0};
        for (size_t i = 0; i < homes; i++)
                street_on_haul(s, i, on_told, t);
        street_run_for(s, 30);
        return s;
}

static void told_end(struct told *t, struct street *s) {
        for (size_t i = 0; i < HOMES; i++)
                buf_fini(&t->at[i].last);
        street_free(s);
}

static const struct hash clip = {{7, 7, 7}};

static void seek(struct street *s, size_t i, mesh_link link) {
        struct wire_haul_clip msg = {.clip = SPAN_OF(clip.b)};
        street_haul_say(s, i, link, LINK_SEEK, &msg);
}

static size_t carrying(struct street *s, size_t i) {
        size_t n = 0;
        LINK_EACH(l, street_core(s, i))
        n += l->state == LINK_HAUL;
        return n;
}

/* ---- what a link is ---- */
/* Both sides are told, messages go both ways, and among the neighbours nothing has changed. */
static void test_both_ways(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(3, &t);
        struct mesh_peer peer;
        mesh_link link, again;
        size_t links = street_links(s, 1), accepted = street_links(s, 0);
        assert_int_equal(street_haul(s, 1, 0, &link), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_true(t.at[1].up == 1 && t.at[0].up == 1 && t.at[2].up == 0);
        assert_int_equal(street_links(s, 1), links);
        assert_int_equal(street_links(s, 0), accepted);
        for (size_t i = 0; mesh_peer_at(street_core(s, 1), i, &peer); i++)
                assert_true(!peer.footage && (peer.dialled || i < links));
        assert_true(mesh_haul_at(street_core(s, 1), 0, &peer) && peer.footage && peer.up && peer.dialled);
        assert_false(mesh_haul_at(street_core(s, 1), 1, &peer) || mesh_haul_at(street_core(s, 2), 0, &peer));
        seek(s, 1, link);
        street_run_for(s, 1);
        assert_int_equal(t.at[0].got[LINK_SEEK], 1);
        struct wire_haul_have have = {.clip = SPAN_OF(clip.b)};
        WIRE_PUT(&have, HAUL_HAVE, bits, SPAN_STR("\x05"));
        street_haul_say(s, 0, t.at[0].link, LINK_HAVE, &have);
        street_run_for(s, 1);
        assert_int_equal(t.at[1].got[LINK_HAVE], 1);
        struct wire_haul_have back;
        assert_int_equal(codec_decode(&wire_haul_have_desc, buf_span(&t.at[1].last), &back, NULL), 0);
        assert_true(span_eq(back.bits, SPAN_STR("\x05")) && span_eq(back.clip, SPAN_OF(clip.b)));
        assert_int_equal(street_haul(s, 1, 0, &again), MESH_OUT_DONE); /* the one there is */
        assert_int_equal(again, link);
        assert_int_equal(t.at[1].up, 1);
        told_end(&t, s);
}

/* Nobody who says nothing keeps one. It may be had again. */
static void test_idle(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(2, &t);
        mesh_link link;
        assert_int_equal(street_haul(s, 1, 0, &link), MESH_OUT_DONE);
        for (int i = 0; i < 5; i++) {
                seek(s, 1, link);
                street_run_for(s, 40);
        }
        assert_true(t.at[0].down == 0 && t.at[1].down == 0);
        assert_int_equal(t.at[0].got[LINK_SEEK], 5);
        street_run_for(s, 61);
        assert_true(t.at[0].down == 1 && t.at[1].down == 1);
        assert_int_equal(carrying(s, 0) + carrying(s, 1), 0);
        assert_int_equal(street_haul(s, 1, 0, &link), MESH_OUT_DONE);
        street_haul_end(s, 1, link);
        street_run_for(s, 1);
        assert_true(t.at[0].down == 2 && t.at[1].down == 2);
        told_end(&t, s);
}

/* Both dial at once: one link is left, the same at both ends, and both commands are answered. */
static void test_both_dial(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(2, &t);
        struct mesh_event ev = {.type = MESH_EV_HAUL, .token = 1000};
        ev.haul.device = street_core(s, 1)->sign.pub;
        street_feed(s, 0, ev);
        mesh_link link;
        assert_int_equal(street_haul(s, 1, 0, &link), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_true(carrying(s, 0) == 1 && carrying(s, 1) == 1);
        assert_true(t.at[0].up - t.at[0].down == 1 && t.at[1].up - t.at[1].down == 1);
        seek(s, 0, t.at[0].link);
        seek(s, 1, t.at[1].link);
        street_run_for(s, 1);
        assert_true(t.at[0].got[LINK_SEEK] == 1 && t.at[1].got[LINK_SEEK] == 1);
        told_end(&t, s);
}

/* ---- who gets none ---- */
static void test_who(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(3, &t);
        struct mesh_event ev = {.type = MESH_EV_HAUL};
        mesh_link link;
        assert_int_equal(street_command(s, 1, ev, 10), MESH_OUT_NO_DEVICE); /* of zeros */
        assert_int_equal(street_haul(s, 1, 1, &link), MESH_OUT_NO_DEVICE);  /* itself */
        street_off(s, 2);
        assert_int_equal(street_haul(s, 1, 2, &link), MESH_OUT_HAUL_SILENT);
        street_on(s, 2);
        street_run_for(s, 60);
        assert_int_equal(street_haul(s, 1, 2, &link), MESH_OUT_DONE);
        struct street *bare = street_bare(2, seed);
        assert_int_equal(street_haul(bare, 1, 0, &link), MESH_OUT_NO_MESH);
        street_free(bare);
        told_end(&t, s);
}

static struct address *at_home(struct street *s, size_t i, size_t of) {
        struct mesh *m = street_core(s, i);
        return address_find(m, &s->homes[of].addr);
}

/* Somebody else answers where it was: it is sent away, and the next address is tried. */
static void test_elsewhere(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(3, &t);
        mesh_link link;
        street_run_for(s, 60);
        struct address *wrong = at_home(s, 0, 2), *right = at_home(s, 0, 1);
        struct mesh *m = street_core(s, 0);
        assert_true(wrong && right);
        wrong->device = right->device;
        right->failures = 1; /* it comes last */
        LINK_EACH(l, m)
        l->dialled = false; /* nor does where a link was dialled come first */
        assert_int_equal(street_haul(s, 0, 1, &link), MESH_OUT_DONE);
        assert_int_equal(t.at[2].up, 0);
        assert_int_equal(t.at[1].up, 1);
        told_end(&t, s);
}

/* Of more addresses than are tried: those that failed before come last, and whoever waits hears so in the end. */
static void test_many_addresses(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(3, &t);
        struct mesh *m = street_core(s, 0);
        const struct key *device = &street_core(s, 1)->sign.pub;
        mesh_link link;
        street_run_for(s, 60);
        for (uint8_t i = 0; i < 3 * HAUL_WAYS; i++) {
                struct mesh_addr nowhere = {.ip = {[10] = 0xff, 0xff, 203, 0, 113, i}, .port = 7345};
                struct address *a = address_add(m, &nowhere);
                assert_non_null(a);
                a->device = *device;
                a->failures = i % 2;
                a->next = MESH_NEVER;
        }
        street_off(s, 1);
        assert_int_equal(street_haul(s, 0, 1, &link), MESH_OUT_HAUL_SILENT);
        assert_int_equal(carrying(s, 0), 0);
        told_end(&t, s);
}

/* The two have not heard of each other since a key was changed: a link is made under one that both have. */
static void test_keys(void **state) {
        (void)state;
        for (int turned = 0; turned < 2; turned++) {
                struct told t;
                struct street *s = watched(4, &t);
                mesh_link link;
                street_run_for(s, 60);
                street_off(s, 2);
                assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
                street_run_for(s, 60);
                street_on(s, 2);
                for (size_t i = 0; i < 2; i++)
                        for (size_t k = 0; k < street_core(s, 2 * i)->n_addresses; k++)
                                street_core(s, 2 * i)->addresses[k].next = MESH_NEVER; /* the haul is the first link */
                assert_int_equal(street_haul(s, turned ? 2 : 0, turned ? 0 : 2, &link), MESH_OUT_DONE);
                told_end(&t, s);
        }
}

/* Whoever is removed is hung up on at once, and gets none again. */
static void test_removal(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(4, &t);
        mesh_link link;
        assert_int_equal(street_haul(s, 3, 1, &link), MESH_OUT_DONE);
        assert_int_equal(street_haul(s, 3, 2, &link), MESH_OUT_DONE);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 3), MESH_OUT_DONE);
        street_run_for(s, 20);
        assert_true(t.at[1].down == 1 && t.at[2].down == 1 && t.at[3].down == 2);
        assert_int_equal(carrying(s, 1) + carrying(s, 2) + carrying(s, 3), 0);
        assert_int_equal(street_haul(s, 1, 3, &link), MESH_OUT_NO_DEVICE);
        assert_true(street_haul(s, 3, 1, &link) != MESH_OUT_DONE);
        told_end(&t, s);
}

static void hello_for_footage(struct visit *v) {
        static const uint8_t none[8];
        mesh_wall now = street_wall(v->s);
        struct wire_hello h = {.version = 1,
                               .time = now,
                               .until = now,
                               .ops = SPAN_OF(none),
                               .contacts = SPAN_OF(none),
                               .records = SPAN_OF(none)};
        WIRE_PUT(&h, HELLO, haul, true);
        guest_say(&v->g, LINK_HELLO, &h);
        flush(v);
}

/* Home @as, which is off, at home 0's door. */
static void carry(struct visit *v, struct street *s, size_t as) {
        visit_shake(v, s, 0, as);
        hello_for_footage(v);
        flush(v);
}

/* A stranger with the link key is told nothing, whatever it says. */
static void test_stranger(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(2, &t);
        struct visit v;
        struct wire_haul_clip msg = {.clip = SPAN_OF(clip.b)};
        visit_shake(&v, s, 0, SIZE_MAX);
        size_t said = v.g.bytes;
        hello_for_footage(&v);
        guest_say(&v.g, LINK_SEEK, &msg);
        flush(&v);
        street_run_for(s, 20);
        assert_int_equal(v.g.bytes, said);
        assert_true(v.g.gone && t.at[0].up == 0 && t.at[0].got[LINK_SEEK] == 0);
        visit_end(&v);
        told_end(&t, s);
}

/* Two of a household, and sixteen in all; who comes beyond is told so before anything else, and no neighbour has gone for it. */
static void test_places(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(20, &t);
        struct visit v[3];
        mesh_link link;
        street_off(s, 19);
        size_t links = street_links(s, 0);
        carry(&v[0], s, 19);
        street_run_for(s, 1);
        assert_true(v[0].g.got[LINK_HELLO] == 1 && !v[0].g.gone);
        carry(&v[1], s, 19); /* of one device the older goes */
        street_run_for(s, 1);
        assert_true(v[0].g.bye == REASON_DUPLICATE && !v[1].g.gone);
        for (size_t i = 1; i <= HAULS_ACCEPTED - 1; i++)
                assert_int_equal(street_haul(s, i, 0, &link), MESH_OUT_DONE);
        assert_int_equal(carrying(s, 0), HAULS_ACCEPTED);
        assert_int_equal(street_haul(s, 16, 0, &link), MESH_OUT_HAUL_FULL);
        carry(&v[2], s, 17);
        street_run_for(s, 1);
        assert_true(v[2].g.gone && v[2].g.bye == REASON_FULL && v[2].g.got[LINK_HELLO] == 0);
        assert_true(street_links(s, 0) >= links - 1); /* home 19 is off */
        for (size_t i = 0; i < 3; i++)
                visit_end(&v[i]);
        told_end(&t, s);
}

/* The third device of a household finds no place, though there is one for others; when one of the two goes, it does. */
static void test_household(void **state) {
        (void)state;
        struct told t = {0};
        struct street *s = street_bare(5, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < 5; i += 3) {
                char *ticket = strdup(street_invite(s, 0, 1));
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
                free(ticket);
        }
        for (size_t i = 2; i < 4; i++) {
                _clean_(buf_fini) struct buf code = BUF_NULL;
                street_code(s, 1, 0, &code);
                assert_int_equal(street_enrol(s, i, buf_span(&code), "shed"), MESH_OUT_DONE);
        }
        for (size_t i = 0; i < 5; i++)
                street_on_haul(s, i, on_told, &t);
        street_run_for(s, 30);
        mesh_link link, first;
        assert_int_equal(street_haul(s, 1, 0, &first), MESH_OUT_DONE);
        assert_int_equal(street_haul(s, 2, 0, &link), MESH_OUT_DONE);
        assert_int_equal(street_haul(s, 3, 0, &link), MESH_OUT_HAUL_FULL);
        assert_int_equal(street_haul(s, 4, 0, &link), MESH_OUT_DONE);
        assert_int_equal(street_haul(s, 3, 1, &link), MESH_OUT_DONE); /* devices of one household among themselves */
        street_haul_end(s, 1, first);
        street_run_for(s, 1);
        assert_int_equal(street_haul(s, 3, 0, &link), MESH_OUT_DONE);
        told_end(&t, s);
}

static void test_dialled_places(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(11, &t);
        mesh_link link;
        for (size_t i = 1; i <= HAULS_DIALLED; i++)
                assert_int_equal(street_haul(s, 0, i, &link), MESH_OUT_DONE);
        assert_int_equal(street_haul(s, 0, 9, &link), MESH_OUT_HAUL_MANY);
        street_haul_end(s, 0, link ? link : t.at[0].link);
        assert_int_equal(street_haul(s, 0, 9, &link), MESH_OUT_DONE);
        told_end(&t, s);
}

/* ---- what goes over it ---- */
/* Gossip is not heard there, and footage nowhere else. */
static void test_kinds(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(2, &t);
        struct wire_haul_clip seeks = {.clip = SPAN_OF(clip.b)};
        struct wire_nothing nothing = {0};
        struct visit v, plain;
        struct guest_author a;
        struct wire_record w;
        street_off(s, 1);
        carry(&v, s, 1);
        author(&v, 1, &a, &w);
        size_t before = street_count(s, 0);
        say_record(&v, &a, &w);
        guest_say(&v.g, LINK_PING, &nothing);
        flush(&v);
        street_run_for(s, 5);
        assert_true(!v.g.gone && v.g.got[LINK_PONG] == 1 && street_count(s, 0) == before);
        visit_greet(&plain, s, 0, 1);
        guest_say(&plain.g, LINK_SEEK, &seeks);
        flush(&plain);
        street_run_for(s, 5);
        assert_true(!plain.g.gone && t.at[0].got[LINK_SEEK] == 0);
        guest_say(&v.g, LINK_SEEK, &seeks);
        flush(&v);
        assert_int_equal(t.at[0].got[LINK_SEEK], 1);
        visit_end(&plain);
        visit_end(&v);
        told_end(&t, s);
}

static void hung_up_on(struct street *s, enum wire_link number, struct span map) {
        struct visit v;
        carry(&v, s, 1);
        street_run_for(s, 1);
        assert_false(v.g.gone);
        guest_say_raw(&v.g, number, map);
        flush(&v);
        street_run_for(s, 1);
        assert_true(v.g.gone);
        assert_int_equal(v.g.bye, REASON_BAD_FRAME);
        visit_end(&v);
}

/* PROTOCOL 15.34 */
static void test_junk(void **state) {
        (void)state;
        static const uint8_t bytes[CHUNK_TAG + 33];
        struct told t;
        struct street *s = watched(2, &t);
        _clean_(buf_fini) struct buf map = BUF_NULL;
        street_off(s, 1);
        struct wire_haul_want want = {.clip = SPAN_OF(clip.b), .at = 2, .n = CHUNK_CIPHER - 1};
        codec_encode(&wire_haul_want_desc, &want, &map);
        hung_up_on(s, LINK_WANT, buf_span(&map));
        buf_clear(&map);
        struct wire_haul_piece piece = {.clip = SPAN_OF(clip.b), .at = CHUNK_CIPHER - 10, .bytes = span_of(bytes, 11)};
        codec_encode(&wire_haul_piece_desc, &piece, &map);
        hung_up_on(s, LINK_PIECE, buf_span(&map));
        buf_clear(&map);
        struct wire_haul_list list = {.clip = SPAN_OF(clip.b), .hashes = span_of(bytes, 33)};
        codec_encode(&wire_haul_list_desc, &list, &map);
        hung_up_on(s, LINK_LIST, buf_span(&map));
        buf_clear(&map);
        list = (struct wire_haul_list){.clip = SPAN_OF(clip.b), .from = CHUNKS_MAX - 1, .hashes = span_of(bytes, 32)};
        codec_encode(&wire_haul_list_desc, &list, &map);
        struct visit v; /* the last there can be */
        carry(&v, s, 1);
        guest_say_raw(&v.g, LINK_LIST, buf_span(&map));
        guest_say_raw(&v.g, 63, SPAN_STR("\x80")); /* of a later version */
        flush(&v);
        street_run_for(s, 1);
        assert_false(v.g.gone);
        visit_end(&v);
        hung_up_on(s, LINK_SEEK, SPAN_STR("\x81\x01\x01"));
        hung_up_on(s, LINK_HAVE, SPAN_STR("\x80"));
        assert_true(t.at[0].got[LINK_WANT] == 0 && t.at[0].got[LINK_PIECE] == 0 && t.at[0].got[LINK_LIST] == 1);
        told_end(&t, s);
}

/* ---- much of it ---- */
static size_t say_pieces(struct street *s, size_t i, mesh_link link, uint64_t *chunk) {
        static const uint8_t bytes[16288];
        size_t said = 0;
        while (mesh_haul_room(street_core(s, i), link)) {
                size_t n = mesh_haul_piece(street_core(s, i), link);
                struct wire_haul_piece piece = {
                        .clip = SPAN_OF(clip.b), .chunk = (*chunk)++, .bytes = span_of(bytes, n)};
                street_haul_say(s, i, link, LINK_PIECE, &piece);
                said += n;
        }
        return said;
}

/* A megabyte arrives whole and in order, however long it waits; and an alert posted behind a full queue does not wait. */
static void test_much(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(2, &t);
        struct hash alert;
        uint64_t said = 0, chunk = 0;
        mesh_link link;
        assert_int_equal(street_haul(s, 0, 1, &link), MESH_OUT_DONE);
        for (int turn = 0; said < 1000000; turn++) {
                said += say_pieces(s, 0, link, &chunk);
                assert_true(mesh_haul_room(street_core(s, 0), link) == 0);
                if (turn == 3) {
                        assert_int_equal(street_post(s, 0, KIND_FIRE, "over there", &alert), MESH_OUT_DONE);
                        uint64_t before = t.at[1].bytes;
                        assert_true(street_wait_all_have(s, &alert, 2));
                        assert_true(t.at[1].bytes < said && t.at[1].bytes - before < HAUL_QUEUE);
                }
                street_run_for(s, 1);
        }
        street_run_for(s, 30);
        assert_int_equal(t.at[1].bytes, said);
        assert_false(t.at[1].jumbled);
        assert_int_equal(mesh_haul_room(street_core(s, 0), link), HAUL_QUEUE);
        assert_int_equal(mesh_haul_room(street_core(s, 0), 77), 0);
        told_end(&t, s);
}

/* PROTOCOL 15.36: while an urgent one goes about, nothing of it moves, and then it goes on by itself. */
static void test_makes_way(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(2, &t);
        struct hash alert;
        uint64_t chunk = 0, first = 0;
        mesh_link link;
        assert_int_equal(street_haul(s, 0, 1, &link), MESH_OUT_DONE);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "over there", &alert), MESH_OUT_DONE);
        first += say_pieces(s, 0, link, &chunk);
        street_run_for(s, 0.4);
        assert_int_equal(t.at[1].bytes, 0);
        assert_true(street_wait_all_have(s, &alert, 1));
        street_run_for(s, 2);
        assert_int_equal(t.at[1].bytes, first);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "a bicycle", &alert),
                         MESH_OUT_DONE); /* it waits for no such one */
        first += say_pieces(s, 0, link, &chunk);
        street_run_for(s, 0.4);
        assert_true(t.at[1].bytes > 0 && !t.at[1].jumbled);
        told_end(&t, s);
}

/* What does not fit is not taken, and nothing comes of it. */
static void test_no_room(void **state) {
        (void)state;
        struct told t;
        struct street *s = watched(2, &t);
        uint64_t chunk = 0;
        mesh_link link;
        assert_int_equal(street_haul(s, 0, 1, &link), MESH_OUT_DONE);
        say_pieces(s, 0, link, &chunk);
        seek(s, 0, link);
        street_run_for(s, 30);
        assert_true(t.at[1].got[LINK_SEEK] == 0 && t.at[1].got[LINK_PIECE] == chunk);
        struct mesh_event ev = {.type = MESH_EV_HAUL_SAY, .link = link};
        ev.say.number = LINK_PING;
        ev.say.map = SPAN_STR("\x80");
        street_feed(s, 0, ev);
        assert_int_equal(mesh_haul_room(street_core(s, 0), link), HAUL_QUEUE);
        assert_int_equal(t.at[0].down, 0);
        told_end(&t, s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_ways), cmocka_unit_test(test_idle),
                cmocka_unit_test(test_both_dial), cmocka_unit_test(test_who),
                cmocka_unit_test(test_removal),   cmocka_unit_test(test_stranger),
                cmocka_unit_test(test_places),    cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_junk),      cmocka_unit_test(test_dialled_places),
                cmocka_unit_test(test_much),      cmocka_unit_test(test_no_room),
                cmocka_unit_test(test_makes_way), cmocka_unit_test(test_household),
                cmocka_unit_test(test_elsewhere), cmocka_unit_test(test_many_addresses),
                cmocka_unit_test(test_keys),
        };
        seed = street_seed();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
