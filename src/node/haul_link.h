/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that carry footage, shared by those in this daemon who use them: one link to a device serves all (PROTOCOL 15.30
 * to 15.39). The core makes and keeps them; here messages find their user by number, and users are told when a link comes,
 * goes, or has room again.
 *
 * What a user may count on:
 *
 *   - A link is a struct haul_link from on_up to on_down, for every user, whoever dialled it and for whatever reason. It
 *     stays a valid pointer until on_down has returned. After that it comes again only as another link.
 *   - Its other side is a current member's device, proved by the handshake; removed while the link is up, the link goes.
 *   - Each message is within the bounds of its row and of PROTOCOL 15.34. Everything else about it is to be checked: who may
 *     ask, whether it was asked for, signatures and hashes.
 *   - Messages of one side arrive in the order in which they were said, none twice. What was said before a link went may be
 *     lost, with no way of knowing how much: after on_down and on_up, say again what still matters. A link may go and another
 *     one come at any time (both sides had dialled; a restart; a day is over).
 *   - Nothing is called from within a call of this header: on_up, on_down, on_room and a want's `done` come by themselves
 *     from the loop, on_message while bytes are read. In each of them everything here may be called.
 *   - A link over which nothing is said for a minute goes by itself; there is no need to end one, nor to keep one alive.
 */
#pragma once

#include "base/list.h"
#include "haul/pace.h"
#include "porchlight/mesh.h"

#include <uv.h>

struct node;

/* PROTOCOL 15.31: "It dials at most 8." Of all users together; the core refuses more (MESH_OUT_HAUL_MANY). */
#define HAUL_DIALS 8

/* Who uses links, and the numbers of the messages that are his. */
enum haul_user {
        HAUL_PAPERS, /* PAPER, BOX, ANSWER */
        HAUL_CHUNKS, /* SEEK … STOP */
        HAUL_USERS
};

struct haul_link {
        struct key device, household; /* of the other side */
        bool dialled;                 /* by this side */
        bool lan;                     /* the other side's address is of a network this machine is on */
        void *of[HAUL_USERS]; /* each user's own: NULL in on_up; what it points to ends in on_down at the latest */

        /* of haul_link.c */
        struct list on;
        struct node *n;
        mesh_link number;
        bool told, down;            /* on_up was called; on_down is to be */
        bool thirsty[HAUL_USERS];   /* the last haul_say found no room */
        mesh_time used[HAUL_USERS]; /* uv_now() of the last message of each, either way; 0: there was none */
        size_t later;               /* bytes said while the core was busy */
};

/* What a user does; NULL: nothing. */
struct haul_ops {
        void (*on_up)(struct haul_link *l);
        void (*on_down)(struct haul_link *l);
        /* @msg is the wire struct of @number's row (struct wire_haul_piece of LINK_PIECE …); it and what its spans point to
         * are good until it returns. */
        void (*on_message)(struct haul_link *l, enum wire_link number, const void *msg);
        void (*on_room)(struct haul_link *l); /* there is room again, after haul_say had found none */
};
/* Once, before the node starts; @ops stays the caller's. */
void haul_use(struct node *n, enum haul_user user, const struct haul_ops *ops);

/* Somebody who waits for a link; embed it. */
struct haul_want {
        /* Once, unless it was dropped before. DONE: @l is up (on_up has been called for it); else NULL, and why: NO_DEVICE,
         * HAUL_NO_WAY, HAUL_SILENT, HAUL_OLD, HAUL_FULL, HAUL_MANY, or why this home can do nothing (mesh_outcome() has words
         * for each). Trying again is the caller's: not sooner than in some seconds, and later each time. */
        void (*done)(struct haul_want *w, enum mesh_outcome o, struct haul_link *l);

        /* of haul_link.c */
        struct list on;
        struct key device;
};
/* Wants a link to a member's device: the one that is there, or one that is dialled now. Takes up to a minute to fail. */
void haul_connect(struct node *n, const struct key *device, struct haul_want *w);
void haul_forget(struct haul_want *w); /* nobody waits any more; fine for one that is done, or all zeros */
/* Links that this side dialled and those it is dialling now: HAUL_DIALS at most. */
size_t haul_dialled(const struct node *n);
/* The link to @device that is up, or NULL. */
struct haul_link *haul_find(struct node *n, const struct key *device);

/* Says @msg (the wire struct of @number's row). True: it will go, unless the link does. False: there is no room for anything
 * now, or the link is going; nothing was said, and on_room or on_down follows. Any one message fits while there is room. */
bool haul_say(struct haul_link *l, enum wire_link number, const void *msg);
size_t haul_room(const struct haul_link *l);  /* bytes; 0: haul_say would be false */
size_t haul_piece(const struct haul_link *l); /* at most so many bytes in a PIECE, now: few on a slow line */
void haul_hangup(struct haul_link *l); /* the other side has lied, or there is nothing more to say; on_down follows */

/* ---- for node.c ---- */
struct haul_links {
        struct list all, wants, calls;
        const struct haul_ops *ops[HAUL_USERS];
        struct pace pace;  /* clips.uplink, over all links that leave the local network */
        uv_timer_t refill; /* when somebody waits for it */
};
void haul_links_init(struct node *n);
void haul_links_close(struct node *n);
void haul_links_fini(struct node *n);                 /* the loop has ended */
void haul_links_limit(struct node *n, uint64_t kbit); /* from now on; 0: no limit */
void haul_links_up(struct node *n, const struct mesh_action *a);
void haul_links_down(struct node *n, const struct mesh_action *a);
void haul_links_took(struct node *n, const struct mesh_action *a);
/* Tells users what has come about. Once before each wait of the loop; true: there was something. */
bool haul_links_turn(struct node *n);
