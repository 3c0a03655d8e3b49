/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network between the homes: TCP as a node sees it. A stream keeps its order and loses nothing, so a lost segment is a
 * delay (and a longer one when it is lost again); what a home sends waits for its uplink; bytes sent into a cut wait for its
 * end, and a connection that waits too long is gone, on both sides. Whatever is drawn comes from the world's seed.
 */
#pragma once

#include "base/base.h"
#include "crypto/rng.h"

struct net_faults {
        uint32_t loss_pct;              /* of segments, in bad times; bad times come in bursts */
        uint32_t delay_ms;              /* mean of the exponential part; 1 ms at least is always there */
        bool always;                    /* the bad times never end */
        uint32_t never_pct;             /* of pairs that never connect */
        bool doors;                     /* but with every second home, and their helpers find no way either */
        uint64_t uplink;                /* bytes a second; 0: no limit */
        uint32_t pair_least, pair_most; /* ms, besides: between two homes, always the same */
        uint32_t uplink_spread;         /* the fastest home's uplink is so many times the slowest's */
};

struct net_end {
        uint32_t node;
        uint32_t link;
        uint64_t arrives; /* when the last byte sent from here arrives at the other side */
        uint64_t waiting; /* bytes sent from here that the uplink has still to take */
        uint64_t unread;  /* bytes sent from here which a slow reader on the other side has not read */
        uint64_t read;    /* when it will have read them */
        bool open;
        bool bad; /* in a burst of loss */
        uint64_t burst_ends;
        const void *at; /* the core's own link, while it lasts: only for who fetches memory ahead */
};

struct net {
        struct rng rng;
        struct net_faults faults;
        uint32_t n;
        uint64_t *uplink_free; /* by node: when its uplink has sent all it was given */
        uint64_t *speed;       /* by node, bytes a second */
        uint64_t *clogged;     /* by node: bytes to it arrive no earlier */
        uint32_t *side;        /* by node: its part of a partition */
        bool parted, one_way;  /* a one-way partition stops what goes from side 0 to others */
        uint64_t never_salt;
        bool calm; /* the healing phase: no faults */
};

void net_init(struct net *t, uint32_t n, const uint8_t seed[32], const struct net_faults *faults);
void net_fini(struct net *t);
bool net_blocked(const struct net *t, uint32_t from, uint32_t to); /* by the partition of the moment */
bool net_may_dial(const struct net *t, uint32_t from,
                  uint32_t to);                                 /* neither partition nor a pair that never connects */
bool net_may_meet(const struct net *t, uint32_t a, uint32_t b); /* helpers of both find a way between them */
uint64_t net_dial_time(struct net *t);
/* When @n bytes from @e of @c arrive at the other side. */
uint64_t net_arrival(struct net *t, struct net_end *e, uint32_t to, size_t n, uint64_t now);
