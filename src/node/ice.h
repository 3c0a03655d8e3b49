/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-ice, which finds ways between homes behind routers (docs/adr/0070, 0074). The porter starts it when a meeting is first
 * wanted, or when this node answers STUN for others; it is ended when for a while there was nothing for it to do. What it says
 * of a meeting goes to the core, and what the core has for it comes from there; a meeting that comes about becomes a
 * connection (conn.h).
 *
 * It speaks with strangers, and is taken for one that may be anybody's. The daemon makes each stream itself and gives the helper
 * one end of it: so nothing comes from there but bytes, and no flag of the daemon's own end can be changed. One that does
 * not keep to proto/ice.def, says more than there can be to say, or does not end a meeting in time, is killed. Where it is gone,
 * the links through it are, and nothing else; the next one is started with a pause that grows.
 */
#pragma once

#include "base/list.h"
#include "node/sink.h"
#include "porchlight/mesh.h"

#include <uv.h>

struct node;

#define ICE_MEETINGS_MOST 32 /* at once, before their streams are up: as many as the helper takes in all */

struct ice {
        uv_pipe_t pipe;
        uv_timer_t timer; /* the next of what is due below */
        struct sink out;
        struct buf in;
        struct list meetings; /* whose streams are not up yet */
        size_t n_meetings, n_links;
        bool there, told; /* there is such a program, as far as is known; and the core knows */
        bool open;        /* the pipe is a handle, if a closing one */
        bool alive;       /* it runs, and is spoken to */
        bool deaf;        /* it does not take messages, and is being hung up on */
        bool stopping;
        mesh_time since;   /* when it was started */
        mesh_time idle_by; /* it is ended; 0: it has something to do */
        mesh_time rest;    /* after its death none is started before */
        unsigned failures; /* in a row */
        uint64_t patience; /* ms that a meeting may take */
        uint64_t deaths;   /* since the daemon was started */
        uint16_t serve;    /* UDP port at which it is to answer STUN; 0: nowhere */
        uint16_t serving;  /* at which it does */
        unsigned orders;   /* to answer there that it has said nothing about yet */
        int serve_error;   /* errno: why not */
        uint64_t begun;    /* meetings, since it was started … */
        uint64_t late;     /* … and messages of its about such as are over, or never were */
};

void ice_init(struct node *n);
/* Looks whether there is such a program, and tells the core if that is news: at the start, and when the settings are read again. */
void ice_look(struct node *n);
/* No new meetings; those that are up get the usual time to say goodbye. */
void ice_stop(struct node *n);
void ice_close(struct node *n);
extern const bool ice_built; /* ice_built.c, ice_none.c: this daemon was built together with it */

/* ---- for the core ---- */
/* Begins a meeting. LINK_UP or LINK_DOWN follows. */
void ice_meet(struct node *n, mesh_link number, bool calls, const struct mesh_addr *doorstep);
/* What the other end says, for the helper as it stands; dropped where there is no such meeting. */
void ice_tell(struct node *n, mesh_link number, const struct mesh_meet_row *row);
/* Ends a meeting whose stream is not up. False: there is none of that number. */
bool ice_hangup(struct node *n, mesh_link number);

/* ---- for the node ---- */
/* A connection that a meeting brought about is closed. */
void ice_left(struct node *n, mesh_link number);
/* At which UDP port STUN is answered from now on; 0: nowhere. */
void ice_serve(struct node *n, uint16_t port);
/* What others may be told of that: they hear of a change after minutes, so that a helper which is being started, or started
 * again, counts as one that answers. 0: nowhere. */
uint16_t ice_stun(const struct node *n);
