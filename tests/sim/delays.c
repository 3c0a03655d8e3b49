/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How soon an alert of an honest home can be read on the disks of the other honest homes, from when it is on its author's. A
 * home that cannot yet counts with the time that has passed, unless the alert was taken back meanwhile.
 */
#include "sim/byz.h"

#include "base/array.h"
#include "roster/roster.h"

#include <stdio.h>
#include <stdlib.h>

#define NOT_YET UINT64_MAX
#define NOT_ASKED (UINT64_MAX - 1) /* it came in later */

struct delay {
        struct hash id;
        uint32_t author;
        uint64_t made;
        bool retracted;
        uint64_t *there; /* by home; NOT_YET */
};

struct delays {
        struct map by_id;
        struct delay **all;
        size_t n, cap;
};

struct delays *delays_new(void) {
        struct delays *d = calloc(1, sizeof(*d));
        REQUIRE(d);
        map_init(&d->by_id, (const uint64_t[4]){1, 2, 3, 4});
        return d;
}

void delays_free(struct delays *d) {
        for (size_t i = 0; i < d->n; i++) {
                free(d->all[i]->there);
                free(d->all[i]);
        }
        map_fini(&d->by_id);
        free(d->all);
        free(d);
}

static void made(struct world *w, const struct node *n, const struct mesh_row *row) {
        struct delays *d = w->delays;
        struct delay *one = calloc(1, sizeof(*one));
        d->all = array_room(d->all, d->n, &d->cap, sizeof(struct delay *), 256);
        REQUIRE(one && d->all);
        *one = (struct delay){.id = row->record.id, .author = n->index, .made = w->now};
        one->there = malloc(w->n * sizeof(*one->there));
        REQUIRE(one->there && map_put(&d->by_id, one->id.b, one) == 0);
        for (uint32_t i = 0; i < w->n; i++)
                one->there[i] = w->nodes[i].standing == NODE_IN && i != n->index ? NOT_YET : NOT_ASKED;
        d->all[d->n++] = one;
}

void delays_committed(struct world *w, struct node *n, const struct disk_row *on_disk) {
        const struct mesh_row *row = &on_disk->row;
        if (row->kind != MESH_ROW_RECORD || w->calm)
                return;
        struct delay *one = map_find(&w->delays->by_id, row->record.id.b);
        struct delay *target = map_find(&w->delays->by_id, row->record.target.b);
        if (row->record.own && row->record.type == RECORD_RETRACT && target && target->author == n->index)
                target->retracted = true;
        if (row->record.own && row->record.type == RECORD_ALERT && !one)
                made(w, n, row);
        else if (one && one->there[n->index] != NOT_ASKED && on_disk->readable)
                one->there[n->index] = MIN(one->there[n->index], w->now);
}

static int by_value(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return x < y ? -1 : x > y;
}

static bool counts(const struct roster *r, const struct node *n) {
        const struct roster_home *h = roster_home_find(r, &n->house.sign.pub);
        return h && h->member && node_honest(n);
}

static size_t times(struct world *w, const struct roster *r, uint64_t *ret, size_t *ret_missing) {
        size_t n = 0;
        *ret_missing = 0;
        for (size_t i = 0; i < w->delays->n; i++) {
                const struct delay *one = w->delays->all[i];
                for (uint32_t k = 0; k < w->n && counts(r, &w->nodes[one->author]); k++) {
                        bool there = one->there[k] != NOT_YET;
                        if (one->there[k] == NOT_ASKED || !counts(r, &w->nodes[k]) || (!there && one->retracted))
                                continue;
                        *ret_missing += !there;
                        ret[n++] = (there ? one->there[k] : w->calm_since) - one->made;
                }
        }
        qsort(ret, n, sizeof(*ret), by_value);
        return n;
}

void delays_check(struct world *w, const struct roster *r) {
        size_t missing, n;
        uint64_t *all = malloc((w->delays->n * w->n + 1) * sizeof(*all));
        REQUIRE(all);
        n = times(w, r, all, &missing);
        uint64_t p99 = n ? all[n * 99 / 100] : 0, slowest = n ? all[n - 1] : 0;
        printf("alerts: %zu by honest homes, %zu arrivals: half within %llu ms, 99 %% within %llu ms, all within %llu "
               "ms; "
               "%zu missing\n",
               w->delays->n, n, (unsigned long long)(n ? all[n / 2] : 0), (unsigned long long)p99,
               (unsigned long long)slowest, missing);
        free(all);
        if (missing && (w->opt.p99 || w->opt.slowest))
                checks_fail(w, "L4", "%zu times an honest home has not an honest home's alert", missing);
        if (w->opt.p99 && p99 > w->opt.p99)
                checks_fail(w, "L4", "99 %% of arrivals take up to %llu ms", (unsigned long long)p99);
        if (w->opt.slowest && slowest > w->opt.slowest)
                checks_fail(w, "L4", "an alert takes %llu ms to an honest home", (unsigned long long)slowest);
}
