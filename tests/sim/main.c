/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one world: founding and joining in calm, faults for so many hours, then healing; and says what came of it. */
#include "sim/byz.h"
#include "sim/plain.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY (10 * SIM_MINUTE)
#define REAL_MOST 50          /* homes: more than that do without real cryptography */
#define LOOK_OFTEN SIM_MINUTE /* where some are byzantine */
#define SHARE_USUAL 30        /* percent */
#define BYZANTINE_LEAST 8     /* homes: some to lie, and some to be lied to, one of which leaves and one comes */
#define MET (30 * SIM_SECOND)
#define ROUTERS_DOWN (15 * SIM_MINUTE)
#define HEALING (20 * SIM_MINUTE)

static const char usage[] = "Usage: sim --nodes N --hours H --seed S [OPTION]...\n"
                            "\n"
                            "Simulates N homes for H hours of virtual time; what breaks follows from the seed.\n"
                            "\n"
                            "  --profile NAME  calm, network, routers, relays or machines, not as the seed draws\n"
                            "  --ready         begin with a street that stands, instead of joins\n"
                            "  --plain         no real encryption, signatures checked once; so beyond 50 homes\n"
                            "  --alone         homes share no memory: the history is the same, and takes more of it\n"
                            "  --until EVENT   stop before this event\n"
                            "  --trace         tell what happens\n"
                            "  --break NAME    a deliberate fault: a check must see it\n"
                            "  --minutes M     beyond the hours\n"
                            "  --loss PCT      so many of 100 segments are lost at all times\n"
                            "  --repeat PCT    so many of 100 messages are said twice\n"
                            "  --p99 MS        99 % of the arrivals of honest alerts at honest homes take no longer\n"
                            "  --slowest MS    nor does any\n"
                            "  --byzantine-share PCT\n"
                            "                  of homes are byzantine, where --byzantine names no other share: 30\n"
                            "  --surrounded PCT\n"
                            "                  of the honest homes reach ten byzantine ones each, and one honest\n"
                            "  --lan PCT       of homes are behind routers, two to eight on a local network\n"
                            "  --byzantine NAME[:PCT],...\n"
                            "                  all, or:\n";

static bool number(const char *text, uint64_t *ret) {
        char *end;
        *ret = strtoull(text, &end, 10);
        return *text && !*end;
}

static bool parse(int argc, char **argv, struct options *o) {
        enum {
                NODES,
                HOURS,
                MINUTES,
                SEED,
                PROFILE,
                UNTIL,
                TRACE,
                BREAK,
                LOSS,
                REPEAT,
                P99,
                SLOWEST,
                SHARE,
                SURROUNDED_BY,
                LAN,
                BYZANTINE,
                READY,
                PLAIN,
                ALONE
        };
        static const struct option long_options[] = {{"nodes", required_argument, NULL, NODES},
                                                     {"hours", required_argument, NULL, HOURS},
                                                     {"seed", required_argument, NULL, SEED},
                                                     {"profile", required_argument, NULL, PROFILE},
                                                     {"until", required_argument, NULL, UNTIL},
                                                     {"trace", no_argument, NULL, TRACE},
                                                     {"break", required_argument, NULL, BREAK},
                                                     {"minutes", required_argument, NULL, MINUTES},
                                                     {"loss", required_argument, NULL, LOSS},
                                                     {"repeat", required_argument, NULL, REPEAT},
                                                     {"p99", required_argument, NULL, P99},
                                                     {"slowest", required_argument, NULL, SLOWEST},
                                                     {"byzantine-share", required_argument, NULL, SHARE},
                                                     {"surrounded", required_argument, NULL, SURROUNDED_BY},
                                                     {"lan", required_argument, NULL, LAN},
                                                     {"byzantine", required_argument, NULL, BYZANTINE},
                                                     {"ready", no_argument, NULL, READY},
                                                     {"plain", no_argument, NULL, PLAIN},
                                                     {"alone", no_argument, NULL, ALONE},
                                                     {0}};
        uint64_t nodes = 0, loss = 0, repeat = 0, share = SHARE_USUAL, surrounded = 0, lan = 0;
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
                case ALONE:
                        o->alone = true;
                        break;
                case READY:
                        o->ready = true;
                        break;
                case BREAK:
                        ok = sabotage_named(optarg, &o->break_it);
                        break;
                case MINUTES:
                        ok = number(optarg, &o->minutes);
                        break;
                case LOSS:
                        ok = number(optarg, &loss) && loss < 100;
                        break;
                case REPEAT:
                        ok = number(optarg, &repeat) && repeat <= 100;
                        break;
                case P99:
                        ok = number(optarg, &o->p99);
                        break;
                case SLOWEST:
                        ok = number(optarg, &o->slowest);
                        break;
                case SHARE:
                        ok = number(optarg, &share) && share <= 100;
                        break;
                case SURROUNDED_BY:
                        ok = number(optarg, &surrounded) && surrounded <= 50;
                        break;
                case LAN:
                        ok = number(optarg, &lan) && lan <= 90;
                        break;
                case BYZANTINE:
                        o->byzantine = optarg;
                        ok = byz_names_are_known(optarg);
                        break;
                default:
                        ok = false;
                }
        }
        o->plain = o->plain || nodes > REAL_MOST;
        o->nodes = (uint32_t)nodes;
        o->loss = (uint32_t)loss;
        o->repeat = (uint32_t)repeat;
        o->share = (uint32_t)share;
        o->surrounded = (uint32_t)surrounded;
        o->lan = (uint32_t)lan;
        return ok && nodes && (!o->byzantine || nodes >= BYZANTINE_LEAST) && o->hours + o->minutes && optind == argc;
}

static void progress(const struct world *w, uint64_t end) {
        if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r%3u%%  %llu events, %llu posts", (unsigned)(w->now * 100 / end),
                        (unsigned long long)w->events, (unsigned long long)w->posts);
}

static void come_in(struct world *w, uint32_t i, struct node *inviter) {
        enum mesh_outcome o = home_join(w, &w->nodes[i], inviter);
        if (o != MESH_OUT_DONE)
                o = home_join(w, &w->nodes[i], &w->nodes[0]);
        if (o != MESH_OUT_DONE && !w->stopped)
                checks_fail(w, "L3", "home %u cannot join in calm: %s", i, mesh_outcome(o)->name);
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
        uint32_t met = w->n - (w->opt.byzantine ? 2 : 0);
        for (uint32_t i = 1; i < met; i++)
                come_in(w, i, &w->nodes[rng_below(&w->rng, i)]);
        if (!w->opt.byzantine)
                return;
        /* Whom only a liar has told of the others, it can tell nothing at all, and where all are below one liar it can put
         * others in the place of those that no steward has built on: docs/threat-model.md. */
        come_in(w, met, &w->nodes[0]);
        world_run_until(w, w->now + MET);
}

/* An honest home that @i can call. */
static struct node *in_reach(struct world *w, uint32_t i) {
        uint32_t nth = 1;
        while (nth < w->n && !net_may_dial(&w->net, i, byz_honest(w, nth)->index))
                nth++;
        return byz_honest(w, nth);
}

/* Where some are byzantine one honest home leaves, which brings a new group key, and then the last one comes. */
static void come_and_go(struct world *w) {
        struct node *leaves = byz_honest(w, LEAVER);
        if (!w->opt.byzantine)
                return;
        world_run_until(w, w->now + 30 * SIM_SECOND);
        if (leaves->index != 0 && leaves->standing == NODE_IN)
                home_operate(w, leaves, OP_LEAVE, NULL, NULL, node_wall(w, leaves));
        world_run_until(w, w->now + 30 * SIM_SECOND);
        if (w->nodes[w->n - 1].standing == NODE_OUT)
                come_in(w, w->n - 1, in_reach(w, w->n - 1)); /* on a liar's ticket nobody need come in */
}

static void run(struct world *w) {
        gather(w);
        uint64_t end = w->opt.hours * SIM_HOUR + w->opt.minutes * SIM_MINUTE;
        if (w->opt.byzantine || w->opt.repeat) /* after the last has come in */
                end += w->now;
        faults_begin(w);
        byz_begin(w);
        lans_begin(w);
        homes_live(w);
        sabotage_begin(w);
        come_and_go(w);
        uint64_t every = w->opt.byzantine ? LOOK_OFTEN : LOOK_EVERY;
        for (uint64_t at = w->now; at < end && !w->stopped; at += every) {
                world_run_until(w, MIN(at + every, end));
                checks_now(w);
                progress(w, end);
        }
        w->hushed = true;
        world_run_until(w, w->now + w->opt.slowest); /* the last alert has its time, too */
        faults_end(w);
        lans_end(w, ROUTERS_DOWN);
        sabotage_heal(w);
        world_run_until(w, w->now + HEALING);
        uint64_t since = w->now, events = w->events;
        if (!w->stopped)
                checks_healed(w);
        if (w->opt.byzantine) /* who asks without end is not quiet */
                return;
        world_run_until(w, w->now + SIM_HOUR);
        if (!w->stopped)
                checks_quiet(w, since, events);
}

int main(int argc, char **argv) {
        struct options o = {0};
        if (!parse(argc, argv, &o)) {
                fputs(usage, stderr);
                byz_explain();
                return 2;
        }
        if (o.plain)
                plain_begin();
        struct world *w = world_new(&o);
        run(w);
        const char *failed = checks_failed(w->checks);
        byz_report(w);
        lans_report(w);
        meets_report(w);
        printf("seed %llu: %u homes%s, %llu h, %llu events, %llu posts, %llu bytes: %s, history %016llx\n",
               (unsigned long long)o.seed, o.nodes, o.plain ? ", plain" : "", (unsigned long long)o.hours,
               (unsigned long long)w->events, (unsigned long long)w->posts, (unsigned long long)w->bytes,
               failed ? failed : "all invariants hold", (unsigned long long)w->hash);
        plain_end(); /* before the homes, to whose account its answers were put */
        world_free(w);
        return failed ? 1 : 0;
}
