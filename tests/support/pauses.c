/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that takes its time, for whole programs: preloaded into a daemon (LD_PRELOAD), it puts pauses before its reads and
 * around its locks, and writes each page in two halves with one in between. What its threads do at the same time then meets thousands of times as
 * often as on a disk that is quick. Nothing waits for the platter: no power is cut here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "porchlightd"
#define PAGE_LEAST 4096 /* of a database; of its log 24 more */
#define PAGE_MOST 4120
#define READS_FOR_ONE 8 /* one in so many waits */
#define LOCKS_FOR_ONE 2
#define READ_MOST_US 1000
#define WRITE_MOST_US 1500
#define LOCK_MOST_US 3000

/* xorshift64*, of its own in each thread: no two runs are the same. */
static uint64_t chance(void) {
        static __thread uint64_t state;
        if (!state)
                state = (uint64_t)time(NULL) << 32 ^ (uint64_t)getpid() << 8 ^ (uint64_t)(uintptr_t)&state ^ 1;
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545f4914f6cdd1du >> 32;
}

static void pause_up_to(uint64_t most_us) {
        struct timespec t = {.tv_nsec = (long)(chance() % most_us) * 1000};
        int before = errno;
        if (strcmp(program_invocation_short_name, PROGRAM) == 0)
                nanosleep(&t, NULL);
        errno = before;
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at) {
        static ssize_t (*real)(int, void *, size_t, off64_t);
        if (!real)
                real = (ssize_t(*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
        if (chance() % READS_FOR_ONE == 0)
                pause_up_to(READ_MOST_US);
        return real(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at) {
        static ssize_t (*real)(int, const void *, size_t, off64_t);
        if (!real)
                real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
        size_t half = n / 2;
        if (n < PAGE_LEAST || n > PAGE_MOST)
                return real(fd, p, n, at);
        ssize_t first = real(fd, p, half, at);
        if (first != (ssize_t)half)
                return first;
        pause_up_to(WRITE_MOST_US);
        ssize_t rest = real(fd, (const uint8_t *)p + half, n - half, at + (off64_t)half);
        return rest < 0 ? rest : first + rest;
}

int fcntl64(int fd, int what, ...) {
        static int (*real)(int, int, ...);
        va_list args;
        va_start(args, what);
        void *arg = va_arg(args, void *);
        va_end(args);
        if (!real)
                real = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");
        bool locks = (what == F_SETLK || what == F_SETLKW || what == F_GETLK) && chance() % LOCKS_FOR_ONE == 0;
        if (locks)
                pause_up_to(LOCK_MOST_US);
        int r = real(fd, what, arg);
        if (locks)
                pause_up_to(LOCK_MOST_US);
        return r;
}

int fdatasync(int fd) {
        (void)fd;
        return 0;
}
