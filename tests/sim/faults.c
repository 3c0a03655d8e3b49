/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#define WALL_MINUTES 10
#define DRIFT_PPM 200
#define CALM_SPEED 1250000 /* bytes a second */

static bool coin(struct world *w) {
        return rng_below(&w->rng, 2) == 0;
}

/* Between @least and @most, each factor of two as likely as the next. */
static uint64_t log_uniform(struct world *w, uint64_t least, uint64_t most) {
        uint64_t octaves = 0;
        while (least << (octaves + 1) <= most)
                octaves++;
        uint64_t base = least << rng_below(&w->rng, octaves + 1), drawn = base + rng_below(&w->rng, base);
        return MIN(most, drawn);
}

static struct profile profile_of(struct world *w) {
        struct profile p = {0};
        bool *all[] = {&p.loss,  &p.delay,     &p.clog,      &p.partition, &p.never, &p.uplink,
                       &p.crash, &p.disk_full, &p.old_image, &p.clock,     &p.drift};
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                *all[i] = coin(w);
        return p;
}

static bool named(const struct options *o, const char *name) {
        return o->profile && span_eq(span_str(o->profile), span_str(name));
}

/* What the seed draws, or what a name says: calm, network, routers, relays, machines. */
void faults_profile(struct world *w) {
        struct net_faults f = {0};
        uint8_t seed[32];
        w->profile = profile_of(w);
        if (named(&w->opt, "calm"))
                w->profile = (struct profile){0};
        if (named(&w->opt, "network"))
                w->profile = (struct profile){
                        .loss = true, .delay = true, .clog = true, .partition = true, .never = true, .uplink = true};
        if (named(&w->opt, "routers"))
                w->profile = (struct profile){.never = true};
        if (named(&w->opt, "relays"))
                w->profile = (struct profile){.never = true, .doors = true};
        if (named(&w->opt, "machines"))
                w->profile = (struct profile){
                        .crash = true, .disk_full = true, .old_image = true, .clock = true, .drift = true};
        f.loss_pct = w->profile.loss ? 1 + (uint32_t)rng_below(&w->rng, 30) : 0;
        f.loss_pct = w->opt.loss ? w->opt.loss : f.loss_pct;
        f.always = w->opt.loss > 0;
        f.delay_ms = w->profile.delay ? 5 + (uint32_t)rng_below(&w->rng, 196) : 5;
        f.doors = w->profile.doors;
        f.never_pct = !w->profile.never ? 0 : f.doors ? 100 : 30;
        f.uplink = w->profile.uplink ? 12500 : CALM_SPEED; /* 0.1 to 10 Mbit/s */
        f.uplink_spread = w->profile.uplink ? 100 : 1;
        rng_bytes(&w->rng, seed, sizeof(seed));
        net_init(&w->net, w->n, seed, &f);
        w->net.calm = true; /* until faults_begin */
}

/* ---- the network ---- */
static void on_clog(struct world *w, struct happening *h) {
        if (w->calm)
                return;
        w->net.clogged[rng_below(&w->rng, w->n)] = w->now + rng_below(&w->rng, SIM_MINUTE);
        world_plan(w, w->now + rng_below(&w->rng, 10 * SIM_MINUTE), h->node, on_clog);
}

static void on_partition(struct world *w, struct happening *h);

static void on_mend(struct world *w, struct happening *h) {
        if (w->calm)
                return;
        w->net.parted = false;
        world_say(w, "the partition is over");
        links_mended(w);
        world_plan(w, w->now + log_uniform(w, 10 * SIM_MINUTE, 12 * SIM_HOUR), h->node, on_partition);
}

/* One home alone, two parts of any size, or several. */
static void on_partition(struct world *w, struct happening *h) {
        if (w->calm)
                return;
        uint64_t mode = rng_below(&w->rng, 3), parts = mode == 2 ? 3 + rng_below(&w->rng, 3) : 2;
        uint32_t lonely = (uint32_t)rng_below(&w->rng, w->n);
        for (uint32_t i = 0; i < w->n; i++)
                w->net.side[i] = mode == 0 ? i == lonely : (uint32_t)rng_below(&w->rng, parts);
        w->net.parted = true;
        w->net.one_way = coin(w);
        world_say(w, "a partition, mode %u%s", (unsigned)mode, w->net.one_way ? ", one way" : "");
        world_plan(w, w->now + log_uniform(w, 10 * SIM_SECOND, 5 * SIM_DAY), h->node, on_mend);
}

/* ---- machines ---- */
static void on_crash(struct world *w, struct happening *h);

static void on_return(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (w->profile.old_image && n->image.n && rng_below(&w->rng, 20) == 0) {
                world_say(w, "home %u: its disk is set back", n->index);
                disk_fini(&n->disk);
                disk_copy(&n->image, &n->disk);
                n->rolled_back = true;
        }
        home_on(w, n);
}

static void on_crash(struct world *w, struct happening *h) {
        if (w->calm)
                return;
        struct node *n = &w->nodes[rng_below(&w->rng, w->n)];
        world_plan(w, w->now + 1 + rng_below(&w->rng, 4 * SIM_HOUR / w->n), h->node, on_crash);
        if (!node_on(n))
                return;
        bool silent = coin(w);
        world_say(w, "home %u: %s", n->index, silent ? "loses power" : "crashes");
        home_off(w, n, silent);
        world_plan(w, w->now + log_uniform(w, SIM_SECOND, 10 * SIM_DAY), n->index, on_return);
}

static void on_image(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[rng_below(&w->rng, w->n)];
        if (w->calm)
                return;
        disk_fini(&n->image);
        disk_copy(&n->disk, &n->image);
        world_plan(w, w->now + rng_below(&w->rng, 2 * SIM_HOUR), h->node, on_image);
}

static void on_disk_full(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[rng_below(&w->rng, w->n)];
        if (w->calm)
                return;
        n->disk_is_full = !n->disk_is_full;
        world_say(w, "home %u: its disk is %s", n->index, n->disk_is_full ? "full" : "no longer full");
        world_plan(w, w->now + rng_below(&w->rng, SIM_HOUR), h->node, on_disk_full);
}

/* Off by minutes, a day ahead or behind, or 1970. */
static void on_clock(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[rng_below(&w->rng, w->n)];
        if (w->calm)
                return;
        switch (rng_below(&w->rng, 8)) {
        case 0:
                n->clock_off = coin(w) ? 86400 : -86400;
                break;
        case 1:
                n->clock_off = -(int64_t)SIM_START;
                break;
        case 2:
        case 3:
                n->clock_off = 0;
                break;
        default:
                n->clock_off = (int64_t)rng_below(&w->rng, 2 * WALL_MINUTES * 60) - WALL_MINUTES * 60;
        }
        world_say(w, "home %u: its clock is %lld s off", n->index, (long long)n->clock_off);
        world_plan(w, w->now + rng_below(&w->rng, 2 * SIM_HOUR), h->node, on_clock);
}

/* ---- all of them ---- */
void faults_begin(struct world *w) {
        const struct profile *p = &w->profile;
        w->net.calm = false;
        if (p->clog)
                world_plan(w, w->now + SIM_MINUTE, 0, on_clog);
        if (p->partition)
                world_plan(w, w->now + rng_below(&w->rng, SIM_HOUR), 0, on_partition);
        if (p->crash)
                world_plan(w, w->now + SIM_MINUTE, 0, on_crash);
        if (p->old_image)
                world_plan(w, w->now + SIM_HOUR, 0, on_image);
        if (p->disk_full)
                world_plan(w, w->now + SIM_MINUTE, 0, on_disk_full);
        if (p->clock)
                world_plan(w, w->now + SIM_MINUTE, 0, on_clock);
        for (uint32_t i = 0; p->drift && i < w->n; i++)
                w->nodes[i].drift_ppm = (int32_t)rng_below(&w->rng, 2 * DRIFT_PPM + 1) - DRIFT_PPM;
}

void faults_end(struct world *w) {
        w->calm = true;
        w->calm_since = w->now;
        w->net.calm = true;
        w->net.parted = false;
        for (uint32_t i = 0; i < w->n; i++) {
                struct node *n = &w->nodes[i];
                w->net.speed[i] = CALM_SPEED;
                w->net.clogged[i] = 0;
                w->net.uplink_free[i] = MIN(w->net.uplink_free[i], w->now);
                n->disk_is_full = false;
                n->clock_off = 0;
                n->drift_ppm = 0;
        }
        links_mended(w);
        for (uint32_t i = 0; i < w->n; i++)
                home_on(w, &w->nodes[i]);
}
