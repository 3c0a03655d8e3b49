/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes of members that say anything about relays (PROTOCOL 18): two devices at a doorstep, and a doorstep to whose care
 * this node has given a link. The input is a run of deeds, each a byte and, where it needs some, 2 bytes of length and as many
 * bytes:
 *   0 to 3  a map of RELAY, RELAY_BYTES, RELAY_ROOM, RELAY_END, as it stands, over the first link; 4 to 7 over the other one
 *           (a RELAY whose `with` begins with 0 means the device at the other of the two, with 1 its own, with 2 this node's)
 *   8  so many tenths of a second pass        9  this node is at an end: the first link's device passes on for it, to the other;
 *      the low bits of the first byte: it begins, it is for footage
 *   10  the owner gives so many times 1,000 bytes a day        11  the first link is gone; 12 the other one
 * No room ever holds more than its doorstep has said, and in the end there is none.
 */
#include "core/core.h"
#include "core/link.h"
#include "core/relay.h"
#include "deeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEEDS 13
#define MAP_MOST 16340 /* bytes of a map that still fits into a frame */
#define QUOTA 1000000

static struct key device_of(const struct lone *l, size_t home) {
        return deeds_device(l, home).pub;
}

/* The names of devices are noise, which no fuzzer guesses. */
static void name_device(const struct lone *l, size_t own, struct span map, struct buf *ret) {
        struct wire_relay_open w;
        if (codec_decode(&wire_relay_open_desc, map, &w, NULL) || w.with.p[0] > 2) {
                buf_add(ret, map);
                return;
        }
        const size_t meant[] = {own == 1 ? 2 : 1, own, 0};
        struct key with = device_of(l, meant[w.with.p[0]]);
        w.with = SPAN_OF(with.b);
        codec_encode(&wire_relay_open_desc, &w, ret);
}

static void say(struct lone *l, uint8_t what, struct span map) {
        enum wire_link number = LINK_RELAY + what % 4;
        struct guest *g = what < 4 ? &l->g : &l->other;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        if (number == LINK_RELAY)
                name_device(l, what < 4 ? 1 : 2, map, &b);
        else
                buf_add(&b, map);
        if (buf_ok(&b) && !g->gone)
                guest_say_raw(g, number, buf_span(&b));
        lone_flush(l);
}

static void go_round(struct lone *l, struct span how) {
        bool begins = how.n && how.p[0] & 1;
        struct relay_call c = {.inner = relay_number(l->m, begins),
                               .doorstep = device_of(l, 1),
                               .with = device_of(l, 2),
                               .haul = how.n && how.p[0] & 2};
        struct mesh_addr nowhere = meet_place(&c.with);
        struct address *a = begins ? address_add(l->m, &nowhere) : NULL;
        if (begins && (!a || a->link))
                return;
        if (begins) { /* somewhere for the link to be remembered, as dialling does */
                a->device = c.with;
                a->link = c.inner;
        }
        REQUIRE(relay_call(l->m, &c) == 0);
        lone_event(l, (struct mesh_event){.type = MESH_EV_TICK});
}

static void gone(struct lone *l, struct guest *g, mesh_link link) {
        if (!g->gone)
                lone_event(l, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = link});
        g->gone = true;
}

static void give(struct lone *l, uint64_t bytes) {
        lone_event(l, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = bytes}});
}

/* PROTOCOL 18.5: "what it may send is what the doorstep has room for" */
static void bounded(const struct lone *l) {
        LIST_EACH (r, &l->m->relay.rooms, struct room, on)
                REQUIRE(r->end || (relay_waiting(r) <= RELAY_AHEAD && r->given <= RELAY_AHEAD));
}

static void deed(struct lone *l, uint8_t what, struct span bytes) {
        if (what < 8)
                say(l, what, bytes);
        else if (what == 8)
                lone_wait(l, bytes.n * 100);
        else if (what == 9)
                go_round(l, bytes);
        else if (what == 10)
                give(l, bytes.n * 1000);
        else
                gone(l, what == 11 ? &l->g : &l->other, what == 11 ? LONE_LINK : LONE_OTHER);
        bounded(l);
}

static void begin(struct lone *l) {
        lone_start(l, deeds_street(), 0, LONE_MEMBER);
        lone_second(l, 2);
        guest_hello_haul(&l->g, street_wall(l->s));
        guest_hello_haul(&l->other, street_wall(l->s));
        lone_flush(l);
        give(l, QUOTA);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct lone l;
        begin(&l);
        deeds_do(&l, span_of(data, size), DEEDS, MAP_MOST, deed);
        gone(&l, &l.g, LONE_LINK);
        gone(&l, &l.other, LONE_OTHER);
        lone_wait(&l, 1000);
        REQUIRE(list_empty(&l.m->relay.rooms) && !l.m->relay.n);
        lone_end(&l);
        return 0;
}
