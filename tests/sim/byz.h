/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byzantine homes. One is a real core with real keys that a module of byz/ makes say, hear and do what no honest home would.
 * The product knows nothing of it: the linker leads two calls inside the core through seam.c (meson.build), the one by which
 * a message goes into a link's queue and the one by which a frame's body is taken. What stands between them and the network,
 * handshake, encryption and framing, stays the core's own, so whatever a module says opens at the other end.
 *
 * A module is a row in byz.c's table and begins when all are in. The invariants ask nothing of such a home, and of all the
 * others what they always ask.
 */
#pragma once

#include "core/core.h"
#include "core/link.h"
#include "core/packet.h"
#include "sim/world.h"
#include "support/guest.h"

struct delays;

#define VICTIM 1     /* this one of the honest homes has what is broken on purpose in it */
#define SURROUNDED 2 /* this one byz/eclipse.c surrounds, */
#define PROMOTED 3   /* this one byz/removed.c makes a steward, */
#define LEAVER 4     /* and this one leaves */

#define BYZ_READS_ALL UINT64_MAX
#define BYZ_READS_NOTHING 0

struct byz_module {
        const char *name, *what;
        void (*begins)(struct world *w, struct node *n); /* when everybody is in */
        void (*acts)(struct world *w, struct node *n);   /* each second, until all heals */
        bool (*says)(struct world *w, struct node *n, struct link *l,
                     struct packet *p); /* false: it does not say that */
        bool (*hears)(struct node *n, struct link *l, enum wire_link number,
                      struct span);        /* false: it turns a deaf ear */
        uint64_t (*reads)(struct node *n); /* bytes a second, of a link that is up */
};

extern const struct byz_module byz_flood, byz_equivocate, byz_withhold, byz_drop, byz_false, byz_garbage, byz_slow,
        byz_keyless, byz_wrongkey, byz_stale, byz_removed, byz_clock, byz_sybils, byz_eclipse, byz_forge, byz_meddle,
        byz_relay;

/* ---- byz.c ---- */
void byz_init(struct world *w); /* draws who is byzantine, and how */
void byz_begin(struct world *w);
void byz_fini(struct world *w);
bool byz_names_are_known(const char *list);
void byz_explain(void);                 /* the table, to standard error */
void byz_report(const struct world *w); /* who did how much, a line a module */
bool byz_begun(const struct world *w);
struct node *byz_next(struct world *w, const struct byz_module *module, const struct node *after); /* NULL: no more */
struct node *byz_honest(struct world *w, uint32_t nth);                       /* the nth honest home, round and round */
struct node *byz_node(struct world *w, const struct key *device);             /* NULL: none of these */
bool byz_takes(struct world *w, struct node *n, const struct mesh_event *ev); /* it is not for the core */
uint64_t byz_reads(struct world *w, uint32_t node, mesh_link link);
/* Publishes a contact that says it is there: once more, however often it has said so. */
void byz_claim(struct world *w, struct node *n, const struct mesh_addr *addrs, size_t n_addrs);
void byz_knock(struct world *w, struct node *n, const struct node *at); /* a connection that says any bytes */
const struct byz_module *byz_kind(size_t i);                            /* NULL: no more */

/* What modules say. It goes out with the home's next step, which byz.c makes it take after each deed. */
void byz_say(struct node *n, struct link *l, enum wire_link number, const void *msg);
void byz_say_raw(struct node *n, struct link *l, enum wire_link number, struct span map);
void byz_say_all(struct node *n, enum wire_link number, const void *msg);
void byz_say_all_raw(struct node *n, enum wire_link number, struct span map);
enum wire_link byz_number(const struct packet *p);
bool byz_is(const struct packet *p, uint32_t numbers); /* one of BYZ_BIT(…) | … */
#define BYZ_BIT(number) (UINT32_C(1) << (number))
/* What goes round from home to home. */
#define BYZ_PASSED_ON                                                                                                  \
        (BYZ_BIT(LINK_RECORD) | BYZ_BIT(LINK_IHAVE) | BYZ_BIT(LINK_OP) | BYZ_BIT(LINK_EPOCH_KEY) |                     \
         BYZ_BIT(LINK_CONTACT) | BYZ_BIT(LINK_REVOKE) | BYZ_BIT(LINK_PROOF))
bool byz_own_record(const struct node *n, const struct packet *p);
/* A record of @device's, whatever @w says of slot and times, under the keys @n has. False: it has none to write under. */
bool byz_record(struct world *w, struct node *n, const struct sign_key *device, struct wire_record *r, struct buf *raw);

/* ---- walls.c: whom a home can reach, of which byzantine ones are nearly all ---- */
void walls_begin(struct world *w); /* as --surrounded says */
void walls_fini(struct world *w);
/* From now on @victim reaches one honest neighbour, and the byzantine homes. False: it has no honest neighbour. */
bool walls_put(struct world *w, const struct node *victim);
bool walls_between(const struct world *w, uint32_t a, uint32_t b);
bool walls_have(const struct world *w, const struct node *n); /* it is surrounded */

/* ---- seam.c ---- */
void seam_init(struct world *w);
void seam_fini(void);
struct node *seam_enter(struct node *n); /* what happens is this home's doing; returns whose it was */
void seam_leave(struct node *before);
struct node *seam_acting(void); /* NULL: nobody's doing */
uint64_t seam_repeated(void);
struct world *seam_world(void);
bool seam_broken(enum sabotage what); /* and byzantine homes are at it */
bool seam_victim(const struct node *n, enum sabotage what);

/* ---- bounds.c: S8 ---- */
void bounds_check(struct world *w, size_t looks); /* @looks: how many there were, this one included */

/* ---- delays.c: how soon an honest alert is with the honest homes ---- */
struct delays *delays_new(void);
void delays_free(struct delays *d);
void delays_committed(struct world *w, struct node *n, const struct disk_row *on_disk);
void delays_check(struct world *w, const struct roster *r); /* L4; prints what it found */
