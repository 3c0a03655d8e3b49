/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clip that is being handed out to a tool, part by part as it asks (O_CHUNK): its clear bytes (reading.c), or an evidence
 * bundle with its ciphertext (export.c). In locked memory, and wiped, as it has the clip's key.
 */
#pragma once

#include "vault/consent.h"

#define READING_PIECE 32768 /* of O_PIECE */

struct reading {
        struct reading *next;
        const struct vault_peer *peer;
        struct hash clip;
        struct key key;
        uint8_t salt[CHUNK_SALT];
        uint64_t size, chunks;
        struct buf list;   /* hashes of the chunks */
        struct buf papers; /* of a bundle: what stands before its chunks; empty: the clip is read in the clear */
};

struct reading *reading_new(const struct vault_peer *p, const struct hash *clip, const struct wire_manifest *m);
struct reading *reading_free(struct reading *r);
DEFINE_FREEP(struct reading, reading_free)
/* Takes it over, in the place of another of that tool. */
void reading_put(struct vault *v, struct reading *r);
/* The list of the chunks' hashes, which has to be the manifest's. VAULT_OK, or why not. */
enum vault_error reading_list(const struct vault *v, const struct wire_manifest *m, struct reading *r);
/* Appends chunk @i as it stands on the disk, once it is what the list says. The same. */
enum vault_error reading_cipher(const struct vault *v, const struct reading *r, uint64_t i, struct buf *ret);
/* Puts bytes in as many O_PIECE_ROW as they need. */
void reading_pieces(struct vault_peer *p, struct span bytes);

/* export.c: the yes to a bundle. False: the peer has its answer. */
bool export_go(struct vault *v, struct ballot *b, const struct household *h);
/* Part @i of a bundle. */
void export_part(struct vault *v, struct vault_peer *p, const struct reading *r, uint64_t i);
