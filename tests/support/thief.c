/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thief LOOT STEP FILE…: tries what lies in the files, memory that was read out or a disk, as keys for what is in LOOT.
 *
 * LOOT is lines of hexadecimal digits, a clip each: salt, sealed key, ciphertext of its only chunk. Every window of 32 bytes that
 * could be a key is tried as the key of every clip (its Poly1305 tag tells), and at each STEPth byte as the secret that the first
 * clip's key is sealed to, until that is found. Most memory is zeros, pointers and words: of 32 random bytes fewer than 20 are different once in 10^10 times. Those windows
 * are tried, too, as the key of the first clip, at each eighth byte.
 *
 * It prints a JSON object: windows tried, clips whose key was there, whether the secret was. For tests (street/test-stolen.py).
 */
#include "base/base.h"
#include "base/buf.h"
#include "crypto/chunk.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW 32
#define CLIPS_MAX 256
#define PLAIN_MAX 256 /* bytes of a clip: short ones are quick to try */
#define DIFFERENT 20  /* bytes of a window that could be a key */
#define ALIGNED 8
#define SEEN_BITS 22 /* of a table of windows that were tried already */

struct loot {
        uint8_t salt[CHUNK_SALT], sealed[CHUNK_SEALED], cipher[PLAIN_MAX + CHUNK_TAG];
        size_t n;
        bool open;
};

static struct loot clips[CLIPS_MAX];
static size_t n_clips;
static uint8_t seen[1u << SEEN_BITS][WINDOW];
static unsigned long long windows;
static bool secret_found;

static void die(const char *why) {
        fprintf(stderr, "thief: %s\n", why);
        exit(2);
}

static void field(const char *text, uint8_t *out, size_t max, size_t *ret_n, const char **end) {
        if (sodium_hex2bin(out, max, text, strlen(text), NULL, ret_n, end) || *ret_n == 0)
                die("a line of the loot is wrong");
}

static void read_loot(const char *path) {
        char line[4 * PLAIN_MAX + 1024];
        FILE *f = fopen(path, "r");
        while (f && n_clips < CLIPS_MAX && fgets(line, sizeof(line), f)) {
                struct loot *l = &clips[n_clips++];
                const char *at = line;
                size_t n;
                field(at, l->salt, sizeof(l->salt), &n, &at);
                field(at + 1, l->sealed, sizeof(l->sealed), &n, &at);
                field(at + 1, l->cipher, sizeof(l->cipher), &l->n, &at);
        }
        if (!f || !n_clips)
                die("no loot");
        fclose(f);
}

static void try_key(const struct key *key, size_t n) {
        uint8_t plain[PLAIN_MAX];
        for (size_t i = 0; i < n; i++) {
                struct loot *l = &clips[i];
                struct buf out = BUF_ON(plain);
                if (!l->open)
                        l->open = chunk_open(&out, key, l->salt, 0, true, span_of(l->cipher, l->n));
        }
}

static bool try_secret(const struct key *key) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct box_key pair;
        box_key_from_secret(&pair, key);
        return box_unseal(&out, &pair, span_of(clips[0].salt, CHUNK_SALT), span_of(clips[0].sealed, CHUNK_SEALED));
}

static bool could_be_key(const uint8_t *p) {
        uint64_t had[4] = {0};
        unsigned different = 0;
        for (unsigned i = 0; i < WINDOW; i++) {
                uint64_t bit = UINT64_C(1) << (p[i] & 63), *word = &had[p[i] >> 6];
                different += !(*word & bit);
                *word |= bit;
        }
        return different >= DIFFERENT;
}

/* Pages of a store are in memory many times. A window that another one pushed out of the table is tried again. */
static bool is_new(const uint8_t *p) {
        uint64_t h;
        memcpy(&h, p, sizeof(h));
        uint8_t *slot = seen[(h * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - SEEN_BITS)];
        if (memcmp(slot, p, WINDOW) == 0)
                return false;
        memcpy(slot, p, WINDOW);
        return true;
}

static void try_window(const uint8_t *p, bool aligned, bool as_secret) {
        struct key key;
        bool whole = could_be_key(p);
        if (secret_found || (!whole && !aligned) || !is_new(p))
                return; /* the secret opens all that is to come */
        memcpy(key.b, p, WINDOW);
        windows++;
        try_key(&key, whole ? n_clips : 1);
        if (whole && as_secret)
                secret_found = try_secret(&key);
}

static void try_file(const char *path, size_t step) {
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) != 0)
                die(path);
        size_t n = (size_t)st.st_size;
        const uint8_t *p = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
        if (p == MAP_FAILED)
                die(path);
        for (size_t at = 0; at + WINDOW <= n; at++)
                try_window(p + at, at % ALIGNED == 0, at % step == 0);
        close(fd);
}

int main(int argc, char **argv) {
        size_t found = 0;
        size_t step = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
        if (!step || sodium_init() < 0)
                die("usage: thief LOOT STEP FILE...");
        read_loot(argv[1]);
        for (int i = 3; i < argc; i++)
                try_file(argv[i], step);
        for (size_t i = 0; i < n_clips; i++)
                found += clips[i].open;
        printf("{\"windows\":%llu,\"keys\":%zu,\"secret\":%s}\n", windows, found, secret_found ? "true" : "false");
        return 0;
}
