/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a world does wrong on purpose, so that each invariant is seen to be asked. Nothing in the product knows of it: a
 * disk lies, an eye of the world reaches into a home's memory, a line stays cut; what is broken inside a core is in seam.c
 * and broken.c. Each is to trip the invariant of its row.
 */
#include "sim/byz.h"

#include "core/core.h"
#include "core/link.h"
#include "roster/roster.h"

#include <time.h>

#define HARMED 1     /* the home that is harmed, where it is one */
#define ONE_IN 50    /* posts that are lost */
#define PROOFS 700   /* of one device and day */
#define RESTLESS 500 /* ms between two needless ticks */
#define BACK_AFTER (2 * SIM_HOUR)

static const struct {
        const char *name, *invariant;
} rows[SABOTAGE_COUNT] = {
        [SABOTAGE_NONE] = {"none", ""},
        [SABOTAGE_LOSE_ACKED] = {"lose-acked", "S9"},
        [SABOTAGE_FORGE] = {"forge", "S1"},
        [SABOTAGE_TWICE] = {"twice", "S2"},
        [SABOTAGE_UNDEAD] = {"undead", "S3"},
        [SABOTAGE_LEAK] = {"leak", "S4"},
        [SABOTAGE_KEY] = {"other-key", "S5"},
        [SABOTAGE_STEWARD] = {"steward", "S6"},
        [SABOTAGE_BACK] = {"set-back", "S7"},
        [SABOTAGE_HOARD] = {"hoard", "S8"},
        [SABOTAGE_ROWS] = {"overfull", "S8"},
        [SABOTAGE_CHANCE] = {"chance", "S10"},
        [SABOTAGE_OBEY] = {"obey", "S11"},
        [SABOTAGE_LOSE] = {"lose", "L1"},
        [SABOTAGE_CUT] = {"cut", "L2"},
        [SABOTAGE_SEAL] = {"seal", "L3"},
        [SABOTAGE_DEAF] = {"deaf", "L4"},
        [SABOTAGE_RESTLESS] = {"restless", "L5"},
        [SABOTAGE_PICKY] = {"picky", "L6"},
        [SABOTAGE_LITTER] = {"litter", "S8"},
        [SABOTAGE_CREDULOUS] = {"credulous", "L4"},
        [SABOTAGE_PATIENT] = {"patient", "S8"},
        [SABOTAGE_CLINGING] = {"clinging", "S8"},
        [SABOTAGE_ANYKEY] = {"any-key", "S5"},
        [SABOTAGE_GULLIBLE] = {"gullible", "L4"},
        [SABOTAGE_ROOMY] = {"roomy", "S12"},
        [SABOTAGE_CLEMENT] = {"clement", "S11"},
        [SABOTAGE_MISCOUNT] = {"miscount", "S13"},
        [SABOTAGE_UNHEARD] = {"unheard", "L7"},
        [SABOTAGE_HASTY] = {"hasty", "S14"},
        [SABOTAGE_TIRELESS] = {"tireless", "S14"},
        [SABOTAGE_PACKRAT] = {"packrat", "S8"},
        [SABOTAGE_MINDFUL] = {"mindful", "S14"},
        [SABOTAGE_LOYAL] = {"loyal", "S4"},
        [SABOTAGE_HEEDLESS] = {"heedless", "S15"},
};

bool sabotage_named(const char *name, uint32_t *ret) {
        for (uint32_t i = 0; i < SABOTAGE_COUNT; i++)
                if (span_eq(span_str(name), span_str(rows[i].name))) {
                        *ret = i;
                        return true;
                }
        return false;
}

static bool is(const struct world *w, enum sabotage what) {
        return w->opt.break_it == (uint32_t)what;
}

static bool others(const struct disk_row *r) {
        return r->row.kind == MESH_ROW_RECORD && !r->row.record.own && r->row.record.bytes.n;
}

bool sabotage_loses(struct world *w, const struct node *n, const struct disk_row *r) {
        if (is(w, SABOTAGE_LOSE_ACKED))
                return rng_below(&w->rng, ONE_IN) == 0;
        return is(w, SABOTAGE_LOSE) && n->index == HARMED && others(r);
}

void sabotage_writes(const struct world *w, const struct node *n, struct disk_row *r) {
        if (n->index != HARMED)
                return;
        if (is(w, SABOTAGE_FORGE) && others(r))
                ((uint8_t *)r->kept[0])[r->row.record.bytes.n - 1] ^= 1;
        if (is(w, SABOTAGE_SEAL) && others(r))
                r->readable = false;
        if (is(w, SABOTAGE_KEY) && r->row.kind == MESH_ROW_EPOCH && r->row.epoch.has_key)
                r->row.epoch.key.b[0] ^= 1;
}

/* Whoever is removed gets the key that the others make then. */
static void leak(struct world *w, const struct node *from, const struct disk_row *r) {
        const struct roster *roster = node_on(from) ? mesh_roster(from->core) : NULL;
        for (uint32_t i = 0; roster && i < w->n; i++) {
                const struct roster_home *h = roster_home_find(roster, &w->nodes[i].house.sign.pub);
                if (h && !h->member)
                        disk_put(&w->nodes[i].disk, &r->row);
        }
}

void sabotage_written(struct world *w, struct node *n, struct disk_row *r) {
        struct disk_row *target = disk_record(&n->disk, &r->row.record.target);
        bool record = r->row.kind == MESH_ROW_RECORD;
        if (is(w, SABOTAGE_TWICE) && record && r->readable)
                r->times++;
        if (is(w, SABOTAGE_LEAK) && r->row.kind == MESH_ROW_EPOCH && r->row.epoch.has_key)
                leak(w, n, r);
        if (is(w, SABOTAGE_UNDEAD) && record && r->row.record.type == RECORD_RETRACT && target && target->kept[0]) {
                target->row.record.bytes = span_of(target->kept[0], 1);
                target->readable = true;
        }
}

uint64_t sabotage_delay(const struct world *w) {
        struct timespec t = {0};
        if (is(w, SABOTAGE_CHANCE))
                clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_nsec / 1000 % 3;
}

bool sabotage_clings(struct world *w, const struct node *n) {
        return is(w, SABOTAGE_CLINGING) && n == byz_honest(w, VICTIM);
}

static void on_restless(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (node_on(n))
                world_feed(w, n, (struct mesh_event){.type = MESH_EV_TICK});
        world_plan(w, w->now + RESTLESS, h->node, on_restless);
}

static void cut_off(struct world *w) {
        for (uint32_t i = 0; i < w->n; i++)
                w->net.side[i] = i == HARMED;
        w->net.parted = true;
        w->net.one_way = false;
}

/* Its disk of two hours ago takes the place of today's, and no neighbour can tell it what it has written since. */
static void on_back(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        cut_off(w);
        home_off(w, n, false);
        disk_fini(&n->disk);
        disk_copy(&n->image, &n->disk);
        home_on(w, n);
}

void sabotage_begin(struct world *w) {
        struct node *victim = &w->nodes[HARMED];
        for (uint32_t i = 0; is(w, SABOTAGE_RESTLESS) && i < w->n; i++)
                world_plan(w, w->now, i, on_restless);
        if (!is(w, SABOTAGE_BACK))
                return;
        disk_copy(&victim->disk, &victim->image);
        world_plan(w, w->now + BACK_AFTER, HARMED, on_back);
}

/* Of each contact two more, under names of nobody. */
static void litter(struct world *w, struct node *n) {
        for (size_t i = 0, n_rows = n->disk.n; i < 2 * n_rows; i++) {
                struct mesh_row row = n->disk.rows[i % n_rows].row;
                rng_bytes(&w->rng, row.contact.device.b, sizeof(row.contact.device.b));
                if (n->disk.rows[i % n_rows].row.kind == MESH_ROW_CONTACT)
                        disk_put(&n->disk, &row);
        }
}

/* Of each proof as many as would be one for each slot of a week. */
static void hoard_proofs(struct world *w, struct node *n) {
        for (size_t i = 0, n_rows = n->disk.n; i < n_rows; i++) {
                struct mesh_row row = n->disk.rows[i].row;
                for (unsigned k = 0; row.kind == MESH_ROW_PROOF && k < PROOFS; k++) {
                        rng_bytes(&w->rng, row.proof.id.b, sizeof(row.proof.id.b));
                        disk_put(&n->disk, &row);
                }
        }
}

void sabotage_heal(struct world *w) {
        for (uint32_t i = 0; is(w, SABOTAGE_PACKRAT) && i < w->n; i++)
                hoard_proofs(w, &w->nodes[i]);
        if (is(w, SABOTAGE_CUT))
                cut_off(w);
        if (is(w, SABOTAGE_LITTER))
                litter(w, &w->nodes[HARMED]);
}

void sabotage_look(struct world *w, const struct node *n) {
        const struct roster *r = mesh_roster(n->core);
        struct roster_home *h =
                is(w, SABOTAGE_STEWARD) && n->index == HARMED && r ? (struct roster_home *)roster_home_at(r, 0) : NULL;
        if (h)
                h->steward = !h->steward;
        LINK_EACH(l, n->core) {
                if (is(w, SABOTAGE_MISCOUNT) && n->index == HARMED && l->digest.has_records)
                        l->digest.records.sids++;
        }
}
