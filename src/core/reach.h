/* SPDX-License-Identifier: Apache-2.0 */
/* Where homes are: contacts, addresses, whom to dial and whom to visit, and the local network. */
#pragma once

#include "base/buf.h"
#include "core/limits.h"
#include "porchlight/mesh.h"

struct link;
struct mesh;
struct roster_home;

struct card { /* what a device has published: the same at all homes that hold it */
        struct key device;
        uint8_t epoch[16]; /* its body is under that one's key */
        struct hash hash;
        uint64_t seq;
        mesh_wall time;
        bool read;                              /* by one of them, who found … */
        struct mesh_addr addrs[MESH_ADDRS_MAX]; /* … these … */
        uint8_t n_addrs;                        /* … so many */
        bool open, relays, hidden;
        uint16_t stun; /* 0: none */
        struct key via[MEETS_WAYS];
        uint8_t n_via;
        struct buf names; /* encoded wire_addr rows: what it is called outside … */
        uint8_t n_names;  /* … so many */
        bool pooled;
        uint32_t others; /* homes of this process that hold it, beyond one */
        size_t n;
        uint8_t bytes[];
};

static inline struct span card_bytes(const struct card *c) {
        return span_of(c->bytes, c->n);
}

struct contact { /* a card as it is held here */
        struct card *card;
        mesh_time lately_since;
        uint32_t lately; /* of this device since then */
        uint32_t number; /* names it in a push */
        bool read;       /* the key is here … */
        uint8_t n_addrs; /* … and so many addresses are in it */
        bool counted;    /* it is in the set of contacts, as of the last look (digest.h) */
        mesh_time named; /* when its names were looked up last; 0: never */
};

struct address {               /* somewhere to knock */
        struct mesh_addr addr; /* port 0: nowhere; a meeting is begun with the device (address_meets) */
        struct key device;     /* zeros: not known */
        bool manual, stored, ticket, self;
        bool open;              /* its contact says that strangers can call it … */
        bool closed;            /* … or that they cannot, and who leads to it */
        bool disputed;          /* somebody else says that it is his, too */
        bool over;              /* … and does not name it any more */
        bool drawn;             /* a contact brought it (draw.c) … */
        uint64_t rank;          /* … of a device of this rank */
        bool lan;               /* a beacon came from it */
        bool lan_only;          /* and nothing else speaks for it */
        uint8_t hint[8];        /* of the beacon: whose it is, before the device is known */
        mesh_time heard, urged; /* the last beacon; the last one that brought a dial forward */
        mesh_link link;         /* 0: not dialled now */
        mesh_time begun;        /* when that was */
        uint32_t failures;
        mesh_time failed;   /* the last of them */
        bool stood;         /* its link was up, and it was not called since: it has not failed yet */
        uint8_t shared[16]; /* the epoch whose link key both had at last; zeros: not known */
        uint32_t psk_try;   /* how many link keys have been tried in this round */
        bool show_add;      /* the last greeting got no answer: bring our own operations along */
        mesh_time next;
        uint32_t refusals; /* `full`, in a row */
        mesh_time refused; /* the last of them; 0: none */
        mesh_wall down_since;
        enum wire_e_reason problem;
};
/* Nobody can call the device, or so it seems. Its place in the book has port 0 and the beginning of its key for an address. */
static inline bool address_meets(const struct address *a) {
        return a->addr.port == 0;
}
#define ADDRESSES_MOST MESH_BOOK_MAX
#define ADDRESS_MARKS 256 /* words: 32 bits for each place in the book */
#define DIAL_REACHED_MOST (2 * LINKS_MAX)

struct draw {          /* of which contacts the addresses are in the book */
        uint64_t turn; /* the rank is another one in each */
        uint64_t bar;  /* nobody in the book who could give way is later in rank */
        bool left_out; /* there was no place for all */
        bool outlived; /* an address may be over where somebody answered once */
        mesh_time due; /* no other turn before */
};

struct luck {
        uint32_t vain;   /* dials since one was of use */
        mesh_time paced; /* so many in vain: none before */
};

struct carry { /* a link for footage that was asked for here */
        bool used;
        struct address at; /* whom it is for, and where it knocks or is linked */
        uint64_t command;  /* 0: answered */
        struct mesh_addr ways[HAUL_WAYS];
        size_t n_ways, way; /* the next one is @way */
        mesh_time due;      /* of the next knock; NEVER: one is under way, or the link is up */
        bool full, old;     /* somebody said so */
        bool relay;         /* for a relay, whose doorstep somebody else may have named */
        bool met;           /* the last way was a meeting */
        unsigned waited;    /* so often for a meeting with it that others began */
        bool shy; /* this home is hidden, and that device is none that sees where it is: only a relay will do */
};

#define LAN_SEEN 512 /* nonces remembered: the beacons of a street for the 20 minutes one could be replayed */

struct lan {
        uint16_t ports[MESH_LANS_MAX];
        size_t n;                /* 0: off */
        bool speaking;           /* this node is one that beacons */
        mesh_time due;           /* of the next beacon; NEVER */
        mesh_time invited;       /* until then a neighbour with a fresh ticket may be listening */
        unsigned quick;          /* beacons still to come in quick succession */
        uint32_t dials;          /* of addresses that only beacons speak for … */
        mesh_time dials_paid;    /* … which would have taken until then, one after the other */
        uint64_t seen[LAN_SEEN]; /* the first half of each nonce, a ring */
        size_t seen_at;
};

/* ---- card.c ---- */
struct card *card_hold(struct mesh *m, const struct wire_contact *w, struct span raw,
                       const struct hash *hash); /* NULL: no memory */
struct card *card_drop(struct mesh *m, struct card *c);

/* ---- contact.c ---- */
void contacts_look(struct mesh *m); /* before `counted` is asked for: time has passed, operations may have come */
int contact_take(struct link *from, const struct wire_contact *w, struct span raw);
int contact_restore(struct mesh *m, struct span raw);
const struct card *contact_card(const struct mesh *m, const struct key *device); /* NULL: none could be read here */
/* It has told where it is since this node had no link that lasts: it is there, and has links of its own. */
bool contact_back(const struct mesh *m, const struct key *device);
bool contact_says(const struct mesh *m); /* the last one published, that this node listens where it does, and no more */
bool contact_astray(const struct mesh *m); /* nothing of it leads here from outside */
int contacts_open(struct mesh *m);         /* a key has come: those it opens are read. 0 or ERR_NOMEM */
void contacts_learn(struct mesh *m);       /* where all say that they are, again */
int contact_publish(struct mesh *m);
mesh_time contact_deadline(const struct mesh *m);
void contacts_fini(struct mesh *m);

/* ---- host.c ---- */
int host_read(struct card *card, const struct wire_addr *row); /* a row that is no name is passed over */
bool host_said(const struct mesh *m, const struct card *own);  /* it has the names that this node has now */
void host_ticket(struct mesh *m, const struct wire_addr *row); /* the same of the ticket that it joins with */
int host_listening(struct mesh *m, struct wire_list names, bool *ret_news);
void host_came(struct mesh *m);                              /* a neighbour has */
void host_dialled(struct mesh *m, const struct key *device); /* it may not answer */
void host_seek(struct mesh *m, const struct key *device);    /* a dial of it came to nothing */
bool host_asked(const struct mesh *m,
                const struct address *a); /* it is being dialled, and names were looked up since */
void host_tick(struct mesh *m);
void host_found(struct mesh *m, const struct mesh_event *ev);

/* ---- draw.c ---- */
uint64_t draw_rank(const struct mesh *m, struct span whom); /* only this node can compute it; the lower the earlier */
/* A contact of @device names it. NULL: there is no place for it, now. */
struct address *draw_address(struct mesh *m, const struct mesh_addr *addr, const struct key *device);
void draw_meeting(struct mesh *m, const struct card *card); /* it can be met, not called */
/* Its device names another place now, in @card: where nobody has answered nobody is looked for any more. */
void draw_forget(struct mesh *m, const struct card *card);
/* Forgets where somebody answered, but not of late, if that has come up. It moves what is in the book. 0 or ERR_NOMEM. */
int draw_outlive(struct mesh *m);
struct address *draw_last(struct mesh *m); /* the one that gives way first; NULL: none does */
bool draw_again(struct mesh *m); /* those there have been tried: others come in; false: there are none, or not yet */
mesh_time draw_deadline(const struct mesh *m);

/* ---- addrbook.c, dial.c ---- */
struct address *address_add(struct mesh *m, const struct mesh_addr *addr);       /* NULL: full of better ones */
void address_claim(struct mesh *m, struct address *a, const struct key *device); /* @device is said to be there */
void address_proven(struct address *a, const struct key *device);                /* it is */
struct address *address_find(struct mesh *m, const struct mesh_addr *addr);
bool address_current(const struct mesh *m, const struct key *device); /* it is a current device of some household */
void address_begin(struct mesh *m, struct address *a,
                   const struct mesh_addr *addr); /* a place of the book is @addr's now */
struct address *address_of_link(struct mesh *m, mesh_link id);
/* A person says where to knock. NULL: full, as above. */
struct address *address_named(struct mesh *m, const struct mesh_addr *addr);
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
void dial_at_once(struct mesh *m,
                  struct address *a); /* who was there a moment ago: it need not wait as for who is not */
void dial_anew(struct mesh *m);       /* this machine is elsewhere: what did not answer may answer now */
void dial_hope(struct mesh *m);       /* how much was in vain says nothing any more */
void dial_soon(struct mesh *m);       /* something changed: look for candidates again */
/* A dial has ended; @more: it opened nothing, and another link key is to be tried first. */
void dial_failed(struct mesh *m, struct address *a, enum wire_e_reason why, bool more);
void dial_refused(struct mesh *m, struct address *a); /* and the other side has no place */
void dial_stood(struct mesh *m, struct address *a);   /* and it had been of use */
bool dial_in_vain(const struct address *a);           /* when it was called last */
bool dial_pending(const struct mesh *m,
                  const struct address *a); /* it is being dialled, and nobody has answered so far … */
bool dial_silent(const struct mesh *m, const struct address *a);     /* … for a while */
bool dial_may_answer(const struct mesh *m, const struct address *a); /* though nobody can call its device */
bool dial_may(const struct mesh *m);               /* there is somebody to dial, and place for a link */
int dial_start(struct mesh *m, struct address *a); /* hands out DIAL */
/* The devices to which a link is there, or on its way; and whether @device is among them. */
size_t dial_reached(const struct mesh *m, const struct key *ret[DIAL_REACHED_MOST]);
bool dial_among(const struct key *const reached[], size_t n, const struct key *device);
bool dial_reaches(const struct mesh *m, const struct key *device);
/* The head of a home's subtree of the invite tree, cut where votes are counted (PROTOCOL 5.53). */
const struct roster_home *dial_branch(const struct roster_home *h);

/* ---- seen.c ---- */
void seen_look(struct mesh *m); /* a link has come up */

/* ---- visit.c ---- */
int visit_tick(struct mesh *m);
void visit_soon(struct mesh *m); /* somebody had no place for this home */
mesh_time visit_deadline(const struct mesh *m);
/* The link of a visit is gone, or never was; @compared: all sets were equal on it once; @more: another key is to be tried. */
void visit_ended(struct mesh *m, bool compared, bool more);
void visit_vain(struct mesh *m); /* nobody was there */

/* ---- carry.c ---- */
int carry_start(struct mesh *m, const struct mesh_event *ev);
/* For a relay. @ret_on_its_way: false: it cannot be, now. */
int carry_reach(struct mesh *m, const struct key *device, bool *ret_on_its_way);
int carry_say(struct mesh *m, const struct mesh_event *ev);
void carry_finish(struct mesh *m, mesh_link id);
struct carry *carry_of_link(struct mesh *m, mesh_link id); /* NULL: it is none that was dialled for footage */
bool carry_expects(const struct link *l); /* the device is the one that was looked for; any, where it was not dialled */
void carry_unknown(struct link *l);       /* the other side's program knows of no such links */
bool carry_welcome(const struct link *l); /* accepted: there is a place for it */
int carry_up(struct link *l);
int carry_took(struct link *l, uint64_t number, const void *msg, struct span raw); /* hangs up where it is nonsense */
void carry_down(struct link *l);
/* It is gone, or never was; @more: another link key is to be tried at the same door. */
void carry_ended(struct mesh *m, struct carry *h, enum wire_e_reason why, bool up, bool more);
void carry_yield(struct mesh *m,
                 size_t klass);            /* a record goes out: footage makes way, the more the more urgent it is */
mesh_time carry_due(const struct link *l); /* what waits there may go then; NEVER: nothing does, or at once */
int carry_tick(struct mesh *m);
mesh_time carry_deadline(const struct mesh *m);

/* ---- psk.c ---- */
/* The place of the key to dial @a with among @keys[@n], newest first; *ret_tries: how many are tried there in turn. */
size_t psk_pick(struct mesh *m, const struct address *a, const struct key *keys, size_t n, size_t *ret_tries);
bool psk_next(struct mesh *m,
              struct address *a); /* the last one opened nothing; false: all have been tried, begin anew */
/* Its home has the link key @key, which is number @place of those here. */
void psk_heard(struct mesh *m, struct address *a, const struct key *key, size_t place);

/* ---- lan.c ---- */
int lan_changed(struct mesh *m, const struct mesh_event *ev);
int lan_heard(struct mesh *m, const struct mesh_event *ev);
void lan_soon(struct mesh *m);    /* something changed: a few beacons at once */
void lan_invited(struct mesh *m); /* a ticket was written: often, for a while */
int lan_tick(struct mesh *m);
mesh_time lan_deadline(const struct mesh *m);
mesh_time lan_dial_due(const struct mesh *m); /* when an address may be dialled that only beacons speak for … */
void lan_dialled(struct mesh *m);             /* … and it was */
bool lan_fresh(const struct mesh *m, const struct address *a); /* heard of lately */
