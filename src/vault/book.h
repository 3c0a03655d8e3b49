/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's ledger as a file, DIR/vault/ledger, and what it says of each grant.
 *
 * A line is its length twice, be16 and be16 with every bit turned, and the map of proto/clips.def. It is on the disk before
 * anything that rests on it happens. At a start the whole file is read: each line must follow the one before, and each
 * paper in it must be signed by whom it names. What a crash left of the line it cut short is cut off: a beginning of a
 * line, or zeros. Anything else that is wrong leaves the file as it is and is told with its line's number; then nothing
 * is granted, released or read until somebody has looked, and alerts go on.
 *
 * Of the lines only their places are kept in memory, and of each grant what became of it. Papers and texts are read again
 * when somebody asks.
 */
#pragma once

#include "clip/clip.h"
#include "vault/vault.h"

#define BOOK_HEAD 4                                /* the length, twice */
#define BOOK_BYTES_MAX UINT64_C(0x10000000)        /* 256 MiB: more than a million releases */
#define BOOK_GRANT_LIFE_S (7 * (uint64_t)MESH_DAY) /* unless the owner says otherwise */

/* What the ledger says of a grant. */
struct book_grant {
        struct hash id, clip;
        struct key to, device; /* device: of this household; zeros otherwise */
        bool to_device;
        mesh_wall created, expires;
        mesh_wall seen; /* the latest time known since it was made: its end has come once this has passed it */
        uint32_t line;
        bool kept; /* its wrapped key is in DIR/vault */
        bool receipt, released, revoked, complete, deleted, destroyed;
        bool ended; /* a line says that its time was over */
        bool before; /* the home came out of a backup since: what became of it nobody here knows, and nothing more is released */
};

#define BOOK_RULE_HOMES 4

/* The owner's rule for an emergency that was made last. */
struct book_rule {
        bool there, ended;
        struct hash id, camera;
        struct key homes[BOOK_RULE_HOMES];
        size_t n;
        uint64_t quorum, ago, clips, used;
        mesh_wall created, expires;
        mesh_wall seen; /* as of a grant */
        uint32_t line;
};

struct book {
        const struct vault_io *io;
        struct ledger chain;
        struct key household;
        enum vault_error broken; /* VAULT_OK: it can be used */
        uint64_t broken_line;
        uint64_t end;         /* bytes in lines */
        struct buf lines;     /* be64 offset of each */
        struct buf grants;    /* struct book_grant each */
        struct buf begins;    /* the first 8 bytes of the id of each */
        bool from_backup;     /* it stands here since a restore that this vault is at */
        bool reading;         /* the file; then … */
        struct buf times;     /* … the time of each line */
        struct buf destroyed; /* ids of clips, 32 bytes each */
        struct buf ended;     /* ids of others' grants that were taken back, 32 bytes each */
        struct book_rule rule;
        struct buf rule_clips; /* ids of clips that were granted under it, 32 bytes each */
        /* counted while reading, for who wants it verified */
        uint64_t objects, covered, restored;
};

/* Reads the ledger of this household; one that is not there is empty. What is wrong with it stands in @broken, logged.
 * 0, ERR_NOMEM. */
int book_open(struct book *b, const struct vault_io *io, const struct hash *mesh, const struct key *household);
void book_fini(struct book *b);
/* May it be written and read? True, or @p has its answer. */
bool book_fine(const struct book *b, struct vault_peer *p);

/* Writes a line, salted; it is on the disk when this returns VAULT_OK, and @line has its number. Else why not, and the ledger
 * is as it was. */
enum vault_error book_write(struct book *b, struct wire_entry *line);
/* Line @n; its spans are in @store. False: it cannot be read (any more). */
bool book_line(const struct book *b, uint64_t n, struct buf *store, struct wire_entry *ret);
/* Hands over each line from @from on, with its bytes; other than 0 ends it. 0, what @fn returned, or ERR_IO. */
int book_each(const struct book *b, uint64_t from, int (*fn)(void *arg, struct span raw, const struct wire_entry *e),
              void *arg);
/* How far the file is read. */
struct book_reading {
        struct buf in;
        uint64_t at;
        bool over; /* to its end, or to what is wrong with it */
        bool torn; /* then: the last line is not whole */
};
/* The file is to be read once more from its beginning, into @ret, which is to be finished. */
void book_again(const struct book *b, struct book *ret);
/* Reads on, 64 KiB at a time: some 250 signatures. 0, with @broken of the book as book_open has it; ERR_NOMEM. */
int book_read_on(struct book *b, struct book_reading *r);
void book_read_end(struct book_reading *r);

size_t book_n_grants(const struct book *b);
struct book_grant *book_grant_at(const struct book *b, size_t i);
struct book_grant *book_grant_find(const struct book *b, const struct hash *id); /* NULL: none */
bool book_destroyed(const struct book *b, const struct hash *clip);
/* Of a grant that this home, or this device, was given: a line says that it was taken back. */
bool book_ended(const struct book *b, const struct hash *grant);
/* The rule that was made last has not come to its end. */
bool book_rule_stands(const struct book *b);
bool book_rule_used(const struct book *b, const struct hash *clip); /* for this clip */
/* The time is known to be at least @wall: for grants that are there, it never goes back. */
void book_see(struct book *b, mesh_wall wall);
/* No key may be released for it any more, or never could. */
bool book_grant_over(const struct book_grant *g);
/* Its time is not over, and nobody here has ended it: whom it names may have the key. */
bool book_grant_stands(const struct book_grant *g);
enum wire_e_granted book_grant_state(const struct book_grant *g);
