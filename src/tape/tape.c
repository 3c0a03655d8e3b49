/* SPDX-License-Identifier: Apache-2.0 */
#include "tape/tape.h"

#include "wire/inflate.h"

#include <sodium.h>

#define MAGIC "PLRECORD"
#define MAGIC_BYTES (sizeof(MAGIC) - 1)
#define SUM_BYTES 8 /* of the file's head */
#define PASSES_MAX 16
#define MEMORY_KIB_MIN 8 /* Argon2's own least */
#define MEMORY_KIB_MAX (1024 * 1024)
#define LENGTH_BYTES 4

/* The file's head, and a slot's; numbers are big-endian. */
enum {
        FILE_VERSION = MAGIC_BYTES,
        FILE_SLOT = FILE_VERSION + 8, /* of which 7 are zero */
        FILE_SUM = FILE_SLOT + 8,
        AT_PASSES = 0,
        AT_MEMORY = AT_PASSES + 4,
        AT_SALT = AT_MEMORY + 4,
        AT_ID = AT_SALT + 16,
        AT_RUN = AT_ID + 16,
        AT_BEGUN = AT_RUN + 8,
        AT_CHECK = AT_BEGUN + 8,
        AT_SUM = AT_CHECK + 32,
};
_Static_assert(FILE_SUM + SUM_BYTES == TAPE_FILE_HEAD, "the file's head");
_Static_assert(AT_SUM + 32 == TAPE_HEAD, "a slot's head");

/* ---- the file ---- */

void tape_file_head(uint8_t ret[TAPE_FILE_HEAD], uint64_t slot_bytes) {
        struct hash sum;
        memset(ret, 0, TAPE_FILE_HEAD);
        memcpy(ret, MAGIC, MAGIC_BYTES);
        ret[FILE_VERSION] = TAPE_VERSION;
        put_be64(ret + FILE_SLOT, slot_bytes);
        hash_make(&sum, DOMAIN_RECORDING, NULL, span_of(ret, FILE_SUM));
        memcpy(ret + FILE_SUM, sum.b, SUM_BYTES);
}

int tape_file_look(struct span file, uint64_t *ret_slot_bytes) {
        uint8_t again[TAPE_FILE_HEAD];
        if (file.n <= FILE_VERSION || memcmp(file.p, MAGIC, MAGIC_BYTES) != 0)
                return TAPE_E_MAGIC;
        if (file.p[FILE_VERSION] != TAPE_VERSION)
                return TAPE_E_VERSION;
        if (file.n < TAPE_FILE_HEAD)
                return TAPE_E_DAMAGED;
        uint64_t slot = get_be64(file.p + FILE_SLOT);
        tape_file_head(again, slot);
        if (memcmp(again, file.p, TAPE_FILE_HEAD) != 0 || slot < TAPE_SIZE_MIN / TAPE_SLOTS - TAPE_FILE_HEAD ||
            slot > TAPE_SIZE_MAX / TAPE_SLOTS)
                return TAPE_E_DAMAGED;
        *ret_slot_bytes = slot;
        return 0;
}

/* ---- keys ---- */

bool tape_lock_make(struct tape_lock *ret, struct span passphrase, const uint8_t salt[16], uint32_t passes,
                    uint32_t memory_kib) {
        const char *words = passphrase.n ? (const char *)passphrase.p : "";
        memcpy(ret->salt, salt, sizeof(ret->salt));
        ret->passes = passes;
        ret->memory_kib = memory_kib;
        return crypto_pwhash_argon2id(ret->key.b, sizeof(ret->key.b), words, passphrase.n, salt, passes,
                                      (size_t)memory_kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0;
}

/* The key of one run, and what shows whoever has a passphrase that it is the right one. */
static void run_key(const struct key *lock, const uint8_t *head, struct key *ret, struct key *ret_check) {
        hash_derive(ret, DOMAIN_RECORDING, lock, span_of(head + AT_ID, AT_RUN - AT_ID));
        hash_derive(ret_check, DOMAIN_RECORDING, ret, span_of(head, AT_CHECK));
}

static void put_aad(uint8_t aad[TAPE_HEAD + 8], const uint8_t *head, uint64_t frame) {
        memcpy(aad, head, TAPE_HEAD);
        put_be64(aad + TAPE_HEAD, frame);
}

/* ---- writing ---- */

void tape_begin(struct tape_writer *w, const struct tape_lock *lock, uint64_t run, mesh_wall begun,
                const uint8_t seed[32], struct buf *out) {
        struct key check;
        struct hash sum;
        *w = (struct tape_writer){.frames = 0};
        rng_init(&w->rng, seed);
        put_be32(w->head + AT_PASSES, lock->passes);
        put_be32(w->head + AT_MEMORY, lock->memory_kib);
        memcpy(w->head + AT_SALT, lock->salt, sizeof(lock->salt));
        rng_bytes(&w->rng, w->head + AT_ID, AT_RUN - AT_ID);
        put_be64(w->head + AT_RUN, run);
        put_be64(w->head + AT_BEGUN, begun);
        run_key(&lock->key, w->head, &w->key, &check);
        memcpy(w->head + AT_CHECK, check.b, sizeof(check.b));
        hash_make(&sum, DOMAIN_RECORDING, NULL, span_of(w->head, AT_SUM));
        memcpy(w->head + AT_SUM, sum.b, sizeof(sum.b));
        buf_add(out, SPAN_OF(w->head));
}

void tape_writer_fini(struct tape_writer *w) {
        rng_fini(&w->rng);
        hash_wipe(w, sizeof(*w));
}

void tape_entry(struct buf *plain, enum tape_kind kind, struct span body) {
        uint8_t head[TAPE_ENTRY_HEAD] = {(uint8_t)kind};
        put_be32(head + 1, (uint32_t)body.n);
        buf_add(plain, SPAN_OF(head));
        buf_add(plain, body);
}

int tape_seal(struct tape_writer *w, struct span plain, struct buf *out) {
        static const uint8_t stop[TAPE_STOP];
        _clean_(buf_wipe) struct buf packed = BUF_NULL;
        uint8_t aad[TAPE_HEAD + 8], length[LENGTH_BYTES];
        if (CHECK_FAILS(plain.n <= TAPE_CHUNK))
                return ERR_BROKEN;
        int r = deflate_all(plain, &packed);
        if (r)
                return r;
        put_be32(length, (uint32_t)(packed.n + BOX_OVERHEAD));
        put_aad(aad, w->head, w->frames++);
        buf_add(out, SPAN_OF(length));
        box_lock(out, &w->key, SPAN_OF(aad), buf_span(&packed), &w->rng);
        buf_add(out, SPAN_OF(stop));
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

/* ---- reading ---- */

static bool is_zero(struct span s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i])
                        return false;
        return true;
}

int tape_look(struct span slot, struct tape_head *ret) {
        struct hash sum;
        if (is_zero(span_of(slot.p, MIN(slot.n, (size_t)TAPE_HEAD))))
                return TAPE_E_NONE;
        if (slot.n < TAPE_HEAD)
                return TAPE_E_DAMAGED;
        hash_make(&sum, DOMAIN_RECORDING, NULL, span_of(slot.p, AT_SUM));
        if (!hash_same(sum.b, slot.p + AT_SUM, sizeof(sum.b)))
                return TAPE_E_DAMAGED;
        uint32_t passes = get_be32(slot.p + AT_PASSES), memory = get_be32(slot.p + AT_MEMORY);
        if (passes < 1 || passes > PASSES_MAX || memory < MEMORY_KIB_MIN || memory > MEMORY_KIB_MAX)
                return TAPE_E_COST;
        *ret = (struct tape_head){get_be64(slot.p + AT_RUN), get_be64(slot.p + AT_BEGUN)};
        return 0;
}

int tape_open(struct tape_reader *ret, struct span slot, struct span passphrase) {
        struct tape_head head;
        struct tape_lock lock;
        struct key check;
        *ret = (struct tape_reader){.frames = 0};
        int r = tape_look(slot, &head);
        if (r)
                return r;
        if (!tape_lock_make(&lock, passphrase, slot.p + AT_SALT, get_be32(slot.p + AT_PASSES),
                            get_be32(slot.p + AT_MEMORY)))
                return ERR_NOMEM;
        run_key(&lock.key, slot.p, &ret->key, &check);
        hash_wipe(&lock, sizeof(lock));
        ret->head = span_of(slot.p, TAPE_HEAD);
        ret->rest = span_from(slot, TAPE_HEAD);
        return hash_same(check.b, slot.p + AT_CHECK, sizeof(check.b)) ? 0 : TAPE_E_PASSPHRASE;
}

/* Forgets the entries that were read, and appends those of the next frame. */
static int next_frame(struct tape_reader *r) {
        _clean_(buf_wipe) struct buf packed = BUF_NULL;
        uint8_t aad[TAPE_HEAD + 8];
        uint32_t n = r->rest.n >= LENGTH_BYTES ? get_be32(r->rest.p) : 0;
        if (n == 0)
                return TAPE_E_CUT;
        if (n < BOX_OVERHEAD || n > TAPE_FRAME_MOST || n > r->rest.n - LENGTH_BYTES)
                return TAPE_E_DAMAGED;
        put_aad(aad, r->head.p, r->frames);
        if (!box_open(&packed, &r->key, SPAN_OF(aad), span_of(r->rest.p + LENGTH_BYTES, n)))
                return buf_ok(&packed) ? TAPE_E_DAMAGED : ERR_NOMEM;
        buf_drop(&r->plain, r->at);
        r->at = 0;
        size_t before = r->plain.n;
        int e = inflate_all(buf_span(&packed), &r->plain);
        if (e)
                return e < 0 ? e : TAPE_E_DAMAGED;
        r->rest = span_from(r->rest, LENGTH_BYTES + n);
        r->frames++;
        return r->plain.n - before <= TAPE_CHUNK ? 0 : TAPE_E_DAMAGED;
}

static int need(struct tape_reader *r, size_t n) {
        int e = 0;
        while (e == 0 && r->plain.n - r->at < n)
                e = next_frame(r);
        return e;
}

int tape_next(struct tape_reader *r, enum tape_kind *ret_kind, struct span *ret_body) {
        int e = r->ended ? TAPE_E_CUT : need(r, TAPE_ENTRY_HEAD);
        if (e)
                return e;
        size_t n = get_be32(r->plain.p + r->at + 1);
        if (n > TAPE_ENTRY_MAX)
                return TAPE_E_DAMAGED;
        e = need(r, TAPE_ENTRY_HEAD + n);
        if (e)
                return e;
        uint8_t kind = r->plain.p[r->at];
        if (kind < TAPE_BIRTH || kind > TAPE_END)
                return TAPE_E_DAMAGED;
        *ret_kind = (enum tape_kind)kind;
        *ret_body = span_of(r->plain.p + r->at + TAPE_ENTRY_HEAD, n);
        r->at += TAPE_ENTRY_HEAD + n;
        r->ended = kind == TAPE_END;
        return 0;
}

void tape_close(struct tape_reader *r) {
        buf_wipe(&r->plain);
        hash_wipe(&r->key, sizeof(r->key));
        *r = (struct tape_reader){.frames = 0};
}
