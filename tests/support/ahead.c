/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine whose clock is ahead, for whole programs: preloaded into them (LD_PRELOAD), it adds the seconds that $PORCHLIGHT_AHEAD
 * says to the time of day. Time that only passes is not touched, so that nothing waits longer. A test starts its homes anew
 * with another number, and so lets a week go by.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t ahead(void) {
        const char *given = getenv("PORCHLIGHT_AHEAD");
        return given ? (time_t)strtoll(given, NULL, 10) : 0;
}

int clock_gettime(clockid_t id, struct timespec *ret) {
        long r = syscall(SYS_clock_gettime, id, ret);
        if (r == 0 && id == CLOCK_REALTIME)
                ret->tv_sec += ahead();
        return (int)r;
}

time_t time(time_t *ret) {
        struct timespec now = {0};
        clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}
