/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the machine's interfaces and addresses change. The kernel tells (rtnetlink), so that nothing wakes up to look; where
 * it must not be asked, a timer looks now and then. What has changed is for listen.c and lan.c to find out.
 */
#pragma once

#include "base/base.h"

#include <uv.h>

struct node;

struct nets {
        int fd; /* -1: a timer looks */
        uv_poll_t poll;
        uv_timer_t timer; /* until a burst of changes is over */
};

void nets_init(struct node *n);
void nets_start(struct node *n);
void nets_close(struct node *n);
