/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets what: records at once (spread.c), and what is owed or was missed, later (sync.c). */
#pragma once

#include "base/list.h"
#include "core/packet.h"
#include "porchlight/mesh.h"

struct link;
struct mesh;
struct rec;

struct push { /* elements owed to a link, fetched and queued as its window allows */
        uint32_t *what;
        size_t n, at, cap;
        bool loading;
};

struct graft {
        struct list list;
        uint64_t sid;
        mesh_link link;
        mesh_time due;
};

/* ---- spread.c ---- */
int spread_record(struct mesh *m, struct rec *r, struct packet *p, const struct link *from);
int spread_packet(struct mesh *m, struct packet *p,
                  const struct link *from); /* operations, epochs, contacts: everywhere */
void spread_duplicate(struct link *l, const struct rec *r);
int spread_ihave(struct link *l, struct span sids);
int spread_graft(struct link *l, struct span sids);
int spread_tick(struct mesh *m);
mesh_time spread_due(const struct link *l); /* what waits to be named over it */
mesh_time spread_deadline(const struct mesh *m);
void spread_fini(struct mesh *m);

/* ---- sync.c ---- */
int sync_digests(struct link *l); /* of its three sets under its T, into l->mine */
int sync_begin(struct link *l);   /* after the greetings: opens sessions for what differs, in order */
int sync_join(struct link *l);    /* before the greetings can be completed: asks for the roster */
int sync_recon(struct link *l, const struct wire_recon *msg);
int sync_pump(struct link *l);        /* fetches and queues what is owed */
bool sync_owes(const struct link *l); /* and there is room for it */
int sync_loaded(struct mesh *m, const struct mesh_event *ev);
int sync_tick(struct mesh *m);
mesh_time sync_due(const struct link *l); /* when the session it runs over this link gives up */
mesh_time sync_deadline(const struct mesh *m);
int push_add(struct push *p, uint32_t what);
void push_fini(struct push *p);
