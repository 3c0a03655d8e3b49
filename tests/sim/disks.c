/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include <stdlib.h>

#define WRITE_LEAST 2 /* ms until a row is on disk */
#define WRITE_SPREAD 20

/* The row as the core handed it out: what could be read of a record is told by the pointers alone. */
static struct mesh_row row_of(struct writing *p) {
        struct mesh_row row = p->one.rows[0].row;
        if (row.kind == MESH_ROW_RECORD && p->one.rows[0].readable) {
                row.record.alert = row.record.type == RECORD_ALERT ? &p->alert : NULL;
                row.record.follow = row.record.type == RECORD_ALERT ? NULL : &p->follow;
        }
        return row;
}

static void commit(struct world *w, struct node *n, struct writing *p) {
        sabotage_writes(w, n, &p->one.rows[0]);
        struct mesh_row row = row_of(p);
        const struct disk_row *before = disk_find(&n->disk, &row);
        unsigned told = before && before->readable ? before->times : 0;
        disk_put(&n->disk, &row);
        struct disk_row *at = disk_find(&n->disk, &row);
        if (at && told)
                at->times = told; /* the store tells of a record once, however often the core hands it out */
        if (at)
                sabotage_written(w, n, at);
        if (at)
                w->committed(w, n, at);
        list_drop(&p->on);
        disk_fini(&p->one);
        free(p);
}

static void on_written(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life)
                return;
        uint64_t token = h->writing->token;
        if (sabotage_loses(w, n, &h->writing->one.rows[0])) {
                list_drop(&h->writing->on);
                disk_fini(&h->writing->one);
                free(h->writing);
        } else {
                commit(w, n, h->writing);
        }
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_STORED, .token = token, .stored = {.ok = true}});
}

static void answer(struct world *w, struct happening *h, bool ok) {
        struct node *n = &w->nodes[h->node];
        if (node_on(n) && n->life == h->life)
                world_feed(w, n, (struct mesh_event){.type = MESH_EV_STORED, .token = h->arg, .stored = {.ok = ok}});
}

static void on_refused(struct world *w, struct happening *h) {
        answer(w, h, false);
}

static void on_applied(struct world *w, struct happening *h) {
        answer(w, h, true);
}

void disks_store(struct world *w, struct node *n, const struct mesh_action *a) {
        uint64_t took = WRITE_LEAST + rng_below(&w->rng, WRITE_SPREAD) + sabotage_delay(w),
                 at = MAX(w->now + took, n->written);
        n->written = at; /* transactions end in the order they began */
        checks_storing(w, n, a->store);
        if (n->disk_is_full) {
                world_plan(w, at, n->index, on_refused)->arg = a->token;
                return;
        }
        struct writing *p = calloc(1, sizeof(*p));
        REQUIRE(p);
        p->token = a->token;
        disk_put(&p->one, a->store);
        if (!p->one.n) { /* a row that only deletes */
                disk_put(&n->disk, a->store);
                world_plan(w, at, n->index, on_applied)->arg = a->token;
                free(p);
                return;
        }
        list_push(&n->writing, &p->on);
        world_plan(w, at, n->index, on_written)->writing = p;
}

static void on_loaded(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (!node_on(n) || n->life != h->life)
                return;
        for (size_t k = 0; k < h->ev.loaded.n; k++)
                h->loaded[k].bytes = disk_bytes(&n->disk, &h->loaded[k].id);
        h->ev.loaded.items = h->loaded;
        world_feed(w, n, h->ev);
}

void disks_load(struct world *w, struct node *n, const struct mesh_action *a) {
        struct happening *h = world_plan(w, w->now + WRITE_LEAST, n->index, on_loaded);
        h->loaded = calloc(a->load.n + 1, sizeof(*h->loaded));
        REQUIRE(h->loaded);
        for (size_t k = 0; k < a->load.n; k++)
                h->loaded[k].id = a->load.ids[k];
        h->ev = (struct mesh_event){.type = MESH_EV_LOADED, .token = a->token, .loaded = {.n = a->load.n}};
}

void disks_crash(struct world *w, struct node *n) {
        uint64_t count = 0;
        LIST_EACH (p, &n->writing, struct writing, on)
                count++;
        uint64_t kept = count ? rng_below(&w->rng, count + 1) : 0;
        LIST_EACH (p, &n->writing, struct writing, on) {
                if (kept && kept--) {
                        commit(w, n, p);
                        continue;
                }
                list_drop(&p->on);
                disk_fini(&p->one);
                free(p);
        }
}
