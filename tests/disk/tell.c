/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/tell.h"

#include "disk/rng.h"
#include "disk/vfs.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned cases, failed;

/* Of this process's own time, so that as much is tried on a busy machine as on a quiet one. */
static double now(void) {
        struct timespec t;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool tell_options(int argc, char **argv, struct budget *b) {
        enum { SEED, POINTS, TIME, BREAK };
        static const struct option options[] = {{"seed", required_argument, NULL, SEED},
                                                {"points", required_argument, NULL, POINTS},
                                                {"seconds", required_argument, NULL, TIME},
                                                {"break", required_argument, NULL, BREAK},
                                                {0}};
        bool ok = true;
        b->seed = rng_fresh();
        for (int c; ok && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
                switch (c) {
                case SEED:
                        b->seed = strtoull(optarg, NULL, 10);
                        break;
                case POINTS:
                        b->points = strtoul(optarg, NULL, 10);
                        b->seconds = 0;
                        break;
                case TIME:
                        b->seconds = strtod(optarg, NULL);
                        break;
                case BREAK:
                        ok = sabotage_parse(optarg);
                        break;
                default:
                        ok = false;
                }
        }
        if (!ok || optind != argc)
                fprintf(stderr, "usage: %s [--seed N] [--points N | --seconds N] [--break NAME]\n", argv[0]);
        else
                tell("seed %llu", (unsigned long long)b->seed);
        b->began = now();
        return ok && optind == argc;
}

double budget_spent(const struct budget *b) {
        return now() - b->began;
}

bool budget_over(const struct budget *b, unsigned long points) {
        if (b->points && points >= b->points)
                return true;
        return b->seconds > 0 && budget_spent(b) >= b->seconds;
}

void tell(const char *format, ...) {
        va_list args;
        va_start(args, format);
        fputs("# ", stdout);
        vprintf(format, args);
        putchar('\n');
        va_end(args);
        fflush(stdout);
}

bool tell_case(bool good, const char *name) {
        failed += !good;
        printf("%s %u - %s\n", good ? "ok" : "not ok", ++cases, name);
        return good;
}

int tell_end(void) {
        printf("1..%u\n", cases);
        return failed ? 1 : 0;
}
