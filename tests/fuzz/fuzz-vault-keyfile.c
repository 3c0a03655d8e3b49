/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file's bytes. Nothing that is not one is taken for one; what is taken opens, or says why; and whatever the file asks
 * for, no more memory and time are spent than the bounds allow. The hash at the end would stop a fuzzer at once, so the first
 * byte of the input says whether it is put right first, and whether the passphrase is the corpus's.
 */
#include "vault/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HASH_BYTES 32
#define PASSPHRASE "correct horse"
#define CHEAP_KIB 64 /* what this target waits for; dearer files are only decoded */
#define CHEAP_PASSES 2

enum { PUT_RIGHT = 1, OTHER_PASSPHRASE = 2 };

static void put_right(struct buf *file) {
        struct hash h;
        if (file->n < HASH_BYTES)
                return;
        hash_make(&h, DOMAIN_KEY_FILE, NULL, span_of(file->p, file->n - HASH_BYTES));
        memcpy(file->p + file->n - HASH_BYTES, h.b, HASH_BYTES);
}

static void check_states(struct buf *file, const struct keyfile *head) {
        static const enum keyfile_state states[] = {KEYFILE_FOUNDING, KEYFILE_JOINING, KEYFILE_MEMBER, KEYFILE_OVER};
        struct keyfile after;
        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
                REQUIRE(keyfile_set_state(file, states[i]) == 0);
                REQUIRE(keyfile_decode(buf_span(file), &after) == 0);
                REQUIRE(after.state == states[i] && key_eq(&after.household, &head->household));
        }
}

static void check_open(struct buf *file, const struct keyfile *head, struct span passphrase) {
        struct keyfile_secret before, after;
        int r = keyfile_open(buf_span(file), passphrase, &before);
        REQUIRE(r == 0 || r == KEYFILE_E_PASSPHRASE || r == KEYFILE_E_DAMAGED);
        check_states(file, head);
        REQUIRE(keyfile_open(buf_span(file), passphrase, &after) == r);
        REQUIRE(r || memcmp(&before, &after, sizeof(before)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct keyfile head;
        if (!size || size > 2 * KEYFILE_BYTES_MAX)
                return 0;
        buf_add(&file, span_of(data + 1, size - 1));
        if (data[0] & PUT_RIGHT)
                put_right(&file);
        int r = keyfile_decode(buf_span(&file), &head);
        REQUIRE(r >= 0 && r <= KEYFILE_E_COST);
        if (r)
                return 0;
        REQUIRE(file.n <= KEYFILE_BYTES_MAX);
        REQUIRE(head.memory_kib <= KEYFILE_MEMORY_KIB_MAX && head.passes <= KEYFILE_PASSES_MAX);
        if (head.memory_kib <= CHEAP_KIB && head.passes <= CHEAP_PASSES)
                check_open(&file, &head, data[0] & OTHER_PASSPHRASE ? SPAN_STR("wrong horse") : SPAN_STR(PASSPHRASE));
        return 0;
}
