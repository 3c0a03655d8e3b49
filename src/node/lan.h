/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LAN discovery, the shell's side: a socket for each interface and IP version on which another home could knock, joined to
 * the beacons' group there. Sends what the core says, hands it what is heard, a few datagrams a second at most; follows
 * interfaces as they come and go. What a beacon is, and when one is sent, is the core's to know.
 *
 * Loopback and point-to-point interfaces (VPNs, dial-up) are left out: nobody's neighbour is there.
 */
#pragma once

#include "base/base.h"
#include "base/list.h"

#include <uv.h>

struct node;

struct lans {
        struct list all;  /* struct lan_net, in the order the core was told */
        uv_timer_t pause; /* after which networks that said too much are listened to again */
};

void lan_init(struct node *n);
void lan_look(struct node *n); /* interfaces, listeners or settings may have changed */
void lan_tell(struct node *n); /* the core which networks there are, though none has changed: it looks at its links */
void lan_send(struct node *n, struct span beacons);
void lan_stop(struct node *n);
void lan_close(struct node *n);
