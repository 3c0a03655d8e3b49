/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How alerts spread over a street of many homes, and what comparing sets costs: the tables of the design, done again with
 * the core as it is. One street is built and warmed; each measurement is made in a copy of it (fork), so that none disturbs
 * the next. Prints one JSON line a figure. An alert has arrived when it is on a home's disk, which takes 2 to 21 ms there.
 * Where homes are off or silent nothing is repaired: nobody compares sets, so that what arrives has been spread.
 */
#include "sim/plain.h"
#include "sim/world.h"

#include "core/core.h"
#include "core/recon.h"
#include "roster/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAIR_LEAST 10 /* ms between two homes, one way */
#define PAIR_MOST 80
#define UPLINK 62500 /* bytes a second, of the slowest; the fastest has ten times as much */
#define UPLINK_SPREAD 10
#define SETTLE (5 * SIM_MINUTE)
#define QUIET SIM_HOUR         /* as long as it is measured what nothing costs */
#define WARM 100               /* alerts that carve the tree */
#define WATCH (2 * SIM_MINUTE) /* after the last alert */
#define TEXT 320               /* bytes, which make a record of about 600 */
#define CELL (UINT64_C(1) << 35 | 777)
#define ALERTS_MOST 4096
#define NEVER UINT64_MAX

struct alert {
        struct hash id;
        uint64_t posted, *arrived; /* by home */
};

struct figures {
        struct alert *alerts;
        size_t n;
        uint64_t *pending; /* by home: when it was told to post; 0: nothing is on its way */
        bool *deaf;        /* by home: off, or silent: not asked for */
};

static struct figures fig;

/* ---- what arrives ---- */
static struct alert *alert_of(const struct world *w, const struct hash *id) {
        for (size_t i = fig.n; i-- > 0;)
                if (memcmp(&fig.alerts[i].id, id, sizeof(*id)) == 0)
                        return &fig.alerts[i];
        REQUIRE(fig.n < ALERTS_MOST);
        struct alert *a = &fig.alerts[fig.n++];
        *a = (struct alert){.id = *id, .posted = NEVER, .arrived = malloc(w->n * sizeof(*a->arrived))};
        REQUIRE(a->arrived);
        for (uint32_t i = 0; i < w->n; i++)
                a->arrived[i] = NEVER;
        return a;
}

static void committed(struct world *w, struct node *n, const struct disk_row *row) {
        if (row->row.kind != MESH_ROW_RECORD || row->row.record.type != RECORD_ALERT)
                return;
        struct alert *a = alert_of(w, &row->row.record.id);
        if (a->arrived[n->index] == NEVER)
                a->arrived[n->index] = w->now;
        if (row->row.record.own && a->posted == NEVER) {
                a->posted = fig.pending[n->index];
                fig.pending[n->index] = 0;
        }
}

static void forget_alerts(void) {
        for (size_t i = 0; i < fig.n; i++)
                free(fig.alerts[i].arrived);
        fig.n = 0;
}

/* ---- posting ---- */
static void on_post(struct world *w, struct happening *h) {
        static char text[TEXT];
        struct node *n;
        memset(text, 'x', sizeof(text));
        do
                n = &w->nodes[rng_below(&w->rng, w->n)];
        while (fig.deaf[n->index] || fig.pending[n->index]);
        struct mesh_draft d = {
                .type = RECORD_ALERT, .kind = (uint8_t)h->arg, .cell = CELL, .text = span_of(text, sizeof(text))};
        fig.pending[n->index] = w->now;
        w->posts++;
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_PUBLISH, .token = ++n->command, .draft = &d});
}

/* @n alerts in @over ms, evenly. */
static void post(struct world *w, size_t n, uint64_t over, uint8_t kind) {
        for (size_t i = 0; i < n; i++)
                world_plan(w, w->now + 1 + over * i / n, 0, on_post)->arg = kind;
        world_run_until(w, w->now + over);
}

/* ---- saying ---- */
static int by_size(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return x < y ? -1 : x > y;
}

struct spread {
        uint64_t *took;        /* ms, of each alert and home */
        size_t n, owed, worst; /* @worst: the homes that the alert that reached fewest reached */
};

static struct spread spread_of(const struct world *w) {
        struct spread s = {.took = malloc((fig.n * w->n + 1) * sizeof(uint64_t)), .worst = SIZE_MAX};
        REQUIRE(s.took);
        for (size_t i = 0; i < fig.n; i++) {
                size_t reached = 0;
                for (uint32_t k = 0; k < w->n; k++) {
                        if (fig.deaf[k])
                                continue;
                        s.owed++;
                        if (fig.alerts[i].arrived[k] == NEVER)
                                continue;
                        reached++;
                        s.took[s.n++] = fig.alerts[i].arrived[k] - MIN(fig.alerts[i].posted, fig.alerts[i].arrived[k]);
                }
                s.worst = MIN(s.worst, reached);
        }
        qsort(s.took, s.n, sizeof(uint64_t), by_size);
        return s;
}

struct scene {
        const char *name;
        uint8_t kind;
        size_t alerts;
        uint64_t over;        /* ms */
        unsigned off, silent; /* percent of the homes */
        const char *design;   /* what the design's own simulation found, of 5,000 homes */
};

static void say(const struct world *w, const struct scene *c, uint64_t bytes) {
        struct spread s = spread_of(w);
        size_t homes = fig.n ? s.owed / fig.n : 0;
        printf("{\"figure\": \"%s\", \"class\": \"%s\", \"homes\": %u, \"off_percent\": %u, \"silent_percent\": %u, "
               "\"alerts\": %zu, \"seconds\": %llu, \"p50_ms\": %llu, \"p99_ms\": %llu, \"last_ms\": %llu, "
               "\"reached_percent\": %.3f, \"worst_percent\": %.3f, \"bytes_an_alert_and_home\": %llu, \"deciles_ms\": "
               "[",
               c->name, c->kind == KIND_FIRE ? "urgent" : "normal", w->n, c->off, c->silent, fig.n,
               (unsigned long long)(c->over / SIM_SECOND), (unsigned long long)(s.n ? s.took[s.n / 2] : 0),
               (unsigned long long)(s.n ? s.took[(s.n - 1) * 99 / 100] : 0),
               (unsigned long long)(s.n ? s.took[s.n - 1] : 0), s.owed ? 100.0 * (double)s.n / (double)s.owed : 0,
               homes ? 100.0 * (double)s.worst / (double)homes : 0, (unsigned long long)(s.owed ? bytes / s.owed : 0));
        for (size_t i = 0; s.n && i <= 10; i++)
                printf("%s%llu", i ? ", " : "", (unsigned long long)s.took[(s.n - 1) * i / 10]);
        printf("], \"design\": \"%s\"}\n", c->design);
        free(s.took);
}

/* ---- scenes ---- */
static void strike(struct world *w, unsigned percent, bool silent) {
        for (uint32_t left = w->n * percent / 100; left;) {
                struct node *n = &w->nodes[rng_below(&w->rng, w->n)];
                if (fig.deaf[n->index])
                        continue;
                fig.deaf[n->index] = true;
                n->mute = silent;
                if (!silent)
                        home_off(w, n, true);
                left--;
        }
}

static void repair_nothing(struct world *w) {
        for (uint32_t i = 0; i < w->n; i++)
                if (node_on(&w->nodes[i]))
                        w->nodes[i].core->sync_due = w->nodes[i].core->visit_due = MESH_NEVER;
}

static void play(struct world *w, const struct scene *c) {
        forget_alerts();
        strike(w, c->off, false);
        strike(w, c->silent, true);
        if (c->off || c->silent)
                repair_nothing(w);
        uint64_t before = w->bytes;
        post(w, c->alerts, c->over, c->kind);
        uint64_t end = w->now + WATCH;
        while (w->now < end)
                world_run_until(w, MIN(end, w->now + SIM_SECOND));
        say(w, c, w->bytes - before);
}

/* ---- a removal ---- */
#define HEADERS 104 /* bytes of IPv4 and TCP with timestamps, of a packet and of the one that acknowledges it */

static bool all_know(const struct world *w, uint32_t removed, const struct key *old) {
        struct key key;
        for (uint32_t i = 0; i < w->n; i++) {
                struct mesh *m = w->nodes[i].core;
                if (i != removed &&
                    (roster_members(mesh_roster(m)) != w->n - 1 || !mesh_link_key(m, &key) || key_eq(&key, old)))
                        return false;
        }
        return true;
}

/* The first home, its only steward, removes the last one: until every other has the operation, and the next keys. */
static void removal(struct world *w, const struct scene *c) {
        struct key old;
        uint64_t began = w->now, bytes = w->bytes, packets = w->packets;
        REQUIRE(mesh_link_key(w->nodes[0].core, &old));
        home_operate(w, &w->nodes[0], OP_REMOVE, &w->nodes[w->n - 1].house.sign.pub, NULL, node_wall(w, &w->nodes[0]));
        while (!all_know(w, w->n - 1, &old) && w->now < began + WATCH)
                world_run_until(w, w->now + 10);
        printf("{\"figure\": \"%s\", \"homes\": %u, \"known_everywhere\": %s, \"known_ms\": %llu, "
               "\"ip_bytes_a_home\": %llu, \"design\": \"%s\"}\n",
               c->name, w->n, all_know(w, w->n - 1, &old) ? "true" : "false", (unsigned long long)(w->now - began),
               (unsigned long long)((w->bytes - bytes + (w->packets - packets) * HEADERS) / w->n), c->design);
}

static void in_a_copy(struct world *w, const struct scene *c) {
        int status = 0;
        fflush(stdout);
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (!child) {
                (c->alerts ? play : removal)(w, c);
                fflush(stdout);
                _exit(0);
        }
        REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct scene scenes[] = {
        {"idle", KIND_FIRE, 30, 5 * SIM_MINUTE, 0, 0, "flood, degree 10, 1-10 Mbit/s: p99 201 ms"},
        {"idle", KIND_NOISE, 30, 5 * SIM_MINUTE, 0, 0, "Plumtree, degree 10, 1-10 Mbit/s: p99 414 ms"},
        {"storm-100", KIND_FIRE, 100, 60 * SIM_SECOND, 0, 0, "adaptive: p50 186, p99 247 ms"},
        {"storm-100", KIND_NOISE, 100, 60 * SIM_SECOND, 0, 0, ""},
        {"storm-1000", KIND_FIRE, 1000, 10 * SIM_SECOND, 0, 0, "adaptive: p50 411, p99 2100 ms; flood 727, 30500"},
        {"storm-500", KIND_FIRE, 500, 5 * SIM_SECOND, 0, 0,
         "adaptive, for 10 s: p50 411, p99 2100 ms; flood 727, 30500"},
        {"storm-1000", KIND_NOISE, 1000, 10 * SIM_SECOND, 0, 0, "Plumtree: p50 828, p99 16900 ms"},
        {"off", KIND_FIRE, 20, 2 * SIM_SECOND, 20, 0, "20 % dead, flood, degree 8: all, p99 264 ms"},
        {"off", KIND_FIRE, 20, 2 * SIM_SECOND, 50, 0, "50 % dead, flood, degree 10: 99.8 % reached"},
        {"off", KIND_NOISE, 20, 2 * SIM_SECOND, 20, 0, "20 % dead, Plumtree, degree 8: all, p99 696 ms"},
        {"silent", KIND_FIRE, 20, 2 * SIM_SECOND, 0, 33, "flood, degree 9.8: 99.97 % reached"},
        {"silent", KIND_NOISE, 20, 2 * SIM_SECOND, 0, 33, "Plumtree, degree 6: 94.4 % reached"},
        {.name = "removal", .design = "less than 12000"},
};

static long memory(void) { /* KiB, at most so far */
        struct rusage used;
        REQUIRE(getrusage(RUSAGE_SELF, &used) == 0);
        return used.ru_maxrss;
}

static void settle(struct world *w) {
        uint64_t links = 0;
        ready_street(w);
        w->net.calm = false;
        world_run_until(w, w->now + SETTLE);
        uint64_t dials = w->dials; /* until all have their links */
        post(w, WARM, SETTLE, KIND_NOISE);
        world_run_until(w, w->now + SIM_MINUTE);
        for (uint32_t i = 0; i < w->n; i++) {
                struct mesh_status st;
                mesh_status(w->nodes[i].core, &st);
                links += st.links;
        }
        uint64_t bytes = w->bytes;
        clock_t began = clock();
        world_run_until(w, w->now + QUIET);
        double minutes = (double)(clock() - began) / CLOCKS_PER_SEC / 60, hours = (double)w->n * QUIET / SIM_HOUR;
        printf("{\"figure\": \"quiet\", \"homes\": %u, \"links_a_home\": %.2f, \"dials_a_home\": %.2f, "
               "\"bytes_a_home_and_hour\": %llu, "
               "\"home_hours_a_cpu_minute\": %.0f, \"kilobytes_a_home\": %ld, \"design\": \"9.8 links; 15000 home "
               "hours\"}\n",
               w->n, (double)links / w->n, (double)dials / w->n,
               (unsigned long long)((w->bytes - bytes) * SIM_HOUR / QUIET / w->n), hours / minutes, memory() / w->n);
}

/* ---- comparing sets ---- */
#define SET 50000
#define SECOND_EACH 12 /* elements with the same time */

static struct recon set_without(struct rng *rng, const uint64_t *sids, size_t lacks, bool latest) {
        struct recon r = {0};
        bool *out = calloc(SET, sizeof(bool));
        REQUIRE(out);
        for (size_t left = lacks; left;) {
                size_t i = latest ? SET - left : rng_below(rng, SET);
                left -= !out[i];
                out[i] = true;
        }
        for (uint32_t i = 0; i < SET; i++)
                if (!out[i])
                        REQUIRE(recon_add(&r, SIM_START + i / SECOND_EACH, sids[i], i) == 0);
        free(out);
        REQUIRE(recon_seal(&r) == 0);
        return r;
}

/* Ranges both ways until nothing is left to say. */
static void compare(const struct recon *a, const struct recon *b, size_t *ret_bytes, size_t *ret_messages) {
        const size_t message = 8000;
        const struct recon *turn[2] = {b, a};
        struct buf said = BUF_NULL;
        REQUIRE(recon_open(a, message, &said) == 0);
        *ret_bytes = *ret_messages = 0;
        for (size_t k = 0; said.n; k++) {
                struct buf answer = BUF_NULL;
                struct recon_result res = {0};
                *ret_bytes += said.n;
                ++*ret_messages;
                REQUIRE(recon_answer(turn[k % 2], buf_span(&said), message, &answer, &res) == 0);
                recon_result_fini(&res);
                buf_fini(&said);
                said = answer;
        }
}

static void reconcile(void) {
        static const struct {
                size_t lacks;
                bool latest;
                const char *design;
        } cases[] = {{0, false, "207 B"},           {1, false, "500-700 B"},    {10, false, "2900-4600 B"},
                     {100, false, "20000-29000 B"}, {100, true, "1300-1700 B"}, {1000, false, "120000-149000 B"},
                     {1000, true, "8500-8700 B"}};
        struct rng rng;
        rng_init(&rng, (const uint8_t[32]){7});
        uint64_t *sids = calloc(SET, sizeof(*sids));
        REQUIRE(sids);
        for (size_t i = 0; i < SET; i++)
                sids[i] = rng_u64(&rng);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct recon all = set_without(&rng, sids, 0, false);
                struct recon some = set_without(&rng, sids, cases[i].lacks, cases[i].latest);
                size_t bytes, messages;
                compare(&some, &all, &bytes, &messages);
                printf("{\"figure\": \"compare\", \"elements\": %d, \"differ\": %zu, \"which\": \"%s\", \"bytes\": "
                       "%zu, "
                       "\"messages\": %zu, \"design\": \"%s\"}\n",
                       SET, cases[i].lacks, cases[i].latest ? "latest" : "any", bytes, messages, cases[i].design);
                recon_fini(&all);
                recon_fini(&some);
        }
        free(sids);
}

/* Whether @name is in @only, a list with commas; NULL: all are wanted. */
static bool wanted(const char *only, const char *name) {
        for (size_t n; only; only = only[n] ? only + n + 1 : NULL) {
                n = strcspn(only, ",");
                if (n == strlen(name) && strncmp(only, name, n) == 0)
                        return true;
                if (!only[n])
                        return false;
        }
        return true;
}

int main(int argc, char **argv) {
        struct options o = {.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, .profile = "calm", .plain = true};
        o.nodes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
        const char *only = argc > 3 ? argv[3] : NULL;
        if (o.nodes < 10 || o.nodes > 5000 || !o.seed || argc > 4) {
                fputs("Usage: sim-figures HOMES [SEED [FIGURE[,FIGURE]...]]\n\nHOMES: 10 to 5,000. Prints one JSON "
                      "line a "
                      "figure.\n",
                      stderr);
                return 2;
        }
        plain_begin();
        reconcile();
        struct world *w = world_new(&o);
        struct net_faults f = {
                .uplink = UPLINK, .uplink_spread = UPLINK_SPREAD, .pair_least = PAIR_LEAST, .pair_most = PAIR_MOST};
        uint8_t seed[32];
        rng_bytes(&w->rng, seed, sizeof(seed));
        net_fini(&w->net);
        net_init(&w->net, w->n, seed, &f);
        w->committed = committed;
        fig.alerts = calloc(ALERTS_MOST, sizeof(*fig.alerts));
        fig.pending = calloc(w->n, sizeof(*fig.pending));
        fig.deaf = calloc(w->n, sizeof(*fig.deaf));
        REQUIRE(fig.alerts && fig.pending && fig.deaf);
        settle(w);
        for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
                if (wanted(only, scenes[i].name))
                        in_a_copy(w, &scenes[i]);
        forget_alerts();
        free(fig.alerts);
        free(fig.pending);
        free(fig.deaf);
        plain_end(); /* what it knows is charged to homes */
        world_free(w);
        return 0;
}
