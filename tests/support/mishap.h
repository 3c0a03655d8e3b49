/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may go wrong once in a whole node: memory, the disk, the network, libuv. A story is told again and again, each time in a
 * process of its own. Between mishap_arm() and mishap_disarm() the first call that may fail, and to which a chain of calls leads that
 * no telling has failed yet, fails: once, in whichever thread. So one telling tries as many failures as it has such pieces, and the
 * next one others, until there are none left that are new. In the first nothing fails.
 *
 * Who tells a story so (support/court.h) looks after each piece whether what was asked is done, or was refused by name and is done
 * when it is asked again.
 *
 * PORCHLIGHT_FAULTS=all tries each chain; without it tellings are few, and chains drawn from a seed that is printed, and that
 * PORCHLIGHT_FAULTS_SEED sets. PORCHLIGHT_FAULTS=WAY tries the one of that name, which what failed is told with.
 */
#pragma once

#include "base/base.h"

/* What may fail. */
enum {
        MISHAP_MEMORY = 1,
        MISHAP_DISK = 2,
        MISHAP_LOOP = 4, /* libuv, sockets, threads */
        MISHAP_ALL = 7,
};

/* Tells @story, which returns when it has ended well, as often as it takes. How many tellings went wrong: each is printed. */
unsigned mishap_tell(const char *name, void (*story)(void));

/* Clears away what a telling, the process @pid, may have left; NULL. */
extern void (*mishap_clear)(int pid);

void mishap_arm(unsigned what);
/* Of what is armed only this may fail, until it is widened again. */
unsigned mishap_narrow(unsigned what);
void mishap_widen(unsigned was);
/* For what a test stands in for: 0 if it is to go well, else in which of @kinds ways it fails. */
unsigned mishap_here(const char *what, unsigned kinds);
void mishap_disarm(void);
bool mishap_struck(void); /* has anything failed in this telling? */
/* In this process nothing fails from here on: it is another program. */
void mishap_never(void);
/* What the main thread does from here on is the node's, or the test's own, in which nothing fails. */
void mishap_inside(bool inside);
/* As milliseconds pass for all processes of the story (@ms is added to every clock). */
void mishap_clock(int64_t ms);
