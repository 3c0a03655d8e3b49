/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"
#include "sim/byz.h"
#include "sim/mix.h"

#include "core/core.h"
#include "crypto/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void world_say(struct world *w, const char *fmt, ...) {
        va_list ap;
        if (!w->opt.trace)
                return;
        fprintf(stderr, "# %9llu.%03llu event %llu: ", (unsigned long long)(w->now / SIM_SECOND),
                (unsigned long long)(w->now % SIM_SECOND), (unsigned long long)w->events);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
}

/* ---- time ---- */
struct happening *world_plan(struct world *w, uint64_t at, uint32_t node,
                             void (*run)(struct world *, struct happening *)) {
        struct happening *h = w->spare;
        if (h)
                w->spare = h->spare;
        else
                h = malloc(sizeof(*h));
        REQUIRE(h);
        *h = (struct happening){.run = run, .node = node, .life = w->nodes[node].life};
        agenda_add(&w->agenda, MAX(at, w->now), h);
        return h;
}

static void happening_over(struct world *w, struct happening *h) {
        buf_fini(&h->bytes);
        free(h->loaded);
        h->spare = w->spare;
        w->spare = h;
}

#define LINE 64       /* bytes of the cache */
#define AHEAD 15      /* lines of a core that most events read (core.h) … */
#define LINK_AHEAD 13 /* … and of a link (link.h) */

static void fetch(const void *p, size_t n) {
        for (size_t i = 0; p && i < n; i += LINE)
                __builtin_prefetch((const uint8_t *)p + i);
}

/* What the next event reads is far away in memory, and comes while this one runs. Of those that are further off what says
 * where that is: of the four in the third row of the heap the event, of the two in the second one its home. */
static void look_ahead(const struct world *w) {
        const struct agenda *a = &w->agenda;
        for (size_t i = 5; i < MIN(a->n, (size_t)9); i++)
                __builtin_prefetch(a->heap[i].what);
        for (size_t i = 1; i < MIN(a->n, (size_t)5); i++)
                __builtin_prefetch(&w->nodes[((const struct happening *)a->heap[i].what)->node]);
        if (!a->n)
                return;
        const struct happening *next = a->heap[0].what;
        const struct node *n = &w->nodes[next->node];
        fetch(n->core, AHEAD * LINE);
        fetch(n->conns, n->n_conns * sizeof(*n->conns));
        fetch(next->conn, sizeof(struct node_conn));
        fetch(next->link, LINK_AHEAD * LINE);
}

void world_run_until(struct world *w, uint64_t until) {
        while (!w->stopped && agenda_next(&w->agenda) <= until) {
                uint64_t at;
                struct happening *h = agenda_take(&w->agenda, &at);
                w->now = MAX(w->now, at);
                look_ahead(w);
                h->run(w, h);
                happening_over(w, h);
        }
        if (!w->stopped)
                w->now = MAX(w->now, until);
}

mesh_wall node_wall(const struct world *w, const struct node *n) {
        int64_t ms = (int64_t)w->now, wall;
        wall = (int64_t)SIM_START + n->clock_off + (ms + ms / 1000000 * n->drift_ppm) / 1000;
        return wall > 0 ? (mesh_wall)wall : 0;
}

bool node_on(const struct node *n) {
        return n->core != NULL;
}

bool node_honest(const struct node *n) {
        return !n->rolled_back && !n->byz;
}

/* ---- a core and what it does ---- */
#define CHECKING 20 /* ms: a small machine, and others' signatures first */

struct signature {
        struct hash name;
        bool good;
};

static void on_verified(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life)
                return;
        h->ev.verified.good = (const bool *)h->bytes.p;
        world_feed(w, n, h->ev);
}

/* The same bytes give the same answer, whichever home asks: each signature is checked once in a run. */
static bool good_signature(struct world *w, const struct mesh_verify *v) {
        struct span parts[] = {SPAN_OF(v->pub.b), SPAN_OF(v->what.b), SPAN_OF(v->sig), span_of(&v->domain, 1)};
        struct hash name;
        hash_make_n(&name, DOMAIN_LEDGER, NULL, parts, ARRAY_LEN(parts));
        struct signature *known = map_find(&w->signatures, name.b);
        if (known)
                return known->good;
        known = calloc(1, sizeof(*known));
        REQUIRE(known);
        known->name = name;
        known->good = sign_check(v->sig, &v->pub, v->domain, &v->what);
        REQUIRE(map_put(&w->signatures, known->name.b, known) == 0);
        return known->good;
}

static void verify(struct world *w, struct node *n, const struct mesh_action *a) {
        /* Among liars it takes a while, in which others may bring the same record. */
        uint64_t takes = w->opt.byzantine ? rng_below(&w->rng, CHECKING) : 0;
        struct happening *h = world_plan(w, w->now + takes, n->index, on_verified);
        h->ev = (struct mesh_event){.type = MESH_EV_VERIFIED, .token = a->token, .verified = {.n = a->verify.n}};
        for (size_t k = 0; k < a->verify.n; k++) {
                buf_add_u8(&h->bytes, good_signature(w, &a->verify.items[k]));
        }
        REQUIRE(buf_ok(&h->bytes));
}

static void replied(struct world *w, struct node *n, const struct mesh_action *a) {
        if (a->token != n->command)
                return;
        n->replied = true;
        n->outcome = a->reply.outcome;
        n->reply_id = a->reply.id;
        if (n->publishing && n->outcome == MESH_OUT_DONE)
                checks_acked(w, n);
        if (!a->reply.text.n)
                return;
        free(n->ticket);
        n->ticket = calloc(1, a->reply.text.n + 1);
        REQUIRE(n->ticket);
        memcpy(n->ticket, a->reply.text.p, a->reply.text.n);
}

static void perform(struct world *w, struct node *n, const struct mesh_action *a) {
        switch (a->type) {
        case MESH_DO_SEND:
                w->hash = mix_bytes(w->hash, a->send);
                links_send(w, n, a);
                break;
        case MESH_DO_DIAL:
                links_dial(w, n, a);
                break;
        case MESH_DO_HANGUP:
                links_hangup(w, n, a->link);
                break;
        case MESH_DO_STORE:
                disks_store(w, n, a);
                break;
        case MESH_DO_LOAD:
                disks_load(w, n, a);
                break;
        case MESH_DO_VERIFY:
                verify(w, n, a);
                break;
        case MESH_DO_REPLY:
                replied(w, n, a);
                break;
        case MESH_DO_TRACE:
                world_say(w, "home %u: %.*s", n->index, (int)a->trace.n, (const char *)a->trace.p);
                break;
        case MESH_DO_BEACON:
                lans_beacon(w, n, a->beacons);
                break;
        case MESH_DO_HANDED:
        case MESH_DO_STATE:
        case MESH_DO_HAUL_UP:
        case MESH_DO_HAUL_DOWN:
        case MESH_DO_HAUL:
                break;
        case MESH_DO_MEET:
                meets_begin(w, n, a);
                break;
        case MESH_DO_TELL:
                meets_told(w, n, a);
                break;
        case MESH_DO_LOOK_UP:
                lans_look_up(w, n, a);
                break;
        }
}

static void on_wake(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life || n->wake != w->now)
                return;
        n->wake = UINT64_MAX;
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_TICK});
}

/* One wake a node is on the agenda that counts: the earliest. */
static void plan_wake(struct world *w, struct node *n) {
        uint64_t due = mesh_deadline(n->core);
        due = due == UINT64_MAX ? due : MAX(due, w->now + 1); /* a deadline that does not move must not stop time */
        if (due >= n->wake)
                return;
        n->wake = due;
        world_plan(w, due, n->index, on_wake);
}

void world_feed(struct world *w, struct node *n, struct mesh_event ev) {
        struct mesh_action a;
        uint64_t life = n->life;
        if (w->stopped || byz_takes(w, n, &ev))
                return;
        if (++w->events == w->opt.until) {
                w->opt.trace = true;
                world_say(w, "stopped before this event, of type %d at home %u", (int)ev.type, n->index);
                w->stopped = true;
                return;
        }
        n->events++;
        w->hash = mix(mix(mix(w->hash, w->now), n->index), (uint64_t)ev.type);
        ev.now = w->now;
        ev.wall = node_wall(w, n);
        struct node *before = seam_enter(n);
        REQUIRE(mesh_step(n->core, &ev) == 0);
        seam_leave(before);
        n->passed = MAX(n->passed, clock_sure(n->core));
        while (n->life == life && mesh_next(n->core, &a))
                perform(w, n, &a);
        if (node_on(n) && n->life == life)
                plan_wake(w, n);
}

/* ---- beginning and end ---- */
struct world *world_new(const struct options *opt) {
        struct world *w = calloc(1, sizeof(*w));
        uint8_t seed[32] = {0};
        REQUIRE(w);
        w->opt = *opt;
        w->n = opt->nodes;
        w->hash = opt->seed;
        put_be64(seed, opt->seed);
        rng_init(&w->rng, seed);
        list_init(&w->conns);
        list_init(&w->meets);
        list_init(&w->told);
        map_init(&w->signatures, (const uint64_t[4]){1, 2, 3, 4});
        w->checks = checks_new();
        if (!opt->alone && !opt->byzantine && !opt->break_it) /* whom something is wrong with keeps that to himself */
                REQUIRE(mesh_shared_new(&w->shared, (const uint64_t[4]){1, 2, 3, 4}) == 0);
        w->committed = checks_committed;
        w->nodes = calloc(w->n, sizeof(*w->nodes));
        REQUIRE(w->nodes);
        faults_profile(w);
        for (uint32_t i = 0; i < w->n; i++)
                home_init(w, i);
        w->delays = delays_new();
        byz_init(w);
        lans_init(w);
        return w;
}

static void node_fini(struct node *n) {
        mesh_free(n->core);
        LIST_EACH (p, &n->writing, struct writing, on) {
                disk_fini(&p->one);
                free(p);
        }
        disk_fini(&n->disk);
        disk_fini(&n->image);
        free(n->conns);
        free(n->ticket);
}

struct world *world_free(struct world *w) {
        uint64_t at;
        for (struct happening *h; (h = agenda_take(&w->agenda, &at));)
                happening_over(w, h);
        for (struct happening *h; (h = w->spare);) {
                w->spare = h->spare;
                free(h);
        }
        agenda_fini(&w->agenda);
        links_fini(w);
        meets_over(w);
        for (uint32_t i = 0; i < w->n; i++)
                node_fini(&w->nodes[i]);
        disk_fini(&w->ready);
        net_fini(&w->net);
        checks_free(w->checks);
        delays_free(w->delays);
        byz_fini(w);
        lans_fini(w);
        MAP_EACH (s, &w->signatures, struct signature)
                free(s);
        map_fini(&w->signatures);
        mesh_shared_free(w->shared);
        rng_fini(&w->rng);
        free(w->nodes);
        free(w);
        return NULL;
}
