/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the street: its homes, what lies between them, and what is going to happen. */
#pragma once

#include "support/agenda.h"
#include "support/disk.h"
#include "support/household.h"
#include "support/street.h"

struct home {
        struct mesh *core; /* NULL: off */
        struct mesh_config cfg;
        struct household house;
        struct disk disk, copy;
        struct mesh_addr addr;
        bool shut;   /* it can call out, and not be called … */
        bool silent; /* … nor does who tries hear so */
        bool nat;    /* behind a router: it knows its inner address only */
        struct mesh_addr inner;
        bool doorstep, hidden; /* see street_doorstep, street_hide */
        bool helper;
        const char *name;   /* see street_name; NULL: none */
        size_t asked;       /* names it had looked up */
        uint64_t quota;     /* see street_relays */
        size_t met, called; /* meetings asked of its helper; of them those that others began */
        bool lan;
        size_t beacons;
        uint8_t beacon[MESH_BEACON_BYTES]; /* the last */
        mesh_link accepted;                /* counts connections that came */
        uint64_t life;                     /* counts restarts: events of an earlier life are dropped */
        int64_t clock_off;
        bool replied;
        uint64_t busy; /* ms; see street_busy */
        bool in_turn;  /* a TICK that ends it is on its way */
        bool asleep;   /* see street_asleep */
        street_haul_told on_haul;
        void *haul_ctx;
        struct mesh_action reply;
        uint64_t command;
        struct {
                struct hash id;
                uint32_t homes;
        } handed[256];
        size_t n_handed;
};

struct happening {
        size_t home;
        uint64_t life;
        struct mesh_event ev;
        struct buf bytes; /* RECV, VERIFIED, HEARD: what the event points to */
        struct mesh_loaded *loaded;
};

struct end { /* one side of a connection */
        size_t home;
        mesh_link link;
        bool open;
};
#define STRANGER SIZE_MAX /* no home of the street */

struct conn {
        struct end side[2]; /* 0 dialled */
        uint64_t last[2];   /* time at which the last bytes sent by a side arrive */
        street_on_bytes on; /* of an attached test: what the home says */
        void *ctx;
};

struct meeting {                /* what a home's porchlight-ice knows of one */
        struct end here, there; /* there: whose words came; of no link: none have */
        bool calls, over;
};

struct street {
        struct meeting *meetings;
        size_t n_meetings, cap_meetings;
        bool *apart; /* no meeting of these two comes about */
        struct home *homes;
        size_t n;
        uint64_t now;
        struct rng rng;
        struct agenda agenda;
        struct conn *conns;
        size_t n_conns, cap_conns;
        bool *cuts;
        uint64_t *held; /* between two homes: bytes sent before this time arrive at it */
        char *ticket;
        uint64_t bytes;     /* sent on all links */
        uint64_t to_nobody; /* of them to strangers */
        bool mortal;        /* see street_bare_mortal */
        bool deaf;          /* where nobody is, who tries hears nothing for 10 s */
};

/* ---- street.c ---- */
/* What the street has planned; the caller may add what the event points to. */
struct happening *street_plan(struct street *s, uint64_t at, size_t home, struct mesh_event ev);
void street_feed(struct street *s, size_t i, struct mesh_event ev); /* now */
void street_tell_addresses(struct street *s, size_t i);
/* A person's command at home @i: its outcome, MESH_OUT_BUSY if there is none in time. */
enum mesh_outcome street_command(struct street *s, size_t i, struct mesh_event ev, double seconds);

/* ---- street_meet.c ---- */
void street_meet(struct street *s, size_t i, const struct mesh_action *a); /* MEET or TELL */
void street_meet_hangup(struct street *s, size_t i, mesh_link link);
void street_meet_off(struct street *s, size_t i);
/* They have found a way: a connection, the link numbers chosen before. */
void street_net_join(struct street *s, struct end calls, struct end called);

/* ---- street_names.c ---- */
void street_name_rows(const struct home *h, struct wire_list *ret, struct buf *store);
void street_look_up(struct street *s, size_t i, const struct mesh_action *a);

/* ---- street_net.c ---- */
void street_net_dial(struct street *s, size_t from, const struct mesh_action *a);
void street_net_send(struct street *s, size_t from, const struct mesh_action *a);
void street_net_hangup(struct street *s, size_t from, mesh_link link);
void street_net_beacon(struct street *s, size_t from, const struct mesh_action *a);
void street_net_off(struct street *s, size_t i); /* the home's process has ended: its connections go */
