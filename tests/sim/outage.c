/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A street loses power. Each of its homes is behind a router of its own that lets nobody in; only the first can be called. They come
 * back one by one, in any order, and each router has another address outside then. How long after the last one's return is it
 * until each home has two links, until all hear of each other, and until each has as many links as before? Those beyond the 5 that
 * a home looks for are others' choice, and are not waited for.
 */
#include "sim/byz.h"
#include "sim/plain.h"

#include "core/limits.h"
#include "core/link.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define NEARLY_ALL 85     /* of 100 links as before */
#define LINKS 2           /* that each is to have: one alone may be over the next moment */
#define LOOK 100          /* ms */
#define PATIENCE SIM_HOUR /* after which it is not worth waiting any more */
#define SAID_MOST 3       /* homes with fewer links than before that are named, when there are no more */
#define REAL_MOST 50      /* homes: more than that do without real cryptography */

static const char usage[] = "Usage: sim-outage --nodes N --seed S [--stood SECONDS] [--dark SECONDS]\n"
                            "                  [--return SECONDS] [--most SECONDS] [--moves] [--trace]\n"
                            "\n"
                            "A street of N homes stands for a while, is dark for a while, and all come back\n"
                            "within so many seconds; --moves: the first one, too, has another address then,\n"
                            "and a name that leads to it. Within --most seconds after the last one's return\n"
                            "each is to have as many links as before, of which more than 5 are not asked\n"
                            "for, and all are to hear of each other.\n";

struct outage {
        struct options opt;
        uint64_t stood, dark, returning, most;
};

struct linked {
        size_t links;     /* counted at both ends */
        uint32_t without; /* homes that have none, … */
        uint32_t few;     /* … fewer than LINKS, … */
        uint32_t lost;    /* … hear nothing of the first, … */
        uint32_t missing; /* … or have fewer than they had */
        uint8_t each[UINT8_MAX];
};

static bool number(const char *text, uint64_t *ret) {
        char *end;
        *ret = strtoull(text, &end, 10);
        return *text && !*end;
}

static bool parse(int argc, char **argv, struct outage *o) {
        enum { NODES, SEED, STOOD, DARK, RETURN, MOST, MOVES, TRACE };
        static const struct option long_options[] = {{"nodes", required_argument, NULL, NODES},
                                                     {"seed", required_argument, NULL, SEED},
                                                     {"stood", required_argument, NULL, STOOD},
                                                     {"dark", required_argument, NULL, DARK},
                                                     {"return", required_argument, NULL, RETURN},
                                                     {"most", required_argument, NULL, MOST},
                                                     {"moves", no_argument, NULL, MOVES},
                                                     {"trace", no_argument, NULL, TRACE},
                                                     {0}};
        uint64_t nodes = 0;
        bool ok = true;
        for (int c; ok && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
                uint64_t *into[] = {[NODES] = &nodes,  [SEED] = &o->opt.seed,    [STOOD] = &o->stood,
                                    [DARK] = &o->dark, [RETURN] = &o->returning, [MOST] = &o->most};
                if (c == TRACE)
                        o->opt.trace = true;
                else if (c == MOVES)
                        o->opt.named = true;
                else
                        ok = c >= 0 && (size_t)c < ARRAY_LEN(into) && number(optarg, into[c]);
        }
        o->opt.nodes = (uint32_t)nodes;
        return ok && nodes >= 3 && nodes < UINT8_MAX && o->returning && optind == argc;
}

/* ---- looking ---- */
static bool lasting(const struct link *l) {
        return l->state == LINK_UP && !l->visit && !l->visiting;
}

static void hears(struct world *w, uint32_t from, bool *reached) {
        reached[from] = true;
        if (!node_on(&w->nodes[from]))
                return;
        LINK_EACH(l, w->nodes[from].core) {
                const struct node *other = lasting(l) ? byz_node(w, &l->device) : NULL;
                if (other && !reached[other->index])
                        hears(w, other->index, reached);
        }
}

static struct linked look(struct world *w, const struct linked *before) {
        struct linked ret = {0};
        bool *reached = calloc(w->n, sizeof(*reached));
        REQUIRE(reached);
        hears(w, 0, reached);
        for (uint32_t i = 0; i < w->n; i++) {
                size_t n = 0;
                if (node_on(&w->nodes[i])) {
                        LINK_EACH(l, w->nodes[i].core)
                        n += lasting(l);
                }
                ret.links += n;
                ret.without += !n;
                ret.few += n < LINKS;
                ret.missing += before && n < MIN(before->each[i], (uint8_t)OUTBOUND_WANTED);
                ret.each[i] = (uint8_t)n;
                ret.lost += !reached[i];
        }
        free(reached);
        return ret;
}

/* ---- what happens ---- */
static void on_return(struct world *w, struct happening *h) {
        home_on(w, &w->nodes[h->node]);
}

static void gather(struct world *w) {
        lans_apart(w);
        for (uint32_t i = 0; i < w->n; i++)
                home_on(w, &w->nodes[i]);
        REQUIRE(home_found(w, &w->nodes[0], &(struct wire_list){0}) == MESH_OUT_DONE);
        for (uint32_t i = 1; i < w->n; i++)
                REQUIRE(home_join(w, &w->nodes[i], &w->nodes[0]) == MESH_OUT_DONE);
        w->net.calm = false;
}

static void lose_power(struct world *w) {
        for (uint32_t i = 0; i < w->n; i++) {
                home_off(w, &w->nodes[i], true);
                lans_elsewhere(w, i);
        }
}

/* When the last of them is on. */
static uint64_t come_back(struct world *w, uint64_t within) {
        uint64_t last = 0;
        for (uint32_t i = 0; i < w->n; i++) {
                uint64_t at = w->now + rng_below(&w->rng, within);
                world_plan(w, at, i, on_return);
                last = MAX(last, at);
        }
        return last;
}

/* Since when it has been so, in ms after the last one's return; 0: it is not. */
struct since {
        uint64_t one, two, whole, most, all;
};

static uint64_t still(bool holds, uint64_t since, uint64_t now) {
        return !holds ? 0 : since ? since : now;
}

static void note(struct since *s, const struct linked *is, const struct linked *before, uint64_t now) {
        s->one = still(!is->without, s->one, now);
        s->two = still(!is->few, s->two, now);
        s->whole = still(!is->lost, s->whole, now);
        s->most = still(is->links * 100 >= before->links * NEARLY_ALL, s->most, now);
        s->all = still(!is->missing, s->all, now);
}

static void say_missing(struct world *w, const struct linked *is, const struct linked *before) {
        for (uint32_t i = 0; i < w->n; i++)
                if ((is->missing <= SAID_MOST && is->each[i] < MIN(before->each[i], (uint8_t)OUTBOUND_WANTED)) ||
                    (is->without <= SAID_MOST && !is->each[i]))
                        world_say(w, "home %u: has %u links and had %u", i, is->each[i], before->each[i]);
}

static struct since wait(struct world *w, uint64_t returning, const struct linked *before) {
        uint64_t last = come_back(w, returning * SIM_SECOND), end = last + PATIENCE;
        struct since s = {0};
        while (w->now < end && !(s.one && s.two && s.whole && s.most && s.all)) {
                world_run_until(w, w->now + LOOK);
                const struct linked is = look(w, before);
                note(&s, &is, before, MAX(w->now, last + 1) - last);
                world_say(w, "%zu links; %u homes without, %u with one, %u lost", is.links / 2, is.without,
                          is.few - is.without, is.lost);
                say_missing(w, &is, before);
        }
        return s;
}

static bool within(uint64_t took, uint64_t seconds) {
        return took && took <= seconds * SIM_SECOND;
}

static bool outage(struct world *w, const struct outage *o, bool trace) {
        gather(w);
        world_run_until(w, w->now + o->stood * SIM_SECOND);
        const struct linked before = look(w, NULL);
        lose_power(w);
        world_run_until(w, w->now + o->dark * SIM_SECOND);
        w->opt.trace = trace;
        const struct since s = wait(w, o->returning, &before);
        printf("seed %llu: %u homes, %zu links, of %u homes fewer than %d; ms after the last one's return: one link of "
               "each "
               "%llu, two %llu, one street %llu, %d of 100 links %llu, each as many as before, up to %d, %llu\n",
               (unsigned long long)w->opt.seed, w->n, before.links / 2, before.few, LINKS, (unsigned long long)s.one,
               (unsigned long long)s.two, (unsigned long long)s.whole, NEARLY_ALL, (unsigned long long)s.most,
               OUTBOUND_WANTED, (unsigned long long)s.all);
        return !before.lost && within(s.one, o->most) && within(s.two, o->most) && within(s.whole, o->most) &&
               within(s.most, o->most) && within(s.all, o->most);
}

int main(int argc, char **argv) {
        struct outage o = {
                .opt = {.profile = "calm", .apart = true}, .stood = 1800, .dark = 600, .returning = 30, .most = 60};
        if (!parse(argc, argv, &o)) {
                fputs(usage, stderr);
                return 2;
        }
        if (o.opt.nodes > REAL_MOST)
                plain_begin();
        bool trace = o.opt.trace;
        o.opt.trace = false;
        struct world *w = world_new(&o.opt);
        bool good = outage(w, &o, trace);
        plain_end();
        world_free(w);
        return good ? 0 : 1;
}
