/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: what is known of one, its life (link.c), what goes out over it (link_send.c) and what comes (on_message.c). */
#pragma once

#include "base/list.h"
#include "core/digest.h"
#include "core/frames.h"
#include "core/limits.h"
#include "core/packet.h"
#include "core/recon.h"
#include "core/spread.h"
#include "core/want.h"
#include "core/window.h"
#include "porchlight/mesh.h"

struct mesh;
struct room;

enum link_state {
        LINK_HANDSHAKE, /* Noise */
        LINK_GREETING,  /* waiting for the other side's hello (and, from a stranger, its admit) */
        LINK_UP,        /* both are members and have greeted: neighbours */
        LINK_HAUL,      /* the same, and it carries footage alone */
        LINK_CLOSING,
};

enum link_set { LINK_OPS, LINK_CONTACTS, LINK_RECORDS, LINK_SETS };
/* The sets in the order in which they are compared: a set once those before it are equal. */
static inline enum wire_e_set link_set_at(size_t i) {
        return (enum wire_e_set)(SET_OPS + i);
}

struct link {
        /* Up to `frames`, and how these begin, what most events look at: together, so that it takes few lines of the cache. */
        struct mesh *m;
        mesh_link id;
        enum link_state state;
        bool dialled, lan;
        bool out_given;       /* `out` was handed out: forget it at the next call */
        bool visit, visiting; /* this side, or the other, only compares and goes again */
        bool haul;            /* it is to carry footage, and nothing else; the dialling side says so */
        struct room *room;    /* its bytes go as messages within another link (relay.h); NULL: it is one of its own */
        bool joining;
        bool ticket;               /* initiator: under the key of a ticket in hand */
        bool psk_spare;            /* initiator: there are other link keys to try */
        bool recon_opened;         /* by this side */
        bool caught_up;            /* records flow */
        enum wire_e_set recon_set; /* 0: none */
        mesh_time recon_due;       /* gives up then */
        struct buf out;            /* handed out with the next SEND */
        mesh_time since, heard, spoke, pinged;
        mesh_time hauled;  /* when a message about footage last went or came */
        mesh_time doubted; /* when it was asked whether it is still there; 0: not */
        mesh_time
                posted; /* when something of this home's own went over it, which will be acknowledged; 0: nothing of late */
        uint64_t urgent; /* of all bytes framed: where the last frame with urgent ones ended */
        size_t backlog;  /* as the shell last said, plus what was handed out since */
        uint64_t sent, received;
        size_t n_acks, n_announce;
        mesh_time announce_due;
        int64_t clock_offset; /* their clock minus ours, seconds */
        struct push push[LINK_SETS];
        struct packet_queue queue[6];
        struct want want;
        struct window window;
        struct frames frames;

        uint8_t their[LINK_SETS][8], mine[LINK_SETS][8];
        uint64_t digested; /* the step in which `mine` was computed */
        struct digest digest;
        struct mesh_addr addr;
        mesh_wall wall; /* when it came up */
        mesh_time trip; /* ms that its handshake waited for an answer */
        enum wire_e_reason ending;

        struct key device, household; /* zeros until known */
        bool stranger;                /* responder: its static key is no current device's; only an admit helps */
        bool unproven;                /* initiator: not known to us; only operations are taken */
        bool hello_sent, hello_got;
        bool newcomer;         /* joining, and nobody's device when it said so */
        bool lazy;             /* one side has pruned it: IHAVE only, both ways */
        bool shed;             /* records of it were let go, because too many were being checked */
        bool recon_taken;      /* it has a snapshot: its sets are not equal, or were not expected to be */
        struct buf plea;       /* an add that waits until the one before it is on disk */
        struct mesh_addr seen; /* where the other side sees this one; the port means nothing */

        struct recon recon; /* snapshot of the running session */
        uint32_t round;
        uint32_t meets; /* messages of meetings that came over it lately */
        mesh_time meets_since;
        uint32_t openings; /* reconciliations the other side opened lately */
        mesh_time openings_since;
        uint32_t verifying; /* its records whose signatures are being checked */
        uint32_t duplicates;
        mesh_wall until;
        bool synced[LINK_SETS];   /* equal once since the link came up */
        bool compared[LINK_SETS]; /* in the running turn; the others are still to be compared */
        bool early;               /* a contact came before the link was up, and was not taken */
        uint64_t load_token;
        uint8_t announce[800];       /* short ids waiting for the next IHAVE */
        struct hash acks[ACKS_MOST]; /* the author's records that are on disk here since the last ACK */
};

/*
 * All links, side by side. An event is about one link, and the others need not be looked at after it: what happens to a link,
 * whoever does it, makes it busy (link_touch), and it rests again when there is nothing to hand out and nothing to fetch.
 * While it rests, when it next needs looking at does not change.
 */
struct link_place {
        struct link *link;
        mesh_link id;
        bool busy;
        mesh_time due; /* link_due() of one that rests */
};

/* ---- link.c ---- */
int link_up(struct mesh *m, const struct mesh_event *ev);
int link_down(struct mesh *m, mesh_link id);
int link_recv(struct mesh *m, mesh_link id, struct span bytes);
struct link *link_find(const struct mesh *m, mesh_link id);
struct link *link_busy(const struct mesh *m,
                       mesh_link id); /* also one that is closing; NULL: there is none, or it rests */
void link_hangup(struct link *l, enum wire_e_reason why);
/* Removed: its queue is dropped, and the last it hears is what ended it, or the operations from place @first on. */
int link_dismiss(struct link *l, size_t first);
void link_touch(struct link *l);          /* makes it busy */
mesh_time link_due(const struct link *l); /* when it needs looking at: link_tick, sync_tick, spread_tick */
int link_tick(struct mesh *m);
mesh_time link_deadline(const struct mesh *m); /* of all */
uint64_t link_sid(const struct link *l, const struct hash *id);
size_t link_keys(struct mesh *m, struct key ret[SECRETS_MOST]);        /* newest first; while joining the ticket's */
size_t link_dial_keys(struct mesh *m, struct key ret[DIAL_KEYS_MOST]); /* and those of tickets in hand behind them */
int link_greet(struct link *l);                                        /* says hello, once */
int link_greeted(struct link *l); /* both hellos are there and both are members: the link is up */
struct link *link_to_device(const struct mesh *m, const struct key *device); /* an UP link, or NULL */
size_t links_up(const struct mesh *m);
size_t links_lasting(const struct mesh *m); /* … and are no visits: these are over in seconds */
size_t links_shown(const struct mesh *m);   /* all but those accepted that have not shaken hands yet */
void link_free(struct link *l);
void links_free(struct mesh *m);
void link_caught_up(struct link *l);

/* ---- link_send.c ---- */
/* Queues a message; takes its own reference. Lower classes are dropped when the link is too slow. */
int link_send(struct link *l, struct packet *p);
int link_send_first(struct link *l, struct packet *p); /* before all others of its class */
void link_unsend(struct link *l, struct span map);     /* the other side has that: it need not go, if it still waits */
int link_say(struct link *l, enum wire_link number, const void *msg); /* encodes and queues in the message's class */
int link_acks(struct link *l);                                        /* says what was acknowledged in this step */
size_t link_queued(const struct link *l);                             /* bytes waiting behind the window */
int link_flush(struct link *l);                                       /* frames what the window allows */
void link_writable(struct mesh *m, mesh_link id, size_t backlog);
int link_work(struct link *l);         /* at the end of a step: what is owed, acknowledged and queued is framed */
struct span link_out(struct link *l);  /* what was framed, to be handed out; borrowed until … */
void link_out_over(struct link *l);    /* … somebody else has it */
bool link_rests(const struct link *l); /* there is nothing to do until it is due */
void links_share(struct mesh *m);      /* one more of them, or one less, has to do with the line */
void links_begin(struct mesh *m);      /* of a step: what was handed out is gone */
int links_work(struct mesh *m);        /* the same of all busy links */
bool links_next(struct mesh *m, struct mesh_action *ret); /* what busy links have to hand out; they rest afterwards */

/* break leaves the loop; no link may be freed inside. */
#define LINK_EACH(var, m)                                                                                              \
        for (struct link *var = NULL, **once_##var = &var; once_##var; once_##var = NULL)                              \
                for (size_t i_##var = 0; i_##var < (m)->n_links && (var = (m)->links[i_##var].link, true); i_##var++)
/* The same of those that are due, or may be: all others rest, and there is nothing to do. */
#define LINK_EACH_DUE(var, m)                                                                                          \
        LINK_EACH(var, m)                                                                                              \
        if ((m)->links[i_##var].busy || (m)->links[i_##var].due <= (m)->now)

/* ---- on_message.c ---- */
int on_body(struct link *l, struct span body); /* one frame; hangs up by itself on nonsense */
