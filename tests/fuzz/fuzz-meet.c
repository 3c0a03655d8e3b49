/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes of a member that says anything in a meeting, and of a helper that does. The input is a run of deeds, each a byte
 * and, where it needs some, 2 bytes of length and as many bytes:
 *   0  a map of meet_said, signed and sealed by a member's device as it should be, brought by a neighbour (the signature in it
 *      is put right: what is behind it can be reached by a member alone)
 *   1  the same sealed as it stands           2  bytes in the place of what is sealed
 *   3, 4, 5  WORDS, CANDIDATE, ALL of the helper, for the latest meeting
 *   6  so many tenths of a second pass        7  that meeting is a link       8  it is over
 * The core begins and answers, or does not. Its helper hears only rows that are right (support/lone.c).
 */
#include "core/core.h"
#include "core/meet.h"
#include "deeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENDER 2 /* the home whose device says it; home 1's brings it */
#define DEEDS 9

static void sign(const struct lone *l, const struct sign_key *from, const struct key *to, struct buf *said) {
        struct wire_meet_said w;
        struct hash h;
        uint8_t sig[SIGN_BYTES];
        if (codec_decode(&wire_meet_said_desc, buf_span(said), &w, NULL))
                return;
        struct span before = codec_before(buf_span(said), MEET_SAID_KEY_sig);
        const struct span parts[] = {SPAN_OF(from->pub.b), SPAN_OF(to->b), before};
        hash_make_n(&h, DOMAIN_MEET, roster_mesh(mesh_roster(l->m)), parts, ARRAY_LEN(parts));
        sign_make(sig, from, DOMAIN_MEET, &h);
        codec_patch(said, before.n, SPAN_OF(sig));
}

static void bring(struct lone *l, struct span sealed, const struct key *from) {
        struct wire_meet msg = {.to = SPAN_OF(l->m->sign.pub.b), .from = SPAN_OF(from->b), .hops = 1, .sealed = sealed};
        _clean_(buf_fini) struct buf b = BUF_NULL;
        codec_put(wire_link_find(LINK_MEET), &msg, &b);
        if (!buf_ok(&b) || l->g.gone)
                return; /* too long, or too short: no such message can be said */
        guest_frame(&l->g, buf_span(&b));
        lone_flush(l);
}

static void seal(struct lone *l, struct span bytes, bool right) {
        _clean_(buf_fini) struct buf said = BUF_NULL, sealed = BUF_NULL;
        struct sign_key from = deeds_device(l, SENDER);
        struct hash context;
        buf_add(&said, bytes);
        if (right)
                sign(l, &from, &l->m->sign.pub, &said);
        const struct span parts[] = {SPAN_OF(from.pub.b), SPAN_OF(l->m->sign.pub.b)};
        hash_make_n(&context, DOMAIN_MEET, roster_mesh(mesh_roster(l->m)), parts, ARRAY_LEN(parts));
        REQUIRE(box_seal_said(&sealed, &l->m->seal.pub, SPAN_OF(context.b), buf_span(&said), &l->rng));
        bring(l, buf_span(&sealed), &from.pub);
}

static void helper_says(struct lone *l, uint8_t number, struct span bytes) {
        struct mesh_event ev = {.type = MESH_EV_MET, .link = l->met, .met = {.number = number, .map = bytes}};
        lone_event(l, ev);
}

static void deed(struct lone *l, uint8_t what, struct span bytes) {
        static const uint8_t numbers[] = {ICE_WORDS, ICE_CANDIDATE, ICE_ALL};
        struct sign_key from = deeds_device(l, SENDER);
        switch (what) {
        case 0:
        case 1:
                seal(l, bytes, what == 0);
                break;
        case 2:
                bring(l, bytes, &from.pub);
                break;
        case 3:
        case 4:
        case 5:
                helper_says(l, numbers[what - 3], bytes);
                break;
        case 6:
                lone_wait(l, bytes.n * 100);
                break;
        case 7:
                lone_event(l, (struct mesh_event){.type = MESH_EV_LINK_UP,
                                                  .link = l->met,
                                                  .up = {.dialled = (l->met & MESH_LINK_DIALLED) != 0}});
                break;
        case 8:
                lone_event(l, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = l->met});
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct lone l;
        lone_start(&l, deeds_street(), 0, LONE_MEMBER);
        guest_hello(&l.g, street_wall(l.s), false);
        lone_flush(&l);
        lone_event(&l, (struct mesh_event){.type = MESH_EV_HELPER, .helper = {.there = true}});
        deeds_do(&l, span_of(data, size), DEEDS, SIZE_MAX, deed);
        lone_wait(&l, 1000);
        lone_wait(&l, 200000); /* nothing is left of any meeting */
        for (size_t i = 0; i < MEETS_MOST; i++)
                REQUIRE(l.m->meets.at[i].state == MEET_NONE);
        lone_end(&l);
        return 0;
}
