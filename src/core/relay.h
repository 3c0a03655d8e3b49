/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links within links. Two homes whose routers let nobody in, and between which no pair of addresses works, each have a link to
 * a third one, a doorstep, which passes on bytes between them. What the bytes are it cannot tell: the two shake hands by Noise
 * within, as over TCP, and what comes of that is a link like any other (link.c), but that its bytes go as messages over another
 * one instead of to the shell.
 *
 * What the doorstep passes on stands in *rooms*: one at each of the two ends, and two at the doorstep, which are each other's
 * other. A room has the bytes that are to go out over its outer link, and no more of them than the doorstep has said it will
 * take; what it said was passed on is what may come next. So a slow end stops the other one, and not the doorstep.
 *
 *   relay.c      what rooms there are, and what goes out of them
 *   relay_pass.c the doorstep's part: who may, joining two, passing on
 *   relay_end.c  an end's part: reaching the doorstep, and the link within
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "core/limits.h"
#include "porchlight/mesh.h"

struct link;
struct mesh;

struct room {
        struct list on;
        struct link *outer; /* NULL: none yet, or it is gone */
        uint32_t number;    /* on that link */
        struct key with;    /* the device at the other end */
        uint8_t token[16];
        bool end;                  /* this node is at an end of it; else it passes bytes on */
        bool haul;                 /* footage: class 5; else class 1, which waits for no pause */
        bool joined;               /* both ends are there */
        bool over;                 /* nothing more comes in: what waits goes out, then END */
        enum wire_e_relay_why why; /* to be said in it; 0: nothing */
        struct buf waits;          /* bytes to go out over `outer` … */
        size_t at;                 /* … from there on */
        mesh_time due;             /* it ends then; NEVER */
        /* at an end */
        struct key doorstep;
        mesh_link inner; /* the link within; 0: it is gone */
        bool lost;       /* there is no outer link, nor will be: the inner one ends, too */
        size_t may;      /* bytes the doorstep takes now */
        size_t away;     /* bytes it has taken and not passed on yet */
        /* at the doorstep */
        struct room *other; /* NULL: it has not come yet, or is gone */
        size_t given;       /* bytes that may still come from this end */
        size_t owed;        /* bytes of it that went on since it was told so */
};

struct relay {
        struct list rooms;
        size_t n;
        uint32_t numbered;
        uint64_t quota; /* bytes passed on in a day; 0: none */
        size_t paused;  /* bytes of others' own traffic that went out in this pause of footage */
};

/* ---- relay.c ---- */
void relay_init(struct mesh *m);
void relay_fini(struct mesh *m); /* after the links are gone */
struct room *relay_room_new(struct mesh *m);
void relay_room_free(struct mesh *m, struct room *r);
struct room *relay_find(const struct link *l, uint64_t number);
size_t relay_waiting(const struct room *r);                 /* bytes */
int relay_put(struct room *r, struct span bytes);           /* to go out over its outer link; 0 or ERR_NOMEM */
void relay_over(struct room *r, enum wire_e_relay_why why); /* nothing more will come in */
int relay_work(
        struct mesh
                *m); /* at the end of a step: what links within have made, and what may go, is queued on outer ones */
void relay_tick(struct mesh *m);
mesh_time relay_deadline(const struct mesh *m);
mesh_time relay_due(const struct link *l); /* what waits for that link may go then; NEVER: nothing does, or at once */
bool relay_holds(const struct link *l);    /* there are rooms on it: it is needed, though nothing goes */
void relay_pause(struct mesh *m); /* footage makes way from now on: what others may send in spite of it begins anew */
void relay_outer_gone(struct link *l);

/* ---- relay_pass.c ---- */
void relay_allow(struct mesh *m, uint64_t bytes); /* so many in a day; what has had more than that already ends */
int relay_asked(struct link *l, const struct wire_relay_open *msg);
int relay_take(struct link *from, struct room *r, struct span bytes); /* hangs up on who sends more than it may */
int relay_passed(struct room *r, size_t n);                           /* so much of what waited in @r has gone out */
void relay_left(struct mesh *m, struct room *r);                      /* the end at @r is gone, or said so */

/* ---- relay_end.c ---- */
struct relay_call {
        mesh_link inner; /* MESH_LINK_RELAYED; MESH_LINK_DIALLED where this side begins */
        struct key doorstep, with;
        uint8_t token[16];
        bool haul; /* it is to carry footage: said by the side that begins */
};
mesh_link relay_number(struct mesh *m, bool begins); /* of a link within another one */
/* Answered as DIAL is, within the core: link_up(), or link_down(). 0 or ERR_NOMEM. */
int relay_call(struct mesh *m, const struct relay_call *c);
void relay_give_up(struct mesh *m, mesh_link inner); /* nobody waits for it any more */
int relay_outer_up(struct link *l);
bool relay_waits(const struct mesh *m, const struct key *doorstep); /* for a link to it */
void relay_unreached(struct mesh *m, const struct key *doorstep);
struct room *relay_room_of(const struct mesh *m, mesh_link inner); /* NULL: it is no link within another one */
bool relay_expects(const struct link *l); /* the device is the one that was agreed on; any, on a link of its own */
int relay_joined(struct link *from, struct room *r, uint64_t more); /* the doorstep's word: go on */
void relay_ended(struct room *r);                                   /* its word: it is over */
int relay_inner_took(struct room *r, struct span bytes);
int relay_inner_work(struct mesh *m); /* what links within have made goes into their rooms; those that are over go */

/* ---- messages ---- */
int relay_on_bytes(struct link *l, const struct wire_relay_bytes *msg);
int relay_on_room(struct link *l, const struct wire_relay_room *msg);
void relay_on_end(struct link *l, const struct wire_relay_end *msg);
