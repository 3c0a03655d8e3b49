/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the core: the state one node has, and which file looks after which part of it.
 *
 *   mesh.c       events in, actions out, deadlines          out.c       the queue of actions
 *   link.c       a connection's life, its queues            frames.c    its handshake and framing
 *   on_message.c what comes over links, one function each   packet.c    messages encoded once for many links
 *   found.c      founding and joining                       admit.c     admitting others
 *   enrol.c      joining as a further device of a household
 *   ops.c        operations and orphans                     epoch.c     group and link keys
 *   revoke.c     tickets taken back                     recover.c   coming back out of a backup
 *   undo.c       homes put out again that came on a ticket
 *   accept.c     a neighbour's record comes in              author.c    own posts
 *   records.c    the index of held records                  record.c    one record: id, key, class, meaning
 *   proof.c      two records in one slot, and what follows
 *   spread.c     who gets a record now                      sync.c      who gets it later; recon.c compares
 *   contact.c    addresses devices publish                  addrbook.c, dial.c  whom to knock at
 *   lan.c        homes on the local network                 beacon.c    the bytes they say there
 *   visit.c      comparing with who is no neighbour         seen.c       where others see this node
 *   clock.c      mesh time                                  status.c    looking in
 *   signed.c     signing what goes round                    budget.c     how much of it one may have pushed on
 */
#pragma once

#include "base/cell.h"
#include "base/list.h"
#include "base/map.h"
#include "core/frames.h"
#include "core/out.h"
#include "core/packet.h"
#include "core/recon.h"
#include "crypto/rng.h"
#include "porchlight/mesh.h"
#include "roster/op.h"
#include "roster/roster.h"
#include "roster/ticket.h"

/* ---- bounds and times, each with its reason ---- */
#define LINKS_MAX 32         /* connections at once, handshakes included */
#define OUTBOUND_WANTED 5    /* enough that one in three may be silent, and all still hear everything */
#define VISITORS_MOST 3      /* members accepted beyond, who only compare and go again */
#define VISIT_TIME 600000    /* ms for that: a day of a busy street over a slow line */
#define INBOUND_MOST 7       /* member links accepted; a newcomer is always heard out */
#define HALFWAY_MOST 2       /* of members who say that they are still joining, beyond: cut off half-way */
#define HANDSHAKE_TIME 10000 /* ms from connection to hello */
#define KEEPALIVE_TIME 60000 /* ms of silence before a ping */
#define SILENCE_TIME 150000  /* ms of silence before hanging up: two pings unanswered */
#define LINK_LIFE 86400000   /* ms: a new handshake each 24 h */
#define PREAUTH_BYTES 4096   /* what a connection may make us hold before it has proved itself (T13) */
#define LINK_WINDOW 65536    /* bytes handed to the kernel ahead of its sending, so that classes can overtake */
#define QUEUE_MOST 262144    /* bytes waiting on a link before lower classes are dropped; sync repairs them */
#define QUEUE_HARD 4194304   /* bytes of all classes after which the peer is too slow to keep */
#define SYNC_PERIOD 60000    /* ms between reconciliations with a random neighbour */
#define SYNC_MARGIN 120      /* seconds an element must still live to be compared */
#define RECON_MESSAGE 8000   /* bytes of ranges in one message */
#define RECON_PATIENCE 30000 /* ms a session may wait for an answer */
#define RECON_ROUNDS 64
#define PUSH_BATCH 64        /* records fetched from the store at once for one link */
#define PUSH_AHEAD 65536     /* bytes of bulk queued on a link before the next batch is fetched */
#define VERIFYING_MOST 32768 /* records of one link whose signatures are being checked; sync brings the rest */
#define OPENINGS_MOST 12     /* reconciliations a neighbour may open in a row; each costs a snapshot */
#define OPENINGS_TIME 5000   /* ms until it may open one more */
#define GRAFTS_LINK 64       /* announced records waited for, of one neighbour */
#define EAGER_BACKLOG 24576  /* bytes waiting on a link: about 50 ms at 4 Mbit/s */
#define ACKS_MOST 25         /* ids in one ACK */
#define ANNOUNCE_TIME 100    /* ms an announcement waits for others */
#define PRUNE_DUPLICATES 5
#define GRAFT_TIME 400      /* ms until an announced record is asked for */
#define RECENT_RECORDS 1024 /* records an IHAVE is compared with */
#define ORPHANS_MOST 256    /* operations kept while their parents are missing */
#define DISMISS_OPS 8       /* operations a removed home is sent last */
#define UNDO_ASKED_MOST 4   /* homes asked to countersign an undo, one after the other */
#define UNDO_PATIENCE 8000  /* ms for each; with all of them less than the 45 s the vault waits */
#define UNSAVED_MOST 16     /* own operations waiting for a full disk */
#define UNSAVED_TIME 5000   /* ms until the disk is tried again */
#define RENEW_STEP 2000     /* ms a rank in making a merge epoch */
#define RENEW_MOST 30000    /* ms at most */
#define KEYS_DAYS 9         /* days a day's key is kept: the longest life of a record, and two for clocks */
#define EPOCHS_MOST 4096    /* group keys held; each removal brings one or a few */
#define EARLY_MOST 16       /* epochs kept while operations of their frontier are missing */
#define FUTURE_SLACK 600    /* seconds a record may lie ahead of mesh time */
#define LIFE_URGENT 86400   /* seconds a record of the class may live */
#define LIFE_NORMAL (7 * 86400)
#define LIFE_NOTICE (3 * 86400)
#define LIFE_ASK (30 * 86400)
#define ASK_DAYS 30 /* days of a period, in which a device has its slots for asks */
#define ASK_SLOTS 4
#define CONTACT_LIFE (7 * 86400) /* seconds */
#define CONTACT_PERIOD 86400     /* seconds between contacts when nothing changed */
#define CONTACT_SPACING 600      /* seconds between contacts at least */
#define CONTACTS_HOUR 12         /* of one device are taken in an hour: twice what an honest one publishes */
#define DIAL_FIRST 1000          /* ms of the first back-off */
#define DIAL_LAST 300000         /* ms of the longest */
#define DIAL_PSK_TIME 2000       /* ms without an answer to message 1 before another link key is tried */
#define DIAL_LAN_MOST 3          /* outbound links on the local network: the rest of the mesh must stay in reach */
#define DOUBT_TIME 10000         /* ms a link may stay silent when its network has changed */
#define JOIN_PATIENCE 30000      /* ms a `join` command waits */
#define MARK_PERIOD 600          /* seconds between clock marks on disk */
#define SECRETS_MOST 64          /* link keys kept */
#define SECRETS_DAYS 30

/* ---- records ---- */
struct handed { /* households that have an own record on disk */
        size_t n_homes;
        struct key homes[OUTBOUND_WANTED + INBOUND_MOST];
};

enum rec_flag {
        REC_PENDING = 1, /* its signature is being checked, or it is being written: not held yet */
        REC_MINE = 2,    /* of this household */
        REC_OWN = 4,     /* of this device */
        REC_SENSOR = 8,
        REC_RETRACTED = 16, /* a held retraction names it: no element any more, its bytes are gone */
        REC_STORED = 32,
        REC_VOID = 64,    /* a proof voids it: no element any more, its bytes are gone */
        REC_ERASED = 128, /* and the disk knows */
};
#define REC_GONE (REC_RETRACTED | REC_VOID)

/* Types in the index that no wire has: what a proof proves (proof.c). Elements like records; their bytes are the proof. */
enum rec_fact {
        FACT_VOID = 16, /* the slot (author, day, klass, index) */
        FACT_MUTE = 17, /* the device @author, found out in hour day x 24 + index; klass is 0 */
};

struct takes {              /* of a retraction */
        struct hash target; /* id of the record it takes back */
        uint32_t signer;    /* index into mesh.authors */
};

struct rec {
        struct hash id;
        mesh_wall created, expires;
        uint32_t author; /* index into mesh.authors: the slot's device */
        uint32_t number; /* own index in mesh.recs */
        uint32_t day;
        uint32_t next_slot; /* chain of the slot table; REC_NONE ends it */
        uint16_t index;
        uint8_t type, klass, flags;
        struct takes *takes;   /* of retractions: owned */
        struct packet *packet; /* its bytes while the store may not have them; owned reference */
        struct handed *handed; /* own: who has it; owned */
};
#define REC_NONE UINT32_MAX

static inline bool rec_is_fact(const struct rec *r) {
        return r->type >= FACT_VOID;
}
static inline uint32_t rec_signer(const struct rec *r) {
        return r->takes ? r->takes->signer : r->author;
}

struct slot {
        uint32_t author; /* REC_NONE: a device of which nothing is held */
        uint32_t day;
        uint16_t index;
        uint8_t klass;
};

struct author { /* a device that signed a record held here */
        struct key device;
        uint32_t number;
        uint32_t mutes; /* FACT_MUTEs of it */
};

/* ---- links ---- */
enum link_state {
        LINK_HANDSHAKE, /* Noise */
        LINK_GREETING,  /* waiting for the other side's hello (and, from a stranger, its admit) */
        LINK_UP,        /* both are members and have greeted */
        LINK_CLOSING,
};

enum link_set { LINK_OPS, LINK_CONTACTS, LINK_RECORDS, LINK_SETS };
/* The sets in the order in which they are compared: a set once those before it are equal. */
static inline enum wire_e_set link_set_at(size_t i) {
        return (enum wire_e_set)(SET_OPS + i);
}

struct push { /* elements owed to a link, fetched and queued as its window allows */
        uint32_t *what;
        size_t n, at, cap;
        bool loading;
};

struct link {
        struct list list;
        struct mesh *m;
        mesh_link id;
        enum link_state state;
        bool dialled, lan;
        struct mesh_addr addr;
        struct frames frames;
        struct buf out; /* handed out with the next SEND */
        bool out_given; /* `out` was handed out: forget it at the next call */
        struct packet_queue queue[6];
        size_t backlog; /* as the shell last said, plus what was handed out since */
        mesh_time since, heard, spoke, pinged;
        mesh_time doubted; /* when it was asked whether it is still there; 0: not */
        mesh_wall wall;    /* when it came up */
        uint64_t sent, received;
        enum wire_e_reason ending;

        struct key device, household; /* zeros until known */
        bool psk_spare;               /* initiator: there are other link keys to try */
        bool stranger;                /* responder: its static key is no current device's; only an admit helps */
        bool unproven;                /* initiator: not known to us; only operations are taken */
        bool hello_sent, hello_got, joining;
        struct buf plea;      /* an add that waits until the one before it is on disk */
        bool newcomer;        /* joining, and nobody's device when it said so */
        bool visit, visiting; /* this side, or the other, only compares and goes again */
        uint8_t their[LINK_SETS][8], mine[LINK_SETS][8];
        uint64_t digested;     /* the step in which `mine` was computed */
        struct mesh_addr seen; /* where the other side sees this one; the port means nothing */
        int64_t clock_offset;  /* their clock minus ours, seconds */

        bool lazy; /* one side has pruned it: IHAVE only, both ways */
        uint32_t duplicates;
        uint8_t announce[800]; /* short ids waiting for the next IHAVE */
        size_t n_announce;
        mesh_time announce_due;
        struct hash acks[ACKS_MOST]; /* the author's records that are on disk here since the last ACK */
        size_t n_acks;

        struct recon recon;        /* snapshot of the running session */
        enum wire_e_set recon_set; /* 0: none */
        bool recon_opened;         /* by this side */
        uint32_t round;
        uint32_t openings; /* reconciliations the other side opened lately */
        mesh_time openings_since;
        size_t missed;      /* elements the running session found missing here */
        uint32_t verifying; /* its records whose signatures are being checked */
        bool shed;          /* records of it were let go, because too many were being checked */
        mesh_wall until;
        mesh_time recon_due;      /* gives up then */
        bool synced[LINK_SETS];   /* equal once since the link came up */
        bool compared[LINK_SETS]; /* in the running turn; the others are still to be compared */
        bool caught_up;           /* records flow */
        struct push push[LINK_SETS];
        uint64_t load_token;
};

/* ---- keys ---- */
struct epoch {
        uint8_t id[16];
        struct hash hash; /* element of the OPS set */
        struct buf header;
        struct wire_epoch w; /* spans into header */
        bool has_key;
        struct key key, link_key;
        uint32_t day; /* of key */
        mesh_wall since;
};

struct ticket_row {
        struct key id;
        struct buf text, label;
        uint32_t uses;
        mesh_wall expires;
        bool revoked;
};

struct revoke { /* a ticket taken back, by a device of the household that wrote it */
        struct hash hash;
        struct key invite, device;
        mesh_wall time, expires;
        struct buf bytes;
};
#define REVOKES_MOST 4096  /* held at once; the one whose ticket ends first gives way */
#define REVOKES_DEVICE 256 /* of them of one device, so that nobody drives out those of others */

struct contact {
        struct key device;
        struct hash hash;
        uint64_t seq;
        mesh_wall time;
        struct buf bytes;
        uint32_t number; /* names it in a push */
        uint32_t lately; /* of this device since then */
        mesh_time lately_since;
        struct mesh_addr addrs[MESH_ADDRS_MAX];
        size_t n_addrs;
};

struct address { /* somewhere to knock */
        struct mesh_addr addr;
        struct key device; /* zeros: not known */
        bool manual, stored, ticket, self;
        bool lan;               /* a beacon came from it */
        bool lan_only;          /* and nothing else speaks for it */
        uint8_t hint[8];        /* of the beacon: whose it is, before the device is known */
        mesh_time heard, urged; /* the last beacon; the last one that brought a dial forward */
        mesh_link link;         /* 0: not dialled now */
        uint32_t failures;
        uint32_t psk_try; /* which link key the next dial uses */
        bool show_add;    /* the last greeting got no answer: bring our own operations along */
        mesh_time next;
        mesh_wall down_since;
        enum wire_e_reason problem;
};
#define ADDRESSES_MOST 512

/* ---- the local network ---- */
#define LAN_SEEN 512 /* nonces remembered: the beacons of a street for the 20 minutes one could be replayed */

struct lan {
        uint16_t ports[MESH_LANS_MAX];
        size_t n;                /* 0: off */
        bool speaking;           /* this node is one that beacons */
        mesh_time due;           /* of the next beacon; NEVER */
        mesh_time invited;       /* until then a neighbour with a fresh ticket may be listening */
        unsigned quick;          /* beacons still to come in quick succession */
        uint64_t seen[LAN_SEEN]; /* the first half of each nonce, a ring */
        size_t seen_at;
};

/* What is waiting for STORED. */
enum wait_kind {
        WAIT_NONE,
        WAIT_RECORD,
        WAIT_PROOF,
        WAIT_VOID,
        WAIT_OP,
        WAIT_KEEP,
        WAIT_EPOCH,
        WAIT_FOUND,
        WAIT_JOIN,
        WAIT_INVITE,
        WAIT_REVOKE,
        WAIT_ADMIT,
        WAIT_RECOVER,
        WAIT_WITNESS
};
struct wait {
        struct list list;
        uint64_t token;
        enum wait_kind kind;
        uint64_t command; /* token of the command to reply to; 0: none */
        uint32_t rec;
        mesh_link link;
        struct key id;
        struct buf op; /* countersigned here: counts once it is on disk */
        uint32_t left; /* rows still to come (founding) */
        bool failed;
};

struct plea {             /* an undo signed here that waits for a third home */
        uint64_t command; /* 0: there is none */
        struct buf op;
        struct hash what; /* the household's signature is over it */
        struct key undone;
        mesh_link link; /* who is asked now */
        mesh_time due;
        struct key asked[UNDO_ASKED_MOST]; /* households */
        size_t n_asked;
        enum mesh_outcome problem; /* the answer, if nobody else can be asked */
};

struct orphan { /* an operation whose parents are missing */
        struct buf bytes;
        mesh_link link;
};

struct verifying { /* a record whose signature is with the shell */
        uint32_t rec;
        mesh_link link;
};

struct verify_batch { /* signatures being checked by the shell */
        struct list list;
        uint64_t token;
        size_t n;
        struct verifying items[];
};

struct graft {
        struct list list;
        uint64_t sid;
        mesh_link link;
        mesh_time due;
};

/* ---- coming back ---- */
struct recover {
        bool on;
        struct hash mesh;
        struct key device;    /* the old one */
        struct box_key noise; /* its key for links */
        struct key keys[SECRETS_MOST];
        size_t n_keys;
        struct buf op;    /* the vault's: revokes the old device and certifies this one; empty: not there yet */
        uint64_t command; /* token of the command to reply to; 0: none */
        enum mesh_outcome problem;
        bool compared; /* with a neighbour, since the start */
        bool writing;  /* the operation is on its way to the disk */
        mesh_time due; /* the set `ops` is compared again; 0: not planned */
};

struct mesh {
        struct rng rng;
        uint64_t map_seed[4];
        struct sign_key sign;
        struct box_key noise, seal;
        mesh_wall built;
        mesh_time now;
        mesh_wall wall;
        uint64_t steps; /* events so far */
        bool started, stopping;
        uint64_t next_token;
        mesh_link next_dial;
        struct out out;
        struct list waits;

        /* belonging */
        struct roster *roster; /* NULL: no mesh */
        bool member;           /* this device is a current member's */
        struct plea plea;
        bool witnessing; /* an undo countersigned here is on its way to the disk */
        bool admitting;  /* an add countersigned here is on its way to the disk */
        bool removed;
        struct key household;
        struct buf join_op, join_text;
        struct hash join_mesh; /* of the ticket or code … */
        struct key join_key;   /* … and its link key */
        bool joining;
        uint64_t join_command;
        mesh_time join_due;
        enum mesh_outcome join_problem;
        struct recover recover;
        struct orphan orphans[ORPHANS_MOST];
        size_t n_orphans;
        struct buf early[EARLY_MOST]; /* epochs whose frontier is not here yet, each an encoded epoch_key */
        size_t n_early;

        struct epoch **epochs;
        size_t n_epochs, cap_epochs;
        struct ticket_row **tickets;
        size_t n_tickets, cap_tickets;
        struct revoke **revokes;
        size_t n_revokes, cap_revokes;
        struct map purses; /* of households and devices, this day */
        mesh_time purses_since;
        struct map contacts;
        bool renew; /* no epoch is usable: this device makes one at renew_due */
        mesh_time renew_due;
        mesh_wall ratcheted; /* when old days' keys were last wiped */
        struct hash
                unsaved[UNSAVED_MOST]; /* own operations the disk refused: kept from everybody until it takes them */
        size_t n_unsaved;
        mesh_time unsaved_due;
        struct buf late; /* at a start: operations that came before their parents */
        size_t unkept;   /* place of the first operation the disk may not have; SIZE_MAX: it has all */
        mesh_time keep_due;
        bool keeping; /* some are being written again */
        uint64_t contact_seq;
        uint32_t contact_number;
        mesh_wall contact_time;
        bool contact_dirty;
        struct mesh_addr listening[MESH_ADDRS_MAX];
        size_t n_listening;
        struct mesh_addr seen; /* what neighbours agree on, with the port it listens on; port 0: nothing */

        /* records */
        struct map by_id;
        struct rec **recs; /* by number; NULL: free */
        size_t n_recs, cap_recs;
        uint32_t *free_recs;
        size_t n_free;       /* there is room for as many as recs has */
        struct rec **sorted; /* held records by (created, id) */
        size_t n_sorted, cap_sorted;
        uint32_t *slots; /* hash table of records by slot */
        size_t cap_slots, n_slots;
        struct map authors_map;
        struct author **authors;
        size_t n_authors, cap_authors;
        uint32_t recent[RECENT_RECORDS];
        size_t recent_at;
        struct buf verify;       /* struct mesh_verify, one after the other */
        struct buf verify_for;   /* struct verifying, in the same order */
        struct list verify_out;  /* batches with the shell */
        struct list rivals;      /* records that met another one in their slot */
        bool proofs_unsaved;     /* the disk did not take a proof, or does not know of what one voids */
        struct refused *refused; /* records the disk would not take, a ring */
        size_t n_refused;
        mesh_time refused_last;
        uint32_t unsent; /* own records no other home has acknowledged */
        struct {
                uint32_t day;
                uint16_t next;
        } slot_hint[CLASS_ASK + 1]; /* below it all own slots of the day are taken */
        struct list grafts;
        size_t n_grafts;

        /* links */
        struct list links;
        size_t n_links;
        struct address *addresses;
        size_t n_addresses;
        struct address visit; /* who is visited now, or was last; in no list, and none of the links wanted */
        mesh_time sync_due, dial_due, visit_due;
        struct lan lan;
        mesh_wall alone_since;
        enum wire_e_fresh state;
        mesh_wall state_since;

        /* time */
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
        mesh_wall expire_due;
};

/* ---- mesh.c ---- */
uint64_t mesh_token(struct mesh *m);
void mesh_reply(struct mesh *m, uint64_t command, enum mesh_outcome o);
struct wait *mesh_wait(struct mesh *m, enum wait_kind kind, uint64_t command); /* NULL: no memory */
/* Stores a row; STORED is answered to @w (NULL: nobody cares). 0 or ERR_NOMEM. */
int mesh_store(struct mesh *m, const struct mesh_row *row, const struct wait *w);
_printf_(2, 3) void mesh_trace(struct mesh *m, const char *fmt, ...);
void mesh_state_changed(struct mesh *m);
enum mesh_outcome mesh_standing(const struct mesh *m); /* DONE for a member, else why not */
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
        BUDGETS
};
bool budget_left(struct mesh *m, const struct key *who, enum budget b);
int budget_charge(struct mesh *m, const struct key *who, enum budget b); /* 0 or ERR_NOMEM */
void budgets_fini(struct mesh *m);

/* ---- clock.c ---- */
mesh_wall clock_now(const struct mesh *m); /* mesh time, seconds */
bool clock_usable(const struct mesh *m);
void clock_step(struct mesh *m); /* first with each event: has the machine's clock been set? */
void clock_tick(struct mesh *m);
void clock_start(struct mesh *m);
void clock_restore(struct mesh *m, mesh_wall mark);

/* ---- link.c ---- */
int link_up(struct mesh *m, const struct mesh_event *ev);
void link_down(struct mesh *m, mesh_link id);
int link_recv(struct mesh *m, mesh_link id, struct span bytes);
void link_writable(struct mesh *m, mesh_link id, size_t backlog);
struct link *link_find(struct mesh *m, mesh_link id);
void link_hangup(struct link *l, enum wire_e_reason why);
int link_dismiss(struct link *l,
                 size_t first); /* removed: its queue is dropped, the last it hears are the operations from
                                                   place @first on, the removal among them */
/* Queues a message; takes its own reference. Lower classes are dropped when the link is too slow. */
int link_send(struct link *l, struct packet *p);
int link_say(struct link *l, enum wire_link number, const void *msg); /* encodes and queues in the message's class */
int link_acks(struct link *l);                                        /* says what was acknowledged in this step */
size_t link_queued(const struct link *l);                             /* bytes waiting behind the window */
int link_flush(struct link *l);                                       /* frames what the window allows */
int link_tick(struct mesh *m);
mesh_time link_deadline(const struct mesh *m);
uint64_t link_sid(const struct link *l, const struct hash *id);
size_t link_keys(struct mesh *m, struct key ret[SECRETS_MOST]); /* newest first; while joining the ticket's */
int link_doubt(struct link *l);   /* it may be dead: asks, and hangs up if nothing comes within DOUBT_TIME */
int link_greet(struct link *l);   /* says hello, once */
int link_greeted(struct link *l); /* both hellos are there and both are members: the link is up */
struct link *link_to_device(struct mesh *m, const struct key *device); /* an UP link, or NULL */
size_t links_up(const struct mesh *m);
size_t links_shown(const struct mesh *m); /* all but those accepted that have not shaken hands yet */
void link_free(struct link *l);
void link_caught_up(struct link *l);
#define LINK_EACH(var, m) LIST_EACH (var, &(m)->links, struct link, list)

/* ---- on_message.c ---- */
int on_body(struct link *l, struct span body); /* one frame; hangs up by itself on nonsense */

/* ---- found.c ---- */
int found_start(struct mesh *m, const struct mesh_event *ev);
int found_stored(struct mesh *m, struct wait *w);
int join_start(struct mesh *m, const struct mesh_event *ev);
int join_stored(struct mesh *m, struct wait *w);
int join_restore(struct mesh *m, struct span op, struct span ticket);
void join_refused(struct mesh *m, enum wire_e_reason why);
int join_check_done(struct mesh *m);
void join_tick(struct mesh *m);
int join_forget(struct mesh *m);

/* ---- enrol.c ---- */
/* Appends the device-add that this device asks for admission with, on the code @text, as @name. 0, TICKET_E_*, OP_E_INPUT, <0. */
int enrol_make(const struct mesh *m, struct span text, struct span name, struct buf *ret);

/* ---- recover.c ---- */
int recover_start(struct mesh *m, const struct mesh_event *ev);
int recover_stored(struct mesh *m, struct wait *w);
bool recover_is_way(struct span text); /* a row of MESH_ROW_JOIN is one of a home that comes back */
int recover_restore(struct mesh *m, struct span op, struct span way);
int recover_replace(struct mesh *m, const struct mesh_event *ev);
const struct box_key *
recover_noise(const struct mesh *m);                    /* the static key of links: this device's, or the old one's */
const struct key *recover_device(const struct mesh *m); /* the device whose key that is */
size_t recover_keys(const struct mesh *m, size_t n, struct key ret[SECRETS_MOST]); /* behind the @n that are there */
void recover_refused(struct mesh *m); /* somebody shook hands and did not greet */
int recover_check(struct mesh *m);    /* operations came, or the node starts */
int recover_ready(struct mesh *m);    /* a neighbour's operations are all here */
void recover_again(struct mesh *m);   /* they were not: compare once they have come */
int recover_tick(struct mesh *m);
mesh_time recover_deadline(const struct mesh *m);

/* ---- admit.c ---- */
int admit_start(struct link *l, struct span add);
int admit_stored(struct mesh *m, struct wait *w);
int invite_make(struct mesh *m, const struct mesh_event *ev);
int invite_stored(struct mesh *m, struct wait *w);
int invite_revoke(struct mesh *m, const struct mesh_event *ev);
int invite_restore(struct mesh *m, const struct mesh_row *row);
void tickets_fini(struct mesh *m);

/* ---- undo.c ---- */
bool undo_is(struct span op);                                /* an undo, countersigned or not */
int undo_start(struct mesh *m, const struct mesh_event *ev); /* the vault has signed one */
void undo_look(struct mesh *m, size_t first); /* operations from place @first on are new: is it among them? */
int undo_asked(struct link *l, struct span plea);
int undo_declined(struct link *l, const struct wire_declined *msg);
int undo_stored(struct mesh *m, struct wait *w);
int undo_tick(struct mesh *m);
mesh_time undo_deadline(const struct mesh *m);
void plea_fini(struct mesh *m);

/* ---- revoke.c ---- */
int revoke_make(struct mesh *m, const struct ticket_row *t, const struct wait *w); /* signs and stores it */
int revoke_announce(struct mesh *m, const struct key *invite); /* it is on disk: everybody hears of it */
int revoke_take(struct link *from, const struct wire_revoke *w, struct span raw);
int revoke_restore(struct mesh *m, struct span raw);
bool revoke_holds(const struct mesh *m, const struct wire_invite *inv); /* this ticket was taken back */
void revokes_fini(struct mesh *m);

/* ---- ops.c ---- */
int ops_take(struct mesh *m, struct link *from, struct span op); /* from a link; NULL: from here */
size_t ops_place(const struct mesh *m, const struct hash *id);   /* among the roster's operations; SIZE_MAX: nowhere */
int ops_store(struct mesh *m, struct span op, const struct hash *id, const struct wait *w);
void orphans_fini(struct mesh *m);
int ops_command(struct mesh *m, const struct mesh_event *ev);
int ops_stored(struct mesh *m, struct wait *w);
int ops_tick(struct mesh *m); /* tries again to write what the disk refused */

/* ---- refused.c ---- */
int refused_note(struct mesh *m, const struct hash *id); /* 0 or ERR_NOMEM */
bool refused_lately(const struct mesh *m, const struct hash *id);

/* ---- keep.c ---- */
int keep_restore(struct mesh *m, struct span op);
int keep_restored(struct mesh *m);                  /* the disk has given back all operations */
int keep_op(struct mesh *m, const struct hash *id); /* writes one, and again until the disk has it */
int keep_stored(struct mesh *m, const struct wait *w);
int keep_tick(struct mesh *m);
mesh_time keep_deadline(const struct mesh *m);

/* ---- epoch.c ---- */
int epoch_found(struct mesh *m, struct epoch **ret); /* the first one of a mesh, or a fresh one: made, not stored */
int epoch_store(struct mesh *m, const struct epoch *e, const struct wait *w);
int epoch_take(struct mesh *m, struct link *from, const struct wire_epoch_key *msg);
int epoch_renew(struct mesh *m, const struct wait *w); /* makes a fresh one and stores it */
int epoch_stored(struct mesh *m, struct wait *w);
int epoch_spread(struct mesh *m, const struct epoch *e, const struct link *from); /* to every link, under rule H */
void epoch_plan(struct mesh *m); /* after operations: if none is usable any more, when this device makes one */
int epoch_tick(struct mesh *m);
mesh_time epoch_deadline(const struct mesh *m);
int epochs_try(struct mesh *m); /* after operations came: epochs that were too early */
int epoch_restore(struct mesh *m, const struct mesh_row *row);
struct epoch *epoch_find(struct mesh *m, struct span id);
struct epoch *epoch_usable(const struct mesh *m); /* rule U; NULL: none */
bool epoch_day_key(const struct epoch *e, uint32_t day, struct key *ret);
int epoch_hand(struct link *l, const struct epoch *e);                /* rule H */
struct epoch *epoch_newest(struct mesh *m);                           /* whose link key is dialled with; NULL: none */
size_t epoch_link_keys(struct mesh *m, struct key ret[SECRETS_MOST]); /* newest first */
void epochs_fini(struct mesh *m);

/* ---- records.c ---- */
int records_init(struct mesh *m);
void records_fini(struct mesh *m);
int records_start(struct mesh *m); /* after the last RESTORE: until then nothing can be found */
int records_restore(struct mesh *m, const struct mesh_row *row);
void records_expire(struct mesh *m);
struct rec *records_find(struct mesh *m, const struct hash *id);
struct slot records_slot(const struct mesh *m, const struct key *device, uint32_t day, uint8_t klass, uint16_t index);
struct slot records_slot_of(const struct rec *r);
/* Everything in a slot, in no order: its record, retractions, a FACT_VOID, and what is pending. @after NULL: the first. */
struct rec *records_in(const struct mesh *m, const struct slot *s, const struct rec *after);
#define SLOT_EACH(var, m, slot) for (struct rec *var = records_in(m, slot, NULL); var; var = records_in(m, slot, var))
size_t records_since(const struct mesh *m, mesh_wall created); /* place in `sorted` of the first made then or later */
struct rec *records_new(struct mesh *m, const struct hash *id, const struct wire_record *w); /* NULL: no memory */
struct rec *records_fact(struct mesh *m, const struct rec *like, const struct key *device);  /* NULL: no memory */
void records_drop(struct mesh *m, struct rec *r);
int records_hold(struct mesh *m, struct rec *r); /* from now on it counts, and is compared */

/* ---- record.c ---- */
void record_id(const struct mesh *m, struct span raw, struct hash *ret);
struct packet *record_packet(const struct wire_record *w, struct span raw); /* NULL: no memory */
uint64_t record_life(uint8_t klass);                                        /* seconds; 0: unknown class */
uint32_t record_slot_days(uint8_t klass);                                   /* how many days a slot is for */
uint32_t record_slot_day(uint8_t klass, mesh_wall created);                 /* `day` of the slots to use then */
mesh_wall record_slot_end(uint8_t klass, uint32_t day);                     /* nothing in such a slot lives longer */
/* The signer's device, and the slot's. */
void record_devices(const struct wire_record *w, struct key *ret_signer, struct key *ret_slot);
/* What the header alone says, whatever the time: @d is the signer. */
bool record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d);
uint16_t record_quota(const struct mesh *m, const struct roster_device *d, uint8_t klass, bool sensor);
uint8_t record_class_of(uint8_t kind, uint8_t urgency, uint8_t severity, uint8_t status);
void record_key(const struct epoch *e, const struct wire_record *w, const struct key *slot_device, struct key *ret,
                bool *ret_ok);
/* Appends the plaintext; false: no key here, or it does not open. */
bool record_open(struct mesh *m, const struct rec *r, const struct wire_record *w, struct span raw, struct buf *plain);
bool record_alert_means(const struct wire_record *w, const struct wire_alert *a);
bool record_follow_means(const struct wire_record *w, const struct wire_follow *f);
int record_store(struct mesh *m, struct rec *r, const struct wire_record *w, struct span raw,
                 const struct wire_alert *alert, const struct wire_follow *follow, const struct wait *w_);

/* ---- proof.c ---- */
int proof_take(struct link *from, const struct wire_proof *w, struct span raw);
int proof_restore(struct mesh *m, const struct mesh_row *row);         /* before the records */
bool proof_refuses(const struct mesh *m, const struct wire_record *w); /* it would be void */
bool proof_voids(const struct mesh *m, const struct rec *r);
int proof_void_held(struct mesh *m, const struct rec *fact); /* whatever of the index it voids */
int proof_void(struct mesh *m, struct rec *r);               /* a held one ceases to be */
/* A held record of the same signer in @r's slot that makes a proof with it, or NULL. */
struct rec *proof_rival(const struct mesh *m, const struct rec *r);
int proof_begin(struct mesh *m, struct rec *r, const struct rec *other);
int proof_loaded(struct mesh *m, const struct mesh_event *ev);
void proof_stored(struct mesh *m, const struct wait *w);
int proof_tick(struct mesh *m);                    /* tells the disk again what it did not take */
mesh_wall proof_muted_until(const struct mesh *m); /* this device; 0: it is not muted */
void proof_fini(struct mesh *m);

/* ---- accept.c ---- */
int accept_record(struct link *from, const struct wire_record *w, struct span raw);
int accept_flush(struct mesh *m); /* hands out the signatures collected in this step */
int accept_verified(struct mesh *m, uint64_t token, const bool *good, size_t n);
int accept_stored(struct mesh *m, struct wait *w);

/* ---- author.c ---- */
int author_publish(struct mesh *m, const struct mesh_event *ev);
int author_stored(struct mesh *m, struct wait *w);
void author_acked(struct mesh *m, struct link *l, struct span ids);
void author_dropped(struct mesh *m, const struct rec *r); /* one of this device's leaves the index */

/* ---- spread.c ---- */
int spread_record(struct mesh *m, struct rec *r, struct packet *p, const struct link *from);
int spread_packet(struct mesh *m, struct packet *p,
                  const struct link *from); /* operations, epochs, contacts: everywhere */
void spread_duplicate(struct link *l, const struct rec *r);
int spread_ihave(struct link *l, struct span sids);
int spread_graft(struct link *l, struct span sids);
int spread_tick(struct mesh *m);
mesh_time spread_deadline(const struct mesh *m);
void spread_fini(struct mesh *m);

/* ---- sync.c ---- */
int sync_digests(struct link *l); /* of its three sets under its T, into l->mine */
int sync_begin(struct link *l);   /* after the greetings: opens sessions for what differs, in order */
int sync_join(struct link *l);    /* before the greetings can be completed: asks for the roster */
int sync_recon(struct link *l, const struct wire_recon *msg);
int sync_pump(struct link *l); /* fetches and queues what is owed */
int sync_loaded(struct mesh *m, const struct mesh_event *ev);
int sync_tick(struct mesh *m);
mesh_time sync_deadline(const struct mesh *m);
int push_add(struct push *p, uint32_t what);
void push_fini(struct push *p);

/* ---- contact.c ---- */
int contact_take(struct link *from, const struct wire_contact *w, struct span raw);
int contact_restore(struct mesh *m, struct span raw);
void contacts_open(struct mesh *m); /* a key has come: those it opens are read */
int contact_publish(struct mesh *m);
mesh_time contact_deadline(const struct mesh *m);
void contacts_fini(struct mesh *m);

/* ---- addrbook.c, dial.c ---- */
struct address *address_add(struct mesh *m, const struct mesh_addr *addr); /* NULL: full of better ones */
struct address *address_find(struct mesh *m, const struct mesh_addr *addr);
struct address *address_of_link(struct mesh *m, mesh_link id);
int address_store(struct mesh *m, struct address *a);
bool addr_eq(const struct mesh_addr *a, const struct mesh_addr *b);
bool addr_is_ip4(const struct mesh_addr *a);
bool addr_private(
        const struct mesh_addr *a); /* private, shared, link-local or loopback: it names no place on the Internet */
bool addr_same_net(const struct mesh_addr *a, const struct mesh_addr *b); /* /16 of IPv4, /32 of IPv6 */
bool addr_from_wire(const struct wire_addr *w, struct mesh_addr *ret);    /* false for a name */
void addr_to_wire(const struct mesh_addr *a, struct wire_addr *ret);      /* borrows from @a */
int dial_tick(struct mesh *m);
mesh_time dial_deadline(const struct mesh *m);
void dial_soon(struct mesh *m); /* something changed: look for candidates again */
void dial_failed(struct mesh *m, struct address *a, enum wire_e_reason why);
bool dial_may(const struct mesh *m);                               /* there is somebody to dial, and place for a link */
int dial_start(struct mesh *m, struct address *a);                 /* hands out DIAL */
bool dial_reaches(const struct mesh *m, const struct key *device); /* a link to it is there, or on its way */
/* The head of a home's subtree of the invite tree, cut where votes are counted (PROTOCOL 5.53). */
const struct roster_home *dial_branch(const struct roster_home *h);

/* ---- seen.c ---- */
void seen_look(struct mesh *m); /* a link has come up */

/* ---- visit.c ---- */
int visit_tick(struct mesh *m);
mesh_time visit_deadline(const struct mesh *m);
/* The link of a visit is gone, or never was; @compared: all sets were equal on it once. */
void visit_ended(struct mesh *m, bool compared, enum wire_e_reason why);

/* ---- lan.c ---- */
int lan_changed(struct mesh *m, const struct mesh_event *ev);
int lan_heard(struct mesh *m, const struct mesh_event *ev);
void lan_soon(struct mesh *m);    /* something changed: a few beacons at once */
void lan_invited(struct mesh *m); /* a ticket was written: often, for a while */
int lan_tick(struct mesh *m);
mesh_time lan_deadline(const struct mesh *m);
bool lan_fresh(const struct mesh *m, const struct address *a); /* heard of lately */
