/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vaults as a library, with disks of their own in memory, a clock the test sets, and a daemon that the test plays: what is
 * needed to say what has become of a clip's key at every moment. A disk can lose its power at any write: nothing of that
 * write, a part of it, or all of it is there when the vault comes back, and nothing behind it.
 */
#pragma once

#include "../unit/roster-street.h"

#include "clip/clip.h"
#include "vault/vault.h"

#define SAFE_BLOBS 64
#define SAFE_CLIPS 2
#define SAFE_HEARD 64

struct safe_blob {
        bool there;
        enum vault_blob what;
        struct hash id;
        struct buf bytes;
};

/* What is on the disk. */
struct safe_disk {
        struct buf key, ledger, away;
        struct safe_blob blobs[SAFE_BLOBS];
};

/* A clip of home 0, and all that is known of it. */
struct safe_clip {
        struct hash id;
        struct key key;
        struct buf manifest, sealed, cipher, list, plain;
        struct buf seen; /* records that the daemon brings with it, each a v_seen … */
        uint32_t n_seen; /* … and how many */
};

/* A message of the vault to its daemon that the test looks at. */
struct safe_heard {
        enum wire_owner number;
        struct buf bytes;  /* paper or blob; V_DEVICE_JOIN: the sealing key */
        struct buf more;   /* V_GRANT to an own device: the receipt */
        struct hash grant; /* V_REVOKED: whom it is for; zeros: nobody is named */
};

enum safe_lie { /* of a disk, for a test of the tests */
                SAFE_HONEST,
                SAFE_FORGETS_LEDGER,  /* says that a line is written, and does not write it */
                SAFE_FORGETS_REVOKED, /* only those that take back, and what was wrapped is not removed */
};

struct safe {
        struct street *street;
        uint32_t home;
        struct box_key seal;
        struct safe_disk disk;
        struct safe_clip *clips; /* SAFE_CLIPS; the daemon's */
        mesh_wall wall;
        mesh_time now;
        uint8_t seed;
        struct rng rng;
        int power;   /* writes until it goes; negative: it stays */
        int remains; /* of the write it goes at: 0 nothing, 1 a part, 2 all */
        bool dead;   /* it has gone */
        int fails;   /* writes that fail from now on, with a disk that is full */
        enum safe_lie lie;
        unsigned writes;
        struct vault_io io;
        struct vault v;
        bool running;
        struct vault_peer peer;
        struct safe_heard heard[SAFE_HEARD];
        size_t n_heard;
        bool silent; /* the daemon answers nothing */
        bool no_clip;
        bool asking;  /* safe_ask() is at it */
        bool outside; /* at its next start the daemon is in no mesh */
};

/* Who watches what is asked and told, and makes disks fail (faults.h); NULL: nobody. */
struct safe_watch {
        bool (*refuses)(void); /* a disk is asked: it says no */
        /* Somebody has asked for that, and it has come to its end; or the daemon has said it by itself. */
        void (*asked)(struct safe *s, enum wire_owner number, struct span request);
        void (*told)(struct safe *s, struct span message);
};
extern const struct safe_watch *safe_watch;
extern bool safe_spared;     /* nothing fails now */
extern bool safe_disk_grows; /* memory that is asked for now is the disk's, not a vault's */

void safe_clip_make(struct safe_clip *ret, struct street *s, const struct key *seal, uint64_t n, size_t size,
                    bool audio);
void safe_clip_fini(struct safe_clip *c);
/* The vault of home @n, whose daemon holds @clips; @passphrase NULL: its key is plain. */
void safe_init(struct safe *s, struct street *street, uint32_t n, struct safe_clip *clips, const char *passphrase);
void safe_fini(struct safe *s);
/* After a crash, or instead of one. */
void safe_start(struct safe *s);
void safe_disk_copy(struct safe_disk *to, const struct safe_disk *from);
void safe_disk_fini(struct safe_disk *d);
/* A request; the daemon answers what it is asked for. What the vault says to the tool is then in s->peer.out. */
void safe_ask(struct safe *s, enum wire_owner number, const void *msg);
void safe_ask_again(struct safe *s, struct span request); /* its bytes */
/* A message of the daemon. */
void safe_tell(struct safe *s, enum wire_owner number, const void *msg);
/* The daemon has found a neighbour for the home of a backup: the device that it had is to give way to this one. */
void safe_ready(struct safe *s, struct span household);
/* The same, with a turn for it, so that the answer is heard. */
void safe_bring(struct safe *s, enum wire_owner number, const void *msg);
void safe_bring_paper(struct safe *s, enum wire_owner number, struct span paper); /* V_RECEIPT … */
/* Appends the footage, or the parts of a bundle, that are in the tool's answer. */
void safe_pieces(const struct safe *s, struct buf *ret);
/* The first row of the tool's answer with that number, whose spans point into @store. Empties the answer with @last. */
bool safe_row(struct safe *s, enum wire_owner number, struct buf *store, union frame_message *ret);
/* The name of the error in the answer; "" without one. Empties it. */
const char *safe_error(struct safe *s);
bool safe_done(const struct safe *s);
void safe_forget(struct safe *s); /* the answers, and what was heard */
/* That a grant's time is over its vault would know after a restart now, too: of the two writes that say so (the key that goes, or
 * else a line) one will do. */
bool safe_learns(const struct safe *s);
/* The last message of that number the daemon heard; NULL: none. */
const struct safe_heard *safe_heard(const struct safe *s, enum wire_owner number);

/* The owner gives clip @c to home @to ("all": UINT32_MAX) for so long; true: it was done. */
bool safe_grant(struct safe *s, size_t c, uint32_t to, uint64_t seconds);
/* The owner takes a grant back; false: safe_error() says why not. */
bool safe_revoke(struct safe *s, const struct hash *grant);
/* The disk alone: does it have such a line about that grant, in a chain that is whole up to it, with a paper that @read, which
 * is clip_read(), finds signed? */
typedef int (*safe_read_fn)(enum clip_object what, struct span raw, const struct hash *mesh, void *ret,
                            struct hash *ret_id);
bool safe_on_disk(const struct safe *s, const struct hash *grant, enum wire_e_entry what, enum clip_object paper,
                  safe_read_fn read);
bool safe_has_key(struct span s, const struct key *key); /* somewhere in these bytes */
/* A receipt of home @by for it. */
void safe_receipt(const struct street *street, struct span grant, uint32_t by, mesh_wall at, struct buf *ret);
