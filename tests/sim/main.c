/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one world: founding and joining in calm, faults for so many hours, then healing; and says what came of it. */
#include "sim/plain.h"
#include "sim/world.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY (10 * SIM_MINUTE)
#define REAL_MOST 50 /* homes: more than that do without real cryptography */
#define HEALING (20 * SIM_MINUTE)

static const char usage[] = "Usage: sim --nodes N --hours H --seed S [OPTION]...\n"
                            "\n"
                            "Simulates N homes for H hours of virtual time; what breaks follows from the seed.\n"
                            "\n"
                            "  --profile NAME  calm, network or machines, instead of what the seed draws\n"
                            "  --ready         begin with a street that stands, instead of joins\n"
                            "  --plain         no real encryption, signatures checked once; so beyond 50 homes\n"
                            "  --until EVENT   stop before this event\n"
                            "  --trace         tell what happens\n"
                            "  --break NAME    a deliberate fault: a check must see it\n";

static bool number(const char *text, uint64_t *ret) {
        char *end;
        *ret = strtoull(text, &end, 10);
        return *text && !*end;
}

static bool parse(int argc, char **argv, struct options *o) {
        enum { NODES, HOURS, SEED, PROFILE, UNTIL, TRACE, BREAK, READY, PLAIN };
        static const struct option long_options[] = {
                {"nodes", required_argument, NULL, NODES}, {"hours", required_argument, NULL, HOURS},
                {"seed", required_argument, NULL, SEED},   {"profile", required_argument, NULL, PROFILE},
                {"until", required_argument, NULL, UNTIL}, {"trace", no_argument, NULL, TRACE},
                {"break", required_argument, NULL, BREAK}, {"ready", no_argument, NULL, READY},
                {"plain", no_argument, NULL, PLAIN},       {0}};
        uint64_t nodes = 0;
        bool ok = true;
        for (int c; ok && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
                switch (c) {
                case NODES:
                        ok = number(optarg, &nodes) && nodes >= 2 && nodes <= 5000;
                        break;
                case HOURS:
                        ok = number(optarg, &o->hours);
                        break;
                case SEED:
                        ok = number(optarg, &o->seed);
                        break;
                case PROFILE:
                        o->profile = optarg;
                        break;
                case UNTIL:
                        ok = number(optarg, &o->until);
                        break;
                case TRACE:
                        o->trace = true;
                        break;
                case PLAIN:
                        o->plain = true;
                        break;
                case READY:
                        o->ready = true;
                        break;
                case BREAK:
                        ok = sabotage_named(optarg, &o->break_it);
                        break;
                default:
                        ok = false;
                }
        }
        o->plain = o->plain || nodes > REAL_MOST;
        o->nodes = (uint32_t)nodes;
        return ok && nodes && o->hours && optind == argc;
}

static void progress(const struct world *w, uint64_t end) {
        if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r%3u%%  %llu events, %llu posts", (unsigned)(w->now * 100 / end),
                        (unsigned long long)w->events, (unsigned long long)w->posts);
}

/* Everybody comes in, while nothing breaks. */
static void gather(struct world *w) {
        if (w->opt.ready) {
                ready_street(w);
                return;
        }
        for (uint32_t i = 0; i < w->n; i++)
                home_on(w, &w->nodes[i]);
        REQUIRE(home_found(w, &w->nodes[0], &(struct wire_list){0}) == MESH_OUT_DONE);
        for (uint32_t i = 1; i < w->n; i++) {
                enum mesh_outcome o = home_join(w, &w->nodes[i], &w->nodes[rng_below(&w->rng, i)]);
                if (o != MESH_OUT_DONE)
                        o = home_join(w, &w->nodes[i], &w->nodes[0]);
                if (o != MESH_OUT_DONE && !w->stopped)
                        checks_fail(w, "L3", "home %u cannot join in calm: %s", i, mesh_outcome(o)->name);
        }
}

static void run(struct world *w) {
        uint64_t end = w->opt.hours * SIM_HOUR;
        gather(w);
        faults_begin(w);
        homes_live(w);
        sabotage_begin(w);
        for (uint64_t at = w->now; at < end && !w->stopped; at += LOOK_EVERY) {
                world_run_until(w, MIN(at + LOOK_EVERY, end));
                checks_now(w);
                progress(w, end);
        }
        faults_end(w);
        sabotage_heal(w);
        world_run_until(w, w->now + HEALING);
        uint64_t since = w->now, events = w->events;
        if (!w->stopped)
                checks_healed(w);
        world_run_until(w, w->now + SIM_HOUR);
        if (!w->stopped)
                checks_quiet(w, since, events);
}

int main(int argc, char **argv) {
        struct options o = {0};
        if (!parse(argc, argv, &o)) {
                fputs(usage, stderr);
                return 2;
        }
        if (o.plain)
                plain_begin();
        struct world *w = world_new(&o);
        run(w);
        const char *failed = checks_failed(w->checks);
        printf("seed %llu: %u homes%s, %llu h, %llu events, %llu posts, %llu bytes: %s, history %016llx\n",
               (unsigned long long)o.seed, o.nodes, o.plain ? ", plain" : "", (unsigned long long)o.hours,
               (unsigned long long)w->events, (unsigned long long)w->posts, (unsigned long long)w->bytes,
               failed ? failed : "all invariants hold", (unsigned long long)w->hash);
        world_free(w);
        plain_end();
        return failed ? 1 : 0;
}
