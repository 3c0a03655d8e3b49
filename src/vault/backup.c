/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/backup.h"

#include "vault/keyfile.h"
#include "wire/inflate.h"

#include <sodium.h>

#define MAGIC "PLBACKUP"
#define VERSION 1

/* Where each part begins; numbers are big-endian. */
enum {
        AT_VERSION = sizeof(MAGIC) - 1,
        AT_PASSES = AT_VERSION + 1,
        AT_MEMORY = AT_PASSES + 4,
        AT_SALT = AT_MEMORY + 4,
        HEAD_BYTES = AT_SALT + crypto_pwhash_argon2id_SALTBYTES,
        LENGTH_BYTES = 4,
        HASH_BYTES = 32,
        SEALED_MAX = BACKUP_CHUNK + BACKUP_CHUNK / 8 + BOX_OVERHEAD, /* zlib makes nothing longer by more than that */
};

static void hash_file(struct span before, struct hash *ret) {
        hash_make(ret, DOMAIN_BACKUP, NULL, before);
}

static void put_head(uint8_t p[HEAD_BYTES], uint32_t passes, uint32_t memory_kib, struct rng *rng) {
        memcpy(p, MAGIC, sizeof(MAGIC) - 1);
        p[AT_VERSION] = VERSION;
        put_be32(p + AT_PASSES, passes);
        put_be32(p + AT_MEMORY, memory_kib);
        rng_bytes(rng, p + AT_SALT, crypto_pwhash_argon2id_SALTBYTES);
}

static bool cost_fine(const uint8_t head[HEAD_BYTES]) {
        uint32_t passes = get_be32(head + AT_PASSES), memory = get_be32(head + AT_MEMORY);
        return passes >= 1 && passes <= KEYFILE_PASSES_MAX && memory >= KEYFILE_MEMORY_KIB_MIN &&
               memory <= KEYFILE_MEMORY_KIB_MAX;
}

/* False: no memory. */
static bool derive(struct key *ret, const uint8_t head[HEAD_BYTES], struct span passphrase) {
        const char *words = passphrase.n ? (const char *)passphrase.p : "";
        return crypto_pwhash_argon2id(ret->b, sizeof(ret->b), words, passphrase.n, head + AT_SALT,
                                      get_be32(head + AT_PASSES), (size_t)get_be32(head + AT_MEMORY) * 1024,
                                      crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0;
}

/* What a chunk's box covers besides its bytes. */
static void put_aad(struct buf *aad, const uint8_t head[HEAD_BYTES], uint64_t number, bool last) {
        const char *domain = domain_text(DOMAIN_BACKUP);
        uint8_t n[8];
        put_be64(n, number);
        buf_clear(aad);
        buf_add(aad, span_of(domain, strlen(domain) + 1));
        buf_add(aad, span_of(head, HEAD_BYTES));
        buf_add(aad, SPAN_OF(n));
        buf_add_u8(aad, last);
}

/* ---- sealing ---- */

static int seal_chunk(struct buf *out, const struct key *key, struct span aad, struct span rows, struct rng *rng) {
        _clean_(buf_wipe) struct buf packed = BUF_NULL;
        uint8_t length[LENGTH_BYTES];
        int r = deflate_all(rows, &packed);
        if (r)
                return r;
        put_be32(length, (uint32_t)(packed.n + BOX_OVERHEAD));
        buf_add(out, SPAN_OF(length));
        box_lock(out, key, aad, buf_span(&packed), rng);
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

static int seal_chunks(struct buf *out, const struct key *key, const uint8_t head[HEAD_BYTES], struct span rows,
                       struct rng *rng) {
        _clean_(buf_fini) struct buf aad = BUF_NULL;
        for (uint64_t i = 0;; i++) {
                size_t n = MIN(rows.n, (size_t)BACKUP_CHUNK);
                bool last = n == rows.n;
                put_aad(&aad, head, i, last);
                int r = buf_ok(&aad) ? seal_chunk(out, key, buf_span(&aad), span_of(rows.p, n), rng) : ERR_NOMEM;
                if (r || last)
                        return r;
                rows = span_from(rows, n);
        }
}

int backup_seal(struct buf *out, struct span rows, struct span passphrase, uint32_t passes, uint32_t memory_kib,
                struct rng *rng) {
        size_t from = out->n;
        uint8_t head[HEAD_BYTES];
        struct hash sum;
        struct key key;
        put_head(head, passes, memory_kib, rng);
        if (!derive(&key, head, passphrase))
                return ERR_NOMEM;
        buf_add(out, SPAN_OF(head));
        int r = seal_chunks(out, &key, head, rows, rng);
        sodium_memzero(&key, sizeof(key));
        if (r)
                return r;
        hash_file(span_from(buf_span(out), from), &sum);
        buf_add(out, SPAN_OF(sum.b));
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

/* ---- opening ---- */

int backup_check(struct span file) {
        struct hash sum;
        if (file.n <= AT_VERSION || memcmp(file.p, MAGIC, AT_VERSION) != 0)
                return BACKUP_E_MAGIC;
        if (file.p[AT_VERSION] > VERSION)
                return BACKUP_E_NEWER;
        if (file.p[AT_VERSION] != VERSION || file.n < HEAD_BYTES + HASH_BYTES || file.n > BACKUP_BYTES_MAX)
                return BACKUP_E_DAMAGED;
        hash_file(span_of(file.p, file.n - HASH_BYTES), &sum);
        if (!hash_same(sum.b, file.p + file.n - HASH_BYTES, HASH_BYTES))
                return BACKUP_E_DAMAGED;
        return cost_fine(file.p) ? 0 : BACKUP_E_COST;
}

/* Appends what the first chunk of @chunks holds. */
static int open_chunk(struct buf *rows, struct span *chunks, const struct key *key, const uint8_t *head, uint64_t i,
                      bool *ret_last) {
        _clean_(buf_fini) struct buf aad = BUF_NULL;
        _clean_(buf_wipe) struct buf packed = BUF_NULL;
        size_t before = rows->n;
        uint32_t n = chunks->n >= LENGTH_BYTES ? get_be32(chunks->p) : 0;
        if (n < BOX_OVERHEAD || n > SEALED_MAX || n > chunks->n - LENGTH_BYTES)
                return BACKUP_E_DAMAGED;
        bool last = n == chunks->n - LENGTH_BYTES;
        put_aad(&aad, head, i, last);
        if (!buf_ok(&aad))
                return ERR_NOMEM;
        if (!box_open(&packed, key, buf_span(&aad), span_of(chunks->p + LENGTH_BYTES, n)))
                return !buf_ok(&packed) ? ERR_NOMEM : i ? BACKUP_E_DAMAGED : BACKUP_E_PASSPHRASE;
        int r = inflate_all(buf_span(&packed), rows);
        if (r)
                return r < 0 ? r : BACKUP_E_DAMAGED;
        *chunks = span_from(*chunks, LENGTH_BYTES + n);
        *ret_last = last;
        return rows->n - before <= BACKUP_CHUNK && rows->n <= BACKUP_ROWS_MAX ? 0 : BACKUP_E_DAMAGED;
}

static int open_chunks(struct buf *rows, struct span file, const struct key *key) {
        struct span chunks = span_of(file.p + HEAD_BYTES, file.n - HEAD_BYTES - HASH_BYTES);
        bool last = false;
        int r = 0;
        for (uint64_t i = 0; r == 0 && !last; i++)
                r = open_chunk(rows, &chunks, key, file.p, i, &last);
        return r;
}

int backup_open(struct buf *rows, struct span file, struct span passphrase) {
        _clean_(buf_wipe) struct buf fresh = BUF_NULL;
        struct key key;
        int r = backup_check(file);
        if (r)
                return r;
        if (!derive(&key, file.p, passphrase))
                return ERR_NOMEM;
        r = open_chunks(&fresh, file, &key);
        sodium_memzero(&key, sizeof(key));
        if (r)
                return r;
        buf_add(rows, buf_span(&fresh));
        return buf_ok(rows) ? 0 : ERR_NOMEM;
}
