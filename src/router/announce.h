/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers that were started anew say so to everybody on the wire (RFC 6887, 14.1; RFC 6886, 3.2.1), with a time since when they know
 * what they gave. Whoever holds something of one whose time went back asks once more, without waiting for its lease.
 */
#pragma once

#include "router/ask.h"

/* Where that is heard. -1: another program has the port; then the next renewal finds it out. */
int announce_open(bool six);
/* Reads what has come, of anybody. Does the router say that it has forgotten what is held? Anybody may say so in its name: it is a
 * reason to ask, and nothing else comes of it. */
bool announce_read(int fd, const struct ask *a);
