/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A doorstep tells whoever asks by which address it sees them (STUN: RFC 8489, and RFC 3489 for clients as old as libnice
 * 0.1.21). It keeps nothing of anybody. An answer goes to where the question came from and is hardly longer; that sender
 * may be made up, so in a second there are no more answers than would hurt nobody.
 */
#pragma once

#include "base/base.h"

#include <glib.h>
#include <sys/socket.h>

#define SERVE_A_SECOND 500 /* answers: 22 kB */
/* … of them to one network: thirty homes of one carrier that come back after a power cut ask 50 to 90 times in a second.
 * Whoever floods leaves three quarters to others, and no network gets more than so many that it has not asked for. */
#define SERVE_A_NET 125
#define SERVE_NETS 256 /* told apart by a hash that only this process knows */

struct serve {
        GSource *source;
        int fd[2]; /* IPv4, IPv6; -1: none */
        gpointer tag[2];
        gint64 filled; /* when @left was looked at last */
        unsigned left; /* answers for now */
        uint32_t salt;
        gint64 second;             /* in which so many went … */
        uint8_t spent[SERVE_NETS]; /* … to each network */
};

/* Whether one more may be answered at @now (us); it counts then. Networks are /24 of IPv4, /48 of IPv6. */
bool serve_may_answer(struct serve *s, const struct sockaddr_storage *from, gint64 now);

void serve_init(struct serve *s, GMainContext *on);
void serve_fini(struct serve *s);
/* Answers at UDP @port of all addresses; 0: nowhere any more. 0, or errno where it stands at neither IPv4 nor IPv6. */
int serve_at(struct serve *s, uint16_t port);

/* What is said to @question, which came from @from. Returns its length; 0: that is no question. */
size_t serve_answer(struct span question, const struct sockaddr_storage *from, socklen_t from_n, uint8_t *to,
                    size_t room);
