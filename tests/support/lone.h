/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One core alone, restored from the disk of a home in a street, and a guest at the other end of one link: made in a
 * millisecond, so that a fuzzer can have a fresh one for each input. After each step what must always hold is required:
 * no check of our own has failed, no error came of a peer's bytes, and the deadline moves on.
 */
#pragma once

#include "support/guest.h"
#include "support/street.h"

#define LONE_LINK 7
#define LONE_OTHER 8
#define LONE_PENDING 256
#define LONE_LATE 32

struct lone_pending {
        struct mesh_event ev;
        bool *good;
        struct mesh_loaded *loaded;
};

struct lone {
        const struct street *s;
        size_t home;
        struct mesh *m;
        struct guest g, other; /* the other one, on LONE_OTHER, where lone_second() has called it in */
        struct rng rng;
        mesh_time now;
        struct lone_pending pending[LONE_PENDING];
        size_t n_pending;
        unsigned stored[MESH_ROW_KINDS];
        bool slow;     /* its disk answers when lone_stored() says so */
        mesh_link met; /* the latest meeting its helper was asked for */
        size_t meets, tells;
        uint64_t late[LONE_LATE];
        size_t n_late;
};

enum lone_guest {
        LONE_NOBODY,   /* the link is up, and the handshake is the test's own */
        LONE_STRANGER, /* knows the link key; its device is nobody's */
        LONE_MEMBER,   /* home 1's device */
};

void lone_start(struct lone *l, const struct street *s, size_t home, enum lone_guest who);
/* Home 0 of @s, a minute old, from its disk, with a guest that has said HELLO as home 1's device. */
void lone_greeted(struct lone *l, struct street *s);
void lone_second(struct lone *l, size_t home); /* another guest, with that home's device */
void lone_end(struct lone *l);
void lone_event(struct lone *l, struct mesh_event ev);
void lone_recv(struct lone *l, struct span bytes);
void lone_flush(struct lone *l); /* what the guests have said reaches the core */
void lone_wait(struct lone *l, uint64_t ms);
void lone_stored(struct lone *l); /* a slow disk has all it was given */
/* The newest epoch on the disk, for a guest who is a member; and its author's key. */
void lone_author(const struct lone *l, size_t home, struct guest_author *ret);
