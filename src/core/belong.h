/* SPDX-License-Identifier: Apache-2.0 */
/* Who belongs: founding, joining and admitting, operations on their way to the roster, tickets, and coming back. */
#pragma once

#include "base/buf.h"
#include "core/limits.h"
#include "crypto/box.h"
#include "crypto/sign.h"
#include "porchlight/mesh.h"

struct link;
struct mesh;
struct roster_home;
struct wait;

struct ticket_row {
        struct key id;
        struct buf text, label;
        uint32_t uses;
        mesh_wall expires;
        bool revoked;
};

struct code_row { /* a device code that this household's key signed here */
        struct key id;
        enum wire_e_share share;
        mesh_wall made, expires;
        bool revoked;
};

struct revoke { /* a ticket or device code taken back, by a device of the household whose it is */
        struct hash hash;
        struct key invite, device;
        mesh_wall time, expires;
        struct buf bytes;
};
#define REVOKES_MOST 4096  /* held at once; the one whose ticket ends first gives way */
#define REVOKES_DEVICE 256 /* of them of one device, so that nobody drives out those of others */

struct plea {             /* an undo signed here that waits for a third home */
        uint64_t command; /* 0: there is none */
        struct buf op;
        struct hash what; /* the household's signature is over it */
        struct key undone;
        mesh_link link;                    /* who is asked now */
        struct key asked[UNDO_ASKED_MOST]; /* households */
        size_t n_asked;
        enum mesh_outcome problem; /* the answer, if nobody else can be asked */
};

struct orphan { /* an operation whose parents are missing */
        struct buf bytes;
        mesh_link link;
};

struct recover { /* coming back out of a backup */
        bool on;
        bool begun; /* it is on disk: until then nobody is greeted, as the disk may refuse it */
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
};

struct refresh { /* a ticket in hand */
        struct buf text;
        struct key key; /* of links */
        mesh_wall expires;
};

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
/* Appends the device-add that this device asks for admission with, on the code @text, as @name, with the sealing key @seal (empty:
 * the core's own). 0, TICKET_E_*, OP_E_INPUT, <0. */
int enrol_make(const struct mesh *m, struct span text, struct span name, struct span seal, struct buf *ret);

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

/* ---- footage.c ---- */
int footage_sign(struct mesh *m, const struct mesh_event *ev);
int footage_stored(struct mesh *m, struct wait *w);
void footage_restore(struct mesh *m, const struct mesh_row *row);

/* ---- refresh.c ---- */
int refresh_start(struct mesh *m, const struct mesh_event *ev);
int refresh_stored(struct mesh *m, struct wait *w);
int refresh_restore(struct mesh *m, struct span texts);                              /* before the roster is here */
size_t refresh_keys(const struct mesh *m, size_t n, struct key ret[DIAL_KEYS_MOST]); /* behind the @n that are there */
bool refresh_has(const struct mesh *m, const struct key *key);
void refresh_refused(struct link *l, enum wire_e_reason why); /* it was dialled, and never came up */
int refresh_tick(struct mesh *m);
void refresh_fini(struct mesh *m);

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

/* ---- codes.c ---- */
int codes_add(struct mesh *m, const struct mesh_event *ev);
bool codes_has(const struct mesh *m, const struct key *id);
int codes_revoke(struct mesh *m, const struct mesh_event *ev); /* of one that is there */
int codes_stored(struct mesh *m, struct wait *w);
int codes_restore(struct mesh *m, const struct mesh_row *row);
void codes_fini(struct mesh *m);

/* ---- revoke.c ---- */
/* Signs and stores that the ticket or code whose key is @what, and whose end is @expires, is taken back. */
int revoke_make(struct mesh *m, const struct key *what, mesh_wall expires, const struct wait *w);
int revoke_announce(struct mesh *m, const struct key *what); /* it is on disk: everybody hears of it */
void revoke_undo(struct mesh *m, const struct key *what);    /* the disk has refused it */
int revoke_take(struct link *from, const struct wire_revoke *w, struct span raw);
int revoke_restore(struct mesh *m, struct span raw);
bool revoke_holds(const struct mesh *m, const struct wire_invite *inv); /* this ticket was taken back */
bool revoke_holds_code(const struct mesh *m, const struct key *code, const struct roster_home *of);
void revokes_fini(struct mesh *m);

/* ---- ops.c ---- */
int ops_take(struct mesh *m, struct link *from, struct span op); /* from a link; NULL: from here */
size_t ops_place(const struct mesh *m, const struct hash *id);   /* among the roster's operations; SIZE_MAX: nowhere */
int ops_store(struct mesh *m, struct span op, const struct hash *id, const struct wait *w);
void orphans_fini(struct mesh *m);
int ops_command(struct mesh *m, const struct mesh_event *ev);
int ops_stored(struct mesh *m, struct wait *w);
int ops_tick(struct mesh *m); /* tries again to write what the disk refused */

/* ---- leave.c ---- */
bool leave_untold(const struct mesh *m);         /* this household has left, and nobody may know of it */
void leave_look(struct mesh *m, struct span op); /* a neighbour has sent @op: is it this household's own leave? */
void leave_ignored(struct mesh *m);              /* a neighbour shook hands, was shown who this is, and said nothing */

/* ---- keep.c ---- */
int keep_restore(struct mesh *m, struct span op);
int keep_restored(struct mesh *m);                  /* the disk has given back all operations */
int keep_op(struct mesh *m, const struct hash *id); /* writes one, and again until the disk has it */
int keep_stored(struct mesh *m, const struct wait *w);
int keep_tick(struct mesh *m);
mesh_time keep_deadline(const struct mesh *m);
