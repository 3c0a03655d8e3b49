/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-floor DIR CORES [SECONDS [crypto|disk]]: what the libraries below us do alone: the floor that no daemon on
 * this machine gets under. Signatures, encryption and hashes by libsodium on CORES threads; commits by SQLite on a
 * connection that is set as the store sets its own, in a file in DIR. Prints one JSON object of rates a second.
 */
#include "base/base.h"
#include "store/sql.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RECORD_BYTES 600 /* of a post of 512 bytes of text, about */
#define AEAD_AT_ONCE 64
#define CHUNK_BYTES 65536 /* of a clip */
#define THREADS_MAX 16
#define KEYS 64 /* other signatures each time, as from other authors */

struct work {
        pthread_t thread;
        double until;
        uint64_t (*once)(void *ctx);
        void *ctx;
        uint64_t done;
};

struct signed_record {
        uint8_t pub[32], secret[64], sig[64], bytes[RECORD_BYTES];
};

static struct signed_record records[KEYS];

static double seconds(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *run(void *ctx) {
        struct work *w = ctx;
        while (seconds() < w->until)
                w->done += w->once(w->ctx);
        return NULL;
}

static double rate(uint64_t (*once)(void *), void *ctx, unsigned threads, double for_s) {
        struct work works[THREADS_MAX];
        double began = seconds(), n = 0;
        for (unsigned i = 0; i < threads; i++) {
                works[i] = (struct work){.until = began + for_s, .once = once, .ctx = ctx};
                REQUIRE(pthread_create(&works[i].thread, NULL, run, &works[i]) == 0);
        }
        for (unsigned i = 0; i < threads; i++) {
                pthread_join(works[i].thread, NULL);
                n += (double)works[i].done;
        }
        return n / (seconds() - began);
}

static uint64_t verify_some(_unused_ void *ctx) {
        for (size_t i = 0; i < KEYS; i++)
                REQUIRE(crypto_sign_verify_detached(records[i].sig, records[i].bytes, RECORD_BYTES, records[i].pub) ==
                        0);
        return KEYS;
}

static uint64_t sign_some(_unused_ void *ctx) {
        uint8_t sig[64];
        for (size_t i = 0; i < KEYS; i++)
                crypto_sign_detached(sig, NULL, records[i].bytes, RECORD_BYTES, records[i].secret);
        return KEYS;
}

static uint64_t lock_some(_unused_ void *ctx) {
        uint8_t out[RECORD_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES], nonce[24] = {0};
        for (size_t i = 0; i < AEAD_AT_ONCE; i++)
                crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, records[0].bytes, RECORD_BYTES, NULL, 0, NULL,
                                                           nonce, records[0].pub);
        return AEAD_AT_ONCE;
}

static uint64_t hash_some(_unused_ void *ctx) {
        uint8_t out[32];
        for (size_t i = 0; i < AEAD_AT_ONCE; i++)
                crypto_generichash(out, sizeof(out), records[0].bytes, RECORD_BYTES, NULL, 0);
        return AEAD_AT_ONCE;
}

/* A chunk of a clip, as whoever checks and opens one has to: its hash, then the AEAD. */
struct chunk {
        uint8_t key[32], nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], plain[CHUNK_BYTES];
        uint8_t cipher[CHUNK_BYTES + crypto_aead_chacha20poly1305_ietf_ABYTES];
};

static uint64_t open_chunk(void *ctx) {
        struct chunk *c = ctx;
        uint8_t hash[32];
        crypto_generichash(hash, sizeof(hash), c->cipher, sizeof(c->cipher), NULL, 0);
        REQUIRE(crypto_aead_chacha20poly1305_ietf_decrypt(c->plain, NULL, NULL, c->cipher, sizeof(c->cipher), NULL, 0,
                                                          c->nonce, c->key) == 0);
        return CHUNK_BYTES;
}

/* Bytes a second, on one core. */
static double chunks(double for_s) {
        static struct chunk c;
        crypto_aead_chacha20poly1305_ietf_encrypt(c.cipher, NULL, c.plain, sizeof(c.plain), NULL, 0, NULL, c.nonce,
                                                  c.key);
        return rate(open_chunk, &c, 1, for_s);
}

static void make_records(void) {
        for (size_t i = 0; i < KEYS; i++) {
                struct signed_record *r = &records[i];
                randombytes_buf(r->bytes, sizeof(r->bytes));
                crypto_sign_keypair(r->pub, r->secret);
                crypto_sign_detached(r->sig, NULL, r->bytes, RECORD_BYTES, r->secret);
        }
}

/* ---- the disk ---- */

struct table {
        struct sql sql;
        sqlite3_stmt *put;
        uint64_t rows; /* a commit */
};

static uint64_t commit_once(void *ctx) {
        struct table *t = ctx;
        REQUIRE(sql_exec(&t->sql, "BEGIN IMMEDIATE") == 0);
        for (uint64_t i = 0; i < t->rows; i++) {
                sqlite3_bind_blob(t->put, 1, records[i % KEYS].bytes, RECORD_BYTES, SQLITE_STATIC);
                REQUIRE(sqlite3_step(t->put) == SQLITE_DONE);
                sqlite3_reset(t->put);
        }
        REQUIRE(sql_exec(&t->sql, "COMMIT") == 0);
        return t->rows;
}

static double commits(const char *dir, uint64_t rows, double for_s) {
        char path[256];
        static const char *const ends[] = {"", "-wal", "-shm"};
        struct table t = {.rows = rows};
        sqlite3 *db;
        snprintf(path, sizeof(path), "%s/bench-floor-%d.db", dir, (int)getpid());
        REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
        REQUIRE(sqlite3_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)", NULL, NULL,
                             NULL) == SQLITE_OK);
        sqlite3_close(db);
        REQUIRE(sql_open(&t.sql, path, SQL_WRITER) == 0);
        REQUIRE(sqlite3_prepare_v2(t.sql.db, "INSERT INTO t (b) VALUES (?1)", -1, &t.put, NULL) == SQLITE_OK);
        double n = rate(commit_once, &t, 1, for_s);
        sqlite3_finalize(t.put);
        sql_close(&t.sql);
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                char name[264];
                snprintf(name, sizeof(name), "%s%s", path, ends[i]);
                unlink(name);
        }
        return n;
}

static void print_crypto(unsigned cores, double for_s) {
        printf(", \"verify\": %.0f", rate(verify_some, NULL, cores, for_s));
        printf(", \"sign\": %.0f", rate(sign_some, NULL, cores, for_s));
        printf(", \"aead\": %.0f", rate(lock_some, NULL, cores, for_s));
        printf(", \"hash\": %.0f", rate(hash_some, NULL, cores, for_s));
        printf(", \"chunks\": %.0f", chunks(for_s));
}

static void print_disk(const char *dir, double for_s) {
        static const uint64_t rows[] = {1, 64, 1000}; /* a commit */
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                printf(", \"rows_%llu\": %.0f", (unsigned long long)rows[i], commits(dir, rows[i], for_s));
}

int main(int argc, char **argv) {
        if (argc < 3 || sodium_init() < 0) {
                fprintf(stderr, "usage: bench-floor DIR CORES [SECONDS [crypto|disk]]\n");
                return EXIT_FAILURE;
        }
        unsigned cores = (unsigned)MIN(MAX(strtoull(argv[2], NULL, 10), 1ull), (unsigned long long)THREADS_MAX);
        double for_s = argc > 3 ? strtod(argv[3], NULL) : 1.0;
        bool crypto = argc < 5 || !strcmp(argv[4], "crypto"), disk = argc < 5 || !strcmp(argv[4], "disk");
        make_records();
        printf("{\"cores\": %u", cores);
        if (crypto)
                print_crypto(cores, for_s);
        if (disk)
                print_disk(argv[1], for_s);
        printf("}\n");
        return EXIT_SUCCESS;
}
