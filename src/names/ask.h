/* SPDX-License-Identifier: Apache-2.0 */
/* Questions under way: a thread each, which says the answer and ends. */
#pragma once

#include "wire/frame.h"

#include <netdb.h>
#include <pthread.h>

#define ASK_MOST 8 /* at a time; the daemon asks no more (node/names.c) */
#define ASK_ANSWERS 4

struct asker {
        int fd;               /* to the daemon */
        pthread_mutex_t lock; /* around all below, and what is written */
        unsigned running;
};

/* The modules that the resolver needs are loaded: before there are walls. */
void ask_wake(void);
/* Begins to look @q up; the answer follows in any case. */
void ask_begin(struct asker *a, const struct wire_names_find *q);

/* The addresses of @found as rows in @store, ASK_ANSWERS at most, each with @port. */
void ask_rows(const struct addrinfo *found, uint64_t port, struct wire_list *ret, struct buf *store);
