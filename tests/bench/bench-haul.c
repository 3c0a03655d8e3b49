/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-haul DIR BYTES: what carrying a clip costs with nothing but the parts that it needs: one side reads chunks from a
 * file and encrypts them for a link, in frames; the other decrypts them, hashes each chunk and writes it into a file, which is
 * flushed at the end. Two threads over TCP on loopback; pin them to one core to compare with two daemons on one. Prints MB/s, and
 * seconds of CPU a GB, of which a machine with other work to do takes less away.
 */
#include "base/base.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65552
#define FRAME 16368
#define TAG 16

struct giver {
        pthread_t thread;
        int file, socket;
        uint64_t chunks;
};

static uint8_t key[32], nonce[12];

static bool all(ssize_t (*io)(int fd, void *p, size_t n), int fd, uint8_t *p, size_t n) {
        while (n) {
                ssize_t k = io(fd, p, n);
                if (k <= 0)
                        return false;
                p += k;
                n -= (size_t)k;
        }
        return true;
}

static ssize_t put(int fd, void *p, size_t n) {
        return write(fd, p, n);
}

static void *give(void *ctx) {
        const struct giver *g = ctx;
        static uint8_t chunk[CHUNK], frame[FRAME + TAG];
        for (uint64_t i = 0; i < g->chunks; i++) {
                REQUIRE(pread(g->file, chunk, CHUNK, (off_t)(i * CHUNK)) == CHUNK);
                for (size_t at = 0; at < CHUNK; at += FRAME) {
                        size_t n = MIN(CHUNK - at, (size_t)FRAME);
                        crypto_aead_chacha20poly1305_ietf_encrypt(frame, NULL, chunk + at, n, NULL, 0, NULL, nonce,
                                                                  key);
                        REQUIRE(all(put, g->socket, frame, n + TAG));
                }
        }
        return NULL;
}

static void take(int from, int file, uint64_t chunks) {
        static uint8_t chunk[CHUNK], frame[FRAME + TAG];
        uint8_t hash[32];
        for (uint64_t i = 0; i < chunks; i++) {
                for (size_t at = 0; at < CHUNK; at += FRAME) {
                        size_t n = MIN(CHUNK - at, (size_t)FRAME);
                        REQUIRE(all(read, from, frame, n + TAG));
                        REQUIRE(crypto_aead_chacha20poly1305_ietf_decrypt(chunk + at, NULL, NULL, frame, n + TAG, NULL,
                                                                          0, nonce, key) == 0);
                }
                crypto_generichash(hash, sizeof(hash), chunk, CHUNK, NULL, 0);
                REQUIRE(pwrite(file, chunk, CHUNK, (off_t)(i * CHUNK)) == CHUNK);
        }
        REQUIRE(fsync(file) == 0);
}

/* Two ends of a connection on loopback. */
static void connect_pair(int ret[2]) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof(at);
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        ret[0] = socket(AF_INET, SOCK_STREAM, 0);
        REQUIRE(bind(listener, (struct sockaddr *)&at, n) == 0 && listen(listener, 1) == 0);
        REQUIRE(getsockname(listener, (struct sockaddr *)&at, &n) == 0);
        REQUIRE(connect(ret[0], (struct sockaddr *)&at, n) == 0);
        ret[1] = accept(listener, NULL, NULL);
        REQUIRE(ret[1] >= 0);
        close(listener);
}

static double cpu_seconds(void) {
        struct rusage u;
        REQUIRE(getrusage(RUSAGE_SELF, &u) == 0);
        return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int file_in(const char *dir, const char *name) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        REQUIRE(fd >= 0 && unlink(path) == 0);
        return fd;
}

int main(int argc, char **argv) {
        struct timespec a, b;
        int ends[2];
        if (argc != 3 || sodium_init() < 0)
                return 2;
        struct giver g = {.chunks = strtoull(argv[2], NULL, 10) / CHUNK, .file = file_in(argv[1], "given")};
        int file = file_in(argv[1], "taken");
        static uint8_t chunk[CHUNK];
        for (uint64_t i = 0; i < g.chunks; i++) {
                randombytes_buf(chunk, sizeof(chunk));
                REQUIRE(pwrite(g.file, chunk, CHUNK, (off_t)(i * CHUNK)) == CHUNK);
        }
        connect_pair(ends);
        g.socket = ends[0];
        double spent = cpu_seconds(), mb = (double)(g.chunks * CHUNK) / 1e6;
        clock_gettime(CLOCK_MONOTONIC, &a);
        REQUIRE(pthread_create(&g.thread, NULL, give, &g) == 0);
        take(ends[1], file, g.chunks);
        pthread_join(g.thread, NULL);
        clock_gettime(CLOCK_MONOTONIC, &b);
        double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
        printf("{\"clip\": %.1f, \"cpu\": %.2f}\n", mb / s, (cpu_seconds() - spent) / mb * 1e3);
        return 0;
}
