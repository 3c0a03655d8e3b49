/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who in a bundle: the operations that certified each device that signed something in it, back to the founding of the
 * mesh. Each is signed by whom it names, and rests on devices that stand in the roll before it. So it is shown how a
 * household came into the mesh, by whose hand; not that nobody had voted it out later: for that one would need all
 * operations, and who makes a bundle could leave some out. Nothing is folded (roster.h) here.
 */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "roster/op.h"

struct roll_home {
        struct roll_home *next;
        struct key key;
        char name[33];
        mesh_wall joined;
        const struct roll_home *ticket,
                *let_in; /* whose device signed its ticket, and whose let it in; NULL: the founder */
};

struct roll_device {
        struct roll_device *next;
        struct key sign;
        char name[33];
        mesh_wall since;
        const struct roll_home *home;
};

struct roll {
        struct hash mesh;
        char mesh_name[33];
        struct map homes, devices;
        struct roll_home *home_list;
        struct roll_device *device_list;
};

enum {
        ROLL_E_OP = 1,     /* no operation, or one that certifies no device */
        ROLL_E_SIGNED = 2, /* a signature in it is wrong */
        ROLL_E_MESH = 3,   /* the first is not the genesis of this mesh, or another is */
        ROLL_E_RESTS = 4,  /* it rests on a device or household that is not in the roll */
        ROLL_E_TWICE = 5,  /* who or what it brings in is there already */
};

void roll_init(struct roll *r, const struct hash *mesh, const uint64_t seed[4]);
void roll_fini(struct roll *r);
/* The next operation; the first is the genesis. 0, ROLL_E_*, ERR_NOMEM. */
int roll_take(struct roll *r, struct span op);
/* NULL: not in the roll. @key has 32 bytes. */
const struct roll_device *roll_device(const struct roll *r, struct span key);
const struct roll_home *roll_home(const struct roll *r, struct span key);
