/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/net.h"

#include <stdlib.h>

#define SEGMENT 1400
#define RTO 200 /* ms until a lost segment is sent again; doubles */
#define RTO_MOST 20000
#define BURST_GOOD 30000 /* ms, mean, between two bursts of loss */
#define BURST_BAD 4000   /* ms, mean, of a burst */
#define DIAL_LEAST 2

/* Exponential with this mean, in whole ms. Integers alone, so that every machine draws the same. */
static uint64_t exponential(struct rng *rng, uint64_t mean) {
        uint64_t u = rng_u64(rng) | 1, zeros = 0;
        while (!(u >> 63)) {
                u <<= 1;
                zeros++;
        }
        /* -ln of a uniform number: 0.693 for each leading zero bit, and what the rest adds, nearly linear. */
        uint64_t rest = 1000 - ((u >> 43 & 0xfffff) * 1000 >> 20); /* 1000 … 0 within the octave */
        return mean * (zeros * 693 + rest * 693 / 1000) / 1000;
}

void net_init(struct net *t, uint32_t n, const uint8_t seed[32], const struct net_faults *faults) {
        *t = (struct net){.faults = *faults, .n = n};
        rng_init(&t->rng, seed);
        t->uplink_free = calloc(n, sizeof(*t->uplink_free));
        t->speed = calloc(n, sizeof(*t->speed));
        t->clogged = calloc(n, sizeof(*t->clogged));
        t->side = calloc(n, sizeof(*t->side));
        REQUIRE(t->uplink_free && t->speed && t->clogged && t->side);
        t->never_salt = rng_u64(&t->rng);
        for (uint32_t i = 0; i < n; i++)
                t->speed[i] =
                        faults->uplink * (1 + rng_below(&t->rng, faults->uplink_spread ? faults->uplink_spread : 1));
}

void net_fini(struct net *t) {
        free(t->uplink_free);
        free(t->speed);
        free(t->clogged);
        free(t->side);
        rng_fini(&t->rng);
}

bool net_blocked(const struct net *t, uint32_t from, uint32_t to) {
        if (!t->parted || t->side[from] == t->side[to])
                return false;
        return !t->one_way || t->side[from] == 0;
}

static uint64_t pair_draw(const struct net *t, uint32_t a, uint32_t b) {
        uint64_t lo = MIN(a, b), hi = MAX(a, b), x = t->never_salt ^ lo << 32 ^ hi;
        x = (x ^ x >> 31) * 0x7fb5d329728ea185u;
        x = (x ^ x >> 27) * 0x81dadef4bc2dd44du;
        return x >> 33;
}

static bool never(const struct net *t, uint32_t a, uint32_t b) {
        if (t->faults.doors && (a % 2 == 0 || b % 2 == 0))
                return false;
        return pair_draw(t, a, b) % 100 < t->faults.never_pct;
}

static uint64_t pair_delay(const struct net *t, uint32_t a, uint32_t b) {
        const struct net_faults *f = &t->faults;
        return t->calm || !f->pair_most ? 0 : f->pair_least + pair_draw(t, a, b) % (f->pair_most - f->pair_least + 1);
}

bool net_may_dial(const struct net *t, uint32_t from, uint32_t to) {
        /* A connection needs both ways. */
        return !net_blocked(t, from, to) && !net_blocked(t, to, from) && (t->calm || !never(t, from, to));
}

/* Three of four of those that never connect otherwise. */
bool net_may_meet(const struct net *t, uint32_t a, uint32_t b) {
        bool there_is_a_way = t->calm || !never(t, a, b) || (!t->faults.doors && pair_draw(t, a, b) / 100 % 4);
        return there_is_a_way && !net_blocked(t, a, b) && !net_blocked(t, b, a);
}

uint64_t net_dial_time(struct net *t) {
        return DIAL_LEAST + (t->calm ? 0 : exponential(&t->rng, t->faults.delay_ms));
}

/* What losing segments costs a stream of @n bytes now. */
static uint64_t loss_delay(struct net *t, struct net_end *e, size_t n, uint64_t now) {
        uint64_t delay = 0;
        if (!t->faults.loss_pct || t->calm)
                return 0;
        if (now >= e->burst_ends) {
                e->bad = !e->bad && e->burst_ends;
                e->burst_ends = now + 1 + exponential(&t->rng, e->bad ? BURST_BAD : BURST_GOOD);
        }
        if (!e->bad && !t->faults.always)
                return 0;
        for (size_t done = 0; done < n; done += SEGMENT)
                for (uint64_t rto = RTO; rng_below(&t->rng, 100) < t->faults.loss_pct && rto <= RTO_MOST; rto *= 2)
                        delay += rto;
        return delay;
}

uint64_t net_arrival(struct net *t, struct net_end *e, uint32_t to, size_t n, uint64_t now) {
        uint64_t sent = now, speed = t->speed[e->node];
        if (speed) {
                sent = MAX(now, t->uplink_free[e->node]) + n * 1000 / speed;
                t->uplink_free[e->node] = sent;
        }
        uint64_t delay = 1 + (t->calm ? 0 : exponential(&t->rng, t->faults.delay_ms)) + loss_delay(t, e, n, now);
        delay += pair_delay(t, e->node, to);
        uint64_t at = MAX(sent + delay, t->calm ? 0 : t->clogged[to]);
        e->arrives = MAX(e->arrives, at); /* a stream keeps its order */
        return e->arrives;
}
