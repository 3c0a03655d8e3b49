/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the core: the state one node has, and which file looks after which part of it. What the files of a group say to
 * others stands in the header of the group; limits.h has the bounds of all.
 *
 *   core.h    mesh.c       events in, actions out, deadlines     clock.c     mesh time
 *             signed.c     signing what goes round               budget.c    how much of it one may have pushed on
 *             status.c     looking in
 *   belong.h  found.c      founding and joining                  admit.c     admitting others
 *             enrol.c      joining as a further device           recover.c   coming back out of a backup
 *             ops.c        operations and orphans                keep.c      those the disk may not have
 *             revoke.c     tickets and codes taken back          undo.c      homes put out again that came on one
 *             leave.c      telling the others                    refresh.c   a member's tickets in hand
 *             codes.c      device codes signed here           footage.c    what is signed of footage taken in here
 *   epoch.h   epoch.c      group and link keys
 *   record.h  records.c    the index of held records             record.c    one record: id, key, class, meaning
 *             accept.c     a neighbour's record comes in         author.c    own posts
 *             proof.c      two records in one slot               refused.c   what the disk would not take
 *             sealed.c     those that came before their key     copies.c    with another signature than the first
 *   spread.h  spread.c     who gets a record now                 sync.c      who gets it later
 *             want.c       what need not be sent any more
 *   link.h    link.c       a connection's life, its queues       on_message.c  what comes over it
 *   reach.h   contact.c    addresses devices publish             addrbook.c, dial.c  whom to knock at
 *             card.c       contacts, and what many cores have alike
 *             lan.c        homes on the local network            seen.c      where others see this node
 *             visit.c      comparing with who is no neighbour   psk.c       which link key to dial with
 *             draw.c       whose addresses the book has room for
 *             carry.c      links that carry footage, and no gossip
 *   meet.h    meet.c       links of those whom nobody can call   offer.c      what is said for it, sealed
 *             doorstep.c   who passes it on                  meet_cost.c  what others' may cost
 *   relay.h   relay.c      links within links: what waits     relay_pass.c  passed on for others
 *             relay_end.c  from end to end
 *
 * With a header each: out.c, the queue of actions; frames.c, handshake and framing; packet.c, messages encoded once for many
 * links; recon.c, comparing two sets; digest.c, seeing without a walk that they are equal; frontier.c, what the header of an
 * epoch names; beacon.c, the bytes homes say on the local network; asks.c, what a notice and an ask may say.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "core/belong.h"
#include "core/limits.h"
#include "core/meet.h"
#include "core/out.h"
#include "core/reach.h"
#include "core/relay.h"
#include "crypto/box.h"
#include "crypto/hash.h"
#include "crypto/rng.h"
#include "crypto/sign.h"
#include "porchlight/mesh.h"
#include "roster/roster.h"

/* What is waiting for STORED. */
enum wait_kind {
        WAIT_NONE,
        WAIT_RECORD,
        WAIT_SEALED,
        WAIT_PROOF,
        WAIT_VOID,
        WAIT_OP,
        WAIT_KEEP,
        WAIT_EPOCH,
        WAIT_FOUND,
        WAIT_JOIN,
        WAIT_INVITE,
        WAIT_REVOKE,
        WAIT_CODE,
        WAIT_CODE_REVOKE,
        WAIT_ADMIT,
        WAIT_RECOVER,
        WAIT_WITNESS,
        WAIT_ROOM,
        WAIT_REFRESH,
        WAIT_CLIP
};
struct wait {
        struct list list;
        uint64_t token;
        enum wait_kind kind;
        uint64_t command; /* token of the command to reply to; 0: none */
        uint32_t rec;
        mesh_link link;
        struct key id;
        struct epoch *epoch; /* on its way to the disk */
        struct buf op;       /* countersigned here: counts once it is on disk */
        uint32_t left;       /* rows still to come (founding) */
        bool failed;
        bool news;  /* a refresh: no epoch here has the ticket's link key */
        bool again; /* a joining: another ticket, in place of one that is on the disk */
};

struct said { /* by the neighbours, of the time */
        size_t n;
        int64_t median; /* of their clocks, minus ours */
        bool enough;    /* to override a trusted clock */
};

struct mesh_shared {
        struct roster_pool *rosters;
        struct map cards; /* that somebody holds */
};

struct mesh {
        /* Up to `lan` what most events read, and the look at what is due: together, so that it takes few lines of the cache. */
        mesh_time now; /* of the event */
        mesh_wall wall;
        uint64_t steps; /* events so far */
        bool started, stopping;
        bool ends_stale;          /* operations have come: see records_ends() */
        bool look;                /* something may be due at once: an event said so that another was to follow */
        struct link_place *links; /* in the order in which they came */
        size_t n_links, cap_links;
        struct out out;
        struct buf verify_for; /* struct verifying, in the order of `verify` */
        struct roster *roster; /* NULL: no mesh */
        bool member;           /* this device is a current member's */
        bool joining;
        uint64_t join_command;
        mesh_time join_due;
        size_t n_refresh;
        bool renew; /* no epoch is usable: this device makes one at renew_due */
        mesh_time renew_due;
        mesh_time epochs_due; /* when epochs that the disk refused are written again */
        mesh_wall ratcheted;  /* when old days' keys were last wiped */
        size_t n_unsaved;
        mesh_time unsaved_due;
        size_t unkept; /* place of the first operation the disk may not have; SIZE_MAX: it has all */
        mesh_time keep_due;
        bool keeping; /* some are being written again */
        mesh_wall contact_time;
        bool contact_dirty, contact_lost; /* not what it should say; nor who leads to this node */
        mesh_wall contact_before;         /* the one before `contact_time` */
        bool open, relays, hidden;        /* as LISTENING says: outside … */
        uint16_t stun;                    /* … and where STUN is answered */
        size_t n_listening;
        bool disk_full;       /* it refused a record, and has taken nothing since: none is asked for */
        mesh_time disk_due;   /* it is tried again then */
        struct list openable; /* of `sealed` those whose key is here by now; the first of them are being opened */
        uint64_t opening;     /* token of the LOAD that they began with; 0: none are */
        mesh_time open_due;
        struct list grafts;
        size_t n_grafts;
        mesh_time sync_due, dial_due, visit_due;
        mesh_time names_due;   /* who was dialled may have been silent for too long; NEVER */
        mesh_time carry_due;   /* of the next knock for footage; NEVER, as the next three */
        mesh_time meet_due;    /* of the first of the meetings */
        mesh_time recover_due; /* the set `ops` is compared again */
        mesh_time undo_due;    /* somebody else is asked to countersign */
        mesh_time visit_soon;  /* when one goes out that is short of links; 0: it is not */
        bool visit_few;        /* the visit of now, or the last one, goes out for links: there are fewer than 2 */
        uint32_t visits_few;   /* so many have since then */

        mesh_wall built;
        bool clock_trusted;   /* at the last look */
        bool clock_known;     /* it was trusted, or a neighbour has said the time */
        bool clock_settled;   /* it was trusted, or enough neighbours have */
        bool clock_set;       /* somebody has set the machine's clock since the last look */
        int64_t clock_offset; /* mesh time minus wall, seconds */
        mesh_time clock_moved;
        bool clock_begun; /* there was an event, at: */
        mesh_time clock_seen;
        mesh_wall clock_wall;
        mesh_wall mark;
        mesh_time mark_at;
        struct said said;     /* what neighbours say of the time … */
        mesh_wall said_since; /* … while the machine's clock is not earlier than this; NEVER: to be looked up again */
        mesh_time heard, asked; /* when anybody last said anything; when somebody was asked, for nobody did (doubt.c) */
        mesh_wall expire_due;
        mesh_wall expire_next;              /* mesh time before which no record held ends */
        mesh_wall lone_since;               /* its last lasting link that had caught up went, or it started */
        mesh_time haul_pause, haul_hurried; /* footage waits until then; goes gently until then */
        bool urgent_waits;                  /* on some link, or did at the last look (links_share) */
        struct relay relay;
        struct address visit; /* who is visited now, or was last; in no list, and none of the links wanted */
        struct lan lan;

        struct mesh_shared *shared; /* NULL: alone in this process */
        struct rng rng;
        uint64_t map_seed[4];
        struct sign_key sign;
        struct box_key noise, seal;
        uint64_t next_token;
        mesh_link next_dial;
        struct list waits;

        /* belonging */
        struct plea plea;
        bool witnessing; /* an undo countersigned here is on its way to the disk */
        bool admitting;  /* an add countersigned here is on its way to the disk */
        bool removed;
        enum mesh_outcome fallen; /* why this device, which was let in, does not count; DONE: nothing of the kind */
        bool leave_told;          /* of this household's own leave: another home has heard */
        struct key household;
        struct buf join_op, join_text;
        struct hash join_mesh; /* of the ticket or code … */
        struct key join_key;   /* … and its link key */
        enum mesh_outcome join_problem;
        struct recover recover;
        struct refresh refresh[REFRESH_MOST]; /* the latest last */
        enum mesh_outcome refresh_problem;    /* as long as no link is up */
        struct orphan orphans[ORPHANS_MOST];
        size_t n_orphans;
        struct buf early[EARLY_MOST]; /* epochs whose frontier is not here yet, each an encoded epoch_key */
        size_t n_early;

        struct epoch **epochs;
        size_t n_epochs, cap_epochs;
        struct map epochs_by; /* the hash of their headers */
        struct ticket_row **tickets;
        size_t n_tickets, cap_tickets;
        struct code_row *codes;
        size_t n_codes, cap_codes;
        struct revoke **revokes;
        size_t n_revokes, cap_revokes;
        struct map purses; /* of households and devices, this day */
        mesh_time purses_since;
        struct map contacts;
        bool epochs_all; /* the disk took the last one: all at once */
        struct hash
                unsaved[UNSAVED_MOST]; /* own operations the disk refused: kept from everybody until it takes them */
        struct buf late;               /* at a start: operations that came before their parents */
        size_t keep_most;              /* so many at once: one, while the disk refuses */
        uint64_t contact_seq;
        uint32_t contact_number;
        size_t contacts_ops;                    /* operations at the last look at which contacts count … */
        mesh_wall contacts_since, contacts_end; /* … whose answer holds from then until then, if none came */
        struct mesh_addr listening[MESH_ADDRS_MAX];
        struct mesh_addr seen; /* what neighbours agree on, with the port it listens on; port 0: nothing */
        struct buf names;      /* encoded wire_addr rows: what this node is called outside … */
        uint8_t n_names;       /* … so many */
        struct buf join_names; /* and names in the ticket it joins with */
        uint8_t n_join_names;
        mesh_time join_named;  /* when those were looked up last */
        mesh_time names_since; /* others' are, for want of any link; 0: not since there was one */

        /* records */
        struct slab rec_slab; /* where they are, by number, as long as recs knows them */
        struct rec **recs;    /* by number; NULL: free */
        size_t n_recs, cap_recs;
        uint32_t *free_recs;
        size_t n_free;       /* there is room for as many as recs has */
        struct rec **sorted; /* held records by (created, id) */
        size_t n_sorted, cap_sorted;
        bool jumbled;   /* at a start: `sorted` is not, yet */
        uint32_t *ends; /* numbers of those that count and are over … */
        size_t n_ends, cap_ends;
        mesh_wall ends_known;      /* … by then; 0: not looked up */
        uint32_t *by_slot, *by_id; /* hash tables of all records: numbers, the first of each chain */
        size_t cap_table, n_known;
        struct author **authors;
        uint32_t *by_device; /* hash table of them: numbers, the first of each chain; cap_authors */
        size_t n_authors, cap_authors;
        uint32_t recent[RECENT_RECORDS];
        size_t recent_at;
        struct buf verify;      /* struct mesh_verify, one after the other */
        struct list verify_out; /* batches with the shell */
        struct list copies;     /* of records in them, with another signature */
        size_t n_copies;
        struct list rivals;      /* records that met another one in their slot */
        bool proofs_unsaved;     /* the disk did not take a proof, or does not know of what one voids */
        struct refused *refused; /* records the disk would not take, a ring */
        size_t n_refused;
        mesh_time refused_last;
        uint32_t unsent;    /* own records no other home has acknowledged */
        struct list sealed; /* records that came before their key */
        size_t open_most;   /* so many at once: one, while the disk refuses */
        struct {
                uint32_t day;
                uint16_t next;
        } slot_hint[CLASS_ASK + 1],       /* below it all own slots of the day are taken */
                slot_used[CLASS_ASK + 1]; /* the same by the disk, whose records may be lost; from RESTORE */

        /* footage */
        uint64_t footage_next;    /* the place of the next manifest in this device's chain */
        struct hash footage_last; /* id of the one before */
        bool footage_writing;     /* one is on its way to the disk */

        /* links */
        struct address *addresses;
        size_t n_addresses;
        uint64_t address_marks[ADDRESS_MARKS]; /* see address_find() */
        struct draw draw;
        struct luck luck[2];                 /* with addresses, and with meetings */
        struct carry carries[HAULS_DIALLED]; /* links for footage that were asked for here */
        struct meets meets;
        mesh_wall alone_since;
        enum wire_e_fresh state;
        mesh_wall state_since;
};

/* ---- mesh.c ---- */
uint64_t mesh_token(struct mesh *m);
int mesh_roster_new(struct mesh *m); /* one without operations */
void mesh_reply(struct mesh *m, uint64_t command, enum mesh_outcome o);
struct wait *mesh_wait(struct mesh *m, enum wait_kind kind, uint64_t command); /* NULL: no memory */
/* Stores a row; STORED is answered to @w (NULL: nobody cares). 0 or ERR_NOMEM. */
int mesh_store(struct mesh *m, const struct mesh_row *row, const struct wait *w);
_printf_(2, 3) void mesh_trace(struct mesh *m, const char *fmt, ...);
void mesh_state_changed(struct mesh *m);
enum mesh_outcome mesh_standing(const struct mesh *m); /* DONE for a member, else why not */
bool mesh_waits(const struct mesh *m);                 /* let in, but there is no place for this home yet */
void mesh_membership(struct mesh *m);                  /* looks up again who this device is, after operations came */

/* ---- signed.c ---- */
extern const uint8_t signed_blank[SIGN_BYTES]; /* stands in the field until it is signed */
/* The hash that the signature in the field @key of the encoded map @raw is over. */
void signed_hash(const struct mesh *m, enum domain d, struct span raw, uint8_t key, struct hash *ret);
/* Signs the map that @raw holds in place, with this device's key. 0; ERR_NOMEM also if encoding it had failed. */
int signed_finish(const struct mesh *m, enum domain d, struct buf *raw, uint8_t key, struct hash *ret);

/* ---- budget.c ---- */
enum budget {
        BUDGET_OPS,     /* operations of a household, pushed on over links that are busy */
        BUDGET_REVOKES, /* revocations of a device, taken */
        BUDGET_WITNESS, /* undos of a household, looked at for countersigning */
        BUDGET_MEETS,   /* offers of a device, answered, that came to nothing */
        BUDGETS
};
bool budget_left(struct mesh *m, const struct key *who, enum budget b);
int budget_charge(struct mesh *m, const struct key *who, enum budget b);  /* 0 or ERR_NOMEM */
void budget_refund(struct mesh *m, const struct key *who, enum budget b); /* of one charge */
/* Bytes passed on for a household; under this device's own key those for all. */
uint64_t budget_passed(struct mesh *m, const struct key *who);
int budget_pass(struct mesh *m, const struct key *who, size_t n); /* 0 or ERR_NOMEM */
void budgets_fini(struct mesh *m);

/* ---- clock.c ---- */
mesh_wall clock_now(const struct mesh *m);  /* mesh time, seconds */
mesh_wall clock_sure(const struct mesh *m); /* no later, and surely passed: for what cannot be undone */
bool clock_usable(const struct mesh *m);
void clock_step(struct mesh *m); /* first with each event: has the machine's clock been set? */
void clock_tick(struct mesh *m);
void clock_listen(struct mesh *m); /* a neighbour that says the time has come, has gone, or is known by now */
struct said clock_said(const struct mesh *m, mesh_wall *ret_since); /* looked up: as of now, and since then */
void clock_start(struct mesh *m);
void clock_restore(struct mesh *m, mesh_wall mark);
