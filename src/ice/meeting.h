/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meetings: each is one try of two homes to reach each other, and if it comes off the stream between them. libnice finds the
 * pair of addresses that works (RFC 8445), quic.h makes a stream of the datagrams, and its bytes go to the daemon and come
 * from there over a socket of its own, so that each stream waits for itself alone.
 *
 * One agent a meeting: its addresses are those of the moment, and after they have changed another meeting has to be made anyway.
 */
#pragma once

#include "base/list.h"
#include "ice/talk.h"

#define MEETINGS_MOST 32

struct meetings {
        GMainContext *on;
        struct talk *talk;
        struct list all;
        unsigned n;
};

void meetings_init(struct meetings *ms, struct talk *talk, GMainContext *on);
void meetings_fini(struct meetings *ms);
/* What the daemon says. What is about a meeting that there is not, or no more, is passed over: its END has been said. */
void meetings_heard(struct meetings *ms, enum wire_ice number, const union frame_message *m);
