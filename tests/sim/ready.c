/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A street that stands already. Founding is the core's own; the homes' operations are made and countersigned here as members
 * would have, so that thousands of homes need no thousands of joins. What all have on disk alike is kept once (world.ready)
 * and handed to each with RESTORE. Each home publishes its contact by itself, before it knows of anybody.
 */
#include "sim/world.h"

#include "roster/op.h"
#include "roster/roster.h"
#include "roster/ticket.h"
#include "wire/codec.h"

#define FANOUT 18                /* homes on one home's ticket: less than an ordinary home may bring */
#define MEMBERS_MOST 5000        /* the charter's bound */
#define SLOTS 256                /* alerts of a class a day: storms are measured here */
#define SETTLED (2 * SIM_SECOND) /* until what was handed to a disk is there */
#define TICKET_LIFE (7 * 86400)  /* seconds */

static void charter(struct buf *keep_in, struct wire_list *ret) {
        const struct wire_charter_row rows[] = {{.key = CHARTER_max_members, .value = MEMBERS_MOST},
                                                {.key = CHARTER_urgent, .value = SLOTS},
                                                {.key = CHARTER_normal, .value = SLOTS}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                wire_list_add(&wire_charter_row_desc, ret, keep_in, &rows[i]);
        REQUIRE(buf_ok(keep_in));
}

/* The first home founds, and hands its key to all the others: as if each had got it when it came. */
static void found(struct world *w) {
        struct node *first = &w->nodes[0];
        struct disk disk;
        _clean_(buf_fini) struct buf keep_in = BUF_NULL;
        struct wire_list rows = {0};
        charter(&keep_in, &rows);
        home_on(w, first);
        REQUIRE(home_found(w, first, &rows) == MESH_OUT_DONE);
        world_run_until(w, w->now + SETTLED);
        home_off(w, first, true);
        disk = first->disk;
        first->disk = (struct disk){0};
        for (size_t k = 0; k < disk.n; k++) {
                const struct mesh_row *row = &disk.rows[k].row;
                if (row->kind == MESH_ROW_OP)
                        disk_put(&w->ready, row);
                for (uint32_t i = 0; row->kind == MESH_ROW_EPOCH && i < w->n; i++)
                        disk_put(&w->nodes[i].disk, row);
        }
        disk_fini(&disk);
}

static void ticket(struct world *w, const struct roster *r, const struct node *inviter, struct buf *ret) {
        static const uint8_t nobody_dials[32];
        struct ticket t = {.w = {.mesh = SPAN_OF(roster_mesh(r)->b),
                                 .mesh_name = span_str(roster_mesh_name(r)),
                                 .link_key = SPAN_OF(nobody_dials),
                                 .inviter = span_str(inviter->house.name),
                                 .expires = node_wall(w, inviter) + TICKET_LIFE,
                                 .uses = FANOUT}};
        REQUIRE(ticket_make(&t, &inviter->device, &w->rng, ret) == 0);
        ticket_fini(&t);
        buf_add_u8(ret, 0);
        REQUIRE(buf_ok(ret));
}

/* @n comes on @text, a ticket of @inviter, who countersigns. */
static void admit(struct world *w, struct roster *r, struct node *n, const struct node *inviter, const char *text) {
        _clean_(buf_fini) struct buf add = BUF_NULL, op = BUF_NULL;
        const struct roster_device *by = roster_device_find(r, &inviter->device.pub);
        struct hash must = roster_device_op(r, by)->id, heads[ROSTER_PARENTS_MAX], id;
        mesh_wall now = node_wall(w, n);
        size_t n_heads = roster_parents(r, NULL, &must, 1, heads, NULL);
        REQUIRE(household_add(&n->house, &n->cfg, text, now, &add));
        REQUIRE(op_countersign(&op, buf_span(&add), roster_mesh(r), &inviter->device, now, heads, n_heads) == 0);
        REQUIRE(roster_add(r, buf_span(&op), true, &id) == 0);
        struct mesh_row row = {.kind = MESH_ROW_OP, .op = {.id = id, .bytes = buf_span(&op)}};
        disk_put(&w->ready, &row);
        n->standing = NODE_IN;
}

static void populate(struct world *w) {
        struct roster *r = NULL;
        struct hash id;
        REQUIRE(roster_new(&r, (const uint64_t[4]){1, 2, 3, 4}) == 0);
        REQUIRE(roster_add(r, w->ready.rows[0].row.op.bytes, true, &id) == 0);
        for (uint32_t i = 1; i < w->n; i += FANOUT) {
                const struct node *inviter = &w->nodes[i / FANOUT];
                _clean_(buf_fini) struct buf text = BUF_NULL;
                ticket(w, r, inviter, &text);
                for (uint32_t k = i; k < MIN(i + FANOUT, w->n); k++)
                        admit(w, r, &w->nodes[k], inviter, (const char *)text.p);
        }
        roster_free(r);
}

/* Nobody knows an address yet, so nobody dials. */
static void publish_contacts(struct world *w) {
        for (uint32_t i = 0; i < w->n; i++) {
                home_on(w, &w->nodes[i]);
                world_run_until(w, w->now + 1);
        }
        world_run_until(w, w->now + SETTLED);
        for (uint32_t i = 0; i < w->n; i++) {
                struct node *n = &w->nodes[i];
                for (size_t k = 0; k < n->disk.n; k++)
                        if (n->disk.rows[k].row.kind == MESH_ROW_CONTACT)
                                disk_put(&w->ready, &n->disk.rows[k].row);
                home_off(w, n, true);
        }
        REQUIRE(w->stopped || w->ready.n == 2 * (size_t)w->n);
}

void ready_street(struct world *w) {
        found(w);
        populate(w);
        publish_contacts(w);
        for (uint32_t i = 0; i < w->n; i++)
                home_on(w, &w->nodes[i]);
}
