/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a router still knows what it was asked. Each answer in PCP and NAT-PMP says for how many seconds the router has known
 * what it gave (RFC 6887, 8.5; RFC 6886, 3.6): one that was started anew, or lost its table, says less than it should. Pure.
 */
#pragma once

#include "base/base.h"

struct epoch {
        bool known;
        uint32_t said; /* seconds, by the router */
        int64_t at_ms; /* when, by a clock of ours that goes on while the machine sleeps */
};

/* Is that what a router says that has forgotten nothing? True also where nothing was heard before. */
bool epoch_fits(const struct epoch *e, uint32_t said, int64_t now_ms);
/* The same, and from here on this is what was heard last. */
bool epoch_heard(struct epoch *e, uint32_t said, int64_t now_ms);
