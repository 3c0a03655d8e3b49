/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that can fail, counted while the store is at work: any one of them can be made to, once. */
#pragma once

#include "base/base.h"

enum call {
        CALL_MEMORY, /* SQLite's and the store's own */
        CALL_READ,
        CALL_WRITE,
        CALL_SIZE, /* ftruncate */
        CALL_SYNC,
        CALL_OPEN,
        CALL_NAME,   /* stat, rename, unlink, chmod, realpath */
        CALL_SHARED, /* shared memory and locks */
        CALLS
};
extern const char *const call_names[CALLS];

struct calls {
        bool counting;
        unsigned long made[CALLS];
        enum call which;
        unsigned long at; /* the call of this kind that fails, counted from 1; 0: none */
        bool struck;
        long blocks; /* memory the store holds */
};
extern struct calls calls;

/* Counts the call; true: it fails. */
bool call_fails(enum call which);
