/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of a link, held by a test: it shakes hands with any key, says anything in frames that open, and counts what
 * it is told. Bytes in, bytes out; a street or a lone core carries them.
 */
#pragma once

#include "core/frames.h"
#include "crypto/rng.h"
#include "crypto/sign.h"
#include "wire/codec.h"

#define GUEST_NUMBERS 64 /* message numbers counted */

struct guest {
        struct frames f;
        struct frames_config cfg;
        struct box_key noise;
        struct hash mesh;
        struct key psk;
        struct buf out; /* bytes for the core */
        size_t bytes;   /* came from it */
        size_t frames;
        unsigned got[GUEST_NUMBERS];    /* messages of each number that came */
        struct buf last[GUEST_NUMBERS]; /* the latest map of each number */
        enum wire_e_reason bye;         /* 0: none came */
        bool gone;                      /* it hung up */
};

/* Dials: message 1 is in @out afterwards. */
void guest_start(struct guest *g, const struct hash *mesh, const struct key *noise_secret, const struct key *psk,
                 struct rng *rng);
void guest_end(struct guest *g);
void guest_take(struct guest *g, struct span bytes, bool gone); /* what the core said */
bool guest_open(const struct guest *g);                         /* the handshake is done */
void guest_frame(struct guest *g, struct span body);            /* one frame with any body */
void guest_say(struct guest *g, enum wire_link number, const void *msg);
void guest_say_raw(struct guest *g, enum wire_link number, struct span map);
void guest_hello(struct guest *g, mesh_wall now, bool joining);
void guest_hello_visiting(struct guest *g, mesh_wall now);
void guest_hello_haul(struct guest *g, mesh_wall now); /* the link is to carry footage */
uint64_t guest_sid(const struct guest *g, const struct hash *id);

/* A record as its author would make it: w's header fields as they are (device, epoch, body and sig are filled in), @plain
 * sealed under the group key of day @key_day, signed. Empty if it is too long. Returns its id. */
struct guest_author {
        struct hash mesh;
        struct sign_key device;
        uint8_t epoch[16];
        struct key group;
        uint32_t key_day;
        struct rng *rng;
};
struct hash guest_record(const struct guest_author *a, struct wire_record *w, struct span plain, struct buf *raw);
