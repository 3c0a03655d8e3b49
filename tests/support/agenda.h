/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is going to happen in virtual time: by time, and what was planned first first. Two runs that plan the same see the
 * same order, on any machine.
 */
#pragma once

#include "base/base.h"

struct agenda_item {
        uint64_t at, order;
        void *what;
};

#define AGENDA_WIDE 4 /* of a heap in which each has so many below it: half as many rows as with two */

struct agenda {
        struct agenda_item *heap;
        size_t n, cap;
        uint64_t planned;
};

void agenda_add(struct agenda *a, uint64_t at, void *what);
uint64_t agenda_next(const struct agenda *a);            /* UINT64_MAX: nothing */
void *agenda_take(struct agenda *a, uint64_t *ret_time); /* NULL: nothing */
void agenda_fini(struct agenda *a);                      /* empty it first: it does not own what it lists */
