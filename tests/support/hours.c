/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hours that pass in seconds, and a machine that sleeps through them, for whole programs: preloaded into them (LD_PRELOAD), it adds to
 * all clocks the milliseconds that the file $PORCHLIGHT_HOURS says, a number of 8 bytes that a test writes whenever it likes; and who
 * waits for a time is woken when that time has come by these clocks. What the file $PORCHLIGHT_NAP says is taken off the clock that
 * stands still while a machine sleeps (CLOCK_MONOTONIC): so it is after a real suspend, which CLOCK_BOOTTIME tells of.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SLICE_MS 20 /* so late may it be noticed that time has passed */

static const volatile int64_t *hours, *nap;

static const volatile int64_t *shared(const char *name) {
        const char *path = getenv(name);
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *p = fd >= 0 ? mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (fd >= 0)
                close(fd);
        return p == MAP_FAILED ? NULL : p;
}

/* Before main(): later a program may have shut itself in, and could open neither. */
__attribute__((constructor)) static void begin(void) {
        hours = shared("PORCHLIGHT_HOURS");
        nap = shared("PORCHLIGHT_NAP");
}

static int64_t ahead_ms(clockid_t id) {
        int64_t ms = hours ? *hours : 0;
        if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_BOOTTIME)
                return ms;
        if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_MONOTONIC_RAW)
                return ms - (nap ? *nap : 0);
        return 0;
}

int clock_gettime(clockid_t id, struct timespec *ret) {
        long r = syscall(SYS_clock_gettime, id, ret);
        int64_t ms = ahead_ms(id), ns;
        if (r || !ms)
                return (int)r;
        ns = ret->tv_nsec + ms % 1000 * 1000000;
        ret->tv_sec += (time_t)(ms / 1000 + (ns >= 1000000000) - (ns < 0));
        ret->tv_nsec = (long)((ns + 1000000000) % 1000000000);
        return 0;
}

time_t time(time_t *ret) {
        struct timespec now = {0};
        clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone) {
        struct timespec now = {0};
        (void)zone;
        clock_gettime(CLOCK_REALTIME, &now);
        *ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
        return 0;
}

static int64_t now_ms(void) {
        struct timespec now = {0};
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* When a wait that begins now is over, and how long to sleep of it. */
static int64_t end_of(int timeout) {
        return timeout < 0 ? INT64_MAX : now_ms() + timeout;
}

static int slice(int64_t end) {
        int64_t left = end == INT64_MAX ? SLICE_MS : end - now_ms();
        return left < 0 ? 0 : left < SLICE_MS ? (int)left : SLICE_MS;
}

int epoll_pwait(int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask) {
        int64_t end = end_of(timeout);
        for (;;) {
                int ms = slice(end);
                long n = syscall(SYS_epoll_pwait, fd, events, most, ms, mask, 8);
                if (n || (!ms && end != INT64_MAX))
                        return (int)n;
        }
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
        return epoll_pwait(fd, events, most, timeout, NULL);
}

int poll(struct pollfd *fds, nfds_t n, int timeout) {
        int64_t end = end_of(timeout);
        for (;;) {
                int ms = slice(end);
                struct timespec t = {.tv_nsec = (long)ms * 1000000};
                long found = syscall(SYS_ppoll, fds, n, &t, NULL, 8);
                if (found || (!ms && end != INT64_MAX))
                        return (int)found;
        }
}
