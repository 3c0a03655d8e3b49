/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clip's bytes: cut into chunks of 64 KiB, each locked by itself under the clip's key, so that any one can be fetched,
 * checked and opened alone. What is hashed is the ciphertext: whoever keeps a copy for others can check it without the key.
 *
 *   nonce   le64(index) || le32(1 for the last chunk, else 0)   a key serves one clip, so none is used twice, and a clip
 *                                                                that was cut short does not end in a last chunk
 *   AAD     the clip's salt
 *   cipher  ChaCha20-Poly1305 (RFC 8439), 16 bytes longer than the plaintext
 *
 * PROTOCOL 15.1 to 15.4.
 */
#pragma once

#include "crypto/box.h"

#define CHUNK_PLAIN 65536 /* bytes of the file in each chunk but the last, which has 0 to so many */
#define CHUNK_TAG 16
#define CHUNK_CIPHER (CHUNK_PLAIN + CHUNK_TAG)
#define CHUNK_SALT 16
#define CHUNKS_MAX 65536 /* 4 GiB */

/* How many chunks a file of @size bytes has: at least one. */
static inline uint64_t chunk_count(uint64_t size) {
        return size ? (size - 1) / CHUNK_PLAIN + 1 : 1;
}
/* Bytes of plaintext in chunk @i of such a file. */
static inline size_t chunk_plain(uint64_t size, uint64_t i) {
        uint64_t at = i * CHUNK_PLAIN;
        return at >= size ? 0 : size - at < CHUNK_PLAIN ? (size_t)(size - at) : CHUNK_PLAIN;
}

/* Appends the ciphertext of chunk @i. */
void chunk_lock(struct buf *out, const struct key *key, const uint8_t salt[CHUNK_SALT], uint64_t i, bool last,
                struct span plain);
/* Appends the plaintext and returns true; false (nothing appended) if it does not open, or memory is out. */
bool chunk_open(struct buf *out, const struct key *key, const uint8_t salt[CHUNK_SALT], uint64_t i, bool last,
                struct span cipher);

/* What a manifest's list has for chunk @i: hash(CHUNK, no mesh, be64(i) || cipher). */
void chunk_hash(struct hash *ret, uint64_t i, struct span cipher);
/* What a manifest says of that list, 32 bytes a chunk: hash(CHUNK, no mesh, list). */
void chunk_hashes(struct hash *ret, struct span list);
/* What a manifest says of the key: hash(CLIP_KEY, no mesh, salt || key). */
void chunk_commit(struct hash *ret, const struct key *key, const uint8_t salt[CHUNK_SALT]);

/* The clip's key, sealed to its household: only the vault opens it. The salt is the context. False: memory is out, or
 * @household is no point to seal to. */
#define CHUNK_SEALED (32 + BOX_SEAL_OVERHEAD)
bool chunk_seal_key(struct buf *out, const struct key *household, const uint8_t salt[CHUNK_SALT], const struct key *key,
                    struct rng *rng);
