/* SPDX-License-Identifier: Apache-2.0 */
/* Meetings: how two devices whose routers let nobody in make a link, with the help of those they have links to. */
#pragma once

#include "base/buf.h"
#include "core/limits.h"
#include "porchlight/mesh.h"

struct address;
struct rng;
struct card;
struct link;
struct mesh;

#define MEET_HOPS 2 /* how often a message may be passed on: A, a doorstep of its own, a doorstep of the other's, B */

/* What may come after what stands in a table in meet.c. */
enum meet_state {
        MEET_NONE,    /* the place is free */
        MEET_BEGUN,   /* this side calls; its helper has not said its words yet */
        MEET_OFFERED, /* this side calls and has said them; the other one has not answered */
        MEET_CALLED,  /* the other side calls; the helper here has not said its words yet */
        MEET_TALKING, /* both have said theirs */
        MEET_STATES
};

struct meet_way {        /* to a device that there is no link to */
        struct key next; /* a neighbour … */
        struct key by;   /* … and to whom that passes it on; zeros: to the device itself */
};

struct meet_said { /* one message: which part of what the helper has said is in it */
        uint8_t first, n;
        bool words, all, end, relay;
};

struct meet {
        enum meet_state state;
        bool calls;
        mesh_link link;
        struct key device; /* the other end's */
        uint8_t nonce[16];
        struct meet_way ways[MEETS_WAYS];
        size_t n_ways, way;         /* the one in use is @way */
        struct buf words;           /* own, encoded for meet_said; empty: not known yet */
        struct buf addrs;           /* and candidates, one after the other … */
        uint16_t ends[MEETS_ADDRS]; /* … and where each ends */
        uint8_t n_addrs, n_told;    /* of them the first so many are in messages */
        bool all, all_told;
        struct meet_said said[MEETS_SAYS];
        uint8_t n_said;
        mesh_link voice;     /* over which all was said so far */
        bool unheard;        /* for a while, so far */
        uint8_t repeats;     /* how often all was said over another neighbour, because the other side did */
        uint8_t heard;       /* messages taken of the other side, in their order */
        uint8_t their_addrs; /* addresses in them */
        bool asked;          /* the helper has been asked for it, and has not given up */
        bool named;          /* the other side has named a doorstep */
        bool relayed;        /* a relay is to bring it about: */
        struct key doorstep;
        uint8_t token[16];
        mesh_time until, tell, again; /* it is over; what is gathered is said; all is said by another way. NEVER */
        mesh_time hurry;              /* if there is no way by then, a relay is begun. NEVER */
};

struct meet_seen { /* an offer that was taken */
        uint8_t nonce[16];
        struct key home; /* of whoever made it */
        mesh_time until; /* it could not come again later */
};

struct late { /* of a device something was found out … */
        struct key device;
        uint64_t where;  /* … when both were there … */
        mesh_time until; /* … and it counts as long. 0: the place is free */
};

struct meets {
        struct meet at[MEETS_MOST];
        uint32_t last; /* of the numbers of their links */
        struct meet_seen seen[MEETS_SEEN];
        struct late vain[MEETS_VAIN], useless[MEETS_USELESS];
        bool helper;        /* somebody can bring them about … */
        bool asked;         /* … or nobody can, as was said since the start */
        uint8_t unanswered; /* of those this home began in a row */
};

/* ---- meet.c: a meeting's life ---- */
bool meet_may(const struct mesh *m, const struct key *device);  /* one could be begun now */
bool meet_runs(const struct mesh *m, const struct key *device); /* there is one with it now */
bool meet_calls(struct mesh *m, const struct key *device);      /* one that this side began */
bool meet_unheard(const struct mesh *m, mesh_link link);        /* nobody has answered for a while */
bool meet_room(const struct mesh *m);                           /* there are places beside those for others' meetings */
bool meet_searches(const struct mesh *m, const struct key *device); /* one would look for a direct way */
struct mesh_addr meet_place(const struct key *device);              /* that stands in the place of an address */
int meet_call(struct mesh *m, struct address *a);                   /* begins it: hands out MEET; a->link is its link */
/* Something sealed to this device, from a device of the roster, has come over @l. */
int meet_heard(struct link *l, const struct wire_meet *msg);
int meet_helper(struct mesh *m, bool there);
int meet_means(struct mesh *m);                             /* what can bring one about is another thing than before */
int meet_told(struct mesh *m, const struct mesh_event *ev); /* by the helper */
bool meet_leads_by(const struct mesh *m, const struct key *neighbour); /* one is under way by it */
void meet_up(struct mesh *m, mesh_link link);                          /* it is a link now */
/* The helper has ended it, or the shell has none: the other end is told. Nothing, where there is no such meeting. */
int meet_down(struct mesh *m, mesh_link link);
/* The helper has found no way. False: nor is there a relay, and the link is down. */
int meet_no_way(struct mesh *m, mesh_link link, bool *ret_goes_on);
bool meet_is(const struct link *l); /* it came about by a meeting */
int meet_tick(struct mesh *m);
mesh_time meet_deadline(const struct mesh *m);
void meets_fini(struct meets *s);

/* A link to @neighbour has come up: what was not answered is said over it. 0 or ERR_NOMEM. */
int meet_came(struct mesh *m, const struct key *neighbour);

/* ---- meet_cost.c: what others' offers cost ---- */
/* An offer of @from, a device of the household @home, is to be answered: charges it. 0 or ERR_NOMEM. @ret_may false: it
 * has come before or too late, or its device has had its share; say nothing. */
int meet_charge(struct mesh *m, const struct key *from, const struct key *home, const struct wire_meet_said *said,
                bool *ret_may);
/* What the offer of @x names this side knows nothing of yet: it may come again, as it does where that is soon known. */
void meet_untaken(struct mesh *m, const struct meet *x);
/* The handshake is over: where a meeting brought that link, its offer is paid back, and this side may call as soon as it is lost. */
void meet_of_use(const struct link *l);

/* ---- lately.c: what was found out of late ---- */
void lately_no_way(struct mesh *m, const struct key *device);     /* all has been tried in vain */
bool lately_vain(const struct mesh *m, const struct key *device); /* and neither has moved since */
void lately_moved(struct mesh *m);                                /* this machine is elsewhere */
void lately_useless(struct mesh *m, const struct key *doorstep);  /* it passes nothing on … */
void lately_failed(struct mesh *m, const struct key *device, const struct key *doorstep); /* … to that device */
bool lately_was_useless(const struct mesh *m, const struct key *doorstep);
void lately_unanswered(struct mesh *m); /* a meeting that this home began */
void lately_answered(struct mesh *m);
bool lately_lost(const struct mesh *m); /* nobody answers: this home's few neighbours may have no others either */

/* ---- offer.c: what is inside, sealed and signed ---- */
/* Says @what, which is message @seq of this side's, over @l. 0 or ERR_NOMEM. */
int offer_say(struct link *l, const struct meet *x, uint8_t seq, const struct meet_said *what,
              const struct meet_way *way);
/* Opens what @msg holds into @plain, which @ret points into. False: it is not what its sender's device said to this one. */
bool offer_open(struct mesh *m, const struct wire_meet *msg, struct buf *plain, struct wire_meet_said *ret);

/* ---- doorstep.c: those in between ---- */
int doorstep_took(struct link *l, const struct wire_meet *msg); /* a MEET came over @l, for here or for others */
/* By whom @device may be reached. Returns how many. */
size_t doorstep_ways(const struct mesh *m, const struct key *device, struct meet_way ret[MEETS_WAYS]);
bool doorstep_likely(const struct mesh *m, const struct key *device);  /* by somebody who is no mere chance */
bool doorstep_sure(const struct mesh *m, const struct key *device);    /* a neighbour is known to lead to it */
size_t doorstep_via(const struct mesh *m, struct key ret[MEETS_WAYS]); /* those that this node's contact names */
bool doorstep_enough(const struct mesh *m, const struct card *own);    /* that contact names enough of them */
bool doorstep_waits(const struct mesh *m);     /* to be named in a contact: none is to be published before */
mesh_wall doorstep_told(const struct mesh *m); /* when it is known whom a first contact can name; seconds, 0: now */
bool doorstep_short(const struct mesh *m); /* this node is found by others alone, and by too few that they can call */
int doorstep_came(struct mesh *m, const struct key *neighbour); /* a link to it has come up. 0 or ERR_NOMEM */
void doorstep_look(struct mesh *m);                             /* a link has come up, or has gone */
void doorstep_heard(struct mesh *m, const struct card *card);   /* that contact has come */
/* Who could pass bytes on between this device and @device, by chance of @rng or the first; false: nobody known. */
bool doorstep_relay(const struct mesh *m, const struct key *device, struct rng *rng, struct key *ret);
struct mesh_addr doorstep_stun(struct mesh *m); /* who answers STUN; port 0: nobody known */
