/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup file's bytes. Nothing that is not one is taken for one, and whatever a file asks for, no more memory and time
 * are spent than the bounds allow. Hash and boxes would stop a fuzzer at once, so the first byte of the input says what is
 * put right: the hash; or the input is the rows themselves, which must come back from a sealed file as they went in.
 */
#include "vault/backup.h"
#include "vault/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HASH_BYTES 32
#define CHEAP_KIB 64 /* what this target waits for; dearer files are only checked */
#define CHEAP_PASSES 2
#define AT_PASSES 9
#define AT_MEMORY 13
#define PASSPHRASE "correct horse"

enum { PUT_RIGHT = 1, ROWS = 2 };

static void put_right(struct buf *file) {
        struct hash h;
        if (file->n < HASH_BYTES)
                return;
        hash_make(&h, DOMAIN_BACKUP, NULL, span_of(file->p, file->n - HASH_BYTES));
        memcpy(file->p + file->n - HASH_BYTES, h.b, HASH_BYTES);
}

static void check_rows(struct span rows) {
        static const uint8_t seed[32] = {1};
        _clean_(buf_fini) struct buf file = BUF_NULL, back = BUF_NULL;
        struct rng rng;
        rng_init(&rng, seed);
        REQUIRE(backup_seal(&file, rows, SPAN_STR(PASSPHRASE), 1, KEYFILE_MEMORY_KIB_MIN, &rng) == 0);
        REQUIRE(backup_open(&back, buf_span(&file), SPAN_STR(PASSPHRASE)) == 0);
        REQUIRE(span_eq(buf_span(&back), rows));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _clean_(buf_fini) struct buf file = BUF_NULL, rows = BUF_NULL;
        if (!size)
                return 0;
        if (data[0] & ROWS) {
                check_rows(span_of(data + 1, size - 1));
                return 0;
        }
        buf_add(&file, span_of(data + 1, size - 1));
        if (data[0] & PUT_RIGHT)
                put_right(&file);
        int r = backup_check(buf_span(&file));
        REQUIRE(r >= 0 && r <= BACKUP_E_COST);
        if (r || get_be32(file.p + AT_MEMORY) > CHEAP_KIB || get_be32(file.p + AT_PASSES) > CHEAP_PASSES)
                return 0;
        r = backup_open(&rows, buf_span(&file), SPAN_STR(PASSPHRASE));
        REQUIRE(r >= 0 && r <= BACKUP_E_PASSPHRASE);
        REQUIRE(r == 0 || rows.n == 0);
        REQUIRE(rows.n <= BACKUP_ROWS_MAX);
        return 0;
}
