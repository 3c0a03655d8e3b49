/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many alerts are in force. Counting 100,000 takes some milliseconds, for which nobody is to wait who asks how this home
 * stands: a count holds until an event is on disk or an alert ends, and the first is made while a start reads its records.
 */
#pragma once

#include "node/query.h"

struct node;

struct force {
        struct query q;
        bool counting, known;
        uint64_t seq; /* of the last event on disk when the count began */
        mesh_wall now;
        struct store_force found;
};

/* Counts, unless it is about to be known. */
void force_begin(struct node *n);
/* False: it has to be counted, and where that was begun it is known when the lane has done so. */
bool force_holds(const struct node *n);
