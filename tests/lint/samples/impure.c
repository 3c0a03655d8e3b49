/* SPDX-License-Identifier: Apache-2.0 */
/* A sample that the lint of the core must refuse: it asks for the time, for randomness, for a file, a thread, libuv. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

int impure_uses(void *(*run)(void *), char *out);
int uv_run(void *loop, int mode);
int sqlite3_step(void *statement);
void randombytes_buf(void *out, size_t n);

int impure_uses(void *(*run)(void *), char *out) {
        pthread_t thread;
        randombytes_buf(out, 8);
        snprintf(out, 8, "%ld", (long)time(NULL));
        fputs(out, stderr);
        return pthread_create(&thread, NULL, run, NULL) + rand() + socket(AF_UNIX, SOCK_STREAM, 0) + uv_run(NULL, 0) +
               sqlite3_step(NULL);
}
