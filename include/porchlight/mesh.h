/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mesh core: one state machine for a whole node over all its links. Events go in, actions come out. It has no sockets,
 * files, clocks, threads, callbacks or randomness of its own: a run is a function of (seed, keys, events), so it can be
 * recorded, replayed, and simulated by the thousand.
 *
 * Two sentences about memory. What an event points to is borrowed until mesh_step() returns. What an action points to is
 * borrowed until the next call on the same mesh. There is no third case.
 *
 * Use: mesh_new; one RESTORE event for each row the store holds, in the order of enum mesh_row_kind; START; then any event
 * as it happens. After every mesh_step call mesh_next until it is false, and ask mesh_deadline when the next TICK is due.
 */
#pragma once

#include "base/base.h"
#include "porchlight/outcomes.def"
#include "porchlight/row.h"
#include "wire/messages.h"

struct mesh;
struct mesh_shared;
struct roster;

enum mesh_outcome {
#define MESH_OUTCOME_X(name, ...) MESH_OUT_##name,
        MESH_OUTCOMES(MESH_OUTCOME_X)
#undef MESH_OUTCOME_X
};

struct mesh_outcome_row {
        const char *name, *message, *hint;
        int exit;
};
const struct mesh_outcome_row *mesh_outcome(enum mesh_outcome o);

/* This device's secrets. The daemon owns the file they come from; the core keeps a copy and wipes it in mesh_free. */
struct mesh_config {
        uint8_t sign_seed[32];      /* Ed25519 seed: signs records */
        struct key noise_secret;    /* X25519: links only */
        struct key seal_secret;     /* X25519: what is sealed to this device */
        mesh_wall built;            /* when this program was built: no honest clock is earlier */
        uint8_t seed[32];           /* all randomness there will be */
        struct mesh_shared *shared; /* with other cores of this process, and their thread; NULL: nothing */
};

/* What many cores of one process have alike, kept once for all of them: each does as it would alone, in less memory. It
 * outlives them. 0 or ERR_NOMEM. */
int mesh_shared_new(struct mesh_shared **ret, const uint64_t seed[4]);
struct mesh_shared *mesh_shared_free(struct mesh_shared *s);

/* ---- events ---- */
enum mesh_event_type {
        MESH_EV_RESTORE, /* a row from the store; before START only */
        MESH_EV_START,
        MESH_EV_TICK,
        MESH_EV_LINK_UP,   /* a connection is there: dialled (by DIAL's link number) or accepted */
        MESH_EV_LINK_DOWN, /* it is gone, or could not be made */
        MESH_EV_RECV,
        MESH_EV_WRITABLE, /* how much of what was sent still waits in the kernel and the shell */
        MESH_EV_STORED,
        MESH_EV_LOADED,
        MESH_EV_VERIFIED,
        /* The addresses this node can be reached at, own port included; replaces the earlier list. Of a hidden one before START,
         * too: it would call others first. */
        MESH_EV_LISTENING,
        MESH_EV_LAN,       /* the local networks beacons can be sent to; also when only an address on one has changed */
        MESH_EV_HEARD,     /* a datagram came to the beacons' group: a beacon of this mesh, or anything */
        MESH_EV_FOUND,     /* command: the vault has signed a genesis */
        MESH_EV_JOIN,      /* command: the vault has signed an add on a ticket, the first or another; or has a code */
        MESH_EV_FORGET,    /* command: give the joining up */
        MESH_EV_RECOVER,   /* command: a backup was opened; answered when this device is certified */
        MESH_EV_REPLACE,   /* the vault has signed what certifies it: see mesh_recovering() */
        MESH_EV_OP,        /* command: the vault has signed an operation of this household */
        MESH_EV_PUBLISH,   /* command: post, follow up, tell of a clip, or ask for some */
        MESH_EV_INVITE,    /* command: write a ticket */
        MESH_EV_REVOKE,    /* command: revoke a ticket, or take a device code back */
        MESH_EV_DIAL,      /* command: a person says where to knock */
        MESH_EV_REFRESH,   /* command: a member takes a ticket's link key and addresses, and joins nothing */
        MESH_EV_CODE,      /* command: the vault signs a device code; answered when its name is kept */
        MESH_EV_STOP,      /* say goodbye on every link */
        MESH_EV_CLIP,      /* command: footage has come in; answered when its manifest is on disk */
        MESH_EV_HAUL,      /* command: connect to this member's device for footage; answered when HAUL_UP was given */
        MESH_EV_HAUL_SAY,  /* a message for a link that carries footage; dropped where there is no room for it */
        MESH_EV_HAUL_END,  /* such a link is not needed any more */
        MESH_EV_HELPER,    /* there is a porchlight-ice to bring meetings about, or there is none any more */
        MESH_EV_MET,       /* what that says for the other end of a meeting: WORDS, CANDIDATE, ALL */
        MESH_EV_RELAY,     /* how much is passed on for others who have no other way; nothing, until this is said */
        MESH_EV_LOOKED_UP, /* where a home's names lead to that LOOK_UP gave */
};

/* What a person wants to say. Enumerations may be 0: the kind's default. */
struct mesh_draft {
        uint8_t type; /* enum wire_e_record */
        bool sensor;
        uint8_t kind, severity, urgency, certainty, status, doing;
        uint8_t precision; /* 0: the charter's for a person, AREA for a sensor */
        mesh_cell cell;
        uint64_t expires_in;     /* seconds; 0: the kind's */
        struct span text, clips; /* text: of an ask its reason; clips: of a notice its clip */
        struct hash target;      /* follow-ups: the alert's id; notices and asks: that of theirs, or zeros */
        mesh_wall from, to;      /* notices and asks: of what time */
        uint32_t radius;         /* asks: metres */
};

/* A file that was cut and locked: what of its manifest the core does not know by itself. */
struct mesh_footage {
        mesh_wall from, to; /* what it shows; 0: not known */
        mesh_cell cell;     /* 0: not told */
        struct hash camera; /* PROTOCOL 15.9 */
        uint8_t media;      /* enum wire_e_media */
        bool audio, as_is;
        uint64_t length; /* milliseconds; 0: not known */
        uint64_t size;
        uint8_t salt[16];
        struct hash hashes, commit;
        struct hash parent;  /* zeros: made from no other clip */
        struct span changes; /* what was done to the parent */
        struct span sealed;  /* for the row: see row.h */
        struct span name;    /* of the camera */
};

struct mesh_loaded {
        struct hash id;
        struct span bytes; /* empty: the store has none */
        bool damaged;      /* it had, and they are not what was stored; @bytes is empty */
};

/* Where to knock, as a backup keeps it. */
struct mesh_way {
        struct mesh_addr addr;
        struct key device; /* zeros: not known */
        bool manual;
};

#define MESH_PSKS_MAX 64

/* A home out of a backup. */
struct mesh_recover {
        struct hash mesh;
        struct key household;
        struct key device;      /* the old one's Ed25519 key … */
        struct key noise;       /* … and X25519 secret for links */
        const struct key *keys; /* of links, newest first */
        size_t n_keys;
        const struct mesh_way *ways;
        size_t n_ways;
        const struct span *ops; /* parents first, signatures checked */
        size_t n_ops;
};

/* A row of proto/ice.def, as it goes between the daemon and porchlight-ice. */
struct mesh_meet_row {
        uint8_t number;  /* enum wire_ice: ICE_WORDS, ICE_CANDIDATE or ICE_ALL */
        struct span map; /* the message, encoded; its `meeting` is the link's number */
};

#define MESH_ADDRS_MAX 6
#define MESH_LANS_MAX 16 /* local networks, one for each interface and IP version */
#define MESH_BEACON_BYTES 48

struct mesh_event {
        enum mesh_event_type type;
        mesh_time now;  /* monotonic; never less than in the event before */
        mesh_wall wall; /* this machine's clock, right or wrong */
        mesh_link link;
        uint64_t token; /* STORED, LOADED, VERIFIED: the action's. Commands: comes back in REPLY */
        bool more;      /* another event follows at once: what this one gives to send goes with that one's */
        union {
                const struct mesh_row *restore;
                struct {
                        struct mesh_addr addr;
                        bool dialled;
                        bool lan; /* the address is of a network this machine is on */
                } up;
                struct span recv; /* any slice of the stream */
                struct {
                        size_t backlog; /* bytes */
                } writable;
                struct {
                        bool ok;
                } stored;
                struct {
                        const struct mesh_loaded *items;
                        size_t n;
                } loaded;
                struct {
                        const bool *good;
                        size_t n;
                } verified;
                struct {
                        const struct mesh_addr *addrs;
                        size_t n;          /* at most MESH_ADDRS_MAX */
                        bool outside;      /* this node is known to be reached there from other networks */
                        bool hidden;       /* nobody is to hear where it is: no address goes into its contact */
                        uint16_t udp_port; /* where it answers STUN; 0: nowhere */
                        struct wire_list
                                names; /* encoded wire_addr rows: what it is called outside, NAMES_MOST at most */
                } listening;
                struct {
                        uint16_t ports[MESH_LANS_MAX]; /* for each network the TCP port this node listens on there */
                        size_t n;                      /* 0: LAN discovery is off */
                } lan;
                struct {
                        struct mesh_addr from; /* the port does not matter */
                        struct span datagram;
                } heard;
                struct {
                        struct span op;
                } found, operation; /* operation: of REPLACE too */
                const struct mesh_recover *recover;
                struct {
                        struct span op, ticket;
                        struct span name; /* the ticket is a device code: join as a device of this name, op empty … */
                        struct span
                                seal; /* … whose sealing key this is: its vault has the secret. Empty: the core's own */
                } join;
                const struct mesh_draft *draft;
                const struct mesh_footage *footage;
                struct {
                        struct span label;
                        uint32_t uses;
                        uint64_t expires_in;    /* seconds */
                        mesh_cell cell;         /* put into the ticket; 0: the mesh's */
                        struct wire_list addrs; /* encoded wire_addr rows (IP addresses and names), best first */
                } invite;
                struct {
                        struct key id;
                } revoke;
                struct {
                        struct key id;
                        enum wire_e_share share;
                        mesh_wall expires;
                } code;
                struct {
                        struct mesh_addr addr;
                } dial;
                struct {
                        struct span ticket;
                } refresh;
                struct {
                        struct key device;
                } haul;
                struct {
                        uint64_t quota; /* bytes in 24 hours; 0: none */
                } relay;
                struct {
                        uint8_t number;  /* enum wire_link: LINK_PAPER … LINK_STOP */
                        struct span map; /* the message, encoded */
                } say;
                struct {
                        bool there;
                } helper;
                struct mesh_meet_row met;
                struct {
                        struct key device;
                        const struct mesh_addr *addrs;
                        size_t n;
                } looked_up;
        };
};

/* ---- actions ---- */
enum mesh_action_type {
        MESH_DO_SEND,
        MESH_DO_DIAL,   /* connect and answer with LINK_UP or LINK_DOWN under this link number */
        MESH_DO_HANGUP, /* close after what was sent; no LINK_DOWN follows */
        MESH_DO_BEACON, /* send to each network of the last LAN event its own 48 bytes */
        MESH_DO_STORE, /* write durably, then STORED with this token. Rows handed out before the next STORED may share one
                            transaction, in their order */
        MESH_DO_LOAD,      /* fetch the bytes of these records, then LOADED */
        MESH_DO_VERIFY,    /* check these signatures, then VERIFIED */
        MESH_DO_REPLY,     /* a command's outcome */
        MESH_DO_HANDED,    /* so many other households have this own record on disk by now */
        MESH_DO_STATE,     /* mesh_status() has changed in a way people care about */
        MESH_DO_TRACE,     /* one stable line for the log and for tests */
        MESH_DO_HAUL_UP,   /* a link that carries footage is up, dialled or accepted: messages may go */
        MESH_DO_HAUL_DOWN, /* it is gone, and what was on its way may be lost */
        MESH_DO_HAUL,      /* a message came over it, within the bounds of its row and of PROTOCOL 15.34 */
        MESH_DO_MEET,      /* begin a meeting under this link number, and answer as to DIAL */
        MESH_DO_TELL,      /* what the other end of that meeting says: for porchlight-ice, as it stands */
        MESH_DO_LOOK_UP,   /* look these names up, and say LOOKED_UP for each that leads somewhere */
};

struct mesh_verify {
        struct key pub;
        struct hash what;
        uint8_t sig[64];
        uint8_t domain; /* enum domain */
};

struct mesh_action {
        enum mesh_action_type type;
        mesh_link link;
        uint64_t token;
        union {
                struct span send;
                struct mesh_addr dial;
                enum wire_e_reason hangup;
                struct span beacons; /* MESH_BEACON_BYTES for each network, in their order */
                const struct mesh_row *store;
                struct {
                        const struct hash *ids;
                        size_t n;
                } load;
                struct {
                        const struct mesh_verify *items;
                        size_t n;
                } verify;
                struct {
                        enum mesh_outcome outcome;
                        struct hash id;    /* PUBLISH: the record; INVITE: the invite key; CLIP: the manifest */
                        struct span text;  /* INVITE: the ticket */
                        mesh_wall expires; /* PUBLISH, INVITE */
                        bool urgent;       /* PUBLISH */
                        bool news;         /* REFRESH: the ticket's link key was not here */
                } reply;
                struct {
                        struct hash id;
                        uint32_t homes;
                } handed;
                struct span trace;
                struct {
                        struct key device, household;
                        bool dialled;
                } haul_up;
                struct {
                        uint8_t number; /* enum wire_link */
                        struct span map;
                } haul;
                struct {
                        bool calls;                /* this node has begun it */
                        struct mesh_addr doorstep; /* a member's node that answers STUN there; port 0: none is known */
                } meet;
                struct mesh_meet_row tell;
                struct {
                        struct key device;      /* whose they are */
                        struct wire_list names; /* encoded wire_addr rows */
                } look_up;
        };
};

/* @cfg is copied. Returns 0 or ERR_NOMEM. */
int mesh_new(struct mesh **ret, const struct mesh_config *cfg);
struct mesh *mesh_free(struct mesh *m); /* NULL is fine; returns NULL */

/* Takes one event. 0, or <0 only when the process must end (memory). A misbehaving peer is a HANGUP, never an error. */
int mesh_step(struct mesh *m, const struct mesh_event *ev);
bool mesh_next(struct mesh *m, struct mesh_action *ret);
mesh_time mesh_deadline(const struct mesh *m);

/* DIAL's link numbers have this bit; the shell numbers the connections it accepts from 1 up without it. */
#define MESH_LINK_DIALLED UINT32_C(0x80000000)
/* The number of a link that a meeting brings about, or is to, has this bit, at either end. The core chooses it: with
 * MESH_LINK_DIALLED at the end that began. Up to LINK_UP the meeting ends with HANGUP or LINK_DOWN; from then on it is a link
 * like any other. */
#define MESH_LINK_MET UINT32_C(0x40000000)

/* Links that go within others (relay.h in src/core) have this one: the shell hears of those for footage, and of no others. */
#define MESH_LINK_RELAYED UINT32_C(0x20000000)

/* ---- links that carry footage ---- */
/* Bytes that may wait for such a link now: of one SAY that is longer, all are taken; where it is 0, none. It grows with
 * WRITABLE, if that is of this link. 0 also where there is no such link. */
size_t mesh_haul_room(const struct mesh *m, mesh_link link);
/* The most bytes of a PIECE that does not hold the line up for long: fewer where it is slow. */
size_t mesh_haul_piece(const struct mesh *m, mesh_link link);

/* ---- looking in ---- */
/* What a draft of an alert would become: everything left open filled in, and how long it would live. Publishes nothing. */
enum mesh_outcome mesh_draft_complete(const struct mesh *m, const struct mesh_draft *d, struct wire_alert *ret,
                                      uint64_t *ret_life);

/* What this device may still ask for. */
struct mesh_asks {
        bool whole;        /* false: another device of the household does that */
        uint32_t left;     /* asks of this period */
        mesh_wall renewed; /* when the next period begins */
};
void mesh_asks(const struct mesh *m, struct mesh_asks *ret); /* a member */

struct mesh_status {
        enum wire_e_fresh state;
        mesh_wall state_since;
        struct hash mesh; /* zeros without one */
        struct key household, device;
        uint32_t homes, stewards, links, unsent;
        mesh_wall alone_since; /* 0: not alone */
        mesh_wall muted_until; /* what this device makes before is void; 0: it is not muted */
        mesh_wall time;        /* mesh time now */
        mesh_wall sure;        /* no later, and surely passed, wherever the clock stands */
        bool clock_trusted;
        enum mesh_outcome out; /* why this device does not count in a household that is a member; DONE: it does */
        enum mesh_outcome join_problem; /* why joining or restoring has not worked so far; DONE: no reason yet */
};
void mesh_status(const struct mesh *m, struct mesh_status *ret);

struct mesh_peer {
        mesh_link link; /* 0: none is up */
        struct key device, household;
        struct mesh_addr addr;
        bool dialled, up, lan, footage; /* footage: it carries that and nothing else */
        bool met;                       /* a meeting brought it about; where it is not up, one is to */
        bool visit;                     /* it is there to compare, and goes again */
        bool relayed;                   /* there is no address; bytes go by way of … */
        struct key doorstep;            /* … this device */
        mesh_wall since;
        uint64_t sent, received;
        enum wire_e_reason problem; /* 0: none */
};
bool mesh_peer_at(const struct mesh *m, size_t i, struct mesh_peer *ret); /* links that are up: neighbours */
bool mesh_haul_at(const struct mesh *m, size_t i, struct mesh_peer *ret); /* links that carry footage: no neighbours */

/* Those to whom no link is up: the addresses known, and devices that can only be met. A walk begins with zeros, and ends with the
 * next step; its fields are the core's own. It takes n log n in all, whatever others have filled the book with. */
#define MESH_BOOK_MAX 512 /* addresses that are remembered */
struct mesh_walk {
        size_t at, n_called;
        bool begun;
        const void *called[MESH_BOOK_MAX];
};
bool mesh_known_next(const struct mesh *m, struct mesh_walk *w, struct mesh_peer *ret);

/* What this device passes on for others. */
struct mesh_relaying {
        uint64_t quota, passed; /* bytes: that may be in a day, and that have been in this one */
        uint32_t pairs;         /* between whom it does so now */
};
void mesh_relaying(struct mesh *m, struct mesh_relaying *ret);

struct mesh_ticket {
        struct key id;
        struct span text, label;
        uint32_t uses, used;
        mesh_wall expires;
        bool revoked;
        bool closed; /* a home that came on it was removed or undone */
};
bool mesh_ticket_at(const struct mesh *m, size_t i, struct mesh_ticket *ret);

/* A device code that this household's key signed here. */
struct mesh_code {
        struct key id;
        enum wire_e_share share;
        mesh_wall made, expires;
        enum wire_e_code_state state;
        struct key device; /* USED: who came on it */
        bool uninvited;    /* USED, though it was taken back: by a home that had not heard of that */
};
bool mesh_code_at(const struct mesh *m, size_t i, struct mesh_code *ret);
/* A current device that came on a code which was taken back (PROTOCOL 6.21). */
bool mesh_uninvited(const struct mesh *m, const struct key *device);

/* What has come of a REFRESH since its reply. DONE: a neighbour is linked; else why none is, so far. */
enum mesh_outcome mesh_refreshed(const struct mesh *m);

/* Does a home that comes back wait for the vault's operation? It revokes @ret_old and certifies this device. */
bool mesh_recovering(const struct mesh *m, struct hash *ret_mesh, struct key *ret_household, struct key *ret_old);
/* For a backup: at most @max addresses, those that answer first; the link keys in use, newest first. */
size_t mesh_ways(const struct mesh *m, struct mesh_way *ret, size_t max);
size_t mesh_psks(struct mesh *m, struct key ret[MESH_PSKS_MAX]);

/* The address from which neighbours see this node, where two of different branches of the invite tree agree; its port is 0.
 * False: they do not, or nobody has said. */
bool mesh_seen(const struct mesh *m, struct mesh_addr *ret);

/* When a device was last heard of: a link to it was up, or it told its addresses. 0: never. */
mesh_wall mesh_heard(const struct mesh *m, const struct key *device);
/* The newest link key. False: there is none. */
bool mesh_link_key(struct mesh *m, struct key *ret);
/* The roster, or NULL without a mesh. Valid until the next mesh_step. */
const struct roster *mesh_roster(const struct mesh *m);
