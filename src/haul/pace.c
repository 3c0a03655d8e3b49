/* SPDX-License-Identifier: Apache-2.0 */
#include "haul/pace.h"

#define BURST_TIME 100    /* ms of the rate that may go at once, after a while in which nothing went … */
#define BURST_LEAST 16384 /* … or one frame, if that is more */
#define SECOND 1000

static int64_t burst(const struct pace *p) {
        return (int64_t)MAX(p->rate * BURST_TIME / SECOND, (uint64_t)BURST_LEAST);
}

void pace_set(struct pace *p, uint64_t rate, mesh_time now) {
        *p = (struct pace){.rate = rate, .at = now};
        p->tokens = burst(p);
}

static void fill(struct pace *p, mesh_time now) {
        mesh_time passed = now > p->at ? now - p->at : 0;
        uint64_t most =
                (uint64_t)(burst(p) - p->tokens); /* what it has room for is there after so many ms at the latest */
        p->at = MAX(p->at, now);
        if (passed > most * SECOND / p->rate + 1)
                passed = most * SECOND / p->rate + 1;
        uint64_t come = p->part + passed * p->rate;
        p->part = come % SECOND;
        p->tokens = MIN(p->tokens + (int64_t)(come / SECOND), burst(p));
}

size_t pace_room(struct pace *p, mesh_time now) {
        if (!p->rate)
                return SIZE_MAX;
        fill(p, now);
        return p->tokens > 0 ? (size_t)p->tokens : 0;
}

void pace_spend(struct pace *p, size_t n) {
        if (p->rate)
                p->tokens -= (int64_t)n;
}

mesh_time pace_due(struct pace *p, size_t n, mesh_time now) {
        if (!p->rate)
                return now;
        fill(p, now);
        int64_t missing = MIN((int64_t)n, burst(p)) - p->tokens;
        return missing > 0 ? now + ((uint64_t)missing * SECOND - p->part + p->rate - 1) / p->rate : now;
}
