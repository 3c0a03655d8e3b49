/* SPDX-License-Identifier: Apache-2.0 */
#include "node/verify.h"
#include "base/err.h"
#include "crypto/sign.h"
#include "node/internal.h"

#include <stdlib.h>

#define PART_LEAST 8                 /* signatures that are worth a thread */
#define PARTS_MAX (POOL_THREADS - 1) /* one thread of the pool is left for the disk */

struct batch;

struct part {
        struct batch *batch;
        size_t from, to;
        struct pool_job work;
};

struct batch {
        struct node *n;
        uint64_t token;
        size_t count;
        unsigned running;
        struct part parts[PARTS_MAX];
        bool *good; /* behind items */
        struct mesh_verify items[];
};

static bool check(const struct mesh_verify *v) {
        return v->domain < DOMAIN_COUNT && sign_check(v->sig, &v->pub, (enum domain)v->domain, &v->what);
}

static void on_work(struct pool_job *work) {
        struct part *p = CONTAINER_OF(work, struct part, work);
        for (size_t i = p->from; i < p->to; i++)
                p->batch->good[i] = check(&p->batch->items[i]);
}

static void on_after(struct pool_job *work) {
        struct batch *b = CONTAINER_OF(work, struct part, work)->batch;
        if (--b->running)
                return;
        node_feed(b->n, (struct mesh_event){.type = MESH_EV_VERIFIED,
                                            .token = b->token,
                                            .verified = {.good = b->good, .n = b->count}});
        free(b);
}

static unsigned parts_for(const struct node *n, size_t count) {
        size_t parts = MIN(count / PART_LEAST, MIN(n->cores, PARTS_MAX));
        return parts ? (unsigned)parts : 1;
}

static void spread(struct node *n, struct batch *b) {
        unsigned parts = parts_for(n, b->count);
        b->running = parts;
        for (unsigned i = 0; i < parts; i++) {
                struct part *p = &b->parts[i];
                *p = (struct part){.batch = b,
                                   .from = b->count * i / parts,
                                   .to = b->count * (i + 1) / parts,
                                   .work = {.work = on_work, .after = on_after}};
                pool_run(&n->pool, &p->work);
        }
}

/* The result waits in the node's queue: verify_start is called while the core's actions are being drained. */
static void check_here(struct node *n, uint64_t token, const struct mesh_verify *items, size_t count) {
        bool *good = calloc(count ? count : 1, sizeof(*good));
        if (!good) {
                node_fail(n, "checking signatures", ERR_NOMEM);
                return;
        }
        for (size_t i = 0; i < count; i++)
                good[i] = check(&items[i]);
        node_feed_owned(
                n,
                (struct mesh_event){.type = MESH_EV_VERIFIED, .token = token, .verified = {.good = good, .n = count}},
                good);
}

void verify_start(struct node *n, uint64_t token, const struct mesh_verify *items, size_t count) {
        size_t body = count * sizeof(items[0]);
        struct batch *b = count > VERIFY_HERE ? calloc(1, sizeof(*b) + body + count * sizeof(bool)) : NULL;
        if (!b) {
                check_here(n, token, items, count);
                return;
        }
        b->n = n;
        b->token = token;
        b->count = count;
        b->good = (bool *)((uint8_t *)b->items + body);
        memcpy(b->items, items, body);
        spread(n, b);
}
