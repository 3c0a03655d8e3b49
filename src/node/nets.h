/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the machine's interfaces, addresses and way out change, and when it wakes from sleep or its clock is set. The kernel
 * tells (rtnetlink; a timer that the clock's being set cancels, which waking is too), so that nothing wakes up to look; where
 * netlink must not be asked, a timer looks now and then. What has changed is for listen.c, lan.c and reach.c to find out.
 */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"

#include <uv.h>

struct node;

struct nets {
        int fd; /* -1: a timer looks */
        uv_poll_t poll;
        uv_timer_t timer; /* until a burst of changes is over */
        bool routes;      /* there was something about ways out in it, … */
        bool elsewhere;   /* … and one leads to another router, or over another interface, than the last did */
        uint64_t ways[2]; /* what that was called, over IPv4 and IPv6; 0: there was none */
        int clock;        /* -1: the kernel does not tell of the clock */
        uv_poll_t clock_poll;
        mesh_time asleep; /* ms that this machine had slept since it was switched on, when that was last looked at */
};

void nets_init(struct node *n);
void nets_start(struct node *n);
void nets_look_soon(struct node *n); /* something may have changed that only this process knows of */
void nets_woke(struct node *n);      /* the clock was set, or this machine woke */
void nets_close(struct node *n);
