/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of this suite have in common: options, how long they go on, and TAP. */
#pragma once

#include "base/base.h"

struct budget {
        uint64_t seed;
        unsigned long points; /* 0: as many as fit */
        double seconds;       /* of its own CPU; 0: as long as it takes */
        double began;
};

/* --seed N, --points N, --seconds N, --break NAME. False: they are wrong, and it said so. */
bool tell_options(int argc, char **argv, struct budget *b);
bool budget_over(const struct budget *b, unsigned long points);
double budget_spent(const struct budget *b); /* seconds */

_printf_(1, 2) void tell(const char *format, ...); /* a line of comment */
bool tell_case(bool good, const char *name);
int tell_end(void); /* the exit code */
