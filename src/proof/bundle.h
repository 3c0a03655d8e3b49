/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of an evidence bundle: a line that says what it is, then sections, each a byte for its kind, be32 for its length,
 * and its bytes. Their order and sizes are fixed (PROTOCOL 16.1 to 16.4), so that a reader knows before it reads a section how
 * long it may be, and needs no more memory than the longest. There are no names of files in it and nothing is compressed.
 *
 * The sum runs over each section before the owner's word, which signs it; what comes behind, the clip's chunks, is covered
 * by the manifest's list. So there is no byte that nothing covers.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "crypto/chunk.h"
#include "wire/codec.h"

#define BUNDLE_TITLE "PORCHLIGHT BUNDLE 1\n"
#define BUNDLE_TITLE_BYTES (sizeof(BUNDLE_TITLE) - 1)
#define BUNDLE_HEAD 5                    /* of a section: kind and length */
#define BUNDLE_PAPERS_MAX (16 * 1048576) /* all sections before the chunks: a reader may keep much of them in memory */
#define BUNDLE_HIDDEN_MAX 1024           /* hashes in one section */

/* Writes what stands before the chunks. */
struct bundle_out {
        struct buf bytes;
        struct hash mesh, sum;
};
/* Begins with the title and the mesh. */
void bundle_begin(struct bundle_out *o, const struct hash *mesh);
void bundle_put(struct bundle_out *o, enum wire_e_section kind, struct span bytes);
/* The head of a chunk's section, which goes before its bytes. */
void bundle_chunk_head(uint8_t ret[BUNDLE_HEAD], size_t bytes);

/* Where a bundle is read from: up to @n bytes, fewer at its end alone. 0, ERR_IO. */
struct bundle_in {
        int (*read)(void *arg, uint8_t *p, size_t n, size_t *ret);
        void *arg;
        struct hash mesh, sum;    /* the sum of the sections before the one that was read last */
        uint64_t papers;          /* bytes so far */
        enum wire_e_section kind; /* of the section read last; 0: none */
        struct buf bytes;         /* and its bytes */
        bool over;                /* there are no more */
};

enum {
        BUNDLE_E_NOT = 1,   /* that is no bundle */
        BUNDLE_E_CUT = 2,   /* it ends too early */
        BUNDLE_E_SHAPE = 3, /* a section that cannot stand there, or cannot be so long or short */
        BUNDLE_E_LARGE = 4, /* more than BUNDLE_PAPERS_MAX before the chunks */
};

/* The title, and the section of the mesh. 0, BUNDLE_E_*, ERR_IO, ERR_NOMEM. */
int bundle_open(struct bundle_in *in);
/* The next section, or @over. The same. */
int bundle_next(struct bundle_in *in);
void bundle_fini(struct bundle_in *in);
