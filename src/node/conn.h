/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to other homes: TCP over IPv4 and IPv6, and streams that porchlight-ice carries through routers. A link is a number to the core and a struct with handles here; it
 * dies in one function, conn_reap(), which returns while a handle is open. What the core sends in one turn of the loop
 * goes out in one system call; the core is told what still waits here and in the kernel after each write and as it
 * drains.
 */
#pragma once

#include "base/list.h"
#include "node/quiet.h"
#include "node/sink.h"
#include "porchlight/mesh.h"

struct node;

struct conns {
        struct list all;
        mesh_link last; /* number given to an accepted connection */
        uv_timer_t drain, deadlines;
        unsigned drain_ms; /* between the last two looks at links with a backlog */
        bool dirty;        /* something waits for conns_flush */
        struct quiet refusals, hangups;
        uint64_t late; /* actions for links that were gone */
};

void conns_init(struct node *n);
void conns_stop(struct node *n); /* no new ones; those that are left get the usual time to say goodbye */
bool conns_idle(const struct node *n);
void conns_close(struct node *n); /* closes what is left, and the handles */

/* False: there is no memory to take it with. */
bool conn_accept(struct node *n, uv_stream_t *listener);
void conn_dial(struct node *n, mesh_link number, const struct mesh_addr *addr);
/* A stream that goes through porchlight-ice, @fd its end here. */
struct conn_meeting {
        bool calls; /* this home began */
        struct mesh_addr addr;
        struct mesh_addr own;              /* of this machine, that it goes from; zeros: not known */
        enum wire_e_candidate here, there; /* which kinds of addresses work */
};
/* Takes @fd. False: there is no room; LINK_DOWN follows, and no ice_left(). */
bool conn_met(struct node *n, mesh_link number, const struct conn_meeting *m, int fd);
/* So many bytes of it have arrived by now. 0; CONN_E_NONE: it is not there any more; CONN_E_NEVER: that cannot be, or is no news. */
enum { CONN_E_NONE = 1, CONN_E_NEVER };
int conn_arrived(struct node *n, mesh_link meeting, uint64_t bytes);
/* How it was met. False: this link is of another kind, or gone. */
bool conn_way(struct node *n, mesh_link number, enum wire_e_candidate *ret_here, enum wire_e_candidate *ret_there);

void conn_send(struct node *n, mesh_link number, struct span bytes);
void conn_hangup(struct node *n, mesh_link number, enum wire_e_reason reason);
/* It carries footage: it takes less of the line than others would. True: its other end is on a network of this machine. */
bool conn_carries(struct node *n, mesh_link number);
/* This machine's addresses have changed: connections from one that it has no more are over. */
void conns_look(struct node *n);
/* Writes what was sent since the last call. Once before each wait of the loop. */
void conns_flush(struct node *n);
