/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many homes in one process: the real core, virtual time, a seeded network, seeded disks and clocks. A run is a function of
 * the options alone: the same ones give the same history on every machine, and its hash.
 *
 * What a disk keeps through a crash is what was committed, and of what was being written a beginning, in order: that is what
 * the store's transactions promise (tests of real disks hold the store to it).
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "sim/net.h"
#include "support/agenda.h"
#include "support/disk.h"
#include "support/household.h"

#define SIM_START 1790000000u /* seconds since 1970 at the world's time 0 */
#define SIM_SECOND UINT64_C(1000)
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_HOUR (60 * SIM_MINUTE)
#define SIM_DAY (24 * SIM_HOUR)

struct world;
struct happening;
struct byz_module;
struct delays;
struct wall;
struct lans;

/* What a seed switches on; each with probability 1/2. */
struct profile {
        bool loss, delay, clog, partition, never, uplink, crash, disk_full, old_image, clock, drift;
        bool doors; /* nobody reaches anybody but every second home */
};

struct options {
        uint32_t nodes;
        uint64_t hours, minutes;
        uint64_t seed, until;  /* @until: stop before this event; 0: never */
        const char *profile;   /* NULL: as the seed says */
        uint32_t break_it;     /* a deliberate fault of enum sabotage; the checks must see it */
        const char *byzantine; /* NAME[:PERCENT],… or all; NULL: every home is honest */
        uint32_t share;        /* percent of homes for those modules that name no percentage */
        uint32_t surrounded;   /* percent of the honest homes are (walls.c) */
        uint32_t lan;          /* percent of homes are on local networks behind routers */
        uint32_t loss;         /* percent of segments lost at all times; 0: as the profile says */
        uint32_t repeat;       /* percent of messages that are said twice, by every home */
        uint64_t p99, slowest; /* ms an honest alert may take to honest homes; 0: whatever it takes */
        bool trace;
        bool plain; /* plain.h */
        bool ready; /* the street stands when the run begins */
        bool alone; /* homes share no memory, however many they are */
        bool apart; /* each home but the first is behind a router of its own, which lets nobody in (outage.c) */
        bool named; /* the first has a name, and may move */
};

enum sabotage {
        SABOTAGE_NONE,
        SABOTAGE_LOSE_ACKED, /* a disk loses what it said was kept */
        SABOTAGE_FORGE,      /* a disk alters others' records */
        SABOTAGE_TWICE,      /* the store tells of a record twice */
        SABOTAGE_UNDEAD,     /* what was taken back stays on the disk */
        SABOTAGE_LEAK,       /* who was removed finds the next key */
        SABOTAGE_KEY,        /* a disk alters keys */
        SABOTAGE_STEWARD,    /* a home folds a steward wrongly */
        SABOTAGE_BACK,       /* a disk is set back, and its home carries on */
        SABOTAGE_HOARD,      /* a home keeps room for each frame it hears */
        SABOTAGE_ROWS,       /* it takes records beyond their slots */
        SABOTAGE_CHANCE,     /* something follows from no seed */
        SABOTAGE_OBEY,       /* a home hears of no operation, and takes what a removed one writes */
        SABOTAGE_LOSE,       /* a disk loses others' records */
        SABOTAGE_CUT,        /* a home stays cut off */
        SABOTAGE_SEAL,       /* a home reads nothing of the others */
        SABOTAGE_DEAF,       /* a home hears no record */
        SABOTAGE_RESTLESS,   /* timers that never rest */
        SABOTAGE_PICKY,      /* a home hears nothing that byzantine homes wrote */
        SABOTAGE_LITTER,     /* a disk has rows that nothing accounts for */
        SABOTAGE_CREDULOUS,  /* a home hears byzantine neighbours alone */
        SABOTAGE_PATIENT,    /* a home keeps for slow readers whatever they have not read */
        SABOTAGE_CLINGING,   /* a home closes no connection */
        SABOTAGE_ANYKEY,     /* honest homes take any key that goes with an epoch's header */
        SABOTAGE_GULLIBLE,   /* a home believes the wildest time it is told */
        SABOTAGE_ROOMY,      /* everybody may bring in any number of homes */
        SABOTAGE_CLEMENT,    /* what a removed home signs afterwards counts */
        SABOTAGE_MISCOUNT,   /* a home miscounts what it has for the others */
        SABOTAGE_UNHEARD,    /* on a network nobody hears a beacon */
        SABOTAGE_HASTY,      /* a home dials whoever is heard on its network, whatever links it has */
        SABOTAGE_TIRELESS,   /* a home backs off from nobody of whom a beacon spoke */
        SABOTAGE_MINDFUL,    /* a home remembers whatever beacons say */
        SABOTAGE_PACKRAT,    /* a disk has each proof many times */
        SABOTAGE_LOYAL,      /* a home goes on with a key, whoever was removed */
        SABOTAGE_HEEDLESS,   /* a home forgets which offers it has taken */
        SABOTAGE_COUNT
};

struct node_conn {
        struct list on;         /* of the world */
        struct net_end side[2]; /* 0 dialled */
        uint64_t stuck_since;   /* bytes wait in a cut; 0: none */
        struct buf held[2];     /* what each side has sent into it */
};

struct conn_end { /* a home's own end of a connection, where it is looked up for each piece that comes or goes */
        mesh_link link;
        int side;
        struct node_conn *conn;
};

enum standing { NODE_OUT, NODE_IN, NODE_LEFT };

struct node {
        /* Up to `house` what each event reads. */
        struct mesh *core; /* NULL: off */
        uint64_t life, wake;
        int64_t clock_off;
        struct conn_end *conns;
        size_t n_conns, cap_conns;
        mesh_wall passed;             /* what ended before that it took for surely over, and has let go for good */
        const struct byz_module *byz; /* NULL: honest */
        uint64_t events;
        int32_t drift_ppm;
        uint32_t index;
        bool mute; /* what it sends gets lost */

        struct household house;
        struct mesh_config cfg;
        struct sign_key device;
        struct disk disk;
        struct disk image;   /* an earlier state of the disk, to be put back some time */
        struct list writing; /* rows on their way to the disk, in order */
        uint64_t written;    /* when the last of them is there */
        bool disk_is_full;
        struct mesh_addr addr;
        uint32_t accepted;
        enum standing standing;
        bool rolled_back; /* its disk was set back: it may repeat itself, and is no honest home any more */
        uint64_t command;
        bool publishing; /* the command is a post */
        bool replied;
        enum mesh_outcome outcome;
        struct hash reply_id;
        char *ticket;
        uint64_t deeds, bad_at; /* of its module; and what that counts by itself */
        size_t heap;            /* bytes its core holds */
};

struct world {
        struct options opt;
        struct profile profile;
        struct rng rng;
        struct net net;
        struct agenda agenda;
        struct happening *spare; /* those that are over, to be planned again */
        uint64_t now, events, hash;
        struct node *nodes;
        uint32_t n;
        struct disk ready; /* rows that are on every disk, kept once */
        struct list conns, meets, told;
        uint64_t meetings, met; /* begun at either end; that came about */
        uint64_t relayed;       /* ends of links by way of a third home, at each look (bounds.c) */
        struct map signatures;  /* checked before */
        bool hushed;            /* nobody acts any more */
        bool calm;              /* healing: nothing new breaks */
        uint64_t calm_since;    /* when that began */
        bool stopped;           /* --until was reached, or an invariant does not hold */
        struct checks *checks;
        void (*committed)(struct world *w, struct node *n, const struct disk_row *row); /* a row is on a disk */
        struct delays *delays;
        struct byz *byz;
        struct wall **walls; /* by home; NULL: nobody is surrounded */
        struct lans *lans;   /* NULL: nobody is on a local network */
        uint64_t bytes, packets, posts, dials;
        struct mesh_shared *shared; /* NULL: each home has its own of everything */
};

struct happening {
        struct happening *spare;                           /* the next one */
        void (*run)(struct world *w, struct happening *h); /* frees nothing of @h */
        uint32_t node;
        uint64_t life, arg;
        struct mesh_event ev;
        struct buf bytes;
        struct mesh_loaded *loaded;
        struct writing *writing;
        const void *link, *conn; /* what of a link it will read; never looked into here: they may be gone by then */
};

struct writing {
        struct list on;
        struct disk one; /* a disk of one row: a copy of it */
        struct wire_alert alert;
        struct wire_follow follow;
        uint64_t token;
};

/* ---- world.c ---- */
struct world *world_new(const struct options *opt);
struct world *world_free(struct world *w);
void world_run_until(struct world *w, uint64_t until);
struct happening *world_plan(struct world *w, uint64_t at, uint32_t node,
                             void (*run)(struct world *, struct happening *));
void world_feed(struct world *w, struct node *n, struct mesh_event ev);
mesh_wall node_wall(const struct world *w, const struct node *n);
bool node_on(const struct node *n);
bool node_honest(const struct node *n);                               /* neither byzantine nor set back */
_printf_(2, 3) void world_say(struct world *w, const char *fmt, ...); /* a line of the trace */

/* ---- links.c: the network, as the nodes see it ---- */
void links_dial(struct world *w, struct node *n, const struct mesh_action *a);
void links_send(struct world *w, struct node *n, const struct mesh_action *a);
void links_hangup(struct world *w, struct node *n, mesh_link link);
void links_lost(struct world *w, struct node *n, bool silent); /* the node has stopped; silent: nobody is told */
void links_mended(struct world *w);                            /* a partition is over */
void links_cut(struct world *w, struct node *a, struct node *b);
void links_fini(struct world *w);
/* They have found a way: a connection under numbers that both have already. */
void links_join(struct world *w, struct node *calls, mesh_link link, struct node *called, mesh_link their);

/* ---- meets.c: homes that cannot call each other ---- */
bool meets_there(const struct world *w);          /* some homes never connect, and each has a helper */
void meets_tell(struct world *w, struct node *n); /* it has just been switched on */
void meets_begin(struct world *w, struct node *n, const struct mesh_action *a);
void meets_told(struct world *w, struct node *n, const struct mesh_action *a);
void meets_hangup(struct world *w, const struct node *n, mesh_link link);
void meets_report(const struct world *w);
void meets_over(struct world *w);

/* ---- lans.c: local networks behind routers, and what goes round there ---- */
void lans_init(struct world *w);
void lans_fini(struct world *w);
void lans_begin(struct world *w);
void lans_end(struct world *w, uint64_t patience); /* no fault from now on; no router works for so long */
void lans_report(const struct world *w);
void lans_apart(struct world *w);                 /* as options.apart says, before any home is on */
void lans_elsewhere(struct world *w, uint32_t i); /* its router has got another address outside */
void lans_found(struct world *w, struct node *n); /* somebody outside has called it */
void lans_look_up(struct world *w, const struct node *n, const struct mesh_action *a);
void lans_tell(struct world *w, struct node *n); /* it has just been switched on: where it is */
void lans_beacon(struct world *w, const struct node *n, struct span beacons);
bool lans_private(const struct mesh_addr *a); /* it means another place on each network */
struct node *lans_whose(const struct world *w, const struct node *n, const struct mesh_addr *a); /* NULL: nobody's */
bool lans_shut(const struct world *w, uint32_t from, uint32_t to);
bool lans_same(const struct world *w, uint32_t a, uint32_t b);
struct mesh_addr lans_seen(const struct world *w, const struct node *from, const struct mesh_addr *dialled);
/* What S14 asks of each dial. False: nobody is there, and that is known at *ret_fails. */
bool lans_dialled(struct world *w, const struct node *n, const struct mesh_action *a, uint64_t *ret_fails);
void lans_look(struct world *w, const struct node *n);

/* ---- disks.c ---- */
void disks_store(struct world *w, struct node *n, const struct mesh_action *a);
void disks_load(struct world *w, struct node *n, const struct mesh_action *a);
void disks_crash(struct world *w, struct node *n); /* what was being written is there in part */

/* ---- homes.c: what people do ---- */
void home_init(struct world *w, uint32_t i);
void home_on(struct world *w, struct node *n);
void home_off(struct world *w, struct node *n, bool silent);
enum mesh_outcome home_found(struct world *w, struct node *n, const struct wire_list *charter);
enum mesh_outcome home_join(struct world *w, struct node *n, struct node *inviter);
void home_invite(struct world *w, struct node *n, uint32_t uses); /* once it has replied the ticket is in @n */
void home_operate(struct world *w, struct node *n, enum wire_e_op type, const struct key *target,
                  const struct hash *proposal, mesh_wall at);
void home_endorse(struct world *w, struct node *n); /* votes for some proposal it has not voted for */
void home_post(struct world *w, struct node *n);
void homes_live(
        struct world *w); /* from now on people post, answer, vote, leave; where some are byzantine: post, answer */

/* ---- ready.c ---- */
void ready_street(struct world *w); /* all are members and on */

/* ---- faults.c ---- */
void faults_profile(struct world *w);
void faults_begin(struct world *w);
void faults_end(struct world *w); /* everything on, whole and right from now on */

/* ---- sabotage.c: faults that an invariant must see ---- */
bool sabotage_named(const char *name, uint32_t *ret);
bool sabotage_loses(struct world *w, const struct node *n, const struct disk_row *r); /* it never comes to the disk */
void sabotage_writes(const struct world *w, const struct node *n, struct disk_row *r);
void sabotage_written(struct world *w, struct node *n, struct disk_row *r);
uint64_t sabotage_delay(const struct world *w);              /* ms */
bool sabotage_clings(struct world *w, const struct node *n); /* to connections its core has done with */
void sabotage_begin(struct world *w);
void sabotage_heal(struct world *w);
void sabotage_look(struct world *w, const struct node *n); /* before its members are compared */

/* ---- checks.c: the invariants, listed at its head ---- */
struct checks *checks_new(void);
void checks_free(struct checks *c);
void checks_storing(struct world *w, struct node *n, const struct mesh_row *row);
void checks_committed(struct world *w, struct node *n, const struct disk_row *row);
void checks_acked(struct world *w, struct node *n); /* its post was acknowledged */
void checks_now(struct world *w);                   /* what can be asked at any moment */
void checks_healed(struct world *w);                /* what must hold when no fault has happened for a while */
void checks_quiet(struct world *w, uint64_t since, uint64_t events_then);
_printf_(3, 4) void checks_fail(struct world *w, const char *invariant, const char *fmt, ...);
const char *checks_failed(const struct checks *c); /* the first invariant that did not hold; NULL: all do */
