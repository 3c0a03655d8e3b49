/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole core behind one link. The first byte of the input says who is at the other end:
 *   0  nobody yet: the rest is the stream as it comes, before any handshake;
 *   1  a stranger who knows the link key, 2  a member's device: the rest is a run of frame bodies, sealed as such a peer
 *      would, each behind its 2-byte length; a length with its top bit set lets that many tenths of a second pass.
 * So the code behind the AEAD is reached, which is where a member can attack (T05).
 */
#include "support/lone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOMES 3
#define PAUSE 0x8000
#define SLICE 300 /* bytes of a RECV before the handshake */
#define FRAMES_MOST 64

static struct street *street(void) {
        static struct street *s;
        if (s)
                return s;
        struct hash id, follow;
        s = street_new(HOMES, 1);
        for (size_t i = 0; i < HOMES; i++) {
                REQUIRE(street_post(s, i, KIND_FIRE, "fire", &id) == MESH_OUT_DONE);
                REQUIRE(street_post(s, i, KIND_THEFT, "a bicycle", &id) == MESH_OUT_DONE);
                REQUIRE(street_wait_all_have(s, &id, 60));
                REQUIRE(street_follow(s, (i + 1) % HOMES, RECORD_CONFIRM, &id, "yes", &follow) == MESH_OUT_DONE);
        }
        REQUIRE(street_follow(s, HOMES - 1, RECORD_RETRACT, &id, NULL, &follow) == MESH_OUT_DONE);
        street_run_for(s, 120);
        for (size_t i = 0; i < HOMES; i++)
                street_off(s, i);
        return s;
}

static void raw(struct lone *l, struct span in) {
        for (size_t at = 0; at < in.n && !l->g.gone; at += SLICE)
                lone_recv(l, span_of(in.p + at, MIN((size_t)SLICE, in.n - at)));
}

static void bodies(struct lone *l, struct span in) {
        for (int i = 0; in.n >= 2 && i < FRAMES_MOST && !l->g.gone; i++) {
                uint16_t n = get_be16(in.p);
                in = span_from(in, 2);
                if (n & PAUSE) {
                        lone_wait(l, (uint64_t)(n & ~PAUSE) * 100);
                        continue;
                }
                size_t most = MIN(MIN((size_t)n, in.n), (size_t)FRAMES_BULK);
                guest_frame(&l->g, span_of(in.p, most));
                lone_flush(l);
                in = span_from(in, most);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct lone l;
        if (!size)
                return 0;
        enum lone_guest who = (enum lone_guest)(data[0] % (LONE_MEMBER + 1));
        struct span in = span_of(data + 1, size - 1);
        lone_start(&l, street(), 0, who);
        if (who == LONE_NOBODY)
                raw(&l, in);
        else
                bodies(&l, in);
        lone_wait(&l, 1000);
        lone_wait(&l, 200000); /* whoever says nothing more is hung up on */
        REQUIRE(l.g.gone);
        lone_end(&l);
        return 0;
}
