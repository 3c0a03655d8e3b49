/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/vault/ledger with any bytes in it. Reading it never writes but to cut off a line that a crash cut short; what it says
 * twice it says alike; and a file that can be used can be written on, and read again with that line at its end.
 */
#include "base/log.h"
#include "vault/book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ledger_read(void *arg, uint64_t at, size_t n, struct buf *out) {
        const struct buf *file = arg;
        if (at < file->n)
                buf_add(out, span_of(file->p + at, MIN(n, file->n - (size_t)at)));
        return 0;
}

static int ledger_write(void *arg, uint64_t at, struct span bytes) {
        struct buf *file = arg;
        REQUIRE(at == file->n);
        buf_add(file, bytes);
        return 0;
}

static int ledger_cut(void *arg, uint64_t at) {
        struct buf *file = arg;
        REQUIRE(at <= file->n);
        file->n = (size_t)at;
        return 0;
}

static void seed(void *arg, uint8_t ret[32]) {
        (void)arg;
        memset(ret, 9, 32);
}

static int blob_list(void *arg, enum vault_blob what, struct buf *out) {
        (void)arg, (void)what, (void)out;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct hash mesh = {{3}}, clip = {{4}};
        static const struct key household = {{5}};
        _clean_(buf_fini) struct buf file = BUF_NULL;
        const struct vault_io io = {.ledger_read = ledger_read,
                                    .ledger_write = ledger_write,
                                    .ledger_cut = ledger_cut,
                                    .blob_list = blob_list,
                                    .seed = seed,
                                    .arg = &file};
        struct wire_entry line = {.what = ENTRY_DESTROYED, .time = VAULT_CLOCK_FLOOR};
        struct book b, again;
        log_set_level(LOG_ERROR);
        buf_add(&file, span_of(data, size));
        REQUIRE(book_open(&b, &io, &mesh, &household) == 0);
        REQUIRE(!b.broken || file.n == size); /* left as it is */
        struct book_reading reading = {.in = BUF_NULL};
        book_again(&b, &again);
        while (!reading.over)
                REQUIRE(book_read_on(&again, &reading) == 0);
        book_read_end(&reading);
        REQUIRE(again.broken == b.broken && again.chain.n == b.chain.n && hash_eq(&again.chain.last, &b.chain.last));
        book_fini(&again);
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip.b));
        REQUIRE((book_write(&b, &line) == VAULT_OK) == !b.broken);
        REQUIRE(book_open(&again, &io, &mesh, &household) == 0);
        REQUIRE(again.broken == b.broken && again.chain.n == b.chain.n);
        REQUIRE(again.broken || book_destroyed(&again, &clip));
        book_fini(&again);
        book_fini(&b);
        return 0;
}
