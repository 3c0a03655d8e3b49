/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording: bytes in, bytes out. What is in it are entries; this is what is around them.
 *
 * A file is a head of 32 bytes and TAPE_SLOTS slots of one size. A slot holds a run of the daemon from its start on, which is
 * what a replay needs; the next run takes the next slot in turn, over the oldest. So the file never grows past its size, and
 * no run is ever there without its beginning.
 *
 * A slot begins with a head in the clear: the cost and salt of Argon2id, a number of its own, which run it is, a check of
 * the key, and a hash that tells damage from a wrong passphrase. Then frames: a be32 length and an XChaCha20-Poly1305
 * box under BLAKE2b(Argon2id(passphrase, salt), number). A box covers the domain, the slot's head and its own place, so
 * that none can be left out, moved, or taken from another run. A length of 0 stands after the last: what follows it is left
 * from an older run. Inside is zlib over at most TAPE_CHUNK bytes of entries, which may go on in the next frame.
 *
 * An entry is a byte (enum tape_kind), a be32 length and that many bytes.
 */
#pragma once

#include "crypto/box.h"

#define TAPE_VERSION 4
#define TAPE_SLOTS 4
#define TAPE_FILE_HEAD 32
#define TAPE_HEAD 120
#define TAPE_STOP 4 /* bytes of the length 0 */
#define TAPE_CHUNK (64 * 1024)
#define TAPE_FRAME_MOST (4 + TAPE_CHUNK + TAPE_CHUNK / 8 + BOX_OVERHEAD + TAPE_STOP)
#define TAPE_ENTRY_HEAD 5
#define TAPE_ENTRY_MAX (16 * 1024 * 1024) /* the longest event: a backup of 5,000 homes is 4 MB */
#define TAPE_SIZE_MIN (1024 * 1024)
#define TAPE_SIZE_MAX (1024 * 1024 * 1024)
#define TAPE_SIZE (64 * 1024 * 1024) /* unless --record-size says otherwise */
#define TAPE_PASSPHRASE_MIN 8        /* bytes, as of a household's key */
#define TAPE_PASSPHRASE_MAX 512
#define TAPE_PASSES 3 /* what new recordings ask of Argon2id, as key files do */
#define TAPE_MEMORY_KIB (64 * 1024)

enum {
        TAPE_E_MAGIC = 1,      /* not a recording */
        TAPE_E_VERSION = 2,    /* of another version of the format */
        TAPE_E_NONE = 3,       /* nothing was ever written into this slot */
        TAPE_E_DAMAGED = 4,    /* changed, or made by somebody who does not keep to the format */
        TAPE_E_COST = 5,       /* asks for more memory or time than any recording may */
        TAPE_E_PASSPHRASE = 6, /* it does not open with this passphrase */
        TAPE_E_CUT = 7,        /* nothing more was written: the daemon was killed, or runs on */
};

enum tape_kind {
        TAPE_BIRTH = 1,   /* the program's version, and the core's configuration; the first one */
        TAPE_EVENT = 2,   /* an event, as of tape_put_event() */
        TAPE_DIGESTS = 3, /* of what the event before gave rise to, in order, TAPE_DIGEST bytes each */
        TAPE_END = 4,     /* why the run ends here, in words; the last one */
};

#define TAPE_END_FAILED "failed" /* the daemon broke within the last event: its digests are not there */

/* ---- the file ---- */

void tape_file_head(uint8_t ret[TAPE_FILE_HEAD], uint64_t slot_bytes);
/* 0, TAPE_E_MAGIC, TAPE_E_VERSION, TAPE_E_DAMAGED. */
int tape_file_look(struct span file, uint64_t *ret_slot_bytes);
static inline uint64_t tape_slot_at(uint64_t slot_bytes, uint64_t run) {
        return TAPE_FILE_HEAD + run % TAPE_SLOTS * slot_bytes;
}

/* ---- writing ---- */

/* A key that was made once, for all runs of a process. */
struct tape_lock {
        struct key key;
        uint8_t salt[16];
        uint32_t passes, memory_kib;
};
/* Takes TAPE_MEMORY_KIB or so, and a good part of a second. False: no memory. */
bool tape_lock_make(struct tape_lock *ret, struct span passphrase, const uint8_t salt[16], uint32_t passes,
                    uint32_t memory_kib);

struct tape_writer {
        uint8_t head[TAPE_HEAD];
        struct key key;
        struct rng rng;
        uint64_t frames;
};
/* @seed: 32 random bytes. Appends the slot's head. */
void tape_begin(struct tape_writer *w, const struct tape_lock *lock, uint64_t run, mesh_wall begun,
                const uint8_t seed[32], struct buf *out);
void tape_writer_fini(struct tape_writer *w);
/* Appends an entry to @plain. */
void tape_entry(struct buf *plain, enum tape_kind kind, struct span body);
/* Appends one frame of at most TAPE_CHUNK bytes of entries, and the TAPE_STOP bytes that the next one stands over. 0,
 * ERR_NOMEM. */
int tape_seal(struct tape_writer *w, struct span plain, struct buf *out);

/* ---- reading ---- */

struct tape_head {
        uint64_t run;
        mesh_wall begun;
};
/* What stands in the clear. 0, TAPE_E_NONE, TAPE_E_DAMAGED, TAPE_E_COST. */
int tape_look(struct span slot, struct tape_head *ret);

struct tape_reader {
        struct span head, rest;
        struct key key;
        uint64_t frames;
        struct buf plain;
        size_t at; /* in plain */
        bool ended;
};
/* 0, TAPE_E_NONE … TAPE_E_PASSPHRASE, ERR_NOMEM. @slot stays the caller's, and stays. */
int tape_open(struct tape_reader *ret, struct span slot, struct span passphrase);
/* The next entry; @ret_body is good until the next call. 0, TAPE_E_DAMAGED, TAPE_E_CUT, ERR_NOMEM. */
int tape_next(struct tape_reader *r, enum tape_kind *ret_kind, struct span *ret_body);
void tape_close(struct tape_reader *r);
