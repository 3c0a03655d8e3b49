/* SPDX-License-Identifier: Apache-2.0 */
/* Records: the index of what is held, what one says, how it comes in, and own posts. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "core/limits.h"
#include "core/packet.h"
#include "porchlight/mesh.h"

struct epoch;
struct link;
struct mesh;
struct roster_device;
struct sealed;
struct wait;

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
        mesh_wall created;
        uint32_t author; /* index into mesh.authors: the slot's device */
        uint32_t number; /* own index in mesh.recs */
        uint32_t day;
        uint32_t next_slot; /* chain of the table by slot; REC_NONE ends it */
        uint32_t next_id;   /* of the one by id */
        uint16_t index;
        uint8_t type, klass;
        /* Up to here what looking for one reads: 64 bytes. */
        uint8_t flags;
        bool counted; /* an element, but for what time says (digest.h) */
        mesh_wall expires;
        struct takes *takes;   /* of retractions: owned */
        struct packet *packet; /* its bytes while the store may not have them; owned reference */
        struct handed *handed; /* own: who has it; owned */
        struct sealed *sealed; /* it waits for its key; owned */
};
#define REC_NONE UINT32_MAX
#define REC_AHEAD 8 /* records: so far ahead of a walk their memory is fetched */

/* Of @sorted[@n] the record at place @i, in a walk through them: they lie all over memory, and the next are on their way. */
static inline struct rec *rec_walk(struct rec *const *sorted, size_t n, size_t i) {
        if (i + REC_AHEAD < n) {
                __builtin_prefetch(sorted[i + REC_AHEAD]);
                __builtin_prefetch(&sorted[i + REC_AHEAD]->expires);
        }
        return sorted[i];
}

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
        uint32_t next;  /* chain of the table by device; REC_NONE ends it */
        uint32_t mutes; /* FACT_MUTEs of it */
        mesh_wall end;  /* what it made later is void (PROTOCOL 4.3); 0: it has no end */
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

struct saying { /* what a record says, as far as that is known here */
        const struct wire_alert *alert;
        const struct wire_follow *follow;
        const struct wire_notice *notice;
        const struct wire_ask *ask;
        bool sealed; /* nobody here can know yet: its key may still come */
};

struct reading { /* one, and what it points to */
        struct saying saying;
        struct wire_alert alert;
        struct wire_follow follow;
        struct wire_notice notice;
        struct wire_ask ask;
        struct buf plain;
};

/* ---- records.c ---- */
int records_init(struct mesh *m);
void records_fini(struct mesh *m);
int records_start(struct mesh *m); /* after the last RESTORE: until then nothing can be found */
void records_ends(struct mesh *m); /* before records_late(): of operations that have come since the last time */
/* Made by a device after its end: it is here because it came before the operation that says so. It is no element and is
 * passed on to nobody; as another operation may come that makes its device current again, it is not wiped. */
bool records_late(const struct mesh *m, const struct rec *r);
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
void records_damaged(struct mesh *m, struct rec *r); /* the disk has lost its bytes; @r may be gone */
int records_hold(struct mesh *m, struct rec *r);     /* from now on it counts, and is compared */

/* ---- record.c ---- */
void record_id(const struct mesh *m, struct span raw, struct hash *ret);
struct packet *record_packet(const struct wire_record *w, const struct hash *id, struct span raw); /* NULL: no memory */
uint64_t record_life(uint8_t klass);                        /* seconds; 0: unknown class */
uint32_t record_slot_days(uint8_t klass);                   /* how many days a slot is for */
uint32_t record_slot_day(uint8_t klass, mesh_wall created); /* `day` of the slots to use then */
mesh_wall record_slot_end(uint8_t klass, uint32_t day);     /* nothing in such a slot lives longer */
/* The signer's device, and the slot's. */
void record_devices(const struct wire_record *w, struct key *ret_signer, struct key *ret_slot);
/* What the header alone says, whatever the time: @d is the signer. */
bool record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d);
uint16_t record_quota(const struct mesh *m, const struct roster_device *d, uint8_t klass, bool sensor);
uint8_t record_class_of(uint8_t kind, uint8_t urgency, uint8_t severity, uint8_t status);
void record_key(const struct epoch *e, const struct wire_record *w, const struct key *slot_device, struct key *ret,
                bool *ret_ok);
/* Opens a record and reads it, as far as that can be done. reading_fini() is due. 0 or ERR_NOMEM. */
int record_read(struct mesh *m, const struct rec *r, const struct wire_record *w, struct span raw, struct reading *ret);
void reading_fini(struct reading *d);
struct mesh_row record_row(const struct mesh *m, const struct rec *r); /* what the index knows of its row */
int record_store(struct mesh *m, struct rec *r, const struct wire_record *w, struct span raw, const struct saying *says,
                 const struct wait *w_);

/* ---- sealed.c ---- */
void sealed_init(struct mesh *m);
int sealed_add(struct mesh *m, struct rec *r, const uint8_t epoch[16]); /* 0 or ERR_NOMEM */
void sealed_drop(struct rec *r);                                        /* it waits no more, or never did */
void sealed_try(struct mesh *m, const struct epoch *e);                 /* has keys now; NULL: each epoch may have */
void sealed_held(struct mesh *m, const struct rec *r);                  /* its row is on disk */
int sealed_loaded(struct mesh *m, const struct mesh_event *ev);
void sealed_stored(struct mesh *m, const struct wait *w);
int sealed_tick(struct mesh *m);
mesh_time sealed_deadline(const struct mesh *m);

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
void proofs_fini(struct mesh *m);

/* ---- accept.c ---- */
int accept_record(struct link *from, const struct wire_record *w, struct span raw);
int accept_flush(struct mesh *m); /* hands out the signatures collected in this step */
int accept_verified(struct mesh *m, uint64_t token, const bool *good, size_t n);
int accept_stored(struct mesh *m, struct wait *w);

/* ---- copies.c ---- */
bool copies_differ(const struct rec *r, struct span raw); /* its signature is being checked, and not this one */
int copies_keep(struct link *from, const struct rec *r, const struct wire_record *w, struct span raw);
struct packet *copies_take(struct mesh *m, const struct hash *id, mesh_link *ret_link); /* the next; NULL: none */
void copies_drop(struct mesh *m, const struct hash *id);
void copies_fini(struct mesh *m);

/* ---- author.c ---- */
void author_restore(struct mesh *m, const struct mesh_row *row);
int author_publish(struct mesh *m, const struct mesh_event *ev);
int author_stored(struct mesh *m, struct wait *w);
void author_acked(struct mesh *m, struct link *l, struct span ids);
void author_dropped(struct mesh *m, const struct rec *r); /* one of this device's leaves the index */

/* ---- refused.c ---- */
int refused_note(struct mesh *m, const struct hash *id); /* 0 or ERR_NOMEM */
bool refused_lately(const struct mesh *m, const struct hash *id);
int refused_tick(struct mesh *m); /* tries a full disk */
void refused_tried(struct mesh *m, const struct wait *w);
mesh_time refused_deadline(const struct mesh *m);
