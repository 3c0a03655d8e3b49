/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in, locked chunks out: what porchlight-ingest does with whatever is left of a file. The key is made here, lives in
 * memory that is not swapped, and leaves it sealed.
 */
#pragma once

#include "crypto/chunk.h"
#include "wire/messages.h"

enum {
        LOCKER_E_LARGE = 1,  /* more than a clip has room for */
        LOCKER_E_WRITE = 2,  /* the reader of the stream is gone (errno) */
        LOCKER_E_MEMORY = 3, /* or @household is no key to seal to */
};

struct locker {
        int fd; /* the stream */
        struct secret *secret;
        uint8_t salt[CHUNK_SALT];
        uint64_t chunks, size;
        size_t n; /* of plain */
        uint8_t plain[CHUNK_PLAIN];
        struct buf cipher, frame;
};

/* Draws key and salt from @seed, which is wiped, and asks for all the memory that will be needed. 0, LOCKER_E_MEMORY. */
int locker_init(struct locker *l, int fd, uint8_t seed[32]);
void locker_fini(struct locker *l); /* wipes it */
int locker_begin(struct locker *l, enum wire_e_media media);
int locker_put(struct locker *l, struct span plain);
/* The last chunk, and @end with size, salt, key and hash filled in. */
int locker_end(struct locker *l, const struct key *household, struct wire_i_end *end);
/* The stream ends with an error instead. */
int locker_error(struct locker *l, const struct wire_c_error *error);
